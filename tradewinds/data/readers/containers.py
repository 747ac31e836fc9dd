"""What files of rows are packed in: nothing, gzip, bzip2, xz, a zip of one or many, a folder of many."""

import bz2
import hashlib
import io
import lzma
import re
import zipfile
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tradewinds.core.errors import RequestError
from tradewinds.core.laws import nearest
from tradewinds.data.readers.limits import gunzipped, refuse_large, streamed
from tradewinds.data.readers.text import listed, shown

SUFFIXES = (
    ".csv",
    ".txt",
    ".tsv",
    ".tab",
    ".dat",
    ".asc",
    ".prn",
    ".xlsx",
    ".xlsm",
    ".parquet",
    ".pq",
    ".feather",
    ".arrow",
)
PACKED = (".gz", ".bz2", ".xz", ".zip")
PROSE = (".txt", ".dat", ".asc", ".prn")  # endings that files which are no tables have too
SAID = re.compile(r"(?i)(.*[ _.-])?(read.?me|notes?|licen[cs]e|copying|change.?log|about|terms|liesmich)([ _.-].*)?")
ZIP, GZIP, BZIP2, XZ = b"PK\x03\x04", b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00"


@dataclass(frozen=True, eq=False)
class Contents:
    """The bytes of one file of rows.

    Attributes:
        name: for messages: its path, and its place in a zip.
        file: the name that goes into a manifest.
        sha256: of the bytes as they lie on the disk; of a member of a zip, of its own bytes.
        content: unpacked.
        packed: `gzip`, `bzip2`, `xz`, `zip`, or empty.
        aside: names of files beside it, in a folder or a zip, that are not read.
    """

    name: str
    file: str
    sha256: str
    content: bytes
    packed: str = ""
    aside: tuple[str, ...] = ()


def contents_of(path: Path) -> list[Contents]:
    """Return the files of rows that a path holds, those of a folder or a zip by their names.

    Raises:
        RequestError: it is not there, cannot be read, is not whole, or holds no such file.
    """
    if not _is_folder(path):
        return _unpacked(path)
    try:
        beside = sorted(entry for entry in path.iterdir() if not entry.name.startswith(".") and entry.is_file())
    except OSError as error:
        raise RequestError(f"cannot read {shown(str(path))}: {error.strerror}") from None
    rows = _of_rows(str(path), [entry.name for entry in beside if _holds_rows(entry.name)])
    names = [entry for entry in beside if entry.name in rows]
    if not names:
        raise RequestError(
            f"{path} is a folder without a file of rows; one is called {', '.join(SUFFIXES[:3])} or the like"
        )
    refuse_large(str(path), sum(name.stat().st_size for name in names))
    first, *rest = [contents for name in names for contents in _unpacked(name)]
    return [replace(first, aside=tuple(entry.name for entry in beside if entry not in names)), *rest]


def _of_rows(where: str, names: Sequence[str]) -> set[str]:
    """Return those of the names in a folder or a zip that are of its commonest kind, by their ending.

    Raises:
        RequestError: two kinds are as common.
    """
    likely = [name for name in names if not (_ending(name) in PROSE and SAID.fullmatch(_bare(name)))] or names
    kinds = Counter(map(_ending, likely))
    most = [kind for kind, number in kinds.items() if number == max(kinds.values())]
    most = [kind for kind in most if kind not in PROSE] or most
    if len(most) > 1:
        raise RequestError(
            f"{where} holds as many files {' as '.join(sorted(most))}, {listed(sorted(likely), 4)}; leave those of one "
            "kind in it, or give the path of one of them"
        )
    return {name for name in likely if _ending(name) in most}


def _bare(name: str) -> str:
    return name.rsplit("/", 1)[-1].rsplit(".", 1)[0]


def _ending(name: str) -> str:
    """Return what a name ends with, less what the file is packed in: `.csv` of `a.csv.gz`."""
    for suffix in PACKED[:-1]:
        name = name.lower().removesuffix(suffix)
    return Path(name).suffix


def bytes_of(path: Path) -> bytes:
    """Return what a file holds.

    Raises:
        RequestError: there is none, it cannot be read, or is too large for the memory that is free.
    """
    try:
        if path.is_dir():
            raise RequestError(f"{path} is a folder; name a file in it")
        if not path.is_file():
            beside = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
            raise RequestError(f"there is no file {path}{nearest(path.name, beside)}")
        refuse_large(str(path), path.stat().st_size)
        return path.read_bytes()
    except OSError as error:
        raise RequestError(f"cannot read {shown(str(path))}: {error.strerror}") from None


def unzipped(path: Path | str, content: bytes) -> bytes:
    """Return what a file holds, or what was packed into it by gzip, bzip2 or xz.

    Raises:
        RequestError: it is a broken file of that kind, or too large for the memory that is free.
    """
    kind = _packed_by(content)
    try:
        if kind == "gzip":
            return gunzipped(str(path), content)
        if kind:
            opened = bz2.BZ2File(io.BytesIO(content)) if kind == "bzip2" else lzma.LZMAFile(io.BytesIO(content))
            return streamed(str(path), opened)
        return content
    except RequestError:
        raise
    except (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError):
        raise RequestError(f"{path} is a damaged or truncated {kind} file; copy it again") from None


def _packed_by(content: bytes) -> str:
    if content[:3] == BZIP2 and content[4:10] in (b"1AY&SY", b"\x17rE8P\x90"):
        return "bzip2"
    return "gzip" if content[:2] == GZIP else "xz" if content[:6] == XZ else ""


def stem(path: Path) -> str:
    """Return a file's name without the endings that say what it is."""
    name = path.name
    for suffix in (*PACKED, *SUFFIXES):
        name = name.removesuffix(suffix)
    return name or path.name


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError as error:
        raise RequestError(f"cannot read {shown(str(path))}: {error.strerror}") from None


def _holds_rows(name: str) -> bool:
    return _ending(name) in (*SUFFIXES, ".zip")


def _unpacked(path: Path) -> list[Contents]:
    content = bytes_of(path)
    digest = hashlib.sha256(content).hexdigest()
    if content[:4] == ZIP or path.suffix.lower() == ".zip":
        return _members(path, content, digest)
    plain = unzipped(path, content)
    return [Contents(str(path), path.name, digest, plain, _packed_by(content))]


def _members(path: Path, content: bytes, digest: str) -> list[Contents]:
    damaged = f"{path} is a damaged or truncated zip file; copy it again"
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = archive.namelist()
            refuse_large(str(path), sum(entry.file_size for entry in archive.infolist()))
            if "[Content_Types].xml" in names:  # a workbook is a zip too
                return [Contents(str(path), path.name, digest, content)]
            rows = _of_rows(str(path), [name for name in names if _is_member(name)])
            members = sorted(rows)
            unpacked = [(name, archive.read(name)) for name in members]
    except RequestError:
        raise
    except RuntimeError:
        raise RequestError(f"{path} is a zip with a password; unpack it first") from None
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile, NotImplementedError, ValueError, KeyError):
        raise RequestError(damaged) from None
    if not members:
        raise RequestError(f"{path} is a zip without a file of rows, such as {', '.join(SUFFIXES[:3])}")
    aside = tuple(name for name in names if name not in rows and not name.endswith("/") and not _is_hidden(name))
    contents = [
        Contents(
            f"{path}/{name}",
            f"{path.name}/{name}",
            digest if len(members) == 1 else hashlib.sha256(bytes_).hexdigest(),
            unzipped(f"{path}/{name}", bytes_),
            "zip",
        )
        for name, bytes_ in unpacked
    ]
    return [replace(contents[0], aside=aside), *contents[1:]]


def _is_hidden(name: str) -> bool:
    return any(part.startswith((".", "__MACOSX")) for part in name.split("/"))


def _is_member(name: str) -> bool:
    return not _is_hidden(name) and _holds_rows(name) and not name.lower().endswith(".zip")

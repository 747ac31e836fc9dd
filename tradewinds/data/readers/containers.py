"""What files of rows are packed in: nothing, gzip, a zip of one or many, a folder of many. Bytes in, bytes out."""

import hashlib
import io
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

from tradewinds.core.errors import RequestError
from tradewinds.core.laws import nearest
from tradewinds.data.readers.limits import gunzipped, refuse_large
from tradewinds.data.readers.text import shown

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
PACKED = (".gz", ".zip")
ZIP = b"PK\x03\x04"


@dataclass(frozen=True, eq=False)
class Contents:
    """The bytes of one file of rows.

    Attributes:
        name: for messages: its path, and its place in a zip.
        file: the name that goes into a manifest.
        sha256: of the bytes as they lie on the disk; of a member of a zip, of its own bytes.
        content: unpacked.
        packed: `gzip`, `zip`, or empty.
    """

    name: str
    file: str
    sha256: str
    content: bytes
    packed: str = ""


def contents_of(path: Path) -> list[Contents]:
    """Return the files of rows that a path holds, those of a folder or a zip by their names.

    Raises:
        RequestError: it is not there, cannot be read, is not whole, or holds no such file.
    """
    if not _is_folder(path):
        return _unpacked(path)
    try:
        names = sorted(
            entry
            for entry in path.iterdir()
            if not entry.name.startswith(".") and _holds_rows(entry.name) and entry.is_file()
        )
    except OSError as error:
        raise RequestError(f"cannot read {shown(str(path))}: {error.strerror}") from None
    if not names:
        raise RequestError(
            f"{path} is a folder without a file of rows; one is called {', '.join(SUFFIXES[:3])} or the like"
        )
    refuse_large(str(path), sum(name.stat().st_size for name in names))
    return [contents for name in names for contents in _unpacked(name)]


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
    """Return what a file holds, or what was gzipped into it.

    Raises:
        RequestError: it is a broken gzip file, or too large for the memory that is free.
    """
    try:
        return gunzipped(str(path), content) if content[:2] == b"\x1f\x8b" else content
    except (OSError, EOFError, zlib.error):
        raise RequestError(f"{path} is a damaged or truncated gzip file; copy it again") from None


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
    return name.lower().removesuffix(".gz").endswith((*SUFFIXES, ".zip"))


def _unpacked(path: Path) -> list[Contents]:
    content = bytes_of(path)
    digest = hashlib.sha256(content).hexdigest()
    if content[:4] == ZIP or path.suffix.lower() == ".zip":
        return _members(path, content, digest)
    plain = unzipped(path, content)
    return [Contents(str(path), path.name, digest, plain, "gzip" if plain is not content else "")]


def _members(path: Path, content: bytes, digest: str) -> list[Contents]:
    damaged = f"{path} is a damaged or truncated zip file; copy it again"
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = archive.namelist()
            refuse_large(str(path), sum(entry.file_size for entry in archive.infolist()))
            if "[Content_Types].xml" in names:  # a workbook is a zip too
                return [Contents(str(path), path.name, digest, content)]
            members = sorted(name for name in names if _is_member(name))
            unpacked = [(name, archive.read(name)) for name in members]
    except RequestError:
        raise
    except RuntimeError:
        raise RequestError(f"{path} is a zip with a password; unpack it first") from None
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile, NotImplementedError, ValueError, KeyError):
        raise RequestError(damaged) from None
    if not members:
        raise RequestError(f"{path} is a zip without a file of rows, such as {', '.join(SUFFIXES[:3])}")
    return [
        Contents(
            f"{path}/{name}",
            f"{path.name}/{name}",
            digest if len(members) == 1 else hashlib.sha256(bytes_).hexdigest(),
            unzipped(f"{path}/{name}", bytes_),
            "zip",
        )
        for name, bytes_ in unpacked
    ]


def _is_member(name: str) -> bool:
    parts = name.split("/")
    hidden = any(part.startswith((".", "__MACOSX")) for part in parts)
    return not hidden and _holds_rows(name) and not name.lower().endswith(".zip")

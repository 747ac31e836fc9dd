"""The store: what was fetched, one Parquet file an instrument and source, each proven by a sidecar.

A table is written under its own sha256, flushed, and only then named by its sidecar, which is replaced in one step: a
process killed at any moment leaves the old table or the new one, never a half. Must not know what is in the tables.
"""

import hashlib
import io
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import platformdirs
import pyarrow as pa
import pyarrow.parquet as pq
from filelock import FileLock, Timeout

from tradewinds import __version__
from tradewinds.core.errors import BusyError, GateError, RequestError
from tradewinds.core.files import PARTIAL, flush, write_bytes, write_json
from tradewinds.data.rules import DataConfig

TIME = "time"
KEYS = {"instrument", "source", "parameters", "fetched_at", "rows", "first", "last", "file", "sha256", "facts"}


@dataclass(frozen=True, eq=False)
class Stored:
    """A proven table of the store.

    Attributes:
        table: its columns; `time` is the start of each row, UTC.
        sidecar: source, instrument, parameters, fetched_at, rows, first, last, sha256, and facts of the source.
    """

    table: pa.Table
    sidecar: Mapping[str, Any]

    @property
    def frame(self) -> pd.DataFrame:
        """The table by time."""
        frame: pd.DataFrame = self.table.to_pandas().set_index(TIME)
        return frame

    @property
    def source(self) -> dict[str, Any]:
        """What a manifest says of it."""
        names = ("sha256", "rows", "fetched_at")
        return {"file": f"{self.sidecar['source']}/{self.sidecar['instrument']}"} | {
            name: self.sidecar[name] for name in names
        }


class Store:
    """The tables of one source.

    Args:
        rules: `data.store` is the folder of all sources; null is the user's data folder.
        source: such as yahoo/1d.
    """

    def __init__(self, rules: DataConfig, source: str) -> None:
        self.source = source
        self.root = Path(rules.store or platformdirs.user_data_dir("tradewinds")).expanduser()
        self.folder = self.root / source

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Keep other writers out, and remove what killed ones left.

        Raises:
            BusyError: another process writes here.
            RequestError: the folder cannot be written.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.folder / ".lock", timeout=0)
            lock.acquire()
        except Timeout:
            raise BusyError(
                f"another process is fetching into {self.folder}; wait for it, this one did nothing"
            ) from None
        except OSError as error:
            raise RequestError(
                f"data.store must be a folder that can be written: {self.folder}: {error.strerror}"
            ) from None
        try:
            self._sweep()
            yield
        finally:
            lock.release()

    def read(self, key: str) -> Stored | None:
        """Read and prove a table; None if it was never fetched.

        Raises:
            GateError: the table or its sidecar is damaged.
        """
        for _ in range(3):  # a writer may replace the table between our two reads
            sidecar = self._sidecar(key)
            if sidecar is None:
                return None
            try:
                content = (self.folder / sidecar["file"]).read_bytes()
            except FileNotFoundError:
                continue
            except OSError:
                break
            if hashlib.sha256(content).hexdigest() != sidecar["sha256"]:
                break
            try:
                return Stored(pq.read_table(pa.BufferReader(content), use_threads=False), sidecar)
            except (pa.ArrowException, OSError):
                break
        raise GateError(
            f"{self._path(key)} does not prove its table: the file is gone or its sha256 differs; fetch it again with "
            "data.refetch=true"
        )

    def write(
        self, key: str, frame: pd.DataFrame, *, parameters: Mapping[str, Any], facts: Mapping[str, Any]
    ) -> Stored:
        """Write a table, whole or not at all, in the place of the one before.

        Args:
            key: the instrument; a file name without its ending.
            frame: by time, UTC.
            parameters: what was asked of the source.
            facts: what the source said of the instrument, and the versions of the libraries that asked.
        """
        table = pa.Table.from_pandas(frame.rename_axis(TIME).reset_index(), preserve_index=False)
        buffer = io.BytesIO()
        pq.write_table(table, buffer, compression="zstd")
        digest = hashlib.sha256(buffer.getvalue()).hexdigest()
        sidecar = {
            "schema": 1,
            "source": self.source,
            "instrument": key,
            "parameters": dict(parameters),
            "fetched_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "tradewinds": __version__,
            "rows": len(frame),
            "first": frame.index[0].isoformat(),
            "last": frame.index[-1].isoformat(),
            "file": f"{key}.{digest[:16]}.parquet",
            "sha256": digest,
            "facts": dict(facts),
        }
        before: dict[str, Any] | None = None
        with suppress(GateError):
            before = self._sidecar(key)
        write_bytes(self.folder / str(sidecar["file"]), buffer.getvalue())
        flush(self.folder)
        write_json(self._path(key), sidecar)
        if before is not None and before["file"] != sidecar["file"]:
            (self.folder / str(before["file"])).unlink(missing_ok=True)
        return Stored(table, sidecar)

    def keys(self) -> list[str]:
        """Return the instruments that are there."""
        return sorted(path.name.removesuffix(".json") for path in self.folder.glob("*.json"))

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}.json"

    def _sidecar(self, key: str) -> dict[str, Any] | None:
        path = self._path(key)
        try:
            sidecar: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            named = sidecar["file"].startswith(f"{key}.") and sidecar["file"].endswith(".parquet")
            named = named and Path(sidecar["file"]).name == sidecar["file"] and not KEYS - sidecar.keys()
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            named = False
        if not named:
            raise GateError(f"{path} is not the sidecar of a table; fetch it again with data.refetch=true")
        return sidecar

    def _sweep(self) -> None:
        """Remove pieces and tables that no sidecar names; the lock is held, so nobody is writing them."""
        for partial in self.folder.glob(f"{PARTIAL}*"):
            partial.unlink(missing_ok=True)
        for path in self.folder.glob("*.parquet"):
            try:
                sidecar = self._sidecar(path.name.rsplit(".", 2)[0])
            except GateError:
                continue  # whose table it is cannot be told
            if sidecar is None or sidecar["file"] != path.name:
                path.unlink(missing_ok=True)

"""Where the registry and the jobs of a scheduler are kept: a file beside the runs, or a PostgreSQL server.

Both keep one law: whoever changes the registry does so alone, from before it reads until it is written. Must not know
what is kept.
"""

import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import Timeout
from sqlalchemy import create_engine, event
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import ConnectionPoolEntry

from tradewinds.core.errors import RequestError
from tradewinds.request.schema import RunConfig

FILE = "registry.db"
SERVER = "postgresql"
ALONE = 7_237_611  # advisory lock of whoever changes the registry; a number of ours
SINGLE = 7_237_612  # first half of the locks of what is done by one alone
WAIT = 10  # seconds for a server to answer


class Database:
    """The place of a registry.

    Args:
        runs: the folder of all runs.
        url: of a server; None for a file in that folder.
    """

    def __init__(self, runs: Path, url: URL | None = None) -> None:
        self.runs = runs
        self.path = runs / FILE
        self.is_file = url is None
        self.url = URL.create("sqlite", database=str(self.path.absolute())) if url is None else url

    @classmethod
    def of(cls, config: RunConfig) -> "Database":
        """Return the one that a request names.

        Raises:
            RequestError: the environment holds no such variable, or no address of a server in it.
        """
        if config.database is None:
            return cls(Path(config.dir))
        wanted = f"run.database={config.database} must name an environment variable that holds an address such as "
        wanted += "postgresql+psycopg://user@host/name"
        address = os.environ.get(config.database)
        if not address:
            raise RequestError(f"{wanted}, and there is no such variable")
        try:
            url = make_url(address)
        except ArgumentError:
            raise RequestError(f"{wanted}, and its value is none") from None
        if url.drivername not in (SERVER, f"{SERVER}+psycopg"):
            raise RequestError(f"{wanted}, and its value begins with {url.drivername}")
        return cls(Path(config.dir), url.set(drivername=f"{SERVER}+psycopg"))

    @property
    def is_there(self) -> bool:
        """Whether anything may have been kept: a file appears with its first line."""
        return not self.is_file or self.path.exists()

    @property
    def file(self) -> tuple[int, int] | None:
        """Which file it is, by device and number: another one may take its place. None of a server, or of no file."""
        if not self.is_there or not self.is_file:
            return None
        status = self.path.stat()
        return status.st_dev, status.st_ino

    @property
    def address(self) -> str:
        """What connects to it, password included: not to be told."""
        return self.url.render_as_string(hide_password=False)

    def __str__(self) -> str:
        """Return what a person may be told: no password."""
        return str(self.path) if self.is_file else self.url.render_as_string(hide_password=True)

    @contextmanager
    def alone(self, what: str) -> Iterator[None]:
        """Be the only one on this server that does something, for as long as the connection lasts.

        Of a file there is one folder, and a lock in it that whoever asks holds already.

        Raises:
            Timeout: somebody does it.
            DatabaseError: the server does not answer.
        """
        if self.is_file:
            yield
            return
        engine = self.engine()
        try:
            with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                number = zlib.crc32(what.encode()) - 2**31  # 32 bits with a sign
                if not connection.exec_driver_sql(f"SELECT pg_try_advisory_lock({SINGLE}, {number})").scalar():
                    raise Timeout(what)
                yield
        finally:
            engine.dispose()

    def engine(self) -> Engine:
        """Return what connects to it."""
        if self.is_file:
            engine = create_engine(self.url, connect_args={"timeout": 30, "isolation_level": None})
            event.listen(engine, "connect", _durable)
            event.listen(engine, "begin", _begin)
        else:
            engine = create_engine(self.url, pool_pre_ping=True, connect_args={"connect_timeout": WAIT})
            event.listen(engine, "begin", _alone)
        return engine


def _durable(connection: DBAPIConnection, record: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _begin(connection: Connection) -> None:
    """Take the write lock before anything is read: what a promotion was judged against cannot change under it."""
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _alone(connection: Connection) -> None:
    """Wait for whoever changes the registry, as SQLite does; the lock goes with the transaction."""
    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({ALONE})")

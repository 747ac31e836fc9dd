"""The registry: which version of a model is the champion, and why. In a file, or on a PostgreSQL server.

A promotion is one transaction that moves the alias and writes the log line; before it, the version's artifacts lie
whole on the disk. So whoever reads the champion always finds a working model, whatever is killed when.
Must not know how models are trained or judged.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import ForeignKey, select
from sqlalchemy.engine import Engine
from sqlalchemy.exc import DatabaseError, NoResultFound
from sqlalchemy.orm import DeclarativeBase, Mapped, MappedAsDataclass, Session, mapped_column

from tradewinds.core.errors import GateError, RequestError
from tradewinds.operate.damage import DamagedRegistryError, refusal_of
from tradewinds.operate.database import Database

CHAMPION = "champion"
SIDE_FILES = ("", "-journal", "-wal", "-shm")  # of an SQLite database


class _Base(MappedAsDataclass, DeclarativeBase):
    pass


class Version(_Base):
    """A registered model.

    Attributes:
        name: of the model, which is the run name.
        run: folder of the run that made it, relative to the folder of all runs.
        agent_sha256: identity of its agent artifact, and through it of its forecaster; or of its classifier.
        config_hash: of the request that made it, the rules of the duel included.
        data_sha256: of the series, or the cases, it was trained and judged on.
        data_last: the last bar of that series, ISO 8601; without one, when it was made.
        created_at: ISO 8601, UTC.
        verdict: why it was or was not promoted when it was made; the registry's to say.
        number: its number, unique in the registry; the registry's to give.
    """

    __tablename__ = "version"

    number: Mapped[int] = mapped_column("id", primary_key=True, init=False)
    name: Mapped[str]
    run: Mapped[str]
    agent_sha256: Mapped[str]
    config_hash: Mapped[str]
    data_sha256: Mapped[str]
    data_last: Mapped[str]
    created_at: Mapped[str]
    verdict: Mapped[str] = mapped_column(init=False)


class _Alias(_Base):
    __tablename__ = "alias"

    name: Mapped[str] = mapped_column(primary_key=True)
    alias: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(ForeignKey("version.id"))


class _AliasLog(_Base):
    __tablename__ = "alias_log"

    id: Mapped[int] = mapped_column(primary_key=True, init=False)
    name: Mapped[str]
    alias: Mapped[str]
    before: Mapped[int | None]
    after: Mapped[int]
    is_rollback: Mapped[bool]
    reason: Mapped[str]
    at: Mapped[str]


Check = Callable[[Version], object]


def _accept(version: Version) -> None:
    """Ask nothing of a version."""


class Registry:
    """The versions and aliases of all models under one folder of runs.

    Args:
        database: where it is kept; a folder of runs stands for the file in it.
    """

    def __init__(self, database: Database | Path) -> None:
        self.database = Database(database) if isinstance(database, Path) else database
        self._engine: Engine | None = None

    def champion(self, name: str) -> Version | None:
        """Return the version in use, or None where nothing was promoted yet."""
        if not self.database.is_there:
            return None
        with self._session() as session:
            alias = session.get(_Alias, (name, CHAMPION))
            return None if alias is None else session.get_one(Version, alias.version)

    def reigning(self, name: str) -> tuple[Version | None, Version | None]:
        """Return the version in use, and the one that a rollback goes back to; None where there is none."""
        if not self.database.is_there:
            return None, None
        with self._session() as session:
            query = select(_AliasLog).where(_AliasLog.name == name).order_by(_AliasLog.id)
            numbers = _reign(list(session.scalars(query)))[-2:][::-1]
            found = [session.get(Version, number) for number in numbers]
        return (*found, None, None)[0], (*found, None, None)[1]

    def moves(self, name: str) -> list[tuple[datetime, int]]:
        """Return when each version became the champion, by promotions and rollbacks, oldest first."""
        if not self.database.is_there:
            return []
        with self._session() as session:
            query = select(_AliasLog).where(_AliasLog.name == name).order_by(_AliasLog.id)
            return [(datetime.fromisoformat(move.at), move.after) for move in session.scalars(query)]

    def versions(self, name: str | None = None) -> list[Version]:
        """Return all versions, oldest first; of one model, if `name` is given."""
        if not self.database.is_there:
            return []
        with self._session() as session:
            query = select(Version).order_by(Version.number)
            return list(session.scalars(query if name is None else query.where(Version.name == name)))

    def judged(self, name: str, *, config_hash: str, data_sha256: str) -> Version | None:
        """Return the newest version made from this very request and data, if there is one."""
        same = [v for v in self.versions(name) if (v.config_hash, v.data_sha256) == (config_hash, data_sha256)]
        return same[-1] if same else None

    def register(self, version: Version, *, promote: bool, expected: int | None, reason: str) -> Version:
        """Add a version and, if it won, make it the champion: both or neither.

        Args:
            version: the new version, which has no number and no verdict yet.
            promote: whether it takes the champion's place.
            expected: number of the champion it was judged against.
            reason: kept in the log and as the version's verdict.

        Returns:
            The same version, with both.

        Raises:
            GateError: the champion changed while the challenger was judged.
        """
        self.database.runs.mkdir(parents=True, exist_ok=True)
        with self._session() as session, session.begin():
            version.verdict = reason
            session.add(version)
            session.flush()
            if promote:
                _move(session, version.name, version.number, expected=expected, reason=reason)
        return version

    def restore(self, versions: Sequence[Version], promoted: Sequence[bool], *, reason: str) -> None:
        """Add versions as they once were, with their numbers and verdicts, all or none; the last promoted is champion.

        Args:
            versions: of any models, in the order in which they were made.
            promoted: whether each became the champion then.
            reason: kept in the log.
        """
        self.database.runs.mkdir(parents=True, exist_ok=True)
        with self._session() as session, session.begin():
            champions: dict[str, int] = {}
            for version, won in zip(versions, promoted, strict=True):
                session.add(version)
                session.flush()
                if won:
                    before = champions.get(version.name)
                    _move(session, version.name, version.number, expected=before, reason=reason)
                    champions[version.name] = version.number
            if not self.database.is_file:  # numbers that were given leave a server's counter behind
                counter = "pg_get_serial_sequence('version', 'id')"
                session.connection().exec_driver_sql(f"SELECT setval({counter}, (SELECT max(id) FROM version))")

    def require_sound(self) -> None:
        """Read the whole database.

        Raises:
            DamagedRegistryError: some of it cannot be read.
            GateError: its server does not answer.
        """
        if not self.database.is_file:
            self.versions()
        elif self.database.is_there:
            with self._session() as session:
                (verdict,) = session.connection().exec_driver_sql("PRAGMA quick_check(1)").fetchone() or ("no answer",)
                if verdict != "ok":
                    raise DamagedRegistryError(self.database.path, " ".join(str(verdict).split()))

    def move_aside(self) -> Path:
        """Give the file another name, so that a new one can take its place; return that name."""
        path = self.database.path
        if self._engine is not None:
            self._engine.dispose()
            self._engine = None
        stamp = f"{datetime.now(UTC):%Y%m%dT%H%M%S}"
        for suffix in SIDE_FILES:
            file = path.with_name(path.name + suffix)
            if file.exists():
                file.rename(file.with_name(f"{path.name}.damaged-{stamp}{suffix}"))
        return path.with_name(f"{path.name}.damaged-{stamp}")

    def promote(self, name: str, number: int, *, reason: str, check: Check = _accept) -> Version:
        """Make a registered version the champion, if `check` does not raise on it.

        Raises:
            RequestError: there is no such version of this model.
        """
        known = {version.number: version for version in self.versions(name)}
        if number not in known:
            listed = ", ".join(map(str, known)) or "none yet"
            raise RequestError(f"models.version must be a version of '{name}' ({listed}), was {number}")
        check(known[number])
        champion = self.champion(name)
        before = None if champion is None else champion.number
        if before != number:
            with self._session() as session, session.begin():
                _move(session, name, number, expected=before, reason=reason)
        return known[number]

    def rollback(self, name: str, *, reason: str, check: Check = _accept) -> Version:
        """Take the last promotion back: its predecessor is the champion again, if `check` does not raise on it.

        Raises:
            RequestError: there is no predecessor.
        """
        champion = self.champion(name)
        if champion is not None:
            with self._session() as session:
                query = select(_AliasLog).where(_AliasLog.name == name).order_by(_AliasLog.id)
                stack = _reign(list(session.scalars(query)))
            if len(stack) > 1:
                before = next(version for version in self.versions(name) if version.number == stack[-2])
                check(before)
                with self._session() as session, session.begin():
                    _move(session, name, stack[-2], expected=champion.number, reason=reason, is_rollback=True)
                return before
        raise RequestError(f"'{name}' has no earlier champion to go back to")

    @contextmanager
    def _session(self) -> Iterator[Session]:
        if self._engine is None:
            self._engine = self.database.engine()
        try:
            _Base.metadata.create_all(self._engine)
            with Session(self._engine, expire_on_commit=False) as session:
                yield session
        except DatabaseError as error:
            raise refusal_of(self.database, error) from None
        except NoResultFound as error:
            raise DamagedRegistryError(self.database.path, error) from None


def listed(registry: Registry, versions: Sequence[Version]) -> list[dict[str, Any]]:
    """Return versions as plain data, each with whether it is the champion."""
    champions = {name: registry.champion(name) for name in {version.name for version in versions}}
    numbers = {champion.number for champion in champions.values() if champion is not None}
    return [
        {"version": one.number, "model": one.name, "champion": one.number in numbers, "run": one.run}
        for one in versions
    ]


def _reign(moves: list[_AliasLog]) -> list[int]:
    """Replay the log into the stack of champions: a promotion puts one on top, a rollback takes one off."""
    stack: list[int] = []
    for move in moves:
        if move.is_rollback:
            stack.pop()
        else:
            stack.append(move.after)
    return stack


def _move(
    session: Session, name: str, number: int, *, expected: int | None, reason: str, is_rollback: bool = False
) -> None:
    alias = session.get(_Alias, (name, CHAMPION), with_for_update=True)
    before = None if alias is None else alias.version
    if before != expected:
        raise GateError(
            f"the champion of '{name}' changed from version {expected} to {before} meanwhile; retrain again"
        )
    if alias is None:
        session.add(_Alias(name=name, alias=CHAMPION, version=number))
    else:
        alias.version = number
    session.add(
        _AliasLog(
            name=name, alias=CHAMPION, before=before, after=number, is_rollback=is_rollback, reason=reason, at=now()
        )
    )


def now() -> str:
    """Return the present time, ISO 8601 in UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")

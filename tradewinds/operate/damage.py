"""What is said of a database that cannot be used: a damaged one says what to type, another why it has to wait."""

import re
from pathlib import Path

from sqlalchemy.exc import DatabaseError

from tradewinds.core.errors import GateError
from tradewinds.operate.database import Database

DAMAGE = ("SQLITE_NOTADB", "SQLITE_CORRUPT", "SQLITE_ERROR", "SQLITE_FORMAT")


class DamagedRegistryError(GateError):
    """The database is there and cannot be read as what it should be."""

    def __init__(self, path: Path, reason: object) -> None:
        super().__init__(
            f"{path} is damaged ({reason}): type `{rebuild_words(path.parent)}`, which moves it aside and registers "
            "the models anew from the folders of their runs, or put a copy of it in its place"
        )


def rebuild_words(runs: Path) -> str:
    """Return what to type to have the registry of a folder of runs made anew."""
    if str(runs) == "runs":
        return "tradewinds models rebuild"
    word = f"run.dir={runs}" if re.fullmatch(r"[\w./-]+", str(runs)) else f"\"run.dir='{runs}'\""
    return f"tradewinds models rebuild {word}"


def refusal_of(database: Database, error: DatabaseError) -> GateError:
    """Return what to raise in the place of an error of a database."""
    if not database.is_file:
        reason = " ".join(str(error.orig).split())
        return GateError(f"{database} cannot be used at present: {reason}; nothing was changed in it")
    path = database.path
    if getattr(error.orig, "sqlite_errorname", "SQLITE_NOTADB").startswith(DAMAGE):
        return DamagedRegistryError(path, error.orig)
    return GateError(f"{path} cannot be used at present: {error.orig}; nothing was changed in it")

"""A PostgreSQL server of a test's own: on a socket in its folder, by the user that Debian's package makes."""

import os
import subprocess
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

BINARIES = max(Path("/usr/lib/postgresql").glob("*/bin"), default=None)
REASON = "needs Debian's postgresql, and root to start it"
IS_THERE = BINARIES is not None and hasattr(os, "geteuid") and os.geteuid() == 0
AS_POSTGRES = ("setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups")


class Server:
    """A server that can be stopped and started, and gives out empty databases."""

    def __init__(self, folder):
        self.folder, self.count = folder, 0
        folder.chmod(0o777)
        self._run("initdb", "-D", str(folder / "db"), "-A", "trust", "--no-sync", "-E", "UTF8")
        self.start()

    def start(self):
        """Start it, and wait until it answers."""
        options = f'-k {self.folder} -h "" -c fsync=off'
        self._run("pg_ctl", "-D", str(self.folder / "db"), "-w", "-o", options, "-l", str(self.folder / "log"), "start")

    def stop(self):
        """Stop it at once, as a machine that is switched off."""
        self._run("pg_ctl", "-D", str(self.folder / "db"), "-w", "-m", "immediate", "stop")

    def address(self):
        """Return the address of a new database."""
        self.count += 1
        self._run("createdb", "-h", str(self.folder), f"test{self.count}")
        return f"postgresql+psycopg://postgres@/test{self.count}?host={self.folder}"

    def _run(self, program, *words):
        command = [*AS_POSTGRES, str(BINARIES / program), *words]
        subprocess.run(command, check=True, cwd="/", stdout=subprocess.DEVNULL)


@contextmanager
def serving():
    """Yield a server, and stop it in the end."""
    with TemporaryDirectory(prefix="postgres-") as folder:  # its socket's path has room for a hundred characters
        server = Server(Path(folder))
        try:
            yield server
        finally:
            subprocess.run(
                [*AS_POSTGRES, str(BINARIES / "pg_ctl"), "-D", f"{folder}/db", "-m", "immediate", "stop"],
                cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip

"""What a person sees while a stage works: bars on a terminal, plain lines elsewhere, results at the end.

Progress and remarks go to standard error, results to standard output, so that `--json | jq` reads only results.
"""

import json
import shlex
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console as RichConsole
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

Report = Callable[[int, int, Mapping[str, float]], None]


class Console:
    """Speaks to the person at the keyboard.

    Args:
        as_json: print one JSON object as the last line of standard output, and no other result line.
        stamped: begin every line with the moment, UTC: for who serves for days.

    Attributes:
        typed: the options of the present run, as they would be typed; empty where nobody typed them.
    """

    def __init__(self, *, as_json: bool = False, stamped: bool = False) -> None:
        self.as_json, self.stamped, self.typed = as_json, stamped, ""
        self._notes: set[str] = set()
        self._rich = RichConsole(stderr=True, highlight=False, soft_wrap=True)

    def note(self, text: str) -> None:
        """Say something worth knowing while the work goes on."""
        self._notes.add(text)
        self._rich.print(self._stamp() + text, markup=False)

    def result(self, text: str) -> None:
        """Say what came out."""
        if not self.as_json:
            print(self._stamp() + text, flush=True)

    def warn(self, text: str, *, again: bool = False) -> None:
        """Say among the results what has to be known of them; what was noted before only if it is told `again`."""
        if again or f"note: {text}" not in self._notes:
            self.result(f"warning: {text}")

    def finish(self, outcome: Mapping[str, Any]) -> None:
        """Print the outcome as one JSON object, if asked for."""
        if self.as_json:
            print(json.dumps(outcome, allow_nan=False), flush=True)

    def wrote(self, path: Path) -> None:
        """Say where a result lies."""
        self.result(f"wrote {_short(path)}")

    @contextmanager
    def progress(self, title: str) -> Iterator[Report]:
        """Yield a function (done, total, metrics) that shows how far the work `title` has come."""
        if sys.stderr.isatty():
            with self._bar(title) as report:
                yield report
        else:
            started = time.perf_counter()
            yield self._lines(title)
            self.note(f"{title}: done in {time.perf_counter() - started:.1f} s")

    @contextmanager
    def _bar(self, title: str) -> Iterator[Report]:
        columns = (TextColumn("{task.description:<24}"), BarColumn(), TextColumn("{task.percentage:>3.0f}%"))
        with Progress(*columns, TimeElapsedColumn(), TextColumn("{task.fields[said]}"), console=self._rich) as bars:
            task = bars.add_task(title, total=None, said="")

            def report(done: int, total: int, metrics: Mapping[str, float]) -> None:
                bars.update(task, completed=done, total=total, said=_said(metrics))

            yield report
            total = bars.tasks[task].total or 1
            bars.update(task, completed=total, total=total)

    def _stamp(self) -> str:
        return f"{datetime.now(UTC):%Y-%m-%d %H:%M:%SZ}  " if self.stamped else ""

    def _lines(self, title: str) -> Report:
        state = {"tenth": -1}

        def report(done: int, total: int, metrics: Mapping[str, float]) -> None:
            tenth = 10 * done // max(total, 1)
            if tenth > state["tenth"]:
                state["tenth"] = tenth
                self.note(f"{title}: {100 * done // max(total, 1):3d}%  {_said(metrics)}".rstrip())

        return report


class Silent(Console):
    """Says nothing: for trainings that are nobody's news."""

    def note(self, text: str) -> None:
        """Say nothing."""

    def result(self, text: str) -> None:
        """Say nothing."""

    @contextmanager
    def progress(self, title: str) -> Iterator[Report]:
        """Show nothing."""
        yield lambda done, total, metrics: None


def _said(metrics: Mapping[str, float]) -> str:
    return "  ".join(f"{name} {value:.4g}" for name, value in metrics.items())


def _short(path: Path) -> str:
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def again(command: str, typed: str) -> str:
    """Return what to type to have the numbers again: without the places, which decide none."""
    words = [word for word in shlex.split(typed) if not word.startswith(("run.", "inputs.", "data.store="))]
    return shlex.join(["tradewinds", command, *words])

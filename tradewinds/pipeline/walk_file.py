"""A walk that is written down on its way, so that a command that was killed and is typed again goes on with it.

One file a walk, in `.walks` of the folder of all runs of a name, whole or not there: that up to the sealed rows is one,
that through them another, so that the first never holds what the second has seen. It is known again by what decides the
walk (the forecaster after its first fit, and how it is fitted anew), is believed where it passed through the very same
days, and is removed when the command that needed it has come to its end.
"""

import hashlib
import time
from pathlib import Path
from typing import Any

import pandas as pd

from forecaster.data.series import Series
from forecaster.day_ahead.fitted import DayForecaster
from forecaster.day_ahead.waypoint import read_waypoint, waypoint_bytes
from forecaster.hidden_states import HiddenStates
from tradewinds.core.console import Console
from tradewinds.core.files import write_bytes

FOLDER = ".walks"
FORGOTTEN = 7 * 24 * 3600.0  # seconds after which a walk that nobody took up is removed


def walk_on(
    fitted: DayForecaster, series: Series, earlier: HiddenStates | None, runs: Path | None, console: Console
) -> HiddenStates:
    """Walk through a series, from where states of its first bars end, or from where a walk was cut off later.

    Args:
        fitted: the forecaster.
        series: T bars.
        earlier: states of its first bars; None where there are none.
        runs: folder of all runs of a name; None writes nothing down.
        console: where the walk is shown.
    """
    known = 0 if earlier is None else len(earlier.index)
    file = None if runs is None else runs / FOLDER / f"{_key(fitted)}-{known}.safetensors"
    before = earlier if file is None else _taken_up(fitted, series, earlier, file, console)

    def whole(states: HiddenStates) -> HiddenStates:
        return states if before is None else states.preceded_by(before)

    def keep(states: HiddenStates) -> None:
        if file is not None and fitted.kept:
            write_bytes(file, waypoint_bytes(fitted.kept[0], whole(states)))

    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        _sweep(file.parent)
    rows = range(len(before.index) if before is not None else 0, len(series.index))
    with console.progress(f"walk {fitted.config.model.kind}") as shown:
        states = fitted.encode(series, rows, walked=lambda done, days: shown(done, days, {}), keep=keep)
    keep(states)
    return whole(states)


def forget_walk(fitted: Any, runs: Path) -> None:
    """Remove what was written down of a forecaster's walks, and the folder of such files if it is empty then."""
    folder = runs / FOLDER
    if isinstance(fitted, DayForecaster) and folder.is_dir():
        for file in folder.glob(f"{_key(fitted)}-*"):
            file.unlink(missing_ok=True)
        if not any(folder.iterdir()):
            folder.rmdir()


def _key(fitted: DayForecaster) -> str:
    """Return what a forecaster's walks are known again by: all that decides them but the days."""
    deciding = repr((fitted.config, fitted.seed)).encode() + b"".join(fitted.fingerprint().values())
    return hashlib.sha256(deciding).hexdigest()[:32]


def _taken_up(
    fitted: DayForecaster, series: Series, earlier: HiddenStates | None, file: Path, console: Console
) -> HiddenStates | None:
    """Return the states of a walk that was cut off, if it came further than `earlier` through the same days."""
    if not file.is_file():
        return earlier
    try:
        waypoint, states = read_waypoint(file)
    except ValueError:
        return earlier
    reached = 0 if states is None else len(states.index)
    if (
        states is None
        or reached <= (0 if earlier is None else len(earlier.index))
        or not states.index.equals(series.index[:reached])
        or not fitted.take_up(waypoint, series)
    ):
        return earlier
    day = pd.Timestamp(waypoint.date - 1, unit="D")
    console.note(f"goes on with a walk that was cut off after {day:%Y-%m-%d}")
    return states


def _sweep(folder: Path) -> None:
    """Remove walks that nobody took up."""
    for file in folder.glob("*.safetensors"):
        if time.time() - file.stat().st_mtime > FORGOTTEN:
            file.unlink(missing_ok=True)

"""The forecaster that a request's own begins with: whole, of the same settings, and ignorant of what comes after.

Which rows a forecaster has learned from is kept beside its weights, by their marks: another file, name or currency does
not hide that a series is the same.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from forecaster.data.series import Series
from forecaster.data.splits import Split
from tradewinds.core.errors import RequestError
from tradewinds.core.files import write_bytes
from tradewinds.data.row_marks import Marks, marked, marks_of
from tradewinds.pipeline.artifact import Artifact, read
from tradewinds.pipeline.provenance import FORECASTER
from tradewinds.request.schema import Config

FILE = "learned_rows"  # of a forecaster's artifact: 8 bytes a mark
ROWS, LEAST = 16_384, 16  # rows that are marked, evenly spread over all instruments, and of each of them at least


def pretrained_of(config: Config) -> Artifact | None:
    """Return, proven, the forecaster that `model.pretrained` names; None where it names none.

    Raises:
        RequestError: no forecaster is there.
        GateError: a file of it differs from its manifest.
    """
    folder = config.model.pretrained
    return None if folder is None else read(Path(folder), FORECASTER)


def keep_learned(series: Series, rows: range, folder: Path, origin: Artifact | None) -> None:
    """Write into a forecaster's folder which rows of a series it has learned from, and those of what it began with."""
    each = max(ROWS // len(series.instruments), LEAST)
    thinned = range(rows.start, rows.stop, max(len(rows) // each, 1))
    marks = [marks_of(series.close[:, number], thinned) for number in range(len(series.instruments))]
    if origin is not None and (origin.folder / FILE).is_file():
        marks.append(_learned(origin))
    write_bytes(folder / FILE, np.unique(np.concatenate(marks)).tobytes())


def known_to(fit_end: pd.Timestamp, origin: Artifact | None) -> pd.Timestamp:
    """Return up to when a forecaster, fitted up to `fit_end`, has learned bars, with what it began with."""
    return fit_end if origin is None else max(fit_end, _known_to(origin))


def begun_with(series: Series, split: Split, config: Config) -> list[str]:
    """Hold the forecaster of `model.pretrained` to a request, and say what was begun with.

    Raises:
        RequestError: it has other settings or columns, or has learned bars of this series after the forecaster's rows.
        GateError: it is damaged.
    """
    artifact = pretrained_of(config)
    if artifact is None:
        return []
    from forecaster.fitted import load_panel, refuse_start  # they load torch

    start = next(iter(load_panel(artifact.folder).values()))
    try:
        refuse_start(start, series, config.forecaster, f"model.pretrained={artifact.folder}")
    except ValueError as error:
        raise RequestError(str(error)) from None
    last, stop = series.close_time[split.forecaster.stop - 1], split.forecaster.stop
    later = [marks_of(series.close[:, number], range(stop, len(series.index))) for number in marked(series.instruments)]
    if len(np.intersect1d(_learned(artifact), np.concatenate(later))):
        raise RequestError(
            f"model.pretrained={artifact.folder} has learned bars of this very series after {last}, where the "
            "forecaster's rows end: its forecasts of them would be none; take one that ends before, or other series"
        )
    how = "serves it as it is" if config.trainer.epochs == 0 else "goes on from its weights"
    words = [f"the forecaster of {artifact.manifest['inputs']['series']} is begun with, and {how}"]
    if _known_to(artifact) > last:
        words.append(
            f"it has learned bars of other series up to {_known_to(artifact):%Y-%m-%d}, and this one is acted on from "
            f"{last:%Y-%m-%d} on: what moves them all was known to it"
        )
    return words


def _known_to(artifact: Artifact) -> pd.Timestamp:
    facts = artifact.manifest["facts"]
    return pd.Timestamp(facts.get("known_to", facts["fit_end_time"]))


def _learned(artifact: Artifact) -> Marks:
    """Return the marks of the rows that a forecaster has learned from.

    Raises:
        RequestError: it does not say which.
    """
    try:
        return np.frombuffer((artifact.folder / FILE).read_bytes(), np.uint64)
    except OSError:
        raise RequestError(
            f"model.pretrained={artifact.folder} does not say which rows it has learned from; train it again"
        ) from None

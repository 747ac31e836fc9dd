"""How a training went, over env steps: that of a run, and those of the runs beside it that differ by the seed alone."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from tradewinds.pipeline.training_log import HISTORY

FEWEST = 2  # seeds that have a band
SHARES = (0.0, 0.5, 1.0)  # of the seeds: least, median and most
BAND = ("least", "median", "most")


def learning_curve(training: pd.DataFrame) -> pd.DataFrame:
    """Return step and score of the validations of learned policies; constants come first, at step 0."""
    constants = training["action"].notna() if "action" in training else pd.Series(False, index=training.index)
    return training.loc[~constants, ["step", "score"]]


def curves_beside(run: Path, deciding: Mapping[str, Any]) -> pd.DataFrame:
    """Return seed, step and score of the finished runs in the same folder that were asked for the same.

    Args:
        run: folder of a run, which is left out.
        deciding: its values; all but the seed have to agree.
    """
    curves = [
        learning_curve(pd.read_csv(folder / "agent" / HISTORY)).assign(seed=seed)
        for seed, folder in _runs_beside(run, deciding)
    ]
    return pd.concat(curves, ignore_index=True) if curves else pd.DataFrame({"step": [], "score": [], "seed": []})


def band_of(curve: pd.DataFrame, beside: pd.DataFrame) -> pd.DataFrame:
    """Return least, median and most score by step over all seeds, at the steps that every one has; none of one seed."""
    scores = pd.concat([curve.assign(seed=-1), beside]).groupby(["step", "seed"])["score"].last().unstack("seed")
    known = scores.dropna()
    if known.shape[1] < FEWEST:
        return pd.DataFrame(columns=["step", *BAND])
    return known.quantile(SHARES, axis=1).T.set_axis(BAND, axis=1).reset_index()


def _runs_beside(run: Path, deciding: Mapping[str, Any]) -> Iterator[tuple[int, Path]]:
    """Yield the newest run of each other seed."""
    newest: dict[int, Path] = {}
    wanted = json.loads(json.dumps({**deciding, "seed": 0}))  # as a report tells it
    for path in sorted(run.parent.glob("*/report.json")):
        facts = json.loads(path.read_text(encoding="utf-8"))["run"]
        same = facts["command"] == "run" and {**facts["config"], "seed": 0} == wanted
        if same and facts["seed"] != deciding["seed"] and (path.parent / "agent" / HISTORY).is_file():
            newest[facts["seed"]] = path.parent
    yield from newest.items()

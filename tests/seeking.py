"""A search without a market: what the tests of studies share, in this process or in one that is killed."""

import sys
import time
from pathlib import Path

import numpy as np

import tradewinds.search.study as study
from tradewinds.pipeline.records import Validated
from tradewinds.request.search_settings import SearchConfig
from tradewinds.search.space import Dimension

SPACE = (Dimension("x", low=-1.0, high=1.0), Dimension("word", choices=("left", "right")))


def plan(folder, trials, *, seed=0, goals=("score",), **settings):
    """A study of two keys in a folder."""
    wanted = SearchConfig(trials=trials, goals=goals, **settings)
    return study.StudyPlan(
        "a", f"sqlite:///{folder}/study.db", SPACE, wanted.goals, wanted, seed, {"x": 9.0, "word": "left"}
    )


def parabola(values, watch):
    """Score -(x - 0.3)^2, and 1 more on the right."""
    score = -((values["x"] - 0.3) ** 2) + (values["word"] == "right")
    watch(50, {"best_score": score})
    return Validated({"score": score, "seconds": values["x"] ** 2}, {"score": np.full(30, score)}, {"score": "nothing"})


def slowly(values, watch):
    """Think before it scores."""
    time.sleep(0.15)
    return parabola(values, watch)


if __name__ == "__main__":
    study.BEAT, study.SILENCE, study.LOOK = 1, 2, 0.2
    study.work(plan(Path(sys.argv[1]), int(sys.argv[2])), slowly, int(sys.argv[3]), lambda done: None, None)

"""What the stories through the command line share: a way to type a command, and a market small enough to wait for."""

import pickle
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import pandas as pd

from tradewinds.__main__ import main

FAST = (
    "series.first=2017-01-01",
    "model.context_length=16",
    "model.hidden_size=8",
    "trainer.epochs=2",
    "agent.steps=1500",
    "agent.learning_starts=300",
    "agent.validate_every=500",
    "backtest.random_draws=9",
    "backtest.bootstrap_draws=100",
)
FAST_CSV = FAST[1:]


@dataclass
class Answer:
    """What a command answered."""

    status: int
    out: str
    err: str


class CommandLine:
    """Type a command into this very process, in the present folder."""

    def __init__(self, capsys):
        self.capsys = capsys

    def __call__(self, *words):
        self.capsys.readouterr()
        status = main(words)
        said = self.capsys.readouterr()
        return Answer(status, said.out, said.err)


@contextmanager
def in_this_process(function, tasks, *, shared, **_):
    """Do the work of `tradewinds.core.workers.results_of` here, on what a process would be sent: one takes seconds."""
    shared = pickle.loads(pickle.dumps(shared))
    yield (function(*shared, task) for task in tasks)


def write_bars(path, num_bars=500, seed=1):
    """Write a CSV of daily weekday bars that wander."""
    rng = np.random.default_rng(seed)
    close = 50.0 * np.exp(np.cumsum(rng.normal(0.0002, 0.01, num_bars)))
    open_ = np.append(50.0, close[:-1]) * np.exp(rng.normal(0, 0.002, num_bars))
    spread = np.exp(np.abs(rng.normal(0, 0.003, (2, num_bars))))
    table = pd.DataFrame(
        {
            "open": open_,
            "high": np.maximum(open_, close) * spread[0],
            "low": np.minimum(open_, close) / spread[1],
            "close": close,
        },
        index=pd.bdate_range("2020-01-01", periods=num_bars, name="date"),
    )
    table.to_csv(path)
    return table


def universe_closes(num_bars=420, seed=3):
    """(T, A) closes of six symbols; LATE is listed on day 100, GONE ends on day 380, STOP pauses."""
    rng = np.random.default_rng(seed)
    moves = rng.normal(0.0002, 0.01, (num_bars, 6))
    moves[1:] += 0.2 * moves[:-1]
    table = pd.DataFrame(
        20.0 * np.exp(np.cumsum(moves, axis=0)),
        index=pd.bdate_range("2020-01-01", periods=num_bars, name="date"),
        columns=["AAA", "BBB", "CCC", "LATE", "GONE", "STOP"],
    )
    table.iloc[:100, 3] = table.iloc[380:, 4] = table.iloc[200:205, 5] = np.nan
    return table.round(6)


def write_universe(path, closes=None):
    """Write the same as one long CSV of date, symbol and close."""
    closes = universe_closes() if closes is None else closes
    long = closes.stack().dropna().rename("close").rename_axis(["date", "symbol"]).reset_index()
    long.to_csv(path, index=False)

"""What a task hands over: what was observed, scored and earned, and how a report tells it. Knows arrays and tables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Array = NDArray[np.float64]
Metrics = Mapping[str, Any]
TraceTables = dict[str, list[tuple[int, NDArray[Any]]]]  # by stage: tables, each with the row its first row belongs to


@dataclass(frozen=True, eq=False)
class DecisionTimes:
    """When what a bar says is known, and when it is read: reckoned apart from what joins it. T bars.

    Attributes:
        reads: (T,) moments as of which the rows are read; nothing but prices that became known later may stand in one.
        prices: (T,) moments by which each bar's own prices are known.
        decides: (T,) whether something is decided on a row.
    """

    reads: pd.DatetimeIndex
    prices: pd.DatetimeIndex
    decides: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Observed:
    """What an agent observes of a market, at R decisions.

    Attributes:
        names: of all its columns, as an observation holds them.
        values: (R, O) the first O of them; what is left it knows of itself.
        rows: (R,) row of the series that each decision is made at.
    """

    names: tuple[str, ...]
    values: NDArray[Any]
    rows: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Scored:
    """N forecasts of single bars beside what came, as they are scored.

    Attributes:
        name: of the forecaster, or of the table they stand in.
        issued: (N,) rows they were issued at.
        outcome: (N,) rows of the bars they are of.
        forecast: (N,) values.
        truth: (N,) what they are scored by.
        prices: whether values are prices of the bars, and not changes.
        instrument: which of several they are of; None of the only one.
    """

    name: str
    issued: NDArray[np.int64]
    outcome: NDArray[np.int64]
    forecast: Array
    truth: Array
    prices: bool = False
    instrument: str | None = None


@dataclass(frozen=True, eq=False)
class Outcome:
    """What every strategy came to on the same test span, through one ledger.

    Attributes:
        curves: (T, S) by time, a column a strategy, the agent first: equity, or the money earned so far.
        increments: (P, S) by period: the simple return of a bar, or the profit of a day; what inference is done on.
        metrics: per strategy.
        record: the task's own record, for its own sections, tables and second account.
        per_year: periods in a year; None where they have no length.
    """

    curves: pd.DataFrame
    increments: pd.DataFrame
    metrics: Mapping[str, Metrics]
    record: Any
    per_year: float | None = None

    @property
    def strategies(self) -> tuple[str, ...]:
        """Names of the strategies, the agent first."""
        return tuple(map(str, self.curves))

    def earned(self, strategy: str) -> Array:
        """(P,) what the strategy earned in each period."""
        return self.increments[strategy].to_numpy(np.float64)


@dataclass(frozen=True, eq=False)
class Forecasts:
    """How the forecasts of the test span were scored.

    Attributes:
        scores: per model and baseline.
        errors: of the next bar, (N,) each: `model` and `naive`.
        errors_ahead: of the H bars ahead, (N, H) by model and baseline, where bars are forecast one by one.
        gains: forecast times what came, (N, H) by model and baseline, summed over several instruments; where there are.
        honesty: tests of them, for the report's block of that name.
        tables: to be kept in the artifact.
        remarks: warnings.
    """

    scores: Mapping[str, Mapping[str, Any]]
    errors: Mapping[str, Array] = field(default_factory=dict)
    errors_ahead: Mapping[str, Array] = field(default_factory=dict)
    gains: Mapping[str, Array] = field(default_factory=dict)
    honesty: Mapping[str, Any] = field(default_factory=dict)
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    remarks: Sequence[str] = ()


@dataclass(frozen=True, eq=False)
class Luck:
    """How well all that was said and done came out in a world in which nothing could be known.

    Each number is positive where it came out well, and where nothing was known, given all before it and its own size,
    as likely to be negative (`tradewinds.evaluation.coins`).

    Attributes:
        forecasts: by model and baseline (N, C), in order of time; C bars ahead, or one question.
        strategies: by strategy (N, C).
    """

    forecasts: Mapping[str, Array]
    strategies: Mapping[str, Array]


@dataclass(frozen=True, eq=False)
class Attempt:
    """What is counted as one trial: the agent's increments over what luck could fake, and by what they are known.

    Attributes:
        increments: (P,) by the start of their period.
        periods: of the test; one more than P where increments lie between two of them.
        per_year: periods in a year.
        way: of acting: only increments of one way are compared.
    """

    increments: pd.Series
    periods: int
    per_year: float
    way: str


@dataclass(frozen=True, eq=False)
class Validated:
    """What models came to where nothing is judged: on the rows, episodes or cases that choose between settings.

    Attributes:
        goals: by name: `score`, of which more is better; `error` and `drawdown`, of which less is.
        gains: by goal (P,), by how much each period, episode or case came out better than `beside` did.
        beside: by goal, what that is: who knew nothing.
        per_year: periods in a year, of the gains of `score`; None where they have no length.
    """

    goals: Mapping[str, float]
    gains: Mapping[str, Array]
    beside: Mapping[str, str]
    per_year: float | None = None


@dataclass(frozen=True, eq=False)
class PaperStep:
    """What was decided on paper at one row, and how the account or unit stood there: plain data, but for the row.

    Attributes:
        row: of the series.
        worth: equity in units of the opening equity, or money earned so far.
        held: rows of a table of what is held.
        paid: what came of the decision before: costs, or money by the slot; nothing at the opening.
        decision: in the words of `signal`.
        standing: what to go on from.
    """

    row: int
    worth: float
    held: Sequence[Mapping[str, Any]]
    paid: Mapping[str, Any]
    decision: Mapping[str, Any]
    standing: Mapping[str, Any]


@dataclass(frozen=True)
class Duel:
    """How a challenger fared against the champion on periods that neither has learned from.

    Attributes:
        wins: whether it takes the champion's place.
        lead: by how much it leads, in the unit of `retrain.margin`.
        reason: a sentence, with `{champion}` for its name.
        facts: further numbers.
    """

    wins: bool
    lead: float
    reason: str
    facts: Mapping[str, Any]


@dataclass(frozen=True)
class Labels:
    """What a report shows of strategies, as (key, label, form), and how a stretch of one is told in a number.

    Attributes:
        headline: the key of `Task.earned` that folds are compared by, and its form.
        tie: difference of headlines that is none.
        cards: metrics at the head of a page, (label, key, form).
        metrics: rows of the table of strategies.
        honesty: rows of the table of inference, (key, label, meaning).
        sweeps: keys of `honesty` that hold tables of what other costs would take: (key, label, name of the value).
    """

    headline: tuple[str, str]
    tie: float
    cards: Sequence[tuple[str, str, str]]
    metrics: Sequence[tuple[str, str, str]]
    honesty: Sequence[tuple[str, str, str]]
    sweeps: Sequence[tuple[str, str, str]]

"""What every stage of the real pipeline said at every bar, in order, so that two worlds can be compared."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from gymnasium.spaces import Box, Discrete, Space
from numpy.typing import NDArray

import forecaster.evaluation.scores as scoring
import forecaster.hidden_states as encoding
import tradewinds.tasks.account.backtest as playing
import tradewinds.tasks.account.market as joining
from forecaster.fitted import FittedForecaster
from tradewinds.pipeline.prepare import Prepared
from tradewinds.tasks.storage.trace import storage_tables
from trading_agent import Policy
from trading_env import TradingEnv

STAGES = (
    "series",
    "features",
    "scaler",
    "forecaster_fit",
    "hidden_states",
    "forecasts",
    "scores",
    "agent_fit",
    "observations",
    "actions",
    "fills",
    "equity",
)
# strategies that may not know what comes
CAUSAL = (
    "agent",
    "buy_and_hold",
    "flat",
    "forecast_sign",
    "plan_on_forecast",
)
CALIBRATION = 20  # bars whose residuals give the forecasts their first intervals, in a trace
ROUNDING = 1e-9  # relative: linear baselines forecast all rows in one product, whose sums depend on how many there are
Values = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Trace:
    """Per stage, tables of one row a bar, each with the row of the series that its first row belongs to.

    Attributes:
        tables: by stage.
        states: the hidden states behind them, or None.
        played: the agent's backtest, or None where none was played.
    """

    tables: dict[str, list[tuple[int, Values]]]
    states: encoding.HiddenStates | None = None
    played: "playing.Backtest | None" = None


class Curious:
    """A policy whose action depends on every digit of what it observes: a leak into any column moves it."""

    kind = "curious"

    def __init__(self, space: Space[Any]) -> None:
        self.space = space

    def act(self, observations: NDArray[np.floating[Any]]) -> NDArray[Any]:
        """Return (N,) numbers of actions, or (N, A) weights, at (N, O) observations."""
        weights = np.random.default_rng(0).uniform(0.5, 1.5, observations.shape[1])
        mixed = 1e4 * (observations.astype(np.float64) @ weights)
        if isinstance(self.space, Discrete):
            return np.asarray(np.floor(mixed).astype(np.int64) % int(self.space.n))
        assert isinstance(self.space, Box)
        low, high = self.space.low, self.space.high
        return np.asarray(low + (high - low) * (mixed - np.floor(mixed))[:, None], dtype=np.float32)

    def settings(self) -> dict[str, Any]:
        """Return nothing: it is never saved."""
        return {}

    def tensors(self) -> dict[str, NDArray[Any]]:
        """Return nothing: it has no weights."""
        return {}


def trace(prepared: Prepared, fitted: FittedForecaster, policy: Policy | None, rows: range) -> Trace:
    """Walk the path from the series to the equity with models that are fitted already.

    Args:
        prepared: the series of some world.
        fitted: the forecaster.
        policy: the agent; None for a series that is forecast and not traded.
        rows: the bars the agent is played on.
    """
    series = prepared.series
    prices = [getattr(series, name) for name in ("open", "high", "low", "close", "volume")]
    tables: dict[str, list[tuple[int, Values]]] = {
        "series": [(0, table) for table in (*prices, series.exogenous.to_numpy(np.float64)) if table is not None]
    }
    features, scaled = encoding.read_features(fitted, series)
    tables["features"], tables["scaler"] = [(0, features.values)], [(0, scaled)]
    states = encoding.encode(fitted, series)
    tables["hidden_states"] = [(0, states.hidden_state)]
    tables["forecasts"] = [(0, table) for table in (states.forecast, states.quantiles) if table is not None]
    if prepared.config.env.kind != "battery":  # whose forecasts are scored by the day
        tables |= _scored(prepared, fitted, states, rows)
    if policy is not None and prepared.config.env.kind == "battery":
        tables |= storage_tables(prepared, states, policy, Curious, rows)
    if policy is None or prepared.config.env.kind != "trading":
        return Trace(tables, states)
    market = joining.build_market(prepared, states, rows)
    played = playing.play_test(prepared, states, policy, market, rows)
    rules = prepared.config.env
    curious = playing.play(Curious(TradingEnv(market, rules).action_space), market, rules)
    start, columns = rows.start, [played.strategies.index(name) for name in CAUSAL]
    tables["observations"] = [(start, market.features), (start, market.open), (start, market.close)]
    tables["actions"] = [(start, played.targets[:, columns]), (start, curious)]
    filled = (played.path.units, played.path.turnover, played.path.fee)
    tables["fills"] = [(start, played.path.fill_price), *((start, table[:, columns]) for table in filled)]
    tables["equity"] = [(start, np.column_stack([played.equity(name) for name in CAUSAL]))]
    return Trace(tables, states, played)


def _scored(
    prepared: Prepared, fitted: FittedForecaster, states: encoding.HiddenStates, rows: range
) -> dict[str, list[tuple[int, Values]]]:
    """Return every model's errors, each at the bar that completes its outcome, and the calibrated quantiles.

    Calibrated on some bars before `rows`; nothing where there are too few of either.
    """
    horizon = prepared.config.model.horizon
    before = range(max(states.first_row, rows.start - CALIBRATION - horizon), rows.start)
    if min(len(before), len(rows)) <= horizon:
        return {}
    scores = scoring.score_forecasts(fitted, prepared.series, states, calibration_rows=before, rows=rows)
    first = int(scores.decisions[0])
    errors = [(first + horizon, error) for error in scores.errors.values()]
    return {"scores": [*errors, (first, scores.next_bar_quantiles.T)]}


def first_difference(
    one: Trace, other: Trace, *, last_row: int, first_row: int = 0, shift: int = 0, tolerance: float = 0.0
) -> tuple[str, int] | None:
    """Return the first stage in which two traces differ at or before `last_row`, and its first such row; None if none.

    A stage that only one of them reached, for want of bars, is not compared.

    Args:
        one: the trace of the true world.
        other: that of another.
        last_row: of `one`.
        first_row: rows of `one` before this are not compared.
        shift: row r of `one` is row r - shift of `other`.
        tolerance: relative difference that counts as none; 0 asks for the same bits, but of the scores.
    """
    for stage in (name for name in STAGES if name in one.tables and name in other.tables):
        allowed = max(tolerance, ROUNDING if stage == "scores" else 0.0)
        pairs = zip(one.tables[stage], other.tables[stage], strict=True)
        rows = [row for ours, theirs in pairs for row in _differing(ours, theirs, last_row, first_row, shift, allowed)]
        if rows:
            return stage, min(rows)
    return None


def _differing(
    ours: tuple[int, Values], theirs: tuple[int, Values], last_row: int, first_row: int, shift: int, tolerance: float
) -> Iterator[int]:
    """Yield the first row of two tables at which they differ, if there is one."""
    start = max(ours[0], theirs[0] + shift, first_row)
    stop = min(last_row + 1, ours[0] + len(ours[1]), theirs[0] + shift + len(theirs[1]))
    if start >= stop:
        return
    left = ours[1][start - ours[0] : stop - ours[0]].astype(np.float64).reshape(stop - start, -1)
    right = theirs[1][start - shift - theirs[0] : stop - shift - theirs[0]].astype(np.float64).reshape(stop - start, -1)
    if left.shape != right.shape:
        yield start
        return
    same = (left == right) | (np.isnan(left) & np.isnan(right))
    if tolerance:
        same |= np.abs(left - right) <= tolerance * np.maximum(1.0, np.abs(left))
    wrong = np.flatnonzero(~same.all(axis=1))
    if len(wrong):
        yield start + int(wrong[0])

"""Where the rooms meet: the forecaster's hidden states become the feature table of the agent's market.

The law of DESIGN 3.4 is enforced here, row by row: no agent sees a state of a forecaster that was fitted on that bar.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecaster.data.features import build_features
from forecaster.hidden_states import HiddenStates
from tradewinds.pipeline.prepare import Prepared
from trading_env import Market, planned_exposures, realised_volatility


@dataclass(frozen=True)
class Sight:
    """What an agent sees of a bar: the words of `rollout.observe`, of so many bars (`agent.context_length`)."""

    observe: tuple[str, ...]
    context_length: int


def sight_of(config: Mapping[str, Any]) -> Sight:
    """Return what the agent of a plain request sees."""
    return Sight(tuple(config["rollout"]["observe"]), config["agent"].get("context_length", 1))


def build_market(prepared: Prepared, states: HiddenStates, rows: range, sight: Sight | None = None) -> Market:
    """Join prices and hidden states of `rows` into a market.

    Args:
        prepared: the series and its split.
        states: (T, D) hidden states and (T, H) forecasts of the same T bars.
        rows: R rows of one part of the split, agent, validation or test; or rows after all of them.
        sight: what the agent sees; None: what that of the request does.

    Returns:
        A market of R bars with (R, F) features, what `rollout.observe` names: D of the hidden state, H of the forecast
        in log return per bar, the plan on it, what the forecaster reads; of what may be missing there, 0 where it is.
        An agent that asks for more bars (`agent.context_length`) gets theirs after those, the newest first.

    Raises:
        ValueError: bars and states differ in time, or a row breaks `fit_end + horizon + embargo < row`.
    """
    series, embargo = prepared.series, prepared.split.embargo_bars
    if not series.index.equals(states.index):
        raise ValueError("hidden states and series must share one time index; encode the series again")
    assert_unseen(states, rows, horizon=states.forecast.shape[1], embargo=embargo)
    part = slice(rows.start, rows.stop)
    config = prepared.config
    sight = sight or Sight(config.rollout.observe, getattr(config.agent, "context_length", 1))
    seen = {name: observed(name, prepared, states) for name in sight.observe}
    table = np.concatenate(list(seen.values()), axis=1)  # (T, D), (T, H), (T, features) -> (T, F)
    first = first_unseen(states, rows.start, horizon=states.forecast.shape[1], embargo=embargo)
    features = context(table, rows, sight.context_length, first)
    ends = np.cumsum([0, *(values.shape[1] for values in seen.values())]).tolist()
    columns = {name: range(*place) for name, place in zip(seen, pairwise(ends), strict=True)}
    return Market(
        open=series.open[part],
        close=series.close[part],
        features=features,
        bars_per_year=series.bars_per_year,
        index=series.index[part].tz_localize(None).to_numpy(),
        single_price=series.single_price,
        instruments=series.instruments,
        forecast_columns=columns.get("forecast", range(0)),
        dividends=None if series.dividends is None else series.dividends[part],
        splits=None if series.splits is None else series.splits[part],
        **liquidity(prepared, part),
    )


def observed(name: str, prepared: Prepared, states: HiddenStates) -> NDArray[np.float32]:
    """Return (T, F) what a word of `rollout.observe` stands for."""
    if name == "features":
        values = build_features(prepared.series, prepared.config.features).values
        return np.nan_to_num(values, nan=0.0).astype(np.float32)
    if name == "plan":
        return planned_exposures(states.forecast, prepared.config.env, prepared.series.bars_per_year)
    return states.forecast if name == "forecast" else states.hidden_state


def context(table: NDArray[np.float32], rows: range, bars: int, first: int) -> NDArray[np.float32]:
    """Return (R, L F): of each of `rows` its own columns (T, F) and those of the L - 1 bars before it, newest first.

    Row `first` stands for the bars before it.
    """
    if bars == 1:
        return table[rows.start : rows.stop]
    seen = np.maximum(np.arange(rows.start, rows.stop)[:, None] - np.arange(bars), first)  # (R, L)
    return np.asarray(table[seen].reshape(len(rows), -1))


def liquidity(prepared: Prepared, part: slice) -> dict[str, Any]:
    """Volatility and volume where a cost of the request is reckoned from them; a market that has volume minds it."""
    costs, series = prepared.config.env.costs, prepared.series
    found = {}
    if costs.slippage_per_volatility:
        found["volatility"] = realised_volatility(series.close)[part]  # row t of closes up to t
    if costs.slippage_bps_per_volume_percent and series.volume is not None:
        found["volume"] = series.volume[part]
    return found


def first_unseen(states: HiddenStates, row: int, *, horizon: int, embargo: int) -> int:
    """Return the first of the rows up to `row`, without a gap, that `assert_unseen` lets pass."""
    t = np.arange(row)
    broken = (states.fit_end[:row] + horizon + embargo >= t) | (t < states.first_row)
    return int(np.flatnonzero(broken)[-1]) + 1 if broken.any() else 0


def assert_unseen(states: HiddenStates, rows: range, *, horizon: int, embargo: int) -> None:
    """Check that the forecaster behind each of `rows` had stopped learning before it.

    Raises:
        ValueError: some row t has fit_end + horizon + embargo >= t, or lies before the first encoded row.
    """
    t = np.arange(rows.start, rows.stop)
    broken = t[states.fit_end[t] + horizon + embargo >= t]
    if len(broken):
        row = int(broken[0])
        raise ValueError(
            f"row {row} may not reach the agent: its forecaster was fitted up to row {int(states.fit_end[row])}, "
            f"and fit_end + horizon ({horizon}) + embargo ({embargo}) must be less than the row"
        )
    if rows.start < states.first_row:
        raise ValueError(f"row {rows.start} has no hidden state; the first encoded row is {states.first_row}")

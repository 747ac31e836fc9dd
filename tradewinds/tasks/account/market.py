"""Where the rooms meet: the forecaster's hidden states become the feature table of the agent's market.

That no agent sees a state of a forecaster that was fitted on that bar is enforced here, row by row.
"""

from collections.abc import Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from tradewinds.pipeline.observations import assert_unseen, first_unseen, observed
from tradewinds.pipeline.task import Prepared
from trading_env import Market, planned_exposures, realised_volatility

if TYPE_CHECKING:
    from forecaster.panel_states import PanelStates
    from tradewinds.pipeline.encoding import States


def build_market(prepared: Prepared, states: "States", rows: range) -> Market:
    """Join prices and hidden states of `rows` into a market.

    Args:
        prepared: the series and its split.
        states: (T, D) hidden states and (T, H) forecasts of the same T bars; of A instruments (T, A, D) and (T, A, H).
        rows: R rows of one part of the split, agent, validation or test; or rows after all of them.

    Returns:
        A market of R bars with (R, F) features, what `rollout.observe` names: D of the hidden state, H of the forecast
        in log return per bar, the plan on it, what the forecaster reads; of what may be missing there, 0 where it is.
        An agent that asks for more bars (`agent.context_length`) gets theirs after those, the newest first. Of A
        instruments the features are A such blocks, each ending in whether its instrument may be acted on.

    Raises:
        ValueError: bars and states differ in time, or a row breaks `fit_end + horizon + embargo < row`.
    """
    features, columns = features_of(prepared, states, rows)
    return market_with(prepared, slice(rows.start, rows.stop), features, **columns)


def features_of(prepared: Prepared, states: "States", rows: range) -> tuple[NDArray[np.float32], dict[str, Any]]:
    """Return the (R, F) features of `build_market`, and which of them are what, as `Market` has it.

    Raises:
        ValueError: as `build_market`.
    """
    series, embargo = prepared.series, prepared.split.embargo_bars
    if not series.index.equals(states.index):
        raise ValueError("hidden states and series must share one time index; encode the series again")
    horizon = states.forecast.shape[-1]
    assert_unseen(states, rows, horizon=horizon, embargo=embargo)
    part = slice(rows.start, rows.stop)
    if prepared.several:
        return _panel_features(prepared, cast("PanelStates", states), part)
    config = prepared.config
    observations = {
        str(name): planned_exposures(states.forecast, config.env, series.bars_per_year)
        if name == "plan"
        else observed(name, prepared, states)
        for name in config.rollout.observe
    }
    table = np.concatenate(list(observations.values()), axis=1)  # (T, D), (T, H), (T, features) -> (T, F)
    first = first_unseen(states, rows.start, horizon=horizon, embargo=embargo)
    features = context(table, rows, getattr(config.agent, "context_length", 1), first)
    if series.traded is not None:  # in a bar without trade nothing new is seen
        features = np.nan_to_num(features, nan=0.0)
    return features, {"forecast_columns": _columns(observations).get("forecast", range(0))}


def _panel_features(
    prepared: Prepared, states: "PanelStates", part: slice
) -> tuple[NDArray[np.float32], dict[str, Any]]:
    """Join what is known of several instruments: a block of columns each, nothing where it cannot act."""
    observations = {str(name): observed(name, prepared, states)[part] for name in prepared.config.rollout.observe}
    there = states.available[part]
    table = np.concatenate([*observations.values(), there[:, :, None].astype(np.float32)], axis=2)  # (R, A, k)
    table[~there] = 0.0
    columns = _columns(observations).get("forecast", range(0))
    return table.reshape(len(table), -1), {"asset_features": table.shape[2], "forecast_columns": columns}


def _columns(observations: Mapping[str, NDArray[np.float32]]) -> dict[str, range]:
    """Return by name which columns of a row, or of an instrument's block, an observation takes."""
    ends = np.cumsum([0, *(values.shape[-1] for values in observations.values())]).tolist()
    return {name: range(*place) for name, place in zip(observations, pairwise(ends), strict=True)}


def price_market(prepared: Prepared, rows: range) -> Market:
    """Return the prices of `rows` alone, for what was decided before: the ledger reads no features."""
    part = slice(rows.start, rows.stop)
    return market_with(prepared, part, np.zeros((len(rows), 1), np.float32))


def market_with(prepared: Prepared, part: slice, features: NDArray[np.float32], **more: Any) -> Market:
    """Return the prices of `part` with (R, F) features, `more` saying which of them are what."""
    series = prepared.series
    return Market(
        open=series.open[part],
        close=series.close[part],
        features=features,
        bars_per_year=series.bars_per_year,
        index=series.index[part].tz_localize(None).to_numpy(),
        single_price=series.single_price,
        instruments=series.instruments,
        dividends=None if series.dividends is None else series.dividends[part],
        splits=None if series.splits is None else series.splits[part],
        missing=None if series.traded is None else ~series.traded[part],
        delisted=None if series.delisted is None else series.delisted[part],
        **liquidity(prepared, part),
        **more,
    )


def context(table: NDArray[np.float32], rows: range, bars: int, first: int) -> NDArray[np.float32]:
    """Return (R, L F): of each of `rows` its own columns (T, F) and those of the L - 1 bars before it, newest first.

    Row `first` stands for the bars before it.
    """
    if bars == 1:
        return table[rows.start : rows.stop]
    bar_rows = np.maximum(np.arange(rows.start, rows.stop)[:, None] - np.arange(bars), first)  # (R, L)
    return np.asarray(table[bar_rows].reshape(len(rows), -1))


def liquidity(prepared: Prepared, part: slice) -> dict[str, Any]:
    """Volatility and volume where a cost of the request is reckoned from them; a market that has volume minds it."""
    rules, series = prepared.config.env, prepared.series
    columns = {}
    if rules.costs.slippage_per_volatility:  # row t of closes up to t, of a listed asset from its first close on
        close = series.close if series.traded is None else np.exp(series.log_return().cumsum(axis=0))
        columns["volatility"] = realised_volatility(close)[part]
    if (rules.costs.slippage_bps_per_volume_percent or rules.volume_cap) and series.volume is not None:
        columns["volume"] = series.volume[part]
    return columns

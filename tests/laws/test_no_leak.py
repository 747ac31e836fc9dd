"""The law the house stands on: no agent ever meets a state of a forecaster that was fitted on that bar."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest

from forecaster.config import SplitConfig
from forecaster.data.splits import split_rows
from forecaster.fitted import fit_forecaster
from forecaster.hidden_states import encode
from tradewinds.pipeline.observations import assert_unseen
from tradewinds.pipeline.task import Prepared
from tradewinds.tasks.account.market import build_market
from tradewinds.tasks.account.task import AccountTask
from trading_env import TradingConfig, TradingVectorEnv

from markets import noise_series, small_config

HORIZON, EMBARGO = 3, 5
SEEN = ("hidden_state", "forecast")


@pytest.fixture(scope="module")
def joined():
    """A series, its split and its hidden states."""
    series = noise_series(400)
    split = split_rows(
        400, SplitConfig(embargo_bars=EMBARGO), context_length=8, horizon=HORIZON, first_row=10, stop_fraction=0.15
    )
    fitted = fit_forecaster(series, small_config(horizon=HORIZON), split.forecaster, seed=1)
    config = SimpleNamespace(
        env=TradingConfig(),
        rollout=SimpleNamespace(observe=SEEN),
        agent=SimpleNamespace(),
        features=fitted.config.features,
    )
    prepared = Prepared(config, AccountTask(), "noise", (), {}, series, split)
    return prepared, fitted, encode(fitted, series)


def observing(prepared, words, bars):
    """The same request, of which an agent sees so many bars of these words."""
    config = SimpleNamespace(**vars(prepared.config))
    config.rollout, config.agent = SimpleNamespace(observe=words), SimpleNamespace(context_length=bars)
    return dataclasses.replace(prepared, config=config)


def test_every_part_after_the_forecaster_s_may_be_met(joined):
    prepared, _, states = joined
    for part in (prepared.split.agent, prepared.split.validation, prepared.split.test):
        market = build_market(prepared, states, part)
        assert len(market) == len(part)
        assert market.features.shape[1] == states.hidden_state.shape[1] + HORIZON


def test_one_row_too_early_is_refused_by_its_number(joined):
    prepared, fitted, states = joined
    first = fitted.fit_end + HORIZON + EMBARGO + 1
    assert_unseen(states, range(first, first + 10), horizon=HORIZON, embargo=EMBARGO)
    with pytest.raises(
        ValueError, match=f"row {first - 1} may not reach the agent: its forecaster was fitted up to row"
    ):
        build_market(prepared, states, range(first - 1, first + 10))


def test_a_single_row_of_a_later_forecaster_among_honest_ones_is_found(joined):
    prepared, _, states = joined
    rows = prepared.split.test
    fit_end = np.array(states.fit_end)
    fit_end[rows.start + 7] = rows.start + 7 - HORIZON - EMBARGO
    with pytest.raises(ValueError, match=f"row {rows.start + 7} may not reach the agent"):
        build_market(prepared, dataclasses.replace(states, fit_end=fit_end), rows)


def test_states_of_another_series_are_refused(joined):
    prepared, _, states = joined
    shifted = dataclasses.replace(states, index=states.index.shift(1, freq="D"))
    with pytest.raises(ValueError, match="must share one time index"):
        build_market(prepared, shifted, prepared.split.test)


def test_an_agent_of_many_bars_meets_none_that_an_agent_of_one_may_not(joined):
    prepared, fitted, states = joined
    first = fitted.fit_end + HORIZON + EMBARGO + 1
    rows, width = range(first + 2, first + 10), states.hidden_state.shape[1] + HORIZON
    seen = build_market(observing(prepared, SEEN, 4), states, rows).features.reshape(len(rows), 4, width)
    alone = build_market(observing(prepared, SEEN, 1), states, range(first, first + 10)).features
    for row, bars in enumerate(seen):
        np.testing.assert_array_equal(bars, alone[[max(row + 2 - lag, 0) for lag in range(4)]])


@pytest.mark.parametrize(("words", "bars"), [(SEEN, 1), (("features", "plan"), 6)], ids=["one bar", "six bars"])
def test_from_bar_to_observation_the_future_cannot_reach_the_past(joined, words, bars):
    """The whole path at once, for every cut of the test span: features, scaler, network, table, account."""
    prepared, fitted, states = joined
    prepared = observing(prepared, words, bars)
    rows = prepared.split.test
    actions = np.random.default_rng(0).integers(0, 3, len(rows))
    before = observations(build_market(prepared, states, rows), actions)
    for t in range(rows.start, rows.stop - 1, 7):
        columns = {
            name: np.array(getattr(prepared.series, name)) for name in ("open", "high", "low", "close", "volume")
        }
        for values in columns.values():
            values[t + 1 :] *= 1.9
        series = dataclasses.replace(prepared.series, **columns)
        other = dataclasses.replace(prepared, panel=series)
        after = observations(build_market(other, encode(fitted, series), rows), actions)
        seen = t - rows.start + 1
        np.testing.assert_array_equal(before[:seen], after[:seen])


def observations(market, actions):
    env = TradingVectorEnv(market, TradingConfig())
    rows = [env.reset(seed=0)[0][0]]
    for action in actions[: len(market) - 1]:
        rows.append(env.step(np.array([action]))[0][0])
    return np.array(rows)

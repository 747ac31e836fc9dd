"""Weights within the caps of an asset, of the gross and of the net: laws for any weights, then answers by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as nps

from trading_env import TradingConfig
from trading_env.account.actions import Actions, within_caps

weights = nps.arrays(
    np.float64, st.tuples(st.integers(1, 3), st.integers(1, 4)), elements=st.floats(-1.0, 1.0, allow_subnormal=False)
)
caps = st.builds(
    TradingConfig,
    exposures=st.just((0.0, 0.01)),
    actions=st.just("long_short_weights"),
    leverage_cap=st.floats(0.05, 3.0),
    asset_cap=st.none() | st.floats(0.05, 1.5),
    net_cap=st.none() | st.floats(0.0, 2.0),
)


@settings(max_examples=200)
@given(weights, caps)
def test_weights_are_brought_within_every_cap_and_none_grows_or_turns(asked, config):
    held = within_caps(asked, config)
    slack = 1.0 + 1e-12
    assert (np.abs(held).sum(axis=1) <= config.leverage_cap * slack).all()
    assert config.asset_cap is None or (np.abs(held) <= config.asset_cap * slack).all()
    assert config.net_cap is None or (np.abs(held.sum(axis=1)) <= config.net_cap * slack + 1e-12).all()
    assert (np.abs(held) <= np.abs(asked) * slack).all()
    assert (held * asked >= 0.0).all()


@settings(max_examples=50)
@given(weights)
def test_weights_within_every_cap_are_left_as_they_are(asked):
    config = TradingConfig(leverage_cap=4.0, asset_cap=1.0, net_cap=4.0)
    np.testing.assert_array_equal(within_caps(asked, config), asked)


@pytest.mark.parametrize(
    ("asked", "given_caps", "held"),
    [
        ([0.9, 0.3], {"asset_cap": 0.4}, [0.4, 0.3]),
        ([1.0, -1.0], {"leverage_cap": 1.0}, [0.5, -0.5]),
        ([1.0, -1.0], {"leverage_cap": 1.0, "asset_cap": 0.25}, [0.25, -0.25]),
        ([0.6, 0.2, -0.2], {"net_cap": 0.0}, [0.15, 0.05, -0.2]),
        ([0.1, -0.5, -0.4], {"net_cap": 0.2}, [0.1, -0.5 / 3.0, -0.4 / 3.0]),
    ],
)
def test_weights_by_hand(asked, given_caps, held):
    config = TradingConfig(actions="long_short_weights", **given_caps)
    np.testing.assert_allclose(Actions(config, len(asked)).targets(np.array([asked]), 1)[0], held, rtol=1e-6)


def test_levels_beyond_the_caps_are_refused_by_name():
    with pytest.raises(
        ValueError, match=r"exposures must be within the net cap of 0.5, were \[-1.0, 0.0, 1.0\]; raise"
    ):
        TradingConfig(net_cap=0.5)
    with pytest.raises(
        ValueError, match=r"equal shares of 2 assets must be within the asset cap of 0.4, were up to 0.5"
    ):
        Actions(TradingConfig(asset_cap=0.4), 2)
    Actions(TradingConfig(asset_cap=0.4), 3)

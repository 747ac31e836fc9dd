"""The best policy of a made-up world stands in its report and earns what its law promises."""

from types import SimpleNamespace

import numpy as np
import pytest

from tradewinds.data.providers.synthetic import load_synthetic, optimum_of
from tradewinds.data.providers.synthetic_config import SyntheticConfig
from tradewinds.data.rules import DataConfig
from tradewinds.tasks.account.known_worlds import best_known
from trading_env import CostConfig, Market, TradingConfig, perfect_foresight, run_ledger

PROCESSES = {
    "ar1": {"phi": 0.4, "sigma": 0.01},
    "ou": {"kappa": 0.05, "sigma": 0.01},
    "regime": {"drift": 0.004, "switch_probability": 0.02, "sigma": 0.01},
    "seasonal": {"amplitude": 0.05, "period_bars": 20, "sigma": 0.01},
    "square_wave": {"step": 0.01, "half_period_bars": 5},
}
FREE = CostConfig(fee_bps=0, half_spread_bps=0, slippage_bps=0, borrow_bps_per_year=0, financing_bps_per_year=0)


def played(process, costs, *, single_price=False, bars=8_000):
    """Targets of the best policy on a world, the market they are played on, and the rules."""
    settings = {"seed": 1, "bar_length": "1h", "single_price": single_price, **PROCESSES[process]}
    world = SyntheticConfig(process=process, bars=bars, **settings)
    series = load_synthetic(world, DataConfig()).series
    execution = "next_close" if single_price else "next_open"
    rules = TradingConfig(rebalance="every_bar", execution=execution, costs=costs)
    prepared = SimpleNamespace(config=SimpleNamespace(series=world, env=rules), series=series)
    features = np.zeros((len(series.close), 0))
    market = Market(
        open=series.open, close=series.close, features=features, bars_per_year=365.25, single_price=single_price
    )
    return best_known(prepared, range(bars)), market, rules, world


@pytest.mark.parametrize("single_price", [False, True])
@pytest.mark.parametrize("process", sorted(PROCESSES))
def test_free_of_cost_it_grows_as_the_world_s_optimum_says(process, single_price):
    targets, market, rules, world = played(process, FREE, single_price=single_price)
    growth = np.log(run_ledger(market, targets, rules).equity[-1, 0]) / len(market)
    stated = optimum_of(world).log_growth_per_bar
    if stated is None:
        assert growth > 0.001
    else:
        assert growth == pytest.approx(stated, abs=4 * 0.01 / np.sqrt(len(market)))


@pytest.mark.parametrize("process", sorted(PROCESSES))
def test_with_costs_it_earns_more_than_without_regard_for_them_and_less_than_perfect_foresight(process):
    dear = CostConfig(fee_bps=20, half_spread_bps=0, slippage_bps=0)
    careful, market, rules, _ = played(process, dear)
    careless, *_ = played(process, FREE)
    paths = np.stack([careful, careless, perfect_foresight(market, rules), np.zeros_like(careful)], axis=1)
    earned = run_ledger(market, paths, rules).equity[-1]
    assert earned[3] < earned[0] <= earned[2] * (1 + 1e-9)
    assert earned[1] <= earned[0]


def test_a_square_wave_s_best_policy_is_perfect_foresight():
    targets, market, rules, _ = played("square_wave", CostConfig(), bars=500)
    paths = np.stack([targets, perfect_foresight(market, rules)], axis=1)
    one, two = run_ledger(market, paths, rules).equity[-1]
    assert one == pytest.approx(two, rel=1e-9)


def test_a_series_that_nobody_made_up_has_no_known_best_policy():
    prepared = SimpleNamespace(config=SimpleNamespace(series=SimpleNamespace(kind="csv"), env=TradingConfig()))
    assert best_known(prepared, range(3)) is None

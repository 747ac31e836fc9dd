"""One law, played four ways: one environment, many at once, a run alone and a run in a crowd, to the last bit."""

import dataclasses

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from trading_env import TradingEnv, TradingVectorEnv, run_ledger
from trading_env.account.simulator import AccountSimulator

from full_games import full_games

RECORDED = ("fee", "spread", "slippage", "borrow", "financing", "funding", "dividends", "turnover", "called", "cut")


@settings(max_examples=80)
@given(full_games(num_accounts=3), st.sampled_from([None, 0.3]), st.sampled_from([None, 0.2]))
def test_environments_and_runs_agree_to_the_last_bit_under_every_rule_for_one_to_four_assets(game, asset_cap, net_cap):
    market, actions, rules = game
    rules = dataclasses.replace(rules, actions="long_short_weights", asset_cap=asset_cap, net_cap=net_cap)
    single, many = TradingEnv(market, rules), TradingVectorEnv(market, rules, num_envs=3)
    actions = np.clip(actions, -1.0, 1.0).astype(np.float32)
    targets = np.array([[single.targets(action) for action in row] for row in actions])
    together = run_ledger(market, targets, rules)
    alone = [run_ledger(market, targets[:, account], rules) for account in range(3)]
    observed = [many.reset(seed=0)[0]]
    equity = [np.ones(3)]
    for row in actions[:-1]:
        observation, _, _, _, info = many.step(row)
        observed.append(observation)
        equity.append(info["equity"])
    for account in range(3):
        np.testing.assert_array_equal(alone[account].equity[:, 0], together.equity[:, account])
        np.testing.assert_array_equal(alone[account].units[:, 0], together.units[:, account])
        single.reset(seed=0)
        for t, row in enumerate(actions[:-1], start=1):
            observation, _, terminated, truncated, info = single.step(row[account])
            assert info["equity"] == equity[t][account] == together.equity[t, account]
            np.testing.assert_array_equal(observation, observed[t][account])
            if not terminated:
                np.testing.assert_array_equal(info["exposure"], together.exposure[t, account])
            told = {name: info[name] for name in RECORDED}
            assert told == {name: getattr(together, name)[t, account] for name in RECORDED}
            if terminated or truncated:
                break


@settings(max_examples=40)
@given(full_games(), st.integers(1, 4))
def test_an_account_that_is_put_down_and_taken_up_goes_on_to_the_last_bit(game, bars):
    market, targets, rules = game
    whole, last, state = run_ledger(market, targets, rules), len(market) - 1, None
    for t in range(0, last, bars):
        part = market.rows(range(t, min(t + bars, last) + 1)).begun(market.seen(t))
        simulator = AccountSimulator(part, rules, 1)
        if state is not None:
            simulator.restore({**state, "t": np.zeros(1, np.int64), "until": np.full(1, len(part) - 1)})
        for row in range(t, t + len(part) - 1):
            step = simulator.follow(targets[row, :, 0] if targets.shape[2] == 1 else targets[row])
            np.testing.assert_array_equal(simulator.worth, whole.equity[row + 1])
            np.testing.assert_array_equal(simulator.accounts.units.reshape(1, -1), whole.units[row + 1])
            np.testing.assert_array_equal(step.record.fee, whole.fee[row + 1])
        state = simulator.state()

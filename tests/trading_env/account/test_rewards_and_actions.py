"""What an action asks for and what a bar is worth: laws under every kind, then answers known in closed form."""

import dataclasses

import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from trading_env import Market, RewardConfig, TradingConfig, TradingEnv, TradingVectorEnv, run_ledger

from full_games import FREE, KINDS, full_market, random_rules, reward_of

ACTIONS = ("levels", "exposure", "long_weights", "long_short_weights")


def rules_of(seed, **fixed):
    fixed.setdefault("exposures", (-1.0, 0.0, 0.5, 1.5))
    return random_rules(np.random.default_rng(seed), **fixed)


def sampled(env, steps, seed):
    env.action_space.seed(seed)
    return [env.action_space.sample() for _ in range(steps)]


@pytest.mark.parametrize("assets", [1, 3])
@pytest.mark.parametrize("actions", ACTIONS)
@pytest.mark.parametrize("kind", KINDS)
def test_one_env_and_many_agree_to_the_last_bit_under_every_action_and_reward(assets, actions, kind):
    for seed in range(3):
        market = full_market(seed, 40, assets, portfolio=seed > 0)
        rules = rules_of(seed, actions=actions, reward=reward_of(kind))
        vector = TradingVectorEnv(market, rules, num_envs=5)
        played = sampled(vector, 39, seed)
        told = [(vector.reset(seed=0)[0], np.zeros(5), np.ones(5))]
        flags = [np.zeros(5, bool)]
        for row in played:
            observation, reward, terminated, truncated, info = vector.step(row)
            told.append((observation, reward, info["equity"]))
            flags.append(flags[-1] | terminated | truncated)
        for number in range(5):
            env = TradingEnv(market, rules)
            observation, _ = env.reset(seed=0)
            assert observation in env.observation_space
            for t, row in enumerate(played):
                observation, reward, terminated, truncated, info = env.step(row[number])
                assert observation in env.observation_space
                np.testing.assert_array_equal(observation, told[t + 1][0][number])
                assert (reward, info["equity"]) == (told[t + 1][1][number], told[t + 1][2][number])
                assert (terminated or truncated) == flags[t + 1][number]
                if terminated or truncated:
                    break


@pytest.mark.parametrize("actions", ACTIONS)
def test_the_env_s_equity_is_the_ledger_s_on_the_targets_its_actions_ask_for(actions):
    market, rules = full_market(7, 40, 2, portfolio=True), rules_of(7, actions=actions)
    env = TradingEnv(market, rules)
    played = sampled(env, 39, 1)
    targets = np.array([env.targets(action) for action in played] + [np.zeros(2)])
    path = run_ledger(market, targets, rules)
    env.reset(seed=0)
    for t, action in enumerate(played):
        _, _, terminated, _, info = env.step(action)
        assert info["equity"] == path.equity[t + 1, 0]
        np.testing.assert_array_equal(info["exposure"], path.exposure[t + 1, 0])
        names = (
            "fee",
            "spread",
            "slippage",
            "borrow",
            "financing",
            "funding",
            "dividends",
            "turnover",
            "called",
            "cut",
        )
        for name in names:
            assert info[name] == getattr(path, name)[t + 1, 0], name
        if terminated:
            break


@pytest.mark.parametrize("actions", ACTIONS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_remembered_transition_replays_under_every_action_and_reward(actions, kind):
    rules = rules_of(3, actions=actions, reward=reward_of(kind), lot=0.0, min_notional=0.0)
    market = dataclasses.replace(full_market(3, 60, 2, portfolio=True), lots=None)
    env = TradingVectorEnv(market, rules, num_envs=20, starts="random")
    observation, _ = env.reset(seed=3)
    for row in sampled(env, 25, 3):
        t, account = env.cursor()
        np.testing.assert_array_equal(env.observe(t, account), observation)
        observation, reward, terminated, truncated, info = env.step(row)
        lived = ~info["opened"]
        replayed, following, ruined, ended = env.transition(t[lived], account[lived], row[lived])
        np.testing.assert_allclose(replayed, reward[lived], rtol=2e-4, atol=2e-5)
        np.testing.assert_allclose(following, env.cursor()[1][lived], rtol=1e-4, atol=1e-5)
        np.testing.assert_array_equal(ruined, terminated[lived])
        np.testing.assert_array_equal(ended, truncated[lived])


@pytest.mark.parametrize("assets", [1, 3])
def test_in_a_thousand_episodes_the_future_reaches_nothing_that_came_before(assets):
    """250 accounts in four worlds; observations, fills, equity and rewards up to t, each world cut at its own t."""
    for seed, cut in enumerate((3, 11, 22, 36)):
        market, other = full_market(seed, 40, assets), full_market(seed + 100, 40, assets, volatility=0.2)
        names = ("open", "close", "volume", "volatility", "dividends", "splits", "funding", "missing", "features")
        mixed = {
            name: np.concatenate([getattr(market, name)[: cut + 1], getattr(other, name)[cut + 1 :]]) for name in names
        }
        rules = rules_of(seed, reward=reward_of(KINDS[seed]))
        worlds = [TradingVectorEnv(one, rules, num_envs=250) for one in (market, dataclasses.replace(market, **mixed))]
        seen = [[env.reset(seed=0)[0]] for env in worlds]
        for row in sampled(worlds[0], cut, seed):
            for env, rows in zip(worlds, seen, strict=True):
                observation, reward, *_, info = env.step(row)
                rows.extend(
                    [observation, reward, info["equity"], env.simulator.accounts.units, env.simulator.accounts.cash]
                )
        for one, two in zip(*seen, strict=True):
            np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("assets", [1, 3])
@pytest.mark.parametrize("actions", ACTIONS)
def test_gymnasium_s_checker_accepts_every_kind_of_action(actions, assets):
    check_env(TradingEnv(full_market(1, 40, assets), rules_of(1, actions=actions)), skip_render_check=True)


def flat_market(close):
    close = np.asarray(close, dtype=float)
    names = tuple("ab"[: close.shape[1]])
    return Market(open=close, close=close, features=np.zeros((len(close), 1)), bars_per_year=252, instruments=names)


def rewards(kind, close, played, **settings):
    reward = RewardConfig(kind=kind, **settings)
    env = TradingEnv(flat_market(close), TradingConfig(execution="same_close", costs=FREE, reward=reward))
    env.reset()
    return [env.step(action)[1] for action in played]


def test_the_drawdown_penalty_is_paid_as_it_deepens_and_once():
    got = rewards("drawdown", [[100.0], [80.0], [90.0], [80.0], [100.0]], [2, 2, 2, 2], penalty=2.0)
    growth = np.log([0.8, 90 / 80, 80 / 90, 100 / 80])
    np.testing.assert_allclose(got, growth - 2.0 * np.array([0.2, 0.0, 0.1, 0.0]))


def test_the_variance_penalty_is_half_the_aversion_times_the_squared_growth():
    got = rewards("variance", [[100.0], [80.0], [90.0]], [2, 2], penalty=3.0)
    growth = np.log([0.8, 90 / 80])
    np.testing.assert_allclose(got, growth - 1.5 * growth**2)


def test_holding_the_benchmark_is_worth_nothing_beyond_it():
    close = [[100.0, 10.0], [110.0, 10.0], [99.0, 12.0]]
    reward = RewardConfig(kind="benchmark")
    rules = TradingConfig(execution="same_close", rebalance="every_bar", costs=FREE, reward=reward)
    env = TradingEnv(flat_market(close), rules)
    env.reset()
    np.testing.assert_allclose([env.step(2)[1] for _ in range(2)], [0.0, 0.0], atol=1e-12)
    env.reset()
    np.testing.assert_allclose(env.step(1)[1], -np.log(1.05))


def test_the_differential_sharpe_ratio_is_the_derivative_of_the_moving_sharpe_ratio():
    """Moody and Saffell (2001): S_t = S_{t-1} + eta D_t + O(eta^2); exact as the memory grows."""
    rng, memory = np.random.default_rng(2), 1e6
    growth = rng.normal(0.001, 0.01, 50)
    close = 100.0 * np.exp(np.cumsum(np.concatenate([[0.0], growth])))[:, None]
    got = rewards("differential_sharpe", close, [2] * 50, memory_bars=memory)
    first = second = 0.0
    for t, change in enumerate(growth):
        up, wider = change - first, change**2 - second
        if t and second - first**2 > 1e-12:
            assert got[t] == pytest.approx((second * up - 0.5 * first * wider) / (second - first**2) ** 1.5, rel=1e-6)
        first, second = first + up / memory, second + wider / memory
    settled = rewards("differential_sharpe", close, [2] * 50, memory_bars=20.0)
    first = second = 0.0
    for t, change in enumerate(growth):
        before = first / np.sqrt(second - first**2) if second > first**2 else None
        up, wider = change - first, change**2 - second
        small = 1e-7
        nudged = (first + small * up) / np.sqrt(second + small * wider - (first + small * up) ** 2) if before else None
        if before is not None and t > 5:
            assert settled[t] == pytest.approx((nudged - before) / small, rel=1e-3)
        first, second = first + up / 20.0, second + wider / 20.0


@pytest.mark.parametrize(
    ("actions", "asked", "targets"),
    [
        ("levels", 2, [0.5, 0.5]),
        ("levels", 0, [-0.5, -0.5]),
        ("exposure", [0.5], [0.25, 0.25]),
        ("long_weights", [0.25, 0.5], [0.25, 0.5]),
        ("long_weights", [1.0, 1.0], [0.5, 0.5]),
        ("long_weights", [0.0, 0.0], [0.0, 0.0]),
        ("long_short_weights", [-1.0, 1.0], [-0.5, 0.5]),
        ("long_short_weights", [-0.25, 0.5], [-0.25, 0.5]),
    ],
)
def test_an_action_asks_for_these_targets(actions, asked, targets):
    env = TradingEnv(flat_market(np.ones((3, 2))), TradingConfig(actions=actions))
    np.testing.assert_allclose(env.targets(np.array(asked)), targets)


@pytest.mark.parametrize(
    ("actions", "asked", "message"),
    [
        ("levels", 3, r"actions must be 1 numbers in \[0, 2\], was \[3\]"),
        ("exposure", [1.1], r"actions must be 1 x 1 numbers in \[-1, 1\], was \[\[1.1\]\]"),
        ("exposure", [np.nan], r"actions must be 1 x 1 numbers in \[-1, 1\], was \[\[nan\]\]"),
        ("long_weights", [-0.1, 0.5], r"actions must be 1 x 2 numbers in \[0, 1\]"),
        ("long_short_weights", [0.5], r"actions must be 1 x 2 numbers in \[-1, 1\], had the shape \(1, 1\)"),
    ],
)
def test_an_action_out_of_range_is_refused(actions, asked, message):
    env = TradingEnv(flat_market(np.ones((3, 2))), TradingConfig(actions=actions))
    env.reset()
    with pytest.raises(ValueError, match=message):
        env.step(np.array(asked))


def test_an_exposure_that_outgrew_its_equity_is_shown_at_the_bound_it_is_declared_with():
    market = flat_market([[100.0], [100.0], [197.0], [197.0]])
    env = TradingEnv(market, TradingConfig(costs=FREE, ruin_equity=0.0))
    env.reset()
    for _ in range(2):
        observation, *_, info = env.step(0)
    assert info["exposure"][0] == pytest.approx(-197 / 3)
    assert observation[1] == -10.0
    assert observation in env.observation_space

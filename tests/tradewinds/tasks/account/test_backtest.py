"""The backtest: its numbers by another road, its baselines by their laws."""

import dataclasses
import math
import re
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from tradewinds.evaluation.inference import compare_forecasts, forecast_verdict, inference_block, rival_verdicts
from tradewinds.evaluation.metrics import simple_returns, strategy_metrics
from tradewinds.tasks.account.backtest import backtest, play
from tradewinds.tasks.account.rivals import of_one, random_rotation, sign_targets
from trading_env import CostConfig, LedgerRun, Market, TradingConfig, perfect_foresight, run_ledger

FREE = CostConfig(fee_bps=0, half_spread_bps=0, slippage_bps=0, borrow_bps_per_year=0, financing_bps_per_year=0)


def market_of(num_bars=300, seed=0):
    rng = np.random.default_rng(seed)
    close = 100.0 * np.exp(np.cumsum(rng.normal(0, 0.01, num_bars)))[:, None]
    index = np.datetime64("2020-01-01", "ns") + np.arange(num_bars) * np.timedelta64(1, "D")
    return Market(open=close, close=close, features=rng.normal(size=(num_bars, 2)), bars_per_year=365.0, index=index)


class FollowFirstFeature:
    """A policy that goes with the sign of the first feature."""

    def act(self, observations):
        return (observations[:, 0] > 0).astype(np.int64) * 2


def test_the_agent_s_equity_is_what_the_environment_paid():
    from trading_env import TradingEnv

    market, config = market_of(), TradingConfig()
    targets = play(FollowFirstFeature(), market, config)
    drawn = random_rotation(targets, market, config, seed=1, draws=5)
    paths = of_one(targets, market, np.zeros((300, 2), np.float32), config)
    paths |= {"random_same_turnover": drawn, "perfect_foresight": perfect_foresight(market, config)}
    played = backtest(paths, market, config, rows=range(300))
    env, equity = TradingEnv(market, config), [1.0]
    observation, _ = env.reset(seed=0)
    for _ in range(299):
        observation, _, _, _, info = env.step(int(FollowFirstFeature().act(observation[None])[0]))
        equity.append(info["equity"])
    np.testing.assert_array_equal(played.equity("agent"), equity)
    assert played.strategies == tuple(paths)
    assert played.metrics["flat"]["total_return"] == 0.0
    assert played.metrics["perfect_foresight"]["total_return"] > played.metrics["agent"]["total_return"]


def test_a_rotation_keeps_holdings_and_loses_timing():
    market, config = market_of(), TradingConfig(costs=FREE)
    targets = play(FollowFirstFeature(), market, config)
    rotated = random_rotation(targets, market, config, seed=3, draws=21)
    assert sorted(rotated.ravel()) == sorted(targets.ravel())
    assert not np.array_equal(rotated, targets)
    changes = [int((np.diff(path[:, 0]) != 0).sum()) for path in (targets, rotated)]
    assert abs(changes[0] - changes[1]) <= 1
    np.testing.assert_array_equal(rotated, random_rotation(targets, market, config, seed=3, draws=21))


def test_the_sign_rule_holds_the_level_nearest_to_the_sign():
    forecast = np.array([0.1, -0.2, 0.0], np.float32)
    assert sign_targets(forecast, TradingConfig()).ravel().tolist() == [1.0, -1.0, 0.0]
    long_only = TradingConfig(exposures=(0.0, 0.5))
    assert sign_targets(forecast, long_only).ravel().tolist() == [0.5, 0.0, 0.0]


def path_of(returns):
    """A ledger path with the given bar returns and nothing else."""
    equity = np.concatenate(([1.0], np.cumprod(1.0 + np.asarray(returns))))[:, None]
    zero = np.zeros_like(equity)
    cube = np.zeros((*equity.shape, 1))
    nothing = dict.fromkeys((field.name for field in dataclasses.fields(LedgerRun)), zero)
    cubes = dict.fromkeys(("units", "exposure", "settled_units", "settled_value"), cube)
    return LedgerRun(**{**nothing, **cubes, "equity": equity, "splits": None, "fill_splits": None})


@given(st.lists(st.floats(-0.3, 0.3), min_size=5, max_size=60))
def test_metrics_equal_their_formulas(returns):
    path = path_of(returns)
    metrics = strategy_metrics(path, 0, [], bars_per_year=52.0, span=timedelta(days=7 * len(returns)))
    r, equity = simple_returns(path.equity[:, 0]), path.equity[:, 0]
    if r.std() > 1e-9:
        assert metrics["sharpe_annual_ddof1_arithmetic"] == pytest.approx(
            r.mean() / r.std(ddof=1) * math.sqrt(52), rel=1e-9
        )
    drawdown = (1.0 - equity / np.maximum.accumulate(equity)).max()
    assert metrics["max_drawdown_from_start_capital"] == pytest.approx(drawdown, abs=1e-12)
    years = 7 * len(returns) / 365.25
    if years >= 1 / 12:
        assert metrics["cagr_365_25"] == pytest.approx(equity[-1] ** (1 / years) - 1, rel=1e-9)
    if (r < 0).any():
        downside = math.sqrt(np.mean(np.minimum(r, 0.0) ** 2))
        assert metrics["sortino_annual_all_bars"] == pytest.approx(r.mean() / downside * math.sqrt(52), rel=1e-9)


def test_a_loss_on_the_first_bar_is_a_drawdown():
    metrics = strategy_metrics(path_of([-0.05, 0.01]), 0, [], bars_per_year=252, span=timedelta(days=2))
    assert metrics["max_drawdown_from_start_capital"] == pytest.approx(0.05)


@pytest.mark.parametrize("returns", [[0.0] * 10, [0.01] * 10, [-1.0] + [0.0] * 9])
def test_what_cannot_be_computed_is_null_with_its_reason(returns):
    metrics = strategy_metrics(path_of(returns), 0, [], bars_per_year=252, span=timedelta(days=10))
    for name, value in metrics.items():
        if value is None:
            assert metrics[f"{name}_reason"]
        elif isinstance(value, float):
            assert math.isfinite(value)
    assert metrics["win_rate_closed_trades"] is None
    assert metrics["cagr_365_25"] is None


def test_honesty_knows_skill_from_noise_and_says_why_it_is_silent():
    rng = np.random.default_rng(0)
    hold, errors = rng.normal(0, 0.01, 800), rng.normal(0, 0.01, 800)
    options = {"bars_per_year": 252.0, "draws": 300, "seed": 1}
    skilled = inference_block(
        hold + rng.normal(0.004, 0.01, 800), hold, {"model": errors * 0.5, "naive": errors}, **options
    )
    assert skilled["spa_p_value"] < 0.05
    assert skilled["sharpe_ci95"][0] > 0.0
    assert skilled["diebold_mariano"]["statistic"] < -3.0
    lucky = inference_block(
        rng.normal(0, 0.01, 800), hold, {"model": rng.normal(0, 0.01, 800), "naive": errors}, **options
    )
    assert lucky["sharpe_ci95"][0] < 0.0 < lucky["sharpe_ci95"][1]
    assert abs(lucky["diebold_mariano"]["statistic"]) < 3.0
    same = inference_block(hold, hold, {"model": errors, "naive": errors}, **options)
    assert same["spa_p_value"] is None
    assert same["spa_p_value_reason"] == "the agent held what buy-and-hold held"
    assert same["diebold_mariano_reason"]
    flat = inference_block(np.zeros(800), hold, {"model": errors, "naive": errors}, **options)
    assert flat["sharpe_ci95"] is None


def test_honesty_depends_on_its_seed_and_on_nothing_else():
    rng = np.random.default_rng(0)
    returns, errors = rng.normal(0.001, 0.01, (2, 300)), {"model": rng.normal(size=300), "naive": rng.normal(size=300)}
    blocks = [inference_block(*returns, errors, bars_per_year=252.0, draws=200, seed=seed) for seed in (1, 1, 2)]
    assert blocks[0] == blocks[1]
    assert blocks[0]["sharpe_ci95"] != blocks[2]["sharpe_ci95"]


def test_run_ledger_is_what_metrics_read():
    market = market_of()
    path = run_ledger(market, np.ones((300, 1)), TradingConfig())
    metrics = strategy_metrics(path, 0, [], bars_per_year=365.0, span=timedelta(days=299))
    assert metrics["fees_paid"] == pytest.approx(path.fee.sum())
    assert metrics["turnover_per_year"] == pytest.approx(path.turnover.sum() * 365 / 299)
    assert metrics["exposure_mean"] == pytest.approx(path.exposure.mean())


def test_a_verdict_names_whom_the_network_beats_and_whom_not():
    rng = np.random.default_rng(0)
    noise = rng.normal(0.0, 1.0, (600, 4))
    errors = {
        "lstm": noise,
        "naive": 1.5 * noise,
        "ridge": rng.normal(0.0, 1.0, (600, 4)),
        "dlinear": noise,
        "x": 0.5 * noise,
    }
    comparison = compare_forecasts(errors, "lstm")
    assert comparison["naive"]["all_bars"]["statistic"] < -3.0
    assert comparison["naive"]["value_ahead"]["p_value"] < 0.01
    assert comparison["dlinear"] == {"next_bar": None, "all_bars": None, "value_ahead": None}
    said = forecast_verdict(comparison, "lstm", 4)
    outcomes = (
        r"beats naive \(p [=<] \S+\), and does not beat ridge \(p = \S+\), dlinear, and loses to x \(p [=<] \S+\)"
    )
    assert re.fullmatch(
        rf"in the value 4 bars ahead the lstm {outcomes}; in the changes of these bars, one by one, it {outcomes} "
        r"\(Diebold-Mariano\)",
        said,
    )
    of_one = forecast_verdict({"naive": comparison["naive"]}, "lstm", 1)
    assert re.fullmatch(r"in the value of the next bar the lstm beats naive \(p [=<] \S+\) \(Diebold-Mariano\)", of_one)
    words = rival_verdicts(comparison)
    assert words["naive"].startswith("beats naive (p ")
    assert words["ridge"].startswith("does not beat ridge (p = ")
    assert words["dlinear"] == "does not beat dlinear"


def test_forecasts_of_several_bars_are_compared_with_the_variance_of_overlapping_errors():
    """Errors that overlap h bars repeat themselves: the test of 24 bars ahead must be far less sure than one of 1."""
    rng = np.random.default_rng(1)
    chances = []
    for _ in range(200):
        shocks = rng.normal(0.0, 1.0, (2, 424))
        ours, theirs = (np.convolve(part, np.ones(24), "valid")[:400, None] / 5.0 for part in shocks)
        pair = {"a": np.repeat(ours, 24, axis=1), "b": np.repeat(theirs, 24, axis=1)}
        chances.append(compare_forecasts(pair, "a")["b"]["all_bars"]["p_value"])
    assert np.mean(np.array(chances) < 0.05) < 0.20  # with lags of one bar it would be above one half


def test_diebold_mariano_is_the_formula_of_the_documents():
    rng = np.random.default_rng(4)
    errors = {"model": rng.normal(size=130), "naive": 1.1 * rng.normal(size=130)}
    returns = rng.normal(size=130)
    found = inference_block(returns, returns, errors, bars_per_year=252, draws=100, seed=0)["diebold_mariano"]
    loss = errors["model"] ** 2 - errors["naive"] ** 2
    count, lags, centred = 130, 6, loss - loss.mean()  # 6 = ceil(130 ** (1 / 3))
    covariances = [centred[lag:] @ centred[: count - lag] / count for lag in range(lags + 1)]
    weights = [1.0, *(2.0 * (1.0 - lag / (lags + 1)) for lag in range(1, lags + 1))]
    plain = loss.mean() / math.sqrt(np.dot(weights, covariances) / count)
    assert found["statistic"] == pytest.approx(plain * math.sqrt((count - 1) / count), rel=1e-9)
    assert found["p_value"] == pytest.approx(2.0 * stats.t.sf(abs(found["statistic"]), df=count - 1), rel=1e-9)

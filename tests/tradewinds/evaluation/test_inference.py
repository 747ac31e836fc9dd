"""Luck, counted: every formula against somebody else's, and the log of trials that they are fed from."""

import dataclasses
import itertools
import json
import shutil

import ffn.core
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from tradewinds.evaluation.inference import inference_block, interval_block, interval_of, mean_interval
from tradewinds.evaluation.overfitting import (
    bar_sharpe,
    deflated_sharpe,
    expected_best_sharpe,
    overfitting_probability,
    probabilistic_sharpe,
)
from tradewinds.evaluation.seed_statistics import interquartile_mean, seed_summary
from tradewinds.evaluation.trials import judged_trial, log_trial, rivals, trial_block
from tradewinds.tasks.account.cost_sweep import cost_block
from trading_env import CostConfig, Market, TradingConfig, run_ledger

from story import FAST_CSV, write_bars

seeds = st.integers(0, 2**31)


def priced(returns):
    """Returns as ffn reads them: a series with the first price's missing one left out."""
    return pd.Series(returns, index=pd.date_range("2020-01-01", periods=len(returns)))


@given(seeds, st.integers(20, 400), st.integers(1, 60))
@settings(max_examples=25)
def test_the_deflated_sharpe_ratio_is_ffn_s_to_a_trillionth(seed, bars, count):
    rng = np.random.default_rng(seed)
    returns = rng.standard_t(4, bars) * 0.01 + 0.0005
    trials = np.append(rng.normal(0.0, 0.05, count - 1), bar_sharpe(returns))
    theirs = ffn.core.calc_deflated_sharpe_ratio(priced(returns), trials, nperiods=252, annualized_trials=False)
    assert deflated_sharpe(returns, trials) == pytest.approx(theirs, rel=1e-12, abs=1e-14)
    assert expected_best_sharpe(trials) == pytest.approx(
        ffn.core.calc_expected_max_sharpe(count, np.std(trials, ddof=1) if count > 1 else 0.0), abs=1e-14
    )


def test_with_one_trial_the_deflated_sharpe_ratio_is_the_probabilistic_one():
    returns = np.random.default_rng(0).normal(0.001, 0.01, 500)
    assert deflated_sharpe(returns, np.array([bar_sharpe(returns)])) == probabilistic_sharpe(returns)


def test_normal_returns_give_the_probabilistic_sharpe_ratio_of_the_textbook():
    returns = stats.norm.ppf((np.arange(10_000) + 0.5) / 10_000) * 0.01 + 0.0001
    ratio = bar_sharpe(returns)
    expected = stats.norm.cdf(ratio * np.sqrt(9_999) / np.sqrt(1.0 + ratio**2 / 2.0))
    assert probabilistic_sharpe(returns) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("returns", [np.zeros(100), np.full(100, 0.01), np.zeros(3), np.zeros(0)])
def test_returns_that_do_not_vary_or_are_few_have_no_probability(returns):
    assert probabilistic_sharpe(returns) is None
    assert bar_sharpe(returns) == 0.0


@given(seeds, st.sampled_from([4, 6, 8]), st.integers(2, 12))
@settings(max_examples=15)
def test_the_probability_of_overfitting_is_ffn_s_to_the_last_split(seed, blocks, count):
    returns = np.random.default_rng(seed).normal(0.0, 0.01, (171, count))
    theirs = ffn.core.calc_prob_backtest_overfitting(pd.DataFrame(returns), n_blocks=blocks)
    assert overfitting_probability(returns, blocks) == theirs


def test_a_trial_that_is_better_everywhere_is_not_overfitted_and_luck_is():
    rng = np.random.default_rng(1)
    noise = rng.normal(0.0, 0.01, (960, 20))
    better = noise.copy()
    better[:, 7] += 0.01
    assert overfitting_probability(better) == 0.0
    assert overfitting_probability(noise - noise.mean(axis=0)) > 0.5


def test_seeds_are_told_by_their_median_their_worst_and_the_mean_of_the_middle_half():
    summary = seed_summary(list(range(8)), [8.0, 1.0, 7.0, 2.0, 6.0, 3.0, 5.0, 4.0])
    interval = summary.pop("interquartile_mean_ci95")
    assert summary == {"seeds": list(range(8)), "median": 4.5, "worst": 1.0, "interquartile_mean": 4.5}
    assert interval[0] < 4.5 < interval[1]
    values = np.random.default_rng(0).normal(size=12).tolist()
    theirs = stats.trim_mean(values, 0.25)
    assert seed_summary(list(range(12)), values)["interquartile_mean"] == pytest.approx(theirs, rel=1e-12)
    alone = seed_summary([3], [0.5])
    assert (alone["interquartile_mean"], alone["interquartile_mean_ci95"]) == (0.5, None)
    assert alone["interquartile_mean_ci95_reason"] == "1 seed; 3 are needed, 10 or more are better"


def test_the_interval_over_seeds_is_that_of_all_possible_draws():
    values = [0.0, 1.0, 3.0, 4.0]
    exact = interquartile_mean(np.array(list(itertools.product(values, repeat=4))))  # all 256 of them, as likely
    expected = np.percentile(exact, [2.5, 97.5])
    np.testing.assert_allclose(seed_summary([1, 2, 3, 4], values)["interquartile_mean_ci95"], expected, atol=0.01)


@given(st.lists(st.floats(-3.0, 3.0), min_size=3, max_size=12), st.floats(-2.0, 2.0), st.floats(0.1, 4.0))
@settings(max_examples=15)
def test_the_interval_over_seeds_moves_and_stretches_with_them_and_forgets_their_order(values, shift, scale):
    seeds = list(range(len(values)))
    low, high = seed_summary(seeds, values)["interquartile_mean_ci95"]
    moved = seed_summary(seeds, [shift + scale * value for value in reversed(values)])["interquartile_mean_ci95"]
    np.testing.assert_allclose(moved, [shift + scale * low, shift + scale * high], atol=1e-9)
    assert min(values) - 1e-9 <= low <= high <= max(values) + 1e-9


def moving_market(num_bars=200):
    rng = np.random.default_rng(4)
    close = 100.0 * np.exp(np.cumsum(rng.normal(0.0, 0.01, num_bars)))[:, None]
    return Market(open=close, close=close, features=np.zeros((num_bars, 1)), bars_per_year=252.0)


def test_at_the_break_even_cost_nothing_is_gained_and_nothing_lost():
    market = moving_market()
    truth = np.sign(np.diff(market.close[:, 0], append=market.close[-1, 0]))
    rules = TradingConfig(execution="same_close")
    block = cost_block(truth[:, None], market, rules)
    costs = CostConfig(fee_bps=block["break_even_cost_bps"], half_spread_bps=0, slippage_bps=0)
    equity = run_ledger(market, truth[:, None], dataclasses.replace(rules, costs=costs)).equity[-1, 0]
    assert equity == pytest.approx(1.0, abs=1e-8)
    returns = [row["total_return"] for row in block["cost_sweep"]]
    assert returns == sorted(returns, reverse=True)
    assert [row["cost_bps"] for row in block["cost_sweep"]] == [0.0, 1.0, 2.0, 5.0, 10.0, 20.0]


@pytest.mark.parametrize(
    ("targets", "reason"),
    [
        (np.zeros((200, 1)), "the agent never traded"),
        (-np.sign(np.diff(moving_market().close, axis=0, append=moving_market().close[-1:])), "earned nothing even"),
        (np.full((200, 1), 1.0), None),
    ],
)
def test_a_break_even_cost_that_does_not_exist_has_a_reason(targets, reason):
    market = moving_market()
    close = 100.0 * 1.01 ** np.arange(200.0)[:, None]
    rising = Market(open=close, close=close, features=market.features, bars_per_year=252.0)
    block = cost_block(targets, rising if reason is None else market, TradingConfig(execution="same_close"))
    assert block["break_even_cost_bps"] is None
    assert (reason or "still gains at 1000 basis points") in block["break_even_cost_bps_reason"]


def test_seeds_and_sweeps_count_as_trials_and_repetitions_do_not(tradewinds, tmp_path):
    write_bars(tmp_path / "mine.csv", 300)
    words = ("run", "series=csv", "series.path=mine.csv", *FAST_CSV, "trainer.epochs=1")
    words += ("agent.steps=300", "agent.learning_starts=100", "agent.validate_every=150")
    assert tradewinds(*words).status == 0
    assert tradewinds(*words).status == 0
    shutil.copytree("runs", "typed")
    swept = tradewinds(*words, "-m", "seed=1,2", "run.name=another")
    assert swept.status == 0
    assert "agent's Sharpe over 3 seeds: interquartile mean " in swept.out
    assert "95 % interval " in swept.out
    files = sorted(tmp_path.glob("runs/*/*/report.json"), key=lambda file: file.parent.name)
    honesty = [json.loads(file.read_text(encoding="utf-8"))["honesty"] for file in files]
    assert [block["trials"] for block in honesty] == [1, 1, 2, 3]
    assert [block["sharpe_by_seed"]["seeds"] for block in honesty] == [[7], [7], [1, 7], [1, 2, 7]]
    assert honesty[-1]["pbo_reason"] == "3 trials on these test rows; 8 are needed (seeds count)"
    assert len((tmp_path / "runs/trials.jsonl").read_text(encoding="utf-8").splitlines()) == 4
    for seed in (1, 2):  # the same, typed one after another
        assert tradewinds(*words, f"seed={seed}", "run.name=another", "run.dir=typed").status == 0
    typed = sorted(tmp_path.glob("typed/*/*/report.json"), key=lambda file: file.parent.name)
    assert [unmarked(file) for file in typed[2:]] == [unmarked(file) for file in files[2:]]


def unmarked(file):
    """A report but for its id, its start and its seconds."""
    report = json.loads(file.read_text(encoding="utf-8"))
    for name in ("id", "started_at", "seconds"):
        del report["run"][name]
    return report


def test_eight_trials_on_the_same_rows_have_a_probability_of_overfitting(tmp_path):
    blocks, rng = [], np.random.default_rng(0)
    for seed in range(8):
        increments = priced(rng.normal(0.0, 0.01, 199))
        blocks.append(trial_block(judged(increments, seed, tmp_path / f"run{seed}"), increments, tmp_path))
    assert [block["trials"] for block in blocks] == list(range(1, 9))
    assert blocks[6]["pbo"] is None
    assert 0.0 <= blocks[7]["pbo"] <= 1.0
    assert blocks[7]["deflated_sharpe"] < blocks[7]["probabilistic_sharpe"]
    with (tmp_path / "trials.jsonl").open("a", encoding="utf-8") as log:
        log.write('{"key": "half')  # a run was killed here
    increments = priced(rng.normal(size=199))
    trial = judged(increments, 3, tmp_path / "again")
    log_trial(trial, increments, tmp_path)
    assert len(rivals(tmp_path, trial)) == 8


def test_a_trial_is_another_one_with_other_settings_data_or_bars_and_not_in_another_folder(tmp_path):
    increments = priced(np.random.default_rng(0).normal(0.001, 0.01, 199))
    trial = judged(increments, 1, tmp_path)
    assert judged(increments, 1, tmp_path / "moved").key == trial.key
    assert judged(increments, 2, tmp_path).key != trial.key
    assert judged(increments, 2, tmp_path).family == trial.family
    for change in ({"data_sha256": "y"}, {"last": "2020-12-30"}, {"config": {"seed": 1, "model": "gru"}}):
        other = judged(increments, 1, tmp_path, **change)
        assert (other.key != trial.key, other.family != trial.family) == (True, True), change
    assert trial.sharpe == bar_sharpe(increments.to_numpy()) * 252**0.5


def judged(increments, seed, run, **changes):
    """A trial of 200 daily bars."""
    facts = {
        "series": "made",
        "way": "account",
        "rows": "",
        "data_sha256": "x",
        "first": "2020-01-01",
        "last": "2020-12-31",
        "periods": 200,
    }
    facts |= {"periods_per_year": 252.0, "config": {"seed": seed, "model": "lstm"}, "seed": seed, "run": run}
    return judged_trial(increments, **(facts | changes))


def test_the_interval_of_a_mean_is_that_of_the_textbook_where_periods_are_independent():
    sample = np.random.default_rng(0).normal(1.0, 2.0, 2_000)
    low, high = interval_of(np.mean, sample, draws=1_000, seed=1)
    error = sample.std(ddof=1) / 2_000**0.5
    assert low == pytest.approx(sample.mean() - 1.96 * error, abs=0.3 * error)
    assert high == pytest.approx(sample.mean() + 1.96 * error, abs=0.3 * error)
    assert [low, high] == interval_of(np.mean, sample, draws=1_000, seed=1)


def test_a_block_names_each_mean_and_each_ratio_or_says_why_there_is_none():
    profits, best = np.random.default_rng(0).normal(1.0, 0.5, (2, 60))
    block = interval_block(
        {"mean": (profits, None), "share": (profits, best), "none": (best[:5], None)}, draws=60, seed=2, unit="days"
    )
    assert list(block) == ["mean", "share", "none", "none_reason"]
    assert block["mean"] == interval_of(np.mean, profits, draws=60, seed=2) == mean_interval(profits, draws=60, seed=2)
    assert block["share"] == mean_interval(profits, per=best, draws=60, seed=2)
    assert block["none_reason"] == "5 days are too few or all alike; 20 are needed"


def test_blocks_may_be_told_to_be_single_periods():
    trend = np.repeat(np.random.default_rng(0).normal(size=40), 25)
    single, estimated = (mean_interval(trend, draws=200, seed=1, block=block) for block in (1.0, None))
    assert single[1] - single[0] < (estimated[1] - estimated[0]) / 2.0


def test_samples_are_drawn_together_and_the_first_decides_whether_there_is_an_interval():
    first = np.random.default_rng(0).normal(1.0, 2.0, 100)
    low, high = interval_of(lambda least, most: most.sum() / least.sum(), first, 3.0 * first, draws=50, seed=1)
    assert (low, high) == pytest.approx((3.0, 3.0))
    assert interval_of(np.mean, first[:19], draws=50, seed=1) is None
    assert interval_of(np.mean, np.ones(100), draws=50, seed=1) is None
    assert interval_of(np.mean, np.column_stack([first, np.ones(100)]), draws=50, seed=1) is None
    assert interval_of(lambda profits, _: profits.mean(), first, np.ones(100), draws=50, seed=1) is not None


def test_the_lead_over_buy_and_hold_is_drawn_from_the_same_bars():
    rng = np.random.default_rng(0)
    hold = rng.normal(0.0, 0.01, 600)
    errors = {"model": rng.normal(size=600), "naive": rng.normal(size=600)}
    ahead = inference_block(hold + 0.001, hold, errors, bars_per_year=252.0, draws=300, seed=1)
    low, high = ahead["sharpe_lead_ci95"]
    lead = 252**0.5 * 0.001 / hold.std(ddof=1)
    assert low < lead < high
    assert high - low < 0.5  # pairs: what moves both moves neither's lead
    flat = inference_block(np.zeros(600), hold, errors, bars_per_year=252.0, draws=100, seed=1)
    assert flat["sharpe_lead_ci95"] is None
    assert "no variance" in flat["sharpe_lead_ci95_reason"]

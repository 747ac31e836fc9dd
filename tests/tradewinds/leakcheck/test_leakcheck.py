"""Leaks planted in the real pipeline, each to be found where it sits; and the pipeline as it is, in which none is."""

import dataclasses
import json
import re

import numpy as np
import pandas as pd
import pytest
import torch

import forecaster.data.future_covariates
import forecaster.data.panel
import forecaster.fitted
import forecaster.hidden_states
import forecaster.training.instruments
import forecaster.training.training_set
import tradewinds.core.plugins as tradewinds_plugins
import tradewinds.data.assemble.exogenous
import tradewinds.leakcheck.reload as reloading
import tradewinds.pipeline.prepare
import tradewinds.pipeline.steps
import tradewinds.tasks.account.backtest
import tradewinds.tasks.account.market
from forecaster.data.series import Series
from tradewinds.commands.leakcheck import brief
from tradewinds.core.resources import resource_dir
from tradewinds.data import load_parts
from tradewinds.data.assemble.loaded import LoadedSeries, Parts
from tradewinds.leakcheck.probes import check_pipeline
from tradewinds.leakcheck.verdict import Verdict
from tradewinds.leakcheck.worlds import another_world, known_until, later_start
from tradewinds.request.compose import compose_requests
from tradewinds.request.schema import request_from
from tradewinds.tasks import job_of
from tradewinds.tasks.account.second_account import known_volatility, second_account
from tradewinds.tasks.account.task import AccountTask
from trading_env import CostConfig, Market, TradingConfig, realised_volatility, run_ledger

from markets import noise_series, with_ahead
from planting import BARS, WORDS, fft_filter, plant_features, plant_fit, prepared_of, request, series, unseal
from story import write_bars


@pytest.fixture
def prepared():
    return prepared_of(request(), Parts(LoadedSeries(series())))


def centred_average(monkeypatch):
    def change(values, table):
        smooth = pd.Series(values[:, 0]).rolling(3, center=True, min_periods=1).mean()
        values[:, 0] = np.where(np.isnan(values[:, 0]), np.nan, smooth)
        return values

    plant_features(monkeypatch, change)


def shift_back(monkeypatch):
    def change(values, table):
        values[table.first_row : -1, 1] = values[table.first_row + 1 :, 1]
        return values

    plant_features(monkeypatch, change)


def back_adjusted_price(monkeypatch):
    def adjusted(self):
        cut = np.ones_like(self.close)
        cut[:-1] = 1.0 - self.dividends[1:] / self.close[:-1]
        factor = np.cumprod(cut[::-1], axis=0)[::-1]
        prices = {name: getattr(self, name) * factor for name in ("open", "high", "low", "close")}
        return dataclasses.replace(self, **prices, dividends=None)

    monkeypatch.setattr(Series, "adjusted", adjusted)


def backfill(monkeypatch):
    def change(values, table):
        column = table.names.index("load")
        values[:, column] = pd.Series(values[:, column]).bfill()
        return values

    plant_features(monkeypatch, change)


def scaler_on_all(monkeypatch):
    original = forecaster.training.training_set.own_part
    whole = {}

    def remember(fit, series, config, rows, options):
        whole["values"] = forecaster.data.panel.build_features(series, config.features).values
        return fit(series, config, rows, **options)

    def scale(table, *arguments):
        part = original(table, *arguments)
        mean, std = np.nanmean(whole["values"], axis=0), np.nanstd(whole["values"], axis=0)
        scaled = forecaster.training.instruments.scale(table.values, mean, np.where(std > 0.0, std, 1.0), table.names)
        return dataclasses.replace(part, scaled=scaled, facts={**part.facts, "mean": mean, "std": std})

    plant_fit(monkeypatch, remember)
    monkeypatch.setattr(forecaster.training.training_set, "own_part", scale)


def fit_further(monkeypatch, bars):
    """Fit on some bars after the forecaster's own, and hide it."""

    def fit_otherwise(fit, series, config, rows, options):
        honest = {"fit_end": rows.stop - 1 - config.model.horizon, "fit_end_time": series.close_time[rows.stop - 1]}
        panel = fit(series, config, range(rows.start, rows.stop + bars), **options)
        return {name: dataclasses.replace(fitted, **honest) for name, fitted in panel.items()}

    plant_fit(monkeypatch, fit_otherwise)


def no_purge_before_the_agent(monkeypatch):
    fit_further(monkeypatch, 2)


def no_purge_before_the_stopping_rows(monkeypatch):
    original = forecaster.training.training_set.window_rows

    def rows_without_purge(rows, **options):
        chosen = original(rows, **options)
        return dataclasses.replace(chosen, fit=np.arange(chosen.fit[0], chosen.stop[0]))

    monkeypatch.setattr(forecaster.training.training_set, "window_rows", rows_without_purge)


def early_stopping_on_test(monkeypatch):
    def fit_otherwise(fit, series, config, rows, options):
        def error(panel):
            states = forecaster.hidden_states.encode(panel["one"], series)
            return float(((states.forecast[-30:-1, 0] - series.log_return()[-29:, 0]) ** 2).mean())

        trials = [
            fit(series, dataclasses.replace(config, trainer=dataclasses.replace(config.trainer, epochs=epochs)),
                rows, **options)
            for epochs in (1, 2, 3)
        ]  # fmt: skip
        return min(trials, key=error)

    plant_fit(monkeypatch, fit_otherwise)


def agent_chosen_on_test(monkeypatch):
    original = AccountTask.vector_env

    def env(self, prepared, states, part, **options):
        split = dataclasses.replace(prepared.split, validation=prepared.split.test)
        return original(self, dataclasses.replace(prepared, split=split), states, part, **options)

    monkeypatch.setattr(AccountTask, "vector_env", env)


def scaler_at_inference(monkeypatch):
    def scaled(self, features):
        return np.nan_to_num((features - np.nanmean(features, axis=0)) / np.nanstd(features, axis=0))

    monkeypatch.setattr(forecaster.fitted.FittedForecaster, "scaled", scaled)


def batch_statistics(monkeypatch):
    original = forecaster.fitted.LSTMForecaster.forward

    def forward(self, context, *future):
        return original(self, (context - context.mean(dim=0)) / (context.std(dim=0) + 1.0), *future)

    monkeypatch.setattr(forecaster.fitted.LSTMForecaster, "forward", forward)


def bidirectional_layer(monkeypatch):
    original = forecaster.hidden_states.encode

    def encode(fitted, series, *_):
        states = original(fitted, series)
        known = states.hidden_state[states.first_row :]
        backward = torch.nn.RNN(known.shape[1], known.shape[1], batch_first=True)
        for weights in backward.parameters():
            torch.nn.init.constant_(weights, 0.1)
        with torch.no_grad():
            later = backward(torch.from_numpy(known[::-1].copy())[None])[0][0].numpy()[::-1]
        hidden = np.array(states.hidden_state)
        hidden[states.first_row :] += later
        return dataclasses.replace(states, hidden_state=hidden)

    monkeypatch.setattr(forecaster.hidden_states, "encode", encode)


def full_sample_threshold(monkeypatch):
    original = tradewinds.tasks.account.backtest.play

    def play(policy, market, config):
        threshold = np.quantile(market.features[:, 0], 0.6)
        return original(policy, market, config) * 0.0 + (market.features[:, :1] > threshold)

    monkeypatch.setattr(tradewinds.tasks.account.backtest, "play", play)


def fill_at(monkeypatch, price):
    original = tradewinds.tasks.account.backtest.run_ledger

    def ledger(market, targets, config):
        moved = np.concatenate([market.open[:1], price(market)[:-1]])
        return original(dataclasses.replace(market, open=moved), targets, config)

    monkeypatch.setattr(tradewinds.tasks.account.backtest, "run_ledger", ledger)


def same_bar_open_fill(monkeypatch):
    fill_at(monkeypatch, lambda market: market.open)


def same_bar_close_fill(monkeypatch):
    fill_at(monkeypatch, lambda market: market.close)


def normalised_equity(monkeypatch):
    original = tradewinds.tasks.account.backtest.PlayedAccounts.equity
    monkeypatch.setattr(
        tradewinds.tasks.account.backtest.PlayedAccounts,
        "equity",
        lambda self, name: original(self, name) / original(self, name)[-1],
    )


def forecaster_fitted_on_the_agent_s_bars(monkeypatch):
    fit_further(monkeypatch, 20)


LEAKS = {
    centred_average: ("frozen", "features"),
    shift_back: ("frozen", "features"),
    fft_filter: ("frozen", "features"),
    back_adjusted_price: ("frozen", "series"),
    backfill: ("frozen", "features"),
    scaler_on_all: ("refit", "scaler"),
    no_purge_before_the_agent: ("refit", "forecaster_fit"),
    no_purge_before_the_stopping_rows: ("refit", "forecaster_fit"),
    early_stopping_on_test: ("refit", "forecaster_fit"),
    agent_chosen_on_test: ("refit", "agent_fit"),
    scaler_at_inference: ("frozen", "scaler"),
    batch_statistics: ("frozen", "hidden_states"),
    bidirectional_layer: ("frozen", "hidden_states"),
    full_sample_threshold: ("frozen", "actions"),
    same_bar_open_fill: ("account", "fills"),
    same_bar_close_fill: ("account", "fills"),
    normalised_equity: ("frozen", "equity"),
    forecaster_fitted_on_the_agent_s_bars: ("refit", "forecaster_fit"),
}


REACHING = (  # need a trainer that is handed later rows, which it is not: tests/tradewinds/pipeline/test_sealed.py
    scaler_on_all,
    no_purge_before_the_agent,
    early_stopping_on_test,
    agent_chosen_on_test,
    forecaster_fitted_on_the_agent_s_bars,
)


@pytest.mark.parametrize("plant", LEAKS, ids=lambda plant: plant.__name__)
def test_a_planted_leak_is_found_where_it_sits(plant, monkeypatch):
    if plant in REACHING:
        unseal(monkeypatch)
    plant(monkeypatch)
    verdict = check_pipeline(prepared_of(request(), Parts(LoadedSeries(series()))))
    assert verdict.leak is not None
    assert (verdict.leak.probe, verdict.leak.stage) == LEAKS[plant], str(verdict.leak)
    assert verdict.leak.bar in {bar.isoformat() for bar in series().index}


def test_the_pipeline_as_it_is_passes_every_probe_at_every_bar(prepared):
    verdict = check_pipeline(prepared)
    assert verdict.word == "clean"
    assert verdict.asked["frozen"] >= BARS - 20
    assert verdict.asked["stream"] >= 40
    asked = {"split", "frozen", "stream", "account", "warm_up", "refit", "rescore", "audit", "placebo"}
    assert set(verdict.asked) == asked


def test_a_forecaster_that_says_it_was_fitted_too_far_is_not_asked_further(monkeypatch, prepared):
    unseal(monkeypatch)
    plant_fit(
        monkeypatch,
        lambda fit, series, config, rows, options: fit(series, config, range(rows.start, rows.stop + 4), **options),
    )
    leak = check_pipeline(prepared).leak
    assert (leak.probe, leak.stage) == ("split", "forecaster_fit")
    assert "it was fitted up to row" in leak.what


def test_parts_that_overlap_are_a_leak_before_anything_is_fitted(prepared):
    split = dataclasses.replace(prepared.split, agent=range(prepared.split.agent.start - 1, prepared.split.agent.stop))
    leak = check_pipeline(dataclasses.replace(prepared, split=split)).leak
    assert (leak.probe, leak.stage, leak.row) == ("split", "forecaster_fit", split.agent.start)
    assert "the embargo is 3 bars" in leak.what


def test_same_close_is_called_what_it_is():
    leak = check_pipeline(prepared_of(request("env.execution=same_close"), Parts(LoadedSeries(series())))).leak
    assert (leak.probe, leak.stage) == ("account", "fills")
    assert "fills at the close that the agent has just seen" in leak.what


def expanding_mean(monkeypatch):
    def change(values, table):
        values[:, 0] -= pd.Series(values[:, 0]).expanding().mean()
        return values

    plant_features(monkeypatch, change)


def test_a_feature_that_never_forgets_where_the_series_begins_is_named(monkeypatch, prepared):
    expanding_mean(monkeypatch)
    leak = check_pipeline(prepared).leak
    assert (leak.probe, leak.stage) == ("warm_up", "features")


def test_a_leak_in_the_join_of_the_weather_is_found_in_the_series(monkeypatch, tmp_path):
    made = noise_series(BARS, seed=3)
    weather = pd.DataFrame({"date": made.index.strftime("%Y-%m-%d"), "warm": np.arange(BARS) % 17 + 5.0})
    weather.loc[60:62, "warm"] = np.nan
    weather.to_csv(tmp_path / "weather.csv", index=False)
    place = f"weather.path={tmp_path}/weather.csv"
    config = request("weather=csv", place, "weather.units=[degC]", "weather.columns=[warm]", "weather.lag_hours=24")
    columns = load_parts(config.series, config.weather, config.data).columns
    parts = Parts(LoadedSeries(made), columns)
    original = tradewinds.data.assemble.exogenous.join_as_of

    def join(closes, table, available):
        return original(closes, table, {name: moments - pd.Timedelta("1D") for name, moments in available.items()})

    monkeypatch.setattr(tradewinds.data.assemble.exogenous, "join_as_of", join)
    leak = check_pipeline(prepared_of(config, parts)).leak
    assert (leak.probe, leak.stage) == ("frozen", "series")


def test_another_world_is_the_same_up_to_its_bar_and_another_after_it():
    parts, row = Parts(LoadedSeries(series())), 60
    ours, theirs = series(), another_world(parts, row).series.series
    for name in ("open", "high", "low", "close", "volume", "dividends"):
        one, other = getattr(ours, name), getattr(theirs, name)
        np.testing.assert_array_equal(one[: row + 1], other[: row + 1])
        assert name == "dividends" or (one[row + 1 :] != other[row + 1 :]).all()
    one, other = ours.exogenous["load"], theirs.exogenous["load"]
    pd.testing.assert_series_equal(one[: row + 1], other[: row + 1])
    assert other[row + 1 :].isna().equals(one[row + 1 :].isna())
    assert not np.isclose(one[row + 1 :], other[row + 1 :]).any()
    assert len(known_until(parts, row).series.series.index) == row
    assert later_start(parts, 7).series.series.index[0] == ours.index[7]


COSTS = CostConfig(fee_bps=10, half_spread_bps=5, slippage_bps=5, borrow_bps_per_year=500, financing_bps_per_year=900)
ROUGH = dataclasses.replace(COSTS, slippage_per_volatility=0.2, slippage_bps_per_volume_percent=3.0)


@pytest.mark.parametrize("execution", ["next_open", "next_close"])
@pytest.mark.parametrize("rebalance", ["on_change", "every_bar"])
@pytest.mark.parametrize(
    "rules",
    [
        {},
        {"maintenance": False},
        {"maintenance_margin": 0.4},
        {"lot": 5.0, "min_notional": 20_000.0, "capital": 100_000.0},
        {"costs": ROUGH},
    ],
    ids=["plain", "no_maintenance", "margin", "lots", "rough"],
)
def test_the_second_account_is_the_ledger_s_to_a_billionth_ruin_included(execution, rebalance, rules):
    config = TradingConfig(
        **{"costs": COSTS, "exposures": (-2.0, 0.0, 2.0), "leverage_cap": 2.0, "ruin_equity": 0.3, **rules},
        execution=execution,
        rebalance=rebalance,
    )
    ruined = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        close = 100.0 * np.exp(np.cumsum(rng.normal(0, 0.05, 80)))[:, None]
        open_ = close * np.exp(rng.normal(0, 0.02, close.shape))
        volume = rng.integers(0, 9, close.shape) * 200_000.0
        liquid = {"volume": volume, "volatility": realised_volatility(close)} if config.costs is ROUGH else {}
        market = Market(open=open_, close=close, features=np.zeros((80, 1)), bars_per_year=252.0, **liquid)
        targets = np.repeat(rng.choice([-2.0, 0.0, 0.5, 2.0], 40), 2)
        path = run_ledger(market, targets[:, None], config)
        given = {name: values[:, 0] for name, values in liquid.items()}
        units, equity = second_account(open_[:, 0], close[:, 0], targets, config, bars_per_year=252.0, **given)
        np.testing.assert_allclose(path.units[:, 0, 0], units, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(path.equity[:, 0], equity, rtol=1e-9, atol=1e-12)
        ruined += path.equity[-1, 0] <= 0.3
    assert 0 < ruined < 20


@pytest.mark.parametrize("execution", ["next_open", "next_close"])
def test_the_second_account_knows_every_option_of_the_ledger(execution):
    for seed in range(20):
        rng = np.random.default_rng(seed)
        close = 100.0 * np.exp(np.cumsum(rng.normal(0, 0.05, 80)))
        open_, volume = close * np.exp(rng.normal(0, 0.02, 80)), rng.choice([0.0, 4e4, 9e4], 80)
        rules = TradingConfig(
            exposures=(-2.0, 0.0, 2.0),
            leverage_cap=2.0,
            execution=execution,
            maintenance_margin=0.37,
            capital=1e5,
            lot=7.0,
            min_notional=8_137.0,
            costs=dataclasses.replace(COSTS, slippage_per_volatility=0.1, slippage_bps_per_volume_percent=2.0),
        )
        columns = {"open": open_, "close": close, "volume": volume, "volatility": known_volatility(close)}
        np.testing.assert_allclose(realised_volatility(close[:, None])[:, 0], columns["volatility"], rtol=1e-9)
        told = {name: column[:, None] for name, column in columns.items()}
        market = Market(features=np.zeros((80, 1)), bars_per_year=252.0, **told)
        targets = np.repeat(rng.choice([-2.0, 0.0, 0.5, 2.0], 40), 2)
        path = run_ledger(market, targets[:, None], rules)
        units, equity = second_account(
            open_, close, targets, rules, bars_per_year=252.0, volatility=columns["volatility"], volume=volume
        )
        np.testing.assert_allclose(path.units[:, 0, 0], units, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(path.equity[:, 0], equity, rtol=1e-9, atol=1e-12)


def test_the_command_says_clean_and_leaves_its_verdict(tradewinds, tmp_path):
    write_bars(tmp_path / "mine.csv", 200)
    answer = tradewinds("leakcheck", "series=csv", "series.path=mine.csv", "leakcheck.bars=50", *WORDS)
    assert answer.status == 0, answer.err
    assert "leakcheck: clean" in answer.out
    assert "  placebo  clean         5 comparisons: worlds in which nothing can be known" in answer.out
    assert "leakcheck.bars is too few for this split; 100 are taken" in answer.err
    (file,) = tmp_path.glob("runs/mine/*/leakcheck.json")
    found = json.loads(file.read_text(encoding="utf-8"))
    assert (found["verdict"], found["leak"], found["bars"]) == ("clean", None, 100)


def test_the_command_exits_with_three_and_names_stage_and_bar(tradewinds, tmp_path, monkeypatch):
    write_bars(tmp_path / "mine.csv", 120)
    centred_average(monkeypatch)
    answer = tradewinds("leakcheck", "series=csv", "series.path=mine.csv", *WORDS)
    assert answer.status == 3
    assert re.search(r"leak at features, bar 2020-\d\d-\d\dT00:00:00\+00:00 \(probe audit\)", answer.err)
    assert "column log_return is another when the bars after" in answer.err
    answer = tradewinds("leakcheck", "series=csv", "series.path=mine.csv", *WORDS, "leakcheck.audit=false")
    assert answer.status == 3
    assert re.search(r"leak at features, bar 2020-\d\d-\d\dT00:00:00\+00:00 \(probe frozen\)", answer.err)
    assert re.search(r"audit +not asked", answer.out)


def test_an_agent_that_a_plugin_brings_goes_through_the_check_too(monkeypatch, prepared):
    """A policy that keeps the observations it has seen and acts on all of them, the later ones included."""
    import tradewinds.core.plugins
    from trading_agent.dqn.dqn import train_dqn

    seen = {}

    def remember(market):
        seen["threshold"] = float(np.median(market.features[:, 0]))
        return market

    class Peeking:
        kind = "peeking"

        def act(self, observations):
            return (observations[:, 0] > seen["threshold"]).astype(np.int64) * 2

        settings = tensors = dict

    def train(env, config, **options):
        return dataclasses.replace(train_dqn(env, config, **options), policy=Peeking())

    original = tradewinds.tasks.account.market.build_market
    monkeypatch.setattr(tradewinds.tasks.account.market, "build_market", lambda *given: remember(original(*given)))
    monkeypatch.setattr(tradewinds.pipeline.steps, "function_of", lambda group, config: train)
    monkeypatch.setattr(tradewinds.pipeline.steps, "save_policy", lambda policy, folder: None)
    leak = check_pipeline(prepared).leak
    assert (leak.probe, leak.stage) == ("frozen", "actions")


def test_every_run_carries_a_verdict_and_a_leak_is_its_first_warning(tradewinds, tmp_path, monkeypatch):
    write_bars(tmp_path / "mine.csv", 160)
    words = ("run", "series=csv", "series.path=mine.csv", "backtest.bootstrap_draws=100", *WORDS)
    assert tradewinds(*words).status == 0
    fft_filter(monkeypatch)
    answer = tradewinds(*words)
    assert answer.status == 3, answer.err
    files = sorted(tmp_path.glob("runs/*/*/report.json"))
    clean, leaky = (json.loads(file.read_text(encoding="utf-8")) for file in files)
    assert clean["honesty"]["leakcheck"] == "clean"
    asked = clean["honesty"]["leakcheck_detail"]["comparisons"]
    assert asked == {"account": 1, "rescore": 1, "audit": 1, "frozen": 7, "stream": 2, "placebo": 5}
    leak = leaky["honesty"]["leakcheck"]
    assert leak.startswith("leak at features, bar ")
    assert leaky["warnings"][0] == f"{leak}; none of these numbers can be believed"
    assert leaky["honesty"]["verdict"] == f"Not to be believed: {leak}."
    assert answer.out.splitlines()[3] == f"LEAK: {leak}"  # after where forecaster, states and agent were written
    assert "the report is written, and none of its numbers can be believed" in answer.err


def test_a_series_that_is_forecast_and_not_traded_is_checked_as_far_as_it_goes(monkeypatch):
    made = noise_series(BARS, seed=3)
    level = 10.0 * np.sin(np.arange(BARS) / 4.0)[:, None] + np.random.default_rng(0).normal(0.0, 1.0, (BARS, 1))
    prices = dict.fromkeys(("open", "high", "low", "close"), level)
    parts = Parts(LoadedSeries(dataclasses.replace(made, **prices, single_price=True, target="difference")))
    config = request("model.linear_base=true")
    verdict = check_pipeline(prepared_of(config, parts))
    assert verdict.word == "clean"
    assert verdict.notes == ["the series is forecast and nobody acts on it: there are no actions to probe"]
    no_purge_before_the_stopping_rows(monkeypatch)
    leak = check_pipeline(prepared_of(config, parts)).leak
    assert (leak.probe, leak.stage) == ("refit", "forecaster_fit")


def test_nothing_by_stopwatch_decides_what_is_fitted_twice():
    """An arithmetic chosen by measurement could differ between two fits, and look like a leak."""
    short = brief(request("trainer.precision=auto", "baselines=classical"))
    assert (short.trainer.precision, short.baselines.classical) == ("float32", ())
    assert brief(request("trainer.precision=bfloat16")).trainer.precision == "bfloat16"


def test_a_series_that_a_plugin_brings_is_read_again_without_its_end(tradewinds, tmp_path, monkeypatch):
    """A loader that smooths a column from both sides, in a whole series that is handed over as it is."""
    original = tradewinds_plugins.function_of
    smoothed = {"leaks": True}

    def load(config, rules):
        loaded = original("series", config)(config, rules)
        signal = pd.Series(np.log(loaded.series.close[:, 0])).rolling(3, center=smoothed["leaks"], min_periods=1).mean()
        column = pd.DataFrame({"signal": signal.to_numpy()}, index=loaded.series.index)
        return dataclasses.replace(loaded, series=dataclasses.replace(loaded.series, exogenous=column))

    for module in (tradewinds_plugins, reloading):
        monkeypatch.setattr(
            module, "function_of", lambda group, config: load if group == "series" else original(group, config)
        )
    write_bars(tmp_path / "mine.csv", 120)
    answer = tradewinds("leakcheck", "series=csv", "series.path=mine.csv", *WORDS)
    assert answer.status == 3
    assert "leak at series, bar 2020-" in answer.err
    assert "(probe reload): it was loaded otherwise with series.last=2020-" in answer.err
    smoothed["leaks"] = False
    loaded = job_of(request("series=csv", f"series.path={tmp_path}/mine.csv"), whole=True)
    verdict = Verdict()
    reloading.check_source(loaded, verdict)
    assert (verdict.leak, verdict.asked) == (None, {"reload": 3})


def hourly_weather(path):
    hours = pd.date_range("2020-01-01", periods=168 * 24, freq="h")
    warm = 10.0 + np.random.default_rng(0).normal(0.0, 2.0, len(hours))
    pd.DataFrame({"time": hours.strftime("%Y-%m-%dT%H:%MZ"), "warm": warm}).to_csv(path, index=False)


def smoothed(loaded):
    """Values of an hour that know the next one."""
    return dataclasses.replace(loaded, table=loaded.table.rolling(3, center=True, min_periods=1).mean())


def daily_too_early(loaded):
    """Means of days that count as known when the day begins."""
    table = loaded.table.resample("D", label="left").mean()
    return dataclasses.replace(loaded, table=table, available={"warm": pd.DatetimeIndex(table.index)})


def daily_in_time(loaded):
    """Means of days that are over."""
    table = loaded.table.resample("D", label="left").mean()
    known = {"warm": pd.DatetimeIndex(table.index) + pd.Timedelta(days=1)}
    return dataclasses.replace(loaded, table=table, available=known)


@pytest.mark.parametrize(
    ("change", "leaks"), [(smoothed, True), (daily_too_early, True), (daily_in_time, False), (lambda w: w, False)]
)
def test_weather_that_a_plugin_brings_is_read_again_without_its_end(change, leaks, tmp_path, monkeypatch):
    original = tradewinds_plugins.function_of

    def function_of(group, config):
        load = original(group, config)
        return load if group != "weather" else lambda *given: change(load(*given))

    for module in (tradewinds_plugins, reloading):
        monkeypatch.setattr(module, "function_of", function_of)
    write_bars(tmp_path / "mine.csv", 120)
    hourly_weather(tmp_path / "warm.csv")
    weather = ("weather=csv", f"weather.path={tmp_path}/warm.csv", "weather.columns=[warm]", "weather.units=[degC]")
    loaded = job_of(
        request("series=csv", f"series.path={tmp_path}/mine.csv", *weather, "weather.lag_hours=1"), whole=True
    )
    verdict = Verdict()
    reloading.check_source(loaded, verdict)
    if leaks:
        assert (verdict.leak.probe, verdict.leak.stage) == ("reload", "series")
        assert "the value of warm known at 2020-" in verdict.leak.what
        assert "was another with weather.last=2020-" in verdict.leak.what
    else:
        assert (verdict.leak, verdict.asked) == (None, {"reload": 6})


def test_a_kind_of_series_that_cannot_be_cut_is_said_to_be_unprobed():
    loaded = job_of(request("series=martingale", "series.bars=300"), whole=True)
    verdict = Verdict()
    reloading.check_source(loaded, verdict)
    assert verdict.notes == ["series of kind synthetic have no `last`: what their loader computes was not probed"]


def test_fewer_cuts_than_bars_are_said_to_be_fewer(monkeypatch, prepared):
    few = dataclasses.replace(prepared.config, leakcheck=dataclasses.replace(prepared.config.leakcheck, cuts=10))
    verdict = check_pipeline(dataclasses.replace(prepared, config=few))
    assert verdict.word == "clean"
    assert verdict.notes == [f"{BARS} bars, and leakcheck.cuts=10: not every bar was a cut"]
    assert verdict.asked["stream"] == 10


def test_a_network_that_reads_what_is_not_announced_yet_is_found(monkeypatch):
    """Announcements reach two bars ahead, the forecast four."""
    wind = np.random.default_rng(2).normal(0.0, 1.0, BARS)
    parts = Parts(LoadedSeries(with_ahead(noise_series(BARS, seed=3), hours=48, wind=wind)))
    config = request("model=seq2seq", "model.horizon=4", "model.context_length=5", "leakcheck.cuts=12")
    assert check_pipeline(prepared_of(config, parts)).word == "clean"
    original = forecaster.data.future_covariates.FutureCovariates.known

    def read(part, starts, now):
        far = {name: 10 * lead for name, lead in part.leads.items()}
        return original(dataclasses.replace(part, leads=far), starts, now)

    monkeypatch.setattr(forecaster.data.future_covariates.FutureCovariates, "known", read)
    leak = check_pipeline(prepared_of(config, parts)).leak
    assert (leak.probe, leak.stage) == ("frozen", "forecasts")


def test_a_signal_that_differs_from_the_backtest_is_found(monkeypatch, prepared):
    original = AccountTask.decision

    def contrary(self, prepared, models, rows):
        said = original(self, prepared, models, rows)
        return said | {"target_exposure": {name: -1.0 - value for name, value in said["target_exposure"].items()}}

    monkeypatch.setattr(AccountTask, "decision", contrary)
    few = dataclasses.replace(prepared.config, leakcheck=dataclasses.replace(prepared.config.leakcheck, cuts=10))
    leak = check_pipeline(dataclasses.replace(prepared, config=few)).leak
    assert (leak.probe, leak.stage) == ("stream", "actions")


def test_a_training_that_is_not_reproducible_does_not_pass_for_clean(monkeypatch, prepared):
    seeds = iter(range(100))
    plant_fit(
        monkeypatch,
        lambda fit, series, config, rows, options: fit(series, config, rows, **{**options, "seed": next(seeds)}),
    )
    leak = check_pipeline(prepared).leak
    assert (leak.probe, leak.stage) == ("refit", "forecaster_fit")
    assert leak.what.startswith("the same bars fitted twice give two models")


@pytest.mark.parametrize("agent", ["dqn", "q_learning", "ppo", "reinforce", "direct"])
def test_every_agent_can_be_trained_in_brief(agent):
    (plain,) = compose_requests([f"agent={agent}"], [resource_dir("conf")], multirun=False)
    short = brief(request_from(plain))
    assert short.agent.steps == 1000
    assert short.agent.num_envs <= 8
    assert short.trainer.epochs == 2

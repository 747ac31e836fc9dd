"""Leaks that a sceptic would plant beyond the usual ones, found by what they break and not by their names."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

import forecaster.data.panel
import forecaster.evaluation.scores
import forecaster.hidden_states
import forecaster.training.instruments as instruments
import tradewinds.leakcheck.trace
import tradewinds.pipeline.prepare
import tradewinds.pipeline.steps
import tradewinds.tasks.account.backtest
import tradewinds.tasks.account.market
from forecaster.data.series import Series
from tradewinds.data.assemble.loaded import LoadedSeries, Parts
from tradewinds.leakcheck.probes import check_pipeline
from tradewinds.tasks.curious import Curious
from trading_env import TradingEnv

from planting import plant_features, plant_fit, prepared_of, request, series, unseal


def quantile_clip(monkeypatch):
    """Outliers cut off at quantiles of the whole sample."""

    def change(values, table):
        known = values[table.first_row :, 0]
        values[table.first_row :, 0] = np.clip(known, *np.quantile(known, (0.1, 0.9)))
        return values

    plant_features(monkeypatch, change)


def target_encoding(monkeypatch):
    """A feature replaced by what followed it on average, on all bars."""

    def change(values, table):
        known = values[table.first_row :, 0]
        groups = pd.Series(known > 0.0)
        values[table.first_row :, 0] = pd.Series(known).shift(-1).groupby(groups).transform("mean")
        return values

    plant_features(monkeypatch, change)


def calendar_of_the_future(monkeypatch):
    """Days until the next bar: that a holiday comes is known, that trading will be halted is not."""
    build_original = forecaster.data.panel.build_features

    def build(one, config, *clock):
        table = build_original(one, config)
        days = np.diff(one.index.asi8, append=one.index.asi8[-1] + 86_400 * 10**9) / (86_400 * 10**9)
        return dataclasses.replace(table, values=np.column_stack([table.values[:, :-1], days]))

    monkeypatch.setattr(forecaster.data.panel, "build_features", build)


def split_known_a_bar_early(monkeypatch):
    original = Series.adjusted

    def adjusted(self):
        early = np.vstack([self.dividends[1:], self.dividends[-1:]])
        return original(dataclasses.replace(self, dividends=early))

    monkeypatch.setattr(Series, "adjusted", adjusted)


def learning_rate_chosen_on_test(monkeypatch):
    def fit_otherwise(fit, series, config, rows, options):
        def error(panel):
            states = forecaster.hidden_states.encode(panel["one"], series)
            return float(((states.forecast[-30:-1, 0] - series.log_return()[-29:, 0]) ** 2).mean())

        rates = (1e-4, 1e-3, 1e-2, 1e-1)
        trainers = [dataclasses.replace(config.trainer, learning_rate=rate) for rate in rates]
        return min((fit(series, dataclasses.replace(config, trainer=one), rows, **options) for one in trainers),
                   key=error)  # fmt: skip

    plant_fit(monkeypatch, fit_otherwise)


def exploration_chosen_on_test(monkeypatch):
    """Of several trainings of the agent, the one whose policy does best on the test rows."""
    original = tradewinds.pipeline.steps.train_agent

    def train(prepared, models, run, console):
        rows = prepared.split.test
        market = tradewinds.tasks.account.market.build_market(prepared, models.states, rows)
        tried = []
        for number in range(3):
            config = dataclasses.replace(prepared.config, seed=prepared.config.seed + number)
            one = original(dataclasses.replace(prepared, config=config), models,
                           run.with_name(f"{run.name}-{number}"), console)  # fmt: skip
            curious = Curious(TradingEnv(market, config.env).action_space)
            earned = tradewinds.tasks.account.backtest.play(curious, market, config.env)[:-1, 0] @ np.diff(
                np.log(market.close[:, 0])
            )
            tried.append((earned * (-1) ** number, number, one))
        return max(tried)[2]

    monkeypatch.setattr(tradewinds.pipeline.steps, "train_agent", train)


def baseline_refitted_on_the_future(monkeypatch):
    """A rival that knows the drift of the whole sample."""
    monkeypatch.setattr(
        forecaster.evaluation.scores,
        "drift",
        lambda changes, rows, horizon: np.full((len(rows), horizon), changes.mean()),
    )


def ridge_fitted_on_all(monkeypatch):
    original = instruments.fit_ridge
    whole = {}

    def remember(fit, series, config, rows, options):
        whole["change"] = float(series.changes()[-40:].mean())
        return fit(series, config, rows, **options)

    plant_fit(monkeypatch, remember)
    monkeypatch.setattr(instruments, "fit_ridge", lambda *given: original(*given) + whole["change"])


def intervals_calibrated_on_test(monkeypatch):
    original = forecaster.evaluation.scores.online_quantiles

    def quantiles(ahead, truth, **options):
        return original(ahead, truth, **options) * (1.0 + np.abs(truth).max())

    monkeypatch.setattr(forecaster.evaluation.scores, "online_quantiles", quantiles)


def states_whitened_on_all(monkeypatch):
    original = forecaster.hidden_states.encode

    def encode(fitted, one, *_):
        states = original(fitted, one)
        hidden = states.hidden_state
        return dataclasses.replace(states, hidden_state=hidden / np.nanstd(hidden, axis=0))

    monkeypatch.setattr(forecaster.hidden_states, "encode", encode)


def volume_of_the_coming_bar(monkeypatch):
    original = tradewinds.tasks.account.market.build_market

    def market(prepared, states, rows, **options):
        made = original(prepared, states, rows, **options)
        coming = np.roll(prepared.series.volume[rows.start : rows.stop, 0], -1).astype(np.float32)
        return dataclasses.replace(made, features=np.column_stack([made.features, coming]).astype(np.float32))

    monkeypatch.setattr(tradewinds.tasks.account.market, "build_market", market)


def fill_at_the_better_price(monkeypatch):
    """Orders filled at the close where that is better than the open."""
    original = tradewinds.tasks.account.backtest.run_ledger

    def ledger(market, targets, config):
        kind = np.minimum(market.open, market.close)
        return original(dataclasses.replace(market, open=kind), targets, config)

    monkeypatch.setattr(tradewinds.tasks.account.backtest, "run_ledger", ledger)


def costs_forgotten(monkeypatch):
    original = tradewinds.tasks.account.backtest.run_ledger

    def ledger(market, targets, config):
        return original(
            market, targets, dataclasses.replace(config, costs=dataclasses.replace(config.costs, fee_bps=0))
        )

    monkeypatch.setattr(tradewinds.tasks.account.backtest, "run_ledger", ledger)


def trades_taken_back(monkeypatch):
    """Targets that lost money are not taken after all."""
    original = tradewinds.tasks.account.backtest.play

    def play(policy, market, config):
        targets = original(policy, market, config)
        moves = np.append(np.diff(np.log(market.close[:, 0])), 0.0)[:, None]
        return np.where(targets * moves < 0.0, 0.0, targets)

    monkeypatch.setattr(tradewinds.tasks.account.backtest, "play", play)


OTHERS = {
    quantile_clip: ("frozen", "features"),
    target_encoding: ("frozen", "features"),
    calendar_of_the_future: ("audit", "features"),
    split_known_a_bar_early: ("frozen", "series"),
    learning_rate_chosen_on_test: ("refit", "forecaster_fit"),
    exploration_chosen_on_test: ("refit", "agent_fit"),
    baseline_refitted_on_the_future: ("frozen", "scores"),
    ridge_fitted_on_all: ("refit", "forecaster_fit"),
    intervals_calibrated_on_test: ("frozen", "scores"),
    states_whitened_on_all: ("frozen", "hidden_states"),
    volume_of_the_coming_bar: ("frozen", "observations"),
    fill_at_the_better_price: ("account", "fills"),
    costs_forgotten: ("account", "equity"),
    trades_taken_back: ("frozen", "actions"),
}


def with_holidays(one):
    """The same bars, some of them a day or two later."""
    late = pd.to_timedelta(np.cumsum(np.random.default_rng(1).random(len(one.index)) < 0.1), unit="D")
    index = one.index + late
    return dataclasses.replace(one, index=index, exogenous=one.exogenous.set_axis(index))


@pytest.mark.parametrize("plant", OTHERS, ids=lambda plant: plant.__name__)
def test_a_leak_that_a_sceptic_would_plant_is_found_by_its_law(plant, monkeypatch):
    if plant is ridge_fitted_on_all:  # sealed, there is no "all" to fit it on
        unseal(monkeypatch)
    plant(monkeypatch)
    verdict = check_pipeline(prepared_of(request(), Parts(LoadedSeries(with_holidays(series())))))
    assert verdict.leak is not None
    assert (verdict.leak.probe, verdict.leak.stage) == OTHERS[plant], str(verdict.leak)


def test_a_calendar_with_holidays_is_no_leak():
    assert check_pipeline(prepared_of(request(), Parts(LoadedSeries(with_holidays(series()))))).word == "clean"

"""Leaks that no change of the future betrays, planted in the real pipeline for the placebo to find."""

import numpy as np

import forecaster.baselines.dlinear
import forecaster.data.datamodule
import forecaster.evaluation.scores
import forecaster.training.instruments
import tradewinds.tasks.account.backtest
import tradewinds.tasks.account.market
import tradewinds.tasks.storage.market
import tradewinds.tasks.storage.price_forecasts
import trading_env.storage.ledger
from forecaster.baselines.naive_and_ridge import ridge_forecast, ridge_weights
from trading_env import run_ledger

LABELLED = (
    forecaster.baselines.dlinear,
    forecaster.data.datamodule,
    forecaster.evaluation.scores,
    forecaster.training.instruments,
)


def labels_of_the_bar_already_known(monkeypatch):
    """Everything is fitted on the move that has just been seen, and is scored by it."""
    for module in LABELLED:
        monkeypatch.setattr(
            module, "labels", lambda changes, rows, horizon: changes[rows[:, None] + np.arange(horizon)[None, :]]
        )


def issued_a_bar_later(monkeypatch):
    """Of two bars ahead and more, what is scored was said when one of them was over."""
    original = forecaster.evaluation.scores._forecasts

    def forecasts(fitted, series, states, classical, rows):
        said = original(fitted, series, states, classical, rows)
        network = said[fitted.config.model.kind]
        network[:, 1:] = states.forecast[np.minimum(rows + 1, len(states.forecast) - 1), :-1]
        return said

    monkeypatch.setattr(forecaster.evaluation.scores, "_forecasts", forecasts)


def read_a_bar_late(monkeypatch):
    """Scored is the forecast of the row after, as if it had been issued before."""
    original = forecaster.evaluation.scores._forecasts

    def forecasts(fitted, series, states, classical, rows):
        said = original(fitted, series, states, classical, rows)
        said[fitted.config.model.kind] = states.forecast[np.minimum(rows + 1, len(states.forecast) - 1)]
        return said

    monkeypatch.setattr(forecaster.evaluation.scores, "_forecasts", forecasts)


def threshold_chosen_on_the_test_rows(monkeypatch):
    """A rule on the first thing observed, at the threshold that would have earned most."""

    def play(policy, market, config):
        column = market.features[:, 0]
        rules = [
            np.where(column > np.quantile(column, level), 1.0, -1.0)[:, None] for level in np.arange(0.1, 1.0, 0.1)
        ]
        return max(rules, key=lambda targets: run_ledger(market, targets, config).equity[-1, 0])

    monkeypatch.setattr(tradewinds.tasks.account.backtest, "play", play)


def energy_out_of_nothing(monkeypatch):
    """What is sold costs the store less than it should: times the efficiency, not over it."""
    original = trading_env.storage.ledger.deliver

    def deliver(charge, power, price, config, slot_hours=1.0, least=None):
        hour = original(charge, power, price, config, slot_hours, least)
        drawn = hour.sold * config.discharge_efficiency
        after = np.clip(charge + hour.bought * config.charge_efficiency - drawn, 0.0, config.capacity_mwh)
        return hour._replace(charge=after)

    monkeypatch.setattr(trading_env.storage.ledger, "deliver", deliver)


def half_of_tomorrow(monkeypatch):
    """The forecast of a day is half of what it was."""
    original = tradewinds.tasks.storage.market.price_paths

    def paths(series, states, rows):
        forecast = original(series, states, rows)
        hours = np.minimum(rows[:, None] + 1 + np.arange(forecast.shape[1]), len(series.close) - 1)
        return 0.5 * forecast + 0.5 * series.close[hours, 0]

    monkeypatch.setattr(tradewinds.tasks.storage.market, "price_paths", paths)


def ridge_fitted_on_all_days(monkeypatch):
    """The regressions beside the network learn from the days they forecast, too."""

    def fitted(table, target, place, *, share, days=None, first=7):
        mean, spread = table[first:].mean(axis=0), table[first:].std(axis=0)
        scaled = (table - mean) / np.where(spread > 1e-9, spread, 1.0)
        return ridge_forecast(ridge_weights(scaled[first:], target[first:], 1.0), scaled[place])

    monkeypatch.setattr(tradewinds.tasks.storage.price_forecasts, "weekly_ridge", fitted)

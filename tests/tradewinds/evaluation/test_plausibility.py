"""Skill that no market gives is a warning with what to check."""

import pytest

from tradewinds.core.console import Silent
from tradewinds.data.assemble.loaded import LoadedSeries, Parts
from tradewinds.evaluation.plausibility import suspicions
from tradewinds.pipeline.steps import encoded_anew, fit

from markets import noise_series
from planting import prepared_of, request


def warnings(mae, rival=1.0, p=0.5, statistic=-3.0, bars=252.0, returns=True):
    scores = {
        "lstm": {"value_mae": mae},
        "naive": {"value_mae": 2.0},
        "ridge": {"value_mae": rival},
        "empty": {"value_mae": None},
    }
    test = {"statistic": statistic, "p_value": p}
    honesty = {"diebold_mariano_by_rival": {"naive": {"next_bar": test}}}
    return list(suspicions(scores, honesty, model="lstm", bars_per_year=bars, returns=returns))


def test_half_the_error_of_the_best_baseline_is_too_good():
    assert warnings(0.5) == []
    (warning,) = warnings(0.49)
    assert warning.startswith("too good: the error of the lstm is 49% of that of ridge, the best baseline; check when")


@pytest.mark.parametrize(
    ("facts", "count"),
    [({}, 1), ({"bars": 8766.0}, 0), ({"statistic": 3.0}, 0), ({"returns": False}, 0), ({"p": 1.1e-6}, 0)],
)
def test_daily_returns_known_beyond_doubt_are_too_good(facts, count):
    assert len(warnings(0.9, **{"p": 0.9e-6, **facts})) == count


def test_an_account_that_earns_beyond_any_market_is_too_good():
    def told(sharpe):
        return list(suspicions({}, {}, model="lstm", bars_per_year=8766.0, returns=True, sharpe=sharpe))

    assert told(None) == told(5.9) == []
    assert told(46.74)[0].startswith("too good: the agent's Sharpe ratio is 46.7 a year after costs; check when each")


def test_without_scores_or_tests_nothing_is_suspected():
    assert list(suspicions({}, {}, model="lstm", bars_per_year=252.0, returns=True)) == []


def test_the_scores_of_a_run_are_those_that_are_looked_at(tmp_path):
    """Keys that were renamed would make every forecast look plausible."""
    config = request(f"run.dir={tmp_path}", "backtest.bootstrap_draws=100")
    prepared = prepared_of(config, Parts(LoadedSeries(noise_series(200, seed=4))))
    models = encoded_anew(prepared, fit(prepared.seal(), tmp_path / "run", Silent()))
    forecasts = prepared.task.score(prepared, models, None)
    scores = {
        name: {**row, "value_mae": 0.4 * row["value_mae"]} if name == "lstm" else row
        for name, row in forecasts.scores.items()
    }
    assert forecasts.honesty["diebold_mariano_by_rival"]["naive"]["next_bar"] is not None
    (warning,) = suspicions(scores, forecasts.honesty, model="lstm", bars_per_year=252.0, returns=True)
    assert "of that of" in warning

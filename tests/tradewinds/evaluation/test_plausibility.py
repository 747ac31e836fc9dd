"""Skill that no market gives is a warning with what to check."""

import pytest

from tradewinds.evaluation.plausibility import suspicions


def warnings(mae, rival=1.0, p=0.5, statistic=-3.0, bars=252.0, returns=True):
    scores = {"lstm": {"mae": mae}, "naive": {"mae": 2.0}, "ridge": {"mae": rival}, "empty": {"mae": None}}
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


def test_without_scores_or_tests_nothing_is_suspected():
    assert list(suspicions({}, {}, model="lstm", bars_per_year=252.0, returns=True)) == []

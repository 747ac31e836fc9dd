"""Scores of chances: closed forms, and laws."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from forecaster.classification.scores import by_class, calibration, confusion, exact_mcnemar, scores_of, wilson


@st.composite
def judged(draw):
    classes, cases = draw(st.integers(2, 4)), draw(st.integers(1, 30))
    rng = np.random.default_rng(draw(st.integers(0, 2**31)))
    return rng.dirichlet(np.ones(classes), cases), rng.integers(0, classes, cases)


def test_scores_in_closed_form():
    chances = np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8], [0.7, 0.3]])
    scores = scores_of(chances, np.array([0, 0, 1, 1]))
    assert scores["accuracy"] == 0.75
    assert scores["balanced_accuracy"] == 0.75
    assert scores["log_loss"] == pytest.approx(-np.log([0.9, 0.6, 0.8, 0.3]).mean())
    assert scores["brier"] == pytest.approx(np.mean([0.02, 0.32, 0.08, 0.98]))
    assert scores["calibration_error"] == pytest.approx((0.1 + 0.4 + 0.2 + 0.7) / 4.0)


@given(judged())
def test_chances_that_are_sure_and_right_lose_nothing_and_others_something(case):
    chances, truth = case
    sure = np.eye(chances.shape[1])[truth]
    best, some = scores_of(sure, truth), scores_of(chances, truth)
    assert (best["log_loss"], best["brier"], best["accuracy"], best["calibration_error"]) == (0.0, 0.0, 1.0, 0.0)
    assert some["log_loss"] >= 0.0
    assert 0.0 <= some["brier"] <= 2.0
    assert some["accuracy_ci95"][0] <= some["accuracy"] <= some["accuracy_ci95"][1]


@given(judged())
def test_a_confusion_counts_every_case_once_and_holds_precision_and_recall(case):
    chances, truth = case
    called = chances.argmax(axis=1)
    table = confusion(called, truth, chances.shape[1])
    assert table.sum() == len(truth)
    assert np.trace(table) == (called == truth).sum()
    for number, row in enumerate(by_class(table, tuple("abcd"[: chances.shape[1]]))):
        ours = truth == number
        assert row["recall"] == (pytest.approx((called[ours] == number).mean()) if ours.any() else None)
        said = called == number
        assert row["precision"] == (pytest.approx(ours[said].mean()) if said.any() else None)
    assert sum(one["cases"] for one in calibration(chances, truth)) == len(truth)


@given(st.integers(1, 200), st.data())
def test_wilsons_interval_is_that_of_scipy(trials, data):
    hits = data.draw(st.integers(0, trials))
    theirs = stats.binomtest(hits, trials).proportion_ci(0.95, method="wilson")
    np.testing.assert_allclose(wilson(hits, trials), [theirs.low, theirs.high], atol=1e-12)


def test_mcnemar_asks_only_of_cases_that_one_alone_has_right():
    ours, theirs = np.repeat([True, False, True], [9, 1, 50]), np.repeat([False, True, True], [9, 1, 50])
    test = exact_mcnemar(ours, theirs)
    assert (test["ours_alone"], test["theirs_alone"]) == (9, 1)
    assert test["p_value"] == pytest.approx(22.0 / 1024.0)
    assert exact_mcnemar(ours, ours)["p_value"] == 1.0

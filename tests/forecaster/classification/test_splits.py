"""Cases parted: each is learned from or judged, groups stay whole, time does not run backwards."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecaster.classification.splits import dealt, parted

from cases import tones


@given(st.integers(8, 60), st.floats(0.2, 0.8), st.sampled_from(["stratified", "grouped"]), st.integers(0, 99))
def test_every_case_is_learned_from_or_judged_and_none_is_both(count, share, how, seed):
    cases = tones(count)
    learned, judged = parted(cases, how, share, seed)
    assert sorted([*learned, *judged]) == list(range(count))
    groups = np.array(cases.groups)
    if how == "grouped":
        assert not set(groups[learned]) & set(groups[judged])
        assert abs(len(judged) - share * count) <= 4  # as many as a group holds
    else:
        labels = np.array(cases.labels)
        for label in ("low", "high"):
            assert (labels[judged] == label).sum() == round(share * (labels == label).sum())


@given(st.integers(20, 60), st.integers(2, 5), st.sampled_from(["stratified", "grouped"]), st.integers(0, 99))
def test_folds_judge_every_case_once(count, folds, how, seed):
    cases = tones(count)
    told = dealt(cases, how, folds, seed)
    assert sorted(np.concatenate(told)) == list(range(count))
    sizes = [len(one) for one in told]
    assert max(sizes) - min(sizes) <= (1 if how == "stratified" else 4)
    if how == "grouped":
        where = [{cases.groups[number] for number in one} for one in told]
        assert sum(map(len, where)) == len(set(cases.groups))


def test_of_a_class_with_one_case_that_case_is_learned_from():
    cases = dataclasses.replace(tones(5), labels=("low", "high", "low", "high", "once"))
    learned, judged = parted(cases, "stratified", 0.7, 0)
    assert 4 in learned
    assert len(judged) == 2


def test_by_time_the_latest_are_judged_and_one_moment_is_not_parted():
    times = pd.DatetimeIndex(["2024-01-03", "2024-01-01", "2024-01-02", "2024-01-03"], tz="UTC")
    cases = dataclasses.replace(tones(4), times=times)
    learned, judged = parted(cases, "time", 0.25, 0)
    assert (list(learned), list(judged)) == ([1, 2], [0, 3])


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (
            lambda: parted(dataclasses.replace(tones(4), groups=None), "grouped", 0.5, 0),
            "needs the groups of the cases",
        ),
        (lambda: parted(tones(4), "time", 0.5, 0), "needs the times of the cases"),
        (lambda: parted(tones(8), "stratified", 0.01, 0), "0.01 of 4, which the largest has, does not; raise"),
        (lambda: parted(tones(2), "stratified", 0.5, 0), "each of the 2 has one alone; see whether env.label"),
        (lambda: parted(tones(4), "grouped", 0.5, 0), "needs two groups or more, .* all cases are of 'g0'"),
        (lambda: dealt(tones(4), "stratified", 5, 0), "as many cases as folds, were 4 for 5"),
        (lambda: dealt(tones(8), "grouped", 3, 0), "as many groups as folds, were 2 for 3"),
        (lambda: dealt(tones(8), "time", 3, 0), "one order only"),
    ],
)
def test_what_cannot_be_parted_is_refused(ask, message):
    with pytest.raises(ValueError, match=message):
        ask()

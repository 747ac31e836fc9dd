"""Which cases are learned from and which are judged: parted by class, by group or by time. Knows no network."""

from collections.abc import Sequence
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from forecaster.classification.cases import Cases

Numbers: TypeAlias = NDArray[np.int64]
Split: TypeAlias = Literal["stratified", "grouped", "time"]


def parted(cases: Cases, how: Split, share: float, seed: int) -> tuple[Numbers, Numbers]:
    """Return the cases learned from and those judged, about `share` of them.

    Args:
        cases: labelled.
        how: `stratified` draws the same share of every class, and leaves one of each to learn from; `grouped` draws
            whole groups; `time` judges the latest.
        share: judged, above 0 and below 1.
        seed: of what is drawn.

    Raises:
        ValueError: there are no groups or times to part by, one group only, or too few cases of every class.
    """
    if how == "time":
        return _by_time(cases, share)
    rng, labels, judged = np.random.default_rng(seed), np.array(cases.known()), []
    units = [np.array(unit) for unit in _units(cases, how)]
    order = [units[place] for place in rng.permutation(len(units))]
    if how == "stratified":
        for label in np.unique(labels):
            own = [unit for unit in order if labels[unit[0]] == label]
            judged += own[: min(round(share * len(own)), len(own) - 1)]
    else:  # whole groups, as long as they bring the number nearer; one at least is judged, and one learned from
        wanted, judged = share * len(cases), order[:-1][:1]
        for unit in order[1:-1]:
            have = sum(map(len, judged))
            if abs(have + len(unit) - wanted) < abs(have - wanted):
                judged.append(unit)
    if not judged:
        raise ValueError(_why_none(cases, how, share))
    chosen = np.sort(np.concatenate(judged))
    return np.setdiff1d(np.arange(len(cases)), chosen), chosen


def dealt(cases: Cases, how: Split, folds: int, seed: int) -> list[Numbers]:
    """Return the cases judged in each of several folds, every case in one of them.

    Raises:
        ValueError: there are fewer cases, or groups, than folds; or time has no folds that may be dealt.
    """
    if how == "time":
        raise ValueError(
            "env.split must be stratified or grouped to be dealt into folds, was time, which has one order only"
        )
    rng, number = np.random.default_rng([seed, folds]), np.zeros(len(cases), dtype=np.int64)
    units = _units(cases, how)
    if len(units) < folds:
        what = "cases" if how == "stratified" else "groups"
        raise ValueError(f"there must be as many {what} as folds, were {len(units)} for {folds}")
    labels, filled = cases.known(), np.zeros(folds)
    order = [units[place] for place in rng.permutation(len(units))]
    if how == "stratified":  # class by class, so that each fold has its share of every one
        order.sort(key=lambda unit: labels[unit[0]])
        for place, unit in enumerate(order):
            number[unit] = place % folds
    else:  # the largest groups first, each to the fold that has least
        for unit in sorted(order, key=len, reverse=True):
            fold = int(filled.argmin())
            number[unit] = fold
            filled[fold] += len(unit)
    return [np.flatnonzero(number == fold) for fold in range(folds)]


def _why_none(cases: Cases, how: Split, share: float) -> str:
    """Say why no case is left to be judged."""
    if cases.groups is not None and how == "grouped":
        return (
            "env.split=grouped needs two groups or more, one to learn from and one to judge, all cases are of "
            f"'{cases.groups[0]}'"
        )
    classes, counts = np.unique(np.array(cases.known()), return_counts=True)
    if counts.max() == 1:
        return (
            f"a class must have two cases or more, one to learn from and one to judge, each of the {len(classes)} has "
            "one alone; see whether env.label names the column of the class"
        )
    return (
        f"the judged share of a class must come to a case, {share:g} of {counts.max()}, which the largest has, does "
        "not; raise env.test_share, or bring more cases"
    )


def _by_time(cases: Cases, share: float) -> tuple[Numbers, Numbers]:
    if cases.times is None:
        raise ValueError("env.split=time needs the times of the cases; name their column in env.time")
    order = np.argsort(cases.times.asi8, kind="stable")
    first = round((1.0 - share) * len(order))
    edge = cases.times[order[min(max(first, 1), len(order) - 1)]]
    late = np.asarray(cases.times >= edge)  # cases of one moment are not parted
    if late.all():
        raise ValueError(f"env.split=time must find cases before the last {share:.0%} of them, all are of {edge}")
    return np.flatnonzero(~late), np.flatnonzero(late)


def _units(cases: Cases, how: Split) -> Sequence[list[int]]:
    """Return the cases that are dealt together."""
    if how == "stratified":
        return [[number] for number in range(len(cases))]
    if cases.groups is None:
        raise ValueError("env.split=grouped needs the groups of the cases; name their column in env.group")
    together: dict[str, list[int]] = {}
    for number, group in enumerate(cases.groups):
        together.setdefault(group, []).append(number)
    return list(together.values())

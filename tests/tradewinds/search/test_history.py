"""What a search begins with: settings that did well on series like this one, and never its own study's."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewinds.search.history import PastStudy, likeness, past_studies, portfolio, weights
from tradewinds.search.space import Dimension
from tradewinds.search.study import begin_with, finished_trials, opened, values_of, work

import seeking

SPACE = (Dimension("x", low=0.0, high=1.0), Dimension("rate", low=1e-4, high=1.0, log=True))
TRAITS = {"memory": 0.0, "season": 0.0}
NOWHERE = {"x": 2.0, "rate": 2.0}


def study(best, name="one", memory=0.0, seed=0, count=40):
    """Forty trials of a series whose settings are the worse the farther they are from the best."""
    rng = np.random.default_rng(seed)
    settings = [{"x": float(x), "rate": float(10.0 ** (-4.0 * y))} for x, y in rng.random((count, 2))]
    apart = np.array([abs(setting["x"] - best) for setting in settings])
    return PastStudy(name, {"memory": memory, "season": 0.0}, settings, apart.argsort().argsort() / (count - 1))


def test_what_was_best_where_all_agree_is_tried_first():
    studies = [study(0.8, seed=seed) for seed in range(4)]
    first, *others = portfolio(studies, TRAITS, SPACE, NOWHERE)
    assert abs(first["x"] - 0.8) < 0.1
    assert len(others) == 9


def test_the_second_setting_is_for_the_series_that_the_first_does_not_suit():
    studies = [study(0.1, seed=1), study(0.9, seed=2)]
    first, second = portfolio(studies, TRAITS, SPACE, NOWHERE, 2)
    assert abs(first["x"] - second["x"]) > 0.5


def test_series_that_are_alike_count_for_more():
    near, far = study(0.1, memory=0.05, seed=1), study(0.9, memory=0.9, seed=2)
    share = weights([near, far, far], TRAITS)
    assert share.sum() == pytest.approx(1.0)
    assert share[0] > 1.5 * share[1] == 1.5 * share[2]
    first = portfolio([near, far], TRAITS, SPACE, NOWHERE, 1)[0]
    assert first["x"] < 0.5


@given(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=4), st.integers(1, 30))
def test_no_setting_is_begun_with_twice_nor_the_own_one(bests, size):
    studies = [study(best, seed=number, count=8) for number, best in enumerate(bests)]
    own = dict(studies[0].settings[0])
    chosen = portfolio(studies, TRAITS, SPACE, own, size)
    texts = [json.dumps(setting, sort_keys=True) for setting in chosen]
    assert len(set(texts)) == len(texts) == min(size, 8 * len(bests) - 1)
    assert json.dumps(own, sort_keys=True) not in texts


def test_without_earlier_searches_there_is_nothing_to_begin_with():
    assert portfolio([], TRAITS, SPACE, NOWHERE) == []


CONFIG = {"agent": {"kind": "dqn"}, "model": {"kind": "lstm"}}


def written(
    runs,
    name,
    *,
    task="account",
    config=CONFIG,
    goals=("error",),
    traits=TRAITS,
    keys=("x", "rate"),
    notes=("", "", "slow"),
):
    """Write what a search of three trials has left."""
    folder = runs / name / "search" / name
    folder.mkdir(parents=True)
    trials = [
        {"trial": number, **dict.fromkeys(keys, 0.1 * (number + 1)), "error": float(number), "note": note}
        for number, note in enumerate(notes)
    ]
    document = {
        "run": {"config": config},
        "data": {"name": name, "task": task, "traits": traits},
        "search": {"study": name, "goals": list(goals)},
        "trials": trials,
    }
    (folder / "search.json").write_text(json.dumps(document), encoding="utf-8")


def test_searches_are_told_from_those_that_are_of_no_use(tmp_path):
    written(tmp_path, "like")
    written(tmp_path, "itself")
    written(tmp_path, "by_another_network", config={**CONFIG, "model": {"kind": "gru"}})
    written(tmp_path, "by_another_goal", goals=("score",))
    written(tmp_path, "of_another_task", task="storage")
    written(tmp_path, "of_games", traits=None)
    written(tmp_path, "of_other_keys", keys=("x",))
    written(tmp_path, "of_one_trial", notes=("", "slow", "slow"))
    written(tmp_path, "outside", keys=("x", "rate", "more"))
    for name, text in (("half", '{"run": {'), ("older", '{"run": {}, "trials": []}'), ("none", "3")):
        (tmp_path / name / "search" / name).mkdir(parents=True)
        (tmp_path / name / "search" / name / "search.json").write_text(text, encoding="utf-8")
    found = past_studies(tmp_path, likeness("account", CONFIG, "error"), SPACE, "itself")
    assert [past.name for past in found] == ["like", "outside"]
    assert found[0].ranks.tolist() == [0.0, 0.5, 1.0]  # less error is better; who was given up is the last
    narrow = (Dimension("x", low=0.15, high=1.0), SPACE[1])
    assert past_studies(tmp_path, likeness("account", CONFIG, "error"), narrow, "itself") == []  # one trial left within


def test_a_study_begins_with_what_is_queued_each_once_and_goes_on_by_itself(tmp_path):
    plan = seeking.plan(tmp_path, 5, prune=False)
    queued = [{"x": 0.25, "word": "right"}, {"x": -0.5, "word": "left"}]
    for _ in range(2):  # as after a kill
        begin_with(opened(plan), plan, queued)
    work(plan, seeking.parabola, 0, lambda done: None, None)
    tried = [values_of(trial, plan.dimensions) for trial in finished_trials(opened(plan))]
    assert tried[:2] == queued
    assert len(tried) == 5
    assert len({json.dumps(values) for values in tried}) == 5

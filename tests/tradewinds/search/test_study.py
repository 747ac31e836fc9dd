"""A study: so many trials in the end, whoever is killed, and the same ones by one worker."""

import dataclasses
import subprocess
import sys
import time

import pytest

from tradewinds.core.errors import RequestError
from tradewinds.search.space import Dimension
from tradewinds.search.study import finished_trials, opened, values_of, work

import seeking


def never(done):
    return None


def settings_tried(plan):
    return [values_of(trial, plan.dimensions) for trial in finished_trials(opened(plan))]


@pytest.mark.parametrize("sampler", ["tpe", "random", "gp"])
def test_a_search_that_is_cut_off_tries_what_one_in_one_go_tries(sampler, tmp_path):
    (tmp_path / "cut").mkdir()
    whole = seeking.plan(tmp_path, 6, sampler=sampler, prune=False)
    work(whole, seeking.parabola, 0, never, None)
    for trials in (2, 3, 6):
        cut = seeking.plan(tmp_path / "cut", trials, sampler=sampler, prune=False)
        work(cut, seeking.parabola, 0, never, None)
    assert len(settings_tried(whole)) == 6
    assert settings_tried(cut) == settings_tried(whole)


def test_a_search_finds_what_there_is_to_find(tmp_path):
    plan = seeking.plan(tmp_path, 20)
    work(plan, seeking.parabola, 0, never, None)
    best = max(finished_trials(opened(plan)), key=lambda trial: trial.value if trial.value is not None else -9.0)
    assert best.value > 0.9
    assert values_of(best, plan.dimensions)["word"] == "right"


@pytest.mark.parametrize("sampler", ["tpe", "random"])
def test_of_few_settings_each_but_the_own_one_is_tried_once(sampler, tmp_path):
    space = (Dimension("x", choices=(0.0, 0.5, 1.0)), Dimension("word", choices=("left", "right")))
    plan = dataclasses.replace(
        seeking.plan(tmp_path, 40, sampler=sampler), dimensions=space, own={"x": 0.5, "word": "left"}
    )
    work(plan, seeking.parabola, 0, never, None)
    tried = sorted(tuple(values.values()) for values in settings_tried(plan))
    assert tried == [(0.0, "left"), (0.0, "right"), (0.5, "right"), (1.0, "left"), (1.0, "right")]


def test_two_goals_are_both_kept(tmp_path):
    plan = seeking.plan(tmp_path, 12, goals=("score", "seconds"), sampler="nsga2")
    work(plan, seeking.parabola, 0, never, None)
    for trial in finished_trials(opened(plan)):
        assert trial.values == [trial.user_attrs["goals"]["score"], trial.user_attrs["goals"]["seconds"]]


def test_settings_that_cannot_stand_together_are_tries_that_came_to_nothing(tmp_path):
    def refuse(values, watch):
        raise RequestError("such values\ncannot stand together")

    plan = seeking.plan(tmp_path, 3)
    work(plan, refuse, 0, never, None)
    trials = finished_trials(opened(plan))
    assert [trial.user_attrs["refused"] for trial in trials] == ["such values cannot stand together"] * 3


def test_a_trial_that_falls_behind_is_ended(tmp_path):
    ended = []

    def follow(values, watch):
        number = len(ended)
        ended.append(False)
        watch(40, {"best_score": -float(number)})
        ended[-1] = True
        return seeking.parabola(values, lambda *_: None)

    work(seeking.plan(tmp_path, 8), follow, 0, never, None)
    assert ended == [True] * 5 + [False] * 3


def test_workers_that_are_killed_lose_no_trial_and_double_none(tmp_path):
    plan, wanted = seeking.plan(tmp_path, 14), 14
    study = opened(plan)
    words = [sys.executable, "-P", seeking.__file__, str(tmp_path), str(wanted)]  # its folder has one of our name
    workers = [subprocess.Popen([*words, str(number)]) for number in range(2)]
    while len(finished_trials(study)) < 4:
        assert [worker.poll() for worker in workers] == [None, None], "a worker ended before it was killed"
        time.sleep(0.05)
    for worker in workers:
        worker.kill()
        worker.wait()
    assert len(finished_trials(opened(plan))) < wanted
    done = subprocess.run([*words, "2"], timeout=120, check=False)
    assert done.returncode == 0
    trials = finished_trials(opened(plan))
    assert len(trials) == wanted
    assert len({tuple(values_of(trial, plan.dimensions).values()) for trial in trials}) == wanted
    states = {trial.state.name for trial in opened(plan).get_trials(deepcopy=False)}
    assert states <= {"COMPLETE", "PRUNED", "FAIL"}


def test_a_database_that_cannot_be_reached_is_refused_in_a_sentence(tmp_path):
    plan = seeking.plan(tmp_path, 3)
    unreachable = dataclasses.replace(plan, url="nonsense://x")
    with pytest.raises(RequestError, match=r"search\.storage: no study can be kept there .*; give an address of SQLAl"):
        opened(unreachable)

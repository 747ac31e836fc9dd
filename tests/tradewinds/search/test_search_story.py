"""A search through the command line: what it finds can be run by one word, and the report counts all that was tried."""

import json
import shlex
from pathlib import Path

import pandas as pd
import pytest
import yaml

import tradewinds.search.search as search_module
from tradewinds.request.experiment import write_experiment
from tradewinds.tasks.account.task import AccountTask

from browsing import CHROMIUM, opened
from story import FAST_CSV, CommandLine, in_this_process, write_bars

WORDS = (
    "series=csv",
    "series.path=bars.csv",
    *FAST_CSV,
    "rollout.standard_errors=0.0",
    "search.trials=3",
    "search.space.model.hidden_size={low:2,high:9}",
    "search.space.agent.hidden_sizes=[[8],[8,8]]",
    "search.goals=[error]",
    "trainer.learning_rate=0.5",  # which nothing would not beat
    "search.space.trainer.learning_rate={low:1.0e-4,high:1.0e-3,log:true}",
)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder in which a search of three trials has been asked for."""
    folder = tmp_path_factory.mktemp("search")
    write_bars(folder / "bars.csv", 400)
    return folder


@pytest.fixture
def tradewinds(place, monkeypatch, capsys):
    monkeypatch.chdir(place)
    return CommandLine(capsys)


@pytest.fixture
def found(place, tradewinds):
    """The document of the search; the first test that asks for it waits."""
    path = place / "runs" / "bars" / "search" / "one" / "search.json"
    if not path.exists():
        answer = tradewinds("search", *WORDS, "search.study=one")
        assert answer.status == 0, answer.err
    return path, json.loads(path.read_text(encoding="utf-8"))


def test_typed_again_it_goes_on_and_with_more_trials_begins_with_those_it_has(found, tradewinds):
    path, before = found
    answer = tradewinds("search", *WORDS, "search.study=one")
    assert "3 trials of this study are there already" in answer.err
    again = json.loads(path.read_text(encoding="utf-8"))
    assert again["trials"] == before["trials"]
    assert again["search"]["verdict"] in answer.out


def test_the_best_is_run_by_one_word_or_by_the_words_told_and_all_that_was_tried_is_counted(found, tradewinds):
    path, document = found
    words = shlex.split(document["search"]["run_best"])[2:]
    told = yaml.safe_load(tradewinds("run", *words, "--cfg", "job").out)
    conf = str(path.parent / "conf")
    by_word = yaml.safe_load(tradewinds("run", "--config-dir", conf, "experiment=winner", "--cfg", "job").out)
    assert {**told, "search": by_word["search"]} == by_word
    assert told["model"]["hidden_size"] == document["search"]["best"]["values"]["model.hidden_size"]
    answer = tradewinds("run", "--config-dir", conf, "experiment=winner")
    assert answer.status == 0, answer.err
    (report,) = Path("runs").glob("*/2*/report.json")
    tried = {tuple(map(str, trial.values())) for trial in document["trials"]}
    assert json.loads(report.read_text(encoding="utf-8"))["honesty"]["trials"] == len(tried) + 1  # and the own settings


def test_an_experiment_that_was_typed_is_part_of_the_one_that_is_found(tmp_path, tradewinds):
    words = ("experiment=houston", "features=selected", "run.name='a_b'", "search.trials=9", "series.symbols=[X,'Y Z']")
    path = write_experiment(tmp_path, "winner", shlex.join(words), {"trainer.learning_rate": 0.5}, "a\nb")
    written = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert written == {
        "defaults": ["houston", {"override /features": "selected"}, "_self_"],
        "run": {"name": "a_b"},
        "series": {"symbols": ["X", "Y Z"]},
        "trainer": {"learning_rate": 0.5},
    }
    write_experiment(tmp_path, "winner", shlex.join(words[:3]), {"trainer.learning_rate": 0.5}, "a\nb")
    job = tradewinds("run", "--config-dir", str(tmp_path / "conf"), "experiment=winner", "--cfg", "job")
    composed = yaml.safe_load(job.out)
    assert (composed["env"]["kind"], composed["run"]["name"], composed["features"]["selection"]) == (
        "battery",
        "a_b",
        True,
    )


@pytest.mark.parametrize("folds", [0, 2])
def test_a_goal_that_looks_at_what_is_judged_is_caught(folds, found, tradewinds, monkeypatch):
    honest = AccountTask.validated

    def peek(task, prepared, models):
        prepared.opened()
        return honest(task, prepared, models)

    monkeypatch.setattr(AccountTask, "validated", peek)
    answer = tradewinds("search", *WORDS, f"search.study=peeking_{folds}", f"search.folds={folds}")
    assert answer.status == 3
    assert "the goal of a search opened rows that are judged" in answer.err


def test_inner_tests_score_a_trial_and_all_of_it_is_told(found, tradewinds, place):
    answer = tradewinds("search", *WORDS, "search.study=inner", "search.folds=2", "search.trials=1")
    assert answer.status == 0, answer.err
    path = place / "runs" / "bars" / "search" / "inner" / "search.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    assert document["search"]["scored_on"].startswith("2 inner tests that chose nothing, 202")
    assert document["search"]["scored_on"] in path.with_name("search.html").read_text(encoding="utf-8")
    assert document["search"]["complete"] == 1


def test_a_search_begins_with_what_an_earlier_one_found_of_a_series_like_this(found, tradewinds, place):
    _, earlier = found
    write_bars(place / "others.csv", 410)
    words = [word.replace("bars.csv", "others.csv") for word in WORDS]
    answer = tradewinds(
        "search", *words, "search.study=warm", "search.warm_start=from_history", "search.trials=1", "search.prune=false"
    )
    assert answer.status == 0, answer.err
    assert "it begins with 1 settings from" in answer.err
    path = place / "runs" / "others" / "search" / "warm" / "search.json"
    (trial,) = json.loads(path.read_text(encoding="utf-8"))["trials"]
    keys = [key for key in trial if "." in key]
    assert {key: trial[key] for key in keys} in [{key: other[key] for key in keys} for other in earlier["trials"]]
    assert "settings that did well in earlier searches, of bars" in path.with_name("search.html").read_text("utf-8")


def test_where_nothing_was_searched_before_it_says_so_and_games_are_refused(tmp_path, monkeypatch, tradewinds):
    monkeypatch.chdir(tmp_path)
    write_bars(tmp_path / "bars.csv", 400)
    answer = tradewinds("search", *WORDS, "search.warm_start=from_history", "search.trials=1")
    assert answer.status == 0, answer.err
    assert "note: no earlier search beneath runs is of use: the same task, agent, model and goal" in answer.err
    game = ("env=gymnasium", "env.id=CartPole-v1", "agent=ppo", "search.warm_start=from_history")
    answer = tradewinds("search", *game)
    assert answer.status == 2
    assert "search.warm_start=from_history compares searches by their series, and CartPole-v1 has none" in answer.err
    answer = tradewinds("search", *WORDS, "search.warm_start=from_history", "search.goals=[error,seconds]")
    assert answer.status == 2
    assert "search.warm_start must be null for two goals, which rank settings in two ways, was from_" in answer.err


def test_two_workers_on_one_study_write_down_what_one_would(found, tradewinds, monkeypatch, place):
    monkeypatch.setattr("tradewinds.core.executor.results_of", in_this_process)
    monkeypatch.setattr(search_module, "pinned", lambda threads: pytest.MonkeyPatch.context())
    answer = tradewinds(
        "search", *WORDS, "search.study=two", "search.workers=2", "search.trials=2", "search.goals=[score,seconds]"
    )
    assert answer.status == 0, answer.err
    document = json.loads((place / "runs" / "bars" / "search" / "two" / "search.json").read_text(encoding="utf-8"))
    assert (document["search"]["tried"], document["search"]["goals"]) == (2, ["score", "seconds"])
    assert document["search"]["front"]


def test_a_goal_that_a_task_does_not_have_is_refused_before_anything_is_tried(place, tradewinds):
    pd.DataFrame(
        {"close": range(1, 400)}, index=pd.date_range("2020-01-01", periods=399, name="time", tz="UTC")
    ).to_csv(place / "level.csv")
    words = [word for word in WORDS if not word.startswith(("series.path", "search.space.agent"))]
    answer = tradewinds(
        "search", *words, "series.path=level.csv", "series.target=difference", "search.goals=[drawdown]"
    )
    assert answer.status == 2
    assert "search.goals names drawdown, which this task does not have; it has error, seconds" in answer.err


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
def test_the_page_shows_history_slices_and_trials(found, tmp_path):
    path, document = found
    seen = opened(path.with_name("search.html"), tmp_path)
    assert (seen["faults"], seen["asked"], seen["beyond"]) == ([], [], 0)
    assert seen["canvases"] == 1 + len(document["search"]["space"])

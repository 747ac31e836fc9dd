"""Old runs go by age, number or size; what a model in use rests on stays, whatever the rules say."""

import json
import os
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from filelock import FileLock

from tradewinds.operate.registry import Registry, Version

from championship import WORDS

NOW = datetime.now(UTC)


def made(name, days, *, size=1000, report=True, parents=()):
    """Write a run of so many days ago, with an agent made from those of other runs."""
    folder = Path("runs") / name / f"{NOW - timedelta(days=days):%Y%m%dT%H%M%S.%f}-00aa"
    (folder / "agent").mkdir(parents=True)
    (folder / "agent" / "weights").write_bytes(bytes(size))
    links = {
        f"{number}": {"path": os.path.relpath(run / "agent", folder / "agent")} for number, run in enumerate(parents)
    }
    (folder / "agent" / "manifest.json").write_text(json.dumps({"parents": links}), encoding="utf-8")
    if report:
        (folder / "report.json").write_text("{}", encoding="utf-8")
    return folder


def registered(run, *, promote):
    registry = Registry(Path("runs"))
    champion = registry.champion("m")
    version = Version("m", str(run.relative_to("runs")), "", "", "", "2026-01-01", "2026-01-01")
    registry.register(version, promote=promote, expected=champion and champion.number, reason="")


def left():
    return {folder for folder in Path("runs").glob("*/*") if folder.is_dir()}


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_each_rule_sends_the_oldest_away_and_a_dry_one_nothing(tradewinds):
    old, middle, new = made("m", 30), made("m", 20), made("m", 10)
    other = made("n", 40)
    dry = tradewinds("runs", "prune", "prune.days=15", "prune.dry=true")
    assert dry.out.count("would remove") == 3
    assert left() == {old, middle, new, other}
    assert tradewinds("runs", "prune", "prune.keep=2", "run.name=m").status == 0
    assert left() == {middle, new, other}
    answer = tradewinds("runs", "prune", "prune.days=15", "--json")
    assert json.loads(answer.out.splitlines()[-1])["removed"] == [str(other), str(middle)]
    assert left() == {new}
    assert tradewinds("runs", "prune", "prune.gigabytes=0").status == 0
    assert left() == set()


def test_the_oldest_go_until_the_rest_is_small_enough(tradewinds):
    runs = [made("m", days, size=1_000_000) for days in (4, 3, 2)]
    assert tradewinds("runs", "prune", "prune.gigabytes=0.0021").status == 0
    assert left() == set(runs[1:])


def test_what_a_model_in_use_rests_on_stays(tradewinds):
    first_parent, idle, parent = made("m", 60), made("m", 55), made("m", 50)
    worn_out, before, champion, rejected = (
        made("m", 40),
        made("m", 30, parents=[first_parent]),
        made("m", 20, parents=[parent]),
        made("m", 10),
    )
    pinned, at_work, crashed = made("n", 90), made("n", 0.5, report=False), made("n", 3, report=False)
    for run in (worn_out, before, champion):
        registered(run, promote=True)
    registered(rejected, promote=False)
    assert tradewinds("runs", "pin", str(pinned)).status == 0
    answer = tradewinds("runs", "prune", "prune.keep=0")
    assert answer.status == 0, answer.err
    assert left() == {first_parent, parent, before, champion, rejected, pinned, at_work}
    assert f"kept {champion}: the champion of 'm'" in answer.err
    assert f"kept {before}: what a rollback of 'm' goes back to" in answer.err
    assert f"kept {parent}: what the champion of 'm' was made from" in answer.err
    assert f"kept {at_work}: without a report" in answer.err
    assert {idle, worn_out, crashed}.isdisjoint(left())
    assert tradewinds("runs", "unpin", str(pinned)).status == 0
    assert tradewinds("runs", "prune", "prune.keep=0").status == 0
    assert pinned not in left()


def test_a_real_champion_still_signals_after_everything_else_is_gone(grown, tradewinds):
    for run in ("20200101T000000.000000-aaaa", "20990101T000000.000000-bbbb"):
        shutil.copytree(next(Path("runs/bars").glob("*/report.json")).parent, Path("runs/bars") / run)
    assert tradewinds("runs", "prune", "prune.keep=0").status == 0
    assert len(left()) == 1
    assert tradewinds("signal", *WORDS).status == 0


def test_nothing_of_a_model_goes_while_it_is_retrained_and_a_killed_pruning_is_finished(tradewinds):
    run = made("m", 9)
    (Path("runs/m/.pruned-20200101T000000.000000-aaaa")).mkdir()
    with FileLock("runs/m/.retrain.lock"):
        answer = tradewinds("runs", "prune", "prune.days=1")
    assert answer.status == 3
    assert "a retraining of 'm' is running; its runs stay until it is done" in answer.err
    assert left() == {run}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("prune",), "runs prune needs a rule: prune.days=90"),
        (("prune", "prune.keep=-1"), "prune.keep must be at least 0 runs, was -1"),
        (("pin",), "runs pin needs a run"),
        (("pin", "runs/m"), "'runs/m' is no run's folder"),
    ],
)
def test_what_cannot_be_done_is_refused(words, message, tradewinds):
    made("m", 1)
    answer = tradewinds("runs", *words)
    assert answer.status == 2
    assert message in answer.err


def test_a_damaged_registry_stops_it_before_anything_goes(tradewinds):
    run = made("m", 9)
    registered(run, promote=True)
    Path("runs/registry.db").write_bytes(b"no database" * 100)
    answer = tradewinds("runs", "prune", "prune.keep=0")
    assert answer.status == 3
    assert left() == {run}

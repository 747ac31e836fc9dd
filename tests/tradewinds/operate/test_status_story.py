"""How a model fares, as a person and as Prometheus read it, and each reason to look."""

import json

import pytest

import tradewinds.operate.schedule as schedule
import tradewinds.operate.status as tradewinds_status
from tradewinds.evaluation.drift import Drift

from championship import RUN_HERE, WORDS

LIVE = tuple(word for word in WORDS if word != "signal.max_age=null")


def test_a_sound_model_is_told_in_four_lines_and_changes_nothing(grown, tradewinds, tmp_path):
    before = sorted(path for path in tmp_path.rglob("*") if path.name != "registry.db")
    answer = tradewinds("status", *WORDS)
    assert answer.status == 0, answer.err
    model, data, jobs, drift = answer.out.splitlines()
    assert model.startswith("model bars: version 1, ")
    assert data.startswith("data: the last bar closed 2021-09-22T00:00, ")
    assert jobs.startswith("jobs: no scheduler has run; next due ")
    assert drift.startswith("drift: ")
    assert sorted(path for path in tmp_path.rglob("*") if path.name != "registry.db") == before


def test_old_data_end_with_status_3(grown, tradewinds):
    answer = tradewinds("status", "--json", *LIVE)
    assert answer.status == 3
    assert "bars of its calendar have closed since 2021-09-22 00:00, and signal.max_age allows 2" in answer.err
    told = json.loads(answer.out.splitlines()[-1])
    assert told["champion"]["version"] == 1
    assert told["data"]["bars_missed"] > 1000
    assert len(told["alarms"]) == 1


def test_a_model_without_a_champion_says_what_to_type(market, tradewinds):
    answer = tradewinds("status", *WORDS)
    assert answer.status == 3
    assert "'bars' has no champion under runs; type `tradewinds retrain`" in answer.err
    assert answer.out.startswith("model bars: no champion\n")


def test_metrics_can_be_scraped(grown, tradewinds):
    answer = tradewinds("status", "status.format=prometheus", *WORDS)
    samples = dict(line.rsplit(" ", 1) for line in answer.out.splitlines() if not line.startswith("#"))
    assert samples['tradewinds_champion_version{model="bars"}'] == "1"
    assert samples['tradewinds_alarms{model="bars"}'] == "0"
    helped = [line.split()[2] for line in answer.out.splitlines() if line.startswith("# HELP")]
    assert helped == [name.split("{")[0] for name in samples]


def test_failed_retrainings_are_counted_until_one_succeeds(grown, tradewinds, monkeypatch):
    def fail(plain, folder):
        raise RuntimeError("the disk is on fire")

    monkeypatch.setattr(schedule, "_attempt", fail)
    assert tradewinds("schedule", *RUN_HERE, "schedule.attempts=1", *WORDS).status == 1
    answer = tradewinds("status", *WORDS)
    assert answer.status == 3
    assert "failing: the last 1 retrainings failed, the one due " in answer.err
    assert "the disk is on fire" in answer.err
    monkeypatch.setattr(schedule, "_attempt", lambda plain, folder: {"status": 3, "said": "no better"})
    assert tradewinds("schedule", *RUN_HERE[:2], "schedule.cron='0 0 2 1 *'", *WORDS).status == 0
    answer = tradewinds("status", *RUN_HERE[1:2], "schedule.cron='0 0 2 1 *'", *WORDS)
    assert answer.status == 0, answer.err
    assert ": rejected, no better; next due " in answer.out


def test_forecasts_that_became_worse_are_said_with_the_day(grown, tradewinds, monkeypatch):
    grown(700)
    answer = tradewinds("status", *WORDS)
    assert answer.status == 0  # the network says nothing here, so that nothing grew worse by much
    assert answer.out.endswith(" when it was chosen: no alarm\n")
    monkeypatch.setattr(tradewinds_status, "watch", lambda *_, bound, seed: Drift(2 * bound, bound, 3, 5))
    answer = tradewinds("status", *WORDS)
    assert answer.status == 0
    assert "no alarm all the same, since less than 0.05 more error does not matter" in answer.out
    assert 'tradewinds_drift_alarm{model="bars"} 0' in tradewinds("status", "status.format=prometheus", *WORDS).out
    monkeypatch.setattr(tradewinds_status, "MATERIAL", -1.0)
    answer = tradewinds("status", "status.format=prometheus", *WORDS)
    assert 'tradewinds_drift_alarm{model="bars"} 1' in answer.out
    assert answer.status == 3
    assert "drift: since 2021-" in answer.err
    assert "type tradewinds retrain" in answer.err


@pytest.mark.parametrize("command", ["status"])
def test_a_lost_registry_is_refused_as_everywhere(command, grown, tradewinds, tmp_path):
    (tmp_path / "runs" / "registry.db").unlink()
    answer = tradewinds(command, *WORDS)
    assert answer.status == 3
    assert "type `tradewinds models rebuild" in answer.err


def test_a_past_that_changed_is_a_reason_to_look_and_metrics_are_told_all_the_same(grown, tradewinds):
    grown.change(100, 1.02)
    grown(460)
    answer = tradewinds("status", "status.format=prometheus", *WORDS)
    assert answer.status == 3
    assert "unusable: bars: the past has changed since version 1 of 'bars' was made from it" in answer.err
    assert 'tradewinds_alarms{model="bars"} 1' in answer.out


def test_a_champion_of_another_task_is_no_sound_game(grown, tradewinds):
    answer = tradewinds("status", "env=gymnasium", "agent=ppo", "run.name=bars")
    assert answer.status == 3
    assert "unusable: version 1 of 'bars' was trained on bars (bars, bars of 1 days" in answer.err


def test_a_scheduler_that_fell_silent_is_said(grown, tradewinds, monkeypatch):
    one = {"due": "2026-01-03T00:00:00+00:00", "state": "running", "said": None}
    monkeypatch.setattr(tradewinds_status, "retrainings", lambda *_: [one])
    answer = tradewinds("status", *WORDS)
    assert answer.status == 3
    assert "silent: the last retraining that a scheduler began was due 2026-01-03T00:00 and is running" in answer.err


def test_a_schedule_that_cannot_be_read_is_refused(grown, tradewinds):
    answer = tradewinds("status", "schedule.exchange=XXXX", *WORDS)
    assert answer.status == 2
    assert "schedule.exchange must be an exchange such as XNYS" in answer.err

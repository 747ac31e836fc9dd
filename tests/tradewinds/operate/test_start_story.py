"""`retrain.start=champion`: a second challenger goes on from the champion's weights, under the same law."""

import json

import pytest

from tradewinds.operate.registry import Registry

from championship import WORDS


def decisions(tmp_path):
    """Read what was decided of every version, oldest first."""
    versions = Registry(tmp_path / "runs").versions("bars")
    return [json.loads((tmp_path / "runs" / version.run / "decision.json").read_text()) for version in versions]


def test_both_challengers_meet_the_champion_on_the_same_bars_and_the_registry_tells_them_apart(
    grown, tradewinds, tmp_path
):
    grown(480)
    answer = tradewinds("retrain", *WORDS, "retrain.margin=1000", "retrain.start=champion")
    assert answer.status == 3
    two = decisions(tmp_path)[1:]
    assert len(two) == 2
    assert two[0]["unseen"] == two[1]["unseen"]
    assert two[0]["lead"] <= two[1]["lead"]  # the better one comes last
    growth = [each["log_growth_per_year"] for each in two]
    assert growth[0]["champion"] == growth[1]["champion"]
    gone_on = [each["reason"].startswith("its forecaster went on from version 1; log growth") for each in two]
    assert sorted(gone_on) == [False, True]
    assert "version 2 was rejected" in answer.err
    assert "version 3 was rejected" in answer.err
    listed = tradewinds("models", "list").out.splitlines()
    assert [("went on from version 1" in line) for line in listed] == [False, *gone_on]
    version = Registry(tmp_path / "runs").versions("bars")[1 + gone_on.index(True)]
    run = tmp_path / "runs" / version.run
    assert "its forecaster went on from version 1" in json.loads((run / "report.json").read_text())["warnings"]
    parents = json.loads((run / "forecaster/manifest.json").read_text())["parents"]
    assert (run / "forecaster" / parents["forecaster"]["path"] / "weights.safetensors").is_file()
    again = tradewinds("retrain", *WORDS, "retrain.margin=1000", "retrain.start=champion")
    assert "no new data since" in again.out


def test_of_two_that_win_the_one_that_leads_by_more_is_promoted(grown, tradewinds, tmp_path, monkeypatch):
    from tradewinds.pipeline.records import Duel
    from tradewinds.tasks.account.task import AccountTask

    leads = iter([0.3, 0.2])  # of the one fitted anew, and of the one that went on
    monkeypatch.setattr(AccountTask, "duel", lambda self, *_: Duel(True, next(leads), "it beat {champion}", {}))
    grown(480)
    answer = tradewinds("retrain", *WORDS, "retrain.start=champion")
    assert answer.status == 0, answer.err
    assert "version 3 of 'bars' is the champion: it beat champion 1" in answer.out
    passed_over = "version 2 was rejected: its forecaster went on from version 1; it beat champion 1; another beat it"
    assert passed_over in answer.err
    assert [each["promote"] for each in decisions(tmp_path)] == [True, False, True]
    assert Registry(tmp_path / "runs").champion("bars").number == 3


def test_a_champion_of_other_settings_is_not_gone_on_from(grown, tradewinds, tmp_path):
    grown(480)
    answer = tradewinds("retrain", *WORDS, "retrain.margin=1000", "retrain.start=champion", "model.hidden_size=6")
    assert answer.status == 3
    assert "no challenger goes on from version 1" in answer.err
    assert "was trained with other values of model.hidden_size" in answer.err
    assert len(decisions(tmp_path)) == 2


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("env=gymnasium", "agent=ppo"), "gymnasium reads no series"),
        (("series=houston", "env=battery", "model=day_lstm"), "day_lstm is fitted anew each day"),
    ],
)
def test_where_there_is_no_network_of_bars_it_is_refused(tradewinds, words, reason):
    answer = tradewinds("retrain", *words, "retrain.start=champion")
    assert answer.status == 2
    assert reason in answer.err

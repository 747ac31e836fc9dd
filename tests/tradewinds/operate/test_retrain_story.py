"""Scheduled retraining: whatever happens, there is a working champion, and it changes only for a better one."""

import json
import multiprocessing
import os
import signal
from pathlib import Path

import numpy as np
import pandas as pd
from filelock import FileLock

from tradewinds.__main__ import main
from tradewinds.operate.registry import Registry

from championship import WORDS, signal_of
from story import write_bars


def test_retrain_promotes_a_first_model_and_signal_speaks_for_it(market, tradewinds):
    answer = tradewinds("retrain", *WORDS)
    assert answer.status == 0, answer.err
    assert "version 1 of 'bars' is the champion: the first model" in answer.out
    said = signal_of(tradewinds)
    assert said["model_version"] == 1
    assert said["data_last_bar"].startswith("2021-09-21")
    assert set(said["target_exposure"]) == {"bars"}
    assert said["target_exposure"]["bars"] in (-1.0, 0.0, 1.0)
    assert said["model_age_days"] >= 0.0
    assert said["fills_at"] == "the next bar's open"
    other = tradewinds("signal", *WORDS, "env.exposures=[0.0,0.5]")
    assert "champion 1 acts as it was trained: env.exposures=[-1.0, 0.0, 1.0] in place of [0.0, 0.5]" in other.err


def test_without_new_data_retrain_says_so_and_changes_nothing(grown, tradewinds, tmp_path):
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.suffix not in (".lock", ".db-shm")}
    answer = tradewinds("retrain", *WORDS)
    assert answer.status == 0
    assert "no new data since 2021-09-21" in answer.out
    after = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.suffix not in (".lock", ".db-shm")}
    assert {p: t for p, t in after.items() if p.is_file()} == {p: t for p, t in before.items() if p.is_file()}


def test_a_challenger_that_does_not_win_is_rejected_and_the_champion_stays(grown, tradewinds):
    grown(480)
    answer = tradewinds("retrain", *WORDS, "retrain.margin=1000")
    assert answer.status == 3
    assert "version 2 was rejected: log growth" in answer.err
    assert "on the same" in answer.err
    assert signal_of(tradewinds)["model_version"] == 1
    listed = tradewinds("models", "list").out
    assert "champion" in listed.splitlines()[0]
    assert "champion  data" not in listed.splitlines()[1]


def test_too_few_unseen_bars_are_no_ground_for_a_change(grown, tradewinds):
    grown(455)
    answer = tradewinds("retrain", *WORDS, "retrain.min_bars=10000")
    assert answer.status == 3
    assert "bars are unseen by both it and champion 1, and retrain.min_bars asks for 10000" in answer.err


def test_promote_and_rollback_move_the_champion_and_a_damaged_version_is_refused(grown, tradewinds, tmp_path):
    grown(480)
    tradewinds("retrain", *WORDS, "retrain.margin=1000")
    assert tradewinds("models", "promote", "2").out == "version 2 of 'bars' is the champion\n"
    assert signal_of(tradewinds)["model_version"] == 2
    assert tradewinds("models", "rollback").out == "version 1 of 'bars' is the champion\n"
    assert signal_of(tradewinds)["model_version"] == 1
    second = Registry(tmp_path / "runs").versions("bars")[1]
    (tmp_path / "runs" / second.run / "agent" / "policy.json").write_text("{}")
    answer = tradewinds("models", "promote", "2")
    assert answer.status == 3
    assert "policy.json differs from manifest.json" in answer.err
    assert signal_of(tradewinds)["model_version"] == 1


def damage(tmp_path, version):
    """Change a file of a version."""
    (tmp_path / "runs" / version.run / "agent" / "policy.json").write_text("{}")


def test_a_champion_whose_files_are_damaged_is_replaced_where_no_other_version_can_be_used(grown, tradewinds, tmp_path):
    damage(tmp_path, Registry(tmp_path / "runs").versions("bars")[0])
    assert tradewinds("signal", *WORDS).status == 3
    grown(480)
    answer = tradewinds("retrain", *WORDS, "retrain.margin=1000")
    assert answer.status == 0, answer.err
    assert "version 2 of 'bars' is the champion: champion 1 cannot be used" in answer.out
    assert signal_of(tradewinds)["model_version"] == 2


def test_a_damaged_champion_is_succeeded_by_whoever_wins_a_duel_of_challenger_and_newest_version_that_works(
    grown, tradewinds, tmp_path
):
    registry = Registry(tmp_path / "runs")
    grown(480)
    tradewinds("retrain", *WORDS, "retrain.margin=1000")
    tradewinds("models", "promote", "2")
    damage(tmp_path, registry.champion("bars"))
    answer = tradewinds("retrain", *WORDS, "retrain.margin=1000", "seed=8")
    assert answer.status == 3
    assert "champion 2 cannot be used" in answer.err
    assert "version 1 is defended" in answer.err
    assert "version 3 was rejected: log growth" in answer.err
    assert "did not beat version 1's" in answer.err
    assert "version 1 is the champion, since champion 2 cannot be used" in answer.err
    assert signal_of(tradewinds)["model_version"] == 1


def test_a_damaged_champion_is_replaced_even_without_new_data_and_as_often_as_needed(grown, tradewinds, tmp_path):
    for number, harm in ((1, b"{}"), (2, None)):
        newest = Registry(tmp_path / "runs").versions("bars")[-1]
        weights = tmp_path / "runs" / newest.run / "forecaster" / "weights.safetensors"
        weights.unlink() if harm is None else weights.write_bytes(harm)
        answer = tradewinds("retrain", *WORDS)
        assert answer.status == 0, answer.err
        assert f"version {number + 1} of 'bars' is the champion: champion {number} cannot be used" in answer.out
        assert "weights.safetensors differs from manifest.json" in answer.out
        assert signal_of(tradewinds)["model_version"] == number + 1
    assert "no new data since" in tradewinds("retrain", *WORDS).out


def test_other_rules_of_the_duel_are_another_request(grown, tradewinds):
    answer = tradewinds("retrain", *WORDS, "retrain.margin=1000")
    assert answer.status == 3
    assert "version 2 was rejected: log growth" in answer.err
    assert "by more than 1000" in answer.err
    assert "no new data since" in tradewinds("retrain", *WORDS, "retrain.margin=1000").out


def test_a_champion_is_never_judged_on_bars_it_learned_from(grown, tradewinds, tmp_path):
    grown(520)
    tradewinds("retrain", *WORDS, "retrain.margin=1000")
    runs = sorted((tmp_path / "runs" / "bars").glob("*/decision.json"))
    decision = json.loads(runs[-1].read_text(encoding="utf-8"))
    trained_to = [
        json.loads(path.read_text(encoding="utf-8"))["facts"]["trained_to"]
        for path in sorted((tmp_path / "runs" / "bars").glob("*/agent/manifest.json"))
    ]
    assert len(trained_to) == 2
    assert decision["unseen"]["first"] > max(trained_to)


def test_the_duel_is_on_bars_after_those_the_champion_was_promoted_on_as_soon_as_they_are_enough(grown, tradewinds):
    grown(480)
    index = pd.read_csv("bars.csv", index_col=0).index
    promoted_on, first_fresh = index[449], index[450]
    answer = tradewinds("retrain", *WORDS, "retrain.margin=1000", "retrain.min_bars=30", "--json")
    outcome = json.loads(answer.out.splitlines()[-1])
    assert outcome["judged_on"] == f"bars after {promoted_on}, the last that it was promoted on"
    assert outcome["unseen"]["rows"] == [450, 480]
    assert outcome["unseen"]["first"].startswith(first_fresh)
    assert f"on the same 30 {outcome['judged_on']}" in answer.err
    answer = tradewinds("retrain", *WORDS, "retrain.margin=1000", "retrain.min_bars=31", "--json")
    outcome = json.loads(answer.out.splitlines()[-1])
    assert outcome["judged_on"] == "unseen bars"
    assert outcome["unseen"]["first"] < promoted_on
    assert "unseen bars" in answer.err


def retrain_until(moment, words):
    """Retrain, in a process of its own, and kill it when so many files have come to lie on the disk."""
    flushed, fsync = [], os.fsync

    def flush(descriptor):
        fsync(descriptor)
        flushed.append(descriptor)
        if len(flushed) == moment:
            os.kill(os.getpid(), signal.SIGKILL)

    os.fsync = flush
    main(["retrain", *words])


def test_a_retraining_killed_at_any_moment_leaves_the_champion_and_the_next_one_completes(grown, tradewinds, tmp_path):
    grown(480)
    for moment in (2, 5, 26, 19):  # between epochs, in the forecaster's artifact, in the report, in the agent's
        process = multiprocessing.get_context("fork").Process(target=retrain_until, args=(moment, WORDS))
        process.start()
        process.join()
        assert process.exitcode == -signal.SIGKILL
        assert signal_of(tradewinds)["model_version"] == 1
    assert list(Path("runs").rglob(".partial-*"))
    answer = tradewinds("retrain", *WORDS)
    assert answer.status in (0, 3), answer.err
    assert "half-written pieces that a killed process left" in answer.err
    assert len(Registry(tmp_path / "runs").versions("bars")) == 2
    assert not list(Path("runs").rglob(".partial-*"))


def test_two_retrainings_of_one_model_do_not_run_at_once(market, tradewinds, tmp_path):
    (tmp_path / "runs" / "bars").mkdir(parents=True)
    with FileLock(tmp_path / "runs" / "bars" / ".retrain.lock"):
        answer = tradewinds("retrain", *WORDS)
    assert answer.status == 3
    assert "another retraining of 'bars' is running; this one did nothing" in answer.err


def test_a_champion_of_another_series_or_other_columns_is_not_judged_here(grown, tradewinds, tmp_path):
    (tmp_path / "other.csv").write_bytes((tmp_path / "bars.csv").read_bytes())
    write_bars(tmp_path / "other_bars.csv", 480, seed=2)
    answer = tradewinds("retrain", *WORDS, "series.path=other.csv", "run.name=bars", "seed=8")
    assert answer.status == 2
    assert "version 1 of 'bars' was trained on bars (bars, bars of 1 days 00:00:00), and this request's" in answer.err
    Path("bars.csv").write_bytes((tmp_path / "other_bars.csv").read_bytes())
    answer = tradewinds("signal", *WORDS)
    assert answer.status == 2
    assert "version 1 of 'bars' was trained on other bars: the log returns up to" in answer.err
    Path("bars.csv").write_bytes((tmp_path / "other.csv").read_bytes())
    days = pd.date_range("2019-12-01", "2022-12-01", name="date")
    pd.DataFrame({"heat": np.arange(len(days))}, index=days).to_csv(tmp_path / "weather.csv")
    weather = ("weather=csv", "weather.path=weather.csv", "weather.columns=[heat]", "weather.lag_hours=24")
    answer = tradewinds("retrain", *WORDS, *weather)
    assert answer.status == 2
    assert "version 1 of 'bars' cannot read this series: the series must have the features" in answer.err


def test_a_champion_of_other_settings_is_judged_by_its_own_states_and_levels(market, tradewinds):
    tradewinds("retrain", *WORDS, "env.exposures=[-2,0,2]", "env.leverage_cap=2", "model.horizon=3", "model.kind=gru")
    market(480)
    answer = tradewinds("retrain", *WORDS, "retrain.margin=1000", "env.exposures=[0,1]")
    assert answer.status == 3, answer.err
    assert "did not beat champion 1's" in answer.err
    assert signal_of(tradewinds)["target_exposure"]["bars"] in (-2.0, 0.0, 2.0)

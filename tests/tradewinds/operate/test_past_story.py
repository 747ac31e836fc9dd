"""Data that went backwards, changed behind the champion's back or stopped, and registries that were lost."""

import re
import shutil
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest
from filelock import FileLock

from tradewinds.operate.registry import Registry

from championship import WORDS, signal_of
from story import FAST_CSV, write_bars

LIVE = tuple(word for word in WORDS if word != "signal.max_age=null")
BOTH = pytest.mark.parametrize("command", ["retrain", "signal"])


def cure(answer, pattern=r"data\.accept_changes=\S+"):
    """Return the words that a refusal says to type."""
    assert answer.status == 3, answer.err
    return re.search(pattern, answer.err).group(0)


@BOTH
def test_a_file_that_ends_before_the_bars_of_the_newest_version_is_refused_with_both_dates(command, grown, tradewinds):
    grown(440)
    answer = tradewinds(command, *WORDS)
    assert (
        "the series ends 2021-09-07 00:00, and version 1 of 'bars' was made from bars up to 2021-09-21 00:00: bring "
        in answer.err
    )
    word = cure(answer)
    assert word == "data.accept_changes=2021-09-07"
    assert tradewinds(command, *WORDS, word).status in (0, 3)
    assert "the series ends" not in tradewinds(command, *WORDS, word).err


def test_a_file_that_lost_what_the_champion_learned_from_needs_a_model_of_another_name(grown, tradewinds):
    grown(350)
    word = cure(tradewinds("retrain", *WORDS), r"run\.name=\S+")
    answer = tradewinds("retrain", *WORDS, word)
    assert answer.status == 0, answer.err
    assert "version 2 of 'bars-2' is the champion: the first model" in answer.out


def test_of_a_file_of_closes_it_is_a_close_that_changed(tradewinds, tmp_path):
    write_bars(tmp_path / "bars.csv", 450)
    bars = pd.read_csv(tmp_path / "bars.csv")[["date", "close"]]
    bars.to_csv("bars.csv", index=False)
    assert tradewinds("retrain", *WORDS).status == 0
    bars.loc[100, "close"] *= 1.001
    bars.to_csv("bars.csv", index=False)
    answer = tradewinds("signal", *WORDS)
    assert answer.status == 3
    assert f"was made from it: close at {bars['date'][100]} 00:00 was " in answer.err


@BOTH
def test_one_changed_value_is_told_with_its_day_and_what_it_was_until_it_is_confirmed(command, grown, tradewinds):
    date = grown.change(100, 1.02)
    grown(460)
    answer = tradewinds(command, *WORDS)
    assert f"the past has changed since version 1 of 'bars' was made from it: open at {date} 00:00 was " in answer.err
    word = cure(answer)
    assert word == f"data.accept_changes={date}"
    day_after = (pd.Timestamp(date) + pd.Timedelta(days=1)).strftime("%Y-%m-%d")
    assert tradewinds(command, *WORDS, f"data.accept_changes={day_after}").status == 3
    answer = tradewinds(command, *WORDS, word, "retrain.margin=1000")
    assert "the past has changed" not in answer.err
    if command == "retrain":  # confirmed once
        assert "version 2 was rejected: log growth" in answer.err
        assert signal_of(tradewinds)["model_version"] == 1


def test_the_last_bar_revised_is_confirmed_like_any_other_and_new_rows_need_no_word(grown, tradewinds):
    grown(460)
    assert signal_of(tradewinds)["data_last_bar"].startswith("2021-10-05")
    date = grown.change(449, 1.001)
    grown(460)
    word = cure(tradewinds("signal", *WORDS))
    assert word == f"data.accept_changes={date}"
    signal_of(tradewinds, word)


def test_prices_that_were_all_divided_are_the_same_series_and_have_to_be_confirmed(grown, tradewinds):
    for row in range(700):
        grown.change(row, 0.5)
    grown(450)
    answer = tradewinds("signal", *WORDS)
    assert "and more in 8 of 8 blocks of 64 rows" in answer.err
    signal_of(tradewinds, cure(answer))


def test_rows_that_went_are_told_as_such(grown, tradewinds):
    lost = grown.lines.pop(201).split(",")[0]
    grown(449)
    answer = tradewinds("signal", *WORDS)
    first, last = re.search(r"rows came or went between (\S+) 00:00 and (\S+) 00:00", answer.err).groups()
    assert first <= lost <= last
    signal_of(tradewinds, cure(answer))


def test_a_file_that_begins_later_is_compared_where_both_have_bars(grown, tradewinds):
    del grown.lines[1:31]
    grown(420)
    signal_of(tradewinds)
    grown.change(200, 1.01)
    grown(420)
    assert cure(tradewinds("signal", *WORDS)).startswith("data.accept_changes=2020-")


# --- age


def test_a_signal_on_data_that_have_stopped_is_refused_with_their_age_until_it_is_asked_for(grown, tradewinds):
    answer = tradewinds("signal", *LIVE)
    assert answer.status == 3
    days = (datetime.now(UTC) - datetime(2021, 9, 22, tzinfo=UTC)).days
    assert f"last bar closed 2021-09-22 00:00 UTC, {days} days ago: " in answer.err
    assert "bars of its calendar have closed since, and signal.max_age allows 2; bring the series up to" in answer.err
    word = re.search(r"signal\.max_age=\d+", answer.err).group(0)
    missed = int(word.split("=")[1])
    assert abs(missed - days * 5 / 7) < 5
    answer = tradewinds("signal", *LIVE, word, "--json")
    assert answer.status == 0, answer.err
    assert f'"data_age_bars": {missed}' in answer.out


def test_a_made_up_world_is_no_live_source_and_a_signal_on_it_says_so(tradewinds):
    words = ("series=ar1", "series.bars=450", *FAST_CSV)
    assert tradewinds("retrain", *words).status == 0
    answer = tradewinds("signal", *words)
    assert answer.status == 0, answer.err
    assert "is no live source: it ends " in answer.err
    assert '"data_age_bars": null' in answer.out


# --- registries


def empty(file):
    """Take every row out of a registry."""
    with sqlite3.connect(file) as connection:
        connection.executescript("delete from alias; delete from alias_log; delete from version;")


@pytest.mark.parametrize(
    "harm", [Path.unlink, lambda file: file.write_bytes(b""), empty], ids=["gone", "0 bytes", "no row"]
)
def test_an_empty_registry_beside_whole_runs_is_refused_by_every_command_until_it_is_rebuilt(
    harm, grown, tradewinds, tmp_path
):
    harm(tmp_path / "runs" / "registry.db")
    commands = (
        ("retrain", *WORDS),
        ("signal", *WORDS),
        ("schedule", *WORDS),
        ("models", "list"),
        ("models", "rollback"),
    )
    for words in commands:
        answer = tradewinds(*words)
        assert "registry.db knows no model 'bars', and whole runs of `retrain` lie in runs/bars" in answer.err
        assert cure(answer, "`tradewinds.*`") == "`tradewinds models rebuild`"
    with FileLock(tmp_path / "runs" / "bars" / ".retrain.lock"):
        answer = tradewinds("models", "rebuild")
    assert answer.err == "tradewinds: 'bars' is at work; stop its scheduler or wait, then rebuild\n"
    assert "the first model" in tradewinds("models", "rebuild").out
    said = signal_of(tradewinds)
    assert said["model_version"] == 1
    assert "no new data since 2021-09-21" in tradewinds("retrain", *WORDS).out
    assert "'bars' is registered; nothing was changed" in tradewinds("models", "rebuild").out


def test_a_rebuilt_registry_is_the_one_that_was_lost(grown, tradewinds, tmp_path):
    grown(480)
    tradewinds("retrain", *WORDS, "retrain.margin=1000")
    shutil.copytree("runs", "elsewhere")
    before = tradewinds("models", "list").out
    (tmp_path / "runs" / "registry.db").unlink()
    tradewinds("models", "rebuild")
    lines = zip(before.splitlines(), tradewinds("models", "list").out.splitlines(), strict=True)
    assert all(re.sub("made .{16}", "", old) == re.sub("made .{16}", "", new) for old, new in lines)
    one, two = (Registry(tmp_path / folder).versions() for folder in ("elsewhere", "runs"))
    for name in ("number", "name", "run", "agent_sha256", "config_hash", "data_sha256", "data_last", "verdict"):
        assert [getattr(version, name) for version in one] == [getattr(version, name) for version in two], name


def test_a_damaged_registry_says_what_to_type_and_a_damaged_run_is_left_out(grown, tradewinds, tmp_path):
    grown(480)
    tradewinds("retrain", *WORDS, "retrain.margin=1000")
    second = Registry(tmp_path / "runs").versions("bars")[1]
    (tmp_path / "runs" / second.run / "agent" / "policy.json").write_text("{}")
    file = tmp_path / "runs" / "registry.db"
    file.write_bytes(b"not a database " * 400)
    for words in (("retrain", *WORDS), ("signal", *WORDS), ("schedule", *WORDS), ("models", "list")):
        answer = tradewinds(*words)
        assert "registry.db is damaged (file is not a database): type `tradewinds models rebuild`" in answer.err
        assert answer.status == 3
        assert "http" not in answer.err
    answer = tradewinds("models", "rebuild")
    assert answer.status == 0, answer.err
    assert re.search(r"the damaged registry lies in runs/registry\.db\.damaged-\S+ now", answer.out)
    assert f"left out, since its files are damaged or gone: runs/{second.run}" in answer.out
    assert signal_of(tradewinds)["model_version"] == 1


@pytest.mark.parametrize("harm", ["drop table alias_log", "alter table version drop column verdict"])
def test_a_registry_that_lacks_a_part_is_damaged_too_or_mended(harm, grown, tradewinds, tmp_path):
    with sqlite3.connect(tmp_path / "runs" / "registry.db") as connection:
        connection.execute(harm)
    answer = tradewinds("models", "list")
    assert answer.status in (0, 3)
    assert answer.status == 0 or "type `tradewinds models rebuild`" in answer.err
    assert tradewinds("models", "rebuild").status == 0
    assert signal_of(tradewinds)["model_version"] == 1


def test_versions_without_a_champion_are_no_reason_for_a_promotion_without_a_duel(grown, tradewinds, tmp_path):
    with sqlite3.connect(tmp_path / "runs" / "registry.db") as connection:
        connection.execute("delete from alias")
    answer = tradewinds("retrain", *WORDS)
    assert "'bars' has versions 1 and no champion" in answer.err
    words = cure(answer, "models promote .*").split()
    assert tradewinds(*words).status == 0
    assert signal_of(tradewinds)["model_version"] == 1

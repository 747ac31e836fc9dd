"""Trials belong to the data: rows are known by what happened on them, whatever file, name or unit they come in."""

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewinds.data.row_marks import WINDOW, digest_of, keep_marks, marks_of, overlapping
from tradewinds.evaluation.trials import judged_trial, log_trial, opening_block, rivals, trial_block, unjudged_openings

from story import FAST_CSV, write_bars

BARS = 300


def walk(seed=0, bars=BARS):
    return 100.0 * np.exp(np.cumsum(np.random.default_rng(seed).normal(0.0, 0.01, bars)))


def kept(folder, close, rows):
    return keep_marks(marks_of(close, rows), folder)


@given(st.integers(0, 30), st.floats(0.01, 100.0), st.floats(-50.0, 50.0))
def test_neither_earlier_bars_nor_another_unit_make_another_row(earlier, factor, origin):
    close = walk()
    other = np.concatenate([walk(1, earlier), close]) * factor + origin
    rows = range(200, 260)
    ours, theirs = marks_of(close, rows), marks_of(other, range(200 + earlier, 260 + earlier))
    assert len(ours) == 60
    assert len(np.intersect1d(ours, theirs)) >= 55  # a share may lie where rounding turns


def test_other_walks_share_no_row_and_a_price_that_stands_still_has_none():
    rows = range(WINDOW, BARS)
    assert len(np.intersect1d(marks_of(walk(0), rows), marks_of(walk(1), rows))) == 0
    assert len(marks_of(np.full(BARS, 5.0), rows)) == 0
    steps = np.random.default_rng(0).choice([0.0, 0.0, 1.0], BARS)
    assert len(marks_of(np.cumsum(steps), rows)) == 0  # two changes only: any series may have them


def test_prices_that_move_by_few_ticks_are_not_taken_for_one_another():
    ticks = [np.random.default_rng(seed).choice(7, 3000, p=[0.02, 0.08, 0.2, 0.4, 0.2, 0.08, 0.02]) for seed in (1, 2)]
    ours, theirs = (marks_of(100.0 + np.cumsum(step - 3.0) / 32.0, range(20, 3000)) for step in ticks)
    assert len(ours) > 500
    assert len(np.intersect1d(ours, theirs)) == 0


def test_spans_overlap_where_they_share_a_row_and_only_there(tmp_path):
    close = walk()
    first, second, apart = (kept(tmp_path, close, rows) for rows in (range(50, 150), range(149, 200), range(150, 200)))
    assert overlapping(tmp_path, first, {first, second, apart}) == {first, second}
    (tmp_path / "test_rows" / second).write_bytes(b"damaged!")
    assert overlapping(tmp_path, first, {second}) == set()
    assert digest_of(marks_of(close, range(50, 150))) == first


def trial_of(folder, rows, seed, *, way="account", run="r", name="made"):
    increments = pd.Series(
        np.random.default_rng(seed).normal(0.0, 0.01, 99), pd.date_range("2020-01-01", periods=99, tz="UTC")
    )
    facts = {"series": name, "way": way, "rows": rows, "data_sha256": name, "first": "2020", "last": "2021"}
    facts |= {"periods": 100, "periods_per_year": 252.0, "config": {"seed": seed, "way": way}, "seed": seed}
    return judged_trial(increments, run=folder / run, **facts), increments


def test_a_renamed_and_a_longer_file_are_the_same_rows_and_another_way_of_acting_counts_without_being_compared(
    tmp_path,
):
    close = walk()
    rows, later = kept(tmp_path, close, range(50, 150)), kept(tmp_path, np.append(walk(3, 40), close), range(100, 250))
    blocks = [
        trial_block(*trial_of(tmp_path, rows, 1), tmp_path),
        trial_block(*trial_of(tmp_path, rows, 2, name="renamed"), tmp_path),
        trial_block(*trial_of(tmp_path, later, 3, name="longer"), tmp_path),
        trial_block(*trial_of(tmp_path, rows, 4, way="storage"), tmp_path),
        trial_block(*trial_of(tmp_path, kept(tmp_path, walk(9), range(50, 150)), 5), tmp_path),
    ]
    assert [block["trials"] for block in blocks] == [1, 2, 3, 4, 1]
    assert blocks[1]["deflated_sharpe"] < blocks[1]["probabilistic_sharpe"]
    assert blocks[4]["deflated_sharpe"] == blocks[4]["probabilistic_sharpe"]


def test_lines_that_were_written_before_rows_had_marks_are_known_by_name_and_dates(tmp_path):
    trial, increments = trial_of(tmp_path, kept(tmp_path, walk(), range(50, 150)), 1)
    log_trial(trial, increments, tmp_path)
    older = [("a", "made", "2019"), ("b", "other", "2021"), ("c", "made, stored", "2021"), ("d", "made", "2021")]
    with (tmp_path / "trials.jsonl").open("a", encoding="utf-8") as log:
        log.write("[1]\n{half\n")
        for key, series, last in older:
            line = dataclasses.asdict(trial) | {"key": key, "series": series, "first": "2018", "last": last}
            log.write(json.dumps({name: value for name, value in line.items() if name not in ("way", "rows")}) + "\n")
    found = [(other.key, other.way) for other in rivals(tmp_path, trial)]
    assert found == [(trial.key, "account"), ("c", "storage"), ("d", "account")]


@pytest.mark.parametrize(
    ("openings", "more"),
    [
        ([("x", "1")], 0),  # what the judge opens and judges
        ([("x", "1"), ("x", "1")], 1),  # a run that opened twice
        ([("x", "1"), ("x", "2")], 0),  # the same request again, which was cut off
        ([("x", "1"), ("y", "3"), ("z", "4")], 2),  # two others that looked and judged nothing
        ([("x", "1"), ("y", "3"), ("y", "5"), ("y", "5")], 2),  # one of them again, looking twice
    ],
)
def test_a_look_that_led_to_no_judgement_is_a_trial_and_a_repetition_is_none(openings, more, tmp_path):
    rows = kept(tmp_path, walk(), range(50, 150))
    (tmp_path / "name").mkdir()
    with (tmp_path / "name" / "test_openings.jsonl").open("w", encoding="utf-8") as log:
        for request, run in openings:
            log.write(json.dumps({"config_hash": request, "run": run, "rows": rows}) + "\n")
        log.write(json.dumps({"config_hash": "old", "run": "0"}) + "\n")
        log.write(json.dumps({"config_hash": "far", "run": "9", "rows": kept(tmp_path, walk(5), range(50, 99))}) + "\n")
    assert unjudged_openings(tmp_path, rows, {"1": 1}) == more
    assert trial_block(*trial_of(tmp_path, rows, 1, run="name/1"), tmp_path)["trials"] == 1 + more
    assert opening_block(rows, tmp_path) == {"trials": max(1, 1 + more)}


def test_a_file_copied_under_another_name_is_another_trial_on_the_same_rows(tradewinds, tmp_path):
    write_bars(tmp_path / "mine.csv", 400)
    bars = pd.read_csv(tmp_path / "mine.csv", index_col=0)
    (bars * 10.0).to_csv(tmp_path / "copy.csv")
    words = ("run", "series=csv", *FAST_CSV, "agent.steps=600", "agent.learning_starts=100")
    for file in ("mine", "copy"):
        assert tradewinds(*words, f"series.path={file}.csv").status == 0
    reports = [json.loads(file.read_text(encoding="utf-8")) for file in tmp_path.glob("runs/*/*/report.json")]
    assert {report["data"]["name"]: report["honesty"]["trials"] for report in reports} == {"mine": 1, "copy": 2}

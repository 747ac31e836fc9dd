"""What `data inspect` says it understood, and what `run` says of it: each thing once."""

import json

import numpy as np
import pandas as pd
import pytest

from tradewinds.core.console import Console
from tradewinds.data import load_series
from tradewinds.data.config import FileConfig, NoWeather
from tradewinds.data.inspection import brief, inspect, lines
from tradewinds.data.rules import DataConfig

from story import FAST_CSV, write_bars

KEYS = {
    "bars", "first", "last", "first_utc", "last_utc", "close_first", "close_last", "bar_length", "bars_per_year",
    "zone", "columns", "features", "left_out", "holes", "repairs", "notes", "jumps", "layout", "currency",
}  # fmt: skip


def hours(path, zone=None):
    """Write two thousand hours with a column beside the price, one that never varies, and a month that is missing."""
    index = pd.date_range("2024-01-01", periods=3000, freq="1h")
    rng = np.random.default_rng(0)
    close = 50.0 * np.exp(np.cumsum(rng.normal(0, 0.01, 3000)))
    table = pd.DataFrame({"close": close.round(3), "load": rng.normal(size=3000).round(3), "flag": 1}, index=index)
    table = table.drop(table.index[1000:1720])
    table.to_csv(path, index_label="time")
    return table


def test_data_inspect_says_as_json_what_it_understood_of_a_file(tradewinds, tmp_path):
    table = hours(tmp_path / "mine.csv")
    answer = tradewinds(
        "data", "inspect", "series=csv", "series.path=mine.csv", "series.time_zone=Asia/Tokyo", "--json"
    )
    assert answer.status == 0, answer.err
    assert answer.out.count("\n") == 1
    told = json.loads(answer.out)
    assert set(told) >= KEYS
    assert (told["bars"], told["bar_length"], told["zone"]) == (2280, "1h", "Asia/Tokyo")
    assert told["first_utc"] == "2023-12-31 15:00:00+00:00"
    assert told["last_utc"] == "2024-05-04 14:00:00+00:00"
    assert (told["close_first"], told["close_last"]) == (table["close"].iloc[0], table["close"].iloc[-1])
    assert told["columns"]["load"] == "feature"
    assert told["features"] == ["load"]
    (hole,) = told["holes"]
    assert hole == {"after": "2024-02-11 06:00:00+00:00", "before": "2024-03-12 07:00:00+00:00", "length": "30.04 days"}


def test_data_inspect_tells_a_person_each_thing_once_in_about_ten_lines(tradewinds, tmp_path):
    hours(tmp_path / "mine.csv")
    answer = tradewinds("data", "inspect", "series=csv", "series.path=mine.csv", "series.time_zone=UTC")
    told = answer.out.splitlines()
    assert answer.status == 0
    assert len(told) <= 12
    assert any(line.startswith("bars: 2280 of 1h, 2024-01-01 to 2024-05-04 23:00, ") for line in told)
    assert any(line.startswith("features: load") for line in told)
    assert answer.out.count("no bar between 2024-02-11 15:00 and 2024-03-12 16:00, 30.04 days") == 1
    assert answer.err == ""


@pytest.mark.parametrize("series", ["sp500", "houston", "ar1"])
def test_data_inspect_works_for_every_kind_of_series(series, tradewinds):
    answer = tradewinds("data", "inspect", f"series={series}", "--json")
    told = json.loads(answer.out)
    assert set(told) >= KEYS
    assert told["layout"] is None
    assert "close" in told["columns"]


def test_data_inspect_of_what_is_refused_is_one_line_and_status_2(tradewinds):
    answer = tradewinds("data", "inspect", "series=csv", "series.path=none.csv")
    assert (answer.status, answer.out) == (2, "")
    assert answer.err == "tradewinds: there is no file none.csv\n"


def test_what_was_mended_is_told_as_a_repair_and_not_as_a_note(tmp_path):
    table = write_bars(tmp_path / "mine.csv", 120)
    table.iloc[40, 3] = np.nan
    table.iloc[60, 1] *= 0.9
    table.to_csv(tmp_path / "mine.csv")
    rules = DataConfig(repair=("drop", "clip"))
    loaded = load_series(FileConfig(kind="csv", path=str(tmp_path / "mine.csv")), NoWeather(), rules)
    told = inspect(loaded, rules)
    assert [note.split(": ", 1)[1] for note in told["repairs"]] == [
        "1 rows without a price were dropped: 2020-02-26",
        "the range of 1 bars was widened to hold open and close, first on 2020-03-25",
    ]
    assert set(told["repairs"]) <= set(told["notes"])
    assert "\n".join(lines(loaded, rules)).count("was widened") == 1
    assert 1 <= len(brief(loaded)) <= 2


def test_a_stage_says_the_short_form_and_each_note_once(tradewinds, tmp_path):
    table = write_bars(tmp_path / "mine.csv", 600)
    table.drop(table.index[200:300])[["close"]].to_csv(tmp_path / "mine.csv")
    answer = tradewinds("train-forecaster", "series=csv", "series.path=mine.csv", *FAST_CSV)
    assert answer.status == 0, answer.err
    assert answer.err.count("bars of 1D, close mine ") == 1
    assert (answer.err + answer.out).count("no bar between 2020-10-06 and 2021-02-24") == 1


def test_a_warning_of_a_report_is_not_said_again_where_it_was_noted(capsys):
    console = Console()
    console.note("note: one price a bar")
    console.warn("one price a bar")
    console.warn("nothing was learned")
    assert capsys.readouterr().out == "warning: nothing was learned\n"

"""Reading files: read with certainty, or refused in one line that says where and what to do."""

import gzip

import numpy as np
import pandas as pd
import pytest

from tradewinds.core.errors import RequestError
from tradewinds.data import load_series
from tradewinds.data.config import FileConfig, FileWeather, NoWeather, SampleConfig, SampleWeather
from tradewinds.data.rules import DataConfig
from tradewinds.request.validate import build

from story import write_bars

NONE = NoWeather()
GOOD = "date,open,high,low,close,volume\n" + "".join(
    f"2024-01-{day:02},{10 + day},{12 + day},{9 + day},{11 + day},{100 * day}\n" for day in (1, 2, 3, 4, 5, 8, 9, 10)
)


def load(path, **options):
    return load_series(FileConfig(kind="csv", path=str(path), **options), NONE)


@pytest.fixture
def file(tmp_path):
    def write(text, name="bars.csv"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def test_a_good_file_is_read_as_it_stands(file):
    loaded = load(file(GOOD))
    series = loaded.series
    assert (series.name, series.instruments) == ("bars", ("bars",))
    assert series.index[0] == pd.Timestamp("2024-01-01", tz="UTC")
    assert series.bar_length == pd.Timedelta(days=1)
    assert series.season_bars == 5
    assert not series.single_price
    np.testing.assert_array_equal(series.close[:, 0], [12, 13, 14, 15, 16, 19, 20, 21])
    np.testing.assert_array_equal(series.volume[:, 0][:2], [100, 200])
    assert loaded.sources[0]["rows"] == 8


def test_gzip_byte_order_mark_quotes_windows_lines_and_other_case_are_no_obstacle(file):
    text = GOOD.replace("\n", "\r\n").replace("date,open", '"Date","Open"').replace("close", "Close")
    plain, packed = load(file(GOOD)), load(file(gzip.compress(b"\xef\xbb\xbf" + text.encode()), "bars.csv.gz"))
    assert plain.series.sha256() == packed.series.sha256()


def test_hours_in_a_local_zone_become_utc(file):
    text = "time,close\n" + "".join(f"2024-07-01 {hour:02}:00,{hour + 1}\n" for hour in range(24))
    series = load(file(text), time_zone="America/Chicago").series
    assert series.index[0] == pd.Timestamp("2024-07-01T05:00Z")
    assert series.season_bars == 24
    assert series.single_price


def test_a_zone_in_the_stamp_beats_the_declared_one(file):
    text = "time,close\n2024-01-01T00:00:00+01:00,1\n2024-01-01T01:00:00+01:00,2\n2024-01-01T02:00:00+01:00,3\n"
    assert load(file(text), time_zone="Asia/Tokyo").series.index[0] == pd.Timestamp("2023-12-31T23:00Z")


def test_days_are_counted_in_the_zone_of_the_file(file):
    series = load(file(GOOD), time_zone="Asia/Tokyo", first="2024-01-03").series
    assert series.index[0] == pd.Timestamp("2024-01-02T15:00Z")
    assert series.season_bars == 5


def test_a_day_of_the_clock_change_and_a_month_of_28_days_are_bars_like_others(file):
    days = pd.date_range("2024-03-25", "2024-04-05").strftime("%Y-%m-%d")
    daily = "date,close\n" + "".join(f"{day},{number + 1}\n" for number, day in enumerate(days))
    series = load(file(daily), time_zone="Europe/Berlin").series
    assert series.bar_length == pd.Timedelta(days=1)
    assert (np.diff(series.close_time.asi8) > 0).all()
    months = pd.date_range("2020-01-01", periods=40, freq="MS").strftime("%Y-%m-%d")
    monthly = "date,close\n" + "".join(f"{month},{number + 1}\n" for number, month in enumerate(months))
    assert load(file(monthly)).series.bar_length == pd.Timedelta(days=28)
    assert load(file(monthly)).series.season_bars == 12


def test_a_session_of_seven_hours_has_a_season_of_seven_bars(file):
    stamps = [f"2024-01-0{day}T{hour:02}:00Z" for day in (2, 3, 4, 5) for hour in range(14, 21)]
    text = "time,close\n" + "".join(f"{stamp},{number + 1}\n" for number, stamp in enumerate(stamps))
    assert load(file(text)).series.season_bars == 7


def test_the_name_keeps_what_tells_two_files_apart(file):
    assert load(file(GOOD, "AAPL.1d.csv")).series.name == "AAPL_1d"


def test_first_and_last_cut_by_date_and_include_their_days(file):
    index = load(file(GOOD), first="2024-01-03", last="2024-01-08").series.index
    assert (index[0].day, index[-1].day) == (3, 8)


def line(number, text):
    lines = GOOD.splitlines()
    lines[number - 1] = text
    return "\n".join(lines) + "\n"


REFUSED = [
    ("", {}, "bars.csv is empty"),
    ("  \n \n", {}, "bars.csv is empty"),
    ("date,close\n", {}, "has a header and no rows"),
    ("<html><body>429</body></html>", {}, "is a web page or XML, not CSV; download the data itself"),
    ("date,cl\0ose\n", {}, "it holds null bytes"),
    (b"date,close\n2024-01-01,\xff\xfe\n", {}, "is not text in UTF-8 (byte 22); save it as CSV UTF-8"),
    (gzip.compress(GOOD.encode())[:-9], {}, "is a damaged or truncated gzip file; copy it again"),
    (GOOD.replace(",", "~"), {}, "has one column, 'date~open~high~low~close~volume', and needs a time and a price"),
    (GOOD.replace("volume", "close"), {}, "must name every column once; ['close'] stand twice"),
    (GOOD.replace("volume", ""), {}, "must name every column once; one is unnamed"),
    (GOOD.replace("close", "settle"), {}, "has no column 'close' (columns there: open, high, low, settle, volume)"),
    (GOOD, {"volume": "volum"}, "has no column 'volum'; did you mean 'volume'?"),
    (GOOD, {"time_column": "time"}, "has no column 'time'"),
    (line(4, "2024-01-03,13,15,12"), {}, "row 4: 4 values, the header has 6 columns"),
    (
        line(4, "03/01/2024,13,15,12,14,300"),
        {},
        "row 4, column date: '03/01/2024' is written unlike the rows before ('2024-01-02')",
    ),
    (line(4, "2024-02-30,13,15,12,14,300"), {}, "row 4, column date: '2024-02-30' is no moment of the calendar"),
    (line(4, ",13,15,12,14,300"), {}, "row 4, column date is empty; remove the row if it is a separator or a total"),
    (
        line(4, "2024-01-03T00:00Z,13,15,12,14,300"),
        {},
        "row 4, column date: '2024-01-03T00:00Z' names a zone or not, unlike the rows",
    ),
    (
        "time,close\n" + "".join(f"2024-01-01 {hour:02}:00,{hour + 1}\n" for hour in range(9)),
        {},
        "column time: the times name no zone; give series.time_zone=UTC, or the zone they were written in",
    ),
    (GOOD, {"time_zone": "Mars/Crater"}, "time_zone must be a zone such as UTC or America/Chicago, was 'Mars/Crater'"),
    (line(4, "2024-01-02,13,15,12,14,300"), {}, "row 3 with another open, '12' and now '13'; keep one"),
    (
        line(4, "2024-01-01,13,15,12,14,300"),
        {},
        "row 4, 2024-01-01 is earlier than the row before, 2024-01-02; sort the rows",
    ),
    (line(4, "2024-01-03,13,15,12,fourteen,300"), {}, "row 4, column close: 'fourteen' is not a number such as 1234.5"),
    (
        line(4, '2024-01-03,13,15,12,"1,400",300'),
        {},
        "row 4, column close: '1,400' may be 1.400 or 1400; type series.decimal=comma if the comma begins the "
        "decimals, or series.decimal=point if it parts the thousands",
    ),
    (
        line(4, "2024-01-03,13,15,12,inf,300"),
        {},
        "row 4, column close: 'inf' is a missing value; fill it, or drop such rows",
    ),
    (
        line(4, "2024-01-03,13,15,12,,300"),
        {},
        "row 4, column close: '' is a missing value; fill it, or drop such rows with data.repair=[drop]",
    ),
    (line(4, "2024-01-03,13,15,12,N/A,300"), {}, "row 4, column close: 'N/A' is a missing value"),
    (
        line(4, "2024-01-03,0,15,0,14,300"),
        {},
        "row 4, open 0 of 2024-01-03 must be positive; a price of 0 or less has no return",
    ),
    (
        line(4, "2024-01-03,13,13.5,12,14,300"),
        {},
        "row 4, high 13.5 of 2024-01-03 must not lie below open or close; correct it, or have the range",
    ),
    (line(4, "2024-01-03,13,15,13.5,14,300"), {}, "row 4, low 13.5 of 2024-01-03 must not lie above open or close"),
    (line(4, "2024-01-03,13,15,12,14,-3"), {}, "row 4, volume -3 of 2024-01-03 must be at least 0; correct the row"),
    (GOOD.replace("2024", "2124"), {}, "row 2, close 12 of 2124-01-01 lies in the future, it is 20"),
    (
        GOOD,
        {"bar_length": "3D"},
        "row 3, the bar of 2024-01-02 starts before that of 2024-01-01 ends, 3 days 00:00:00 later",
    ),
    (GOOD, {"bar_length": "soon"}, "series.bar_length must be a length such as 1D, 1h or 15min, was 'soon'"),
    (
        GOOD,
        {"first": "2030-01-01"},
        "has no bar between series.first=2030-01-01 and series.last=None; it runs 2024-01-01",
    ),
    (GOOD, {"first": "2024-01-09"}, "holds 2 bars; a series needs at least 3"),
    ("\n".join(GOOD.splitlines()[:3]), {}, "holds 2 bars; a series needs at least 3"),
    (
        line(4, "9021-01-03,13,15,12,14,300"),
        {},
        "row 4, column date: '9021-01-03' is no moment of the calendar from 1700 to 2200",
    ),
    (
        line(4, "\u0662024-01-03,13,15,12,14,300"),
        {},
        "row 4, column date: '\u0662024-01-03' is written unlike the rows before",
    ),
    (line(4, "2024-01-03,13,15,12,1_4,300"), {}, "row 4, column close: '1_4' is not a number"),
    (line(4, "2024-01-03,13,15,12,\u0661\u0662,300"), {}, "row 4, column close: '\u0661\u0662' is not a number"),
    (line(4, "2024-01-03,13,15,12,-9999,300"), {}, "row 4, column close: '-9999' marks a missing value; fill it"),
    (line(4, '2024-01-03,13,15,12,"x\ny",300'), {}, "row 5, column close: 'x y' is not a number"),
    (line(4, f"2024-01-03,13,15,12,{'x' * 999},300"), {}, f"column close: '{'x' * 57}...' is not a number"),
    (
        line(6, "\n\n2024-01-05,15,15,14,16,500"),
        {"first": "2024-01-04"},
        "row 8, high 15 of 2024-01-05 must",
    ),
    (GOOD, {"bar_length": "1"}, "series.bar_length must be a length such as 1D, 1h or 15min, was '1'"),
    ('date,close\n2024-01-01,"1\n', {}, "cannot be read as CSV: unexpected end of data"),
]


@pytest.mark.parametrize(("text", "options", "message"), REFUSED)
def test_a_file_that_cannot_be_read_with_certainty_is_refused_in_one_line(text, options, message, file):
    with pytest.raises(RequestError) as refused:
        load(file(text), **options)
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_local_hour_that_a_clock_change_skips_or_repeats_is_refused(file):
    skipped = file("time,close\n2024-03-10 02:30,1\n2024-12-01 00:00,2\n2024-12-02 00:00,3\n", "skipped.csv")
    with pytest.raises(RequestError, match=r"row 2, 2024-03-10 02:30 does not exist in America/Chicago, where a clock"):
        load(skipped, time_zone="America/Chicago")
    repeated = file("time,close\n2024-11-03 01:30,1\n2024-12-01 00:00,2\n2024-12-02 00:00,3\n", "repeated.csv")
    with pytest.raises(RequestError, match=r"row 2, 2024-11-03 01:30 comes twice in America/Chicago, in a clock"):
        load(repeated, time_zone="America/Chicago")


def test_a_missing_file_is_refused_with_the_nearest_one_beside_it(file, tmp_path):
    file(GOOD, "prices.csv")
    with pytest.raises(RequestError, match=r"there is no file .*price.csv; did you mean 'prices.csv'\?"):
        load(tmp_path / "price.csv")


def test_one_of_open_high_low_missing_is_said(file):
    text = "\n".join(",".join(row.split(",")[:3] + row.split(",")[4:]) for row in GOOD.splitlines())
    loaded = load(file(text))
    assert loaded.series.single_price
    assert loaded.notes == ("columns low are missing: only close is used, as one price a bar",)


def test_weather_is_joined_by_when_it_was_known(file, tmp_path):
    write_bars(tmp_path / "bars.csv", num_bars=20)  # business days from 2020-01-01
    days = pd.date_range("2019-12-28", periods=40, name="date")
    pd.DataFrame({"heat": np.arange(40.0)}, index=days).to_csv(tmp_path / "weather.csv")
    config = FileWeather(kind="csv", path=str(tmp_path / "weather.csv"), columns=("heat",), lag_hours=30)
    loaded = load_series(FileConfig(kind="csv", path=str(tmp_path / "bars.csv")), config)
    heat = loaded.series.exogenous["heat"]
    day_before = (heat.index - pd.Timestamp("2019-12-28", tz="UTC")).days - 1.0
    assert heat.tolist() == day_before.tolist()  # known 6 hours after the day, so never on the day itself
    assert loaded.series.lags == {"heat": pd.Timedelta(hours=30)}


def test_bars_without_fresh_weather_are_cut_off_and_that_is_said(file, tmp_path):
    write_bars(tmp_path / "bars.csv", num_bars=60)
    days = pd.date_range("2020-01-10", periods=20, name="date")
    pd.DataFrame({"heat": np.arange(20.0)}, index=days).to_csv(tmp_path / "weather.csv")
    config = FileWeather(kind="csv", path=str(tmp_path / "weather.csv"), columns=("heat",), lag_hours=24)
    loaded = load_series(FileConfig(kind="csv", path=str(tmp_path / "bars.csv")), config)
    assert loaded.series.index[0] == pd.Timestamp("2020-01-10", tz="UTC")
    assert loaded.series.index[-1] == pd.Timestamp("2020-01-29", tz="UTC")
    assert loaded.notes == (
        "weather is known for 14 of 60 bars: bars, 2020-01-01 to 2020-03-24, is cut to 2020-01-10 to 2020-01-29, "
        "as the weather runs 2020-01-10 to 2020-01-29",
    )


def weather_file(tmp_path, heat):
    days = pd.date_range("2019-12-28", periods=len(heat), name="date")
    pd.DataFrame({"heat": heat, "cold": np.arange(float(len(heat)))}, index=days).to_csv(tmp_path / "weather.csv")
    return str(tmp_path / "weather.csv")


def test_a_long_hole_in_the_weather_is_refused_or_carried_and_said_and_so_is_a_lag_too_short(tmp_path):
    write_bars(tmp_path / "bars.csv", num_bars=40)
    heat = np.where((np.arange(80) > 10) & (np.arange(80) < 42), np.nan, 1.0)
    config = FileWeather(kind="csv", path=weather_file(tmp_path, heat), columns=("heat", "cold"), lag_hours=12)
    bars = FileConfig(kind="csv", path=str(tmp_path / "bars.csv"))
    with pytest.raises(
        RequestError, match=r"weather.csv, row 12, column heat has no value for 744 hours after 2020-01-07"
    ):
        load_series(bars, config)
    notes = load_series(bars, config, DataConfig(repair=("gaps",))).notes
    assert "column heat has no value for 744 hours after 2020-01-07: the value before is carried" in notes
    assert any(note.startswith("cold counts as known 0 days 12:00:00 after its interval of 1 days") for note in notes)


def test_a_column_that_ends_early_ends_the_series(tmp_path):
    write_bars(tmp_path / "bars.csv", num_bars=40)
    heat = np.where(np.arange(80) > 20, np.nan, 1.0)
    config = FileWeather(kind="csv", path=weather_file(tmp_path, heat), columns=("heat", "cold"), lag_hours=24)
    series = load_series(FileConfig(kind="csv", path=str(tmp_path / "bars.csv")), config).series
    assert series.index[-1] == pd.Timestamp("2020-01-17", tz="UTC")


@pytest.mark.parametrize("text", ["9999-12-31", "0001-01-01", "2024-W01-3", "20240101"])
def test_a_date_no_clock_can_count_is_refused(text):
    with pytest.raises(RequestError, match=f"series.first must be a date such as 2015-01-31, was '{text}'"):
        build(FileConfig, {"kind": "csv", "path": "x", "first": text}, path="series")


def test_a_lag_beyond_a_year_and_a_path_beyond_the_system_are_refused(tmp_path):
    with pytest.raises(RequestError, match=r"lag_hours must lie in \[0, 8784\] hours, was 10000000.0"):
        build(FileWeather, {"kind": "csv", "path": "x", "columns": ["a"], "lag_hours": 1e7})
    with pytest.raises(RequestError, match=r"cannot read 'x+\.\.\.': File name too long"):
        load("x" * 300)


def test_market_and_weather_that_do_not_overlap_are_refused_with_both_spans():
    config = SampleConfig(name="sp500", instruments=("SPX",))
    with pytest.raises(RequestError, match="sp500 runs 1999-01-04 to 2018-12-31, the weather 2021-05-01 to 2022-01-26"):
        load_series(config, SampleWeather(name="gulf_plant", columns=("temp_f",)))

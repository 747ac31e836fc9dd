"""The catalogue of malformed inputs, by number: each refused in one line that says where, what and how to mend it, or
mended because the request asked for it, and reported. docs/data.md lists them for users.
"""

import gzip
import io
import json

import numpy as np
import pandas as pd
import pytest

from tradewinds.core.errors import RequestError
from tradewinds.data import load_series
from tradewinds.data.config import FileConfig, FileWeather, NoWeather, SampleConfig, SampleWeather
from tradewinds.data.rules import DataConfig

DAYS = pd.bdate_range("2024-01-01", periods=60)


def bars(seed=0, **changed):
    """Sixty weekday bars as rows of text; `changed` maps row3 and the like to another row, or to None for none."""
    rng = np.random.default_rng(seed)
    close = np.round(50.0 * np.exp(np.cumsum(rng.normal(0, 0.01, 60))), 2)
    rows = [
        f"{day:%Y-%m-%d},{price - 0.1:.2f},{price + 0.5:.2f},{price - 0.5:.2f},{price:.2f},{1000 + number}"
        for number, (day, price) in enumerate(zip(DAYS, close, strict=True))
    ]
    for name, row in changed.items():
        rows[int(name.removeprefix("row"))] = row
    return "date,open,high,low,close,volume\n" + "\n".join(row for row in rows if row is not None) + "\n"


def scaled(text, column, factors):
    """The CSV with one or all price columns multiplied row by row."""
    table = pd.read_csv(io.StringIO(text))
    names = ["open", "high", "low", "close"] if column == "all" else [column]
    for name in names:
        table[name] = np.round(table[name] * factors, 4)
    return table.to_csv(index=False)


def hours(values, first="2024-06-01", column="temperature"):
    stamps = pd.date_range(first, periods=len(values), freq="1h", tz="UTC")
    rows = [f"{stamp:%Y-%m-%dT%H:%MZ},{value}" for stamp, value in zip(stamps, values, strict=True)]
    return f"time,{column}\n" + "\n".join(rows) + "\n"


@pytest.fixture
def read(tmp_path):
    """Write texts to files and load them; options of the data group apart from those of the series."""

    def load(*texts, repair=(), marks=(), jumps=False, missing=0.05, suffix=".csv", **options):
        paths = []
        for number, text in enumerate(texts):
            paths.append(tmp_path / f"bars{number or ''}{suffix}")
            paths[-1].write_bytes(text if isinstance(text, bytes) else text.encode())
        rules = DataConfig(repair=repair, missing_marks=marks, accept_jumps=jumps, max_missing=missing)
        path = str(paths[0]) if len(paths) == 1 else tuple(map(str, paths))
        return load_series(FileConfig(kind="csv", path=path, **options), NoWeather(), rules)

    return load


@pytest.fixture
def weather(tmp_path):
    """Load hourly weather beside an hourly price."""

    def load(text, repair=(), gap=72.0, **options):
        (tmp_path / "weather.csv").write_text(text)
        rng = np.random.default_rng(0)
        (tmp_path / "price.csv").write_text(hours(np.exp(rng.normal(3, 0.1, 24 * 30)).round(3), column="close"))
        series = FileConfig(kind="csv", path=str(tmp_path / "price.csv"))
        options = {"columns": ("temperature",), "lag_hours": 1.0, **options}
        config = FileWeather(kind="csv", path=str(tmp_path / "weather.csv"), **options)
        return load_series(series, config, DataConfig(repair=repair, max_gap_hours=gap))

    return load


def test_01_a_missing_column_is_refused_with_those_that_are_there(read):
    with pytest.raises(
        RequestError, match=r"bars.csv has no column 'close' \(columns there: open, high, low, settle, vol"
    ):
        read(bars().replace("close", "settle"))


def test_02_the_unnamed_index_of_pandas_is_the_time(read):
    assert read("," + bars().split(",", 1)[1]).series.sha256() == read(bars()).series.sha256()


def test_02_a_column_twice_is_refused_and_the_layout_of_yfinance_is_known(read):
    with pytest.raises(RequestError, match=r"must name every column once; \['close'\] stand twice"):
        read(bars().replace("volume", "close"))
    top = "Price,Open,High,Low,Close,Volume\nTicker,AAPL,AAPL,AAPL,AAPL,AAPL\nDate,,,,,\n"
    layout = top + bars().split("\n", 1)[1]
    assert read(layout).series.sha256() == read(bars()).series.sha256()
    with pytest.raises(
        RequestError, match=r"holds 2 symbols in its header, AAPL, MSFT; type series.symbol=AAPL to read one"
    ):
        read(layout.replace("Ticker,AAPL", "Ticker,MSFT"))


def test_03_two_ways_to_write_a_date_are_refused(read):
    row = bars().splitlines()[8]
    other = "10.01.2024" + row[10:]
    with pytest.raises(
        RequestError, match=r"row 9, column date: '10.01.2024' is written unlike the rows before \('2024-01-0"
    ):
        read(bars(row7=other))
    with pytest.raises(
        RequestError, match=r"row 2, column date: 'Jan 1, 2024' is written unlike the rows after \('2024-"
    ):
        read(bars(row0='"Jan 1, 2024",1,1,1,1,1'))


def american(text):
    """The same bars with their month first."""
    return "\n".join(
        line if number == 0 else f"{line[5:7]}/{line[8:10]}/{line[:4]}{line[10:]}"
        for number, line in enumerate(text.splitlines())
    )


def test_04_a_day_that_could_be_a_month_is_refused_unless_the_format_is_given_or_the_column_tells(read):
    plain = read(bars()).series.sha256()
    assert read(american(bars())).series.sha256() == plain
    assert read(american(bars()), time_format="%m/%d/%Y").series.sha256() == plain
    with pytest.raises(
        RequestError, match=r"row 12, column date: '01/15/2024' is not written as series.time_format=%d/%m/%Y says"
    ):
        read(american(bars()), time_format="%d/%m/%Y")
    short = "\n".join(american(bars()).splitlines()[:9])
    cures = "type series.time_format=%d/%m/%Y if the day comes first, or series.time_format=%m/%d/%Y if the month does"
    with pytest.raises(RequestError, match=f"row 3, column date: '01/02/2024' does not say which number is .*{cures}"):
        read(short)
    assert read(short, time_format="%m/%d/%Y").series.index[1] == pd.Timestamp("2024-01-02T00:00Z")
    assert read(short, time_format="%d/%m/%Y").series.index[1] == pd.Timestamp("2024-02-01T00:00Z")


def test_04_counts_since_1970_are_read_by_their_digits(read):
    text = "time,close\n" + "".join(f"{1_600_000_000_000 + 60_000 * n},{50 + n % 7}\n" for n in range(60))
    for form in (None, "unix_ms"):
        assert read(text, time_format=form).series.index[0] == pd.Timestamp("2020-09-13T12:26:40Z")


def test_05_times_of_day_without_a_zone_are_refused_and_dates_need_none(read):
    text = hours(range(1, 50), column="close").replace("Z,", ",")
    with pytest.raises(
        RequestError, match=r"column time: the times name no zone; give series.time_zone=UTC, or the zone they were"
    ):
        read(text)
    assert read(text, time_zone="America/Chicago").series.index[0] == pd.Timestamp("2024-06-01T05:00Z")
    assert read(bars()).series.index[0] == pd.Timestamp("2024-01-01T00:00Z")


def test_06_the_hour_a_clock_change_repeats_is_refused_or_told_apart_by_the_order(read):
    stamps = pd.date_range("2024-11-02T05:00Z", periods=60, freq="1h").tz_convert("America/Chicago")
    text = "time,close\n" + "".join(f"{stamp:%Y-%m-%d %H:%M},{n + 1}\n" for n, stamp in enumerate(stamps))
    with pytest.raises(
        RequestError, match=r"row 27, 2024-11-03 01:00 comes twice in America/Chicago, in a clock change; typ"
    ):
        read(text, time_zone="America/Chicago", jumps=True)
    series = read(text, time_zone="America/Chicago", repair=("dst",), jumps=True).series
    np.testing.assert_array_equal(np.diff(series.index.asi8), 3_600_000_000_000)
    with pytest.raises(
        RequestError, match=r"row \d+, 2024-03-10 02:00 does not exist in America/Chicago, where a clock change"
    ):
        read(
            hours(range(1, 50), "2024-03-09", "close").replace("Z,", ","), time_zone="America/Chicago", repair=("dst",)
        )


def test_07_rows_out_of_order_are_refused_or_sorted(read):
    lines = bars().splitlines()
    lines[5], lines[6] = lines[6], lines[5]
    text = "\n".join(lines)
    with pytest.raises(
        RequestError, match=r"row 7, 2024-01-05 is earlier than the row before, 2024-01-08; sort the rows by"
    ):
        read(text)
    loaded = read(text, repair=("sort",))
    assert loaded.series.sha256() == read(bars()).series.sha256()
    assert loaded.notes[0].endswith("1 rows were out of order and have been sorted")


def test_08_a_row_twice_is_refused_or_dropped(read):
    lines = bars().splitlines()
    text = "\n".join([*lines[:8], lines[7], *lines[8:]])
    with pytest.raises(
        RequestError, match=r"row 9, 2024-01-09 stands already in \S+ row 8, with the same values; keep each"
    ):
        read(text)
    loaded = read(text, repair=("duplicates",))
    assert loaded.series.sha256() == read(bars()).series.sha256()
    assert loaded.notes[0].endswith("1 rows that stood twice with the same values were dropped")


def test_09_a_moment_with_two_values_is_refused_whatever_is_asked(read):
    lines = bars().splitlines()
    text = "\n".join([*lines[:8], lines[7].rsplit(",", 1)[0] + ",77", *lines[8:]])
    with pytest.raises(
        RequestError, match=r"row 9, 2024-01-09 stands already in \S+ row 8 with another volume, '1006' and"
    ):
        read(text, repair=("duplicates", "sort"))


def test_10_two_files_are_one_series_unless_they_disagree(read):
    lines = bars().splitlines()
    head, one, two = lines[0], lines[1:40], lines[35:]
    joined = ["\n".join([head, *part]) for part in (one, two)]
    whole = read(bars()).series.sha256()
    assert read("\n".join([head, *one]), "\n".join([head, *lines[40:]])).series.sha256() == whole
    assert len(read(*joined, repair=("duplicates",)).series.index) == 60
    with pytest.raises(
        RequestError, match=r"bars1.csv, row 2, 2024-02-16 stands already in \S+bars.csv, row 36, with the sa"
    ):
        read(*joined)
    joined[1] = joined[1].replace(two[1], two[1].rsplit(",", 1)[0] + ",5")
    with pytest.raises(
        RequestError, match=r"bars1.csv, row 3, 2024-02-19 stands already in \S+bars.csv, row 37 with another"
    ):
        read(*joined, repair=("duplicates",))


def test_11_a_separator_or_a_total_is_refused(read):
    with pytest.raises(
        RequestError, match=r"row 12, column date is empty; remove the row if it is a separator or a total"
    ):
        read(bars(row10=",0.00,0.00,0.00,0.00,0"))
    with pytest.raises(RequestError, match=r"row 61, column date: 'Total' is written unlike the rows before"):
        read(bars(row59="Total,1,1,1,1,1"))


def test_12_a_price_of_nothing_or_less_is_refused(read):
    for price in ("0", "-3.5"):
        with pytest.raises(
            RequestError, match=rf"row 12, close {price} of 2024-01-15 must be positive; a price of 0 or less"
        ):
            read(bars(row10=f"2024-01-15,50,51,49,{price},5"))


def test_13_a_close_beyond_the_range_is_refused_or_the_range_widened(read):
    text = bars(row10="2024-01-15,50,50.5,49,52,5")
    with pytest.raises(
        RequestError, match=r"row 12, high 50.5 of 2024-01-15 must not lie below open or close; correct it, o"
    ):
        read(text)
    loaded = read(text, repair=("clip",))
    assert loaded.series.high[10, 0] == 52.0
    assert loaded.notes[0].endswith("the range of 1 bars was widened to hold open and close, first on 2024-01-15")


@pytest.mark.parametrize("value", ["", "nan", "inf", "-", "N/A"])
def test_14_a_row_without_a_price_is_refused_or_dropped(value, read):
    text = bars(row10=f"2024-01-15,50,50.5,49,{value},5")
    with pytest.raises(
        RequestError, match=rf"row 12, column close: '{value}' is a missing value; fill it, or drop such"
    ):
        read(text)
    loaded = read(text, repair=("drop",))
    assert len(loaded.series.index) == 59
    assert loaded.notes[0].endswith("1 rows without a price were dropped: 2024-01-15")


def test_14_what_was_paid_on_a_row_that_is_dropped_is_paid_on_the_next(read):
    table = pd.read_csv(io.StringIO(bars())).assign(dividends=0.0, splits=1.0)
    table.loc[30:, ["open", "high", "low", "close"]] /= 3.0
    table.loc[30, ["close", "dividends", "splits"]] = [np.nan, 0.25, 3.0]
    loaded = read(table.to_csv(index=False), repair=("drop",))
    assert loaded.series.dividends[30, 0] == 0.25
    assert loaded.series.splits[30, 0] == 3.0
    assert abs(loaded.series.adjusted().log_return()[30, 0]) < 0.1


def test_14_a_missing_volume_is_said_where_rows_are_dropped(read):
    loaded = read(bars(row10="2024-01-15,50,50.5,49,50,"), repair=("drop",))
    assert loaded.notes[0].endswith("1 values of volume are missing, the first on 2024-01-15: they are read as none")


def warmth(number=24 * 30, dawn=12):
    """Degrees Celsius by the hour, coldest at `dawn`, UTC."""
    return [round(20.0 - 8.0 * np.cos((hour - dawn) / 24.0 * 2 * np.pi), 2) for hour in range(number)]


def test_15_a_long_hole_in_the_weather_is_refused_or_carried_and_never_filled_from_its_far_end(weather):
    values = warmth()
    values[100:180] = [""] * 80
    with pytest.raises(
        RequestError, match=r"row 101, column temperature has no value for 80 hours after 2024-06-05 03:00, an"
    ):
        weather(hours(values))
    assert weather(hours(values), gap=80.0).series.exogenous["temperature"].iloc[150] == values[99]
    loaded = weather(hours(values), repair=("gaps",))
    np.testing.assert_array_equal(loaded.series.exogenous["temperature"].iloc[99:180], values[99])
    said = "column temperature has no value for 80 hours after 2024-06-05 03:00: the value before is carried"
    assert said in loaded.notes


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ('"1,2345"', r"row 12, column close: '1,2345' is not a number such as 1234.5; write it without separators"),
        ("52 USD", r"row 12, column close: '52 USD' is not a number such as 1234.5; write it without units"),
        ("-9999", r"row 12, column close: '-9999' marks a missing value; fill it or remove the row, or declare it"),
        ("9999", r"row 12, close 9999 of 2024-01-15 marks a missing value; declare it with data.missing_marks"),
    ],
)
def test_16_a_number_that_is_none_is_refused_unless_its_mark_is_declared(value, message, read):
    text = bars(row10=f"2024-01-15,50,10000,49,{value},5")
    with pytest.raises(RequestError, match=message):
        read(text)
    loaded = read(text, marks=(value.strip('"'),), repair=("drop",))
    assert len(loaded.series.index) == 59


def test_16_a_declared_mark_is_a_mark_however_it_is_written(read):
    text = bars(row10="2024-01-15,50,51,49,9999.00,5")
    assert len(read(text, marks=("9999",), repair=("drop",)).series.index) == 59


def test_17_a_negative_volume_is_refused_and_an_odd_one_said(read):
    with pytest.raises(RequestError, match=r"row 12, volume -7 of 2024-01-15 must be at least 0; correct the row"):
        read(bars(row10="2024-01-15,50,50.5,49,50,-7"))
    notes = read(bars(row10="2024-01-15,50,50.5,49,50,7.5", row11="2024-01-16,50,50.5,49,50,0")).notes
    assert notes[0].endswith("1 bars have a volume of 0, the first on 2024-01-16")
    assert notes[1].endswith("1 volumes are no whole numbers, the first 7.5: shares cannot be")
    idle = pd.read_csv(io.StringIO(bars())).assign(volume=0).to_csv(index=False)
    assert read(idle).notes[0].endswith("the volume is 0 throughout")


@pytest.mark.parametrize("ratio", [2.0, 3.0, 4.0, 10.0, 0.1])
def test_18_a_split_that_is_not_recorded_is_refused_and_a_recorded_one_read(ratio, read):
    factors = np.where(np.arange(60) < 30, 1.0, 1.0 / ratio)
    text = scaled(bars(), "all", factors)
    kind = f"{ratio:g}-for-1 split" if ratio > 1 else "1-for-10 reverse split"
    with pytest.raises(
        RequestError, match=rf"row 32, close \S+ of 2024-02-12 is .* before it, as after a {kind} that is not"
    ):
        read(text)
    assert len(read(text, jumps=True).series.index) == 60
    table = pd.read_csv(io.StringIO(text))
    table["splits"] = np.where(np.arange(60) == 30, ratio, 0.0)
    series = read(table.to_csv(index=False)).series
    assert series.splits[30, 0] == ratio
    lived = series.adjusted().log_return()[1:, 0]
    np.testing.assert_allclose(lived, read(bars()).series.log_return()[1:, 0], atol=1e-3)


def test_18_a_split_beside_prices_that_are_divided_by_it_already_is_refused(read):
    table = pd.read_csv(io.StringIO(bars())).assign(splits=np.where(np.arange(60) == 30, 7.0, 1.0))
    with pytest.raises(
        RequestError, match=r"row 32, splits 7 of 2024-02-12 is of a day whose price goes on as if there"
    ):
        read(table.to_csv(index=False))


def test_18_events_in_a_file_of_yfinance_are_in_its_prices_already(read):
    table = pd.read_csv(io.StringIO(bars())).assign(**{"Dividends": 0.5, "Stock Splits": 0.0})
    table.loc[30, "Stock Splits"] = 4.0
    loaded = read(table.to_csv(index=False))
    assert loaded.series.splits is None
    assert loaded.series.dividends is None
    assert loaded.notes[0].endswith("its prices adjusted already: Stock Splits and Dividends are not used")
    raw = read(table.assign(**{"Adj Close": table["close"]}).to_csv(index=False))
    assert raw.series.dividends[5, 0] == 0.5
    assert raw.notes[0].endswith("its prices adjusted already: Stock Splits is not used")


@pytest.mark.parametrize(("scale", "most"), [(0.02, 1), (0.04, 4), (0.1, 6)])
def test_18_tails_as_heavy_as_those_of_coins_raise_few_alarms(scale, most, read):
    alarms = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        close = 100.0 * np.exp(np.cumsum(rng.standard_t(3, 1500) * scale / np.sqrt(3.0)))
        index = pd.date_range("2018-01-01", periods=1500, name="date")
        try:
            read(pd.DataFrame({"close": close}, index=index).to_csv())
        except RequestError:
            alarms += 1
    assert alarms <= most


def test_18_a_split_in_a_wild_market_is_still_seen(read):
    rng = np.random.default_rng(0)
    close = 100.0 * np.exp(np.cumsum(rng.standard_t(3, 1500) * 0.03 / np.sqrt(3.0)))
    close[700:] /= 4.0
    table = pd.DataFrame({"close": close}, index=pd.date_range("2018-01-01", periods=1500, name="date"))
    with pytest.raises(
        RequestError, match=r"row 702, close \S+ of 2019-12-02 is .* as after a 4-for-1 split that is not"
    ):
        read(table.to_csv())


def test_18_a_crash_of_another_size_and_a_wild_market_are_no_splits_and_a_spike_is_a_bad_print(read):
    with pytest.raises(RequestError, match=r"row 32, close \S+ of 2024-02-12 is \+98.0% from .*, and comes back: "):
        read(scaled(bars(), "all", np.where(np.arange(60) == 30, 2.0, 1.0)))
    read(scaled(bars(), "all", np.where(np.arange(60) < 30, 1.0, 0.62)))
    rng = np.random.default_rng(0)
    prices = 50.0 * np.exp(rng.normal(0, 0.6, 60))
    wild = "date,close\n" + "".join(f"{day:%Y-%m-%d},{price:.3f}\n" for day, price in zip(DAYS, prices, strict=True))
    read(wild)


def test_19_another_unit_is_refused(read):
    for factor in (100.0, 0.01):
        text = scaled(bars(), "all", np.where(np.arange(60) < 30, 1.0, factor))
        with pytest.raises(
            RequestError, match=r"row 32, close \S+ of 2024-02-12 is .* as where pence follow pounds; write on"
        ):
            read(text)


def test_20_a_price_that_stands_still_is_said(read):
    table = pd.read_csv(io.StringIO(bars()))
    table.loc[20:31, ["open", "high", "low", "close"]] = 50.25
    assert read(table.to_csv(index=False)).notes[0].endswith("the close stays at 50.25 for 12 bars from 2024-01-29")


def test_21_missing_sessions_are_listed_and_too_many_refused(read):
    sessions = bars(row0=None, row10=None, row35=None)  # without New Year, Martin Luther King and Washington
    assert not any("missing" in note for note in read(sessions, calendar="XNYS").notes)
    lost = "\n".join(line for line in sessions.splitlines() if not line.startswith("2024-02-0"))
    with pytest.raises(
        RequestError, match=r"7 of 57 sessions of XNYS are missing: 2024-02-01, 2024-02-02, 2024-02-05, ...; that"
    ):
        read(lost, calendar="XNYS")
    notes = read(lost, calendar="XNYS", missing=0.2).notes
    assert any("7 of 57 sessions of XNYS are missing: 2024-02-01, 2024-02-02, 2024-02-05" in note for note in notes)
    holes = hours(range(1, 200), column="close").splitlines()
    with pytest.raises(RequestError, match=r"20 of 199 bars of 24/7 are missing: 2024-06-03 02:00, ...; that is"):
        read("\n".join(holes[:51] + holes[71:]), calendar="24/7", jumps=True)
    with pytest.raises(
        RequestError, match=r"series.calendar must be 24/7 or an exchange's ISO code such as XNYS, was 'XNYSE'; did"
    ):
        read(sessions, calendar="XNYSE")


def test_22_bars_of_closed_days_and_of_the_future_are_refused_and_the_forming_one_dropped_if_asked(read):
    closed = bars(row0="2023-12-29,50,50.5,49,50,7")
    with pytest.raises(RequestError, match=r"row 12, close \S+ of 2024-01-15 is of a day when XNYS was closed;"):
        read(closed, calendar="XNYS")
    now = pd.Timestamp.now("UTC").floor("D")
    days = pd.date_range(end=now, periods=40)
    text = "date,close\n" + "".join(f"{day:%Y-%m-%d},{50 + n % 7}\n" for n, day in enumerate(days))
    with pytest.raises(
        RequestError, match=rf"row 41, close 54 of {now:%Y-%m-%d} has not closed yet at 20.* UTC; cut it off with"
    ):
        read(text)
    loaded = read(text, repair=("forming",))
    assert len(loaded.series.index) == 39
    assert loaded.notes[0].endswith(f"the bar of {now:%Y-%m-%d} has not closed yet and was dropped")
    with pytest.raises(RequestError, match=r"lies in the future, it is 20.* UTC; correct it"):
        read(text + f"{now + pd.Timedelta(days=9):%Y-%m-%d},50\n", repair=("forming",))


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        (
            "temperature",
            75.0,
            r"column temperature: 75 of 2024-06-01 10:00 is no temperature in degC, which lies in \[-90, 60\]",
        ),
        ("temperature_f", 150.0, r"column temperature_f: 150 of 2024-06-01 10:00 is no temperature in degF"),
        ("wind_max", 406.2, r"column wind_max: 406.2 of 2024-06-01 10:00 is no wind speed in mph"),
        (
            "pressure_change",
            26.92,
            r"column pressure_change: 26.92 of 2024-06-01 10:00 is no change of pressure in hPa",
        ),
        ("rh", 104.0, r"column rh: 104 of 2024-06-01 10:00 is no relative humidity in percent"),
    ],
)
def test_23_weather_that_no_place_has_is_refused(column, value, message, weather):
    values = [20.0 if "temp" in column else 1.0] * 720
    values[10] = value
    with pytest.raises(RequestError, match=message):
        weather(hours(values, column=column), columns=(column,))
    with pytest.raises(RequestError, match="is no temperature in degC"):
        weather(hours([75.0] * 720, column="x"), columns=("x",), units=("degC",))
    assert weather(hours([75.0] * 720, column="x"), columns=("x",), units=("degF",))


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("wind_chill", -20.0),
        ("wind_u", -4.0),
        ("wind_generation_mw", 4000.0),
        ("Wind Onshore [MW]", 9000.0),
        ("wind_dir", 350.0),
        ("humidex", 130.0),
        ("epsilon", 40.0),
        ("attempts", 70.0),
        ("TempF", 95.0),
        ("temp_k", 285.0),
        ("template", 99.0),
        ("contemporaneous_load", 70.0),
        ("wind_speed_kmh", 300.0),
        ("humidity_index", 140.0),
    ],
)
def test_23_columns_that_only_sound_like_weather_are_read(column, value, weather):
    assert weather(hours([value] * 720, column=column), columns=(column,)).series.exogenous[column].iloc[5] == value


@pytest.mark.parametrize("unit", ["Celsius", "degc", "°C", "kelvins?"])
def test_23_a_unit_is_known_by_any_of_its_names_and_an_unknown_one_leaves_the_name_to_judge(unit, weather):
    with pytest.raises(RequestError, match="is no temperature in degC"):
        weather(hours([75.0] * 720), units=(unit,))


def test_23_the_impossible_winds_of_the_chicago_sample_are_refused():
    gas = SampleConfig(name="henry_hub", instruments=("HENRY_HUB",))
    with pytest.raises(RequestError, match=r"column wind_max: 406.2 of 2006-01-26 is no wind speed in mph"):
        load_series(gas, SampleWeather(name="chicago", columns=("wind_max",)))


def test_24_no_overlap_and_too_short_a_one_are_refused_with_both_spans(weather, tradewinds, tmp_path):
    with pytest.raises(
        RequestError, match=r"do not overlap: price runs 2024-06-01 to 2024-06-30, the weather 2022-01-01 to"
    ):
        weather(hours(warmth(), first="2022-01-01"))
    (tmp_path / "weather.csv").write_text(hours(warmth(100), first="2024-05-30"))
    (tmp_path / "price.csv").write_text(hours(np.arange(1.0, 721.0), column="close"))
    words = ("weather=csv", "weather.path=weather.csv", "weather.columns=[temperature]", "weather.lag_hours=1")
    answer = tradewinds("run", "series=csv", "series.path=price.csv", *words, "data.accept_jumps=true")
    assert answer.status == 2
    assert "price: 52 rows are too few" in answer.err
    assert "price, 2024-06-01 to 2024-06-30, is cut to 2024-06-01 to 2024-06-03, as the weather runs 2" in answer.err


def test_25_weather_stamped_in_local_time_but_declared_utc_is_noticed_and_said(weather):
    right = weather(hours(warmth(dawn=11)), place="America/Chicago")  # 06 h local in summer
    assert not any("coldest" in note for note in right.notes)
    wrong = weather(hours(warmth(dawn=6)), place="America/Chicago")  # 06 h local, written as UTC
    said = "temperature is coldest at 1 h local time (America/Chicago), not between 03 and 09 h: its times"
    assert any(note.startswith(said) for note in wrong.notes)
    unknown = weather(hours(warmth(dawn=12)))
    said = "temperature is coldest at 12 h UTC, as near longitude -90; give weather.place"
    assert any(note.startswith(said) for note in unknown.notes)


def test_25_a_temperature_is_known_by_its_unit_too(weather):
    text = hours(warmth(dawn=6), column="x")
    wrong = weather(text, columns=("x",), units=("degC",), place="America/Chicago")
    assert any(note.startswith("x is coldest at 1 h local time") for note in wrong.notes)


def test_25_the_plant_read_as_central_time_is_noticed_beside_the_market_of_houston():
    power = SampleConfig(name="houston", instruments=("HB_HOUSTON",), price_floor=0.01)
    loaded = load_series(power, SampleWeather(name="gulf_plant", columns=("temp_f",)))
    assert not any("coldest" in note for note in loaded.notes)


PARQUET = pd.read_csv(io.StringIO(bars()), parse_dates=["date"])


def parquet(table, **options):
    buffer = io.BytesIO()
    table.to_parquet(buffer, **options)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "suffix", "message"),
    [
        (gzip.compress(bars().encode())[:-20], ".csv", "is a damaged or truncated gzip file; copy it again"),
        (json.dumps({"close": [1, 2, 3]}), ".csv", "is JSON, not CSV; save it as CSV"),
        (parquet(PARQUET)[:-40], ".parquet", "is a damaged or truncated Parquet file, or none; copy it again"),
        (bars(), ".parquet", "is a damaged or truncated Parquet file, or none; copy it again"),
        ("<!DOCTYPE html><html></html>", ".csv", "is a web page or XML, not CSV; download the data itself"),
        ("", ".csv", "bars.csv is empty"),
        ("date,open,high,low,close\n", ".csv", "has a header and no rows"),
        (bars().replace(",", "~"), ".csv", "has one column, 'date~open.*', and needs a time and a price"),
        (
            "date,close\n2024-01-01,12,5\n",
            ".csv",
            "row 2: 3 values, the header has 2 columns; are its decimals written with",
        ),
        (bars().encode("utf-16")[:-1], ".csv", r"is not text in UTF-16 \(byte \d+\); save it as CSV UTF-8"),
    ],
)
def test_what_is_no_table_is_refused_by_what_it_is(content, suffix, message, read):
    with pytest.raises(RequestError, match=message):
        read(content, suffix=suffix)


def test_parquet_is_read_like_csv_whether_the_times_are_a_column_or_the_index(read):
    whole = read(bars()).series.sha256()
    assert read(parquet(PARQUET), suffix=".parquet").series.sha256() == whole
    assert read(parquet(PARQUET.set_index("date")), suffix=".parquet").series.sha256() == whole
    aware = PARQUET.assign(date=PARQUET["date"].dt.tz_localize("UTC"))
    assert read(parquet(aware), suffix=".parquet").series.sha256() == whole
    wide = PARQUET.set_index("date").rename(columns=str.title)
    wide.columns = pd.MultiIndex.from_product([wide.columns, ["AAPL"]], names=["Price", "Ticker"])
    assert read(parquet(wide), suffix=".parquet").series.sha256() == whole


def test_a_value_known_before_its_interval_is_said_and_one_years_before_refused(weather):
    values = warmth()
    stamps = pd.date_range("2024-06-01", periods=len(values), freq="1h", tz="UTC")

    def text(known):
        rows = [f"{a:%Y-%m-%dT%H:%MZ},{v},{b:%Y-%m-%dT%H:%MZ}" for a, v, b in zip(stamps, values, known, strict=True)]
        return "time,temperature,known\n" + "\n".join(rows) + "\n"

    options = {"lag_hours": None, "available_column": "known"}
    early = weather(text(stamps - pd.Timedelta(hours=4)), **options)
    assert any(
        note.startswith("temperature counts as known 0 days 04:00:00 before its interval") for note in early.notes
    )
    typo = stamps + pd.Timedelta(hours=2)
    typo = typo[:500].append(pd.DatetimeIndex([pd.Timestamp("2014-06-21T20:00Z")])).append(typo[501:])
    with pytest.raises(
        RequestError, match=r"row 502, temperature counts as known 36\d\d days .* no forecast reaches that"
    ):
        weather(text(typo), **options)


def test_times_known_row_by_row_take_the_place_of_a_lag(weather, tmp_path):
    values = warmth()
    stamps = pd.date_range("2024-06-01", periods=len(values), freq="1h", tz="UTC")
    late = stamps + pd.to_timedelta(np.where(np.arange(len(values)) == 100, 50, 2), unit="h")
    rows = [f"{a:%Y-%m-%dT%H:%MZ},{v},{b:%Y-%m-%dT%H:%MZ}" for a, v, b in zip(stamps, values, late, strict=True)]
    text = "time,temperature,known\n" + "\n".join(rows) + "\n"
    series = weather(text, lag_hours=None, available_column="known").series
    column = series.exogenous["temperature"]
    closes = dict(zip(series.close_time, column, strict=True))
    assert values[100] not in (values[99], values[101])
    assert closes[stamps[100] + pd.Timedelta(hours=2)] == values[99]  # the hundredth was late
    assert closes[stamps[101] + pd.Timedelta(hours=2)] == values[101]

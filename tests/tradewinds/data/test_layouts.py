"""Files as others write them are read right, or refused with the cure; what a refusal offers is typed as it stands."""

import bz2
import gzip
import lzma
import shlex

import numpy as np
import pandas as pd
import pytest

from tradewinds.core.errors import RequestError
from tradewinds.data import load_series
from tradewinds.data.config import FileWeather
from tradewinds.data.rules import DataConfig

from layouts import (
    CASES,
    CLOSE,
    DAILY,
    DAYS,
    HOURLY,
    HOURS,
    NY,
    PLAIN,
    config_of,
    german,
    iso,
    load,
    market,
    sheet,
    table,
)


@pytest.mark.parametrize("name", CASES)
def test_a_layout_is_read_as_it_was_written(name, tmp_path):
    case = CASES[name]
    content = case.content() if callable(case.content) else case.content
    path = tmp_path / case.file
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    words = []
    for cure in case.cures:
        with pytest.raises(RequestError) as refused:
            load(path, *words)
        assert cure in str(refused.value)
        assert "\n" not in str(refused.value)
        words += shlex.split(cure)
    loaded = load(path, *words)
    zone = "America/Chicago" if NY in case.cures else "UTC"
    expected = pd.DatetimeIndex([bar.t for bar in case.bars]).tz_localize(zone).tz_convert("UTC")
    assert loaded.series.index.equals(expected.as_unit("ns"))
    np.testing.assert_allclose(loaded.series.close[:, 0], [bar.c for bar in case.bars], rtol=1e-12)
    assert tuple(loaded.series.exogenous.columns) == case.features
    assert case.says in " ".join(loaded.notes)
    if {"open", "high", "low"} <= next(iter(loaded.layouts.values())).roles.keys():
        whole = np.ones(60, dtype=bool) if "halted" not in name else np.arange(60) % 20 != 7
        np.testing.assert_allclose(
            loaded.series.high[whole, 0], np.array([bar.h for bar in case.bars])[whole], rtol=1e-12
        )
        np.testing.assert_allclose(
            loaded.series.low[whole, 0], np.array([bar.l for bar in case.bars])[whole], rtol=1e-12
        )


def test_days_of_24_hours_are_read_whatever_the_clocks_do(tmp_path):
    spring, autumn = tmp_path / "spring.csv", tmp_path / "autumn.csv"
    for path, first in ((spring, "2024-03-29"), (autumn, "2024-10-25")):
        stamps = pd.date_range(first, periods=96, freq="h")
        path.write_text("time,close\n" + "".join(f"{stamp},{stamp.hour + 1}\n" for stamp in stamps))
        loaded = load(path, "series.time_zone=Europe/Berlin", "series.clock_change=ignored")
        layout = loaded.layouts[path.stem]
        assert loaded.series.index.tz_convert(layout.zone).tz_localize(None).equals(stamps.as_unit("ns"))
        assert (layout.zone, layout.clock_change, loaded.zone) == ("Etc/GMT-2", "ignored", "Etc/GMT-2")
        assert loaded.series.season_bars == 24
        assert any("its days have 24 hours whatever the clocks do" in note for note in loaded.notes)
        with pytest.raises(RequestError, match=r"type .*series\.clock_change=ignored if each day of the file has 24"):
            load(path, "series.time_zone=Europe/Berlin")


@pytest.mark.parametrize(
    ("below", "law"),
    [
        ("2024-13-45,1,2,1,2,3", "row 62, column Date: '2024-13-45' is no moment"),
        ("x 2024,1,2,1,2,3", "row 62, column Date: 'x 2024' is written unlike the rows before"),
        ("2024-03-25,1", "row 62: 2 values"),
        ("Sum,1,2,1,2,3", "row 62, column Date: 'Sum' is written unlike .* and remove the row if it is a separator"),
        ("\nSum,1,2,1,2,3\n2024-03-25,1,2,1,2,3", "row 63, column Date: 'Sum' is written unlike"),
        ("\nSource\nX,1,2024-03-25,1,1,1", "row 63: 1 values"),
        ("\nAAA,2024-03-25", "row 63: 2 values"),
        ("A,,,,,\nB,,,,,\nC,,,,,\nD,,,,,", "row 62, column Date: 'A' is written unlike"),
    ],
)
def test_what_may_be_a_row_is_never_left_out(below, law, tmp_path):
    path = tmp_path / "bars.csv"
    path.write_text(PLAIN + below + "\n")
    with pytest.raises(RequestError, match=law):
        load(path)


def test_of_a_folder_the_files_of_the_commonest_ending_are_read(tmp_path):
    (tmp_path / "a.csv").write_text(table(DAILY[:30], "date,close", lambda b: f"{iso(b)},{b.c}"))
    (tmp_path / "b.csv.gz").write_bytes(
        gzip.compress(table(DAILY[30:], "date,close", lambda b: f"{iso(b)},{b.c}").encode())
    )
    for name in ("notes.txt", "README.txt", "LICENSE.txt", "terms of use.txt", "a.pdf", ".hidden.txt"):
        (tmp_path / name).write_text("Not a table, but a text\nof two lines, or so")
    loaded = load(tmp_path)
    assert len(loaded.series.index) == 60
    assert "LICENSE.txt, README.txt, a.pdf, notes.txt and 1 more beside the files of rows are not read" in " ".join(
        loaded.notes
    )
    (tmp_path / "a.tsv").write_text("date\tclose\n2024-01-01\t1\n")
    assert len(load(tmp_path).series.index) == 60
    (tmp_path / "b.tsv").write_text("date\tclose\n2024-01-01\t1\n")
    with pytest.raises(
        RequestError, match=r"as many files \.csv as \.tsv, a\.csv, .*; leave those of one kind in it, or give"
    ):
        load(tmp_path)


@pytest.mark.parametrize(
    ("content", "law"),
    [
        (b"7z\xbc\xaf\x27\x1c....", "is a 7z archive; unpack it first"),
        (b"\x28\xb5\x2f\xfd....", "is packed by zstd; unpack it first"),
        (bz2.compress(PLAIN.encode())[:-20], "is a damaged or truncated bzip2 file; copy it again"),
        (lzma.compress(PLAIN.encode())[:-20], "is a damaged or truncated xz file; copy it again"),
    ],
)
def test_what_cannot_be_unpacked_is_named(content, law, tmp_path):
    path = tmp_path / "bars.csv.7z"
    path.write_bytes(content)
    with pytest.raises(RequestError, match=law):
        load(path)


def test_the_letters_of_an_hour_that_comes_twice_tell_which_it_is(tmp_path):
    stamps = pd.date_range("2024-10-25", periods=100, freq="h", tz="Europe/Berlin")
    seen, rows = set(), []
    for number, stamp in enumerate(stamps):
        letter = ("B" if (stamp.date(), stamp.hour) in seen else "A") if f"{stamp:%d%H}" == "2702" else ""
        seen.add((stamp.date(), stamp.hour))
        rows.append(f"{stamp:%d.%m.%Y};{stamp.hour + 1}{letter};{50 + number % 7}\n")
    path = tmp_path / "bars.csv"
    path.write_text("Datum;Stunde;Preis\n" + "".join(rows))
    assert load(path, "series.time_zone=Europe/Berlin").series.index.equals(stamps.tz_convert("UTC").as_unit("ns"))
    with pytest.raises(
        RequestError, match=r"is marked A, as if it came twice, .* such as series\.time_zone=Europe/Berlin"
    ):
        load(path, "series.time_zone=UTC")
    path.write_text(path.read_text().replace(";3A;", ";3X;"))
    with pytest.raises(RequestError, match="column Stunde: '3X' is no hour such as '1', unlike the others"):
        load(path, "series.time_zone=Europe/Berlin")


def test_a_zone_in_each_cell_is_read_with_its_clock_changes(tmp_path):
    path = tmp_path / "bars.csv"
    stamps = pd.date_range("2024-03-08 18:00", periods=70, freq="h", tz="America/New_York")
    path.write_text("time,close\n" + "".join(f"{t:%Y%m%d %H:%M:%S} US/Eastern,{50 + t.hour}\n" for t in stamps))
    loaded = load(path)
    assert loaded.series.index.equals(stamps.tz_convert("UTC").as_unit("ns"))
    assert next(iter(loaded.layouts.values())).zone_source == "the cells"


def test_a_sheet_is_found_by_its_name_or_refused_with_those_there_are(tmp_path):
    path = tmp_path / "bars.xlsx"
    path.write_bytes(
        sheet(more=[("Year 2025", [["Date", "Close"], ["2025-01-01", 3.0], ["2025-01-02", 4.0], ["2025-01-03", 5.0]])])
    )
    assert load(path, "series.sheet='year 2025'").series.close[:, 0].tolist() == [3.0, 4.0, 5.0]
    with pytest.raises(RequestError, match=r"series\.sheet=Shet is none of the sheets with rows .*Sheet.*Year 2025"):
        load(path, "series.sheet=Shet")


def test_what_stands_out_in_a_file_is_told_by_its_layout(tmp_path):
    path = tmp_path / "bars.csv"
    case = CASES["ariva"]
    path.write_text(case.content)
    (layout,) = load(path).layouts.values()
    assert (layout.separator, layout.decimal, layout.encoding, layout.header_line) == (";", ",", "utf-8", 1)
    assert layout.time_columns == ("Datum",)
    assert layout.roles == {"close": "Schlusskurs", "open": "Erster", "high": "Hoch", "low": "Tief"}
    assert layout.features == ("Stuecke", "Volumen")
    assert layout.unit == ""
    path.write_text(CASES["smard"].content)
    (layout,) = load(path, "series.time_zone=Europe/Berlin").layouts.values()
    assert (layout.zone, layout.zone_source, layout.time_format) == (
        "Europe/Berlin",
        "series.time_zone",
        "dd/mm/yyyy hh:mm",
    )
    path.write_text(CASES["entso-e, new"].content)
    (layout,) = load(path).layouts.values()
    assert (layout.unit, layout.zone, layout.zone_source) == ("EUR/MWh", "UTC", "the column's name")
    case = CASES["quandl"]
    path.write_text(case.content)
    (layout,) = load(path).layouts.values()
    hindsight = {name for name, reason in layout.left_out.items() if reason == "made with later knowledge"}
    assert hindsight == {"Adj. Open", "Adj. High", "Adj. Low", "Adj. Volume"}
    assert layout.roles["adjusted_close"] == "Adj. Close"


def test_a_folder_of_months_is_one_series_and_one_of_companies_a_universe(tmp_path):
    months, companies = tmp_path / "months", tmp_path / "companies"
    for folder in (months, companies):
        folder.mkdir()
    for month, part in enumerate((DAILY[:20], DAILY[20:40], DAILY[40:])):
        (months / f"{month}.csv").write_text(table(part, "date,close", lambda b: f"{iso(b)},{b.c}", newest_first=True))
    (months / "readme.md").write_text("no data")
    loaded = load(months)
    np.testing.assert_allclose(loaded.series.close[:, 0], CLOSE)
    assert len(loaded.sources) == 3
    assert loaded.layouts["months"].newest_first
    weeks = tmp_path / "weeks"
    weeks.mkdir()
    for week in range(12):
        text = table(DAILY[5 * week : 5 * week + 5], "Datum;Schluss", lambda b: f"{b.t:%d.%m.%Y};{german(b.c)}")
        (weeks / f"{week:02}.csv").write_text(text)  # of which some leave it open what the month is
    loaded = load(weeks)
    assert loaded.series.index.equals(pd.DatetimeIndex(DAYS, tz="UTC").as_unit("ns"))
    assert sum("Schluss is read as close" in note for note in loaded.notes) == 1
    for name, factor in (("A", 1.0), ("B", 2.0)):
        rows = market(DAYS, factor)
        (companies / f"{name}.csv").write_text(table(rows, "date,close", lambda b: f"{iso(b)},{b.c}"))
    apart = load(companies).series
    assert apart.instruments == ("A", "B")
    np.testing.assert_allclose(apart.close[:, 1], [bar.c for bar in market(DAYS, 2.0)])
    listed = f"series.path=[{companies / 'A.csv'},{companies / 'B.csv'}]"
    with pytest.raises(RequestError, match=r"with another close, .*a universe with series.symbols=all, or are named"):
        load(companies, listed)
    for name in ("A", "B"):
        (companies / f"{name}.csv").write_text(
            table(DAILY, "date,ticker,close", lambda b, n=name: f"{iso(b)},{n},{b.c}")
        )
    with pytest.raises(
        RequestError,
        match=r"holds 2 symbols in the column ticker of 2 files, A, B; type series.symbol=A .*, or series.symbols=all",
    ):
        load(companies, listed)
    assert load(companies).series.instruments == ("A", "B")
    np.testing.assert_allclose(load(companies, "series.symbol=B").series.close[:, 0], CLOSE)
    (tmp_path / "empty").mkdir()
    with pytest.raises(RequestError, match="empty is a folder without a file of rows"):
        load(tmp_path / "empty")


def test_a_workbook_without_openpyxl_is_refused_with_what_to_install(tmp_path, monkeypatch):
    path = tmp_path / "bars.xlsx"
    path.write_bytes(sheet())
    monkeypatch.setitem(__import__("sys").modules, "openpyxl", None)
    with pytest.raises(RequestError, match=r"install it with pip install 'tradewinds\[excel\]'"):
        load(path)


def test_another_company_s_rows_are_never_called_copies(tmp_path):
    path = tmp_path / "bars.csv"
    path.write_text(table(DAILY, "date,firm,close", lambda b: f"{iso(b)},Alpha,{b.c}\n{iso(b)},Beta,{b.c}"))
    with pytest.raises(
        RequestError, match=r"holds 2 symbols in the column firm, Alpha, Beta; type series.symbol=Alpha to"
    ):
        load(path)
    with pytest.raises(RequestError, match=r"series.symbol=Alfa is none of the 2 symbols .*; did you mean 'Alpha'\?"):
        load(path, "series.symbol=Alfa")
    path.write_text(PLAIN)
    with pytest.raises(RequestError, match=r"has no column of symbols to find Alpha in .*; leave series.symbol out"):
        load(path, "series.symbol=Alpha")


COLD = [round(5.0 - 3.0 * np.cos((stamp.hour - 5) / 12.0 * np.pi), 1) for stamp in HOURS]
WEATHER = {  # layouts of stations and models: content, column, further options
    "open-meteo": (
        "latitude,longitude,elevation,utc_offset_seconds,timezone,timezone_abbreviation\n52.5,13.4,38.0,0,GMT,GMT\n\n"
        "time,temperature_2m (°C),rain (mm)\n"
        + "".join(f"{t:%Y-%m-%dT%H:%M},{x},0.0\n" for t, x in zip(HOURS, COLD, strict=True)),
        "temperature_2m",
        {},
    ),
    "dwd": (
        "STATIONS_ID;MESS_DATUM;QN_9;TT_TU;RF_TU;eor\n"
        + "".join(f"       3987;{t:%Y%m%d%H};    3;{x:8.1f};    81.0;eor\n" for t, x in zip(HOURS, COLD, strict=True)),
        "TT_TU",
        {},
    ),
    "meteostat": (
        "year,month,day,hour,temp,temp_source\n"
        + "".join(f"{t.year},{t.month},{t.day},{t.hour},{x},dwd\n" for t, x in zip(HOURS, COLD, strict=True)),
        "temp",
        {},
    ),
    "noaa, two stations": (
        '"STATION","DATE","TMP"\n'
        + "".join(
            f'"{s}","{t:%Y-%m-%dT%H:%M:%S}","{x + s}"\n' for t, x in zip(HOURS, COLD, strict=True) for s in (0, 9)
        ),
        "TMP",
        {"symbol": "0"},
    ),
    "a logger, German": (
        "Datum;Uhrzeit;T [°C]\n"
        + "".join(f"{t:%d.%m.%Y};{t:%H:%M:%S};{str(x).replace('.', ',')}\n" for t, x in zip(HOURS, COLD, strict=True)),
        "T",
        {},
    ),
}


@pytest.mark.parametrize("name", WEATHER)
def test_weather_is_read_in_the_same_layouts(name, tmp_path):
    text, column, options = WEATHER[name]
    bars, weather = tmp_path / "bars.csv", tmp_path / "weather.csv"
    bars.write_text(table(HOURLY, "time,close", lambda b: f"{b.t:%Y-%m-%dT%H:%M}Z,{b.c}"))
    weather.write_text(text)

    def joined(**more):
        config = FileWeather(kind="csv", path=str(weather), columns=(column,), lag_hours=1.0, **more)
        return load_series(config_of(bars, ()), config, DataConfig(accept_jumps=True)).series.exogenous[column]

    with pytest.raises(RequestError, match=r"give weather\.time_zone=UTC|type weather\.symbol=0"):
        joined()
    assert joined(time_zone="UTC", **options).tolist() == COLD

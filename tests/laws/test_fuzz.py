"""Whatever stands in a file or comes over the wire is read or refused in one line, and leaves nothing behind.

`make fuzz` runs them with 10,000 files in all; FUZZ is the number a test.
"""

import gzip
import io
import json
import os
import zipfile

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from replay import Exchange, replaying

from tradewinds.core.errors import GateError, RequestError
from tradewinds.data import load_series
from tradewinds.data.config import FileConfig, FileWeather, NoWeather, OpenMeteoConfig
from tradewinds.data.providers.open_meteo import ask_once
from tradewinds.data.providers.yahoo import Yahoo
from tradewinds.data.rules import DataConfig
from tradewinds.data.store.store import Store

FUZZ = int(os.environ.get("FUZZ", "150"))
fuzz = settings(max_examples=FUZZ, suppress_health_check=list(HealthCheck), deadline=None)
GOOD = "date,open,high,low,close,volume,load\n" + "".join(
    f"2024-01-{day:02},{10 + day / 7:.3f},{12 + day / 7:.3f},{9 + day / 7:.3f},{11 + day / 7:.3f},{100 * day},{day}\n"
    for day in range(1, 29)
)
ALL = ("sort", "duplicates", "drop", "clip", "forming", "dst", "gaps", "missing")
repairs = (
    st.lists(st.sampled_from(ALL), unique=True).map(tuple).filter(lambda words: not {"gaps", "missing"} <= set(words))
)
zones = st.sampled_from([None, "UTC", "America/Chicago", "Europe/Berlin"])


def parquet():
    buffer = io.BytesIO()
    pd.read_csv(io.StringIO(GOOD), parse_dates=["date"]).to_parquet(buffer)
    return buffer.getvalue()


PARQUET = parquet()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@st.composite
def damaged(draw, whole, signs):
    """A good file with some of its pieces replaced, removed or doubled."""
    content = bytearray(whole)
    for _ in range(draw(st.integers(1, 6))):
        place = draw(st.integers(0, max(len(content) - 1, 0)))
        how = draw(st.sampled_from(["put", "cut", "double", "insert"]))
        if how == "put":
            content[place : place + 1] = draw(st.sampled_from(signs))
        elif how == "insert":
            content[place:place] = draw(st.sampled_from(signs))
        elif how == "cut":
            del content[place : place + draw(st.integers(1, 40))]
        else:
            content[place:place] = content[place : place + draw(st.integers(1, 60))]
    return bytes(content)


SIGNS = [sign.encode() for sign in '0,;"\n-.:eNT/+Z\t9 _\r{<%é١'] + [b"\xff", b"\0", b"nan", b"inf", b"1e309", b"-9999"]


def layouts():
    """The good file as vendors, offices and colleagues write it, by name of the file."""
    table = pd.read_csv(io.StringIO(GOOD), parse_dates=["date"])
    days, rest = table["date"], table.drop(columns="date")
    hours = pd.date_range("2024-01-13", periods=len(table), freq="1h")
    intervals = [f"{hour:%d.%m.%Y %H:%M} - {hour + pd.Timedelta(hours=1):%d.%m.%Y %H:%M}" for hour in hours]
    millis = hours.as_unit("ms").asi8
    semicolons = rest.map(lambda value: f"{value:.2f}".replace(".", ",")).assign(Datum=days.dt.strftime("%d.%m.%Y"))
    broker = rest.set_axis([f"<{name.upper()}>" for name in rest.columns], axis=1)
    broker.insert(0, "<TIME>", hours.strftime("%H:%M:%S"))
    broker.insert(0, "<DATE>", hours.strftime("%Y.%m.%d"))
    klines = rest.drop(columns="load").assign(end=millis + 3_599_999, quote=1.0, trades=9, base=1.0, other=1.0, none=0)
    long = pd.concat([table.assign(Name=name) for name in ("AAA", "BBB")])
    texts = {
        "semicolons.csv": semicolons[["Datum", *rest.columns]].to_csv(index=False, sep=";").encode("cp1252"),
        "broker.txt": broker.to_csv(index=False, sep="\t").encode(),
        "klines.csv": klines.set_index(millis).to_csv(header=False).encode(),
        "newest.csv": ("# a comment\n" + table[::-1].to_csv(index=False)).encode(),
        "clock.csv": rest.set_index(hours.strftime("%m/%d/%Y %I:%M:%S %p")).to_csv(index_label="Date").encode("utf-16"),
        "quoted.csv": table.to_csv(index=False, quoting=1).encode("utf-8-sig"),
        "long.csv": long.to_csv(index=False).encode(),
        "interval.csv": table.assign(date=intervals).to_csv(index=False).encode(),
    }
    packed, feather, book = io.BytesIO(), io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("2023.csv", texts["quoted.csv"])
    table.to_feather(feather)
    table.to_excel(book, index=False)
    return texts | {
        "months.zip": packed.getvalue(),
        "table.feather": feather.getvalue(),
        "book.xlsx": book.getvalue(),
        "packed.csv.gz": gzip.compress(texts["broker.txt"]),
    }


LAYOUTS = layouts()


@st.composite
def disordered(draw):
    """A layout whose lines were dropped, doubled, swapped, cut or shifted by a cell, and its bytes damaged or not."""
    name = draw(st.sampled_from(sorted(LAYOUTS)))
    content = LAYOUTS[name]
    if name.endswith((".csv", ".txt")):
        lines = content.split(b"\n")
        for _ in range(draw(st.integers(0, 4))):
            place = draw(st.integers(0, max(len(lines) - 1, 0)))
            how = draw(st.sampled_from(["drop", "double", "swap", "cut", "left", "right"]))
            line = lines[place] if lines else b""
            if how == "drop":
                del lines[place : place + draw(st.integers(1, 5))]
            elif how == "double":
                lines.insert(place, line)
            elif how == "swap" and len(lines) > 1:
                lines[place - 1], lines[place] = lines[place], lines[place - 1]
            elif how == "cut" and lines:
                lines[place] = line[: draw(st.integers(0, max(len(line), 1)))]
            elif lines:
                sign = draw(st.sampled_from([b",", b";", b"\t"]))
                lines[place] = line.partition(sign)[2] if how == "left" else sign + line
        content = b"\n".join(lines)
    if draw(st.booleans()):
        content = draw(damaged(content, SIGNS + [bytes([number]) for number in range(0, 256, 37)]))
    return name, content


def read_or_refuse(content, repair, zone, suffix):
    """Load a file as bars and as weather; return what was said, one sentence each."""
    path = f"file{suffix}"
    with open(path, "wb") as file:
        file.write(content)
    rules = DataConfig(repair=repair)
    said = []
    bars = FileConfig(kind="csv", path=path, time_zone=zone)
    announced = FileConfig(kind="csv", path=path, time_zone=zone, known_ahead={"load": 48.0})
    for series, weather in (
        (bars, NoWeather()),
        (announced, FileWeather(kind="csv", path=path, time_zone=zone, columns=("volume",), lag_hours=24.0)),
    ):
        try:
            load_series(series, weather, rules)
        except (RequestError, GateError) as error:
            said.append(str(error))
    return said


def one_line_and_nothing_left(said, folder, suffix):
    assert all(words and "\n" not in words and len(words) < 2000 for words in said), said
    assert [path.name for path in folder.iterdir()] == [f"file{suffix}"]


@given(st.binary(max_size=300), repairs, zones, st.sampled_from([".csv", ".parquet", ".csv.gz"]))
@fuzz
def test_any_bytes_are_read_or_refused(folder, content, repair, zone, suffix):
    said = read_or_refuse(content, repair, zone, suffix)
    assert said
    one_line_and_nothing_left(said, folder, suffix)
    (folder / f"file{suffix}").unlink()


@given(damaged(GOOD.encode(), SIGNS), repairs, zones, st.booleans())
@fuzz
def test_any_damaged_csv_is_read_or_refused(folder, content, repair, zone, packed):
    said = read_or_refuse(gzip.compress(content) if packed else content, repair, zone, ".csv")
    one_line_and_nothing_left(said, folder, ".csv")


@given(damaged(PARQUET, [bytes([number]) for number in range(0, 256, 7)]), repairs, zones)
@fuzz
def test_any_damaged_parquet_is_read_or_refused(folder, content, repair, zone):
    said = read_or_refuse(content, repair, zone, ".parquet")
    one_line_and_nothing_left(said, folder, ".parquet")


@given(disordered(), repairs, zones, st.sampled_from([None, "close", "AAA"]))
@fuzz
def test_any_damaged_layout_is_read_or_refused(folder, layout, repair, zone, word):
    name, content = layout
    (folder / name).write_bytes(content)
    rules = DataConfig(repair=repair)
    options = {"close": "close"} if word == "close" else {"symbol": word} if word else {}
    said = "read"
    try:
        load_series(FileConfig(kind="csv", path=name, time_zone=zone, **options), NoWeather(), rules)
    except (RequestError, GateError) as error:
        said = str(error)
    assert 0 < len(said) < 2000
    assert "\n" not in said
    assert [path.name for path in folder.iterdir()] == [name]
    (folder / name).unlink()


PLACE = OpenMeteoConfig(latitude=41.9, longitude=-87.6, variables=("temperature_2m",), first="2024-01-01")
BODY = {
    "latitude": 41.9,
    "utc_offset_seconds": 0,
    "timezone": "GMT",
    "hourly_units": {"temperature_2m": "°C"},
    "hourly": {
        "time": ["2024-01-01T00:00", "2024-01-01T01:00", "2024-01-01T02:00"],
        "temperature_2m": [1.0, None, 2.5],
    },
}
leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9) | st.just("2024-01-01T00:00")
trees = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["hourly", "time", "temperature_2m", "chart", "result", "meta"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)
mangled = (
    damaged(json.dumps(BODY).encode(), SIGNS)
    | trees.map(lambda tree: json.dumps(tree).encode())
    | trees.map(lambda tree: json.dumps(BODY | {"hourly": tree}).encode())
)
TYPES = {"ok", "empty", "rate_limited", "unreachable", "malformed"}


@pytest.fixture(scope="module")
def replay(tmp_path_factory):
    patch = pytest.MonkeyPatch()
    with replaying(tmp_path_factory.mktemp("replay"), patch) as server:
        server.weather.fault = "raw"
        server.symbols["AAA"] = Exchange(fault="raw")
        yield server
    patch.undo()


@given(mangled)
@settings(fuzz, max_examples=max(FUZZ // 4, 1))  # over a real connection, some twenty a second
def test_any_answer_of_open_meteo_is_typed(replay, content):
    replay.weather.raw = content
    reply = ask_once(PLACE, None, timeout=5.0)
    assert reply.status in TYPES
    assert (reply.status == "ok") == (not reply.reason)
    if reply.status == "ok":
        assert list(reply.frame.columns) == ["temperature_2m", "available_at"]
        assert reply.frame.index.is_monotonic_increasing


@given(damaged(json.dumps(Exchange(number=5).body(0, 2**40)).encode(), SIGNS) | mangled)
@settings(fuzz, max_examples=max(FUZZ // 4, 1))
def test_any_answer_of_yahoo_is_typed(replay, content):
    replay.symbols["AAA"].raw = content
    reply = Yahoo().ask("AAA", bar="1d", first=None, timeout=5.0, rules=DataConfig())
    assert reply.status in TYPES
    assert reply.status == "ok" or reply.reason


@given(damaged(json.dumps({"file": "AAA.0.parquet", "sha256": "0", "instrument": "AAA"}).encode(), SIGNS))
@fuzz
def test_any_damaged_sidecar_is_refused(folder, content):
    store = Store(DataConfig(store="store"), "yahoo/1d")
    store.folder.mkdir(parents=True, exist_ok=True)
    (store.folder / "AAA.json").write_bytes(content)
    with pytest.raises(GateError, match=r"fetch it again with data\.refetch=true"):
        store.read("AAA")

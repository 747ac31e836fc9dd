"""Whatever stands in a file or comes over the wire is read or refused in one line, and leaves nothing behind.

`make fuzz` runs them with 10,000 files in all; FUZZ is the number a test.
"""

import gzip
import io
import json
import os

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

from layouts import CASES

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


LAYOUTS = {
    name: (case.file, case.content.encode() if isinstance(case.content, str) else case.content)
    for name, case in CASES.items()
    if isinstance(case.content, (str, bytes))
}


@st.composite
def disordered(draw):
    """A vendor's file, lines of it dropped, doubled, swapped, cut or shifted by a cell, and bytes damaged or not."""
    file, content = LAYOUTS[draw(st.sampled_from(sorted(LAYOUTS)))]
    if content[:2] not in (b"PK", b"\x1f\x8b", b"PA", b"AR"):
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
    return file, content


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


@given(disordered(), repairs, zones)
@fuzz
def test_any_damaged_layout_of_a_vendor_is_read_or_refused(folder, layout, repair, zone):
    file, content = layout
    suffix = file.removeprefix("bars")
    said = read_or_refuse(content, repair, zone, suffix)
    one_line_and_nothing_left(said, folder, suffix)
    (folder / f"file{suffix}").unlink()


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

"""Fetching with real clients from a loopback server: what goes wrong is typed, and never harms the store."""

import dataclasses
import hashlib
import json
import multiprocessing
import random
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from replay import Exchange, replaying

from tradewinds.__main__ import main
from tradewinds.data import load_series
from tradewinds.data.checks.sessions import exchange_sessions
from tradewinds.data.config import NoWeather, OpenMeteoConfig, YahooConfig
from tradewinds.data.providers.open_meteo import load_open_meteo
from tradewinds.data.providers.yahoo import CALENDARS
from tradewinds.data.rules import DataConfig
from tradewinds.data.store.store import Store

from story import FAST_CSV

QUICK = ("data.store=store", "data.pause_seconds=0", "data.backoff_seconds=0.001", "data.timeout_seconds=20")
IMPATIENT = (*QUICK[:-1], "data.timeout_seconds=1")  # where nobody answers; a busy machine may take longer
HERE = DataConfig(store="store")


@pytest.fixture
def replay(tmp_path, monkeypatch):
    with replaying(tmp_path, monkeypatch) as server:
        server.symbols["AAA"] = Exchange()
        yield server


def fetched(answer):
    """The outcomes by instrument, from the line of JSON."""
    return {one["instrument"]: one for one in json.loads(answer.out.splitlines()[-1])["fetched"]}


def content(folder="store"):
    """Every table and sidecar of the store, but for the time of fetching."""
    tables = {path: path.read_bytes() for path in Path(folder).rglob("*.parquet")}
    sidecars = {path: json.loads(path.read_text()) | {"fetched_at": ""} for path in Path(folder).rglob("*.json")}
    return tables, sidecars


def proven(folder="store"):
    """Prove every table of a store by its sidecar, and return how many there are."""
    count = 0
    for path in Path(folder).rglob("*.json"):
        sidecar = json.loads(path.read_text())
        table = path.parent / sidecar["file"]
        assert hashlib.sha256(table.read_bytes()).hexdigest() == sidecar["sha256"]
        assert len(pd.read_parquet(table)) == sidecar["rows"]
        count += 1
    return count


def test_bars_are_fetched_stored_and_read_as_they_came(replay, tradewinds):
    answer = tradewinds("fetch", "data.symbols=[aaa]", *QUICK)
    assert answer.status == 0
    assert "AAA  ok" in answer.out
    assert "60 rows, 2024-01-02 to 2024-03-25, 60 new" in answer.out
    loaded = load_series(YahooConfig(symbols=("AAA",)), NoWeather(), HERE)
    series, exchange = loaded.series, replay.symbols["AAA"]
    np.testing.assert_array_equal(series.close[:, 0], exchange.close)
    assert series.index[0] == pd.Timestamp("2024-01-02", tz="UTC")
    assert (series.bar_length, series.price_unit) == (pd.Timedelta(days=1), "USD")
    assert loaded.sources[0]["sha256"] == json.loads(Path("store/yahoo/1d/AAA.json").read_text())["sha256"]
    assert proven() == 1


@pytest.mark.parametrize(
    ("fault", "status", "words"),
    [
        ("429", "rate_limited", "Yahoo answered AAA with 429, too many requests (given up after 2 attempts)"),
        ("hang", "unreachable", "Yahoo did not answer for AAA: "),
        ("torn", "unreachable", "Yahoo did not answer for AAA: "),
        ("500", "unreachable", "Yahoo answered AAA with an error of its own, 500 (given up after 2 attempts)"),
        ("bad json", "malformed", "Yahoo's answer for AAA cannot be read (JSONDecodeError"),
        ("html", "malformed", "Yahoo's answer for AAA cannot be read (JSONDecodeError"),
        ("no zone", "malformed", "Yahoo's answer for AAA cannot be read (KeyError: 'exchangeTimezoneName')"),
        ("mars", "malformed", "Yahoo's answer for AAA cannot be read"),
        ("auckland", "malformed", "is of a day when XNYS was closed"),
        ("null", "malformed", "30 of 60 bars of AAA came without a price: 2024-01-03, 2024-01-05, 2024-01-09"),
        ("delisted", "empty", "Yahoo has no bars of AAA; is it written as Yahoo writes it?"),
        ("empty", "empty", "Yahoo has no bars of AAA"),
    ],
)
def test_a_fault_of_yahoo_is_typed_fails_the_command_leaves_the_store_and_passes(
    fault, status, words, replay, tradewinds
):
    exchange = replay.symbols["AAA"]
    exchange.exchange = "NMS"
    number, exchange.stamps = len(exchange.stamps), [stamp for stamp in exchange.stamps if not holiday(stamp)]
    exchange.close = exchange.close[: len(exchange.stamps)]
    assert number - len(exchange.stamps) == 2
    replay.symbols["BBB"] = Exchange(seed=1)
    assert tradewinds("fetch", "data.symbols=[BBB]", *QUICK).status == 0
    before = content()
    exchange.fault, zone = fault, exchange.zone
    exchange.zone = {"mars": "Mars/Olympus", "auckland": "Pacific/Auckland"}.get(fault, zone)
    quick = IMPATIENT if fault == "hang" else QUICK
    answer = tradewinds("fetch", "data.symbols=[AAA,BBB]", *quick, "data.attempts=2", "--json")
    assert answer.status == 1
    outcome = fetched(answer)
    assert outcome["AAA"]["status"] == status
    assert words.replace("30 of 60", "29 of 58") in outcome["AAA"]["reason"]
    assert outcome["BBB"]["status"] == "ok"
    assert "1 of 2 could not be brought up to date: AAA" in answer.err
    assert "Traceback" not in answer.err
    assert content() == before
    exchange.fault, exchange.zone = "", zone  # the server recovers, in the same process
    assert tradewinds("fetch", "data.symbols=[AAA,BBB]", *QUICK).status == 0
    assert proven() == 2


def holiday(stamp):
    return pd.Timestamp(stamp, unit="s").strftime("%m-%d") in ("01-15", "02-19")


def test_a_server_that_is_busy_twice_is_asked_a_third_time(replay, tradewinds):
    replay.symbols["AAA"].failures = 4  # each refusal is answered twice: yfinance asks again with other cookies
    assert tradewinds("fetch", "data.symbols=[AAA]", *QUICK).status == 0
    assert proven() == 1


@pytest.mark.parametrize(("fault", "rows", "said"), [("duplicate", 60, ""), ("one null", 59, "came without a price")])
def test_a_bar_given_twice_is_kept_once_and_one_without_a_price_is_left_out_and_said(
    fault, rows, said, replay, tradewinds
):
    replay.symbols["AAA"].fault = fault
    answer = tradewinds("fetch", "data.symbols=[AAA]", *QUICK)
    assert answer.status == 0
    assert f"{rows} rows" in answer.out
    assert said in answer.out


def test_the_second_fetch_asks_for_the_overlap_and_appends(replay, tradewinds):
    whole = replay.symbols["AAA"]
    part = replay.symbols["AAA"] = Exchange(number=40)
    np.testing.assert_array_equal(part.close, whole.close[:40])
    assert tradewinds("fetch", "data.symbols=[AAA]", *QUICK).status == 0
    replay.symbols["AAA"] = whole
    outcome = fetched(tradewinds("fetch", "data.symbols=[AAA]", *QUICK, "--json"))["AAA"]
    assert (outcome["rows"], outcome["added"], outcome["status"]) == (60, 20, "ok")
    np.testing.assert_array_equal(Store(HERE, "yahoo/1d").read("AAA").frame["close"], whole.close)
    again = fetched(tradewinds("fetch", "data.symbols=[AAA]", *QUICK, "--json"))["AAA"]
    assert (again["rows"], again["added"], again["sha256"]) == (60, 0, outcome["sha256"])
    assert len(list(Path("store").rglob("*.parquet"))) == 1


def test_a_split_that_restates_the_history_fetches_it_whole(replay, tradewinds):
    replay.symbols["AAA"] = Exchange(number=40)
    assert tradewinds("fetch", "data.symbols=[AAA]", *QUICK).status == 0
    after = replay.symbols["AAA"] = Exchange()
    raw = after.close.copy()  # as it was traded: from bar 45 on, a third
    raw[45:] /= 3.0
    after.close = after.close / 3.0
    after.splits[45] = 3.0
    answer = tradewinds("fetch", "data.symbols=[AAA]", *QUICK)
    assert answer.status == 0
    assert "a split restated the history: all 60 rows were fetched again" in answer.out
    stored = Store(HERE, "yahoo/1d").read("AAA").frame
    np.testing.assert_array_equal(stored["close"], after.close)
    series = load_series(YahooConfig(symbols=("AAA",)), NoWeather(), HERE).series
    np.testing.assert_allclose(series.close[:, 0], raw, rtol=1e-12)  # raw prices, the split beside them
    assert series.splits[45, 0] == 3.0
    np.testing.assert_allclose(series.adjusted().log_return()[1:, 0], np.diff(np.log(after.close)), atol=1e-12)


def test_one_ratio_that_is_no_split_is_a_disagreement(replay, tradewinds):
    assert tradewinds("fetch", "data.symbols=[AAA]", *QUICK).status == 0
    replay.symbols["AAA"].close = np.round(replay.symbols["AAA"].close / 100.0, 6)  # pence have become pounds
    answer = tradewinds("fetch", "data.symbols=[AAA]", *QUICK)
    assert answer.status == 3
    assert "disagrees with what is stored on 2024-03-12" in answer.out


def test_a_split_that_loses_history_is_a_disagreement(replay, tradewinds):
    assert tradewinds("fetch", "data.symbols=[AAA]", *QUICK).status == 0
    exchange = replay.symbols["AAA"]
    exchange.stamps, exchange.close = exchange.stamps[20:], exchange.close[20:] / 2.0
    answer = tradewinds("fetch", "data.symbols=[AAA]", *QUICK)
    assert answer.status == 3
    assert Store(HERE, "yahoo/1d").read("AAA").sidecar["rows"] == 60


def test_another_currency_is_a_disagreement(replay, tradewinds):
    assert tradewinds("fetch", "data.symbols=[AAA]", *QUICK).status == 0
    replay.symbols["AAA"].currency = "EUR"
    answer = tradewinds("fetch", "data.symbols=[AAA]", *QUICK)
    assert answer.status == 3
    assert "its currency was USD and is now EUR; data.refetch=true replaces what is stored" in answer.out


def test_a_bar_without_a_price_is_remembered_and_taken_in_once_it_has_one(replay, tradewinds):
    exchange = replay.symbols["AAA"]
    exchange.fault = "one null"
    assert tradewinds("fetch", "data.symbols=[AAA]", *QUICK).status == 0
    sidecar = json.loads(Path("store/yahoo/1d/AAA.json").read_text())
    assert sidecar["facts"]["without_price"] == ["2024-02-13"]
    exchange.fault = ""
    assert fetched(tradewinds("fetch", "data.symbols=[AAA]", *QUICK, "--json"))["AAA"]["rows"] == 59
    assert "came without a price" in json.loads(Path("store/yahoo/1d/AAA.json").read_text())["facts"]["notes"][0]
    whole = fetched(tradewinds("fetch", "data.symbols=[AAA]", *QUICK, "data.refetch=true", "--json"))["AAA"]
    assert whole["rows"] == 60


def test_float_noise_in_a_range_is_no_fault(replay, tradewinds):
    replay.symbols["AAA"].noise = 1e-8
    assert tradewinds("fetch", "data.symbols=[AAA]", *QUICK).status == 0
    load_series(YahooConfig(symbols=("AAA",)), NoWeather(), HERE)


def test_bars_of_another_length_than_asked_are_malformed(replay, tradewinds):
    replay.symbols["AAA"].granularity = "1mo"
    answer = tradewinds("fetch", "data.symbols=[AAA]", *QUICK)
    assert answer.status == 1
    assert "Yahoo gave bars of 1mo for AAA, and was asked for 1d" in answer.out


def test_every_calendar_of_an_exchange_is_there():
    for code in set(CALENDARS.values()) - {"24/7"}:
        sessions, _, _ = exchange_sessions(code, pd.Timestamp("2023-01-01"), pd.Timestamp("2023-12-31"))
        assert len(sessions) > 200, code


@pytest.mark.parametrize("damage", [{"sha256": None}, {"parameters": None}, {"file": ".."}, {"file": "BBB.0.parquet"}])
def test_a_sidecar_that_lacks_its_facts_is_refused_and_replaced_only_by_refetching(damage, replay, tradewinds):
    assert tradewinds("fetch", "data.symbols=[AAA]", *QUICK).status == 0
    path = Path("store/yahoo/1d/AAA.json")
    sidecar = json.loads(path.read_text()) | damage
    path.write_text(json.dumps({name: value for name, value in sidecar.items() if value is not None}))
    for words in (("fetch", "data.symbols=[AAA]", *QUICK), ("fetch", "data.symbols=[AAA]", *QUICK, "--offline")):
        answer = tradewinds(*words)
        assert answer.status == 3
        assert "AAA.json is not the sidecar of a table; fetch it again with data.refetch=true" in answer.out
    assert tradewinds("fetch", "data.symbols=[AAA]", *QUICK, "data.refetch=true").status == 0


def test_a_symbol_in_two_cases_is_named_twice(tradewinds):
    answer = tradewinds("fetch", "series=yahoo", "series.symbols=[a,A]")
    assert answer.status == 2
    assert "series.symbols must be named once each, A stood twice" in answer.err


def test_any_other_disagreement_is_refused_with_its_days_and_only_refetch_replaces(replay, tradewinds):
    assert tradewinds("fetch", "data.symbols=[AAA]", *QUICK).status == 0
    before = content()
    other = replay.symbols["AAA"] = Exchange(number=60)
    other.close[55:57] *= 1.01
    answer = tradewinds("fetch", "data.symbols=[AAA]", *QUICK)
    assert answer.status == 3
    assert "disagrees with what is stored on 2024-03-19, 2024-03-20; data.refetch=true replaces it" in answer.out
    assert content() == before
    assert tradewinds("fetch", "data.symbols=[AAA]", *QUICK, "data.refetch=true").status == 0
    assert Store(HERE, "yahoo/1d").read("AAA").frame["close"].iloc[55] == other.close[55]


def test_a_later_first_date_keeps_the_earlier_bars_and_an_earlier_one_fetches_them(replay, tradewinds):
    words = ("fetch", "series=yahoo", "series.symbols=[AAA]", *QUICK, "--json")
    assert fetched(tradewinds(*words, "series.first=2024-02-01"))["AAA"]["rows"] == 38
    assert fetched(tradewinds(*words, "series.first=2024-03-01"))["AAA"]["rows"] == 38
    wider = fetched(tradewinds(*words))["AAA"]
    assert (wider["rows"], wider["added"]) == (60, 22)
    assert fetched(tradewinds(*words, "series.first=2024-03-01"))["AAA"]["rows"] == 60


def test_a_day_that_the_source_has_lost_is_a_disagreement(replay, tradewinds):
    assert tradewinds("fetch", "data.symbols=[AAA]", *QUICK).status == 0
    exchange = replay.symbols["AAA"]
    del exchange.stamps[50]  # the first of those asked for again
    exchange.close = np.delete(exchange.close, 50)
    answer = tradewinds("fetch", "data.symbols=[AAA]", *QUICK)
    assert answer.status == 3
    assert "disagrees with what is stored on 2024-03-12;" in answer.out


def test_retraining_stops_where_the_source_disagrees_with_what_is_stored(replay, tradewinds):
    replay.symbols["AAA"] = Exchange(number=400, first="2023-01-02")
    words = ("series=yahoo", "series.symbols=[AAA]", *QUICK, *FAST_CSV)
    assert tradewinds("retrain", *words).status == 0
    replay.symbols["AAA"].close[-1] *= 1.02
    answer = tradewinds("retrain", *words)
    assert answer.status == 3
    assert (
        "AAA: the source now disagrees with what is stored on 2024-07-12; data.refetch=true replaces it" in answer.err
    )


def test_a_dividend_is_an_event_beside_the_raw_price(replay, tradewinds):
    replay.symbols["AAA"].dividends[30] = 1.5
    assert tradewinds("fetch", "data.symbols=[AAA]", *QUICK).status == 0
    series = load_series(YahooConfig(symbols=("AAA",)), NoWeather(), HERE).series
    np.testing.assert_array_equal(series.close[:, 0], replay.symbols["AAA"].close)
    assert series.dividends[30, 0] == 1.5
    ratio = series.adjusted().close[:, 0] / series.close[:, 0]
    np.testing.assert_allclose(ratio, np.where(np.arange(60) < 30, 1.0, 1.0 / (1.0 - 1.5 / series.close[29, 0])))


def test_the_bar_that_is_still_forming_is_not_stored(replay, tradewinds):
    exchange = Exchange(number=4)
    today = pd.Timestamp.now("UTC").normalize()
    exchange.stamps = [int((today - pd.Timedelta(days=age)).timestamp()) + 14 * 3600 for age in (3, 2, 1, 0)]
    replay.symbols["AAA"] = exchange
    outcome = fetched(tradewinds("fetch", "data.symbols=[AAA]", *QUICK, "--json"))["AAA"]
    assert outcome["rows"] == 3
    assert pd.Timestamp(outcome["last"]) == today - pd.Timedelta(days=1)


def test_part_of_it_is_enough_only_if_the_request_says_so(replay, tradewinds):
    wanted = ("fetch", "data.symbols=[AAA,GONE]", *QUICK)
    refused = tradewinds(*wanted)
    assert refused.status == 1
    assert "GONE" in refused.out
    assert "1 of 2 could not be brought up to date: GONE (empty); data.allow_partial=true accepts" in refused.err
    assert tradewinds(*wanted, "data.allow_partial=true").status == 0
    assert tradewinds("fetch", "data.symbols=[GONE]", *QUICK, "data.allow_partial=true").status == 1


def test_offline_opens_no_socket_and_says_what_is_there(replay, tradewinds):
    assert tradewinds("fetch", "data.symbols=[AAA]", *QUICK).status == 0
    calls = len(replay.calls)
    answer = tradewinds("fetch", "data.symbols=[AAA]", *QUICK, "--offline")
    assert answer.status == 0
    assert "60 rows, 2024-01-02 to 2024-03-25, nothing new; fetched 20" in answer.out
    missing = tradewinds("fetch", "data.symbols=[AAA,BBB]", *QUICK, "--offline")
    assert missing.status == 1
    assert "BBB  missing       it was never fetched" in missing.out
    assert len(replay.calls) == calls


@pytest.mark.parametrize("symbol", ["../AAA", "/etc", "A/B", "A\\\\B", "..", ".AAA", "AAA\nB", "", "A" * 40, "Ä"])
def test_a_symbol_cannot_leave_the_store(symbol, tradewinds, replay, tmp_path):
    answer = tradewinds("fetch", f'data.symbols=["{symbol}"]', *QUICK)
    assert answer.status == 2
    assert (
        "data.symbols must be a list whose every element is written as Yahoo writes it" in answer.err
        or "cannot read" in answer.err
    )
    assert not (tmp_path / "store").exists()
    assert replay.calls == []


def test_a_damaged_store_is_refused_by_name_and_only_refetch_replaces_it(replay, tradewinds):
    assert tradewinds("fetch", "data.symbols=[AAA]", *QUICK).status == 0
    (table,) = Path("store").rglob("*.parquet")
    table.write_bytes(table.read_bytes()[:-1] + b"x")
    run = tradewinds("run", "series=yahoo", "series.symbols=[AAA]", "data.store=store")
    assert run.status == 3
    assert "AAA.json does not prove its table" in run.err
    answer = tradewinds("fetch", "data.symbols=[AAA]", *QUICK)
    assert answer.status == 3
    assert "its sha256 differs; fetch it again with data.refetch=true" in answer.out
    assert tradewinds("fetch", "data.symbols=[AAA]", *QUICK, "data.refetch=true").status == 0
    assert proven() == 1


def test_two_fetches_into_one_store_do_not_meet(replay, tradewinds):
    store = Store(HERE, "yahoo/1d")
    with store.writing():
        answer = tradewinds("fetch", "data.symbols=[AAA]", *QUICK)
    assert answer.status == 3
    assert "another process is fetching into store/yahoo/1d; wait for it, this one did nothing" in answer.err


@pytest.mark.parametrize(
    "symbol", ["^GSPC", "EURUSD=X", "BRK-B", "0700.HK", "600519.SS", "TRUE", "NULL", "1E5", "GC=F"]
)
def test_a_symbol_is_typed_as_yahoo_writes_it(symbol, replay, tradewinds):
    replay.symbols[symbol] = Exchange()
    assert tradewinds("fetch", f"data.symbols=[{symbol}]", *QUICK).status == 0
    series = load_series(YahooConfig(symbols=(symbol,)), NoWeather(), HERE).series
    assert series.instruments == (symbol,)


def test_nothing_to_fetch_is_said(tradewinds):
    answer = tradewinds("fetch")
    assert answer.status == 2
    assert "nothing to fetch: give 'data.symbols=[AAPL,MSFT]'" in answer.err


PLACE = ("data.latitude=41.88", "data.longitude=-87.63")
WEATHER = "archive-hourly+41.8800-87.6300"


@pytest.mark.parametrize(
    ("fault", "status", "words"),
    [
        ("429", "rate_limited", "Open-Meteo answered 429, too many requests: Parameter 'latitude' is out of range"),
        ("500", "unreachable", "Open-Meteo answered with an error of its own, 500 (given up after 2 attempts)"),
        ("400", "malformed", "Open-Meteo refused the request, 400: Parameter 'latitude' is out of range"),
        ("hang", "unreachable", "Open-Meteo did not answer: "),
        ("torn", "unreachable", "Open-Meteo did not answer: RemoteProtocolError"),
        ("html", "malformed", "Open-Meteo's answer cannot be read (JSONDecodeError"),
        ("bad json", "malformed", "Open-Meteo's answer cannot be read (JSONDecodeError"),
        ("short", "malformed", "temperature_2m has "),
        ("null", "empty", "temperature_2m has no value at all at this place and time"),
        ("zone", "malformed", "Open-Meteo answered in GMT, and was asked for UTC"),
    ],
)
def test_a_fault_of_open_meteo_is_typed_fails_the_command_leaves_the_store_and_passes(
    fault, status, words, replay, tradewinds
):
    replay.weather.fault, replay.weather.offset = fault, 3600 if fault == "zone" else 0
    quick = IMPATIENT if fault == "hang" else QUICK
    answer = tradewinds("fetch", *PLACE, *quick, "data.attempts=2", "--json")
    assert answer.status == 1
    assert fetched(answer)[WEATHER]["status"] == status
    assert words in fetched(answer)[WEATHER]["reason"]
    assert proven() == 0
    replay.weather.fault, replay.weather.offset = "", 0
    assert tradewinds("fetch", *PLACE, *QUICK).status == 0
    assert proven() == 1


def test_weather_is_appended_and_each_value_says_since_when_it_is_known(replay, tradewinds):
    replay.weather.known_to = pd.Timestamp("2024-03-01T12:00Z")
    place = ("weather=open_meteo", "weather.latitude=41.88", "weather.longitude=-87.63", "weather.first=2024-01-01")
    first = fetched(tradewinds("fetch", *place, *QUICK, "--json"))[WEATHER]
    assert first["rows"] == 60 * 24 + 13
    replay.weather.known_to = pd.Timestamp("2024-03-05T12:00Z")
    second = fetched(tradewinds("fetch", *place, *QUICK, "--json"))[WEATHER]
    assert (second["added"], second["rows"]) == (96, first["rows"] + 96)
    assert replay.weather.asked[-1]["start_date"] == ["2024-03-01"]
    frame = Store(HERE, "open_meteo").read(WEATHER).frame
    assert (frame["available_at"] - frame.index == pd.Timedelta(days=5, hours=1)).all()
    replay.weather.shift = 1.0
    answer = tradewinds("fetch", *place, *QUICK)
    assert answer.status == 3
    assert "disagrees with what is stored on 2024-03-05 03:00" in answer.out


def test_another_variable_fetches_the_place_again_with_all_of_them(replay, tradewinds):
    place = ("weather=open_meteo", "weather.latitude=41.88", "weather.longitude=-87.63", "weather.first=2024-01-01")
    assert tradewinds("fetch", *place, *QUICK, "weather.variables=[temperature_2m]").status == 0
    assert tradewinds("fetch", *place, *QUICK, "weather.variables=[rain]").status == 0
    assert list(Store(HERE, "open_meteo").read(WEATHER).frame.columns) == ["temperature_2m", "rain", "available_at"]


def test_a_forecast_is_known_before_its_hour_and_no_earlier_than_its_run(replay, tradewinds):
    place = ("weather=open_meteo", "weather.latitude=41.88", "weather.longitude=-87.63")
    ahead = ("weather.product=previous_runs", "weather.lead_days=2")
    assert tradewinds("fetch", *place, *ahead, *QUICK).status == 0
    frame = Store(HERE, "open_meteo").read("previous_runs2-hourly+41.8800-87.6300").frame
    assert "temperature_2m_previous_day2" in frame
    assert (frame["available_at"] - frame.index == pd.Timedelta(hours=12 - 48)).all()
    config = OpenMeteoConfig(latitude=41.88, longitude=-87.63, product="previous_runs", lead_days=2)
    columns = load_open_meteo(config, DataConfig(store="store"))
    assert set(columns.leads.values()) == {pd.Timedelta(hours=36)}


def test_a_run_on_fetched_bars_and_weather_uses_the_store_and_records_its_snapshot(replay, tradewinds):
    replay.symbols["AAA"] = Exchange(number=400, first="2023-01-02")
    assert tradewinds("fetch", "data.symbols=[AAA]", *PLACE, *QUICK).status == 0
    calls = len(replay.calls)
    words = ("series=yahoo", "series.symbols=[AAA]", "weather=open_meteo", "weather.latitude=41.88")
    answer = tradewinds("run", *words, "weather.longitude=-87.63", "data.store=store", *FAST_CSV, "--json")
    assert answer.status == 0, answer.err
    assert "last bar closed 2024-07-13 00:00 UTC" in answer.err
    assert "fetched less than an hour ago" in answer.err
    assert len(replay.calls) == calls
    report = json.loads(Path(json.loads(answer.out)["report"]).with_suffix(".json").read_text())
    named = {source["file"]: source["sha256"] for source in report["data"]["sources"]}
    kept = [json.loads(path.read_text()) for path in Path("store").rglob("*.json")]
    assert named == {f"{one['source']}/{one['instrument']}": one["sha256"] for one in kept}


def test_several_symbols_make_one_forecaster_and_an_agent_for_the_one_that_is_named(replay, tradewinds, monkeypatch):
    monkeypatch.setattr("tradewinds.core.executor.cores", lambda: 1)  # one after another: no process has to begin
    replay.symbols |= {
        name: Exchange(number=400, first="2023-01-02", seed=seed) for seed, name in enumerate(("AAA", "BBB"))
    }
    assert tradewinds("fetch", "data.symbols=[AAA,BBB]", *QUICK).status == 0
    words = ("run", "series=yahoo", "data.store=store", *FAST_CSV)
    answer = tradewinds(*words, "series.symbols=[AAA,BBB]")
    assert answer.status == 2
    assert "or act on one after another: -m rollout.instrument=AAA,BBB" in answer.err
    assert tradewinds(*words, "series.symbols=[AAA,BBB]", "-m", "rollout.instrument=AAA,BBB").status == 0
    reports = [json.loads(path.read_text()) for path in Path("runs").rglob("report.json")]
    assert sorted(report["data"]["instruments"] for report in reports) == [["AAA"], ["BBB"]]


def test_what_was_never_fetched_is_refused_with_the_command_that_fetches_it(tradewinds):
    answer = tradewinds("run", "series=yahoo", "series.symbols=[AAA]", "data.store=store")
    assert answer.status == 2
    assert "type: tradewinds fetch series=yahoo 'series.symbols=[AAA]' series.bar=1d" in answer.err
    words = ("weather=open_meteo", "weather.latitude=41.9", "weather.longitude=2")
    answer = tradewinds("run", *words, "data.store=store")
    assert answer.status == 2
    assert "type: tradewinds fetch weather=open_meteo weather.latitude=41.9 weather.longitude=2" in answer.err


def test_retraining_fetches_what_is_new_first_and_survives_without_it(replay, tradewinds):
    replay.symbols["AAA"] = Exchange(number=400, first="2023-01-02")
    words = ("series=yahoo", "series.symbols=[AAA]", *QUICK, "data.attempts=1", *FAST_CSV)
    assert tradewinds("retrain", *words).status == 0
    assert tradewinds("signal", *words).status == 3  # what was fetched ends in 2024
    assert tradewinds("signal", *words, "signal.max_age=null").status == 0
    replay.symbols["AAA"].fault = "500"
    answer = tradewinds("retrain", *words)
    assert answer.status == 0
    assert "note: AAA could not be brought up to date (unreachable: " in answer.err
    assert "no new data since" in answer.out


def test_several_symbols_share_one_clock_and_a_missing_bar_carries_the_close_before(replay, tradewinds):
    gap, late = Exchange(seed=2), Exchange(seed=3)
    replay.symbols |= {"GAP": gap, "LATE": late}
    del gap.stamps[20]
    gap.close = np.delete(gap.close, 20)
    late.stamps, late.close = late.stamps[10:], late.close[10:]
    assert tradewinds("fetch", "data.symbols=[AAA,GAP,LATE]", *QUICK).status == 0
    loaded = load_series(YahooConfig(symbols=("AAA", "GAP", "LATE")), NoWeather(), HERE)
    series = loaded.series
    assert series.instruments == ("AAA", "GAP", "LATE")
    assert series.close.shape == (50, 3)
    assert series.close[10, 1] == series.close[9, 1] == gap.close[19]
    assert series.volume[10, 1] == 0.0
    assert series.high[10, 1] == series.close[10, 1]
    assert "GAP has no bar on 1 of 50, the first on 2024-01-30: its close before is carried" in loaded.notes
    np.testing.assert_array_equal(series.close[:, 2], late.close)
    assert (loaded.universe.cut, loaded.universe.begin_late) == (True, ("LATE",))
    asked = YahooConfig(symbols=("AAA", "GAP", "LATE"), histories="whole", target="relative_return")
    whole = load_series(asked, NoWeather(), HERE)
    assert whole.series.traded.sum(axis=0).tolist() == [60, 59, 50]
    assert (whole.series.target, whole.series.delisted) == ("relative_return", None)
    assert "later than the first began 1: LATE" in whole.notes


@pytest.mark.parametrize("kills", [6])
def test_a_fetch_killed_at_any_moment_leaves_a_store_that_is_whole_and_proven(kills, replay, tradewinds, tmp_path):
    killed_while_writing(replay, kills)
    assert tradewinds("fetch", "data.symbols=[AAA,BBB,CCC]", *QUICK).status == 0
    assert proven() == 3
    assert not list(Path("store").rglob(".partial*"))
    assert len(list(Path("store").rglob("*.parquet"))) == 3


def killed_while_writing(replay, kills):
    """Kill `kills` fetches at random moments; the store must be whole after each."""
    moments = random.Random(0)
    for number in range(kills):
        for seed, symbol in enumerate(("AAA", "BBB", "CCC")):
            replay.symbols[symbol] = Exchange(number=40 + number, seed=seed)
        process = multiprocessing.get_context("fork").Process(
            target=main, args=(["fetch", "data.symbols=[AAA,BBB,CCC]", *QUICK],)
        )
        begun = len(replay.calls)
        process.start()
        while len(replay.calls) == begun and process.is_alive():
            time.sleep(0.005)
        time.sleep(moments.uniform(0.0, 0.25))
        process.kill()
        process.join()
        proven()


def test_a_reader_never_waits_for_a_writer(replay, tradewinds):
    assert tradewinds("fetch", "data.symbols=[AAA]", *QUICK).status == 0
    store = Store(HERE, "yahoo/1d")
    with store.writing():
        assert store.read("AAA").sidecar["rows"] == 60


def test_rules_that_decide_what_is_read_decide_the_hash_and_the_network_does_not():
    plain = DataConfig().deciding()
    assert dataclasses.replace(DataConfig(), store="elsewhere", offline=True, attempts=9).deciding() == plain
    assert DataConfig(repair=("sort",)).deciding() != plain

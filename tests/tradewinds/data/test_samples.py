"""The samples: what is shipped is what its sidecar says, under a licence that is there, and loads."""

import dataclasses
import gzip
import json
import shutil

import numpy as np
import pandas as pd
import pytest

import tradewinds.data.providers.sample_catalogue as catalogue
from tradewinds.core.errors import GateError, RequestError
from tradewinds.core.resources import resource_dir
from tradewinds.data import load_series
from tradewinds.data.config import NoWeather, SampleConfig, SampleWeather

SERIES = [
    ("sp500", "SPX", 5031, "1999-01-04", "2018-12-31"),
    ("nasdaq", "IXIC", 5031, "1999-01-04", "2018-12-31"),
    ("wti", "WTI", 8321, "1986-01-02", "2019-01-03"),
    ("henry_hub", "HENRY_HUB", 6518, "1997-01-07", "2022-12-13"),
    ("houston", "HB_NORTH", 17520, "2021-01-01", "2023-01-01"),
    ("houston", "HB_HOUSTON", 17520, "2021-01-01", "2023-01-01"),
]
DUTCH = SampleConfig(name="netherlands", instruments=("NL",), target="level")


def test_every_sample_is_what_its_sidecar_says():
    assert catalogue.verify_samples() == []
    assert [one.name for one in catalogue.list_samples()] == [
        "chicago_weather_daily",
        "ecb_euro_rates_daily",
        "ercot_dam_hourly",
        "gulf_plant_ambient_hourly",
        "henry_hub_spot_daily",
        "nl_day_ahead_hourly",
    ]


def test_every_column_has_a_unit_and_every_sidecar_its_facts():
    for one in catalogue.list_samples():
        assert set(catalogue.REQUIRED) <= set(one.facts)
        assert one.facts["licence"]["link"].startswith("https://")
        assert one.facts["time"]["zone"]
        with gzip.open(one.path, "rt") as file:
            header = file.readline().strip().split(",")
        assert set(header[1:]) == set(one.facts["units"])


def damage(folder, name, how):
    path = folder / name
    path.write_bytes(how(path.read_bytes()))


@pytest.mark.parametrize(
    ("name", "how", "finding"),
    [
        ("henry_hub_spot_daily.csv.gz", lambda old: old[:-1], "henry_hub_spot_daily.csv.gz differs from its sha256"),
        ("chicago_weather_daily.json", lambda old: old.replace(b"5698", b"5699"), "its sidecar says (5699,"),
        ("chicago_weather_daily.json", lambda old: old.replace(b'"caveats"', b'"notes"'), "lacks caveats"),
    ],
)
def test_verify_finds_what_was_changed_and_exits_3(name, how, finding, tmp_path, monkeypatch, tradewinds):
    shutil.copytree(resource_dir("data"), tmp_path / "data")
    monkeypatch.setattr(catalogue, "resource_dir", lambda kind: tmp_path / kind)
    damage(tmp_path / "data", name, how)
    answer = tradewinds("data", "verify")
    assert answer.status == 3
    assert finding in answer.err


def test_a_changed_sample_is_not_even_loaded(tmp_path, monkeypatch):
    shutil.copytree(resource_dir("data"), tmp_path / "data")
    monkeypatch.setattr(catalogue, "resource_dir", lambda kind: tmp_path / kind)
    path = tmp_path / "data" / "henry_hub_spot_daily.csv.gz"
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()).replace(b",3.82", b",99.0", 1)))
    with pytest.raises(GateError, match=r"henry_hub_spot_daily.csv.gz differs from the sha256 in its sidecar"):
        load_series(SampleConfig(name="henry_hub", instruments=("HENRY_HUB",)), NoWeather())


def test_list_and_verify_say_what_is_there(tradewinds):
    listed = tradewinds("data", "list").out
    assert "ercot_dam_hourly" in listed
    assert "CC BY 4.0" in listed
    assert tradewinds("data", "verify").out.startswith("6 sample series verified")
    answer = tradewinds("data", "verify", "--json")
    assert json.loads(answer.out) == {"verified": 6}


@pytest.mark.parametrize(("name", "instrument", "rows", "first", "last"), SERIES)
def test_every_series_loads_offline(name, instrument, rows, first, last):
    floor = 0.01 if name == "houston" else None
    series = load_series(SampleConfig(name=name, instruments=(instrument,), price_floor=floor), NoWeather()).series
    assert (len(series.index), str(series.index[0].date()), str(series.index[-1].date())) == (rows, first, last)
    assert series.single_price == (name not in ("sp500", "nasdaq"))


def test_the_plant_s_temperature_is_a_series_of_differences_in_degrees():
    config = SampleConfig(name="plant_temperature", instruments=("temp_f",), target="difference")
    series = load_series(config, NoWeather()).series
    assert (len(series.index), series.change_unit, series.season_bars) == (6493, "degF", 24)
    np.testing.assert_allclose(series.changes()[:3, 0], [0.0, 72.341 - 72.897, 71.741 - 72.341])
    assert series.sha256() != load_series(dataclasses.replace(config, target="log_return"), NoWeather()).series.sha256()


def test_what_was_dropped_or_raised_is_said():
    gas = load_series(SampleConfig(name="henry_hub", instruments=("HENRY_HUB",)), NoWeather())
    assert gas.notes[1:] == ("henry_hub has no price on 2018-01-05: 1 empty rows were dropped",)
    assert "a spot price, not a tradable future" in gas.notes[0]
    power = load_series(SampleConfig(name="houston", instruments=("HB_NORTH",), price_floor=0.01), NoWeather())
    assert "2 prices below 0.01 were raised to it (series.price_floor)" in power.notes
    with pytest.raises(RequestError, match="LZ_WEST has 407 negative prices, and returns need positive ones"):
        load_series(SampleConfig(name="houston", instruments=("LZ_WEST",), price_floor=0.01), NoWeather())
    west = SampleConfig(name="houston", instruments=("LZ_WEST",), price_floor=0.01, target="difference")
    assert (load_series(west, NoWeather()).series.close < 0.0).sum() == 407
    assert "electricity cannot be stored for free" in power.notes[0]


def test_dutch_hours_below_zero_are_kept_and_the_two_that_are_missing_repeat_the_one_before_and_are_told():
    loaded = load_series(DUTCH, NoWeather())
    close = pd.Series(loaded.series.close[:, 0], index=loaded.series.index)
    assert (len(close), int((close < 0.0).sum()), loaded.series.price_unit) == (87840, 1029, "EUR/MWh")
    assert set(np.diff(close.index.asi8)) == {3_600_000_000_000}
    for hour in pd.DatetimeIndex(["2023-12-30 23:00", "2024-12-30 23:00"], tz="UTC"):
        assert close[hour] == close[hour - pd.Timedelta(hours=1)]
    assert loaded.notes[1] == (
        "netherlands has no price of 2023-12-30 23:00, 2024-12-30 23:00: 2 hours repeat the one before; "
        "what is earned in them no one could have earned"
    )
    assert load_series(dataclasses.replace(DUTCH, last="2023-12-30"), NoWeather()).notes[1:] == ()
    with pytest.raises(RequestError, match=r"NL has 1029 negative prices.*env=battery model=day_lstm trainer=days"):
        load_series(dataclasses.replace(DUTCH, target="log_return"), NoWeather())


def test_the_dutch_clock_is_utc():
    """By the clock of Amsterdam the morning's dearest hour is the same in summer and in winter."""
    series = load_series(DUTCH, NoWeather()).series
    local = series.index.tz_convert("Europe/Amsterdam")
    summer = np.array([moment.dst() != pd.Timedelta(0) for moment in local])
    mornings = np.asarray((local.hour >= 5) & (local.hour < 12))
    for season in (summer, ~summer):
        part = mornings & season
        assert pd.Series(series.close[part, 0]).groupby(local.hour[part]).mean().idxmax() == 8


def test_the_plant_s_clock_is_utc():
    """As UTC the Gulf coast is coldest at dawn and warmest in the afternoon; read as Central time it would not be."""
    config = SampleConfig(name="houston", instruments=("HB_HOUSTON",), price_floor=0.01)
    series = load_series(config, SampleWeather(name="gulf_plant", columns=("temp_f",))).series
    mean = series.exogenous["temp_f"].groupby(series.index.hour).mean()
    assert mean.idxmin() in (11, 12, 13)
    assert mean.idxmax() in (19, 20, 21, 22)


def test_weather_of_a_day_is_never_beside_that_day_s_gas_price():
    config = SampleConfig(name="henry_hub", instruments=("HENRY_HUB",))
    series = load_series(config, SampleWeather(name="chicago", columns=("temp",))).series
    raw = pd.read_csv(resource_dir("data") / "chicago_weather_daily.csv.gz", index_col=0, parse_dates=True)["temp"]
    yesterday = raw.reindex(series.index.tz_localize(None) - pd.Timedelta(days=1)).to_numpy()
    np.testing.assert_array_equal(series.exogenous["temp"].to_numpy(), yesterday)

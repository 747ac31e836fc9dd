"""Columns that are known before their bars, and values that are missing: declared, read as declared, or refused."""

import json

import numpy as np
import pandas as pd
import pytest

from tradewinds.core.errors import RequestError
from tradewinds.data import load_series
from tradewinds.data.config import FileConfig, FileWeather, NoWeather
from tradewinds.data.rules import DataConfig
from tradewinds.request.schema import request_from

HOURS = 400


@pytest.fixture
def files(tmp_path):
    """Hourly prices that end a day before the load that is announced beside them, and hourly wind."""

    def write(*, load=None, wind=None):
        rng = np.random.default_rng(0)
        stamps = pd.date_range("2024-03-01", periods=HOURS, freq="h", tz="UTC", name="time")
        prices = np.exp(rng.normal(3.0, 0.1, HOURS)).round(3)
        prices[-24:] = np.nan
        loads = np.arange(float(HOURS)) if load is None else load
        pd.DataFrame({"close": prices, "load": loads}, index=stamps).to_csv(tmp_path / "price.csv")
        wind = np.arange(float(HOURS)) / 10.0 if wind is None else wind
        pd.DataFrame({"wind": wind, "gust": np.ones(HOURS)}, index=stamps).to_csv(tmp_path / "wind.csv")
        return str(tmp_path / "price.csv"), str(tmp_path / "wind.csv")

    return write


def load_bars(path, *, weather=None, repair=(), **options):
    options = {"known_ahead": {"load": 24.0}, **options}
    config = FileConfig(kind="csv", path=path, **options)
    return load_series(config, weather or NoWeather(), DataConfig(repair=repair, accept_jumps=True))


def test_an_announced_column_stands_beside_its_bars_and_reaches_beyond_the_last_price(files):
    series = load_bars(files()[0]).series
    assert len(series.index) == HOURS - 24
    assert series.exogenous["load"].tolist() == list(range(HOURS - 24))
    (ahead,) = series.future_covariates
    assert ahead.leads == {"load": pd.Timedelta(hours=24)}
    assert ahead.table["load"].tolist() == list(range(HOURS))
    assert series.lags == {"load": pd.Timedelta(hours=-23)}
    assert series.missing == ()


def test_without_the_declaration_a_row_without_a_price_is_a_fault_as_before(files):
    with pytest.raises(RequestError, match="row 378, column close: '' is a missing value"):
        load_bars(files()[0], known_ahead={})


def test_a_cut_series_knows_what_was_announced_at_its_last_bar(files):
    series = load_bars(files()[0], last="2024-03-05").series
    assert series.index[-1] == pd.Timestamp("2024-03-05T23:00Z")
    assert series.future_covariates[0].table.index[-1] == pd.Timestamp("2024-03-06T23:00Z")


def test_a_hole_in_an_announced_column_is_refused_or_told(files):
    load = np.arange(float(HOURS))
    load[7] = np.nan
    load[-1] = np.nan  # of a bar to come: not announced yet, and no fault
    path = files(load=load)[0]
    with pytest.raises(RequestError, match=r"row 9, column load: no value of a bar that has come; fill it, or have"):
        load_bars(path)
    series = load_bars(path, repair=("missing",)).series
    assert series.missing == ("load",)
    assert np.flatnonzero(series.exogenous["load"].isna()).tolist() == [7]


def test_a_forecast_among_the_weather_is_read_at_its_own_bar_and_known_ahead(files):
    price, wind = files()
    weather = FileWeather(kind="csv", path=wind, columns=("wind", "gust"), lag_hours=3.0, known_ahead={"wind": 12.0})
    series = load_bars(price, weather=weather).series
    rows = np.round((series.index - pd.Timestamp("2024-03-01", tz="UTC")) / pd.Timedelta(hours=1)).astype(int)
    np.testing.assert_allclose(series.exogenous["wind"], rows / 10.0)
    assert [part.names for part in series.future_covariates] == [("load",), ("wind",)]
    assert series.future_covariates[1].leads == {"wind": pd.Timedelta(hours=12)}
    assert list(series.exogenous.columns) == ["load", "wind", "gust"]
    assert series.lags["wind"] == pd.Timedelta(hours=-11)
    assert series.lags["gust"] == pd.Timedelta(hours=3)


def test_weather_that_fails_is_carried_for_a_while_and_then_missing_whatever_it_was(files):
    wind = np.arange(float(HOURS)) / 10.0
    wind[100:200] = np.nan
    price, path = files(wind=wind)
    weather = FileWeather(kind="csv", path=path, columns=("wind",), lag_hours=1.0)
    with pytest.raises(RequestError, match=r"has no value for 100 hours after .* data.repair=\[missing\]"):
        load_bars(price, weather=weather)
    loaded = load_bars(price, weather=weather, repair=("missing",))
    column = loaded.series.exogenous["wind"]
    assert loaded.series.missing == ("load", "wind")
    assert np.flatnonzero(column.isna()).tolist() == list(range(172, 200))
    assert (column.iloc[99:172] == 9.9).all()
    assert any("the value before is carried for 72 hours, and then missing" in note for note in loaded.notes)
    wind[99] = 3.0
    other = load_bars(files(wind=wind)[0], weather=weather, repair=("missing",)).series.exogenous["wind"]
    pd.testing.assert_series_equal(other.iloc[172:], column.iloc[172:])


def test_weather_that_begins_late_or_ends_early_no_longer_cuts_the_series_if_missing_values_are_told(files):
    wind = np.ones(HOURS)
    wind[:30], wind[250:] = np.nan, np.nan
    price, path = files(wind=wind)
    weather = FileWeather(kind="csv", path=path, columns=("wind",), lag_hours=1.0)
    assert len(load_bars(price, weather=weather).series.index) == 220
    series = load_bars(price, weather=weather, repair=("missing",)).series
    assert len(series.index) == HOURS - 24
    told = np.flatnonzero(series.exogenous["wind"].isna())
    assert told.tolist() == [*range(30), *range(250 + 72, HOURS - 24)]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"known_ahead": {"laod": 24.0}}, r"has no column 'laod'; did you mean 'load'\?"),
        ({"known_ahead": {"load": 0.5}}, "series.known_ahead.load must be at least 1 hours, the length of an interval"),
    ],
)
def test_a_declaration_that_the_file_does_not_bear_out_is_refused(files, options, message):
    with pytest.raises(RequestError, match=message):
        load_bars(files()[0], **options)


def test_a_forecast_that_does_not_reach_the_next_bar_is_refused(files):
    price, wind = files()
    weather = FileWeather(kind="csv", path=wind, columns=("wind",), lag_hours=1.0, known_ahead={"wind": 2.0})
    daily = pd.read_csv(price, index_col=0).iloc[::24, :1].dropna()
    daily.to_csv(price)
    with pytest.raises(RequestError, match=r"weather.known_ahead.wind must be at least 24 hours, the length of a bar"):
        load_bars(price, weather=weather, known_ahead={})


def test_a_column_of_both_the_series_and_the_weather_is_refused(files):
    price, _ = files()
    weather = FileWeather(kind="csv", path=price, columns=("load",), lag_hours=1.0)
    with pytest.raises(RequestError, match="load stands in the series and in the weather; rename one of them"):
        load_bars(price, weather=weather)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (lambda: FileConfig(kind="csv", path="x", known_ahead={"load": 0.0}), r"hours in \(0, 8784\] .*, had load: 0"),
        (lambda: FileConfig(kind="csv", path="x", known_ahead={"a": 1e9}), "had a: 1e[+]09"),
        (
            lambda: FileConfig(kind="csv", path="x", known_ahead={"Close": 24.0}),
            "bar itself brings, did: Close; a price",
        ),
        (lambda: FileConfig(kind="csv", path="x", close="p", known_ahead={"p": 24.0}), "bar itself brings, did: p"),
        (
            lambda: FileWeather(kind="csv", path="x", columns=("a",), lag_hours=1.0, known_ahead={"b": 1.0}),
            "known_ahead must name columns of a, named b",
        ),
        (
            lambda: FileConfig(kind="csv", path={"a": "x", "b": "y"}, known_ahead={"load": 24.0}),
            "known_ahead is read from one file; with a file an instrument, bring what is announced to all of them",
        ),
        (lambda: DataConfig(repair=("gaps", "missing")), "repair must not name both gaps, which carries a value on"),
    ],
)
def test_declarations_out_of_range_are_refused(config, message):
    with pytest.raises(ValueError, match=message):
        config()


def test_from_the_command_line_a_decoder_is_told_what_is_announced(files, tradewinds):
    price, _ = files()
    words = (
        "series=csv",
        f"series.path={price}",
        "series.known_ahead.load=24",
        "data.accept_jumps=true",
        "model=seq2seq",
    )
    sizes = ("model.context_length=8", "model.horizon=6", "model.hidden_size=4", "trainer.epochs=1")
    answer = tradewinds("train-forecaster", *words, *sizes, "--json")
    assert answer.status == 0, answer.err
    folder = json.loads(answer.out.splitlines()[-1])["forecaster"]
    with open(f"{folder}/forecaster.json", encoding="utf-8") as file:
        assert json.load(file)["reader"]["names"][-3:] == ["load", "load_change", "load_missing"]
    with open(f"{folder}/manifest.json", encoding="utf-8") as file:
        config = json.load(file)["config"]
    assert config["series"]["known_ahead"] == {"load": 24.0}
    assert request_from(config).series.known_ahead == {"load": 24.0}
    assert tradewinds("encode", *words, *sizes).status == 0
    refused = tradewinds("train-forecaster", *words[:2], "series.known_ahead=24")
    assert refused.status == 2
    assert "series.known_ahead must be a mapping such as {a: 1}, was 24" in refused.err
    refused = tradewinds("train-forecaster", *words[:2], "series.known_ahead.load=soon")
    assert "series.known_ahead must be a mapping whose every element is a number" in refused.err

"""A universe is the same from whichever files it is read, and every history begins and ends where it does."""

import dataclasses
import gzip
import json
import zipfile

import numpy as np
import pandas as pd
import pytest
from universes import DAYS, NAMES, PRICES, folder, load, panel, stacked, wide, written

from tradewinds.core.errors import RequestError
from tradewinds.data.config import FileConfig
from tradewinds.data.inspection import inspect, lines
from tradewinds.data.rules import DataConfig


@pytest.fixture
def ragged():
    return panel(ragged=True)


def test_long_stacked_and_a_file_each_are_one_series_to_the_bit(tmp_path, ragged):
    expected = load(written(tmp_path / "long.csv", ragged)).series
    shuffled = ragged.sample(frac=1.0, random_state=1)
    ragged.to_parquet(tmp_path / "long.parquet")
    stacked(ragged).to_csv(tmp_path / "stacked.csv")
    stacked(ragged).to_parquet(tmp_path / "stacked.parquet")
    (tmp_path / "long.csv.gz").write_bytes(gzip.compress((tmp_path / "long.csv").read_bytes()))
    years = tmp_path / "parts"
    years.mkdir()
    written(years / "1.csv", ragged[ragged.date < "2020-03-15"])
    written(years / "2.csv", ragged[ragged.date >= "2020-03-15"])
    paths = [
        written(tmp_path / "shuffled.csv", shuffled),
        written(tmp_path / "newest_first.csv", ragged[::-1]),
        tmp_path / "long.parquet",
        tmp_path / "stacked.csv",
        tmp_path / "stacked.parquet",
        tmp_path / "long.csv.gz",
        folder(tmp_path / "prices", ragged),
        folder(tmp_path / "named", ragged, named=True),
        f"{tmp_path}/prices/*.csv",
        years,
    ]
    assert [load(path).series.sha256() for path in paths] == [expected.sha256()] * len(paths)
    assert expected.instruments == NAMES


def test_a_wide_file_of_closes_is_the_long_one_without_the_other_prices(tmp_path, ragged):
    closes = ragged[["date", "symbol", "close"]]
    expected = load(written(tmp_path / "long.csv", closes)).series
    table = wide(ragged)
    table.to_parquet(tmp_path / "wide.parquet")
    for path in (written(tmp_path / "wide.csv", table), tmp_path / "wide.parquet"):
        assert load(path).series.sha256() == expected.sha256()
    assert expected.single_price
    semicolons = table.to_csv(sep=";", decimal=",", index=False)
    (tmp_path / "german.csv").write_text(semicolons)
    assert load(tmp_path / "german.csv").series.sha256() == expected.sha256()


def test_tickers_that_are_names_of_prices_are_tickers_in_a_wide_file(tmp_path):
    table = wide(panel()).rename(columns=dict(zip(NAMES, ("C", "V", "LOW", "AAPL"), strict=True)))
    assert load(written(tmp_path / "wide.csv", table)).series.instruments == ("AAPL", "C", "LOW", "V")
    assert load(tmp_path / "wide.csv", symbols=["C", "V"]).series.instruments == ("C", "V")


def test_a_number_of_the_row_is_no_instrument(tmp_path):
    table = wide(panel())
    assert load(written(tmp_path / "reset.csv", table.reset_index())).series.instruments == NAMES
    table.to_csv(tmp_path / "numbered.csv")
    assert load(tmp_path / "numbered.csv").series.instruments == NAMES


@pytest.mark.parametrize("names", [("10001", "10002", "10003", "10004"), ("NA", "ON", "TRUE", "null")])
def test_symbols_are_texts_whatever_they_look_like(tmp_path, ragged, names):
    table = ragged.assign(symbol=ragged.symbol.map(dict(zip(NAMES, names, strict=True))))
    assert load(written(tmp_path / "long.csv", table)).series.instruments == names
    assert load(folder(tmp_path / "prices", table)).series.instruments == names


def test_what_pandas_writes_of_two_levels_of_rows_and_what_a_zip_holds_are_read(tmp_path, ragged):
    expected = load(written(tmp_path / "long.csv", ragged)).series.sha256()
    ragged.assign(date=pd.to_datetime(ragged.date)).set_index(["symbol", "date"]).to_parquet(tmp_path / "two.parquet")
    with zipfile.ZipFile(tmp_path / "prices.zip", "w") as archive:
        for name, rows in ragged.groupby("symbol"):
            archive.writestr(f"prices/{name}.csv", rows.drop(columns="symbol").to_csv(index=False))
    assert load(tmp_path / "two.parquet").series.sha256() == expected
    assert load(tmp_path / "prices.zip", symbols=None).series.sha256() == expected


def test_a_note_names_the_file_of_its_instrument(tmp_path, ragged):
    prices = folder(tmp_path / "prices", ragged)
    assert any(note.startswith(f"DDD: {prices}/DDD.csv: no bar between 2020-03-10") for note in load(prices).notes)


def test_a_folder_of_a_file_each_is_a_universe_without_being_asked(tmp_path, ragged):
    expected = load(written(tmp_path / "long.csv", ragged)).series.sha256()
    for path in (folder(tmp_path / "prices", ragged), folder(tmp_path / "named", ragged, named=True)):
        assert load(path, symbols=None).series.sha256() == expected
    assert load(f"{tmp_path}/prices/[AB]*.csv", symbols=None).series.instruments == ("AAA", "BBB")
    assert load(tmp_path / "prices", symbols=["DDD", "AAA"]).series.instruments == ("AAA", "DDD")


def test_a_folder_of_months_and_of_copies_is_none(tmp_path):
    one = panel().query("symbol == 'AAA'").drop(columns="symbol")
    months = tmp_path / "months"
    months.mkdir()
    written(months / "1.csv", one[:61])
    written(months / "2.csv", one[60:])
    rules = DataConfig(repair=("duplicates",))
    assert load(months, rules, symbols=None).series.instruments == ("months",)
    copies = tmp_path / "copies"
    copies.mkdir()
    written(copies / "a.csv", one)
    written(copies / "a (1).csv", one)
    assert load(copies, rules, symbols=None).series.instruments == ("copies",)


def test_the_clock_is_every_bar_that_any_has_and_where_one_has_none_nothing_trades(tmp_path, ragged):
    series = load(written(tmp_path / "long.csv", ragged)).series
    assert series.index.equals(pd.DatetimeIndex(DAYS, tz="UTC").as_unit("ns"))
    assert series.traded.sum(axis=0).tolist() == [120, 90, 80, 115]
    late, gone, halted = (series.instruments.index(name) for name in ("BBB", "CCC", "DDD"))
    assert not series.traded[:30, late].any()
    for name in PRICES:
        prices = getattr(series, name)
        assert (prices[:30, late] == 1.0).all()
        assert (prices[80:, gone] == series.close[79, gone]).all()
        assert (prices[50:55, halted] == series.close[49, halted]).all()
    assert (series.volume[~series.traded] == 0.0).all()
    assert (series.log_return()[~series.has_change] == 0.0).all()


def test_what_has_no_bar_for_long_at_the_end_is_delisted_on_the_bar_after_its_last(tmp_path, ragged):
    path = written(tmp_path / "long.csv", ragged)
    series = load(path).series
    assert np.argwhere(series.delisted).tolist() == [[80, 2]]
    assert load(path, delisted_after=40).series.delisted[80, 2]
    assert load(path, delisted_after=41).series.delisted is None  # it may come back
    assert load(written(tmp_path / "whole.csv", panel())).series.traded is None


def test_what_is_cut_off_by_the_span_is_not_gone(tmp_path, ragged):
    loaded = load(written(tmp_path / "long.csv", ragged), last=f"{DAYS[85]:%Y-%m-%d}")
    assert loaded.series.delisted is None
    assert loaded.universe.end_early == ("CCC",)


def test_a_common_clock_is_the_time_that_all_have(tmp_path, ragged):
    loaded = load(written(tmp_path / "long.csv", ragged), histories="common")
    assert loaded.series.traded is None
    assert (loaded.series.index[0], loaded.series.index[-1]) == (
        DAYS[30].tz_localize("UTC"),
        DAYS[79].tz_localize("UTC"),
    )
    assert loaded.universe.cut
    assert (loaded.universe.begin_late, loaded.universe.end_early) == (("BBB",), ("CCC",))


def test_a_file_an_instrument_named_one_by_one_keeps_the_common_clock_unless_the_histories_are_asked_whole(
    tmp_path, ragged
):
    prices = folder(tmp_path / "prices", ragged)
    paths = {name: str(prices / f"{name}.csv") for name in NAMES}
    common = load("", path=paths, symbols=None).series
    assert (len(common.index), common.traded) == (50, None)
    whole = load("", path=paths, symbols=None, histories="whole").series
    assert whole.sha256() == load(prices).series.sha256()


def test_a_name_that_follows_another_has_the_history_of_both(tmp_path):
    table = panel()
    table["symbol"] = np.where((table.symbol == "AAA") & (table.date < "2020-03-02"), "OLD", table.symbol)
    path = written(tmp_path / "long.csv", table)
    assert load(path).series.instruments == (*NAMES, "OLD")
    joined = load(path, renamed={"OLD": "AAA"})
    assert joined.series.sha256() == load(written(tmp_path / "plain.csv", panel())).series.sha256()
    assert joined.universe.renamed == {"OLD": "AAA"}
    further = load(path, renamed={"OLD": "AAA", "AAA": "NEW"}, symbols=["NEW", "BBB"]).series
    assert further.instruments == ("BBB", "NEW")
    assert further.traded is None


def test_a_split_makes_no_return_in_a_universe(tmp_path):
    table = panel()
    after = (table.symbol == "BBB") & (table.date >= "2020-03-02")
    for name in PRICES:
        table[name] = np.where(after, table[name] / 4.0, table[name])
    table["splits"] = np.where((table.symbol == "BBB") & (table.date == "2020-03-02"), 4.0, 0.0)
    series = load(written(tmp_path / "long.csv", table)).series
    np.testing.assert_allclose(
        series.adjusted().log_return(), load(written(tmp_path / "plain.csv", panel())).series.log_return(), atol=1e-12
    )


def test_relative_returns_are_less_the_mean_of_what_traded(tmp_path, ragged):
    series = load(written(tmp_path / "long.csv", ragged), target="relative_return").series
    changes = series.changes()
    assert changes[20, 1] == 0.0
    np.testing.assert_allclose(changes.sum(axis=1), 0.0, atol=1e-12)


def test_what_is_left_out_and_what_is_too_short_is_said(tmp_path, ragged):
    table = ragged[(ragged.symbol != "AAA") | (ragged.date < "2020-01-03")]
    loaded = load(written(tmp_path / "long.csv", table), leave_out=["DDD"])
    assert loaded.series.instruments == ("BBB", "CCC")
    assert (loaded.universe.left_out, loaded.universe.too_short) == (("DDD",), ("AAA",))
    assert "left out, series.leave_out: 1, DDD" in loaded.notes
    assert "left out, fewer than 3 bars: 1, AAA" in loaded.notes


def test_what_was_understood_is_told_in_a_few_lines_and_as_plain_data(tmp_path, ragged):
    loaded = load(written(tmp_path / "long.csv", ragged), price_unit="USD")
    told = [line for line in lines(loaded, DataConfig()) if line.startswith("universe: ")]
    assert told == [
        "universe: 4 instruments, one below another, 2020-01-01 to 2020-06-16, prices in USD: the longest history is "
        "AAA, 120 bars, 2020-01-01 to 2020-06-16, the shortest CCC, 80 bars, 2020-01-01 to 2020-04-21",
        "universe: survivorship: of 4, 1 ended early (CCC), 1 of them for good, by having no bar for 20 or more",
        "universe: later than the first began 1: BBB",
        "universe: holes within histories: 5, most of all 5 of DDD: nothing trades in them, and the close before "
        "is carried",
    ]
    facts = json.loads(json.dumps(inspect(loaded, DataConfig())))
    assert facts["universe"]["delisted"] == ["CCC"]
    assert facts["universe"]["holes"] == {"DDD": 5}
    assert facts["instruments"]["CCC"]["last"] == "2020-04-21 00:00:00"
    assert facts["instruments"]["BBB"]["bars"] == 90
    assert facts["bars"] == 120


def test_nobody_is_said_to_have_survived_where_all_did(tmp_path):
    loaded = load(written(tmp_path / "long.csv", panel()))
    (first, second) = (note for note in loaded.notes if getattr(note, "about", "") == "universe")
    assert first.endswith("each has 120 bars")
    assert second.startswith("survivorship: none of the 4 ends before the last bar")


def test_notes_that_many_have_in_common_are_said_once(tmp_path):
    table = panel()
    table["volume"] = 0
    loaded = load(written(tmp_path / "long.csv", table))
    assert [note for note in loaded.notes if "volume" in note] == [
        f"AAA: {tmp_path}/long.csv: the volume is 0 throughout (and so of 3 more instruments)"
    ]


def test_the_currency_of_a_column_is_that_of_the_prices(tmp_path):
    table = panel().assign(currency="USD")
    assert load(written(tmp_path / "long.csv", table)).series.price_unit == "USD"


def test_a_doubtful_end_of_an_instrument_that_has_ended_is_nobody_s_concern(tmp_path, ragged):
    from tradewinds.data.checks.excursions import doubt_last_bars

    series = load(written(tmp_path / "long.csv", ragged)).series
    assert doubt_last_bars(series, DataConfig()) is None
    close = series.close.copy()
    close[-1, 3] *= 1.5
    prices = dict.fromkeys(PRICES, close)
    doubt = doubt_last_bars(dataclasses.replace(series, **prices), DataConfig())
    assert doubt is not None
    assert doubt.startswith("DDD: the close ")


def test_settings_of_a_universe_are_refused_without_one(tmp_path):
    one = written(tmp_path / "one.csv", panel().query("symbol == 'AAA'"))
    for options in ({"leave_out": ["BBB"]}, {"renamed": {"A": "B"}}, {"membership": "member"}):
        with pytest.raises(RequestError, match=r"is for a universe; type series.symbols=all to read all of the file"):
            load(one, symbols=None, **options)
    with pytest.raises(RequestError, match=r"is a return less the mean of several instruments, and one is read"):
        load(one, symbols=None, target="relative_return")
    assert FileConfig(kind="csv", path="a.csv").symbols is None

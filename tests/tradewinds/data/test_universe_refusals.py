"""What cannot be read of a universe is refused with instrument, row and cure, and several at once."""

import numpy as np
import pandas as pd
import pytest
from universes import PRICES, folder, load, panel, wide, written

from tradewinds.core.errors import RequestError
from tradewinds.data.rules import DataConfig


def changed(row, column, value):
    table = panel()
    if isinstance(value, str):
        table = table.astype({column: object})
    table.loc[row, column] = value
    return table


def scaled(rows, factor):
    table = panel()
    table.loc[rows, PRICES] *= factor
    return table


def of_two_kinds():
    table = changed(130, "close", "abc")
    table.loc[250, "high"] = 1.0
    return table


def three_bad():
    table = panel()
    table.loc[[130, 250, 370], "close"] = -5.0
    return table


REFUSED = {
    "a copy of a row": (
        lambda: pd.concat([panel(), panel().iloc[[130]]]),
        r"row 482 of BBB, 2020-01-15 stands already in .*, row 132 of BBB, with the same values; .*\[duplicates\]",
    ),
    "a moment with two prices": (
        lambda: pd.concat([panel(), changed(130, "close", 48.0).iloc[[130]]]),
        r"row 482 of BBB, 2020-01-15 stands already in .* of BBB with another close, '52.09' and now '48.0'; keep one",
    ),
    "an empty price": (
        lambda: changed(130, "close", np.nan),
        r"^BBB: .*, row 132, column close: '' is a missing value; fill it, or drop .*; or leave it out with "
        r"'series.leave_out=\[BBB\]'",
    ),
    "a text for a price": (
        lambda: changed(130, "close", "abc"),
        r"^BBB: .*, row 132, column close: 'abc' is not a number",
    ),
    "a price with a unit": (
        lambda: changed(250, "high", "12 USD"),
        r"^CCC: .*, row 252, column high: '12 USD' is not a",
    ),
    "a mark for a missing value": (
        lambda: changed(130, "close", -999.0),
        r"^BBB: .*'-999.0' marks a missing value; .*data.missing_marks=\[-999\]",
    ),
    "a price of nothing": (
        lambda: changed(130, "close", 0.0),
        r"^BBB: .*, row 132, close 0 of 2020-01-15 must be positive",
    ),
    "three bad instruments": (
        three_bad,
        r"^3 of 4 instruments cannot be read with certainty: BBB: .*; CCC: .*; DDD: .*; or leave them out with "
        r"'series.leave_out=\[BBB,CCC,DDD\]'",
    ),
    "faults of two kinds": (
        of_two_kinds,
        r"^2 of 4 instruments .*: BBB: .*'abc' is not a number.*; CCC: .*high 1 of .* must not lie below",
    ),
    "a high below the close": (
        lambda: changed(130, "high", 1.0),
        r"^BBB: .*, row 132, high 1 of .* must not lie below",
    ),
    "a low above the open": (lambda: changed(130, "low", 99.0), r"^BBB: .*, row 132, low 99 of .* must not lie above"),
    "a bad print": (
        lambda: scaled([130], 10.0),
        r"^BBB: .*, row 132, close .* comes back: .*'data.accept_jumps=\[2020-01-15\]'.*'series.leave_out=\[BBB\]'",
    ),
    "an unrecorded split": (
        lambda: scaled(range(180, 240), 0.5),
        r"^BBB: .*, row 182, close .* as after a 2-for-1 split that is not recorded",
    ),
    "pence after pounds": (lambda: scaled(range(180, 240), 100.0), r"^BBB: .* as where pence follow pounds"),
    "a negative volume": (lambda: changed(130, "volume", -1), r"^BBB: .*, row 132, volume -1 .* must be at least 0"),
    "a row of nobody": (lambda: changed(130, "symbol", ""), r"row 132, column symbol is empty; name the instrument"),
    "a day that is none": (
        lambda: changed(130, "date", "2020-13-01"),
        r"row 132 of BBB, column date: '2020-13-01' is no moment of the calendar",
    ),
    "no day": (lambda: changed(130, "date", ""), r"row 132 of BBB, column date is empty; remove the row"),
    "a day unlike the others": (
        lambda: changed(130, "date", "15.01.2020"),
        r"row 132 of BBB, column date: '15.01.2020' is written unlike the rows before",
    ),
    "a day of the future": (
        lambda: changed(359, "date", "2099-01-01"),
        r"^CCC: .*, row 361, close .* of 2099-01-01 lies in the future",
    ),
    "several currencies": (
        lambda: panel().assign(currency=np.where(panel().symbol == "AAA", "EUR", "USD")),
        r"has prices in EUR, USD, and an account has one currency; .*series.price_unit",
    ),
    "no price": (lambda: panel()[["date", "symbol", "volume"]], r"has no column 'close' .*series.close=volume"),
    "one instrument without a name": (
        lambda: panel().query("symbol == 'AAA'").drop(columns="symbol"),
        r"holds one instrument: no column of symbols, .*; leave series.symbols out",
    ),
    "a split that the prices know already": (
        lambda: panel().assign(splits=np.where(panel().index == 130, 2.0, 0.0)),
        r"^BBB: .*, row 132, splits 2 of 2020-01-15 .* already divided by it",
    ),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_a_bad_row_is_refused_with_its_instrument(tmp_path, kind):
    table, message = REFUSED[kind]
    with pytest.raises(RequestError, match=message):
        load(written(tmp_path / "long.csv", table()))


ASKED = {
    "a symbol that is not there": (
        {"symbols": ["AAA", "BBX"]},
        r"series.symbols must name .* BBX is none of the 4; did you",
    ),
    "leaving out who is not there": ({"leave_out": ["ZZZ"]}, r"series.leave_out must name .* ZZZ is none of the 4"),
    "leaving out all": ({"leave_out": ["AAA", "BBB", "CCC", "DDD"]}, r"series.leave_out leaves no symbol of"),
    "renaming who is not there": ({"renamed": {"FB": "AAA"}}, r"series.renamed must name symbols of .* FB is none"),
    "one name for two at a time": (
        {"renamed": {"AAA": "BBB"}},
        r"series.renamed joins AAA and BBB, and both have a bar of 2020-01-01, in .*, row 2 of AAA and .*, row 122 of",
    ),
    "a circle of names": ({"renamed": {"AAA": "BBB", "BBB": "AAA"}}, r"series.renamed must not lead back to where it"),
    "one and several": ({"symbol": "AAA"}, r"symbol reads one instrument and symbols several, were AAA and all"),
    "columns of one": ({"columns": ["volume"]}, r"columns"),
    "what is announced of one": ({"known_ahead": {"load": 24}}, r"bring them to a universe with weather=csv"),
    "a span without bars": (
        {"first": "2030-01-01"},
        r"none of 4 instruments has 3 bars between series.first=2030-01-01",
    ),
    "relative to itself": (
        {"symbols": ["AAA"], "target": "relative_return"},
        r"target must not be relative_return, a return less the mean of several .*take series.target=log_return",
    ),
    "a closed day": (
        {"calendar": "XNYS"},
        r"^4 of 4 instruments cannot be read .*: AAA: .* is of a day when XNYS was closed.*; and 1 more: DDD$",
    ),
    "none": ({"symbols": []}, r"symbols must"),
}


@pytest.mark.parametrize("kind", ASKED)
def test_a_request_that_cannot_be_met_is_refused(tmp_path, kind):
    options, message = ASKED[kind]
    with pytest.raises(RequestError, match=message):
        load(written(tmp_path / "long.csv", panel()), **options)


def test_one_that_is_left_is_relative_to_nobody(tmp_path):
    path = written(tmp_path / "long.csv", panel())
    with pytest.raises(
        RequestError, match=r"is a return less the mean of several instruments, and DDD is the only one"
    ):
        load(path, leave_out=["AAA", "BBB", "CCC"], target="relative_return")
    assert load(path, symbols=["AAA"]).notes == ()


def test_a_file_of_several_names_how_to_read_one_and_how_all(tmp_path):
    long = written(tmp_path / "long.csv", panel())
    with pytest.raises(RequestError, match=r"type series.symbol=AAA to read one of them, or series.symbols=all for a"):
        load(long, symbols=None)
    with pytest.raises(RequestError, match=r"one of AAA, BBB, CCC, DDD; or, if each is an instrument, read all with s"):
        load(written(tmp_path / "wide.csv", wide(panel())), symbols=None)


def test_what_is_left_out_needs_not_be_right(tmp_path):
    for number, table in enumerate((scaled([130], 10.0), changed(130, "close", "abc"), changed(130, "date", ""))):
        path = written(tmp_path / f"{number}.csv", table)
        assert load(path, leave_out=["BBB"]).series.instruments == ("AAA", "CCC", "DDD")


def test_a_row_may_be_mended_as_of_one_instrument(tmp_path):
    copied = written(tmp_path / "copied.csv", pd.concat([panel(), panel().iloc[[130]]]))
    expected = load(written(tmp_path / "plain.csv", panel())).series.sha256()
    loaded = load(copied, DataConfig(repair=("duplicates",)))
    assert loaded.series.sha256() == expected
    assert any("1 rows that stood twice with the same values were dropped" in note for note in loaded.notes)
    holed = load(written(tmp_path / "holed.csv", changed(130, "close", np.nan)), DataConfig(repair=("drop",)))
    assert np.argwhere(~holed.series.traded).tolist() == [[10, 1]]


def test_a_file_with_other_columns_is_refused_by_name(tmp_path):
    prices = folder(tmp_path / "prices", panel())
    table = pd.read_csv(prices / "CCC.csv").drop(columns="volume")
    written(prices / "CCC.csv", table)
    with pytest.raises(RequestError, match=r"CCC.csv must have the columns of .*AAA.csv.*'series.leave_out=\[CCC\]'"):
        load(prices)
    assert load(prices, leave_out=["CCC"]).series.instruments == ("AAA", "BBB", "DDD")


def test_a_pattern_that_no_file_matches_is_refused(tmp_path):
    with pytest.raises(RequestError, match=r"no file is called as series.path says: .*\*.xyz; it is read from"):
        load(f"{tmp_path}/*.xyz")


def test_a_wide_cell_that_is_no_number_is_refused_by_its_column(tmp_path):
    table = wide(panel()).astype({"BBB": object})
    table.loc[5, "BBB"] = "x"
    with pytest.raises(RequestError, match=r"^BBB: .*, row 7, column close: 'x' is not a number"):
        load(written(tmp_path / "wide.csv", table))

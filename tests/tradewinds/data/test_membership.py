"""Membership is known at its date: before it an instrument is not there, and after it, it is paid out or waits."""

import numpy as np
import pandas as pd
import pytest
from universes import load, panel, written

from tradewinds.core.errors import RequestError

SPANS = """ticker,from,until
AAA,2020-01-01,2020-03-02
BBB,2020-02-03,
CCC,2020-01-01,2020-02-03
CCC,2020-03-02,
DDD,2020-01-01,
"""
STATES = """date,symbol,member
2020-01-01,AAA,1
2020-01-01,CCC,1
2020-01-01,DDD,1
2020-02-03,BBB,1
2020-02-03,CCC,0
2020-03-02,AAA,0
2020-03-02,CCC,1
"""
LISTS = """date,symbol
2020-01-01,AAA
2020-01-01,CCC
2020-01-01,DDD
2020-02-03,AAA
2020-02-03,BBB
2020-02-03,DDD
2020-03-02,BBB
2020-03-02,CCC
2020-03-02,DDD
"""


@pytest.fixture
def path(tmp_path):
    return written(tmp_path / "long.csv", panel())


def with_column():
    table = panel()
    out = (table.symbol == "AAA") & (table.date >= "2020-03-02") | (table.symbol == "BBB") & (table.date < "2020-02-03")
    out |= (table.symbol == "CCC") & (table.date >= "2020-02-03") & (table.date < "2020-03-02")
    return table.assign(member=(~out).astype(int))


def at(series, day):
    return series.index.get_loc(pd.Timestamp(day, tz="UTC"))


def test_a_column_spans_states_and_lists_tell_the_same_membership(tmp_path, path):
    expected = load(written(tmp_path / "column.csv", with_column()), membership="member").series
    for number, text in enumerate((SPANS, STATES, LISTS)):
        members = tmp_path / f"members{number}.csv"
        members.write_text(text)
        assert load(path, membership=str(members)).series.sha256() == expected.sha256()


def test_who_leaves_for_good_is_paid_out_and_who_comes_back_waits(tmp_path):
    loaded = load(written(tmp_path / "column.csv", with_column()), membership="member")
    series, whole = loaded.series, load(written(tmp_path / "plain.csv", panel())).series
    leaves, joins, returns = at(series, "2020-03-02"), at(series, "2020-02-03"), at(series, "2020-03-02")
    assert np.argwhere(series.delisted).tolist() == [[leaves, 0]]
    assert series.close[leaves, 0] == whole.close[leaves - 1, 0]
    assert series.traded[:, 1].tolist() == [False] * joins + [True] * (120 - joins)
    assert (series.close[:joins, 1] == 1.0).all()
    assert not series.traded[joins:returns, 2].any()
    assert series.traded[returns:, 2].all()
    assert loaded.universe.left == ("AAA",)


def test_who_leaves_on_the_last_days_is_paid_out_at_once(tmp_path):
    table = panel()
    table["member"] = ((table.symbol != "AAA") | (table.date < "2020-06-15")).astype(int)
    series = load(written(tmp_path / "column.csv", table), membership="member").series
    assert np.argwhere(series.delisted).tolist() == [[at(series, "2020-06-15"), 0]]


def test_a_later_membership_reaches_no_earlier_bar(tmp_path, path):
    (tmp_path / "now.csv").write_text(STATES)
    (tmp_path / "later.csv").write_text(STATES + "2020-04-01,BBB,0\n2020-05-01,AAA,1\n")
    now, later = (load(path, membership=str(tmp_path / name)).series for name in ("now.csv", "later.csv"))
    day = at(now, "2020-04-01")
    for name in ("open", "high", "low", "close", "traded"):
        np.testing.assert_array_equal(getattr(now, name)[:day], getattr(later, name)[:day])
    assert not later.traded[day:, 1].any()


def test_a_split_while_no_member_is_the_owner_s_all_the_same(tmp_path):
    table = with_column()
    split = (table.symbol == "CCC") & (table.date >= "2020-02-14")
    for name in ("open", "high", "low", "close"):
        table[name] = np.where(split, table[name] / 2.0, table[name])
    table["splits"] = np.where((table.symbol == "CCC") & (table.date == "2020-02-14"), 2.0, 0.0)
    series = load(written(tmp_path / "column.csv", table), membership="member").series
    plain = load(written(tmp_path / "plain.csv", with_column()), membership="member").series
    np.testing.assert_allclose(series.adjusted().log_return(), plain.log_return(), atol=1e-12)


def test_who_is_never_a_member_is_left_out_and_named(tmp_path, path):
    members = tmp_path / "members.csv"
    members.write_text("ticker,from,until\nAAA,2020-01-01,\nBBB,2020-01-01,\n")
    loaded = load(path, membership=str(members))
    assert loaded.series.instruments == ("AAA", "BBB")
    assert loaded.universe.never_members == ("CCC", "DDD")
    assert "left out, never members: 2, CCC, DDD" in loaded.notes


def test_a_member_under_an_earlier_name_is_one_under_the_later(tmp_path):
    table = panel()
    table["symbol"] = np.where((table.symbol == "AAA") & (table.date < "2020-03-02"), "OLD", table.symbol)
    members = tmp_path / "members.csv"
    members.write_text("ticker,from,until\nOLD,2020-01-01,2020-03-02\nAAA,2020-03-02,\nBBB,2020-01-01,\n")
    series = load(written(tmp_path / "long.csv", table), membership=str(members), renamed={"OLD": "AAA"}).series
    assert (series.instruments, series.traded) == (("AAA", "BBB"), None)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("date,symbol\n2020-01-01,ZZZ\n2020-01-02,ZZZ\n", "no member among the 4 instruments .*ZZZ as members; write"),
        ("date,symbol,member\n2020-01-01,AAA,perhaps\n", "'perhaps' says neither .*; write 1 or 0"),
        ("ticker,from,until\nAAA,2020-03-02,2020-01-01\n", "row 2, column until must lie after from; correct the row"),
        ("ticker,from,until\nAAA,,2020-01-01\n", "row 2, column from is empty; write since when"),
        (
            "date,weight\n2020-03-02,1\n2020-02-03,2\n",
            "needs a column of symbols and one of dates, or symbol, from and",
        ),
        ("date,symbol\n2020-13-01,AAA\n", "'2020-13-01' is no moment of the calendar"),
    ],
)
def test_a_membership_that_cannot_be_read_is_refused(tmp_path, path, text, message):
    members = tmp_path / "members.csv"
    members.write_text(text)
    with pytest.raises(RequestError, match=message):
        load(path, membership=str(members))


def test_a_membership_that_is_neither_a_column_nor_a_file_is_refused(path):
    with pytest.raises(RequestError, match=r"series.membership must name a column of .* or a file, was 'memb'"):
        load(path, membership="memb")


def test_a_column_that_says_neither_is_refused_with_row_and_instrument(tmp_path):
    table = with_column().astype({"member": object})
    table.loc[130, "member"] = "maybe"
    with pytest.raises(RequestError, match=r"row 132 of BBB, column member: 'maybe' says neither"):
        load(written(tmp_path / "column.csv", table), membership="member")

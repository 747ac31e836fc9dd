"""What is made with later knowledge, and what tells the time, is no feature, however it is spelt."""

import pytest

from layouts import DAILY, config_of, iso, load, table

HINDSIGHT = (
    "adjusted_close", "Adj. Close", "close_adj", "Adj Open", "adjusted_high", "split_factor", "ADJCLOSE",
    "Back-Adjusted Close", "backadj_close", "Close Adjusted", "adj. factor", "Split-Coefficient", "dividend factor",
    "cumulative_adjustment_factor", "Close_Split_Adjusted", "adjprc", "px_adj", "adj_vwap", "continuous_adjusted",
    "AdjCl", "adj%20close", "cum_split", "cumulative split", "split_adj", "accumulated factor", "ajexdi",
    "total return close", "TR_Close", "RevisedClose", "retroactive_close", "bereinigter Schluss", "Clôture ajustée",
    "Cierre ajustado", "qfq_close", "close_hfq",
)  # fmt: skip
CLOCKS = (
    "close_time",
    "Close Time",
    "unix",
    "timestamp_ms",
    "UnixTime",
    "end_time",
    "epoch",
    "kline_close_time",
)


@pytest.mark.parametrize("column", HINDSIGHT)
def test_what_is_made_with_later_knowledge_is_no_feature_however_it_is_spelt(column, tmp_path):
    path = tmp_path / "bars.csv"
    path.write_text(
        table(DAILY, f"date,close,{column},mood", lambda b: f"{iso(b)},{b.c},{b.c * (1 + b.n):.2f},{b.n % 7}")
    )
    assert tuple(load(path).series.exogenous.columns) == ("mood",)
    with pytest.raises(ValueError, match="must not name prices adjusted for later events"):
        config_of(path, [f'series.columns=["{column}"]'])


@pytest.mark.parametrize("column", CLOCKS)
def test_a_clock_is_no_feature_however_it_is_spelt(column, tmp_path):
    path = tmp_path / "bars.csv"
    path.write_text(table(DAILY, f"date,close,{column},mood", lambda b: f"{iso(b)},{b.c},{b.s * 1000},{b.n % 7}"))
    assert tuple(load(path).series.exogenous.columns) == ("mood",)
    with pytest.raises(ValueError, match="must not name clocks"):
        config_of(path, [f'series.columns=["{column}"]'])


def test_a_clock_is_known_by_what_it_tells_too(tmp_path):
    path = tmp_path / "bars.csv"
    path.write_text(
        table(DAILY, "date,close,last_seen,nr,mood", lambda b: f"{iso(b)},{b.c},{b.s + 60},{b.n},{b.n % 7}")
    )
    assert tuple(load(path).series.exogenous.columns) == ("mood",)


LATER = (
    "next_close",
    "future_return",
    "fwd_ret",
    "return_next",
    "close_t+1",
    "lead1",
    "target",
    "Label",
    "tomorrow's open",
)


@pytest.mark.parametrize("column", LATER)
def test_what_is_named_as_of_a_later_bar_is_a_feature_only_where_it_is_asked_for(column, tmp_path):
    path = tmp_path / "bars.csv"
    path.write_text(table(DAILY, f"date,close,{column},mood", lambda b: f"{iso(b)},{b.c},{b.n % 5},{b.n % 7}"))
    assert tuple(load(path).series.exogenous.columns) == ("mood",)


@pytest.mark.parametrize(
    "column", ["adjacent_load", "vix", "forward_curve", "lead_time", "unadjusted_flow", "next_holiday", "trend"]
)
def test_what_only_sounds_like_it_stays_a_feature(column, tmp_path):
    path = tmp_path / "bars.csv"
    path.write_text(table(DAILY, f"date,close,{column}", lambda b: f"{iso(b)},{b.c},{b.n % 7}"))
    assert tuple(load(path).series.exogenous.columns) == (column,)

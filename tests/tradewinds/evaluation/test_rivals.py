"""The strongest rival: named with its interval, picked afterwards and told so, and no weaker one in its place."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradewinds.evaluation.inference import mean_interval
from tradewinds.evaluation.rivals import lead_words, rival_block

DAYS = 300


def block_of(*, per=1.0, days=DAYS, **means):
    """An agent and rivals that earn so much a day on average, under noise of their own."""
    rng = np.random.default_rng(0)
    market = rng.normal(0.0, 5.0, days)
    table = pd.DataFrame({name: market + mean + rng.normal(0.0, 1.0, days) for name, mean in means.items()})
    rivals = [name for name in means if name != "agent"]
    return rival_block(table, rivals, per=per, unit="USD a day", draws=200, seed=1), table


@settings(max_examples=10)
@given(st.lists(st.floats(-3.0, 3.0), min_size=3, max_size=3))
def test_nobody_among_the_rivals_earned_more_than_the_strongest(means):
    block, table = block_of(agent=0.0, **dict(zip("abc", means, strict=True)))
    assert table[list("abc")].sum().idxmax() == block["strongest_rival"]
    assert block["lead_over_strongest"] == min(told["lead"] for told in block["leads"].values())
    lead = (table["agent"] - table[block["strongest_rival"]]).to_numpy()
    assert block["lead_over_strongest_ci95"] == mean_interval(lead, draws=200, seed=1)


def test_a_lead_over_a_weak_rule_is_not_told_where_a_stronger_one_stands_beside_it():
    block, _ = block_of(agent=0.0, yesterday=-2.0, plan_on_mean=0.02)
    words = lead_words(block, "6,569", "+,.2f")
    assert words.startswith(
        "The strongest of 2 rules that knew no more, plan on mean, made 6,569: the agent's lead over"
    )
    assert words.endswith("which may be luck.")
    assert block["leads"]["yesterday"]["ci95"][0] > 0.0


@pytest.mark.parametrize(
    ("means", "end"),
    [
        ({"agent": 1.0, "a": 0.0, "b": -1.0}, "more than luck."),
        ({"agent": 0.0, "a": 1.0, "b": -1.0}, "worse beyond luck, even as the best of 2: SPA p = 0."),
    ],
)
def test_more_than_luck_and_worse_beyond_luck_are_said_where_they_are_so(means, end):
    assert end in lead_words(block_of(**means)[0], "1", "+.2f") + "."


def test_a_rival_that_leads_as_the_best_of_many_by_luck_is_not_called_better():
    rng, called = np.random.default_rng(3), 0
    for _ in range(12):
        table = pd.DataFrame(rng.normal(0.0, 1.0, (60, 9)), columns=["agent", *map(str, range(8))])
        block = rival_block(table, list(table.columns[1:]), per=1.0, unit="", draws=60, seed=1)
        called += block["stronger_rival_p_value"] < 0.05
    assert called <= 2  # 1 in 20 by luck


def test_who_does_what_the_strongest_does_has_no_interval_and_a_reason():
    table = pd.DataFrame({"agent": np.zeros(50), "flat": np.zeros(50), "holder": np.full(50, -1.0)})
    block = rival_block(table, ["flat", "holder"], per=252.0, unit="USD a day", draws=100, seed=1)
    assert (block["strongest_rival"], block["lead_over_strongest"]) == ("flat", 0.0)
    assert block["lead_over_strongest_ci95"] is None
    assert "cannot be told from luck (both earned the same in every period)" in lead_words(block, "0", "+.1f")
    assert (
        "too few"
        in rival_block(table[:5], ["holder"], per=1.0, unit="", draws=100, seed=1)["leads"]["holder"]["ci95_reason"]
    )

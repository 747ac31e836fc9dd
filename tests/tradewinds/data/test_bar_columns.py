"""Further columns of a file of bars: which are read, which are not, and what is said of either; and who sees them."""

import numpy as np
import pandas as pd
import pytest

from forecaster.data.features import build_features
from forecaster.hidden_states import HiddenStates
from tradewinds.core.errors import RequestError
from tradewinds.core.resources import resource_dir
from tradewinds.request.compose import compose_requests
from tradewinds.request.schema import request_from
from tradewinds.tasks import job_of
from tradewinds.tasks.account.market import build_market

from story import FAST_CSV, CommandLine, write_bars

WORDS = ("series=csv", "series.path=mine.csv")


@pytest.fixture
def table(tmp_path, monkeypatch):
    """300 bars, five further columns and one with hindsight that another tool wrote."""
    monkeypatch.chdir(tmp_path)
    write_bars(tmp_path / "mine.csv", 300)
    table = pd.read_csv(tmp_path / "mine.csv")
    rng = np.random.default_rng(0)
    table["signal"], table["mood"] = rng.normal(size=300), rng.integers(0, 5, 300)
    table["rating"], table["always"] = "good", 3.0
    table["holed"] = np.where(np.arange(300) == 7, np.nan, table.signal)
    table["Adj Close"] = table.close * 2.0
    return table


def prepared(table, *words):
    table.to_csv("mine.csv", index=False)
    (plain,) = compose_requests([*WORDS, *words], [resource_dir("conf")], multirun=False)
    return job_of(request_from(plain), whole=True)


def test_columns_of_numbers_are_read_and_the_others_named(table):
    found = prepared(table)
    assert list(found.series.exogenous.columns) == ["signal", "mood"]
    np.testing.assert_array_equal(found.series.exogenous["signal"], table.signal)
    said = " ".join(found.parts.series.notes)
    assert "mine.csv: reads signal, mood (as known at the close of their bar; series.columns says which)" in said
    assert "mine.csv: leaves out rating, always, holed (no numbers, holes, or never another value" in said


def test_only_what_is_named_is_read(table):
    assert list(prepared(table, "series.columns=[mood]").series.exogenous.columns) == ["mood"]
    assert prepared(table, "series.columns=[]").series.exogenous.shape[1] == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["series.columns=[moood]"], "mine.csv"),
        (["series.columns=[rating]"], "column rating: 'good' is not a number"),
        (["series.columns=[holed]"], "row 9, column holed: no value of a bar that has come; fill it"),
        (["series.columns=[close]"], "columns must name further columns, named what a bar itself brings"),
        (["series.columns=[mood,mood]"], "series.columns must be a list that names each once, was ['mood', 'mood']"),
    ],
)
def test_what_cannot_be_read_is_refused(table, words, message):
    with pytest.raises((RequestError, ValueError)) as caught:
        prepared(table, *words)
    assert message in str(caught.value)


def test_a_hole_is_told_to_the_network_where_that_is_asked_for(table):
    found = prepared(table, "series.columns=[holed]", "data.repair=[missing]")
    assert found.series.missing == ("holed",)
    assert np.isnan(found.series.exogenous["holed"].iloc[7])


def test_a_column_that_knows_the_next_bar_is_suspected(table):
    table["tomorrow"] = np.append(np.diff(np.log(table.close)), 0.0)
    said = " ".join(prepared(table).parts.series.notes)
    assert "column tomorrow correlates by 1.00 with the return of the bar after it" in said
    assert "column signal" not in said


def test_the_agent_sees_what_it_is_shown(table):
    shown = {}
    for observe in ("[hidden_state,forecast]", "[forecast]", "[forecast,features]"):
        found = prepared(table, f"rollout.observe={observe}", "model.context_length=5", "model.horizon=2")
        rng, num_bars = np.random.default_rng(1), len(found.series.index)
        states = HiddenStates(
            index=found.series.index,
            hidden_state=rng.normal(size=(num_bars, 3)).astype(np.float32),
            forecast=rng.normal(size=(num_bars, 2)).astype(np.float32),
            fit_end=np.zeros(num_bars, dtype=np.int64),
            first_row=0,
        )
        rows = found.split.agent
        shown[observe] = build_market(found, states, rows).features
    read = build_features(found.series, found.config.features)
    part = slice(rows.start, rows.stop)
    np.testing.assert_array_equal(shown["[hidden_state,forecast]"][:, 3:], shown["[forecast]"])
    np.testing.assert_array_equal(shown["[forecast,features]"][:, :2], shown["[forecast]"])
    np.testing.assert_array_equal(
        shown["[forecast,features]"][:, 2:], read.values[part, : read.plain].astype(np.float32)
    )
    assert "signal" in read.names


def test_to_see_nothing_is_refused(table, capsys):
    table.to_csv("mine.csv", index=False)
    answer = CommandLine(capsys)("run", *WORDS, "rollout.observe=[]")
    assert answer.status == 2
    assert "rollout.observe must be a list of at least 1 of hidden_state, forecast" in answer.err


def test_an_algorithm_of_stable_baselines3_goes_the_whole_way(table, capsys):
    """Trained, backtested, judged again from its files with the same numbers; and a misspelled one is refused."""
    pytest.importorskip("stable_baselines3")
    table.to_csv("mine.csv", index=False)
    typed = CommandLine(capsys)
    small = (*(word for word in FAST_CSV if not word.startswith(("agent", "model"))), "model.context_length=5")
    agent = ("agent=sb3", "agent.algorithm=A2C", "agent.steps=800", "agent.validate_every=400")
    answer = typed("run", *WORDS, *small, *agent)
    assert answer.status == 0, answer.err
    again = typed("backtest", *WORDS, *small, *agent)
    assert again.status == 0, again.err
    row = next(line for line in answer.out.splitlines() if line.strip().startswith("agent "))
    assert row in again.out.splitlines()
    answer = typed("run", *WORDS, *small, "agent=sb3", "agent.algorithm=A3C")
    assert answer.status == 2
    assert "algorithm must be one of A2C, " in answer.err

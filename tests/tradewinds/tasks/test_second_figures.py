"""What a report tells of a strategy is what its equity, its trades and its name say; else it is a leak."""

import dataclasses

import pytest

from tradewinds.core.console import Silent
from tradewinds.data.assemble.loaded import LoadedSeries, Parts
from tradewinds.pipeline import steps

from markets import noise_series
from planting import prepared_of, request


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    prepared = prepared_of(request(), Parts(LoadedSeries(noise_series(220, seed=3))))
    models = steps.fit(prepared, tmp_path_factory.mktemp("run"), Silent())
    decisions = prepared.task.decide(prepared, models, prepared.split.test)
    return prepared, prepared.task.outcome(prepared, decisions)


def audit(prepared, outcome, *, figures=None, **record):
    metrics = {name: {**row, **((figures or {}).get(name, {}))} for name, row in outcome.metrics.items()}
    return prepared.task.audit(
        prepared, dataclasses.replace(outcome, metrics=metrics, record=dataclasses.replace(outcome.record, **record))
    )


def test_a_report_as_it_is_holds(judged):
    assert audit(*judged) is None


@pytest.mark.parametrize(
    ("figure", "value"),
    [("total_return", 1.0), ("sharpe_annual_ddof1_arithmetic", 9.0), ("max_drawdown_from_start_capital", 0.9)],
)
def test_a_figure_that_its_equity_does_not_say_is_found(judged, figure, value):
    stage, _, what = audit(*judged, figures={"buy_and_hold": {figure: value}})
    assert stage == "equity"
    assert what.startswith(f"buy_and_hold is told to have {figure} {value}, and has ")


def test_trades_that_do_not_sum_to_the_change_of_equity_are_found(judged):
    prepared, outcome = judged
    trade = dataclasses.replace(outcome.record.trades[0], profit=0.5) if outcome.record.trades else None
    if trade is None:
        pytest.skip("the agent did not trade")
    _, _, what = audit(prepared, outcome, trades=[trade, *outcome.record.trades[1:]])
    assert what.startswith("the agent's trades and payments sum to ")

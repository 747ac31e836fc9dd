"""What a report tells of a strategy is what its equity, its trades and its name say; else it is a leak."""

import dataclasses

import pytest

from tradewinds.core.console import Silent
from tradewinds.data.assemble.loaded import LoadedSeries, Parts
from tradewinds.pipeline import steps
from tradewinds.tasks.account.second_account import second_figures
from trading_env.ledger.trades import Trade

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
    made_up = Trade(asset=0, entry_row=1, exit_row=2, direction=1, profit=0.5, open=False)
    _, _, what = audit(prepared, outcome, trades=[*outcome.record.trades, made_up])
    assert what.startswith("the agent's trades and payments sum to ")


def test_a_rival_that_is_not_what_its_name_says_is_found(judged):
    prepared, outcome = judged
    targets = outcome.record.targets.copy()
    targets[:, outcome.record.strategies.index("buy_and_hold"), 0] = 0.3
    answer = second_figures(
        prepared, dataclasses.replace(outcome, record=dataclasses.replace(outcome.record, targets=targets))
    )
    assert answer[0] == "actions"
    assert answer[2] == "buy_and_hold does not hold 1 of its equity throughout"

"""`tradewinds run`: the straight path from a series to a report, in one command."""

import time
from dataclasses import dataclass
from typing import Any

from forecaster.hidden_states import HiddenStates
from tradewinds.commands.backtest import judge
from tradewinds.commands.encode import encode_states
from tradewinds.commands.train_agent import train_agent
from tradewinds.commands.train_forecaster import train_forecaster
from tradewinds.core.console import Console
from tradewinds.pipeline.artifact import Artifact, new_run_id
from tradewinds.pipeline.prepare import Prepared, prepare
from tradewinds.request.schema import Config
from tradewinds.tasks.forecast_only import judge_forecast
from trading_agent import Policy


@dataclass(frozen=True, eq=False)
class Walked:
    """What the path leaves: the states, the policy trained on them, its artifact, and what was reported."""

    states: HiddenStates
    policy: Policy
    agent: Artifact
    outcome: dict[str, Any]


def main(config: Config, console: Console) -> dict[str, Any]:
    """Train a forecaster, then an agent, then judge both on bars neither has seen; differences are only forecast."""
    prepared = prepare(config)
    index, series = prepared.series.index, prepared.series
    console.note(f"{series.name}: {len(index)} bars, {index[0]:%Y-%m-%d} to {index[-1]:%Y-%m-%d}; {prepared.age}")
    for note in prepared.notes:
        console.note(f"note: {note}")
    if not prepared.acts:
        return _forecast(prepared, console)
    return walk(prepared, console, command="run").outcome


def _forecast(prepared: Prepared, console: Console) -> dict[str, Any]:
    """Walk the path of a series that is not traded: it ends with the forecast."""
    run, started, series = prepared.runs / new_run_id(), time.perf_counter(), prepared.series
    panel, forecaster = train_forecaster(prepared, run, console)
    fitted = panel[series.instruments[0]]
    states, encoded = encode_states(prepared, series, fitted, forecaster, run / "hidden_states", console)
    parents = {"forecaster": forecaster, "hidden_states": encoded}
    return judge_forecast(
        prepared, fitted, states, parents=parents, run=run, command="run", console=console, started=started
    )


def walk(prepared: Prepared, console: Console, *, command: str) -> Walked:
    """Walk the whole path once, into a new run folder."""
    run, started = prepared.runs / new_run_id(), time.perf_counter()
    series = prepared.series
    panel, forecaster = train_forecaster(prepared, run, console)
    fitted = panel[series.instruments[0]]
    states, encoded = encode_states(prepared, series, fitted, forecaster, run / "hidden_states", console)
    parents = {"forecaster": forecaster, "hidden_states": encoded}
    trained, agent = train_agent(prepared, states, parents, run, console)
    outcome = judge(
        prepared,
        fitted,
        states,
        trained.policy,
        parents={"agent": agent, "forecaster": forecaster},
        run=run,
        command=command,
        console=console,
        started=started,
    )
    return Walked(states, trained.policy, agent, outcome)

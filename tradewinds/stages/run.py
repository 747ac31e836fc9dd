"""`tradewinds run`: the straight path from a series to a report, in one command."""

import time
from typing import Any

from tradewinds.artifact import new_run_id
from tradewinds.console import Console
from tradewinds.prepare import prepare
from tradewinds.schema import Config
from tradewinds.stages.backtest import judge
from tradewinds.stages.encode import encode_states
from tradewinds.stages.train_agent import train_agent
from tradewinds.stages.train_forecaster import train_forecaster


def main(config: Config, console: Console) -> dict[str, Any]:
    """Train a forecaster, then an agent, then judge both on bars neither has seen."""
    started = time.perf_counter()
    prepared = prepare(config)
    index, series = prepared.series.index, prepared.series
    console.note(f"{series.name}: {len(index)} bars, {index[0]:%Y-%m-%d} to {index[-1]:%Y-%m-%d}")
    for note in prepared.notes:
        console.note(f"note: {note}")
    run = prepared.runs / new_run_id()
    fitted, forecaster = train_forecaster(prepared, run, console)
    states, encoded = encode_states(prepared, fitted, forecaster, run, console)
    parents = {"forecaster": forecaster, "hidden_states": encoded}
    trained, agent = train_agent(prepared, states, parents, run, console)
    return judge(
        prepared,
        fitted,
        states,
        trained.policy,
        parents={"agent": agent, "forecaster": forecaster},
        run=run,
        command="run",
        console=console,
        started=started,
    )

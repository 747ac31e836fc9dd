"""`tradewinds report`: draw report.html again from a run's report.json and its backtest."""

from pathlib import Path
from typing import Any

from tradewinds.artifact import MANIFEST, read, sha256_of
from tradewinds.console import Console
from tradewinds.errors import GateError, RequestError
from tradewinds.report.page import write_page
from tradewinds.schema import Config
from tradewinds.stages.backtest import KIND
from tradewinds.stages.forecast import KIND as FORECAST

AGAIN = {KIND: "backtest", FORECAST: "run"}


def main(config: Config, console: Console) -> dict[str, Any]:
    """Render the report of the run that `inputs.run` names.

    Raises:
        RequestError: there is no such run.
        GateError: its report.json, or a file of its backtest, is not what the backtest wrote.
    """
    run = _newest(config) if config.inputs.run == "latest" else Path(config.inputs.run)
    if not (run / "report.json").is_file():
        raise RequestError(f"inputs.run must name the folder of a finished run, was '{run}' (no report.json there)")
    kind = KIND if (run / KIND).exists() else FORECAST
    facts = read(run / kind, kind).manifest["facts"]
    if sha256_of(run / "report.json") != facts.get("report_sha256"):
        raise GateError(f"{run / 'report.json'} differs from {kind}/{MANIFEST}; it was changed: {AGAIN[kind]} again")
    write_page(run, plot_points=config.backtest.plot_points)
    console.wrote(run / "report.html")
    return {"report": str(run / "report.html")}


def _newest(config: Config) -> Path:
    pattern = f"{config.run.name}/*/report.json" if config.run.name else "*/*/report.json"
    found = sorted((path.parent for path in Path(config.run.dir).glob(pattern)), key=lambda run: run.name)
    if not found:
        raise RequestError(f"no finished run under {config.run.dir} yet; type `tradewinds run` first")
    return found[-1]

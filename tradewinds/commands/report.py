"""`tradewinds report`: draw a run's report.html again, and its picture; or compare several runs on one page."""

from pathlib import Path
from typing import Any

from tradewinds.commands.backtest import KIND
from tradewinds.core.console import Console
from tradewinds.core.errors import GateError, RequestError
from tradewinds.core.files import sha256_of
from tradewinds.pipeline.artifact import MANIFEST, read
from tradewinds.report.index import write_comparison, write_index
from tradewinds.report.page import write_page
from tradewinds.report.png import write_picture
from tradewinds.request.schema import Config
from tradewinds.tasks.forecast_only import KIND as FORECAST
from tradewinds.walk_forward.joined import KIND as WALK

AGAIN = {KIND: "backtest", FORECAST: "run", WALK: "walk-forward"}


def main(config: Config, console: Console) -> dict[str, Any]:
    """Render the report of the run that `inputs.run` names, or a comparison of the runs it names.

    Raises:
        RequestError: there is no such run.
        GateError: a report.json, or a file of its backtest, is not what the backtest wrote.
    """
    named, points = config.inputs.run, config.backtest.plot_points
    names = (named,) if isinstance(named, str) else named
    runs = [_newest(config) if name == "latest" else Path(name) for name in names]
    for run in runs:
        _prove(run)
    if len(runs) > 1:
        page = write_comparison(runs, Path(config.run.dir) / "compare.html", plot_points=points)
        console.wrote(page)
        return {"comparison": str(page)}
    (run,) = runs
    write_page(run, plot_points=points)
    picture = write_picture(run, plot_points=points)
    for path in (run / "report.html", picture):
        if path is not None:
            console.wrote(path)
    if run.resolve().is_relative_to(Path(config.run.dir).resolve()):
        console.wrote(write_index(Path(config.run.dir)))
    return {"report": str(run / "report.html"), "picture": None if picture is None else str(picture)}


def _prove(run: Path) -> None:
    if not (run / "report.json").is_file():
        raise RequestError(f"inputs.run must name the folder of a finished run, was '{run}' (no report.json there)")
    kind = next((kind for kind in AGAIN if (run / kind).exists()), FORECAST)
    facts = read(run / kind, kind).manifest["facts"]
    if sha256_of(run / "report.json") != facts.get("report_sha256"):
        raise GateError(f"{run / 'report.json'} differs from {kind}/{MANIFEST}; it was changed: {AGAIN[kind]} again")


def _newest(config: Config) -> Path:
    pattern = f"{config.run.name}/*/report.json" if config.run.name else "*/*/report.json"
    found = sorted((path.parent for path in Path(config.run.dir).glob(pattern)), key=lambda run: run.name)
    if not found:
        raise RequestError(f"no finished run under {config.run.dir} yet; type `tradewinds run` first")
    return found[-1]

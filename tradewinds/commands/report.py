"""`tradewinds report`: draw a run's report.html again, and its picture; or compare several runs on one page."""

from pathlib import Path
from typing import Any

from tradewinds.core.console import Console
from tradewinds.core.errors import GateError, RequestError
from tradewinds.core.files import sha256_of
from tradewinds.pipeline.artifact import MANIFEST, read
from tradewinds.request.schema import Config

WALK = "walk_forward"  # kind and folder of a joined walk
AGAIN = {
    "backtest": "backtest",
    "forecast": "run",
    "classification": "classify",
    WALK: "walk-forward",
}  # artifacts of reports, and who writes them


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
    from tradewinds.judge import draw
    from tradewinds.report.index import write_comparison, write_index
    from tradewinds.walk_forward.joined import draw_again

    if len(runs) > 1:
        page = write_comparison(runs, Path(config.run.dir) / "compare.html", plot_points=points)
        console.wrote(page)
        return {"comparison": str(page)}
    (run,) = runs
    paths = draw_again(run, plot_points=points) if (run / WALK).exists() else draw(run, plot_points=points)
    for path in paths:
        console.wrote(path)
    if run.resolve().is_relative_to(Path(config.run.dir).resolve()):
        console.wrote(write_index(Path(config.run.dir)))
    return {"report": str(paths[0]), "picture": str(paths[1]) if len(paths) > 1 else None}


def _prove(run: Path) -> None:
    if not (run / "report.json").is_file():
        raise RequestError(f"inputs.run must name the folder of a finished run, was '{run}' (no report.json there)")
    kind = next((kind for kind in AGAIN if (run / kind).exists()), "forecast")
    facts = read(run / kind, kind).manifest["facts"]
    if sha256_of(run / "report.json") != facts.get("report_sha256"):
        raise GateError(f"{run / 'report.json'} differs from {kind}/{MANIFEST}; it was changed: {AGAIN[kind]} again")


def _newest(config: Config) -> Path:
    pattern = f"{config.run.name}/*/report.json" if config.run.name else "*/*/report.json"
    runs = sorted((path.parent for path in Path(config.run.dir).glob(pattern)), key=lambda run: run.name)
    if not runs:
        raise RequestError(f"no finished run under {config.run.dir} yet; type `tradewinds run` first")
    return runs[-1]

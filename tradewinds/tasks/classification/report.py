"""What a classification says in a report: scores beside the rivals', confusion, calibration, the hardest cases."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bokeh.models import NumeralTickFormatter

from forecaster.classification.cases import counted
from tradewinds.report import charts
from tradewinds.report.render import render, shown
from tradewinds.report.tables import read_table

COLUMNS = (
    ("accuracy", "accuracy", "percent"),
    ("balanced_accuracy", "balanced", "percent"),
    ("log_loss", "log loss", "number"),
    ("brier", "Brier", "number"),
    ("calibration_error", "calibration error", "number"),
)
MOST_TOLD = 5  # parts that a decision rests on, in a line
MOST_SHADED = 40  # classes of a confusion that a page draws


def lines(document: Mapping[str, Any]) -> Iterator[str]:
    """Yield a line a model, and one a class."""
    tests = document["honesty"]["mcnemar"]
    yield f"{document['data']['name']}: {counted(document['forecast'][_kind(document)]['cases'], 'case')} judged"
    yield f"  {'model':<16}" + "".join(f"{label:>20}" for _, label, _ in COLUMNS) + f"{'McNemar p':>12}"
    for name, scores in document["forecast"].items():
        cells = "".join(f"{shown(scores[key], form):>20}" for key, _, form in COLUMNS)
        p_value = f"{tests[name]['p_value']:.2g}" if name in tests else ""
        yield f"  {name:<16}{cells}{p_value:>12}"
    yield "classes:"
    yield f"  {'class':<20}{'cases':>7}{'precision':>11}{'95 % interval':>20}{'recall':>9}{'95 % interval':>20}"
    for row in document["classification"]["by_class"]:
        yield (
            f"  {row['class'][:19]:<20}{row['cases']:>7}{shown(row['precision'], 'percent'):>11}"
            f"{_interval(row['precision_ci95']):>20}"
            f"{shown(row['recall'], 'percent'):>9}{_interval(row['recall_ci95']):>20}"
        )
    rests = document["classification"]["rests_on"]
    told = ", ".join(f"{row['part']} {row['nats']:.2f}" for row in rests["parts"][:MOST_TOLD])
    asked = counted(rests["cases"], "case")
    yield f"rests on (nats that the class called loses without it, {asked}): {told or 'no part alone'}"
    yield f"verdict: {document['honesty']['verdict']}"


def page(document: Mapping[str, Any], folder: Path) -> str:
    """Draw report.html."""
    training = read_table(folder, "training")
    curve = charts.plain_figure("Loss and accuracy on the cases learned from, by epoch", height=260)
    for column, colour in (("loss", charts.PALETTE[3]), ("accuracy", charts.COLOURS["agent"])):
        curve.line(training["epoch"], training[column], color=colour, line_width=2, legend_label=column)
    curve.xaxis.axis_label = "epoch"
    charts.with_legend(curve)
    bins = document["classification"]["calibration"]
    figure = charts.plain_figure("How often it was right, by how sure it was", height=300)
    figure.line([0, 1], [0, 1], color=charts.COLOURS["flat"], line_dash="dashed", legend_label="as it should be")
    sure, right = [one["confidence"] for one in bins], [one["accuracy"] for one in bins]
    figure.segment(
        sure, [one["accuracy_ci95"][0] for one in bins], sure, [one["accuracy_ci95"][1] for one in bins],
        color=charts.COLOURS["agent"], line_width=1.5,
    )  # fmt: skip
    figure.scatter(sure, right, color=charts.COLOURS["agent"], size=8, legend_label="95 % interval")
    figure.xaxis.axis_label, figure.yaxis.axis_label = "largest chance", "share that was right"
    for axis in (figure.xaxis, figure.yaxis):
        axis.formatter = NumeralTickFormatter(format="0%")
    charts.with_legend(figure)
    counts = document["classification"]["confusion"]
    return render(
        "classes.html", {"curve": curve, "calibration": figure}, report=document, kind=_kind(document), columns=COLUMNS,
        shares=[[cell / max(sum(row), 1) for cell in row] for row in counts] if len(counts) <= MOST_SHADED else None,
        interval=_interval, cards=_cards(document), honesty=(), first=None, ranges=(),
    )  # fmt: skip


def _cards(document: Mapping[str, Any]) -> list[dict[str, str]]:
    ours, rest = document["forecast"][_kind(document)], dict(document["forecast"])
    rest.pop(_kind(document))
    return [
        {
            "label": label,
            "value": shown(ours[key], form),
            "beside": ", ".join(f"{name.replace('_', ' ')} {shown(one[key], form)}" for name, one in rest.items()),
        }
        for key, label, form in COLUMNS[:4]
    ]


def _kind(document: Mapping[str, Any]) -> str:
    return str(document["run"]["config"]["model"]["kind"])


def _interval(ends: list[float] | None) -> str:
    return "\u2013" if ends is None else f"{shown(ends[0], 'percent')} to {shown(ends[1], 'percent')}"

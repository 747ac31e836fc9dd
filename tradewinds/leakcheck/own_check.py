"""What every run asks of itself: the probes of the command that need no fitting, with the models of the run.

It is cheap, a second or so, and says by name what it left out. Must not know how anything is fitted, nor any task.
"""

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import pandas as pd

from tradewinds.leakcheck.again import decided_again
from tradewinds.leakcheck.audit import audit_of_run
from tradewinds.leakcheck.placebo import placebo_of_run
from tradewinds.leakcheck.stretch import aligned, first_row, parts_of, short_stretch
from tradewinds.leakcheck.trace import trace
from tradewinds.leakcheck.verdict import Question, Verdict
from tradewinds.leakcheck.walks import WorldWalk, account, rescore
from tradewinds.leakcheck.worlds import last_bars
from tradewinds.pipeline.records import Forecasts, Outcome
from tradewinds.pipeline.task import Models, Prepared

CUTS = 5  # bars at which the stretch is cut
BLIND = "in so few bars, or at such prices, not even a forecast that knows all shows"
UNPREPARED = "other worlds could not be prepared ({error})"


def check_run(
    prepared: Prepared,
    models: Models,
    outcome: Outcome | None = None,
    *,
    decisions: pd.DataFrame | None = None,
    forecasts: Forecasts | None = None,
    rows: range | None = None,
) -> Verdict:
    """Ask a finished run what is cheap to ask; stop at the first leak.

    Args:
        prepared: the request, its test rows open.
        models: its forecaster with the states of every bar, and its agent if there is one.
        outcome: of its test rows, for the second account.
        decisions: of its agent there, to be taken again.
        rows: that these were taken on; None for the test rows.
        forecasts: as they were scored, for the second scorer.
    """
    verdict = Verdict()
    taken, parts = prepared.split.test if rows is None else rows, {}
    if prepared.parts is None:
        verdict.unprobed.append("other worlds: nothing is known of how the series was joined")
    else:  # in the order in which they say best where a fault sits
        parts = {
            "when columns and labels were known": partial(_known, prepared, models),
            "a stretch of the last bars": partial(_stretch, prepared, models),
            "decisions": partial(_decisions, prepared, models, decisions, taken),
        }
    parts |= {"money": partial(_money, prepared, outcome), "scores": partial(_scores, prepared, models, forecasts)}
    if prepared.parts is not None:
        parts["worlds in which nothing can be known"] = partial(_placebo, prepared, models)
    for name, part in parts.items():
        try:
            for probe, question in part(verdict):
                verdict.count(probe)
                verdict.leak = question()
                if verdict.leak is not None:
                    return verdict
        except ValueError as error:  # a world that is refused
            verdict.unprobed.append(f"{name}: {UNPREPARED.format(error=error)}")
    return verdict


def _money(prepared: Prepared, outcome: Outcome | None, verdict: Verdict) -> Iterator[Question]:
    """Compare money with the second account."""
    if outcome is not None:
        yield "account", partial(account, prepared, outcome)


def _scores(prepared: Prepared, models: Models, forecasts: Forecasts | None, verdict: Verdict) -> Iterator[Question]:
    """Compare scores with the second scorer's."""
    if forecasts is not None:
        yield "rescore", partial(rescore, prepared, models, forecasts)


def _known(prepared: Prepared, models: Models, verdict: Verdict) -> Iterator[Question]:
    """Audit when what the forecaster reads and was taught was known."""
    yield "audit", partial(audit_of_run, prepared, models)


def _decisions(
    prepared: Prepared, models: Models, decisions: pd.DataFrame | None, rows: range, verdict: Verdict
) -> Iterator[Question]:
    """Take the decisions of the test rows again where later bars are others."""
    yield from decided_again(aligned(prepared), models, decisions, rows)


def _placebo(prepared: Prepared, models: Models, verdict: Verdict) -> Iterator[Question]:
    """Play the models where nothing can be known; the comparisons are worlds."""
    leak, worlds = placebo_of_run(prepared, models, prepared.split.test)
    if not worlds:
        verdict.unprobed.append(f"worlds in which nothing can be known: {BLIND}")
        return
    verdict.asked["placebo"] = worlds - 1  # the question is counted too
    yield "placebo", lambda: leak


def _stretch(prepared: Prepared, models: Models, verdict: Verdict) -> Iterator[Question]:
    """Walk the last bars through other worlds, every stage."""
    prepared = aligned(prepared)
    assert models.forecaster is not None
    task, first = prepared.task, first_row(prepared, models.forecaster)
    bars = max(first, prepared.split.embargo_bars) + 1 + task.warm_bars + task.stretch_bars
    short = short_stretch(prepared, last_bars(parts_of(prepared), bars), first)
    if short is None:
        verdict.unprobed.append(f"a stretch of the last bars: it needs {bars} bars")
        return
    rows = short.split.test
    true = trace(short, models, rows)
    if task.acts and "actions" not in true.tables:
        verdict.unprobed.append("actions: too few bars to act on")
    walk: Callable[[int], WorldWalk] = partial(WorldWalk, short, models, true, rows)
    cuts = [walk(row) for row in np.linspace(rows.start + 1, rows.stop - 2, CUTS).astype(int).tolist()]
    yield from (("frozen", cut.frozen) for cut in cuts)
    yield from (("stream", cut.stream) for cut in cuts[1:-1:2])

"""The five probes, and what they found. Each compares the true world with another in which only the future differs.

A frozen: everything after bar t is replaced; what was said up to t stays the same, to the bit.
E stream: the bars arrive one by one, as `signal` meets them; it says what the batch said.
C account: a second ledger, fed with the recorded actions and the series' own prices, ends with the same money.
D warm-up: somebody who starts k bars later agrees, once the features have warmed up.
B refit: everything after the training rows is replaced and the models are fitted again; they come out the same.
Before them the split is looked at, and the source is read again as if its later bars were not there (`reload`).
"""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

from tradewinds.leakcheck.refit import first_fit, refits
from tradewinds.leakcheck.stretch import aligned
from tradewinds.leakcheck.trace import trace
from tradewinds.leakcheck.verdict import Verdict, leak_at
from tradewinds.leakcheck.walks import walks
from tradewinds.pipeline.task import Prepared

Tell = Callable[[int, int], None]


def check_pipeline(
    prepared: Prepared, *, verdict: Verdict | None = None, tell: Tell = lambda done, total: None
) -> Verdict:
    """Fit the models of a short request and ask all probes, every bar; stop at the first leak.

    Args:
        prepared: a request whose series is short enough to be walked hundreds of times.
        verdict: what was found before, to be added to; None for a new one.
        tell: called with how many of the questions are answered.
    """
    verdict, prepared = Verdict() if verdict is None else verdict, aligned(prepared)
    if len(prepared.panel.index) > prepared.config.leakcheck.cuts:
        most = prepared.config.leakcheck.cuts
        verdict.notes.append(f"{len(prepared.panel.index)} bars, and leakcheck.cuts={most}: not every bar was a cut")
    _audit_split(prepared, verdict)
    if verdict.leak is not None:
        return verdict
    with TemporaryDirectory(prefix="tradewinds-leakcheck-") as folder:
        models = first_fit(prepared, Path(folder) / "first", verdict)
        if models is None:
            return verdict
        rows = range(prepared.split.agent.start, len(prepared.series.index))
        true = trace(prepared, models.models(prepared), rows)
        likely, every = walks(prepared, models, true, rows)
        questions = (*likely, *refits(prepared, models, Path(folder)), *every)
        for number, (probe, question) in enumerate(questions):
            verdict.count(probe)
            verdict.leak = question()
            tell(number + 1, len(questions))
            if verdict.leak is not None:
                return verdict
    if models.agent is None:
        verdict.notes.append("the series is forecast and nobody acts on it: there are no actions to probe")
    elif "actions" not in true.tables:
        verdict.notes.append("too few bars to act on: the actions were not probed")
    return verdict


def _audit_split(prepared: Prepared, verdict: Verdict) -> None:
    """Check that the parts follow one another, the embargo apart."""
    split, embargo = prepared.split, prepared.config.split.embargo_bars
    names = ("forecaster", "agent", "validation", "test")
    for before, after in pairwise(names):
        verdict.asked["split"] = verdict.asked.get("split", 0) + 1
        row = getattr(split, after).start
        if getattr(split, before).stop + embargo > row:
            what = f"the {before} rows reach to row {getattr(split, before).stop - 1}, the {after} rows begin at {row}"
            stage = "forecaster_fit" if before == "forecaster" else "agent_fit"
            verdict.leak = leak_at(prepared, "split", stage, row, f"{what}, and the embargo is {embargo} bars")
            return

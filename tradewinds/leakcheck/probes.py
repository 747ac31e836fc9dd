"""The probes, and what they found. Each compares the true world with another in which only the future differs.

A frozen: everything after bar t is replaced; what was said up to t stays the same, to the bit.
E stream: the bars arrive one by one, as `signal` meets them; it says what the batch said.
C account: a second ledger, fed with the recorded actions and the series' own prices, ends with the same money.
F rescore: a second scorer finds the same scores, and forecasters that know no later bar make the same forecasts.
D warm-up: somebody who starts k bars later agrees, once the features have warmed up.
B refit: everything after the training rows is replaced and the models are fitted again; they come out the same.
G placebo: all is fitted and judged in worlds in which nothing can be known; nothing was.
Before them the split is looked at, and the source is read again as if its later bars were not there (`reload`); and
every column says when it was known (`audit`).
"""

from collections.abc import Callable
from functools import partial
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

from tradewinds.leakcheck.audit import audit_known
from tradewinds.leakcheck.placebo import placebos
from tradewinds.leakcheck.refit import first_fit, refits
from tradewinds.leakcheck.stretch import aligned
from tradewinds.leakcheck.trace import Trace, trace
from tradewinds.leakcheck.verdict import Leak, Question, Verdict, leak_at
from tradewinds.leakcheck.walks import rescore, walks
from tradewinds.pipeline.task import Models, Prepared

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
        audit: Question = ("audit", partial(audited, prepared, verdict, true.models, rows))
        worlds = placebos(prepared, models.models(prepared), Path(folder), verdict.notes)
        scored = _rescoring(prepared, true, verdict)
        questions = (*likely, *refits(prepared, models, Path(folder)), *scored, audit, *every, *worlds)
        for number, (probe, question) in enumerate(questions):
            if probe != "audit":  # which counts its columns
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


def audited(
    prepared: Prepared, verdict: Verdict, models: Models | None = None, rows: range | None = None
) -> Leak | None:
    """Audit what was known when, and keep the table in the verdict; `leakcheck.audit=false` asks nothing.

    Args:
        prepared: the request.
        verdict: where the table, and what could not be audited, are written.
        models: with the states of its series, or None for inputs and labels alone.
        rows: the bars the agent is played on.
    """
    if not prepared.config.leakcheck.audit:
        return None
    try:
        audit = audit_known(prepared, models, rows)
    except ValueError as error:
        verdict.notes.append(f"nothing was audited: a world of stamps could not be prepared: {error}")
        return None
    verdict.columns, verdict.asked["audit"] = audit.columns, len(audit.columns)
    verdict.notes += [note for note in audit.notes if note not in verdict.notes]
    return audit.leak


def _rescoring(prepared: Prepared, true: Trace, verdict: Verdict) -> list[Question]:
    """List the question to the second scorer, about the forecasts of the test rows as `run` scores them."""
    models, task = true.models, prepared.task
    assert models is not None
    try:
        decisions = task.decide(prepared, models, prepared.split.test) if task.acts else None
        forecasts = task.score(prepared, models, decisions)
    except ValueError as error:
        verdict.notes.append(f"the scores were not probed: {error}")
        return []
    return [("rescore", partial(rescore, prepared, models, forecasts))]


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

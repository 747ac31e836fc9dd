"""The audit of what was known when: every number that is read, learned from or scored carries its moments with it.

Decisions are made at bar closes or gate closures, as the task's second clock says (`Task.decision_times`). Laws and
limits: docs/leakage.md.
"""

from collections.abc import Sequence

from forecaster.config import DAYWISE
from tradewinds.leakcheck.agent_audit import audit_agent
from tradewinds.leakcheck.columns import Audit, AuditedColumn
from tradewinds.leakcheck.day_audit import audit_days
from tradewinds.leakcheck.input_audit import audit_inputs
from tradewinds.leakcheck.label_audit import audit_labels
from tradewinds.leakcheck.score_audit import audit_scores
from tradewinds.leakcheck.verdict import Leak
from tradewinds.pipeline.task import Models, Prepared


def audit_known(prepared: Prepared, models: Models | None = None, rows: range | None = None) -> Audit:
    """Audit a request: what its forecaster reads and is taught, and with models what is observed, paid and scored.

    Args:
        prepared: the request, with the parts it was joined from.
        models: forecaster, and its states of this series, which are needed for what an agent observes and for scores.
        rows: the bars the agent is played and forecasts are scored on; they need models.
    """
    inputs = audit_inputs(prepared, None if models is None else models.forecaster)
    audit = inputs.audit
    if prepared.config.model.kind in DAYWISE:
        audit.take(audit_days(prepared, models))
    else:
        audit.take(audit_labels(prepared, inputs, models))
    if models is not None and rows is not None and audit.leak is None:
        if prepared.task.acts:
            audit.take(audit_agent(prepared, models, inputs, rows))
        audit.take(audit_scores(prepared, models, rows))
    return audit


def audit_of_run(prepared: Prepared, models: Models) -> Leak | None:
    """Audit what a run's forecaster reads and was taught: every column at every bar, every label of every window."""
    return None if prepared.parts is None else audit_known(prepared, models).leak


def table_lines(columns: Sequence[AuditedColumn]) -> list[str]:
    """Say of observations, labels and scores how many there are, and which has least time to spare."""
    words = {
        "observation": "of {n} observations {name} has least to spare: known {hours:g} hours before it is read",
        "label": "of {n} labels and rewards {name} comes soonest: known {hours:g} hours after its decision",
        "score": "of {n} tables of scores {name} comes soonest: known {hours:g} hours after its forecast",
    }
    lines = []
    for use, sentence in words.items():
        names = {column.name for column in columns if column.use == use}
        timed = [column for column in columns if column.use == use and column.slack_hours is not None]
        if timed:
            least = min(timed, key=lambda column: column.slack_hours or 0.0)
            lines.append(f"audit: {sentence.format(n=len(names), name=least.name, hours=least.slack_hours)}")
    return lines

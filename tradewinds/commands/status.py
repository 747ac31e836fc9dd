"""`tradewinds status`: how the champion, its data and its jobs fare; exit status 3 where there is a reason to look."""

from datetime import UTC, datetime
from typing import Any

from tradewinds.core.console import Console
from tradewinds.core.errors import GateError
from tradewinds.operate.notify import require_addresses, tell
from tradewinds.operate.status import status_of
from tradewinds.operate.status_words import lines_of, metrics_of
from tradewinds.request.schema import Config
from tradewinds.tasks import job_of


def main(config: Config, console: Console) -> dict[str, Any]:
    """Tell how a model fares, as text or, with status.format=prometheus, as metrics.

    Raises:
        GateError: there is a reason to look.
    """
    require_addresses(config.notify.urls)
    job = job_of(config, whole=True, writes=False)
    status = status_of(job, datetime.now(UTC))
    for line in metrics_of(status) if config.status.format == "prometheus" else lines_of(status):
        console.result(line)
    if status["alarms"]:
        for alarm in status["alarms"]:
            title = f"Tradewinds, '{job.name}': {alarm['kind']}"
            told = {"kind": alarm["kind"], "fact": alarm["fact"], "title": title, "text": alarm["text"]}
            tell(config.notify.urls, job.runs, **told, console=console)
        console.finish(status)
        raise GateError("; ".join(alarm["text"] for alarm in status["alarms"]))
    return status

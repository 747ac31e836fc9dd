"""`tradewinds paper`: follow the champion on paper, every bar once, and draw the page of the account."""

import json
import time
from typing import Any

from tradewinds.core.console import Console
from tradewinds.core.errors import FetchError, GateError, RequestError
from tradewinds.operate.paper import account_of, catch_up
from tradewinds.operate.paper_page import write_page
from tradewinds.request.schema import Config


def main(config: Config, console: Console) -> dict[str, Any]:
    """Decide all that has come since the last time; with `paper.minutes`, again and again until stopped."""
    if config.paper.minutes is None:
        return _once(config, console)
    console.stamped = True
    outcome = _once(config, console)  # a request that cannot work is refused at once
    try:
        while True:
            time.sleep(60.0 * config.paper.minutes)
            try:
                outcome = _once(config, console)
            except (RequestError, GateError, FetchError, OSError) as error:  # the next look may find it cured
                console.note(f"nothing was decided: {error}")
    except KeyboardInterrupt:
        console.note("stopped; every step that was taken is written down, and the next start goes on from there")
        return {**outcome, "stopped": True}


def _once(config: Config, console: Console) -> dict[str, Any]:
    with account_of(config, console) as (job, champion, journal):
        try:
            taken = catch_up(job, champion, journal, console)
        finally:
            page = write_page(job, journal, console) if journal.steps else None
    assert page is not None  # a fresh account takes a step, or says why not
    last = journal.steps[-1]
    late = sum(1 for step in journal.steps[len(journal.steps) - taken :] if step["late"])
    what = "equity" if job.task.curve == "equity" else "profit"
    new = f"{taken} new decision{'' if taken == 1 else 's'}" if taken else "nothing new"
    new += f", {late} of them too late to trade on" if late else ""
    at, version = last["at"][:16], last["version"]
    console.result(f"{job.name} on paper: {new}; {what} {last['worth']:.6g} at {at}, decided by version {version}")
    outcome = {
        "model": job.name,
        "taken": taken,
        "late": late,
        **{name: last[name] for name in ("at", "version", "worth", "held", "decision")},
        "decisions": len(journal.steps),
        "revisions": len(journal.revisions),
        "page": str(page),
    }
    console.result(json.dumps(last["decision"]))
    console.wrote(page)
    return outcome

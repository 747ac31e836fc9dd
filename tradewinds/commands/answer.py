"""The answer to one request: its stage at work, and an exit status; why nothing came of it is said in one line."""

import importlib
import sys
import tempfile
import traceback
from typing import TYPE_CHECKING

from tradewinds.core.disk import full_disk
from tradewinds.core.errors import FetchError, FullDiskError, GateError, RequestError
from tradewinds.core.threads import pinned

if TYPE_CHECKING:  # a misspelled word is refused before they are loaded
    from tradewinds.core.console import Console
    from tradewinds.request.schema import Config

DONE, FAILED, WRONG_REQUEST, GATE = 0, 1, 2, 3


def answer(stage: str, action: str, request: "Config", console: "Console") -> int:
    """Do what `stage` does with a request, and return the exit status.

    Args:
        stage: a command, by the name it is typed.
        action: what a command of several does, such as `list`; else empty.
        request: a valid one.
        console: where to tell it.

    Raises:
        BrokenPipeError: nobody reads.
    """
    arguments = (action,) if action else ()
    try:
        from tradewinds.pipeline.tracking import tracking

        module = importlib.import_module(f"tradewinds.commands.{stage.replace('-', '_')}")
        with pinned(request.run.threads), tracking(request, stage, console) as tell_outcome:
            outcome = module.main(request, console, *arguments)
            tell_outcome(outcome)
    except BrokenPipeError:
        raise
    except Exception as error:
        return tell_refusal(error)
    console.finish(outcome)
    return DONE


def tell_refusal(error: Exception) -> int:
    """Say in one line why nothing came of a request, and return the exit status."""
    statuses = {RequestError: WRONG_REQUEST, GateError: GATE, FetchError: FAILED, FullDiskError: FAILED}
    for kind, status in statuses.items():
        if isinstance(error, kind):
            print(f"tradewinds: {' '.join(str(error).split())}", file=sys.stderr)
            return status
    if reason := full_disk(error):
        print(
            f"tradewinds: there is no room for what was to be written ({reason}); make room, and again", file=sys.stderr
        )
        return FAILED
    return _tell_failure(error)


def _tell_failure(error: Exception) -> int:
    with tempfile.NamedTemporaryFile("w", prefix="tradewinds-", suffix=".log", delete=False) as log:
        log.write("".join(traceback.format_exception(error)))
    reason = " ".join(str(error).split()) or "no reason given"
    print(f"tradewinds: failed: {type(error).__name__}: {reason}; details in {log.name}", file=sys.stderr)
    return FAILED

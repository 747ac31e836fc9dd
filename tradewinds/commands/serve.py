"""`tradewinds serve`: the champion's signal and forecasts over HTTP, with its status and the pages of all runs."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tradewinds.core.console import Console
from tradewinds.core.errors import RequestError
from tradewinds.request.schema import Config


def main(config: Config, console: Console) -> dict[str, Any]:
    """Answer until stopped, which is no failure.

    Raises:
        RequestError: the extra is not installed, other machines could ask without a token, the port is taken, or the
            data cannot be read.
    """
    if missing := [name for name in ("fastapi", "uvicorn") if find_spec(name) is None]:
        raise RequestError(f"serve needs {' and '.join(missing)}; type pip install 'tradewinds[serve]'")
    from tradewinds.serving.app import guarded
    from tradewinds.serving.desk import Desk
    from tradewinds.serving.server import address_of, listening, serve, token_of

    token = token_of(config.serve)
    console.stamped = True
    with listening(config.serve) as listener:
        desk = Desk(config, console)
        guards = guarded(desk, Path(config.run.dir), config.serve, token, console)
        desk.open()
        try:
            console.result(f"serving at {address_of(listener)}; Ctrl-C or SIGTERM ends it")
            serve(guards, listener, config.serve)
        finally:
            desk.close(config.serve.timeout_seconds)
    answered = sum(guards.counts.values())
    console.note(f"stopped; {answered} requests were answered")
    return {"stopped": True, "answered": answered}

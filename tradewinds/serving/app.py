"""Every answer under its address, described by OpenAPI at /openapi.json."""

from pathlib import Path
from typing import Any

from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.exceptions import HTTPException as StarletteHTTPException

from tradewinds import __version__
from tradewinds.core.console import Console
from tradewinds.operate.status_words import metrics_of
from tradewinds.request.schema import ServeConfig
from tradewinds.serving.desk import DONE, Desk, HttpReply
from tradewinds.serving.guards import Guards
from tradewinds.serving.pages import SHOWN, page_at

PLAIN = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}
VERSION = "Tradewinds-Version"  # header: which version of the model an answer is of
ERROR = {
    "description": "nothing is answered, and why",
    "content": {"application/json": {"example": {"error": "'sp500' has no champion under runs"}}},
}
EXAMPLES: dict[str, Any] = {
    "/signal": {
        "model": "sp500",
        "model_version": 3,
        "target_exposure": {"SP500": 1.0},
        "fills_at": "the next bar's open",
    },
    "/forecast": {"forecaster": "version 3 of 'sp500'", "unit": "USD", "rows": [{"ahead": 1, "value": 6831.2}]},
    "/health": {"answers": True, "version": 3, "reason": None, "status": {"model": "sp500", "alarms": []}},
    "/models": {"models": [{"version": 3, "model": "sp500", "champion": True, "run": "sp500/20261201-101500-ab12"}]},
}


def guarded(desk: Desk, runs: Path, config: ServeConfig, token: str | None, console: Console) -> Guards:
    """Return the whole application: what `desk` answers and the pages under `runs`, with what stands before them."""
    app = FastAPI(title="Tradewinds", version=__version__, docs_url=None, redoc_url=None)
    guards = Guards(app, token=token, rate=config.rate, seconds=config.timeout_seconds, console=console)
    app.add_exception_handler(StarletteHTTPException, _refusal)
    _add_answers(app, desk)

    @app.get("/metrics", summary="Gauges of the model and counts of answers, for Prometheus")
    async def metrics() -> PlainTextResponse:
        answers, lines = desk.answers, []
        if answers.status is not None:
            lines += metrics_of(dict(answers.status))
        lines += _sample(
            "tradewinds_answers", "gauge", "whether there is a signal", {"": int(answers.signal.status == DONE)}
        )
        counts = {f'{{code="{code}"}}': count for code, count in sorted(guards.counts.items())}
        lines += _sample("tradewinds_http_answers_total", "counter", "answers so far, by status of HTTP", counts)
        return PlainTextResponse("\n".join(lines) + "\n", headers=PLAIN)

    @app.get("/", summary="Status, paper accounts and all finished runs, for a browser")
    async def home() -> HTMLResponse:
        return HTMLResponse(desk.answers.home, headers=PLAIN)

    @app.get("/runs/{path:path}", summary="A page or a picture of a run", response_class=FileResponse)
    async def page(path: str) -> FileResponse:
        file = page_at(runs, path or "index.html")
        if file is None:
            raise HTTPException(404, f"there is no page {path!r}; / lists them")
        return FileResponse(file, media_type=SHOWN[file.suffix], headers=PLAIN)

    return guards


def _add_answers(app: FastAPI, desk: Desk) -> None:
    for path, name, summary in (
        ("/signal", "signal", "What the champion wants next: what `tradewinds signal` prints"),
        ("/forecast", "forecast", "What comes after the last bar: what `tradewinds predict --json` prints"),
        ("/health", "health", "Whether there is a signal, and what `tradewinds status --json` prints"),
        ("/models", "models", "Registered versions: what `tradewinds models list --json` prints"),
    ):
        shown = {"description": "as it is now", "content": {"application/json": {"example": EXAMPLES[path]}}}
        app.add_api_route(
            path, _answer(desk, name), methods=["GET"], name=name, summary=summary, responses={200: shown, 503: ERROR}
        )


def _answer(desk: Desk, name: str) -> Any:
    async def answer() -> Response:
        reply: HttpReply = getattr(desk.answers, name)
        headers = PLAIN if reply.version is None else {**PLAIN, VERSION: str(reply.version)}
        return Response(reply.body, reply.status, headers=headers, media_type="application/json")

    return answer


async def _refusal(request: Request, error: Exception) -> Response:
    assert isinstance(error, StarletteHTTPException)
    sentence = f"{request.url.path!r}: {error.detail}" if error.status_code != 404 else str(error.detail)
    if error.detail == "Not Found":
        sentence = f"there is nothing at {request.url.path!r}; /openapi.json lists what there is"
    return JSONResponse({"error": sentence}, error.status_code, headers={**PLAIN, **(error.headers or {})})


def _sample(name: str, kind: str, words: str, values: dict[str, int]) -> list[str]:
    return [
        f"# HELP {name} {words}",
        f"# TYPE {name} {kind}",
        *(f"{name}{label} {value}" for label, value in values.items()),
    ]

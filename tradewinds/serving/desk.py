"""What is answered: kept ready by one thread, which looks at the registry every second and at the data every so often.

A request computes nothing: it reads one reference to the answers there are. A new champion is loaded beside the old
one, and that reference changes once all of its answers are there. So no answer mixes two models, and none waits.
"""

import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tradewinds.core.console import Console, Silent
from tradewinds.core.errors import GateError, RequestError
from tradewinds.operate.age import bars_missed, refuse_old
from tradewinds.operate.answers import (
    RegisteredModel,
    champion_of,
    decision_of,
    forecast_of,
    present_series,
    registered_model,
    signal_of,
    stored_series,
)
from tradewinds.operate.database import Database
from tradewinds.operate.registry import Registry, listed
from tradewinds.operate.status import drift_of, status_of
from tradewinds.pipeline.task import Prepared
from tradewinds.request.schema import Config
from tradewinds.serving.pages import home_page

TICK = 1.0  # seconds between two looks at who is the champion, and two tellings of how old everything is
PATIENCE = 2  # looks in a row that fail before it is told: a file of prices may be half written at the first
DONE, AWAY = 200, 503  # statuses of HTTP


@dataclass(frozen=True)
class HttpReply:
    """One answer, ready to be sent.

    Attributes:
        status: of HTTP.
        body: one line of JSON.
        version: number of the version that it is of; None where it is of none.
    """

    status: int
    body: bytes
    version: int | None = None


@dataclass(frozen=True)
class Answers:
    """All that is answered from one moment on: of one version, on one series.

    Attributes:
        signal: what `tradewinds signal` prints, or why there is none.
        forecast: what `tradewinds predict --json` prints, or why there is none.
        health: whether there is a signal, and what `tradewinds status --json` prints.
        models: what `tradewinds models list --json` prints.
        status: of the model, for metrics; None where it cannot be told.
        home: the page at `/`.
    """

    signal: HttpReply
    forecast: HttpReply
    health: HttpReply
    models: HttpReply
    status: Mapping[str, Any] | None
    home: str


@dataclass(frozen=True, eq=False)
class AtHand:
    """A model and all that it said of one series.

    Attributes:
        key: changes exactly when something of it would be another.
        model: the model.
        decision: of its agent.
        forecast: of its forecaster.
        drift: of its forecasts; None until it is reckoned.
    """

    key: tuple[Any, ...]
    model: RegisteredModel
    decision: dict[str, Any]
    forecast: Any
    drift: dict[str, Any] | None = None


class Desk:
    """Keeps the answers of a model's champion.

    Args:
        config: the request that the model is retrained with.
        console: where changes and troubles are noted.

    Attributes:
        answers: those there are; replaced as one.

    Raises:
        RequestError: the data cannot be read.
        GateError: the data's source disagrees with what is stored, or the last bars are doubtful.
    """

    answers: Answers

    def __init__(self, config: Config, console: Console) -> None:
        self._config, self._console = config, console
        self._prepared = present_series(config, console)
        self._name, self._registry = self._prepared.name, Registry(Database.of(config.run))
        self._file: tuple[int, int] | None = None  # which file the registry is open on
        self._at_hand: AtHand | None = None
        self._status: dict[str, Any] | None = None
        self._models = _reply({"models": []})
        self._champion: int | None = None  # at the last look
        self._trouble, self._failures, self._due, self._home = "", 0, 0.0, ""
        self._ended, self._thread = threading.Event(), threading.Thread(target=self._work, name="desk", daemon=True)
        self._turn(patience=1)

    def open(self) -> None:
        """Keep looking from now on."""
        self._thread.start()

    def close(self, seconds: float) -> None:
        """Look no more; wait so long for a look that is under way."""
        self._ended.set()
        self._thread.join(seconds)

    def _work(self) -> None:
        while not self._ended.wait(TICK):
            try:
                self._turn()
            except Exception as error:
                self._console.note(f"failed to look: {type(error).__name__}: {' '.join(str(error).split())}")

    def _turn(self, *, patience: int = PATIENCE) -> None:
        """Look at what may have changed, and tell what there is."""
        try:
            self._open_registry()
            champion = self._registry.champion(self._name)
            number = None if champion is None else champion.number
            if number != self._champion or self._failures == 1 or time.monotonic() >= self._due:
                self._champion = number
                self._look()
                self._failures = 0
        except (RequestError, GateError, OSError) as error:
            self._fail(str(error), patience)
        except Exception as error:  # the desk outlives what nobody thought of
            self._fail(f"{type(error).__name__}: {error}", patience)
        self._tell()

    def _open_registry(self) -> None:
        """Open the registry anew where another file has taken its place: a rebuilt or a restored one."""
        file = self._registry.database.file
        if file != self._file:
            self._file, self._registry = file, Registry(Database.of(self._config.run))

    def _look(self) -> None:
        """Bring everything up to date, or raise why there is nothing to answer."""
        self._due = time.monotonic() + self._config.serve.refresh_seconds
        versions = self._registry.versions(self._config.run.name)
        self._models = _reply({"models": listed(self._registry, versions)})
        is_new = bars_missed(self._prepared.panel, datetime.now(UTC)) > 0  # else nobody need be asked for bars
        self._prepared = present_series(self._config, Silent()) if is_new else stored_series(self._config)
        self._take_up(self._prepared)
        self._trouble = ""
        self._tell()  # before drift is reckoned and a page drawn, for which nobody waits
        assert self._at_hand is not None
        self._tell_status((self._watched(self._at_hand), None))

    def _take_up(self, prepared: Prepared) -> None:
        """Load the champion and ask it, unless it has been asked of these very bars."""
        version, path = champion_of(prepared), self._config.signal.holdings
        held = b"" if path is None else Path(path).read_bytes()
        key = (prepared.inputs["sha256"], version.number, version.agent_sha256, held)
        if self._at_hand is not None and self._at_hand.key == key:
            return
        model = registered_model(prepared, version)
        forecast = forecast_of(model.job, model.models, model.called, self._config.predict.levels)[1]
        self._at_hand = AtHand(key, model, decision_of(model), forecast)
        self._console.note(f"answering with {model.called}, on bars up to {prepared.index[-1]:%Y-%m-%d %H:%M} UTC")

    def _watched(self, at_hand: AtHand) -> dict[str, Any]:
        """Return the drift of a model's forecasts, reckoned once."""
        if at_hand.drift is None:
            model = at_hand.model
            drift = drift_of(model.request, model.job, model.models)
            self._at_hand = replace(at_hand, drift=drift)
            return drift
        return at_hand.drift

    def _fail(self, sentence: str, patience: int) -> None:
        self._failures += 1
        if self._failures < patience:
            return
        sentence = " ".join(sentence.split())
        if sentence == self._trouble:
            return
        self._console.note(f"nothing is answered: {sentence}")
        self._trouble, self._at_hand = sentence, None
        self._tell()
        known = {"alarm": None, "reason": "the champion cannot be used"}, f"unusable: {sentence}"
        self._tell_status(({**known[0], "reason": "there is no champion"}, None) if self._champion is None else known)

    def _tell_status(self, known: tuple[dict[str, Any], str | None]) -> None:
        """Reckon the model's status and draw the page anew; without a status, the page tells the trouble."""
        try:
            self._status = status_of(self._prepared, datetime.now(UTC), known)
        except (RequestError, GateError, OSError):
            self._status = None
        self._home = home_page(Path(self._config.run.dir), self._status, self._trouble)

    def _tell(self) -> None:
        """Publish what is known as it is now."""
        at_hand, reason, moment = self._at_hand, self._trouble, datetime.now(UTC)
        number = None
        if at_hand is not None:
            number = at_hand.model.version.number
            try:
                refuse_old(at_hand.model.request, moment)
            except GateError as error:
                reason = str(error)
        signal = forecast = _reply({"error": reason}, AWAY, number)
        if at_hand is not None and not reason:
            signal = _reply(signal_of(at_hand.model, at_hand.decision, moment), DONE, number)
            forecast = _reply(at_hand.forecast, DONE, number)
        health = {"answers": not reason, "version": number, "reason": reason or None, "status": self._status}
        told = _reply(health, AWAY if reason else DONE, number)
        self.answers = Answers(signal, forecast, told, self._models, self._status, self._home)


def _reply(outcome: Mapping[str, Any], status: int = DONE, version: int | None = None) -> HttpReply:
    """Return plain data as a reply."""
    return HttpReply(status, json.dumps(outcome, allow_nan=False).encode() + b"\n", version)

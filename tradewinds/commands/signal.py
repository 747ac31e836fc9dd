"""`tradewinds signal`: what the champion wants done next, as one JSON object."""

import json
from datetime import UTC, datetime
from typing import Any

from tradewinds.core.console import Console
from tradewinds.operate.age import refuse_old
from tradewinds.operate.answers import (
    RegisteredModel,
    champion_of,
    decision_of,
    present_series,
    registered_model,
    signal_of,
)
from tradewinds.request.schema import Config


def main(config: Config, console: Console) -> dict[str, Any]:
    """Walk the champion through every bar it never learned from, and say what it wants now."""
    prepared = present_series(config, console)
    moment, champion = datetime.now(UTC), champion_of(prepared)
    if remark := refuse_old(prepared, moment):
        console.note(f"note: {remark}")
    model = registered_model(prepared, champion)
    _tell_of_actions(console, model)
    signal = signal_of(model, decision_of(model), moment)
    if not console.as_json:
        console.result(json.dumps(signal))
    return signal


def _tell_of_actions(console: Console, model: RegisteredModel) -> None:
    """Note where the champion acts by other settings than were asked for: a policy knows the actions it learned."""
    asked, used = model.request.config.plain()["env"], model.job.config.plain()["env"]
    changed = [f"env.{name}={used[name]} in place of {asked[name]}" for name in used if used[name] != asked[name]]
    if changed:
        console.note(f"note: champion {model.version.number} acts as it was trained: {', '.join(changed)}")

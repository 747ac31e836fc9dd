"""`tradewinds signal`: the champion's target position for the next bar, as one JSON object."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tradewinds.commands.fetch import bring_up_to_date
from tradewinds.core.console import Console
from tradewinds.core.errors import RequestError
from tradewinds.operate.champion import load_version
from tradewinds.operate.registry import Registry
from tradewinds.pipeline.prepare import prepare
from tradewinds.request.schema import Config
from tradewinds.tasks.storage.judge import refuse_storage

FILLED = {"next_open": "the next bar's open", "next_close": "the next bar's close", "same_close": "this bar's close"}


def main(config: Config, console: Console) -> dict[str, Any]:
    """Walk the champion through every bar it never learned from, and say what it wants now."""
    refuse_storage(config, "signal")
    bring_up_to_date(config, console)
    prepared = prepare(config)
    prepared.require_prices()
    registry = Registry(Path(config.run.dir))
    champion = registry.champion(prepared.name)
    if champion is None:
        raise RequestError(f"'{prepared.name}' has no champion under {config.run.dir}; type `tradewinds retrain` first")
    model = load_version(Path(config.run.dir), champion, prepared)
    index, first = prepared.series.index, model.first_unseen(prepared)
    if first + 1 >= len(index):
        raise RequestError(
            f"the series ends {index[-1].isoformat()}, and champion {champion.number} learned up to "
            f"{model.trained_to.isoformat()}; a signal needs two bars and an embargo of "
            f"{prepared.split.embargo_bars} after that"
        )
    target = model.targets(prepared, range(first, len(index)))[-1]
    moment = datetime.now(UTC)
    signal = {
        "model": prepared.name,
        "model_version": champion.number,
        "model_created_at": champion.created_at,
        "model_age_days": _days(moment - datetime.fromisoformat(champion.created_at)),
        "data_last_bar": index[-1].isoformat(),
        "data_age_days": _days(moment - prepared.series.close_time[-1].to_pydatetime()),
        "target_exposure": dict(zip(prepared.series.instruments, target.tolist(), strict=True)),
        "fills_at": FILLED[prepared.config.env.execution],
    }
    if not console.as_json:
        console.result(json.dumps(signal))
    return signal


def _days(age: timedelta) -> float:
    return round(age.total_seconds() / 86_400, 3)

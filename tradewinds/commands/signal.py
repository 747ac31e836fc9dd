"""`tradewinds signal`: what the champion wants done next, as one JSON object."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tradewinds.core.console import Console
from tradewinds.core.errors import RequestError
from tradewinds.data.checks.excursions import refuse_doubtful_end
from tradewinds.operate.age import bars_missed, is_live, refuse_old
from tradewinds.operate.champion import first_unseen, load_version
from tradewinds.operate.database import Database
from tradewinds.operate.past import refuse_changed_past
from tradewinds.operate.rebuild import require_registered
from tradewinds.operate.refresh import bring_up_to_date
from tradewinds.operate.registry import Registry, Version
from tradewinds.pipeline.task import Job
from tradewinds.request.schema import Config
from tradewinds.tasks import job_of


def main(config: Config, console: Console) -> dict[str, Any]:
    """Walk the champion through every bar it never learned from, and say what it wants now."""
    bring_up_to_date(config, console)
    prepared = job_of(config, whole=True)
    refuse_doubtful_end(prepared.panel, config.data)
    registry, moment = Registry(Database.of(config.run)), datetime.now(UTC)
    require_registered(registry, Path(config.run.dir), prepared.name)
    champion = registry.champion(prepared.name)
    if champion is None:
        raise RequestError(f"'{prepared.name}' has no champion under {config.run.dir}; type `tradewinds retrain` first")
    refuse_changed_past(prepared, registry.versions(prepared.name))
    if remark := refuse_old(prepared, moment):
        console.note(f"note: {remark}")
    as_trained, models = load_version(Path(config.run.dir), champion, prepared)
    _tell_of_actions(console, prepared, as_trained, champion)
    index, first = prepared.series.index, first_unseen(prepared, models)
    if first + 1 >= len(index):
        assert models.trained_to is not None
        raise RequestError(
            f"the series ends {index[-1].isoformat()}, and champion {champion.number} learned up to "
            f"{models.trained_to.isoformat()}; a signal needs two bars and an embargo of "
            f"{prepared.split.embargo_bars} after that"
        )
    signal = {
        "model": prepared.name,
        "model_version": champion.number,
        "model_created_at": champion.created_at,
        "model_age_days": _days(moment - datetime.fromisoformat(champion.created_at)),
        "data_last_bar": index[-1].isoformat(),
        "data_age_days": _days(moment - prepared.series.close_time[-1].to_pydatetime()),
        "data_age_bars": bars_missed(prepared.series, moment) if is_live(prepared) else None,
        **prepared.task.decision(as_trained, models, range(first, len(index))),
    }
    if not console.as_json:
        console.result(json.dumps(signal))
    return signal


def _tell_of_actions(console: Console, now: Job, then: Job, champion: Version) -> None:
    """Note where the champion acts by other settings than were asked for: a policy knows the actions it learned."""
    asked, used = now.config.plain()["env"], then.config.plain()["env"]
    changed = [f"env.{name}={used[name]} in place of {asked[name]}" for name in used if used[name] != asked[name]]
    if changed:
        console.note(f"note: champion {champion.number} acts as it was trained: {', '.join(changed)}")


def _days(age: timedelta) -> float:
    return round(age.total_seconds() / 86_400, 3)

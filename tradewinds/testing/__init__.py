"""What a plug-in must hold to, tested: one check a contract, as Gymnasium's `check_env` is for environments.

For authors, in tests of their own: `check_model(DilatedNetwork)` returns nothing, or raises a `ConformanceError` whose
one sentence says what was given, what is allowed and what to do. docs/plugins.md tells the contracts. Stands above all
the rooms and is imported by none.
"""

from collections.abc import Callable, Mapping
from typing import Any

from tradewinds.testing.acting import check_agent, check_policy, check_reward
from tradewinds.testing.networks import check_head, check_loss, check_model
from tradewinds.testing.reports import check_metric, check_section
from tradewinds.testing.rules import ConformanceError
from tradewinds.testing.sources import check_baseline, check_feature, check_series, check_weather
from tradewinds.testing.tasks import check_task
from tradewinds.testing.trainings import check_callback, check_logger

__all__ = [
    "CHECKS",
    "ConformanceError",
    "check",
    "check_agent",
    "check_baseline",
    "check_callback",
    "check_feature",
    "check_head",
    "check_logger",
    "check_loss",
    "check_metric",
    "check_model",
    "check_policy",
    "check_reward",
    "check_section",
    "check_series",
    "check_task",
    "check_weather",
]

CHECKS: Mapping[str, Callable[..., None]] = {
    "model": check_model,
    "head": check_head,
    "loss": check_loss,
    "reward": check_reward,
    "feature": check_feature,
    "baseline": check_baseline,
    "metric": check_metric,
    "section": check_section,
    "callback": check_callback,
    "logger": check_logger,
    "agent": check_agent,
    "policy": check_policy,
    "series": check_series,
    "weather": check_weather,
    "text": check_weather,
    "pictures": check_weather,
    "env": check_task,
}  # by the group of the entry point


def check(group: str, function: Callable[..., Any], settings: Any = None) -> None:
    """Check what a plug-in offers under a group.

    Args:
        group: `model`, `head`, `loss`, `reward`, `feature`, `baseline`, `metric`, `section`, `callback`,
            `logger`, `agent`, `policy`, `series`, `weather`, `text`, `pictures` or `env`.
        function: what does the work: what `Kind.function` names.
        settings: an instance of its settings, for kinds that have some; None for others.

    Raises:
        ConformanceError: it does not hold its contract.
        KeyError: there is no such group.
    """
    CHECKS[group](function) if settings is None else CHECKS[group](function, settings)

"""How the environments of this house are planned, entered where the agents' room looks for it: `PLANS`."""

from typing import Any

from trading_agent.planner.policy import PLANS
from trading_env import LevelPlan, SchedulePlan


def restored(kind: Any) -> Any:
    """Return what builds a plan of this kind anew from its saved settings."""
    return lambda settings: kind(**settings)


PLANS.update({kind.kind: restored(kind) for kind in (LevelPlan, SchedulePlan)})

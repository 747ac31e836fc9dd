"""How the environments of this house are planned, entered where the agents' room looks for it: `PLANS`."""

from trading_agent.plan_policy import PLANS
from trading_env import planning

PLANS.update(planning.PLANS)

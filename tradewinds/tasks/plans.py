"""How the environments of this house are planned, entered where the agents' room looks for it: `PLANS`."""

from trading_agent.planner.policy import PLANS
from trading_env.planning import plans as planning

PLANS.update(planning.PLANS)

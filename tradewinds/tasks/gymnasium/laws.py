"""What an environment of Gymnasium cannot be asked, by the request alone. Light: imports no torch."""

from tradewinds.core.errors import RequestError
from tradewinds.request.schema import Config

NEEDS = {"direct": "the gradient through a trading account's ledger", "planner": "forecasts to plan on"}


def refuse_gymnasium(config: Config) -> None:
    """Refuse agents that need a market.

    Raises:
        RequestError: the agent does.
    """
    kind = getattr(config.agent, "kind", "")
    if kind in NEEDS:
        raise RequestError(
            f"agent.kind={kind} needs {NEEDS[kind]}, and env.id={config.env.id} is a game; take agent=ppo, reinforce, "
            "dqn or sb3"
        )

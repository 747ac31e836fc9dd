"""What a trading account cannot be asked, by the request alone. Light: imports no torch."""

from collections.abc import Iterator

from tradewinds.core.errors import RequestError
from tradewinds.request.schema import Config
from tradewinds.tasks.agent_laws import agent_faults

NO_GRADIENT = ("maintenance_margin", "lot", "min_notional")  # rules that the gradient through the ledger does not know
NO_GRADIENT_COSTS = ("slippage_per_volatility", "slippage_bps_per_volume_percent")


def refuse_account(config: Config) -> None:
    """Refuse what cannot work together.

    Raises:
        RequestError: every fault, joined.
    """
    faults = [*_faults(config), *agent_faults(config)]
    if faults:
        raise RequestError("; ".join(faults))


def _faults(config: Config) -> Iterator[str]:
    observe, rules = config.rollout.observe, config.env
    if "forecasts" in observe:
        yield "rollout.observe may hold forecasts with env=battery only; forecast is the network's"
    if "plan" in observe and rules.actions not in ("levels", "exposure"):
        yield "rollout.observe may hold plan with env.actions=levels or exposure; agent=planner plans a storage unit"
    if getattr(config.agent, "kind", None) == "direct":
        unknown = [f"env.{name}" for name in NO_GRADIENT if getattr(rules, name)]
        unknown += [f"env.costs.{name}" for name in NO_GRADIENT_COSTS if getattr(rules.costs, name)]
        if unknown:
            yield (
                f"agent=direct learns by the gradient through the ledger, and none runs through {', '.join(unknown)}; "
                "set 0, or take agent=dqn or ppo"
            )

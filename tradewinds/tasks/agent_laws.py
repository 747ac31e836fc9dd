"""Which agent can be asked what, whatever it acts in. Light: imports no torch."""

from collections.abc import Iterator, Mapping

from tradewinds.request.schema import Config
from trading_agent.common.config import NEEDS, AgentConfig, EnvironmentFacts, Requirement


def agent_faults(config: Config, facts: EnvironmentFacts, cures: Mapping[Requirement, str]) -> Iterator[str]:
    """Yield what an agent cannot be asked in an environment of these facts, or starting from another network.

    Args:
        config: the request.
        facts: of the environment; of a requirement it does not offer, `cures` says what to type instead.
        cures: by requirement.
    """
    agent = config.agent
    if isinstance(agent, AgentConfig):
        for need, setting in agent.requirements().items():
            if facts.offers is not None and need not in facts.offers:
                cure = cures[need].format(actions=getattr(config.env, "actions", ""))
                yield f"agent.{setting} needs {NEEDS[need]}; {cure}"
        yield from (f"agent.{fault}" for fault in agent.refuse(facts))
    if getattr(agent, "start", "random") == "random":
        return
    model, units = config.model, getattr(agent, "lstm_units", 0)
    seen = config.rollout.observe == ("features",) and not config.features.selection
    if (model.kind, model.num_layers, model.hidden_size) != ("lstm", 1, units) or not seen:
        yield (
            f"agent.start=forecaster takes an LSTM of one layer and agent.lstm_units={units} units that reads what the "
            f"policy sees; set model=lstm model.num_layers=1 model.hidden_size={units} rollout.observe=[features] "
            "features.selection=false, or agent.start=random"
        )

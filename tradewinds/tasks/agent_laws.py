"""Which agent can be asked what, whatever it acts in. Light: imports no torch."""

from collections.abc import Iterator

from tradewinds.request.schema import Config


def agent_faults(config: Config) -> Iterator[str]:
    """Yield what an agent that chooses among levels, or starts from another network, cannot be asked."""
    agent = getattr(config.agent, "kind", None)
    if config.env.actions != "levels" and agent in ("dqn", "q_learning"):
        yield f"env.actions must be levels for agent.kind={agent}, was '{config.env.actions}'"
    if getattr(config.agent, "start", "random") == "random":
        return
    model, units = config.model, getattr(config.agent, "lstm_units", 0)
    if (model.kind, model.num_layers, model.hidden_size, config.rollout.observe) != ("lstm", 1, units, ("features",)):
        yield (
            f"agent.start=forecaster takes an LSTM of one layer and agent.lstm_units={units} units that reads what the "
            f"policy sees; set model=lstm model.num_layers=1 model.hidden_size={units} rollout.observe=[features], or "
            "agent.start=random"
        )

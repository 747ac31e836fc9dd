"""REINFORCE with a learned baseline (Williams 1992; Sutton & Barto 2018, section 13.4). Formulas: docs/reinforce.md.

Departures from the book, each for a reason given there:
 1. N environments walk at once; one gradient step is made of all their transitions together.
 2. A rollout ends after `rollout_steps`, not with the episode: what would have followed is estimated by the baseline.
 3. A cut (truncated) episode keeps the value of its last state; only a terminated one has none.
 4. The factor discount^t of the episode's start is left out, as is usual.
 5. Advantages have mean 0 and deviation 1 within a rollout; AdamW; the gradient's norm is bounded.
 6. The policy returned is the one validated best, constant policies among the candidates.
"""

from typing import Unpack

from trading_agent.common.loop import TrainedAgent, TrainingOptions, train
from trading_agent.common.transitions import AnyVectorEnv
from trading_agent.policy_gradient.config import ReinforceConfig
from trading_agent.policy_gradient.rollouts import ActorCriticLearner, Rollout


class Reinforce(ActorCriticLearner):
    """The network and the update that moves it."""

    config: ReinforceConfig

    def update(self, rollout: Rollout, left: float) -> None:
        """Take one step: -mean(A log pi(a | s)) + value_weight mean((V(s) - return)^2) - entropy_weight mean(H)."""
        config = self.config
        advantages = (rollout.advantages - rollout.advantages.mean()) / (rollout.advantages.std() + 1e-8)
        log_probs, entropy = self.network.log_prob(rollout.standard, rollout.actions)
        gained, entropy = (advantages * log_probs).mean(), entropy.mean()
        error = (self.network.value(rollout.standard) - rollout.returns).square().mean()
        self.step(config.value_weight * error - gained - config.entropy_weight * entropy)
        parts = {"policy_loss": -gained, "value_loss": error, "entropy": entropy}
        self.metrics = {name: part.item() for name, part in parts.items()}


def train_reinforce(env: AnyVectorEnv, config: ReinforceConfig, **options: Unpack[TrainingOptions]) -> TrainedAgent:
    """Learn to act in `env`; outcome and errors are those of `trading_agent.common.loop.train`.

    Args:
        env: as for `train_dqn`, but its actions may be a flat Box, too.
        config: the settings.
        **options: as `TrainingOptions` says.
    """
    return train(Reinforce, env, config, **options)

"""Proximal policy optimisation (Schulman et al. 2017), for discrete actions and boxes. Formulas: docs/ppo.md.

Departures from the paper, each for a reason given there:
 1. The policy and the value share no weights; observations are standardised by what random play saw.
 2. Rewards are learned in units of their root mean square under random play, or of the deviation of their sums.
 3. Advantages have mean 0 and deviation 1 within each batch, and a gradient's norm is bounded.
 4. Learning rate and clip fall to nothing on a straight line (`anneal`), as in the paper's Atari runs only.
 5. A cut (truncated) episode keeps the value of its last state; only a terminated one has none.
 6. AdamW with a decay of its own; the policy that is judged may be a running average of the learned ones.
 7. The policy returned is the one validated best, constant policies among the candidates.
"""

from typing import Unpack

import torch
from torch import Tensor

from trading_agent.common.loop import Seeds, TrainedAgent, TrainingOptions, train
from trading_agent.common.transitions import AnyVectorEnv
from trading_agent.policy_gradient.actor_critic import ActorCritic
from trading_agent.policy_gradient.config import PPOConfig
from trading_agent.policy_gradient.rollouts import ActorCriticLearner, Rollout


def ppo_loss(
    network: ActorCritic, batch: Rollout, *, clip: float, value_weight: float, entropy_weight: float
) -> tuple[Tensor, dict[str, Tensor]]:
    """Return the loss of B transitions, and what it is made of.

    ratio = pi(a | s) / pi_old(a | s)
    loss = -mean(min(ratio A, clip(ratio, 1 - clip, 1 + clip) A))       (Schulman et al. 2017, eq. 7)
           + value_weight mean((V(s) - return)^2) - entropy_weight mean(H(pi))       (eq. 9)
    """
    advantages = (batch.advantages - batch.advantages.mean()) / (batch.advantages.std() + 1e-8)
    log_probs, entropy = network.log_prob(batch.standard, batch.actions)
    moved = log_probs - batch.old_log_probs
    ratio = moved.exp()
    gained = torch.minimum(ratio * advantages, ratio.clamp(1.0 - clip, 1.0 + clip) * advantages).mean()
    error = (network.value(batch.standard) - batch.returns).square().mean()
    entropy = entropy.mean()
    loss = value_weight * error - gained - entropy_weight * entropy
    kl = (ratio.detach() - 1.0 - moved.detach()).mean()  # Schulman's estimator of KL(old, new), never negative
    parts = {"policy_loss": -gained, "value_loss": error, "entropy": entropy, "kl": kl}
    return loss, {name: part.detach() for name, part in parts.items()}


class PPO(ActorCriticLearner):
    """The network and the update that moves it."""

    config: PPOConfig

    def __init__(self, env: AnyVectorEnv, config: PPOConfig, seeds: Seeds) -> None:
        super().__init__(env, config, seeds)
        self.gae_lambda = config.gae_lambda

    def update(self, rollout: Rollout, left: float) -> None:
        """Go `epochs` times over the rollout in batches of a new order; what is left over is left out."""
        config, count = self.config, len(rollout.advantages)
        size = min(config.batch_size, count)
        parts: dict[str, Tensor] = {}
        for _ in range(config.epochs):
            order = torch.from_numpy(self.rng.permutation(count))
            for chosen in order[: count - count % size].view(-1, size):
                loss, parts = ppo_loss(
                    self.network,
                    Rollout(*(column.index_select(0, chosen) for column in rollout)),
                    clip=config.clip * (left if config.anneal else 1.0),
                    value_weight=config.value_weight,
                    entropy_weight=config.entropy_weight,
                )
                self.step(loss)
        self.metrics = {name: part.item() for name, part in parts.items()}


def train_ppo(env: AnyVectorEnv, config: PPOConfig, **options: Unpack[TrainingOptions]) -> TrainedAgent:
    """Learn to act in `env`; outcome and errors are those of `trading_agent.common.loop.train`.

    Args:
        env: as for `train_dqn`, but its actions may be a flat Box, too.
        config: the settings.
        **options: as `TrainingOptions` says.
    """
    return train(PPO, env, config, **options)

"""Proximal policy optimisation with a memory (Schulman et al. 2017). Formulas: docs/recurrent.md.

Departures, each for a reason given there:
 1. Those of `ppo`, but that policy and value share what remembers, and nothing else.
 2. Both read the observation beside the memory.
 3. Gradients end where the rollout began, at a state that older weights made.
 4. The value's error is divided by the variance of the rollout's returns.
 5. Orthogonal weights for each gate; first biases by the span that is to be remembered.
"""

from typing import Any, ClassVar, NamedTuple, Unpack

import numpy as np
import torch
from torch import Tensor

from trading_agent.common.loop import Seeds, TrainedAgent, TrainingOptions, train
from trading_agent.common.spaces import picture_of
from trading_agent.common.transitions import AnyVectorEnv
from trading_agent.policy_gradient.ppo import ppo_loss
from trading_agent.policy_gradient.rollouts import ActorCriticLearner, Rollout, advantages_of
from trading_agent.recurrent.actor_critic import RecurrentActorCritic, RecurrentActorPolicy
from trading_agent.recurrent.config import RecurrentPPOConfig
from trading_agent.recurrent.memory import Segments, groups_of, rows_of, segments_of


class Recollection(NamedTuple):
    """A rollout of L steps of N environments, step by step, judged; and where its segments are.

    Attributes:
        rollout: L N rows, those of no transition among them.
        state: (N, M) remembered before the first step.
        segments: of transitions.
    """

    rollout: Rollout
    state: Tensor
    segments: Segments


class RecurrentPPO(ActorCriticLearner):
    """The network, what it remembers of each environment, and the update that moves it."""

    VALUES: ClassVar[tuple[str, ...]] = ("metrics", "state")
    config: RecurrentPPOConfig
    network: RecurrentActorCritic

    def __init__(self, env: AnyVectorEnv, config: RecurrentPPOConfig, seeds: Seeds) -> None:
        super().__init__(env, config, seeds)
        self.gae_lambda = config.gae_lambda
        self.state = np.zeros((config.num_envs, self.network.memory.size), dtype=np.float32)

    def built(self, num_observations: int, bounds: Any, generator: torch.Generator) -> RecurrentActorCritic:
        """Return a fresh network."""
        config, self.acting = self.config, RecurrentActorPolicy
        return RecurrentActorCritic(
            num_observations,
            self.num_actions,
            config.hidden_sizes,
            bounds,
            config.cell,
            config.memory_units,
            generator,
            memory_span=config.memory_span,
            picture=picture_of(self.env.single_observation_space),
        )

    def walked(self) -> Recollection:
        """Walk one rollout by chance, and judge it."""
        return play(self)

    def update(self, rollout: Recollection, left: float) -> None:
        """Go `epochs` times over the rollout in batches of environments; `left` is the share of steps still to come."""
        config = self.config
        size = max(1, config.batch_size // config.rollout_steps)
        spread = max(1.0, rollout.rollout.returns.var().item())
        parts: dict[str, Tensor] = {}
        for _ in range(config.epochs):
            order = self.rng.permutation(config.num_envs)
            for chosen in np.array_split(order, max(1, config.num_envs // size)):
                loss, parts = ppo_loss(
                    self.network,
                    remembered(self.network, rollout, chosen),
                    clip=config.clip * (left if config.anneal else 1.0),
                    value_weight=config.value_weight / spread,
                    entropy_weight=config.entropy_weight,
                )
                self.step(loss)
        self.metrics = {name: part.item() for name, part in parts.items()}


def remembered(network: RecurrentActorCritic, recollection: Recollection, envs: Any) -> Rollout:
    """Return the transitions of some environments, `standard` being what policy and value read there (m, D + F)."""
    rollout, state, segments = recollection
    groups = groups_of(segments.of(envs), len(state))
    rows = torch.cat([rows_of(group) for group in groups])
    standard, *others = rollout
    return Rollout(network.recall(standard, state, groups), *(column.index_select(0, rows) for column in others))


def play(learner: RecurrentPPO) -> Recollection:
    """Walk on for `rollout_steps` calls by chance, and judge what was done."""
    config, network, walk = learner.config, learner.network, learner.walk
    policy, shape = learner.acting(network), (config.rollout_steps, config.num_envs)
    rewards, values = np.zeros(shape, np.float32), np.zeros((shape[0] + 1, shape[1]), np.float32)
    cut_values = np.zeros(shape, np.float32)
    terminated, truncated, real, begins = (np.zeros(shape, bool) for _ in range(4))
    rows, drawn, old = [], [], []
    first = state = torch.from_numpy(learner.state)

    def look(observations: Any, state: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        standard = network.standard(torch.from_numpy(np.float32(observations)))
        return standard, *network.remember(standard, state)

    with torch.no_grad():
        for s in range(config.rollout_steps):
            begins[s] = walk.begins
            standard, inputs, state = look(walk.observations, state * torch.from_numpy(~walk.begins)[:, None])
            rows.append(standard)
            values[s] = network.value(inputs).numpy()
            actions, log_probs, acted = policy.draw(inputs, learner.rng)
            drawn.append(actions)
            old.append(log_probs)
            moved = learner.advance(acted)
            real[s, moved.envs], rewards[s, moved.envs] = True, moved.rewards
            terminated[s, moved.envs], truncated[s, moved.envs] = moved.terminated, moved.truncated
            cut = moved.truncated & ~moved.terminated
            if cut.any():
                envs = moved.envs[cut]
                last = look(moved.next_observations[cut], state[torch.from_numpy(envs)])[1]
                cut_values[s, envs] = network.value(last).numpy()
        onward = look(walk.observations, state * torch.from_numpy(~walk.begins)[:, None])[1]
        values[-1] = network.value(onward).numpy()
    learner.state = state.numpy()
    ended = terminated | truncated
    rewards /= network.reward_scale.item()
    advantages = advantages_of(
        rewards,
        values[:-1],
        np.where(ended, cut_values, values[1:]),
        ended,
        discount=config.discount,
        gae_lambda=learner.gae_lambda,
    )
    rollout = Rollout(
        torch.cat(rows),
        torch.cat(drawn),
        torch.from_numpy(advantages).flatten(),
        torch.from_numpy(advantages + values[:-1]).flatten(),
        torch.cat(old),
    )
    return Recollection(rollout, first, segments_of(real, begins))


def train_recurrent_ppo(
    env: AnyVectorEnv, config: RecurrentPPOConfig, **options: Unpack[TrainingOptions]
) -> TrainedAgent:
    """Learn to act in `env`; outcome and errors are those of `trading_agent.common.loop.train`.

    Args:
        env: as for `train_ppo`.
        config: the settings.
        **options: as `TrainingOptions` says.
    """
    return train(RecurrentPPO, env, config, **options)

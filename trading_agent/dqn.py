"""Deep Q-learning (Mnih et al. 2015), with double estimation (van Hasselt et al. 2016). Formulas: docs/dqn.md.

Departures from the Nature paper, each for a reason given there:
 1. N environments are stepped at once; updates are counted per step of all of them, the target's age in updates.
 2. A multilayer perceptron on observations standardised by what random play saw, instead of a convolution on pixels.
 3. Rewards are learned in units of their root mean square under random play, instead of clipped to [-1, 1].
 4. Adam and a bound on the gradient's norm, instead of RMSProp.
 5. The target network may also follow softly (Lillicrap et al. 2016), and exploration may be Boltzmann's.
 6. A cut (truncated) episode keeps the value of its last state; only a terminated one has none.
 7. Where the environment can make a transition again, the memory keeps its index, not its observations.
 8. The policy returned is the one validated best, the constant policies among the candidates.
"""

import copy
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from trading_agent.config import DQNConfig
from trading_agent.exploration import explore, rate_at
from trading_agent.networks import QNetwork
from trading_agent.policy import NetworkPolicy
from trading_agent.replay import Batch, memory_for
from trading_agent.rollout import AnyVectorEnv, Walk, sizes
from trading_agent.training import (
    REPORT_EVERY,
    Checkpoint,
    Progress,
    Selection,
    TrainedAgent,
    Validate,
    crossed,
    seeds_from,
)

SCALE_SAMPLE = 8_192  # remembered transitions that the scales of observations and rewards are fitted on


def bellman_targets(batch: Batch, online: QNetwork, target: QNetwork, *, discount: float, double: bool) -> Tensor:
    """Return the (B,) values that Q(s, a) should have had.

    y = r                                                   if s' is terminal, else
    y = r + discount * max_a' Q_target(s', a')              (Mnih et al. 2015, algorithm 1)
    y = r + discount * Q_target(s', argmax_a' Q_online)     with `double` (van Hasselt et al. 2016, eq. 4)
    """
    with torch.no_grad():
        next_values = target(batch.next_observations)  # (B, A)
        chooser = online(batch.next_observations) if double else next_values
        following = next_values.gather(1, chooser.argmax(dim=1, keepdim=True))[:, 0]  # (B,)
    wanted: Tensor = batch.rewards + discount * following * ~batch.terminated
    return wanted


class DQN:
    """The online and the target network, and the update that moves them."""

    def __init__(self, num_observations: int, num_actions: int, config: DQNConfig, *, seed: int) -> None:
        self.config = config
        generator = torch.Generator().manual_seed(seed)
        self.online = QNetwork(num_observations, num_actions, config.hidden_sizes, generator)
        self.target = copy.deepcopy(self.online).requires_grad_(False)
        self.optimiser = torch.optim.Adam(self.online.parameters(), lr=config.learning_rate, fused=True)
        self.updates, self.loss = 0, 0.0

    def fit_scales(self, batch: Batch) -> None:
        """Fit both networks' scales to transitions of random play."""
        self.online.fit_scales(batch.observations, batch.rewards)
        self.target.load_state_dict(self.online.state_dict())

    def update(self, batch: Batch) -> None:
        """Take one gradient step on the Huber loss of the temporal-difference error."""
        wanted = bellman_targets(
            batch, self.online, self.target, discount=self.config.discount, double=self.config.double
        )
        values = self.online(batch.observations).gather(1, batch.actions[:, None])[:, 0]  # (B, A) -> (B,)
        loss = F.huber_loss(values / self.online.reward_scale, wanted / self.online.reward_scale)
        self.optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.online.parameters(), self.config.gradient_clip)
        self.optimiser.step()
        self.updates, self.loss = self.updates + 1, loss.item()
        self._move_target()

    def _move_target(self) -> None:
        soft = self.config.target_update == "soft"
        if soft or self.updates % self.config.target_interval == 0:
            with torch.no_grad():
                for follower, leader in zip(self.target.parameters(), self.online.parameters(), strict=True):
                    follower.lerp_(leader, self.config.tau if soft else 1.0)

    def state_dict(self) -> dict[str, Any]:
        """Return networks, optimiser and count."""
        moments = self.optimiser.state_dict()["state"]
        return {
            "online": {name: tensor.numpy() for name, tensor in self.online.state_dict().items()},
            "target": {name: tensor.numpy() for name, tensor in self.target.state_dict().items()},
            "optimiser": {str(i): {name: m.numpy() for name, m in moment.items()} for i, moment in moments.items()},
            "updates": self.updates,
            "loss": self.loss,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over what `state_dict` returned."""
        for network, name in ((self.online, "online"), (self.target, "target")):
            network.load_state_dict({key: torch.from_numpy(array) for key, array in state[name].items()})
        moments = {
            int(i): {name: torch.from_numpy(array) for name, array in moment.items()}
            for i, moment in state["optimiser"].items()
        }
        self.optimiser.load_state_dict({**self.optimiser.state_dict(), "state": moments})
        self.updates, self.loss = state["updates"], state["loss"]


def train_dqn(
    env: AnyVectorEnv,
    config: DQNConfig,
    *,
    seed: int,
    validate: Validate,
    progress: Progress | None = None,
    checkpoint: Path | None = None,
    resume: Path | None = None,
) -> TrainedAgent:
    """Learn to act in `env`.

    Args:
        env: any Gymnasium vector environment with flat observations and discrete actions that restarts itself; one that
            is an `IndexedEnv` is replayed by index.
        config: the settings.
        seed: all randomness is derived from it, that of `env` included; no global random state is read or moved.
        validate: scores a policy, larger is better; called with each constant policy before learning, then every
            `config.validate_every` env steps and at the end. Must not depend on anything but the policy.
        progress: called as (env steps done, of, metrics) about every 1,000 env steps.
        checkpoint: folder that holds the newest state after every validation, replaced atomically.
        resume: such a folder of an earlier, interrupted call with the same settings and seed. The outcome equals, bit
            for bit, that of a call never interrupted, if `env` has `state_dict` and `load_state_dict`; an env without
            them starts new episodes.

    Returns:
        The policy that validated best, its step and score, and all scores.

    Raises:
        ValueError: `env` does not fit the settings, or `resume` does not.
    """
    num_observations, num_actions = sizes(env, config.num_envs)
    env_seed, network_seed, rng = seeds_from(seed)
    walk = Walk(env, seed=env_seed)
    memory = memory_for(env, config.replay_size, num_observations, num_actions)
    agent = DQN(num_observations, num_actions, config, seed=network_seed)
    selection = Selection(validate)
    saved = Checkpoint(config, seed, rng, {"walk": walk, "memory": memory, "agent": agent, "selection": selection})
    step = 0 if resume is None else saved.read(resume)

    if resume is None:
        selection.consider_constants(env.single_action_space)
        while step < config.learning_starts:
            memory.add(walk.advance(rng.integers(0, num_actions, size=config.num_envs)))
            step += config.num_envs
        agent.fit_scales(memory.sample(rng, SCALE_SAMPLE))

    policy = NetworkPolicy(agent.online)
    while step < config.steps:
        before, step = step, step + config.num_envs
        rate = rate_at(config.exploration, before / config.steps)
        values = policy.values(walk.observations) / agent.online.reward_scale.item()
        memory.add(walk.advance(explore(config.exploration, values, rate, rng)))
        while agent.updates < config.updates_per_step * (step - config.learning_starts) / config.num_envs:
            agent.update(memory.sample(rng, config.batch_size))
        metrics = {"loss": agent.loss, "exploration": rate}
        if crossed(before, step, config.validate_every) or step >= config.steps:
            selection.consider(step, policy, metrics)
            if checkpoint is not None:
                saved.write(checkpoint, step)
        if progress is not None and (crossed(before, step, REPORT_EVERY) or step >= config.steps):
            progress(min(step, config.steps), config.steps, {**metrics, "best_score": selection.score})
    return selection.result()

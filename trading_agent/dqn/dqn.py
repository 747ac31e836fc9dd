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
 9. Where the environment can say what every action would have led to, a transition may teach all of them.
10. On request: duelling networks (Wang et al. 2016), prioritised replay (Schaul et al. 2016), returns of n steps
    (Sutton 1988; not corrected for the actions tried within them), a falling learning rate.
"""

import copy
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from trading_agent.common.exploration import explore, rate_at
from trading_agent.common.loop import (
    REPORT_EVERY,
    Checkpoint,
    Progress,
    Selection,
    TrainedAgent,
    Validate,
    crossed,
    finite,
    seeds_from,
)
from trading_agent.common.transitions import AnyVectorEnv, Walk, sizes
from trading_agent.dqn.config import DQNConfig
from trading_agent.dqn.network import QNetwork
from trading_agent.dqn.policy import NetworkPolicy
from trading_agent.dqn.replay import Batch, Memory, memory_for
from trading_agent.planner.planner import teacher_of

DRAWN = 16_384  # transitions drawn from the memory at once, about
SCALE_SAMPLE = 8_192  # remembered transitions that the scales of observations and rewards are fitted on


def bellman_targets(batch: Batch, online: QNetwork, target: QNetwork, *, discount: float, double: bool) -> Tensor:
    """Return the values that Q(s, a) should have had, (B,); (B, A) of a counterfactual batch.

    y = r                                                   if s' is terminal, else
    y = r + discount * max_a' Q_target(s', a')              (Mnih et al. 2015, algorithm 1)
    y = r + discount * Q_target(s', argmax_a' Q_online)     with `double` (van Hasselt et al. 2016, eq. 4)

    Over a stretch of n steps r is the sum of discount^k r[k], s' the state after it, and discount^n stands before Q.
    """
    with torch.no_grad():
        next_values = target(batch.next_observations)  # (B, A); (B A, A) counterfactual
        chooser = online(batch.next_observations) if double else next_values
        following = next_values.gather(1, chooser.argmax(dim=1, keepdim=True)).view_as(batch.rewards)
    wanted: Tensor = batch.rewards + discount**batch.steps * following * ~batch.terminated
    return wanted


class DQN:
    """The online and the target network, and the update that moves them."""

    def __init__(self, num_observations: int, num_actions: int, config: DQNConfig, *, seed: int) -> None:
        self.config = config
        generator = torch.Generator().manual_seed(seed)
        self.online = QNetwork(num_observations, num_actions, config.hidden_sizes, generator, duelling=config.duelling)
        self.target = copy.deepcopy(self.online).requires_grad_(False)
        self.judged = copy.deepcopy(self.online).requires_grad_(False) if config.average else self.online
        self.weights, self.target_weights, self.judged_weights = (
            list(network.parameters()) for network in (self.online, self.target, self.judged)
        )  # listed once: a small network learns faster than its parameters are found
        self.optimiser = torch.optim.Adam(self.weights, lr=config.learning_rate, fused=True)
        self.updates, self.loss = 0, 0.0
        self.errors = np.zeros(0, dtype=np.float32)  # (B,) absolute, in typical rewards; kept for priorities

    def fit_scales(self, batch: Batch) -> None:
        """Fit both networks' scales to transitions of random play."""
        self.online.fit_scales(batch.observations, batch.rewards, standardise=self.config.standardise)
        for follower in (self.target, self.judged):
            follower.load_state_dict(self.online.state_dict())

    def update(self, batch: Batch) -> None:
        """Take one gradient step on the Huber loss of the temporal-difference error."""
        wanted = bellman_targets(
            batch, self.online, self.target, discount=self.config.discount, double=self.config.double
        )
        values = self.online(batch.observations)  # (B, A)
        if wanted.dim() == 1:
            values = values.gather(1, batch.actions[:, None])[:, 0]  # (B, A) -> (B,)
        scale = self.online.reward_scale
        losses = F.huber_loss(values / scale, wanted / scale, reduction="none").view(len(wanted), -1).mean(dim=1)
        loss = (batch.weights * losses).mean()
        if self.config.priority:
            errors = (values.detach() - wanted).abs().view(len(wanted), -1).mean(dim=1) / scale
            self.errors = errors.numpy()
        self.optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.weights, self.config.gradient_clip)
        self.optimiser.step()
        self.updates, self.loss = self.updates + 1, loss.item()
        self._move_followers()

    def _move_followers(self) -> None:
        soft = self.config.target_update == "soft"
        if soft or self.updates % self.config.target_interval == 0:
            _follow(self.target_weights, self.weights, self.config.tau if soft else 1.0)
        if self.config.average:
            share = 1.0 - min(self.config.average, self.updates / (self.updates + 9.0))
            _follow(self.judged_weights, self.weights, share)

    def slow_down(self, left: float) -> None:
        """Set the learning rate for the share of the steps still to come."""
        for group in self.optimiser.param_groups:
            group["lr"] = self.config.learning_rate * (left if self.config.anneal else 1.0)

    def state_dict(self) -> dict[str, Any]:
        """Return networks, optimiser and count."""
        moments = self.optimiser.state_dict()["state"]
        return {
            "online": {name: tensor.numpy() for name, tensor in self.online.state_dict().items()},
            "target": {name: tensor.numpy() for name, tensor in self.target.state_dict().items()},
            "judged": {name: tensor.numpy() for name, tensor in self.judged.state_dict().items()},
            "optimiser": {str(i): {name: m.numpy() for name, m in moment.items()} for i, moment in moments.items()},
            "updates": self.updates,
            "loss": self.loss,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over what `state_dict` returned."""
        for network, name in ((self.online, "online"), (self.target, "target"), (self.judged, "judged")):
            network.load_state_dict({key: torch.from_numpy(array) for key, array in state[name].items()})
        moments = {
            int(i): {name: torch.from_numpy(array) for name, array in moment.items()}
            for i, moment in state["optimiser"].items()
        }
        self.optimiser.load_state_dict({**self.optimiser.state_dict(), "state": moments})
        self.updates, self.loss = state["updates"], state["loss"]


def _follow(followers: Sequence[Tensor], leaders: Sequence[Tensor], share: float) -> None:
    """Move the weights of one network towards another's by a share of the way."""
    with torch.no_grad():
        torch._foreach_lerp_(list(followers), list(leaders), share)


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
    memory = memory_for(
        env,
        config.replay_size,
        num_observations,
        num_actions,
        counterfactual=config.counterfactual,
        priority=config.priority,
        n_step=config.n_step,
        discount=config.discount,
    )
    agent = DQN(num_observations, num_actions, config, seed=network_seed)
    selection = Selection(validate)
    saved = Checkpoint(config, seed, rng, {"walk": walk, "memory": memory, "agent": agent, "selection": selection})
    step = 0 if resume is None else saved.read(resume)

    if resume is None:
        selection.consider_constants(env.single_action_space)
        teacher = teacher_of(env, "agent.teacher=planner") if config.teacher == "planner" else None
        while step < config.learning_starts:
            actions = rng.integers(0, num_actions, size=config.num_envs)
            if teacher is not None:
                actions[::2] = teacher.act(walk.observations[::2])
            memory.add(walk.advance(actions))
            step += config.num_envs
        agent.fit_scales(memory.sample(rng, SCALE_SAMPLE))

    player, policy = NetworkPolicy(agent.online), NetworkPolicy(agent.judged)
    while step < config.steps:
        before, step = step, step + config.num_envs
        rate = rate_at(config.exploration, before / config.steps)
        agent.slow_down(1.0 - before / config.steps)
        values = player.values(walk.observations) / agent.online.reward_scale.item()
        memory.add(walk.advance(explore(config.exploration, values, rate, rng)))
        if (step // config.num_envs) % config.update_every == 0:
            due = config.updates_per_step * (step - config.learning_starts) / config.num_envs
            learn(agent, memory, rng, math.ceil(due) - agent.updates, _undone(config, before / config.steps))
        metrics = {"loss": agent.loss, "exploration": rate}
        finite(metrics, before)
        if crossed(before, step, config.validate_every) or step >= config.steps:
            selection.consider(step, policy, metrics)
            if checkpoint is not None:
                saved.write(checkpoint, step)
        if progress is not None and (crossed(before, step, REPORT_EVERY) or step >= config.steps):
            progress(min(step, config.steps), config.steps, {**metrics, "best_score": selection.score})
    return selection.result()


def learn(agent: DQN, memory: Memory, rng: np.random.Generator, updates: int, correction: float) -> None:
    """Take `updates` gradient steps; their batches are drawn many at once, unless an error changes the next draw."""
    size = agent.config.batch_size
    together = 1 if agent.config.priority else max(1, DRAWN // size)
    while updates > 0:
        count = min(updates, together)
        for batch in memory.sample(rng, count * size, correction).parts(count):
            agent.update(batch)
            memory.learned(agent.errors)
        updates -= count


def _undone(config: DQNConfig, progress: float) -> float:
    """Return how much of the bias of prioritised draws is undone after a share of the steps: 1 at the end."""
    return config.priority_correction + progress * (1.0 - config.priority_correction)

"""Deep Q-learning (Mnih et al. 2015), with double estimation (van Hasselt et al. 2016). Formulas: docs/dqn.md.

Departures from the Nature paper, each for a reason given there:
 1. N environments are stepped at once; updates are counted per step of all of them, the target's age in updates.
 2. A multilayer perceptron on observations standardised by what random play saw; convolutions where these are pixels.
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
from collections.abc import Mapping
from typing import Any, Unpack

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from trading_agent.common.exploration import explore, rate_at
from trading_agent.common.loop import Learner, Metrics, Seeds, TrainedAgent, TrainingOptions, train
from trading_agent.common.spaces import picture_of
from trading_agent.common.transitions import AnyVectorEnv, Walk, sizes
from trading_agent.common.weights import TorchState, follow, set_learning_rate
from trading_agent.dqn.config import DQNConfig
from trading_agent.dqn.network import QNetwork
from trading_agent.dqn.policy import NetworkPolicy
from trading_agent.dqn.replay import Batch, memory_for
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


class DQN(TorchState):
    """The online and the target network, and the update that moves them."""

    NETWORKS = ("online", "target", "judged")
    VALUES = ("updates", "loss", "error")

    def __init__(
        self,
        num_observations: int,
        num_actions: int,
        config: DQNConfig,
        *,
        seed: int,
        picture: Mapping[str, Any] | None = None,
    ) -> None:
        self.config = config
        generator = torch.Generator().manual_seed(seed)
        self.online = QNetwork(
            num_observations, num_actions, config.hidden_sizes, generator, duelling=config.duelling, picture=picture
        )
        self.target = copy.deepcopy(self.online).requires_grad_(False)
        self.judged = copy.deepcopy(self.online).requires_grad_(False) if config.average else self.online
        self.weights, self.target_weights, self.judged_weights = (
            list(network.parameters()) for network in (self.online, self.target, self.judged)
        )  # listed once: a small network learns faster than its parameters are found
        self.optimiser = torch.optim.Adam(self.weights, lr=config.learning_rate, fused=True)
        self.updates, self.loss, self.error = 0, 0.0, 0.0  # the last two of the newest update
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
        errors = (values.detach() - wanted).abs()
        if self.config.priority:
            self.errors = (errors.view(len(wanted), -1).mean(dim=1) / scale).numpy()
        self.optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.weights, self.config.gradient_clip)
        self.optimiser.step()
        self.updates, self.loss, self.error = self.updates + 1, loss.item(), errors.mean().item()
        self._move_followers()

    def _move_followers(self) -> None:
        soft = self.config.target_update == "soft"
        if soft or self.updates % self.config.target_interval == 0:
            follow(self.target_weights, self.weights, self.config.tau if soft else 1.0)
        if self.config.average:
            share = 1.0 - min(self.config.average, self.updates / (self.updates + 9.0))
            follow(self.judged_weights, self.weights, share)


class DQNLearner(Learner):
    """Walks N environments, remembers what was lived through, and learns from it again and again."""

    def __init__(self, env: AnyVectorEnv, config: DQNConfig, seeds: Seeds) -> None:
        self.env, self.config, self.rng, self.stride = env, config, seeds.rng, config.num_envs
        num_observations, self.num_actions = sizes(env, config.num_envs)
        self.walk = Walk(env, seed=seeds.env)
        self.memory = memory_for(
            env,
            config.replay_size,
            num_observations,
            self.num_actions,
            counterfactual=config.counterfactual,
            priority=config.priority,
            n_step=config.n_step,
            discount=config.discount,
        )
        picture = picture_of(env.single_observation_space)
        self.agent = DQN(num_observations, self.num_actions, config, seed=seeds.network, picture=picture)
        self.player, self.judged = NetworkPolicy(self.agent.online), NetworkPolicy(self.agent.judged)
        self.parts = {"walk": self.walk, "memory": self.memory, "agent": self.agent}

    def policy(self) -> NetworkPolicy:
        """Return the network that is judged."""
        return self.judged

    def warm_up(self) -> int:
        """Play at random, or every other environment by the best plan, and fit the scales to that."""
        config, step = self.config, 0
        teacher = teacher_of(self.env, "agent.teacher=planner") if config.teacher == "planner" else None
        while step < config.learning_starts:
            actions = self.rng.integers(0, self.num_actions, size=config.num_envs)
            if teacher is not None:
                actions[::2] = teacher.act(self.walk.observations[::2])
            self.memory.add(self.walk.advance(actions))
            step += config.num_envs
        self.agent.fit_scales(self.memory.sample(self.rng, SCALE_SAMPLE))
        return step

    def learn(self, done: int) -> Metrics:
        """Step every environment once, and take the gradient steps that are due by then."""
        config, progress, step = self.config, done / self.config.steps, done + self.stride
        rate = rate_at(config.exploration, progress)
        set_learning_rate(self.agent.optimiser, config.learning_rate * (1.0 - progress if config.anneal else 1.0))
        values = self.player.values(self.walk.observations) / self.agent.online.reward_scale.item()
        self.memory.add(self.walk.advance(explore(config.exploration, values, rate, self.rng)))
        if (step // config.num_envs) % config.update_every == 0:
            due = config.updates_per_step * (step - config.learning_starts) / config.num_envs
            correction = config.priority_correction + progress * (1.0 - config.priority_correction)  # 1 at the end
            self.update(math.ceil(due) - self.agent.updates, correction)
        return {"loss": self.agent.loss, "mean_absolute_error": self.agent.error, "exploration": rate}

    def update(self, updates: int, correction: float) -> None:
        """Take gradient steps; their batches are drawn many at once, unless an error changes the next draw.

        Args:
            updates: how many.
            correction: how much of the bias of prioritised draws is undone.
        """
        size = self.config.batch_size
        together = 1 if self.config.priority else max(1, DRAWN // size)
        while updates > 0:
            count = min(updates, together)
            for batch in self.memory.sample(self.rng, count * size, correction).parts(count):
                self.agent.update(batch)
                self.memory.learned(self.agent.errors)
            updates -= count


def train_dqn(env: AnyVectorEnv, config: DQNConfig, **options: Unpack[TrainingOptions]) -> TrainedAgent:
    """Learn to act in `env`; outcome and errors are those of `trading_agent.common.loop.train`.

    Args:
        env: any Gymnasium vector environment with flat observations and discrete actions that restarts itself; one that
            is an `IndexedEnv` is replayed by index.
        config: the settings.
        **options: as `TrainingOptions` says.
    """
    return train(DQNLearner, env, config, **options)

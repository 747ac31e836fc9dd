"""Deep Q-learning with a memory, on replayed sequences (Kapturowski et al. 2019, R2D2). Formulas: docs/recurrent.md.

Departures from the paper, each for a reason given there:
 1. N environments are stepped by one process; every one explores at the same rate, which falls.
 2. Targets look one step ahead, and rewards are learned in their typical size instead of squashed values.
 3. Sequences are drawn evenly, each as likely, and do not overlap in what is learned from.
 4. A sequence may hold the ends of episodes: the memory begins anew behind them.
 5. The values read the observation beside the memory; neither the last action nor the last reward is told.
 6. A cut (truncated) episode keeps the value of its true last observation.
"""

import copy
import math
from collections.abc import Mapping
from typing import Any, Unpack

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from trading_agent.common.exploration import explore, rate_at
from trading_agent.common.loop import Learner, Metrics, Seeds, TrainedAgent, TrainingOptions, train
from trading_agent.common.spaces import PIXELS, picture_of
from trading_agent.common.transitions import AnyVectorEnv, Walk, sizes
from trading_agent.common.weights import TorchState, follow
from trading_agent.recurrent.config import RecurrentDQNConfig
from trading_agent.recurrent.memory import groups_of, segments_of, transitions
from trading_agent.recurrent.q_network import RecurrentQNetwork, RecurrentQPolicy
from trading_agent.recurrent.replay import SequenceReplay, Sequences


class RecurrentDQN(TorchState):
    """The online and the target network, and the update that moves them."""

    NETWORKS = ("online", "target", "judged")
    VALUES = ("updates", "loss")

    def __init__(
        self,
        num_observations: int,
        num_actions: int,
        config: RecurrentDQNConfig,
        *,
        seed: int,
        picture: Mapping[str, Any] | None = None,
    ) -> None:
        self.config = config
        self.online = RecurrentQNetwork(
            num_observations,
            num_actions,
            config.hidden_sizes,
            config.cell,
            config.memory_units,
            torch.Generator().manual_seed(seed),
            memory_span=config.memory_span,
            picture=picture,
        )
        self.target = copy.deepcopy(self.online).requires_grad_(False)
        self.judged = copy.deepcopy(self.online).requires_grad_(False) if config.average else self.online
        self.weights, self.target_weights, self.judged_weights = (
            list(network.parameters()) for network in (self.online, self.target, self.judged)
        )
        self.optimiser = torch.optim.Adam(self.weights, lr=config.learning_rate, fused=True)
        self.updates, self.loss = 0, 0.0

    def fit_scales(self, observations: Any, rewards: Any) -> None:
        """Fit the networks' scales to (m, O) observations and (m,) rewards of random play."""
        seen = torch.from_numpy(observations).float(), torch.from_numpy(rewards)
        self.online.fit_scales(*seen, standardise=self.config.standardise)
        for follower in (self.target, self.judged):
            follower.load_state_dict(self.online.state_dict())

    def update(self, sequences: Sequences) -> None:
        """Take one gradient step on the Huber loss of the temporal-difference errors of S sequences."""
        loss = self.loss_of(sequences)
        self.optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.weights, self.config.gradient_clip)
        self.optimiser.step()
        self.updates, self.loss = self.updates + 1, loss.item()
        if self.updates % self.config.target_interval == 0:
            follow(self.target_weights, self.weights, 1.0)
        if self.config.average:
            share = 1.0 - min(self.config.average, self.updates / (self.updates + 9.0))
            follow(self.judged_weights, self.weights, share)

    def loss_of(self, sequences: Sequences) -> Tensor:
        """Return the mean loss of the steps after the burn-in.

        y = r + discount * Q_target(h', s', argmax_a' Q_online(h', s', a')),  y = r if s' is terminal
        (van Hasselt et al. 2016, eq. 4; h is what each network remembers, after a burn-in of its own)
        """
        before, count, networks = self.config.burn_in, sequences.real.shape[1], (self.online, self.target)
        states = [burnt_in(network, sequences, before) for network in networks]
        part = sequences.after(before)
        shown = np.concatenate([part.observations, part.next_observations])  # (2 K, S, O)
        rows = [seen_in(network, shown).flatten(0, 1) for network in networks]  # each (2 K S, F)
        beyond, errors = part.real.size, []  # what is seen after a step lies K S rows behind what was before
        columns = (part.actions, part.rewards, part.terminated)
        actions, rewards, terminated = (torch.from_numpy(column).flatten() for column in columns)
        for group in groups_of(segments_of(part.real, part.begins), count):
            places = torch.cat([group.rows, group.rows[-1:]])  # one step more
            ends = group.there.sum(dim=0)  # where each segment is over
            places[ends, torch.arange(len(ends))] = group.rows[-1] + beyond
            ours, theirs = (  # (L + 1, s, A), of inputs (L + 1, s, F)
                network.values(network.memory.read(inputs, state[group.env] * ~group.begins[:, None]), inputs)
                for network, inputs, state in zip(networks, (seen[places] for seen in rows), states, strict=True)
            )
            taken = transitions(group.rows, group)
            values = transitions(ours[:-1], group).gather(1, actions[taken][:, None])[:, 0]
            with torch.no_grad():
                best = transitions(ours[1:], group).argmax(dim=1, keepdim=True)
                following = transitions(theirs[1:], group).gather(1, best)[:, 0]
                wanted = rewards[taken] + self.config.discount * following * ~terminated[taken]
            errors.append((values - wanted) / self.online.reward_scale)
        error = torch.cat(errors)
        return F.huber_loss(error, torch.zeros_like(error))


def burnt_in(network: RecurrentQNetwork, sequences: Sequences, steps: int) -> Tensor:
    """Return (S, M) what a network remembers after the first `steps` of sequences, from the states stored there."""
    state = torch.from_numpy(sequences.state)
    with torch.no_grad():
        seen, fresh = seen_in(network, sequences.observations[:steps]), torch.from_numpy(sequences.begins[:steps])
        for s in range(steps):
            state = network.memory.step(seen[s], state * ~fresh[s][:, None])[1]
    return state


def seen_in(network: RecurrentQNetwork, observations: NDArray[Any]) -> Tensor:
    """Return (K, S, F) of (K, S, O) observations, as memory and values read them."""
    steps, count, _ = observations.shape
    seen = network.seen(torch.from_numpy(observations).float().flatten(0, 1))
    return seen.view(steps, count, seen.shape[1])


class RecurrentDQNLearner(Learner):
    """Walks N environments with what it remembers of each, and learns from sequences of what was lived through."""

    def __init__(self, env: AnyVectorEnv, config: RecurrentDQNConfig, seeds: Seeds) -> None:
        self.env, self.config, self.rng, self.stride = env, config, seeds.rng, config.num_envs
        num_observations, self.num_actions = sizes(env, config.num_envs)
        self.walk = Walk(env, seed=seeds.env)
        space = env.single_observation_space
        self.agent = RecurrentDQN(
            num_observations, self.num_actions, config, seed=seeds.network, picture=picture_of(space)
        )
        self.player, self.judged = RecurrentQPolicy(self.agent.online), RecurrentQPolicy(self.agent.judged)
        self.memory = SequenceReplay(
            config.replay_size // config.num_envs,
            config.num_envs,
            num_observations,
            self.player.memory_size,
            every=config.sequence_steps,
            length=config.burn_in + config.sequence_steps,
            pixels=space.dtype in PIXELS,
        )
        self.state = np.zeros((config.num_envs, self.player.memory_size), np.float32)
        self.parts = {"walk": self.walk, "memory": self.memory, "agent": self.agent, "learner": self}

    def policy(self) -> RecurrentQPolicy:
        """Return the network that is judged."""
        return self.judged

    def warm_up(self) -> int:
        """Play at random, and fit the scales to that."""
        step = 0
        while step < self.config.learning_starts:
            self.advance(self.rng.integers(0, self.num_actions, size=self.config.num_envs), self.state)
            step += self.config.num_envs
        self.agent.fit_scales(*self.memory.seen())
        return step

    def learn(self, done: int) -> Metrics:
        """Step every environment once, and take the gradient steps that are due by then."""
        config, step = self.config, done + self.stride
        rate = rate_at(config.exploration, done / config.steps)
        before = self.state * ~self.walk.begins[:, None]
        values, state = self.player.look(self.walk.observations, before)
        scaled = values.numpy() / self.agent.online.reward_scale.item()
        self.advance(explore(config.exploration, scaled, rate, self.rng), state.numpy())
        due = math.ceil(config.updates_per_step * (step - config.learning_starts) / config.num_envs)
        while self.agent.updates < due:
            self.agent.update(self.memory.sample(self.rng, config.batch_size))
        return {"loss": self.agent.loss, "exploration": rate}

    def advance(self, actions: Any, state: Any) -> None:
        """Step every environment once, remember what happened, and (N, M) `state` after it."""
        seen, begins = self.walk.observations.copy(), self.walk.begins
        self.memory.add(seen, begins, self.state, self.walk.advance(actions))
        self.state = state

    def state_dict(self) -> dict[str, Any]:
        """Return what is remembered of each environment."""
        return {"state": self.state}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over what `state_dict` returned."""
        self.state = state["state"]


def train_recurrent_dqn(
    env: AnyVectorEnv, config: RecurrentDQNConfig, **options: Unpack[TrainingOptions]
) -> TrainedAgent:
    """Learn to act in `env`; outcome and errors are those of `trading_agent.common.loop.train`.

    Args:
        env: as for `train_dqn`.
        config: the settings.
        **options: as `TrainingOptions` says.
    """
    return train(RecurrentDQNLearner, env, config, **options)

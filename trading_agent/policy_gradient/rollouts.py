"""What the policy gradients share: acting by chance for a while, saying how good each action was, and the outer loop.

S calls of `env.step`, N environments, M <= S N transitions, O observation columns. Formulas: docs/ppo.md.
"""

import copy
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

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
from trading_agent.common.transitions import AnyVectorEnv, Transitions, Walk, columns
from trading_agent.policy_gradient.actor_critic import ActorCritic, ActorPolicy, actions_of
from trading_agent.policy_gradient.config import PPOConfig, ReinforceConfig

Array = NDArray[np.float32]


class Rollout(NamedTuple):
    """M transitions of one policy, judged.

    Attributes:
        standard: (M, O) observations, standardised.
        actions: (M,) or (M, A), as `ActorCritic.log_prob` reads them.
        advantages: (M,) how much better than expected, in units of the typical reward.
        returns: (M,) what V should have said there.
        old_log_probs: (M,) log pi(a | s) of the policy that acted.
    """

    standard: Tensor
    actions: Tensor
    advantages: Tensor
    returns: Tensor
    old_log_probs: Tensor


def advantages_of(
    rewards: Array, values: Array, next_values: Array, ended: NDArray[np.bool_], *, discount: float, gae_lambda: float
) -> Array:
    """Return the (S, N) generalised advantage estimates of N walks of S steps.

    delta[s] = r[s] + discount V(next state) - V(state)
    A[s] = delta[s] + discount gae_lambda A[s + 1], the last term only where no episode ended at s

    Args:
        rewards: (S, N).
        values: (S, N) V before each step.
        next_values: (S, N) V after it: 0 where the episode terminated, V of its true last state where it was cut.
        ended: (S, N) whether it ended, either way.
        discount: weight of a reward one step later.
        gae_lambda: weight of an error one step later; 1 is the return less V, 0 the temporal-difference error.

    Source:
        Schulman et al., High-dimensional continuous control using generalized advantage estimation, 2016, eq. 16.
    """
    errors = rewards + discount * next_values - values
    onward = (discount * gae_lambda * ~ended).astype(np.float32)
    advantages, following = np.empty_like(errors), np.zeros_like(errors[0])
    for s in reversed(range(len(errors))):
        following = errors[s] + onward[s] * following
        advantages[s] = following
    return advantages


class Learner:
    """A network, its optimiser, and the average that is judged; `update` is left to the algorithm."""

    config: Any

    def __init__(self, env: AnyVectorEnv, config: Any, *, seed: int) -> None:
        self.config = config
        num_observations = columns(env, config.num_envs)
        self.num_actions, bounds = actions_of(env.single_action_space)
        generator = torch.Generator().manual_seed(seed)
        self.network = ActorCritic(num_observations, self.num_actions, config.hidden_sizes, bounds, generator)
        self.judged = copy.deepcopy(self.network).requires_grad_(False)
        self.optimiser = torch.optim.AdamW(
            self.network.parameters(), lr=config.learning_rate, eps=1e-5, weight_decay=config.weight_decay, fused=True
        )
        self.metrics: dict[str, float] = {}

    def update(self, rollout: Rollout, left: float, rng: np.random.Generator) -> None:
        """Learn from a rollout; `left` is the share of the steps still to come."""
        raise NotImplementedError

    def fit_scales(self, seen: list[Transitions]) -> None:
        """Fit the scales to random play."""
        observations = torch.from_numpy(np.float32(np.concatenate([moved.observations for moved in seen])))
        rewards = torch.from_numpy(np.concatenate([moved.rewards for moved in seen]).astype(np.float32))
        self.network.fit_scales(observations, rewards, standardise=self.config.standardise)
        self.judged.load_state_dict(self.network.state_dict())

    def step(self, loss: Tensor) -> None:
        """Take one gradient step down `loss`, and let the judged average follow."""
        self.optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), self.config.gradient_clip, foreach=True)
        self.optimiser.step()
        with torch.no_grad():
            leaders: list[Tensor] = list(self.network.parameters())
            followers: list[Tensor] = list(self.judged.parameters())
            torch._foreach_lerp_(followers, leaders, 1.0 - self.config.average)

    def slow_down(self, left: float) -> None:
        """Set the learning rate for the share of the steps still to come."""
        for group in self.optimiser.param_groups:
            group["lr"] = self.config.learning_rate * (left if self.config.anneal else 1.0)

    def state_dict(self) -> dict[str, Any]:
        """Return networks, optimiser and metrics."""
        moments = self.optimiser.state_dict()["state"]
        return {
            "network": {name: tensor.numpy() for name, tensor in self.network.state_dict().items()},
            "judged": {name: tensor.numpy() for name, tensor in self.judged.state_dict().items()},
            "optimiser": {str(i): {name: m.numpy() for name, m in moment.items()} for i, moment in moments.items()},
            "metrics": self.metrics,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over what `state_dict` returned."""
        for network, name in ((self.network, "network"), (self.judged, "judged")):
            network.load_state_dict({key: torch.from_numpy(array) for key, array in state[name].items()})
        moments = {
            int(i): {name: torch.from_numpy(array) for name, array in moment.items()}
            for i, moment in state["optimiser"].items()
        }
        self.optimiser.load_state_dict({**self.optimiser.state_dict(), "state": moments})
        self.metrics = dict(state["metrics"])


class MakeLearner(Protocol):
    """Builds the learner of an algorithm."""

    def __call__(self, env: AnyVectorEnv, config: Any, *, seed: int) -> Learner:
        """Return it."""
        ...


def play(walk: Walk, learner: Learner, rng: np.random.Generator, *, gae_lambda: float) -> Rollout:
    """Walk on for `rollout_steps` calls by chance, and judge what was done."""
    config, network = learner.config, learner.network
    policy, shape = ActorPolicy(network), (config.rollout_steps, config.num_envs)
    rewards, values = np.zeros(shape, np.float32), np.zeros((shape[0] + 1, shape[1]), np.float32)
    terminated, truncated, made = (np.zeros(shape, bool) for _ in range(3))
    seen, drawn, old, cuts = [], [], [], []
    with torch.no_grad():
        for s in range(config.rollout_steps):
            seen.append(network.standard(torch.from_numpy(np.float32(walk.observations))))
            values[s] = network.value(seen[-1]).numpy()
            actions, log_probs, acted = policy.draw(seen[-1], rng)
            drawn.append(actions)
            old.append(log_probs)
            moved = walk.advance(acted)
            made[s, moved.envs], rewards[s, moved.envs] = True, moved.rewards
            terminated[s, moved.envs], truncated[s, moved.envs] = moved.terminated, moved.truncated
            cuts.append(moved.next_observations[moved.truncated & ~moved.terminated])
        values[-1] = network.value(network.standard(torch.from_numpy(np.float32(walk.observations)))).numpy()
        after, cut = values[1:].copy(), truncated & ~terminated
        if cut.any():
            last = torch.from_numpy(np.float32(np.concatenate(cuts)))
            after[cut] = network.value(network.standard(last)).numpy()
    after[terminated] = 0.0
    rewards /= network.reward_scale.item()
    advantages = advantages_of(
        rewards, values[:-1], after, terminated | truncated, discount=config.discount, gae_lambda=gae_lambda
    )
    rollout = Rollout(
        torch.cat(seen),
        torch.cat(drawn),
        torch.from_numpy(advantages).flatten(),
        torch.from_numpy(advantages + values[:-1]).flatten(),
        torch.cat(old),
    )
    return rollout if made.all() else Rollout(*(column[torch.from_numpy(made).flatten()] for column in rollout))


def train_policy_gradient(
    make: MakeLearner,
    env: AnyVectorEnv,
    config: PPOConfig | ReinforceConfig,
    *,
    gae_lambda: float,
    seed: int,
    validate: Validate,
    progress: Progress | None,
    checkpoint: Path | None,
    resume: Path | None,
) -> TrainedAgent:
    """Learn to act in `env`; arguments, outcome and errors are those of `trading_agent.dqn.dqn.train_dqn`."""
    env_seed, network_seed, rng = seeds_from(seed)
    learner = make(env, config, seed=network_seed)
    walk, selection = Walk(env, seed=env_seed), Selection(validate)
    saved = Checkpoint(config, seed, rng, {"walk": walk, "learner": learner, "selection": selection})
    step, stride = 0 if resume is None else saved.read(resume), config.rollout_steps * config.num_envs

    policy = ActorPolicy(learner.judged)
    if resume is None:
        selection.consider_constants(env.single_action_space)
        learner.fit_scales([walk.advance(at_random(learner, rng)) for _ in range(config.rollout_steps)])
        step += stride
    while step < config.steps:
        before, step = step, step + stride
        left = 1.0 - before / config.steps
        learner.slow_down(left)
        learner.update(play(walk, learner, rng, gae_lambda=gae_lambda), left, rng)
        finite(learner.metrics, before)
        if crossed(before, step, config.validate_every) or step >= config.steps:
            selection.consider(step, policy, learner.metrics)
            if checkpoint is not None:
                saved.write(checkpoint, step)
        if progress is not None and (crossed(before, step, REPORT_EVERY) or step >= config.steps):
            progress(min(step, config.steps), config.steps, {**learner.metrics, "best_score": selection.score})
    return selection.result()


def at_random(learner: Learner, rng: np.random.Generator) -> NDArray[Any]:
    """Return an action for each environment: any of a `Discrete` space, or normal around the centre of a `Box`."""
    num_envs, num_actions = learner.config.num_envs, learner.num_actions
    if learner.network.bounds is None:
        return np.asarray(rng.integers(0, num_actions, size=num_envs))
    tried: NDArray[Any] = ActorPolicy(learner.network).into_box(rng.standard_normal((num_envs, num_actions)))
    return tried

"""What the policy gradients share: acting by chance for a while, saying how good each action was.

S calls of `env.step`, N environments, M <= S N transitions, O observation columns. Formulas: docs/ppo.md.
"""

import copy
from abc import abstractmethod
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trading_agent.common.loop import Learner, Metrics, Seeds
from trading_agent.common.scales import RunningScales, discounted, unit_of
from trading_agent.common.spaces import picture_of
from trading_agent.common.transitions import AnyVectorEnv, Transitions, Walk, columns
from trading_agent.common.weights import TorchState, follow, set_learning_rate
from trading_agent.policy_gradient.actor_critic import ActorCritic, ActorPolicy, actions_of
from trading_agent.policy_gradient.config import RUNNING
from trading_agent.policy_gradient.set_actor_critic import SetActorCritic, SetActorPolicy

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


class ActorCriticLearner(TorchState, Learner):
    """Walks N environments by chance and learns from each rollout; how, is left to the algorithm.

    Attributes:
        network: acts and is learned.
        acting: the class of its policy.
        judged: a running average of its weights.
        gae_lambda: weight of an error one step later in `advantages_of`.
    """

    NETWORKS = ("network", "judged")
    VALUES: ClassVar[tuple[str, ...]] = ("metrics",)
    gae_lambda = 1.0

    def __init__(self, env: AnyVectorEnv, config: Any, seeds: Seeds) -> None:
        self.env, self.config, self.rng = env, config, seeds.rng
        self.stride = config.rollout_steps * config.num_envs
        num_observations = columns(env, config.num_envs)
        self.num_actions, bounds = actions_of(env.single_action_space)
        self.acting: type[ActorPolicy] = ActorPolicy
        self.network: Any = self.built(num_observations, bounds, torch.Generator().manual_seed(seeds.network))
        self.judged = copy.deepcopy(self.network).requires_grad_(False)
        self.optimiser = torch.optim.AdamW(
            self.network.parameters(), lr=config.learning_rate, eps=1e-5, weight_decay=config.weight_decay, fused=True
        )
        self.metrics: dict[str, float] = {}
        self.walk = Walk(env, seed=seeds.env)
        self.parts = {"walk": self.walk, "learner": self}
        self.played: list[Transitions] = []  # since the scales last took them in
        self.scales = RunningScales(num_observations, config.num_envs, discount=config.discount)
        if config.scales == "running":
            self.parts["scales"] = self.scales

    def built(self, num_observations: int, bounds: Array | None, generator: torch.Generator) -> Any:
        """Return a fresh network, and set `acting` to the class of its policy."""
        config, items = self.config, getattr(self.env, "item_columns", None)
        if bounds is None or items is None:
            picture = picture_of(self.env.single_observation_space)
            return ActorCritic(num_observations, self.num_actions, config.hidden_sizes, bounds, generator, picture)
        if config.scales == "running":
            raise ValueError(RUNNING)
        self.acting, box = SetActorPolicy, (float(bounds[0].min()), float(bounds[1].max()))
        return SetActorCritic(items, config.hidden_sizes, box, config.cross_section, generator)  # items that are alike

    @abstractmethod
    def update(self, rollout: Any, left: float) -> None:
        """Learn from what `walked` returned and set `metrics`; `left` is the share of the steps still to come."""

    def walked(self) -> Any:
        """Walk one rollout by chance, and judge it."""
        return play(self)

    def policy(self) -> ActorPolicy:
        """Return the network that is judged."""
        return self.acting(self.judged)

    def advance(self, actions: NDArray[Any]) -> Transitions:
        """Step every environment once."""
        moved = self.walk.advance(actions)
        if self.config.scales == "running":
            self.played.append(moved)
        return moved

    def warm_up(self) -> int:
        """Play one rollout at random and fit the scales to it."""
        played = [self.advance(self.at_random()) for _ in range(self.config.rollout_steps)]
        observations = torch.from_numpy(np.float32(np.concatenate([moved.observations for moved in played])))
        rewards = np.concatenate([moved.rewards for moved in played])
        self.scales.unit = unit_of(self.config.reward_unit, rewards)
        if self.scales.unit == "return":
            earned = discounted(played, np.zeros(self.config.num_envs), self.config.discount)
            rewards = earned - earned.mean()  # whose root mean square is the deviation
        unit = torch.from_numpy(rewards.astype(np.float32))
        self.network.fit_scales(observations, unit, standardise=self.config.standardise)
        self.judged.load_state_dict(self.network.state_dict())
        self.take_in()
        return self.stride

    def learn(self, done: int) -> Metrics:
        """Walk one rollout by chance and learn from it, all in one scale."""
        left = 1.0 - done / self.config.steps
        set_learning_rate(self.optimiser, self.config.learning_rate * (left if self.config.anneal else 1.0))
        if self.config.scales == "running":
            for network in (self.network, self.judged):
                self.scales.write(network, standardise=self.config.standardise)
        self.update(self.walked(), left)
        self.take_in()
        return self.metrics

    def take_in(self) -> None:
        """Let the running scales know what was played; the next rollout is the first to be in them."""
        if self.played:
            self.scales.add(self.played)
            self.played = []

    def step(self, loss: Tensor) -> None:
        """Take one gradient step down `loss`, and let the judged average follow."""
        self.optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), self.config.gradient_clip, foreach=True)
        self.optimiser.step()
        follow(list(self.judged.parameters()), list(self.network.parameters()), 1.0 - self.config.average)

    def at_random(self) -> NDArray[Any]:
        """Return an action for each environment: any of a `Discrete` space, or normal around the centre of a `Box`."""
        num_envs, num_actions = self.config.num_envs, self.num_actions
        if self.network.bounds is None:
            return np.asarray(self.rng.integers(0, num_actions, size=num_envs))
        return self.acting(self.network).into_box(self.rng.standard_normal((num_envs, num_actions)))


def play(learner: ActorCriticLearner) -> Rollout:
    """Walk on for `rollout_steps` calls by chance, and judge what was done."""
    config, network, walk = learner.config, learner.network, learner.walk
    policy, shape = learner.acting(network), (config.rollout_steps, config.num_envs)
    rewards, values = np.zeros(shape, np.float32), np.zeros((shape[0] + 1, shape[1]), np.float32)
    terminated, truncated, real = (np.zeros(shape, bool) for _ in range(3))
    rows, drawn, old, cuts = [], [], [], []
    with torch.no_grad():
        for s in range(config.rollout_steps):
            rows.append(network.standard(torch.from_numpy(np.float32(walk.observations))))
            values[s] = network.value(rows[-1]).numpy()
            actions, log_probs, acted = policy.draw(rows[-1], learner.rng)
            drawn.append(actions)
            old.append(log_probs)
            moved = learner.advance(acted)
            real[s, moved.envs], rewards[s, moved.envs] = True, moved.rewards
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
        rewards, values[:-1], after, terminated | truncated, discount=config.discount, gae_lambda=learner.gae_lambda
    )
    rollout = Rollout(
        torch.cat(rows),
        torch.cat(drawn),
        torch.from_numpy(advantages).flatten(),
        torch.from_numpy(advantages + values[:-1]).flatten(),
        torch.cat(old),
    )
    return rollout if real.all() else Rollout(*(column[torch.from_numpy(real).flatten()] for column in rollout))

"""Agents that remember, where what is seen is not enough; beside those that do not, and beside sb3-contrib.

`make bench` runs it; some forty minutes with 5 seeds. Some of it, with 3 seeds: `python benchmarks/recurrent.py maze
3`. The parts are velocities, maze, regimes and peer. Seconds are those of the processor, one thread, validation
included. Settings were chosen on seeds from 100 on; here it is seeds from 0 on, judged on 100 fresh episodes. Which
seeds the numbers of docs/recurrent.md were read on, stands there.

- velocities: CartPole, Acrobot and Pendulum without their velocities. To be reached: 475, -100 and -200.
- maze: the T-maze of Bakker (2001), 100 cells long. The cue is shown at the first step; the right turn at the end earns
  4, the wrong one and every step that leads nowhere -0.1. To be reached: 4 less a tenth.
- regimes: a market whose next log return is 6 basis points up or down, by a regime that turns once in 50 bars on
  average, plus noise of 20; the regime is seen under noise of twice its size, and by the last return. A trade costs 8
  basis points. The best policy knows the belief that follows from all bars so far; what it does at each belief and
  position is found by value iteration. Training, validation and judgement are worlds of different seeds.
- peer: processor seconds until 20 episodes of CartPole without velocities last 475 steps on average, and the mean of
  100 fresh ones after 100,000 steps; ours and sb3-contrib's, whose settings are those that its zoo tuned.
"""

import copy
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from agent_worlds import RULES, accounts, settings
from gymnasium.vector import AutoresetMode
from hidden_worlds import LENGTH, Believer, TMaze, masked, regime_market

from trading_agent import episode_returns, evaluate
from trading_env import TradingVectorEnv

GOALS = {"CartPole-v1": 475.0, "Acrobot-v1": -100.0, "Pendulum-v1": -200.0}
COMMON = ("agent.num_envs=32", "agent.rollout_steps=64", "agent.batch_size=512", "agent.epochs=10")
SETTINGS: dict[str, tuple[str, ...]] = {
    "CartPole-v1": (
        *COMMON,
        "agent.steps=100000",
        "agent.discount=0.98",
        "agent.gae_lambda=0.9",
        "agent.reward_unit=reward",
        "agent.validate_every=8192",
    ),
    "Acrobot-v1": (
        "agent.num_envs=32",
        "agent.rollout_steps=128",
        "agent.batch_size=1024",
        "agent.epochs=8",
        "agent.steps=200000",
        "agent.learning_rate=2e-3",
        "agent.discount=0.99",
        "agent.gae_lambda=0.94",
        "agent.entropy_weight=0.005",
        "agent.average=0.99",
        "agent.scales=running",
        "agent.validate_every=40000",
    ),
    "Pendulum-v1": (
        "agent.num_envs=16",
        "agent.rollout_steps=201",  # whole episodes: all begin together, and a part of them would be one phase of all
        "agent.batch_size=804",
        "agent.epochs=10",
        "agent.steps=300000",
        "agent.discount=0.9",
        "agent.learning_rate=2e-3",
        "agent.reward_unit=reward",
        "agent.validate_every=16000",
    ),
}
VALIDATED = {
    "CartPole-v1": 20,
    "Acrobot-v1": 20,
    "Pendulum-v1": 100,
}  # episodes; how Pendulum starts decides its return
RECURRENT = {
    "maze": (
        "agent.num_envs=32",
        "agent.steps=500000",
        "agent.rollout_steps=256",
        "agent.batch_size=2048",
        "agent.discount=0.99",
        "agent.gae_lambda=0.98",
        "agent.entropy_weight=0.01",
        "agent.memory_units=32",
        "agent.memory_span=200",
        "agent.reward_unit=reward",
    ),
    "regimes": ("agent.memory_span=64", "agent.discount=0.98"),
}
PARTS = ("velocities", "maze", "regimes", "peer")


def main() -> None:
    """Print the tables that are asked for."""
    torch.set_num_threads(1)
    words = sys.argv[1:]
    seeds = int(words[-1]) if words and words[-1].isdigit() else 5
    for part in [word for word in words if word in PARTS] or PARTS:
        globals()[part](range(seeds))


def velocities(seeds: range) -> None:
    """Mean return of fresh episodes without velocities, with a memory and without."""
    print(f"\n{'without velocities':<28}{'median':>9}{'least':>9}{'reached':>9}{'s':>7}")
    for name, goal in GOALS.items():
        for kind in ("recurrent_ppo", "ppo"):
            make = partial(masked, name)
            rows = [learned(kind, SETTINGS[name], make, seed, episodes=VALIDATED[name]) for seed in seeds]
            tell(f"{name} {kind}", rows, goal)


def maze(seeds: range) -> None:
    """Mean return of fresh walks through the T-maze."""
    print(f"\n{f'T-maze, cue {LENGTH} steps back':<28}{'median':>9}{'least':>9}{'reached':>9}{'s':>7}")
    for kind in ("recurrent_ppo", "ppo"):
        words = [word for word in RECURRENT["maze"] if kind == "recurrent_ppo" or "memory" not in word]
        rows = [learned(kind, (*words, "agent.validate_every=32768"), TMaze, seed) for seed in seeds]
        tell(kind, rows, 3.9)


def learned(kind: str, words: Any, make: Callable[[int], Any], seed: int, *, episodes: int = 20) -> tuple[float, float]:
    """Train once, validated on some episodes; the mean return of 100 fresh ones, and seconds."""
    agent, train = settings(f"agent={kind}", *words)
    validation, started = make(episodes), time.process_time()

    def validate(policy: Any) -> float:
        return float(episode_returns(policy, validation, episodes, seed=1).mean())

    trained = train(make(agent.num_envs), agent, seed=seed, validate=validate)
    seconds = time.process_time() - started
    return float(episode_returns(trained.policy, make(100), 100, seed=2).mean()), seconds


def tell(name: str, rows: list[tuple[float, float]], goal: float) -> None:
    """Print a row of a table."""
    scores, seconds = np.array(rows).T
    reached = f"{(scores >= goal).sum()} of {len(scores)}"
    print(
        f"{name:<28}{np.median(scores):>9.2f}{scores.min():>9.2f}{reached:>9}{np.median(seconds):>7.1f}",
        flush=True,
    )


def regimes(seeds: range) -> None:
    """Share of the log growth of the best policy on beliefs, in worlds that nobody learned from."""
    best = Believer()
    print(f"\n{'hidden regimes':<28}{'median':>9}{'least':>9}{'reached':>9}{'s':>7}")
    for kind in ("recurrent_ppo", "ppo"):
        words = [word for word in RECURRENT["regimes"] if kind == "recurrent_ppo" or "memory" not in word]
        tell(kind, [regime_share(kind, words, best, seed) for seed in seeds], 0.9)


def regime_share(kind: str, words: list[str], best: Believer, seed: int) -> tuple[float, float]:
    """Train once; the share of the optimum's growth in an unseen world, and seconds."""
    agent, train = settings(f"agent={kind}", *words)
    env = TradingVectorEnv(regime_market(seed), RULES, num_envs=agent.num_envs, episode_bars=250, starts="random")
    seen, unseen = (accounts(regime_market(first + seed, bars=50_000), 50) for first in (1_000, 2_000))
    started = time.process_time()
    trained = train(env, agent, seed=seed, validate=lambda policy: evaluate(policy, seen, 50, seed=1))
    seconds = time.process_time() - started
    return evaluate(trained.policy, unseen, 100, seed=1) / evaluate(best, unseen, 100, seed=1), seconds


def peer(seeds: range) -> None:
    """Seconds to the mark, and score after 100,000 steps, beside sb3-contrib's RecurrentPPO with its zoo's settings."""
    print(f"\n{'CartPole without velocities':<28}{'to the mark, s':>16}{'return':>9}{'in all, s':>11}")
    for seed in seeds:
        for name, learned_by in (("ours", ours), ("sb3-contrib", theirs)):
            mark, score, seconds = learned_by(seed)
            print(f"{f'seed {seed}, {name}':<28}{mark:>16.1f}{score:>9.1f}{seconds:>11.1f}", flush=True)


class Stopwatch:
    """Processor seconds until a score was reached for the first time; infinity until it is."""

    def __init__(self, goal: float) -> None:
        self.goal, self.started, self.mark = goal, time.process_time(), float("inf")

    def see(self, score: float) -> float:
        """Take note of a score, and return it."""
        if score >= self.goal:
            self.mark = min(self.mark, self.seconds)
        return score

    @property
    def seconds(self) -> float:
        """Return those that are over."""
        return time.process_time() - self.started


def ours(seed: int) -> tuple[float, float, float]:
    """Return our seconds to the mark, the mean of 100 fresh episodes of what validated best, and all seconds."""
    agent, train = settings("agent=recurrent_ppo", *SETTINGS["CartPole-v1"], "agent.validate_every=4096")
    validation, watch = masked("CartPole-v1", 20), Stopwatch(GOALS["CartPole-v1"])

    def validate(policy: Any) -> float:
        return watch.see(float(episode_returns(policy, validation, 20, seed=1).mean()))

    trained = train(masked("CartPole-v1", agent.num_envs), agent, seed=seed, validate=validate)
    seconds = watch.seconds
    return watch.mark, float(episode_returns(trained.policy, masked("CartPole-v1", 100), 100, seed=2).mean()), seconds


def theirs(seed: int) -> tuple[float, float, float]:
    """Return the same of RecurrentPPO, as rl-baselines3-zoo tuned it: hyperparams/ppo_lstm.yml, CartPoleNoVel-v1."""
    from sb3_contrib import RecurrentPPO
    from stable_baselines3.common.callbacks import BaseCallback
    from stable_baselines3.common.vec_env import VecNormalize

    from trading_agent.sb3.adapter import as_vec_env

    env = VecNormalize(as_vec_env(masked("CartPole-v1", 8, AutoresetMode.SAME_STEP)), gamma=0.98)
    network = {"ortho_init": False, "activation_fn": torch.nn.ReLU, "lstm_hidden_size": 64, "enable_critic_lstm": True}
    model = RecurrentPPO(
        "MlpLstmPolicy",
        env,
        n_steps=32,
        batch_size=256,
        gae_lambda=0.8,
        gamma=0.98,
        n_epochs=20,
        ent_coef=0.0,
        learning_rate=lambda left: left * 1e-3,
        clip_range=lambda left: left * 0.2,
        policy_kwargs={**network, "net_arch": {"pi": [64], "vf": [64]}},
        seed=seed,
        device="cpu",
    )
    validation, watch = as_vec_env(masked("CartPole-v1", 20, AutoresetMode.SAME_STEP)), Stopwatch(GOALS["CartPole-v1"])

    class Validated(BaseCallback):
        judged, best, kept = 0, float("-inf"), None

        def judge(self) -> None:
            score = watch.see(their_score(model, env, validation, seed=1))
            self.judged = self.num_timesteps
            if score >= self.best:
                self.best = score
                self.kept = copy.deepcopy((model.policy.state_dict(), env.obs_rms))

        def _on_step(self) -> bool:
            return True

        def _on_rollout_start(self) -> None:
            if self.num_timesteps - self.judged >= 4_096:
                self.judge()

        def _on_training_end(self) -> None:
            self.judge()

    validated = Validated()
    model.learn(100_000, callback=validated)
    seconds = watch.seconds
    weights, env.obs_rms = validated.kept
    model.policy.load_state_dict(weights)
    fresh = as_vec_env(masked("CartPole-v1", 100, AutoresetMode.SAME_STEP))
    return watch.mark, their_score(model, env, fresh, seed=2), seconds


def their_score(model: Any, scales: Any, env: Any, *, seed: int) -> float:
    """Return the mean return of an episode in each of their environments, observations by the scales of training."""
    env.seed(seed)
    observations, state = env.reset(), None
    begins, alive, total = np.ones(env.num_envs, bool), np.ones(env.num_envs, bool), np.zeros(env.num_envs)
    while alive.any():
        shown = scales.normalize_obs(observations)
        actions, state = model.predict(shown, state=state, episode_start=begins, deterministic=True)
        observations, rewards, begins, _ = env.step(actions)
        total += rewards * alive
        alive &= ~begins
    return float(total.mean())


if __name__ == "__main__":
    main()

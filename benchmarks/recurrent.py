"""Agents that remember, where what is seen is not enough; beside those that do not, and beside sb3-contrib.

`make bench` runs it; some forty minutes with 5 seeds. Some of it, with 3 seeds: `python benchmarks/recurrent.py maze
3`. The parts are velocities, maze, regimes and peer. Seconds are those of the processor, one thread, validation
included. Settings were chosen on seeds from 100 on; here it is seeds from 0 on, judged on 100 fresh episodes. Which
seeds the numbers of docs/recurrent.md were read on, stands there.

- velocities: CartPole, Acrobot and Pendulum without their velocities. To be reached: 475, -100 and -200, which
  Pendulum does on some seeds only.
- maze: the T-maze of Bakker (2001), 100 cells long. The cue is shown at the first step; the right turn at the end earns
  4, the wrong one and every step that leads nowhere -0.1. To be reached: 4 less a tenth.
- regimes: a market whose next log return is 6 basis points up or down, by a regime that turns once in 50 bars on
  average, plus noise of 20; the regime is seen under noise of twice its size, and by the last return. A trade costs 8
  basis points. The best policy knows the belief that follows from all bars so far; what it does at each belief and
  position is found by value iteration. Training, validation and judgement are worlds of different seeds.
- peer: processor seconds until 20 episodes of CartPole without velocities last 475 steps on average.
"""

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
        *COMMON,
        "agent.steps=300000",
        "agent.discount=0.9",
        "agent.learning_rate=2e-3",
        "agent.reward_unit=reward",
        "agent.validate_every=8192",
    ),
}
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
            rows = [learned(kind, SETTINGS[name], partial(masked, name), seed) for seed in seeds]
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
    """Seconds to the mark beside sb3-contrib's RecurrentPPO with the settings its zoo has for this environment."""
    print(f"\n{'CartPole without velocities':<28}{'ours, s':>9}{'theirs, s':>11}{'ratio':>9}")
    for seed in seeds:
        ours = to_the_mark(seed)
        theirs, whole = theirs_to_the_mark(seed, most=10.0 * ours)
        print(
            f"{f'seed {seed}':<28}{ours:>9.1f}{theirs if whole else f'over {theirs:.0f}':>11}{ours / theirs:>9.3f}",
            flush=True,
        )


class MarkReached(Exception):
    """Ends a training that has come far enough."""


def to_the_mark(seed: int) -> float:
    """Return our seconds."""
    name = "CartPole-v1"
    words = (*SETTINGS[name], "agent.validate_every=4096")  # the last word counts
    agent, train = settings("agent=recurrent_ppo", *words)
    validation = masked(name, 20)
    started = time.process_time()

    def validate(policy: Any) -> float:
        score = float(episode_returns(policy, validation, 20, seed=1).mean())
        if score >= GOALS[name]:
            raise MarkReached
        return score

    try:
        train(masked(name, agent.num_envs), agent, seed=seed, validate=validate)
    except MarkReached:
        return time.process_time() - started
    return float("inf")


def theirs_to_the_mark(seed: int, most: float) -> tuple[float, bool]:
    """Return their seconds, and whether that was the mark; if not, `most` were over before it."""
    from sb3_contrib import RecurrentPPO
    from stable_baselines3.common.callbacks import BaseCallback

    from trading_agent.sb3.adapter import as_vec_env

    def falling(rate: float) -> Callable[[float], float]:
        return lambda left: left * rate

    # rl-baselines3-zoo, hyperparams/ppo_lstm.yml, CartPoleNoVel-v1
    zoo = {"n_steps": 32, "batch_size": 256, "gae_lambda": 0.8, "gamma": 0.98, "n_epochs": 20, "ent_coef": 0.0}
    env = as_vec_env(masked("CartPole-v1", 8, AutoresetMode.SAME_STEP))
    validation = as_vec_env(masked("CartPole-v1", 20, AutoresetMode.SAME_STEP))
    model = RecurrentPPO(
        "MlpLstmPolicy",
        env,
        learning_rate=falling(1e-3),
        clip_range=falling(0.2),
        seed=seed,
        device="cpu",
        **zoo,  # type: ignore[arg-type]
    )
    started = time.process_time()

    class Stop(BaseCallback):
        judged = 0

        def _on_step(self) -> bool:
            return time.process_time() - started < most

        def _on_rollout_start(self) -> None:
            if self.num_timesteps - self.judged >= 4_096:
                self.judged = self.num_timesteps
                if their_score(model, validation) >= GOALS["CartPole-v1"]:
                    raise MarkReached

    try:
        model.learn(100_000, callback=Stop())
    except MarkReached:
        return time.process_time() - started, True
    return time.process_time() - started, False


def their_score(model: Any, env: Any) -> float:
    """Return the mean return of an episode in each of their environments."""
    env.seed(1)
    observations, state = env.reset(), None
    begins, alive, total = np.ones(env.num_envs, bool), np.ones(env.num_envs, bool), np.zeros(env.num_envs)
    while alive.any():
        actions, state = model.predict(observations, state=state, episode_start=begins, deterministic=True)
        observations, rewards, begins, _ = env.step(actions)
        total += rewards * alive
        alive &= ~begins
    return float(total.mean())


if __name__ == "__main__":
    main()

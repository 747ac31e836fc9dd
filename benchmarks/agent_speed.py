"""Env-steps a second of our agents in training, and of Stable-Baselines3's on the same batched environment."""

import time
from typing import Any

import numpy as np
from agent_worlds import RULES, settings, world
from gymnasium.vector import AutoresetMode

from trading_agent.common.policy import ConstantPolicy
from trading_env import Market, TradingEnv, TradingVectorEnv


def speed(seeds: int) -> None:
    """Env-steps per second of training, 1,024 accounts, perceptrons of 64-64; ours and theirs take turns.

    DQN without double estimation, which theirs does not have: the same work on both sides.
    """
    try:
        import stable_baselines3

        from trading_agent.sb3.adapter import as_vec_env
    except ImportError:
        print("stable-baselines3 is not installed: `make bench-env` installs it")
        return
    market, wide = world(0), {"net_arch": [64, 64]}

    def ours(name: str, *words: str) -> float:
        agent, train = settings(f"agent={name}", "agent.num_envs=1024", "agent.hidden_sizes=[64,64]", *words)
        env = TradingVectorEnv(market, RULES, num_envs=1_024, episode_bars=250, starts="random")
        started = time.process_time()
        train(env, agent, seed=0, validate=lambda policy: float(isinstance(policy, ConstantPolicy)))
        learned = agent.steps - (agent.learning_starts if name == "dqn" else 32 * 1_024)
        return learned / (time.process_time() - started)

    def theirs(name: str, steps: int, *, batched: bool, **given: Any) -> float:
        if batched:
            many = TradingVectorEnv(
                market,
                RULES,
                num_envs=1_024,
                episode_bars=250,
                starts="random",
                autoreset_mode=AutoresetMode.SAME_STEP,
            )
            env: Any = as_vec_env(many)
        else:
            env = stable_baselines3.common.vec_env.DummyVecEnv([lambda: TradingEnv(market, RULES)] * 8)
        model = getattr(stable_baselines3, name)("MlpPolicy", env, seed=0, device="cpu", policy_kwargs=wide, **given)
        started = time.process_time()
        model.learn(steps)
        return model.num_timesteps / (time.process_time() - started)

    ppo = ("agent.rollout_steps=32", "agent.batch_size=8192", "agent.epochs=4", "agent.validate_every=1000000")
    dqn = (
        "agent.batch_size=2048",
        "agent.updates_per_step=4",
        "agent.learning_starts=1024",
        "agent.double=false",
        "agent.validate_every=1000000",
    )
    pairs = {
        "ppo": (
            lambda: ours("ppo", "agent.steps=196608", *ppo),
            lambda: theirs("PPO", 163_840, batched=True, n_steps=32, batch_size=8_192, n_epochs=4),
            lambda: theirs("PPO", 10_240, batched=False, n_steps=256, batch_size=256, n_epochs=4),
        ),
        "dqn": (
            lambda: ours("dqn", "agent.steps=120000", *dqn),
            lambda: theirs(
                "DQN",
                102_400,
                batched=True,
                batch_size=2_048,
                gradient_steps=4,
                train_freq=1,
                learning_starts=1_024,
                buffer_size=100_000,
            ),
            lambda: theirs(
                "DQN",
                6_000,
                batched=False,
                batch_size=64,
                gradient_steps=1,
                train_freq=1,
                learning_starts=100,
                buffer_size=100_000,
            ),
        ),
    }
    titles = f"{'ours':>10}{'sb3, batched':>14}{'ours / it':>11}{'sb3, 8 envs':>13}{'ours / it':>11}"
    print(f"\n{'learned steps/s':<20}{titles}")
    for name, timers in pairs.items():
        for timer in timers:
            timer()  # a first time for nothing: libraries warm up
        played = np.array([[timer() for timer in timers] for _ in range(seeds)])
        ratio = np.median(played[:, :1] / played, axis=0)
        one, two, three = np.median(played, axis=0)
        print(f"{name:<20}{one:>10,.0f}{two:>14,.0f}{ratio[1]:>11.2f}{three:>13,.0f}{ratio[2]:>11.1f}")
    alone = np.median([direct_speed(market) for _ in range(seeds + 1)][1:])
    print(f"{'direct':<20}{alone:>10,.0f}{'has none':>14}")


def direct_speed(market: Market) -> float:
    """Return the bars of accounts a second that `direct` learns from, 1,024 windows an update."""
    agent, train = settings("agent=direct", "agent.num_envs=1024", "agent.validate_every=10000000")
    env = TradingVectorEnv(market, RULES, num_envs=1)
    started = time.process_time()
    train(env, agent, seed=0, validate=lambda policy: float(isinstance(policy, ConstantPolicy)))
    return float(agent.steps) / (time.process_time() - started)

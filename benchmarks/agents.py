"""Agents on worlds with a known best policy, on Gymnasium's classics, and beside Stable-Baselines3 in the same run.

`make bench` runs it; some twenty minutes with 5 seeds. Some of it, with 3 seeds: `python benchmarks/agents.py ou 3`.
The parts are ou, memory, martingale, speed, cartpole and acrobot. Seconds are those of the processor, one thread,
validation included. Medians, least and most over the seeds.

The known world is that of agent_worlds.py. The best policy is a no-trade band, found by value iteration on (signal,
position). Training, validation and judgement are worlds of different seeds; the shipped settings are used as they are
(conf/agent/*.yaml). In `memory` the signal is seen under noise of twice its deviation among 3 noise columns, 20,000
bars of it: who remembers earlier bars knows more.
"""

import dataclasses
import os
import sys
import time
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import gymnasium
import numpy as np
import torch
from agent_speed import speed
from agent_worlds import RULES, Best, accounts, classics, settings, turnover, world

from tradewinds.tasks.account.market import context
from trading_agent import episode_returns, evaluate
from trading_env import Market, TradingVectorEnv


def main() -> None:
    """Print the tables that are asked for."""
    torch.set_num_threads(1)
    words = sys.argv[1:]
    seeds = int(words[-1]) if words and words[-1].isdigit() else 5
    parts = {part.__name__: part for part in (ou, memory, martingale, speed, cartpole, acrobot)}
    for name in [word for word in words if word in parts] or parts:
        parts[name](seeds)


def ou(seeds: int) -> None:
    """Share of the optimum's log growth out of sample, turnover beside the optimum's, seconds."""
    print(
        f"\n{'share of the known optimum':<28}{'median':>8}{'least':>8}{'most':>8}{'turnover':>10}{'to 0.9':>8}{'s':>7}"
    )
    for name in ("direct", "ppo", "counterfactual_dqn", "reinforce"):
        rows = np.array([known_world(name, seed) for seed in range(seeds)])
        share, turnover, reached, seconds = rows.T
        print(
            f"{name:<28}{np.median(share):>8.3f}{share.min():>8.3f}{share.max():>8.3f}{np.median(turnover):>10.2f}"
            f"{np.median(reached):>8.1f}{np.median(seconds):>7.1f}"
        )


def known_world(name: str, seed: int) -> tuple[float, float, float, float]:
    """Train once; share, turnover over the optimum's, seconds to 0.9 of it in validation, and in all."""
    best = Best()
    agent, train = settings(f"agent={name}")
    env = TradingVectorEnv(world(seed), RULES, num_envs=agent.num_envs, episode_bars=250, starts="random")
    seen = accounts(world(1_000 + seed, bars=50_000), 50)
    goal, started, reached = evaluate(best, seen, 50, seed=1), time.process_time(), [np.inf]

    def validate(policy: Any) -> float:
        score = evaluate(policy, seen, 50, seed=1)
        if score >= 0.9 * goal:
            reached.append(time.process_time() - started)
        return score

    trained = train(env, agent, seed=seed, validate=validate)
    seconds = time.process_time() - started
    unseen = accounts(world(2_000 + seed), 100)
    share = evaluate(trained.policy, unseen, 100, seed=1) / evaluate(best, unseen, 100, seed=1)
    return share, turnover(trained.policy, unseen) / turnover(best, unseen), min(reached), seconds


def memory(seeds: int) -> None:
    """Share of the growth of who knows the signal, for a policy of one bar and an LSTM policy of the last ones."""
    print(f"\n{'signal under noise':<28}{'median':>8}{'least':>8}{'most':>8}{'s':>7}")
    for name in ("direct", "direct_lstm"):
        share, seconds = np.array([remembered(name, seed) for seed in range(seeds)]).T
        print(f"{name:<28}{np.median(share):>8.3f}{share.min():>8.3f}{share.max():>8.3f}{np.median(seconds):>7.1f}")


def remembered(name: str, seed: int) -> tuple[float, float]:
    """Train once; share and seconds."""
    agent, train = settings(f"agent={name}")
    learned, seen, unseen = (veiled(1_000 * part + seed, agent.context_length) for part in range(3))
    env = TradingVectorEnv(learned, RULES, num_envs=agent.num_envs, episode_bars=250, starts="random")
    chosen, started = accounts(seen, 50), time.process_time()
    trained = train(env, agent, seed=seed, validate=lambda policy: evaluate(policy, chosen, 50, seed=1))
    seconds = time.process_time() - started
    knows = accounts(world(2_000 + seed, bars=20_000, features=4), 50)
    return evaluate(trained.policy, accounts(unseen, 50), 50, seed=1) / evaluate(Best(), knows, 50, seed=1), seconds


def veiled(seed: int, bars: int) -> Market:
    """Return the world of `seed` with its signal under noise, `bars` bars in each observation."""
    market = world(seed, bars=20_000, features=4)
    table = market.features.copy()
    table[:, 0] += 2.0 * np.random.default_rng(seed + 77).standard_normal(len(table), dtype=np.float32)
    return dataclasses.replace(market, features=context(table, range(len(table)), bars, 0))


def martingale(seeds: int) -> None:
    """How many of 8 seeds per asked-for seed end flat where nothing can be known: 40 by default."""
    print(f"\n{'flat on a martingale':<28}{'of':>8}{'flat':>8}")
    for name in ("dqn", "ppo", "direct"):
        flat = [stays_out(name, seed) for seed in range(8 * seeds)]
        print(f"{name:<28}{len(flat):>8}{sum(flat):>8}")


def stays_out(name: str, seed: int) -> bool:
    """Train a fifth of the shipped steps on noise; candidates must beat nothing by three standard errors."""
    agent, train = settings(f"agent={name}", "agent.steps=40000", "agent.validate_every=10000", "agent.num_envs=32")
    made = [world(10_000 * part + seed, bars=1_500, slope=0.0, features=8) for part in (1, 2, 3)]
    env = TradingVectorEnv(made[0], RULES, num_envs=32, episode_bars=250, starts="random")
    alone = TradingVectorEnv(made[1], RULES)
    trained = train(env, agent, seed=seed, validate=lambda policy: evaluate(policy, alone, 1, standard_errors=3.0))
    return evaluate(trained.policy, TradingVectorEnv(made[2], RULES), 1) == 0.0


def cartpole(seeds: int) -> None:
    """Return of 100 fresh greedy episodes by the published settings, best checkpoint; seconds of SB3, unvalidated."""
    print(
        f"\n{'CartPole-v1, 100 episodes':<28}{'median':>8}{'least':>8}{'sd':>8}{'seeds at 500':>14}{'s':>7}{'sb3 s':>8}"
    )
    for name in ("cartpole_ppo", "cartpole_dqn"):
        classic(name, "CartPole-v1", seeds, f"experiment={name}", theirs=zoo_seconds(name))


def zoo_seconds(name: str) -> str:
    """Return the seconds that Stable-Baselines3 takes for the same steps by the settings its RL Zoo publishes."""
    try:
        import stable_baselines3
    except ImportError:
        return "-"
    if name == "cartpole_ppo":
        env: Any = stable_baselines3.common.vec_env.DummyVecEnv([lambda: gymnasium.make("CartPole-v1")] * 8)
        published: dict[str, Any] = {
            "n_steps": 32,
            "batch_size": 256,
            "n_epochs": 20,
            "gae_lambda": 0.8,
            "gamma": 0.98,
        }
        published |= {"learning_rate": lambda left: 1e-3 * left, "clip_range": lambda left: 0.2 * left}
    else:
        env = gymnasium.make("CartPole-v1")
        published = {"learning_rate": 2.3e-3, "batch_size": 64, "buffer_size": 100_000, "learning_starts": 1_000}
        published |= {"target_update_interval": 10, "train_freq": 256, "gradient_steps": 128, "gamma": 0.99}
        published |= {
            "exploration_fraction": 0.16,
            "exploration_final_eps": 0.04,
            "policy_kwargs": {"net_arch": [256, 256]},
        }
    kind = stable_baselines3.PPO if name == "cartpole_ppo" else stable_baselines3.DQN
    model, started = kind("MlpPolicy", env, seed=0, device="cpu", **published), time.process_time()
    model.learn(100_000 if name == "cartpole_ppo" else 50_000)
    return f"{time.process_time() - started:.1f}"


def acrobot(seeds: int) -> None:
    """The same for Acrobot-v1; published: PPO -73.5 +- 18.2, DQN -76.6 +- 11.8."""
    print(f"\n{'Acrobot-v1, 100 episodes':<28}{'median':>8}{'least':>8}{'sd':>8}{'seeds at 500':>14}{'s':>7}")
    ppo = ("agent=ppo", "agent.num_envs=16", "agent.rollout_steps=256", "agent.batch_size=256", "agent.discount=0.99")
    classic("ppo", "Acrobot-v1", seeds, *ppo, "agent.gae_lambda=0.94", "agent.steps=300000")
    dqn = ("agent=dqn", "agent.num_envs=1", "agent.steps=100000", "agent.hidden_sizes=[256,256]", "agent.double=false")
    dqn += ("agent.learning_rate=6.3e-4", "agent.batch_size=128", "agent.replay_size=50000", "agent.discount=0.99")
    dqn += (
        "agent.learning_starts=500",
        "agent.update_every=4",
        "agent.target_interval=250",
        "agent.validate_every=5000",
    )
    dqn += ("agent.exploration.start=1.0", "agent.exploration.end=0.1", "agent.exploration.fraction=0.12")
    classic("dqn", "Acrobot-v1", seeds, *dqn, "agent.standardise=false")


def classic(title: str, name: str, seeds: int, *words: str, theirs: str = "") -> None:
    """Train on a classic and print what came of it."""
    rows = []
    for seed in range(seeds):
        agent, train = settings(*words)
        started = time.process_time()
        judge, validation = classics(name, 100), classics(name, 100)
        env = classics(name, agent.num_envs)
        trained = train(
            env,
            agent,
            seed=seed,
            validate=lambda policy, on=validation: episode_returns(policy, on, 100, seed=1).mean(),
        )
        seconds = time.process_time() - started
        earned = episode_returns(trained.policy, judge, 100, seed=2)
        rows.append((earned.mean(), earned.std(ddof=1), (earned == 500.0).all(), seconds))
    mean, spread, full, seconds = np.array(rows).T
    print(
        f"{title:<28}{np.median(mean):>8.1f}{mean.min():>8.1f}{np.median(spread):>8.1f}{int(full.sum()):>14}"
        f"{np.median(seconds):>7.1f}{theirs:>8}"
    )


if __name__ == "__main__":
    main()

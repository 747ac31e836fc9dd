"""What a reward, an agent and its policy must hold to."""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from tradewinds.core.plugins import registered
from tradewinds.testing.rules import made_series, need, same, told
from trading_agent import load_policy, save_policy
from trading_agent.common.config import AgentConfig
from trading_agent.common.evaluation import evaluate
from trading_agent.common.loop import TrainedAgent
from trading_agent.common.player import Player
from trading_agent.common.registry import POLICIES
from trading_env import Market, RewardConfig, TradingConfig, TradingEnv, TradingVectorEnv
from trading_env.account.rewards import Reward
from trading_env.ledger.arithmetic import FLOATS, numbers_of
from trading_env.reward_kinds import REWARDS

READS = frozenset({"deeper", "benchmark", "turnover"})
CHECKED = "reward that is checked"  # its name meanwhile
BARS = 80


def check_reward(reward: Callable[[RewardConfig], Reward], config: RewardConfig | None = None) -> None:
    """Check a reward of the trading account: a `trading_env.account.rewards.Reward`, built of its settings.

    Args:
        reward: what `env.reward.kind` stands for.
        config: settings; None for those by default.

    Raises:
        ConformanceError: what it reads or remembers is not what it says; a reward that is not finite, at ruin too;
            floats and arrays that differ; state of its own; or environments in which one account and many differ.
    """
    config = RewardConfig() if config is None else config
    with told("building the reward", "it must take a RewardConfig and be a trading_env.account.rewards.Reward"):
        built = reward(config)
    need(
        isinstance(built, Reward),
        f"the reward is a {type(built).__name__}; it must be a Reward, so derive it from that",
    )
    odd = set(built.reads) - READS
    need(not odd, f"reads must name some of {', '.join(sorted(READS))}, named {', '.join(sorted(odd))}; leave them out")
    rng, count = np.random.default_rng(0), 64
    bars = {
        "before": rng.uniform(0.2, 2.0, count),
        "after": np.append(rng.uniform(0.2, 2.0, count - 2), [0.0, -0.5]),  # ruined, and owing
        "deeper": rng.normal(0.0, 0.1, count),
        "benchmark": rng.normal(0.0, 0.01, count),
        "turnover": rng.uniform(0.0, 2.0, count),
    }
    memory = tuple(rng.uniform(0.0, 1e-3, count) for _ in range(built.num_moments))
    many, kept = _rewarded(built, numbers_of(1), bars, memory)
    need(
        len(kept) == built.num_moments,
        f"it remembers {len(kept)} numbers; num_moments says {built.num_moments}: set it",
    )
    need(
        np.shape(many) == (count,), f"rewards must be (N,) = ({count},), were {np.shape(many)}; let arrays pass through"
    )
    need(
        bool(np.isfinite(many).all()),
        "the reward is not finite, as at ruin, where equity is 0; take Reward.growth, which is finite there",
    )
    need(
        same(many, _rewarded(built, numbers_of(1), bars, memory)[0]),
        "the reward differs from call to call; keep nothing",
    )
    for number in range(count):
        alone, _ = _rewarded(
            built,
            FLOATS,
            {name: float(column[number]) for name, column in bars.items()},
            tuple(float(moment[number]) for moment in memory),
        )
        need(
            float(alone) == many[number],
            f"one account is rewarded {float(alone):.17g} and the same among many {many[number]:.17g}; take where, "
            "maximum and minimum from the first argument, and no `if` on numbers",
        )
    _check_played(reward, config)


def _rewarded(
    built: Reward, numbers: Any, bars: dict[str, Any], memory: tuple[Any, ...]
) -> tuple[Any, tuple[Any, ...]]:
    handed = {name: value for name, value in bars.items() if name not in READS or name in built.reads}
    with told("the reward", "it must take what Reward.of takes, and name in `reads` what else it is handed"):
        return built.of(numbers, **(dict.fromkeys(READS) | handed), memory=memory)


def _check_played(reward: Callable[[RewardConfig], Reward], config: RewardConfig) -> None:
    """Play one account and many by the same actions."""
    REWARDS[CHECKED] = reward
    try:
        rules = TradingConfig(reward=RewardConfig(kind=CHECKED, penalty=config.penalty, memory_bars=config.memory_bars))
        many, one = TradingVectorEnv(made_market(), rules, num_envs=3), TradingEnv(made_market(), rules)
        many.reset(seed=0)
        one.reset(seed=0)
        for action in np.random.default_rng(0).integers(0, 3, BARS - 2).tolist():
            ours, theirs = one.step(action)[1], many.step(np.full(3, action))[1]
            need(
                bool((theirs == ours).all()) and bool(np.isfinite(ours)),
                f"in play one account is rewarded {ours:.17g} and the same among many {theirs[0]:.17g}; keep no state",
            )
    finally:
        REWARDS.pop(CHECKED)


def made_market(bars: int = BARS) -> Market:
    """Return a market of one asset whose two features are its last two log returns."""
    series = made_series(bars)
    change = series.log_return()[:, 0]
    features = np.nan_to_num(np.column_stack([change, np.append(0.0, change[:-1])])).astype(np.float32)
    return Market(open=series.open, close=series.close, features=features, bars_per_year=365.25, instruments=("one",))


def check_policy(policy: type[Any]) -> None:
    """Check the class of a policy: `kind`, `act`, `settings`, `tensors`, and `from_saved` that builds it anew.

    Raises:
        ConformanceError: one of them is missing. `check_agent` lets it act.
    """
    lacks = [name for name in ("act", "settings", "tensors", "from_saved") if not callable(getattr(policy, name, None))]
    need(not lacks, f"the policy lacks {', '.join(lacks)}; see trading_agent.common.policy.Policy")
    kind = getattr(policy, "kind", None)
    need(isinstance(kind, str) and bool(kind), f"kind must be the name it is offered under, was {kind!r}; set it")


def check_agent(train: Callable[..., TrainedAgent], settings: Any, make_env: Callable[[], Any] | None = None) -> None:
    """Check an agent: `(env, settings, seed=, validate=, progress=, checkpoint=, resume=) -> TrainedAgent`.

    Args:
        train: what `agent.kind` stands for.
        settings: with few steps, since it is trained twice.
        make_env: returns the vector environment it learns in; None for 80 bars of a made-up market.

    Raises:
        ConformanceError: what it returns; another outcome of the same seed; a policy whose actions are none of the
            environment's, depend on chance or on who else is asked, or that cannot be saved and loaded.
    """
    registered()  # policies of installed plug-ins can be loaded
    first, second = (_trained(train, settings, make_env or (lambda: _env(settings))) for _ in range(2))
    env = (make_env or (lambda: _env(settings)))()
    observations, _ = env.reset(seed=0)
    policy = first.policy
    actions = _first(policy, observations)
    space = env.single_action_space
    need(
        len(actions) == len(observations) and all(action in space for action in actions),
        f"act must return an action of {space} for each of the {len(observations)} observations, was {actions!r}",
    )
    need(
        same(actions, _first(policy, observations)),
        "the policy acts otherwise when asked again; it must act without chance",
    )
    alone = np.concatenate([_first(policy, observations[number : number + 1]) for number in range(len(observations))])
    need(
        bool(np.allclose(alone, actions, rtol=1e-4, atol=1e-5)),
        "the policy acts otherwise when an observation is shown alone; normalise by what was learned, not by the batch",
    )
    tensors, others = policy.tensors(), second.policy.tensors()
    need(
        policy.settings() == second.policy.settings()
        and tensors.keys() == others.keys()
        and all(same(tensors[name], others[name]) for name in tensors),
        "two trainings of one seed end in other policies; draw all chance from `seed`",
    )
    _check_saving(policy, observations, actions)


def _first(policy: Any, observations: Any) -> Any:
    """Return what a policy does at the first observations of episodes."""
    return Player(policy, len(observations)).act(observations)


def _env(settings: Any) -> TradingVectorEnv:
    asked = settings.requirements() if isinstance(settings, AgentConfig) else {}
    rules = TradingConfig(actions="exposure" if "box_actions" in asked else "levels")
    return TradingVectorEnv(made_market(), rules, num_envs=getattr(settings, "num_envs", 4), starts="random")


def _trained(train: Callable[..., TrainedAgent], settings: Any, make_env: Callable[[], Any]) -> TrainedAgent:
    with told("the training", "it must take (env, settings, **trading_agent.common.loop.TrainingOptions)"):
        trained = train(
            make_env(),
            settings,
            seed=3,
            validate=lambda policy: evaluate(policy, make_env(), 2, seed=1),
            progress=None,
            checkpoint=None,
            resume=None,
        )
    need(
        isinstance(trained, TrainedAgent),
        f"the training returned a {type(trained).__name__}; it must return trading_agent.common.loop.TrainedAgent",
    )
    score = trained.best_score
    need(bool(np.isfinite(score)), f"best_score must be the finite score that `validate` gave, was {score}")
    return trained


def _check_saving(policy: Any, observations: Any, actions: Any) -> None:
    need(
        policy.kind in POLICIES,
        f"the policy's kind '{policy.kind}' is not offered, so that a saved run could not load it; offer it in the "
        "group policy, and install the package",
    )
    with TemporaryDirectory() as name, told("saving and loading the policy", "see trading_agent.common.policy.Policy"):
        save_policy(policy, Path(name))
        restored = load_policy(Path(name))
    need(
        same(actions, _first(restored, observations)),
        "the policy acts otherwise after it was saved and loaded; settings and tensors must hold all it acts by",
    )

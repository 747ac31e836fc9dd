"""Direct reinforcement: the gradient of what a policy earns, through the ledger itself (Moody and Saffell 2001).

Market data are exogenous: what an account does moves its own money and nothing else, and the ledger's law has a
derivative. So no value is learned and no reward sampled: the mean log growth of equity over windows of bars is
differentiated with respect to the weights. Page: docs/direct.md. Departures from the paper (IEEE Transactions on Neural
Networks 12(4), section II):

 1. Log growth of equity under the ledger's costs, instead of the differential Sharpe ratio of additive profits.
 2. A multilayer perceptron on a row of features and the exposure held, instead of one neuron; or an LSTM over the
    features of the last bars with a perceptron on its hidden state, both trained by this gradient (`lstm_units`).
 3. Batches of windows from random bars and random holdings, by Adam, instead of one pass through time bar by bar; the
    gradient runs back to the start of the window (backpropagation through time), not one step.
 4. Where the environment offers levels, the policy is a chance for each level given the one held, and what is
    differentiated is the growth expected over all chains of levels, without drawing any; it acts by the likeliest. The
    last quarter of a window's bars counts for what positions earn there, but its decisions are not learned from.
 5. Costs rise over the first fifth of the training: never to trade is a local optimum that few leave.
 6. What acts is a running average of the weights, which the noise of single updates moves less.
 7. The policy returned is the one validated best, constant positions among the candidates.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

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
from trading_agent.common.transitions import AnyVectorEnv
from trading_agent.direct.config import DirectConfig
from trading_agent.direct.learners import learner_for


def train_direct(
    env: AnyVectorEnv,
    config: DirectConfig,
    *,
    seed: int,
    validate: Validate,
    progress: Progress | None = None,
    checkpoint: Path | None = None,
    resume: Path | None = None,
    initial: Mapping[str, NDArray[np.float32]] | None = None,
) -> TrainedAgent:
    """Learn exposures in a trading environment by the gradient of log growth.

    Args:
        env: `trading_env.TradingVectorEnv`; of it the market and the rules are read, it is not stepped.
        config: the settings.
        seed: all randomness is derived from it.
        validate: scores a policy, larger is better; called with constant policies before learning, then every
            `config.validate_every` env steps and at the end.
        progress: called as (env steps done, of, metrics).
        checkpoint: folder that holds the newest state after every validation, replaced atomically.
        resume: such a folder of an earlier, interrupted call with the same settings and seed; the outcome equals that
            of a call never interrupted, bit for bit.
        initial: first scales and weights of an LSTM policy, such as a forecaster's (`networks.FeatureNetwork`).

    Returns:
        The policy that validated best, its step and score, and all scores.

    Raises:
        ValueError: the rules have no gradient, the market is too short, `resume` does not fit, or training diverged.

    Source:
        Moody and Saffell (2001), Learning to trade via direct reinforcement, IEEE Transactions on Neural Networks
        12(4), 875-889.
    """
    _, network_seed, rng = seeds_from(seed)
    learner = learner_for(env, config, network_seed, rng, initial)
    selection = Selection(validate)
    saved = Checkpoint(config, seed, rng, {"learner": learner, "selection": selection})
    step = 0 if resume is None else saved.read(resume)
    if resume is None:
        for candidate in learner.constant_policies():
            selection.consider(0, candidate, {})
    policy = learner.policy()
    while step < config.steps:
        before, step = step, step + config.num_envs * config.window_bars
        learner.update(before / config.steps)
        metrics = {"growth_per_bar": learner.growth}
        finite(metrics, before)
        if crossed(before, step, config.validate_every) or step >= config.steps:
            selection.consider(step, policy, metrics)
            if checkpoint is not None:
                saved.write(checkpoint, step)
        if progress is not None and (crossed(before, step, REPORT_EVERY) or step >= config.steps):
            progress(min(step, config.steps), config.steps, {**metrics, "best_score": selection.score})
    return selection.result()

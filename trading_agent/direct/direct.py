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
 7. For several assets with features of their own the network says bands, not exposures: inside its band an asset is not
    traded (`portfolio.py`).
 8. The policy returned is the one validated best, constant positions among the candidates.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any, Unpack

import numpy as np
from numpy.typing import NDArray

from trading_agent.common.config import raise_all
from trading_agent.common.loop import Seeds, TrainedAgent, TrainingOptions, train
from trading_agent.common.transitions import AnyVectorEnv
from trading_agent.direct.config import DirectConfig, refuse_context, refuse_rules, refuse_stops
from trading_agent.direct.learners import DirectLearner, ExposureLearner, LevelLearner
from trading_agent.direct.portfolio_learner import PortfolioLearner


def train_direct(
    env: AnyVectorEnv,
    config: DirectConfig,
    *,
    initial: Mapping[str, NDArray[np.float32]] | None = None,
    **options: Unpack[TrainingOptions],
) -> TrainedAgent:
    """Learn exposures in a trading environment by the gradient of log growth.

    Outcome and errors are those of `trading_agent.common.loop.train`; rules without a gradient and a market that is too
    short are refused.

    Args:
        env: `trading_env.TradingVectorEnv`; of it the market and the rules are read, it is not stepped.
        config: the settings.
        initial: first scales and weights of an LSTM policy, such as a forecaster's (`networks.FeatureNetwork`).
        **options: as `TrainingOptions` says; constant positions are what learning has to beat.

    Source:
        Moody and Saffell (2001), Learning to trade via direct reinforcement, IEEE Transactions on Neural Networks
        12(4), 875-889.
    """
    return train(partial(learner_for, initial=initial), env, config, **options)


def learner_for(
    env: Any, config: DirectConfig, seeds: Seeds, initial: Mapping[str, NDArray[np.float32]] | None = None
) -> DirectLearner:
    """Return the learner of what `env` takes for an action, and of what its market shows of the assets.

    Raises:
        ValueError: as `DirectLearner`; the environment has no ledger; one exposure is spread over several assets;
            levels of assets that stop trading; more bars than one of several assets.
    """
    if not hasattr(env, "simulator"):
        raise ValueError(f"env must have a ledger, as TradingVectorEnv has, for agent=direct, was {type(env).__name__}")
    rules, market = env.simulator.config, env.simulator.market
    kind = kind_of_learner(rules, market)
    faults = refuse_rules(rules, market.close.shape[1])
    faults += refuse_stops(market) if kind is LevelLearner else []
    faults += refuse_context(config) if kind is PortfolioLearner else []
    raise_all(faults)
    return kind(env, config, seeds, initial)


def kind_of_learner(rules: Any, market: Any) -> type[DirectLearner]:
    """Return which learner serves the actions of `rules` in `market`."""
    if rules.actions == "levels":
        return LevelLearner
    return PortfolioLearner if market.asset_features else ExposureLearner

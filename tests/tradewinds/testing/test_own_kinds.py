"""Whatever is ours holds the contracts that plug-ins are held to."""

from dataclasses import replace

import pytest

from forecaster.config import DAYWISE, FORESEEING
from forecaster.registry import HEADS, LOSSES, MODELS
from tradewinds import testing
from tradewinds.core.plugins import OWN, load
from tradewinds.core.resources import resource_dir
from tradewinds.request.compose import compose_requests
from tradewinds.request.schema import request_from
from tradewinds.testing.networks import SMALL
from trading_env.reward_kinds import OWN as REWARDS
from trading_env.reward_kinds import reward_class

from markets import small_config
from planting import request

READERS = [kind for kind in MODELS.own if kind not in (*DAYWISE, *FORESEEING)]  # those that read windows alone


@pytest.mark.parametrize("kind", READERS)
def test_every_architecture_holds_the_contract(kind):
    config = small_config(kind, context_length=8, hidden_size=8).model
    testing.check_model(MODELS.load(kind), config)


@pytest.mark.parametrize("head", HEADS.own)
def test_every_head_holds_the_contract(head):
    testing.check_head(HEADS.load(head), replace(SMALL, head=head))


@pytest.mark.parametrize("loss", LOSSES.own)
def test_every_loss_holds_the_contract(loss):
    testing.check_loss(LOSSES.load(loss))


@pytest.mark.parametrize("kind", REWARDS)
def test_every_reward_holds_the_contract(kind):
    testing.check_reward(reward_class(kind))


def settings(group, *words):
    """The settings of a kind, as conf/ has them."""
    return getattr(request(*words), group)


@pytest.mark.parametrize("series", ["ar1", "sp500", "houston"])
def test_a_source_of_ours_holds_the_contract(series):
    config = settings("series", f"series={series}")
    testing.check_series(load(OWN["series"][config.kind].function), config)


@pytest.mark.parametrize("weather", ["none", "chicago"])
def test_weather_of_ours_holds_the_contract(weather):
    config = settings("weather", f"weather={weather}")
    testing.check_weather(load(OWN["weather"][config.kind].function), config)


AGENTS = {
    "q_learning": ("agent.learning_starts=40", "agent.columns=[0]"),
    "ppo": ("agent.rollout_steps=16", "agent.batch_size=32"),
    "reinforce": ("agent.rollout_steps=16",),
    "recurrent_ppo": ("agent.rollout_steps=16", "agent.batch_size=32"),
    "recurrent_dqn": ("agent.learning_starts=128",),
}


@pytest.mark.parametrize("kind", AGENTS)
def test_an_agent_of_ours_holds_the_contract(kind):
    few = ("agent.steps=200", "agent.validate_every=100", "agent.num_envs=4")
    (plain,) = compose_requests([f"agent={kind}", *few, *AGENTS[kind]], [resource_dir("conf")], multirun=False)
    testing.check_agent(load(OWN["agent"][kind].function), request_from(plain).agent)


def test_every_policy_holds_the_contract():
    for kind in OWN["policy"].values():
        testing.check_policy(load(kind.function))

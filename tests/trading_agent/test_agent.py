"""An agent to hold: it learns in any environment of Gymnasium, and says what it cannot."""

import subprocess
import sys

import gymnasium
import numpy as np
import pytest

from trading_agent import Agent, TrainedAgent, load_policy
from trading_env import make_env

QUICK = {"steps": 400, "validate_every": 200}


class Corridor(gymnasium.Env):
    """Walk right ten times: each step right is worth 1, each left nothing."""

    observation_space = gymnasium.spaces.Box(-1.0, 1.0, (1,))
    action_space = gymnasium.spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.steps = 0
        return np.zeros(1, dtype=np.float32), {}

    def step(self, action):
        self.steps += 1
        return np.zeros(1, dtype=np.float32), float(action == 1), False, self.steps == 10, {}


def test_it_is_imported_without_torch_and_pandas():
    code = "import sys; from trading_agent import Agent; print({'torch', 'pandas'} & sys.modules.keys())"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"


def test_it_learns_in_an_environment_of_ones_own():
    agent = Agent("dqn", learning_starts=100, **QUICK).learn(Corridor(), episodes=2)
    assert agent.trained.best_score == 10.0
    assert agent.act(np.zeros(1)) == 1
    np.testing.assert_array_equal(agent.act(np.zeros((3, 1))), [1, 1, 1])


def test_the_same_seed_learns_the_same_and_what_is_saved_acts_alike(tmp_path):
    prices = {"close": 100.0 * np.exp(np.cumsum(np.random.default_rng(0).normal(0.0, 0.02, 200)))}
    prices["change"] = np.diff(np.log(prices["close"]), prepend=np.log(prices["close"][0]))
    env = {"features": ["change"], "bars_per_year": 252.0, "episode_bars": 20}
    first, second = (
        Agent("ppo", rollout_steps=10, batch_size=20, **QUICK).learn(
            make_env(prices, num_envs=4, starts="random", **env),
            make_env(prices, **env),
            episodes=1,
            checkpoint=str(tmp_path),
        )
        for _ in range(2)
    )
    assert first.trained.history == second.trained.history
    first.save(tmp_path / "policy")
    seen = np.random.default_rng(1).normal(size=(20, 4))
    np.testing.assert_array_equal(load_policy(tmp_path / "policy").act(seen), first.act(seen))
    with pytest.raises(ValueError, match="is a file, and a folder is written; name another"):
        first.save(tmp_path / "policy" / "policy.json")
    with pytest.raises(ValueError, match=r"an observation must be \(4,\), or several .* of those, was \(7,\)"):
        first.act(np.zeros(7))
    with pytest.raises(ValueError, match="an observation must hold numbers, one was nan"):
        first.act([np.nan, 0.0, 0.0, 0.0])


def test_what_it_cannot_is_said():
    with pytest.raises(ValueError, match="columns must be given: observation columns"):
        Agent("q_learning", **QUICK).learn(Corridor())
    with pytest.raises(ValueError, match="resume must name a folder with the checkpoint of a training, was 'nowhere'"):
        Agent("ppo", rollout_steps=10, batch_size=10, **QUICK).learn(Corridor(), resume="nowhere")
    with pytest.raises(ValueError, match=r"kind must be one of dqn, .*, was 'pop'"):
        Agent("pop")
    with pytest.raises(ValueError, match="ppo has no setting 'stesp', it has steps, "):
        Agent("ppo", stesp=1)
    with pytest.raises(ValueError, match="this agent has not learned yet; call learn"):
        Agent("ppo").act(np.zeros(1))
    with pytest.raises(ValueError, match="an agent learns in an environment of Gymnasium, was given list"):
        Agent("ppo").learn([])
    with pytest.raises(ValueError, match="steps must be greater than or equal to 2, was 0"):
        Agent("ppo", steps=0).learn(Corridor())
    with pytest.raises(ValueError, match="seed must be a whole number from 0 on, was -1"):
        Agent("ppo", seed=-1)
    with pytest.raises(ValueError, match="env must have a ledger, as TradingVectorEnv has, for agent=direct"):
        Agent("direct", **QUICK).learn(Corridor())
    with pytest.raises(ValueError, match="validation must have the observation space of env"):
        Agent("dqn", **QUICK).learn(Corridor(), gymnasium.make("CartPole-v1"))
    with pytest.raises(ValueError, match="steps must be given: "):
        Agent("ppo").learn(Corridor())


def test_a_plan_needs_no_number_of_steps():
    with pytest.raises(ValueError, match="env must say how it is planned"):
        Agent("planner").learn(Corridor())


class Counting:
    """Says how many steps it has seen of an episode."""

    kind = "counting"
    memory_size = 1

    def step(self, observations, memory):
        return memory[:, 0].astype(int), memory + 1.0


def test_who_remembers_forgets_where_an_episode_begins():
    agent = Agent("recurrent_ppo")
    agent.trained = TrainedAgent(policy=Counting(), best_step=0, best_score=0.0, history=())
    seen = np.zeros(3)
    assert [int(agent.act(seen, begins=begins)) for begins in (False, False, False, True, False)] == [0, 1, 2, 0, 1]
    assert agent.act(np.zeros((2, 3))).tolist() == [0, 0]

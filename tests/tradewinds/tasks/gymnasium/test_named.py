"""Environments by name: one's own module in the present folder, arguments, wrappers, a bound; refusals in one line."""

import csv
import json
import sys
from pathlib import Path

import gymnasium
import numpy as np
import pytest

from tradewinds.core.errors import RequestError
from tradewinds.tasks.gymnasium.config import GymnasiumConfig
from tradewinds.tasks.gymnasium.episodes import make
from tradewinds.tasks.gymnasium.film import Unfilmed, film
from tradewinds.tasks.gymnasium.named import make_one, modules_of, own_limit, spec_of
from trading_agent.common.policy import ConstantPolicy

from story import CommandLine

MODULE = '''
import gymnasium
import numpy as np
from gymnasium.spaces import Box, Dict, Discrete, MultiDiscrete


class Bell(gymnasium.Env):
    """Never ends; pays `pay` when the first part of the action is the bell that is shown."""

    observation_space = Dict({"bell": Discrete(3), "noise": Box(-1.0, 1.0, (2,), np.float32)})
    action_space = MultiDiscrete([3, 2])
    metadata = {"render_modes": ["rgb_array"], "render_fps": 10}

    def __init__(self, pay=1.0, render_mode=None, lasts=10**9):
        self.pay, self.render_mode, self.left = pay, render_mode, lasts

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return self._shown(), {}

    def step(self, action):
        self.left -= 1
        if self.left < 0:
            raise KeyError("the rope is\\nworn")
        reward = self.pay * float(action[0] == self.bell)
        return self._shown(), reward, False, False, {}

    def render(self):
        return np.full((20, 30, 3), 80 * self.bell, np.uint8)

    def _shown(self):
        self.bell = int(self.np_random.integers(3))
        return {"bell": self.bell, "noise": self.np_random.uniform(-1, 1, 2).astype(np.float32)}


class Doubled(gymnasium.RewardWrapper):
    def __init__(self, env, times=2.0):
        super().__init__(env)
        self.times = times

    def reward(self, reward):
        return self.times * reward


gymnasium.register("Bell-v0", entry_point=Bell)
'''
SMALL = (
    "agent.num_envs=8",
    "agent.steps=1500",
    "env.validation_episodes=4",
    "env.episodes=20",
    "env.max_episode_steps=25",
)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with a module of one's own, in which one stands."""
    (tmp_path / "bells.py").write_text(MODULE, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield tmp_path
    sys.modules.pop("bells", None)
    gymnasium.registry.pop("Bell-v0", None)


@pytest.fixture
def typed(folder, capsys):
    return CommandLine(capsys)


def rules(name, **settings):
    return GymnasiumConfig(**{"id": name, "validation_episodes": 2, "episodes": 2, **settings})


@pytest.mark.parametrize("name", ["bells:Bell-v0", "bells:Bell"])
def test_ones_own_environment_is_learned_by_its_module_and_the_bound_is_said(name, typed):
    answer = typed("run", "env=gymnasium", f"env.id={name}", "agent=dqn", "agent.learning_starts=300", *SMALL)
    assert answer.status == 0, answer.err
    (path,) = Path("runs").glob("*/2*/report.json")
    report = json.loads(path.read_text(encoding="utf-8"))
    agent = report["backtest"]["strategies"]["agent"]["metrics"]
    assert agent["return_mean"] > 12.0  # a third of 25 by chance
    assert (agent["length_mean"], agent["cut_episodes"]) == (25.0, 20)
    said = "20 of 20 episodes were cut after 25 steps (env.max_episode_steps): the environment names no limit of its"
    assert report["warnings"] == [f"{said} own"]
    page = path.with_suffix(".html").read_text(encoding="utf-8")
    assert said in page
    assert "data:image/png;base64," in page  # the strip


def test_enjoy_plays_the_kept_policy_and_writes_a_video(typed):
    words = ("env=gymnasium", "env.id=bells:Bell-v0")
    assert typed("train-agent", *words, "agent=dqn", "agent.learning_starts=300", *SMALL).status == 0
    (run,) = Path("runs").glob("*/2*")
    answer = typed("enjoy", str(run))
    assert answer.status == 2
    assert "plays code of your own, of bells, and none is loaded because a file names it" in answer.err
    answer = typed("enjoy", str(run), "env.id=bells:Bell-v0", "enjoy.pictures=12", "--json")
    assert answer.status == 0, answer.err
    told = json.loads(answer.out.splitlines()[-1])
    low, high = told["return_ci95"]
    assert low <= told["return_mean"] <= high
    assert told["episodes"] == 20
    video = Path(told["video"]).read_bytes()
    assert video.startswith(b"GIF89a")
    again = typed("enjoy", "env.id=bells:Bell-v0", "enjoy.pictures=0", "--json")  # the newest run
    assert json.loads(again.out.splitlines()[-1])["return_mean"] == told["return_mean"]
    nothing = typed("enjoy", "runs/none")
    assert nothing.status == 2
    assert "inputs.run must name the folder of a run with an agent, was 'runs/none'" in nothing.err


def test_arguments_and_wrappers_are_put_around_it_in_their_order(folder):
    plain = make_one(rules("bells:Bell-v0", kwargs={"pay": 3.0}))
    wrapped = make_one(
        rules(
            "bells:Bell",
            wrappers=("bells:Doubled", {"bells.Doubled": {"times": 5.0}}, {"ClipReward": {"max_reward": 20}}),
        )
    )
    earned = []
    for env in (plain, wrapped):
        env.reset(seed=4)
        earned.append(env.step(2 * env.unwrapped.bell)[1])
    assert earned == [3.0, 10.0]
    assert modules_of(rules("bells:Bell", wrappers=({"my.own:Doubled": {}}, "ClipReward"))) == {"bells", "my.own"}


def test_a_limit_of_its_own_stays_and_only_what_has_none_is_bounded(folder):
    limits = {
        "CartPole-v1": 500,
        "CliffWalking-v1": 70,
        "bells:Bell-v0": 70,
    }
    for name, limit in limits.items():
        assert spec_of(rules(name, max_episode_steps=70)).max_episode_steps == limit
    assert [own_limit(rules(name)) for name in limits] == [True, False, False]
    shortened = rules("CartPole-v1", kwargs={"max_episode_steps": 9})
    assert (spec_of(shortened).max_episode_steps, own_limit(shortened)) == (9, True)


def test_a_vector_environment_of_its_own_is_taken_where_it_fits():
    assert not isinstance(make(rules("CartPole-v1"), 3), gymnasium.vector.SyncVectorEnv)
    changed = rules("CartPole-v1", wrappers=({"FrameStackObservation": {"stack_size": 3}},))
    env = make(changed, 3)
    assert (env.single_observation_space.shape, env.num_envs) == ((12,), 3)
    assert np.isfinite(env.reset(seed=0)[0]).all()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["env.id=nowhere:Bell-v0"], "was 'nowhere:Bell-v0': No module named 'nowhere'"),
        (["env.id=bells:Ball-v0"], "was 'bells:Ball-v0': Environment `Ball` doesn't exist"),
        (["env.id=broken:Bell-v0"], "was 'broken:Bell-v0': the bell is cracked"),
        (["env.id=bells:Bell-v0", "env.kwargs={loud: 1}"], "unexpected keyword argument 'loud'"),
        (["env.wrappers=[Wrap]"], "env.wrappers must name wrappers of gymnasium.wrappers, or module:Class of your own"),
        (
            ["env.wrappers=[{ClipReward: {top: 1}}]"],
            "was 'ClipReward': ClipReward.__init__() got an unexpect",
        ),
        (["env.wrappers=[{ClipReward: 3}]"], "is a name, or a mapping of one name to its arguments"),
        (["env.id=bells:Bell-v0", "agent=direct_lstm"], "agent.kind=direct needs an environment whose law has a deri"),
        (
            ["env.id=bells:Bell-v0", "agent=planner"],
            "it is a game: take agent=ppo, reinforce, dqn, recurrent_ppo or sb3",
        ),
        (
            ["agent.steps=2080", "agent.learning_starts=2078"],
            "was 2078, which is 2112 in whole steps of 64 ",
        ),
    ],
)
def test_what_cannot_be_played_is_refused_in_one_line(words, message, typed):
    Path("broken.py").write_text("raise RuntimeError('the bell is cracked')", encoding="utf-8")
    answer = typed("run", "env=gymnasium", *words)
    assert answer.status == 2, answer.err
    assert message in answer.err
    assert answer.err.count("\n") == 1
    assert not Path("runs").exists()


def test_an_environment_that_fails_ends_its_run_in_one_line_and_another_at_once(typed):
    words = ("train-agent", "env=gymnasium", "env.id=bells:Bell-v0", "agent=dqn", "agent.learning_starts=100", *SMALL)
    answer = typed(*words, "agent.validate_every=300", "env.kwargs={lasts: 190}")  # 25 a validation, six of constants
    assert answer.status == 1
    *_, note, last = answer.err.splitlines()
    assert "to go on: tradewinds train-agent with the same options and inputs.resume=" in note
    assert "EnvironmentFault: <Bell<Bell-v0>> failed at step 16 of an episode: KeyError: 'the rope is\\nworn';" in last
    answer = typed(*words, "env.kwargs={lasts: 0}")
    assert answer.status == 2
    assert answer.err.count("\n") == 1
    assert "env.id must name an environment that Gymnasium can make, was 'bells:Bell-v0': <Bell<Bell" in answer.err


def test_a_space_no_agent_reads_is_refused_with_its_name(folder):
    class Wordy(gymnasium.Env):
        observation_space, action_space = gymnasium.spaces.Text(4), gymnasium.spaces.Discrete(2)

    gymnasium.register("Wordy-v0", entry_point=Wordy)
    with pytest.raises(RequestError, match=r"env.id=Wordy-v0: its observations must be a Box, .*, were Text"):
        make_one(rules("Wordy-v0"))


def test_fewer_steps_than_between_two_validations_are_validated_at_their_end(typed):
    words = ("env=gymnasium", "env.id=bells:Bell-v0", "agent=dqn", "agent.learning_starts=300", *SMALL)
    answer = typed("train-agent", *words, "agent.validate_every=100000")
    assert answer.status == 0, answer.err
    (path,) = Path("runs").glob("*/2*/agent/history.csv")
    rows = list(csv.DictReader(path.open(encoding="utf-8")))
    assert int(rows[-1]["step"]) >= 1_500
    assert float(rows[-1]["mean_absolute_error"]) > 0.0
    unpaid = typed("train-agent", *words, "env.kwargs={pay: 0.0}")
    assert "note: step 0 is kept: what the agent learned never beat what learns nothing" in unpaid.err


def test_a_robot_is_not_drawn_where_its_library_would_end_the_process(monkeypatch):
    pytest.importorskip("mujoco")
    for name in ("MUJOCO_GL", "DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(Unfilmed, match="InvertedPendulum-v5 cannot be drawn here: MuJoCo wants a display"):
        film(ConstantPolicy((0.0,)), rules("InvertedPendulum-v5"), seed=1, most=3)

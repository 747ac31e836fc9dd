"""An LSTM policy through the command line: trained from features, judged, checked for leaks, and asked for a signal."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from forecaster.data.features import build_features
from forecaster.fitted import load_forecaster
from forecaster.hidden_states import encode, load_hidden_states
from tradewinds.core.resources import resource_dir
from tradewinds.operate.champion import as_trained
from tradewinds.pipeline.artifact import read
from tradewinds.pipeline.steps import first_weights
from tradewinds.pipeline.task import Models
from tradewinds.request.compose import compose_requests
from tradewinds.request.schema import request_from
from tradewinds.tasks import job_of
from tradewinds.tasks.account.market import context
from trading_agent.direct.networks import LevelNetwork

from story import CommandLine, write_bars

MARKET = (
    "signal.max_age=null",
    "series=csv",
    "series.path=bars.csv",
    "model.context_length=8",
    "model.hidden_size=8",
    "trainer.epochs=2",
    "backtest.random_draws=9",
    "backtest.bootstrap_draws=100",
    "rollout.standard_errors=0.0",
)
AGENT = ("agent.lstm_units=8", "agent.steps=2000", "agent.num_envs=8", "agent.validate_every=500")
POLICY = ("agent=direct_lstm", "agent.context_length=8", "rollout.observe=[features]", *AGENT)


@pytest.fixture
def typed(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write_bars(tmp_path / "bars.csv")
    return CommandLine(capsys)


def test_it_is_judged_as_trained_and_no_leak_is_found(typed):
    told = []
    for stage in ("run", "backtest"):  # the second loads what the first saved
        answer = typed(stage, *MARKET, *POLICY, "--json")
        assert answer.status == 0, answer.err
        told.append(json.loads(answer.out.splitlines()[-1])["backtest"]["strategies"])
    assert told[0] == told[1]
    report = json.loads(max(Path("runs/bars").glob("*/report.json")).read_text(encoding="utf-8"))
    assert report["honesty"]["leakcheck"] == "clean"
    checked = typed(
        "leakcheck", *MARKET, *POLICY, "leakcheck.cuts=10", "leakcheck.agent_steps=200", "leakcheck.placebos=2"
    )
    assert checked.status == 0, checked.err + checked.out


def test_a_champion_sees_what_it_was_trained_to_see_whatever_is_typed_later(typed):
    assert typed("retrain", *MARKET, *POLICY).status == 0
    told = [json.loads(typed("signal", *MARKET, *words).out)["target_exposure"] for words in (POLICY, ())]
    assert told[0] == told[1]
    answer = typed("retrain", *MARKET, "agent=direct", *AGENT[1:], "retrain.margin=1000.0")  # judged against it
    assert answer.status == 3, answer.err
    assert "version 2 was rejected" in answer.err


class Spy:
    """Stays out, and remembers what it was shown."""

    kind = "spy"

    def act(self, observations):
        self.seen = observations
        return np.zeros(len(observations), dtype=np.int64)


def test_a_champion_that_sees_plans_sees_those_on_its_own_levels(typed):
    assert typed("run", *MARKET, "agent=direct", *AGENT[1:]).status == 0
    (plain,) = compose_requests((*MARKET, "agent=direct"), [resource_dir("conf")], multirun=False)
    prepared = job_of(request_from(plain), whole=True)
    run = next(Path("runs/bars").glob("*/hidden_states")).parent
    fitted = load_forecaster(run / "forecaster", prepared.series.instruments[0])
    states = encode(fitted, prepared.series)
    spy, rows = Spy(), prepared.split.test
    then = prepared.config.plain()
    then["rollout"]["observe"], then["env"]["exposures"] = ["plan"], [0.0, 1.0]
    known, models = as_trained(prepared, then), Models(fitted, states, spy)
    assert set(known.task.decide(known, models, rows)["target"]) == {0.0}
    assert spy.seen.shape[1] == 2 + 3  # two levels of its own, not the request's three; and its account


def test_it_starts_as_the_forecaster_that_it_is_told_to_start_from(typed):
    words = (*MARKET, *POLICY, "agent.start=forecaster", "features.selection=false")
    assert typed("run", *words).status == 0
    (plain,) = compose_requests(words, [resource_dir("conf")], multirun=False)
    prepared = job_of(request_from(plain), whole=True)
    run = next(Path("runs/bars").glob("*/forecaster")).parent
    fitted = load_forecaster(read(run / "forecaster", "forecaster").folder, prepared.series.instruments[0])
    given = first_weights(Models(fitted))
    table = build_features(prepared.series, prepared.config.features).values.astype(np.float32)
    states = load_hidden_states(run / "hidden_states")
    rows = range(states.first_row, len(states.index))
    network = LevelNetwork(8 * table.shape[1], 3, (4,), context_length=8, lstm_units=8)
    network.start_from({name: torch.from_numpy(array) for name, array in given.items()})
    with torch.no_grad():
        seen = network.read_context(torch.from_numpy(context(table, rows, 8, 0))).numpy()
    np.testing.assert_allclose(seen, states.hidden_state[rows.start :], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ("agent=direct_lstm", "agent.start=forecaster"),
            "set model=lstm model.num_layers=1 model.hidden_size=32 rollo",
        ),
        ((*POLICY, "agent.start=forecaster"), "features.selection=false"),
        (
            (*POLICY, "agent.start=forecaster", "model=gru"),
            "agent.start=forecaster takes an LSTM of one layer and agent",
        ),
        (("agent=direct_lstm", "agent.context_length=0"), "context_length must be at least 1 bar, was 0"),
        (
            ("experiment=houston", "agent=direct_lstm"),
            "agent.context_length must be 1 with env=battery, whose rows are",
        ),
    ],
)
def test_what_cannot_be_is_answered_before_any_work(typed, words, said):
    answer = typed("run", *(() if words[0].startswith("experiment") else MARKET), *words)
    assert (answer.status, said in answer.err) == (2, True), answer.err
    assert not Path("runs").exists()

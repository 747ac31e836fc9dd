"""`tracking=mlflow`: every command is a run there, and a server that is away costs a warning."""

import json
import socket
import subprocess

import pytest

from tradewinds.pipeline.tracking import _tell_outcome, flat

from story import FAST_CSV, write_bars

GAME = ("train-agent", "env=gymnasium", "agent=ppo", "agent.steps=600", "agent.num_envs=4", "agent.rollout_steps=32",
        "agent.batch_size=32", "agent.validate_every=300", "env.validation_episodes=2")  # fmt: skip


def runs_of(place, name):
    """The runs of an experiment, and a client that reads more of them."""
    from mlflow import MlflowClient

    client = MlflowClient(str(place))
    (experiment,) = (one for one in client.search_experiments() if one.name == name)
    return client, client.search_runs([experiment.experiment_id])


def test_a_command_is_one_run_with_what_was_asked_measured_and_left(tradewinds, tmp_path):
    pytest.importorskip("mlflow")
    write_bars(tmp_path / "mine.csv", 400)
    subprocess.run(["git", "init", "-q"], check=True)
    subprocess.run(["git", "add", "mine.csv"], check=True)
    subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "a"], check=True)
    words = ("series=csv", "series.path=mine.csv", *FAST_CSV, "tracking=mlflow", "run.name=mine")
    answer = tradewinds("run", *words, "--json")
    assert answer.status == 0, answer.err
    client, (run,) = runs_of(tmp_path / "runs" / "mlruns", "mine")
    assert (run.info.run_name, run.info.status) == ("run", "FINISHED")
    assert run.data.params["model.hidden_size"] == "8"
    told = json.loads(answer.out.splitlines()[-1])
    sharpe = told["backtest"]["strategies"]["buy_and_hold"]["metrics"]["total_return"]
    assert run.data.metrics["backtest.strategies.buy_and_hold.metrics.total_return"] == sharpe
    assert len(client.get_metric_history(run.info.run_id, "forecaster/training/stop_loss")) == 2
    assert "agent/validation/score" in run.data.metrics
    assert len(run.data.tags["git.commit"]) == 40
    assert run.data.tags["artifact.agent"].endswith("/agent")
    assert len(run.data.tags["artifact.agent.sha256"]) == 64
    assert "tracking=mlflow" in run.data.tags["typed"]
    assert run.data.tags["mlflow.note.content"] == told["verdict"]  # at the head of its page
    kind = client.get_experiment(run.info.experiment_id).tags["mlflow.experimentKind"]
    assert kind == "custom_model_development"  # or the page would open on traces of language models


def test_a_command_that_fails_is_a_run_that_failed_and_says_why(tradewinds, tmp_path):
    pytest.importorskip("mlflow")
    answer = tradewinds("run", "series=csv", "series.path=absent.csv", "tracking=mlflow", "run.name=mine")
    assert answer.status == 2
    _, (run,) = runs_of(tmp_path / "runs" / "mlruns", "mine")
    assert run.info.status == "FAILED"
    assert "absent.csv" in run.data.tags["error"]


def test_a_server_that_is_away_costs_one_warning_and_no_number(tradewinds, tmp_path):
    pytest.importorskip("mlflow")
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        answer = tradewinds(*GAME, "tracking=mlflow", f"run.tracking_uri={address}")
    assert answer.status == 0, answer.err
    assert answer.err.count("warning: tracking stopped") == 1
    assert f"{address} does not take it" in answer.err
    untold = tradewinds(*GAME)
    weights = [path.read_bytes() for path in sorted(tmp_path.glob("runs/*/*/agent/policy.safetensors"))]
    assert untold.status == 0
    assert weights[0] == weights[1]


def test_sentences_that_no_file_is_called_by_and_many_numbers_are_told_whole(tmp_path, monkeypatch):
    mlflow = pytest.importorskip("mlflow")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    client = mlflow.MlflowClient(str(tmp_path / "mlruns"))
    run = client.create_run(client.create_experiment("a")).info.run_id
    numbers = {f"n{number}": float(number) for number in range(250)}
    _tell_outcome(client, run, {"said": "w " * 900, "search": {"verdict": "nothing", **numbers}})
    told = client.get_run(run).data
    assert (told.metrics["search.n249"], told.tags["mlflow.note.content"]) == (249.0, "nothing")
    assert told.tags["outcome.said"] == ("w " * 900)[:500]


def test_leaves_are_named_by_the_keys_that_lead_to_them():
    assert flat({"a": {"b": 1, "c": {"d": [1, 2]}}, "e": None}) == {"a.b": 1, "a.c.d": [1, 2], "e": None}

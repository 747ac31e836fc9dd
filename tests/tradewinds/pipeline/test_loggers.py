"""`run.loggers`: what a training measures is told as it goes, or the request is refused; and callbacks of others."""

import csv
import json
import sys
import types
from importlib.metadata import EntryPoint

import pytest

import tradewinds.core.plugins as plugins
from tradewinds.pipeline import loggers

from plugged import forgotten
from story import FAST_CSV, write_bars

GAME = (
    "train-agent",
    "env=gymnasium",
    "env.id=CartPole-v1",
    "agent=ppo",
    "agent.steps=4096",
    "agent.num_envs=8",
    "agent.validate_every=1024",
    "--json",
)


@pytest.fixture
def words(tmp_path):
    """The words of a small run on a file of bars."""
    write_bars(tmp_path / "mine.csv", 600)
    return ("run", "series=csv", "series.path=mine.csv", *FAST_CSV)


def test_forecaster_and_agent_write_a_csv_file_each(tradewinds, words, tmp_path):
    answer = tradewinds(*words, "run.loggers=[csv]")
    assert answer.status == 0, answer.err
    (folder,) = tmp_path.glob("runs/mine/*/csv")
    with (folder / "forecaster" / "metrics.csv").open() as file:
        epochs = list(csv.DictReader(file))
    history = json.loads((folder.parent / "forecaster/forecaster.json").read_text())["history"]
    assert [float(row["training/stop_loss"]) for row in epochs] == [losses["stop_loss"] for losses in history]
    assert [int(row["step"]) for row in epochs] == [1, 2]
    with (folder / "agent" / "metrics.csv").open() as file:
        steps = list(csv.DictReader(file))
    assert {"training/loss", "training/best_score", "validation/score"} <= set(steps[0])
    assert "hidden_size: 8" in (folder / "agent" / "hparams.yaml").read_text()
    outputs = json.loads((folder.parent / "agent/manifest.json").read_text())["outputs"]
    assert set(outputs) == {"history.csv", "policy.json", "policy.safetensors"}


def test_tensorboard_is_told_by_the_old_word_too_and_the_artifact_does_not_hold_it(tradewinds, tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    answer = tradewinds(*GAME, "run.tensorboard=true")
    assert answer.status == 0, answer.err
    (folder,) = tmp_path.glob("runs/*/*/tensorboard/agent")
    log = EventAccumulator(str(folder))
    log.Reload()
    assert set(log.Tags()["scalars"]) >= {"training/policy_loss", "training/best_score", "validation/score"}
    best = json.loads(answer.out.splitlines()[-1])["validation_score"]
    assert max(event.value for event in log.Scalars("validation/score")) == pytest.approx(best, rel=1e-6)


def test_mlflow_keeps_a_run_of_the_forecaster_and_one_of_the_agent(tradewinds, words, tmp_path):
    pytest.importorskip("mlflow")
    from mlflow import MlflowClient

    answer = tradewinds(*words, "run.loggers=[mlflow]")
    assert answer.status == 0, answer.err
    client = MlflowClient(str(tmp_path / "runs" / "mlruns"))
    (experiment,) = (one for one in client.search_experiments() if one.name == "mine")
    runs = {run.info.run_name.split()[-1]: run for run in client.search_runs([experiment.experiment_id])}
    assert set(runs) == {"forecaster", "agent"}
    assert {run.info.status for run in runs.values()} == {"FINISHED"}
    assert len(client.get_metric_history(runs["forecaster"].info.run_id, "training/stop_loss")) == 2
    assert runs["agent"].data.metrics["validation/score"] is not None
    assert runs["agent"].data.params["model/hidden_size"] == "8"


def test_weights_and_biases_writes_a_folder_where_nobody_is_logged_in(tradewinds, words, tmp_path, monkeypatch):
    pytest.importorskip("wandb")
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    answer = tradewinds(*words, "run.loggers=[wandb]", "--json")
    assert answer.status == 0, answer.err
    assert len(list(tmp_path.glob("runs/mine/*/wandb/offline-run-*"))) == 2
    json.loads(answer.out.splitlines()[-1])


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("run.tensorboard=true", "run.loggers=[tensorboard] needs tensorboard: pip install 'tradewinds[tensorboard]'"),
        ("run.loggers=[csv,mlflow]", "run.loggers=[mlflow] needs mlflow: pip install 'tradewinds[tracking]'"),
        ("run.loggers=[wandb]", "run.loggers=[wandb] needs wandb: pip install wandb"),
        ("run.loggers=[cvs]", "run.loggers must name some of csv, mlflow, tensorboard, wandb, was 'cvs'; did you mean"),
        ("run.loggers=[csv,csv]", "run.loggers must be a list that names each once"),
        ("run.tensorboard=3", "unknown key 'run.tensorboard'"),
    ],
)
def test_what_cannot_be_logged_is_refused_before_anything_is_written(tradewinds, tmp_path, monkeypatch, word, sentence):
    monkeypatch.setattr(loggers, "find_spec", lambda name: None)
    answer = tradewinds(*GAME, word)
    assert answer.status == 2
    assert sentence in answer.err
    assert not (tmp_path / "runs").exists()


@pytest.fixture
def plugin(monkeypatch):
    """Install a plug-in that offers a logger and a callback, and return what they were told."""
    import pytorch_lightning as pl

    told = {"metrics": [], "settings": [], "status": [], "epochs": 0}

    class Listener:
        def log_hyperparams(self, settings):
            told["settings"].append(settings)

        def log_metrics(self, metrics, step):
            told["metrics"].append((step, metrics))

        def save(self):
            pass

        def finalize(self, status):
            told["status"].append(status)

    class Counting(pl.Callback):
        def on_train_epoch_end(self, trainer, pl_module):
            told["epochs"] += 1

    module = types.ModuleType("someones_ears")
    module.listener, module.counting = (lambda training: told.setdefault(training.part, Listener())), Counting
    module.offers = lambda: {
        "logger": {"listener": plugins.Kind("", "someones_ears:listener")},
        "callback": {"counting": plugins.Kind("", "someones_ears:counting")},
    }
    monkeypatch.setitem(sys.modules, "someones_ears", module)
    point = EntryPoint("someone", "someones_ears:offers", plugins.GROUP)
    monkeypatch.setattr(plugins, "entry_points", lambda group: [point])
    with forgotten():
        yield told


def test_a_plug_in_s_logger_and_callback_are_named_like_ours(tradewinds, words, plugin):
    answer = tradewinds(*words, "run.loggers=[listener]", "trainer.callbacks=[counting]")
    assert answer.status == 0, answer.err
    assert plugin["epochs"] == 2
    assert plugin["status"] == ["success", "success"]
    assert {"forecaster", "agent"} <= set(plugin)
    steps, told = zip(*plugin["metrics"], strict=True)
    assert steps[:2] == (1, 2)
    assert "training/fit_loss" in told[0]
    assert "validation/score" in told[-1]


def test_a_callback_that_nobody_offers_is_refused(tradewinds, words, tmp_path):
    answer = tradewinds(*words, "trainer.callbacks=[nobodys]")
    assert answer.status == 2
    assert "trainer.callbacks must be a list whose every element is a callback that a plug-in offers" in answer.err
    assert not (tmp_path / "runs").exists()


def test_lightning_s_arguments_are_refused_before_any_work_and_told_in_the_manifest(tradewinds, words, tmp_path):
    answer = tradewinds(*words, "trainer.lightning={acumulate_grad_batches: 2}")
    assert answer.status == 2
    assert "did you mean 'accumulate_grad_batches'?" in answer.err
    answer = tradewinds(*words, "trainer.lightning={gradient_clip_algorithm: nom}")
    assert answer.status == 2
    assert "trainer.lightning: " in answer.err
    assert not (tmp_path / "runs").exists()
    answer = tradewinds("train-forecaster", *words[1:], "+trainer.lightning.accumulate_grad_batches=4")
    assert answer.status == 0, answer.err
    (manifest,) = tmp_path.glob("runs/mine/*/forecaster/manifest.json")
    assert json.loads(manifest.read_text())["config"]["trainer"]["lightning"] == {"accumulate_grad_batches": 4}


def test_a_network_of_days_is_not_trained_by_lightning(tradewinds, plugin):
    days = ("run", "series=houston", "env=battery", "model=day_lstm", "trainer=days")
    for word in ("trainer.lightning={max_steps: 3}", "trainer.callbacks=[counting]"):
        answer = tradewinds(*days, word)
        assert answer.status == 2
        assert "is for networks that Lightning trains, which read bars, and model.kind was day_lstm" in answer.err

"""A forecaster's training that was cut off goes on and ends at the very bits of one that never stopped."""

import dataclasses
import json
import math
import multiprocessing
import os
import random
import signal
import time

import pytest
import pytorch_lightning as pl
import torch

from forecaster.fitted import fit_panel
from forecaster.registry import CALLBACKS
from forecaster.training import checkpoint
from forecaster.training.checkpoint import FILE, read_state, write_state
from forecaster.training.identity import flat

from markets import noise_series, ragged_panel, small_config, with_model

ROWS, EPOCHS = range(0, 250), 5


@pytest.fixture(autouse=True)
def every_epoch(monkeypatch):
    """Write every epoch down, however short, and forget the callbacks of a test after it."""
    monkeypatch.setattr(checkpoint, "SHARE", math.inf)
    monkeypatch.setattr(CALLBACKS, "others", {})
    cut_after(-1)


class PowerCut(pl.Callback):
    """Ends the training in the middle of an epoch; given a number of epochs to come."""

    def __init__(self, epochs):
        self.epochs = epochs

    def on_train_batch_end(self, trainer, *_):
        if trainer.current_epoch == self.epochs and trainer.global_step % 2:
            raise KeyboardInterrupt


def cut_after(epochs):
    CALLBACKS.register("power", lambda: PowerCut(epochs))


def same(one, two):
    assert one.history == two.history
    assert one.precision == two.precision
    theirs = two.model.state_dict()
    for name, weights in one.model.state_dict().items():
        torch.testing.assert_close(theirs[name], weights, rtol=0, atol=0)


def with_dropout(**trainer):
    """A training that draws from torch's random numbers at each step."""
    config = small_config("segment_lstm", epochs=EPOCHS, callbacks=("power",), **trainer)
    return with_model(config, dropout=0.3)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_cut_off_in_any_epoch_it_ends_at_the_same_weights(tmp_path, precision):
    series, config = noise_series(400), with_dropout(precision=precision, windows_per_epoch=150)
    cut_after(-1)
    whole = fit_panel(series, config, ROWS, seed=1)["one"]
    resume = None
    for epoch in range(1, EPOCHS):  # cut, gone on from, and cut again
        cut_after(epoch)
        folder = tmp_path / str(epoch)
        with pytest.raises(KeyboardInterrupt):
            fit_panel(series, config, ROWS, seed=1, checkpoint=folder, resume=resume)
        state = read_state(folder / FILE)
        assert len(state["forecaster"]["losses"]) == epoch
        cut_after(-1)
        torch.rand(7)  # random numbers of others
        same(fit_panel(series, config, ROWS, seed=1, resume=folder)["one"], whole)
        write_state(folder / FILE, state)
        resume = folder


def test_a_training_that_had_ended_is_not_begun_again(tmp_path):
    series, config = noise_series(400), with_dropout(patience=1, learning_rate=0.3)
    cut_after(-1)
    whole = fit_panel(series, config, ROWS, seed=1, checkpoint=tmp_path)["one"]
    assert len(whole.history) < EPOCHS  # the stop rows ended it
    cut_after(0)
    same(fit_panel(series, config, ROWS, seed=1, resume=tmp_path)["one"], whole)


def test_members_that_are_done_stay_done_and_both_starts_go_on(tmp_path):
    panel = ragged_panel(400, lists={}, ends={}, halts={}, instruments=("a", "b"))
    config = with_dropout(members=2)
    config = dataclasses.replace(config, features=dataclasses.replace(config.features, selection=True))
    cut_after(-1)
    whole = fit_panel(panel, config, ROWS, seed=1)["a"]
    trained = []
    CALLBACKS.register("power", lambda: trained.append(1) or PowerCut(2 if len(trained) == 2 else -1))
    with pytest.raises(KeyboardInterrupt):
        fit_panel(panel, config, ROWS, seed=1, checkpoint=tmp_path)
    done = (tmp_path / "member-0" / FILE).stat().st_mtime_ns
    assert len(trained) == 2
    trained.clear()
    CALLBACKS.register("power", lambda: trained.append(1) or PowerCut(-1))
    same(fit_panel(panel, config, ROWS, seed=1, resume=tmp_path)["a"], whole)
    assert len(trained) == 1
    assert (tmp_path / "member-0" / FILE).stat().st_mtime_ns == done


LONG = small_config("segment_lstm", epochs=30, patience=30)


def train(folder, resume):
    fit_panel(noise_series(400), LONG, ROWS, seed=1, checkpoint=folder, resume=resume)


def test_killed_ten_times_at_any_moment_it_ends_at_the_same_weights(tmp_path):
    began = time.perf_counter()
    whole = fit_panel(noise_series(400), LONG, ROWS, seed=1, checkpoint=tmp_path / "whole")["one"]
    seconds, moments = time.perf_counter() - began, random.Random(1)
    resume, killed = None, 0
    for attempt in range(10):
        folder = tmp_path / str(attempt)
        process = multiprocessing.get_context("fork").Process(target=train, args=(folder, resume))
        process.start()
        process.join(moments.uniform(0.02, 0.2) * seconds)
        if process.is_alive():
            os.kill(process.pid, signal.SIGKILL)
        process.join()
        killed += process.exitcode == -signal.SIGKILL
        if any(folder.rglob(FILE)):  # else it was killed before its first epoch was over
            resume = folder
    assert killed >= 5  # on a machine that is busy now and then, some come to their end before
    assert resume is not None
    same(fit_panel(noise_series(400), LONG, ROWS, seed=1, resume=resume)["one"], whole)


def test_another_training_is_refused_by_what_differs(tmp_path):
    series = noise_series(400)
    fit_panel(series, small_config(epochs=1), ROWS, seed=1, checkpoint=tmp_path)

    def resumed(series=series, config=None, seed=1):
        fit_panel(series, config or small_config(epochs=1), ROWS, seed=seed, resume=tmp_path)

    with pytest.raises(ValueError, match=rf"model.hidden_size must stay 6 to resume '{tmp_path}', was 5"):
        resumed(config=small_config(epochs=1, hidden_size=5))
    with pytest.raises(ValueError, match=r"trainer.epochs must stay 1 to resume .*, was 2"):
        resumed(config=small_config(epochs=2))
    with pytest.raises(ValueError, match=r"seed must stay what it was to resume .*, and is another$"):
        resumed(seed=2)
    with pytest.raises(ValueError, match="data must stay what it was to resume"):
        resumed(series=noise_series(400, seed=9))
    with pytest.raises(ValueError, match="resume must name a folder with the checkpoint of a training"):
        fit_panel(series, small_config(epochs=1), ROWS, seed=1, resume=tmp_path / "nowhere")


def test_a_folder_of_other_files_is_no_checkpoint(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(ValueError, match="checkpoint must be a new folder"):
        fit_panel(noise_series(400), small_config(epochs=1), ROWS, seed=1, checkpoint=tmp_path)
    assert (tmp_path / "thesis.txt").is_file()


def test_what_is_read_from_a_checkpoint_is_data_and_damage_is_refused(tmp_path):
    fit_panel(noise_series(400), small_config(epochs=1), ROWS, seed=1, checkpoint=tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {FILE, "identity.json"}
    state = {"a": (1, [2.5, math.inf]), 3: {"b": torch.arange(3)}, "c": {}, "d": None}
    write_state(tmp_path / "state", state)
    back = read_state(tmp_path / "state")
    assert torch.equal(back[3].pop("b"), state[3].pop("b"))
    assert back == state
    (tmp_path / FILE).write_bytes((tmp_path / FILE).read_bytes()[:-100])
    with pytest.raises(ValueError, match="holds no state of a training"):
        fit_panel(noise_series(400), small_config(epochs=1), ROWS, seed=1, resume=tmp_path)


def test_the_arithmetic_that_was_measured_is_kept(tmp_path, monkeypatch):
    from forecaster.training import ensemble

    monkeypatch.setattr(ensemble, "trained_in", lambda *_: "bfloat16")
    config = small_config("segment_lstm", epochs=1, precision="auto")
    fit_panel(noise_series(400), config, ROWS, seed=1, checkpoint=tmp_path)
    monkeypatch.setattr(ensemble, "trained_in", lambda *_: "float32")
    assert fit_panel(noise_series(400), config, ROWS, seed=1, resume=tmp_path)["one"].precision == "bfloat16"


def test_epochs_that_are_shorter_than_the_writing_are_not_all_written(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint, "SHARE", 1e-9)
    config = small_config(epochs=EPOCHS, callbacks=("power",))
    cut_after(3)
    with pytest.raises(KeyboardInterrupt):
        fit_panel(noise_series(400), config, ROWS, seed=1, checkpoint=tmp_path)
    assert len(read_state(tmp_path / FILE)["forecaster"]["losses"]) == 1
    cut_after(-1)
    fit_panel(noise_series(400), config, ROWS, seed=1, resume=tmp_path)
    assert len(read_state(tmp_path / FILE)["forecaster"]["losses"]) == EPOCHS  # the last is, always
    assert json.loads((tmp_path / "identity.json").read_text())["trainer.callbacks"] == ["power"]


def test_a_group_without_settings_names_none_that_must_stay():
    assert flat({"epochs": 1, "lightning": {}}) == {"epochs": 1}
    assert flat({"epochs": 1, "lightning": {"max_time": "00:01:00:00"}})["lightning.max_time"] == "00:01:00:00"

"""A classifier's training that was cut off goes on and ends at the very bytes of one that never stopped."""

import math
import multiprocessing
import os
import signal
import time

import pytest
import pytorch_lightning as pl

from forecaster.classification.fitted import ClassifierConfig, fit_classifier
from forecaster.config import ModelConfig, TrainerConfig
from forecaster.registry import CALLBACKS
from forecaster.training import checkpoint
from forecaster.training.checkpoint import FILE

from cases import moods

CASES = moods(24)


@pytest.fixture(autouse=True)
def every_epoch(monkeypatch):
    """Write every epoch down, however short, and forget the callbacks of a test after it."""
    monkeypatch.setattr(checkpoint, "SHARE", math.inf)
    monkeypatch.setattr(CALLBACKS, "others", {})


def config(epochs=4, **trainer):
    model = ModelConfig(hidden_size=4, num_layers=2, dropout=0.3)  # which draws torch's random numbers at each step
    return ClassifierConfig(model=model, trainer=TrainerConfig(epochs=epochs, batch_size=8, members=2, **trainer))


def content(fitted, folder):
    folder.mkdir()
    fitted.save(folder)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_cut_off_in_the_second_network_it_ends_at_the_same_bytes_and_the_first_stays_done(tmp_path):
    built = []

    class PowerCut(pl.Callback):
        """Ends the second network's training in the middle of its third epoch."""

        def on_train_batch_end(self, trainer, *_):
            if len(built) == 2 and trainer.current_epoch == 2 and trainer.global_step % 3 == 2:
                raise KeyboardInterrupt

    CALLBACKS.register("power", lambda: built.append(1) or PowerCut())
    with pytest.raises(KeyboardInterrupt):
        fit_classifier(CASES, config(callbacks=("power",)), seed=1, checkpoint=tmp_path / "cut")
    before = (tmp_path / "cut" / "member-0" / FILE).stat().st_mtime_ns
    resumed = fit_classifier(CASES, config(callbacks=("power",)), seed=1, resume=tmp_path / "cut")
    assert len(built) == 3
    assert (tmp_path / "cut" / "member-0" / FILE).stat().st_mtime_ns == before
    whole = fit_classifier(CASES, config(callbacks=("power",)), seed=1)
    assert content(resumed, tmp_path / "a") == content(whole, tmp_path / "b")


def train(folder, resume):
    fit_classifier(CASES, config(epochs=15), seed=1, checkpoint=folder, resume=resume)


def test_killed_at_any_moment_it_ends_at_the_same_bytes(tmp_path):
    began = time.perf_counter()
    whole = fit_classifier(CASES, config(epochs=15), seed=1, checkpoint=tmp_path / "whole")
    seconds, resume, killed = time.perf_counter() - began, None, 0
    for attempt in range(2):
        folder = tmp_path / str(attempt)
        process = multiprocessing.get_context("fork").Process(target=train, args=(folder, resume))
        process.start()
        process.join(0.3 * seconds)
        if process.is_alive():
            os.kill(process.pid, signal.SIGKILL)
        process.join()
        killed += process.exitcode == -signal.SIGKILL
        resume = folder if any(folder.rglob(FILE)) else resume
    assert killed
    assert resume is not None
    resumed = fit_classifier(CASES, config(epochs=15), seed=1, resume=resume)
    assert content(resumed, tmp_path / "a") == content(whole, tmp_path / "b")


def test_another_training_is_refused_by_what_differs(tmp_path):
    fit_classifier(CASES, config(epochs=1), seed=1, checkpoint=tmp_path)
    with pytest.raises(ValueError, match=r"trainer\.epochs must stay 1 to resume .*, was 2"):
        fit_classifier(CASES, config(epochs=2), seed=1, resume=tmp_path)
    with pytest.raises(ValueError, match="data must stay what it was to resume"):
        fit_classifier(moods(24, seed=3), config(epochs=1), seed=1, resume=tmp_path)
    (tmp_path / "member-1" / FILE).write_bytes(b"torn")
    with pytest.raises(ValueError, match="holds no state of a training"):
        fit_classifier(CASES, config(epochs=1), seed=1, resume=tmp_path)

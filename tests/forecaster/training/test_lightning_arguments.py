"""Lightning stays open: each argument of its Trainer does what it does there, and ours are refused by name."""

import inspect
import re
import subprocess
import sys
import time

import pytest
import pytorch_lightning as pl
import torch

from forecaster.config import TrainerConfig
from forecaster.fitted import fit_panel
from forecaster.lightning_arguments import OURS, trainer_arguments
from forecaster.registry import CALLBACKS
from forecaster.training.trainer import training_device

from markets import noise_series, small_config

ROWS = range(0, 250)


class Watch(pl.Callback):
    """Writes down what a training did."""

    def __init__(self):
        self.batches, self.seen = 0, set()

    def on_train_batch_end(self, trainer, *_):
        self.batches, self.steps = self.batches + 1, trainer.global_step
        self.seen |= {"deterministic"} if torch.are_deterministic_algorithms_enabled() else set()
        self.seen |= {"anomaly"} if torch.is_anomaly_enabled() else set()
        self.clip = (trainer.gradient_clip_val, trainer.gradient_clip_algorithm)


@pytest.fixture
def watched(monkeypatch):
    """Train with further arguments, and return what came out and what was done."""
    monkeypatch.setattr(CALLBACKS, "others", {})

    def train(arguments, **trainer):
        watch = Watch()
        CALLBACKS.register("watch", lambda: watch)
        config = small_config(lightning=arguments, callbacks=("watch",), **{"epochs": 2, **trainer})
        return fit_panel(noise_series(400), config, ROWS, seed=1)["one"], watch

    return train


@pytest.fixture
def plain(watched):
    return watched({})


def test_accumulated_gradients_make_fewer_steps_of_the_same_batches(watched, plain):
    fitted, watch = watched({"accumulate_grad_batches": 2})
    assert watch.batches == plain[1].batches
    assert watch.steps == 2 * -(-plain[1].steps // 4)
    assert fitted.history != plain[0].history


@pytest.mark.parametrize(("limit", "batches"), [(2, 4), (0.5, 6)])
def test_limited_batches_are_fewer_by_number_or_by_share(watched, plain, limit, batches):
    assert plain[1].batches == 2 * 7
    fitted, watch = watched({"limit_train_batches": limit})
    assert watch.batches == batches
    assert len(fitted.history) == 2
    assert fitted.history[0]["stop_loss"] != plain[0].history[0]["stop_loss"]


def test_a_gradient_is_clipped_as_is_said_last(watched, plain):
    assert plain[1].clip == (1.0, None)
    assert watched({"gradient_clip_val": 1.0})[0].history == plain[0].history
    by_norm, _ = watched({"gradient_clip_val": 1e-3})
    by_value, watch = watched({"gradient_clip_val": 1e-3, "gradient_clip_algorithm": "value"})
    assert watch.clip == (1e-3, "value")
    assert len({str(fitted.history) for fitted in (plain[0], by_norm, by_value)}) == 3


def test_time_that_is_over_ends_the_training_after_a_look_at_the_stop_rows(watched):
    began = time.perf_counter()
    fitted, _ = watched({"max_time": {"milliseconds": 300}}, epochs=100_000, patience=100_000)
    assert time.perf_counter() - began < 30
    assert 1 <= len(fitted.history) < 100_000
    assert all("stop_loss" in losses for losses in fitted.history)
    text, _ = watched({"max_time": "00:00:00:01"}, epochs=2)  # days, hours, minutes, seconds: more than it needs
    assert len(text.history) == 2


def test_a_training_that_is_given_no_time_is_not_called_diverged(watched):
    with pytest.raises(ValueError, match="ended the training before its first epoch was over; allow it more, was"):
        watched({"max_time": "00:00:00:00"})


def test_steps_that_are_over_end_it_likewise(watched):
    fitted, watch = watched({"max_steps": 10}, epochs=5)
    assert watch.batches == 10
    assert len(fitted.history) == 2
    assert fitted.history[0]["stop_loss"] != fitted.history[1]["stop_loss"]


def test_torch_is_left_as_it_was(watched, plain):
    fitted, watch = watched({"deterministic": True, "detect_anomaly": True})
    assert watch.seen == {"deterministic", "anomaly"}
    assert fitted.history == plain[0].history
    assert not torch.are_deterministic_algorithms_enabled()
    assert not torch.is_anomaly_enabled()


def test_every_member_has_its_own_callback_in_its_own_process(watched):
    made = []
    CALLBACKS.register("counted", lambda: made.append(1) or pl.Callback())
    config = small_config(epochs=1, members=2, callbacks=("counted",))
    fit_panel(noise_series(400), config, ROWS, seed=1)
    assert len(made) == 2
    with pytest.raises(ValueError, match="must be one of counted"):
        small_config(callbacks=("other",))


def test_the_names_are_lightning_s_own_and_ours_are_among_them():
    assert trainer_arguments() == tuple(inspect.signature(pl.Trainer.__init__).parameters)[1:]
    assert set(OURS) < set(trainer_arguments())


def test_the_names_are_known_without_lightning():
    program = (
        "from forecaster.lightning_arguments import trainer_arguments as a; a(); import sys; print(len(sys.modules))"
    )
    program += "; assert not {'torch', 'pytorch_lightning'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"acumulate_grad_batches": 2}, "was 'acumulate_grad_batches'; did you mean 'accumulate_grad_batches'?"),
        ({"max_epochs": 2}, "lightning must leave max_epochs out: trainer.epochs sets it"),
        ({"precision": "16"}, "lightning must leave precision out: trainer.precision sets it"),
        ({"logger": True}, "lightning must leave logger out: run.loggers names them"),
        ({"devices": 2}, "lightning must leave devices out: a network is trained on one device"),
        ({"limit_val_batches": 0}, "lightning must leave limit_val_batches above 0"),
        ({"zzz": 0}, "was 'zzz'; allowed: accelerator, min_epochs, max_steps"),
    ],
)
def test_what_is_ours_or_nobody_s_is_refused(arguments, sentence):
    with pytest.raises(ValueError, match=re.escape(sentence)):
        TrainerConfig(lightning=arguments)


def test_a_value_that_lightning_refuses_is_refused_in_its_words():
    with pytest.raises(ValueError, match=r"trainer.lightning: .*gradient_clip_algorithm"):
        training_device({"gradient_clip_algorithm": "nom"})
    assert training_device({"accelerator": "cpu"}).type == "cpu"

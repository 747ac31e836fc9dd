"""Networks of several seeds that forecast as one, trained side by side."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from forecaster.config import ModelConfig, Precision, TrainerConfig
from forecaster.data.datamodule import WindowData, WindowDataModule, future_inputs
from forecaster.data.future_covariates import FutureReader, FutureTable
from forecaster.networks.base import Network
from forecaster.networks.heads import Bins
from forecaster.networks.senses import FusedNetwork
from forecaster.training.linear_base import LinearBase, base_among
from forecaster.training.module import LSTMForecaster, Spoken
from forecaster.training.precision import refuse_bfloat16, trained_in
from forecaster.training.trainer import Progress, train, training_device
from forecaster.training.workers import Report, Workers

TrainingLog = list[dict[str, float]]


class Ensemble(nn.Module):
    """Several forecasters whose forecast is the mean of theirs, and whose hidden state is the first one's.

    Units of different seeds have nothing in common: a mean of hidden states would mean nothing, and all of them side by
    side would widen the agent's observation by as many times. The first is what it would be if it were alone.

    Source:
        The mean of quantiles at each level: Lichtendahl, Grushka-Cockayne and Winkler (2013), Management Science 59(7).
    """

    def __init__(self, members: Sequence[LSTMForecaster]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)

    @property
    def network(self) -> Network:
        """The network whose hidden state is told."""
        return cast(LSTMForecaster, self.members[0]).network

    def forward(self, context: Tensor, *beside: Tensor) -> Spoken:
        """Return the means of points, quantiles and chances, and the first hidden state."""
        points, states, *others = zip(*(member(context, *beside) for member in self.members), strict=True)
        quantiles, chances = (None if other[0] is None else torch.stack(other).mean(dim=0) for other in others)
        return Spoken(torch.stack(points).mean(dim=0), states[0], quantiles, chances)


@dataclass(frozen=True, eq=False)
class MemberTraining:
    """All that the training of one network needs; it can be sent to another process.

    Attributes:
        data: windows and labels.
        model: the network.
        trainer: how it is trained; its `precision` is not `auto`.
        bins: for the head of that name.
        base: the linear base, if there is one.
        base_optional: whether the network is also trained without it; the rows that stop both decide which is kept.
        future: what is known of the bars ahead.
        reader: how that is read; None for networks that do not.
        seed: of the weights and of the shuffling.
        initial: weights to begin from, the linear base among them, if it had one; None draws fresh ones.
        checkpoint: folder in which the training is written down, and from which it goes on; None: nowhere.
    """

    data: WindowData
    model: ModelConfig
    trainer: TrainerConfig
    bins: Bins | None
    base: LinearBase | None
    base_optional: bool
    future: FutureTable
    reader: FutureReader | None
    seed: int
    initial: Mapping[str, Tensor] | None = None
    checkpoint: Path | None = None

    @property
    def inputs(self) -> tuple[int, int]:
        """F + S inputs of a bar, and G of each bar ahead."""
        num_features = self.data.features.shape[2] + self.data.static.shape[1]
        return num_features, len(self.reader.names) if self.reader else 0

    def fresh(self) -> LSTMForecaster:
        """Return the network before its training; draws from torch's random numbers."""
        inputs, num_future = self.inputs
        base = self.base if self.initial is None else base_among(self.initial)
        senses = self.data.senses
        model = LSTMForecaster(self.model, self.trainer, inputs, self.bins, num_future, base, senses.senses)
        if self.initial is not None:
            model.load_state_dict(self.initial)
        elif isinstance(model.network, FusedNetwork):
            for number, values in enumerate(senses.learned(self.data.bars)):
                model.network.fit(number, torch.from_numpy(values))
        return model

    def run(self, progress: Progress | None = None) -> tuple[LSTMForecaster, TrainingLog]:
        """Train a network from each of its starts and return that of the least stop loss, and the losses of all.

        Torch's random numbers are left as they were.
        """
        starts = [self.within("base"), replace(self.within("none"), base=None)] if self.base_optional else [self]
        trained = [start.train(progress) for start in starts]
        model, _ = min(trained, key=lambda one: least_loss(one[1]))
        return model, [losses for _, log in trained for losses in log]

    def within(self, name: str) -> "MemberTraining":
        """Return the training written down in a folder of its own."""
        return self if self.checkpoint is None else replace(self, checkpoint=self.checkpoint / name)

    def batches(self) -> WindowDataModule:
        """Return the batches of its epochs, in the order that its seed draws."""
        future = partial(future_inputs, self.reader, self.future)
        trainer = self.trainer
        return WindowDataModule(
            self.data, batch_size=trainer.batch_size, seed=self.seed, future=future, at_most=trainer.windows_per_epoch
        )

    def train(self, progress: Progress | None) -> tuple[LSTMForecaster, TrainingLog]:
        """Train one network from its one start."""
        with torch.random.fork_rng():
            torch.manual_seed(self.seed)
            model = self.fresh()
            log = train(model, self.batches(), self.trainer, progress, self.checkpoint) if self.trainer.epochs else []
        return model.cpu().eval(), log


def least_loss(log: TrainingLog) -> float:
    """Return the least stop loss of a training, that of the weights it left; NaN is none, and infinite that of none."""
    told = (losses["stop_loss"] for losses in log if losses["stop_loss"] == losses["stop_loss"])
    return min(told, default=float("inf"))


def train_ensemble(
    job: MemberTraining,
    progress: Progress | None = None,
    initial: LSTMForecaster | Ensemble | None = None,
) -> tuple[LSTMForecaster | Ensemble, TrainingLog, Precision]:
    """Train the `trainer.members` networks of a job, which differ in their seeds; the first has the job's own.

    With `trainer.processes` they are trained side by side, a torch thread each; an accelerator takes one after another.

    Args:
        job: the training of the first.
        progress: called after each epoch or, of several networks, after each network.
        initial: the network, or as many of them, to begin from; None for fresh ones.

    Returns:
        The network, or the ensemble; the losses of the first; the arithmetic they were trained in.

    Raises:
        ValueError: a training diverged, or is asked for in an arithmetic that this machine has not.
        KeyboardInterrupt: Ctrl-C; no process is left behind.
    """
    number = job.trainer.members
    starts = [None] * number if initial is None else [network.state_dict() for network in _networks(initial)]
    job = replace(job, initial=starts[0])
    device = training_device(job.trainer.lightning)
    precision = _precision(job, device)
    job = replace(job, trainer=replace(job.trainer, precision=precision))
    if number == 1:
        model, log = job.run(progress)
        return model, log, precision
    least_losses: list[float] = []

    def report(_: int, least_loss: float) -> None:
        least_losses.append(least_loss)
        if progress is not None:
            progress(len(least_losses), number, {"stop_loss": least_loss})

    with Workers(job.trainer.processes if device.type == "cpu" else 1, at_most=number) as workers:
        jobs = [replace(job, seed=_seed(job.seed, member)) for member in range(number)]
        jobs = [
            replace(job.within(f"member-{number}"), initial=start)
            for number, (job, start) in enumerate(zip(jobs, starts, strict=True))
        ]
        trained = workers.run([partial(_train_member, job) for job in jobs], report)
    return Ensemble([model for model, _ in trained]).eval(), trained[0][1], precision


def _precision(job: MemberTraining, device: torch.device) -> Precision:
    """Return the arithmetic to train in: as asked, or the faster one, which a training that goes on has measured."""
    precision = job.trainer.precision
    if precision == "float32":
        return precision
    with torch.random.fork_rng():
        torch.manual_seed(job.seed)
        facts = (job.fresh(), job.trainer.batch_size, job.inputs, device)
    if precision == "bfloat16":
        refuse_bfloat16(*facts)
        return precision
    if job.checkpoint is None:
        return trained_in(*facts)
    file = job.checkpoint / "precision"
    measured = file.read_text(encoding="utf-8") if file.is_file() else ""
    if measured not in ("float32", "bfloat16"):
        measured = trained_in(*facts)
        file.write_text(measured, encoding="utf-8")
    return cast(Precision, measured)


def _train_member(job: MemberTraining, report: Report) -> tuple[LSTMForecaster, TrainingLog]:
    model, log = job.run()
    report(least_loss(log))
    return model, log


def _networks(model: LSTMForecaster | Ensemble) -> list[nn.Module]:
    return list(model.members) if isinstance(model, Ensemble) else [model]


def _seed(seed: int, number: int) -> int:
    """Return the seed of a member; the first has the one that was given."""
    return seed if number == 0 else int(np.random.SeedSequence([seed, number]).generate_state(1)[0] % 2**31)

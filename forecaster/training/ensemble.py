"""Networks of several seeds that forecast as one, trained side by side."""

import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from multiprocessing import active_children, get_context

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from forecaster.config import ModelConfig, Precision, TrainerConfig
from forecaster.data.datamodule import WindowDataModule, WindowRows
from forecaster.data.future_inputs import FutureReader, FutureTable
from forecaster.networks.base import Network
from forecaster.networks.heads import Bins
from forecaster.training.module import LSTMForecaster
from forecaster.training.precision import trained_in
from forecaster.training.trainer import Progress, train, training_device

Float32 = NDArray[np.float32]
History = list[dict[str, float]]


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
        first = self.members[0]
        assert isinstance(first, LSTMForecaster)
        return first.network

    def forward(self, context: Tensor, *future: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        """Return the mean point (B, H), the first hidden state (B, D) and the mean quantiles (B, H, Q) or None."""
        points, states, quantiles = zip(*(member(context, *future) for member in self.members), strict=True)
        spread = None if quantiles[0] is None else torch.stack(quantiles).mean(dim=0)
        return torch.stack(points).mean(dim=0), states[0], spread


@dataclass(frozen=True, eq=False)
class Job:
    """All that the training of one network needs; it can be sent to another process.

    Attributes:
        features: (A, T, F) scaled features of A instruments.
        static: (A, S) scaled numbers of each instrument.
        target: (A, T) scaled changes.
        rows: decision rows.
        model: the network.
        trainer: how it is trained; its `precision` is not `auto`.
        bins: for the head of that name.
        base: weights of the linear base, if there is one.
        ahead: what is known of the bars ahead.
        reader: how that is read; None for networks that do not.
        seed: of the weights and of the shuffling.
    """

    features: Float32
    static: Float32
    target: Float32
    rows: WindowRows
    model: ModelConfig
    trainer: TrainerConfig
    bins: Bins | None
    base: Tensor | None
    ahead: FutureTable
    reader: FutureReader | None
    seed: int

    @property
    def inputs(self) -> tuple[int, int]:
        """F + S inputs of a bar, and G of each bar ahead."""
        return self.features.shape[2] + self.static.shape[1], len(self.reader.names) if self.reader else 0

    def fresh(self) -> LSTMForecaster:
        """Return the network before its training; draws from torch's random numbers."""
        inputs, num_future = self.inputs
        base = None if self.base is None else self.base.clone()  # members share no memory
        return LSTMForecaster(self.model, self.trainer, inputs, self.bins, num_future, base)

    def run(self, progress: Progress | None = None) -> tuple[LSTMForecaster, History]:
        """Train a network; torch's random numbers are left as they were."""
        data = WindowDataModule(
            self.features,
            self.static,
            self.target,
            self.rows,
            context_length=self.model.context_length,
            horizon=self.model.horizon,
            batch_size=self.trainer.batch_size,
            seed=self.seed,
            future=self._future,
        )
        with torch.random.fork_rng():
            torch.manual_seed(self.seed)
            model = self.fresh()
            history = train(model, data, self.trainer, progress)
        return model.cpu().eval(), history

    def sent(self) -> tuple[dict[str, NDArray[np.float32]], History]:
        """Train a network in another process, and return its weights as plain arrays."""
        model, history = self.run()
        return {name: value.numpy() for name, value in model.state_dict().items()}, history

    def _future(self, rows: NDArray[np.int64]) -> tuple[Tensor, ...]:
        return () if self.reader is None else (torch.from_numpy(self.reader.read(self.ahead, rows)),)


def train_members(job: Job, progress: Progress | None = None) -> tuple[LSTMForecaster | Ensemble, History, Precision]:
    """Train the `trainer.members` networks of a job, which differ in their seeds; the first has the job's own.

    With `trainer.processes` they are trained side by side, a torch thread each; an accelerator takes one after another.

    Returns:
        The network, or the ensemble; the losses of the first; the arithmetic they were trained in.

    Raises:
        ValueError: a training diverged.
        KeyboardInterrupt: Ctrl-C; no process is left behind.
    """
    device = training_device()
    with torch.random.fork_rng():
        torch.manual_seed(job.seed)
        asked = job.trainer.precision
        precision = asked if asked != "auto" else trained_in(job.fresh(), job.trainer.batch_size, job.inputs, device)
    job = replace(job, trainer=replace(job.trainer, precision=precision))
    jobs = [replace(job, seed=_seed(job.seed, number)) for number in range(job.trainer.members)]
    if len(jobs) == 1:
        model, history = job.run(progress)
        return model, history, precision
    processes = min(len(jobs), job.trainer.processes or os.cpu_count() or 1)
    if processes == 1 or device.type != "cpu":
        found = []
        for number, one in enumerate(jobs):
            found.append(one.run())
            _tell(progress, number + 1, len(jobs), found[-1][1])
    else:
        found = _side_by_side(jobs, processes, progress)
    return Ensemble([member for member, _ in found]).eval(), found[0][1], precision


def _side_by_side(
    jobs: Sequence[Job], processes: int, progress: Progress | None
) -> list[tuple[LSTMForecaster, History]]:
    pool = ProcessPoolExecutor(
        processes, get_context("spawn"), initializer=torch.set_num_threads, initargs=(1,)
    )  # forked processes would inherit OpenMP's locks
    try:
        futures = [pool.submit(job.sent) for job in jobs]
        for done, future in enumerate(as_completed(futures)):
            _tell(progress, done + 1, len(jobs), future.result()[1])
        results = [future.result() for future in futures]
    except BaseException:  # Ctrl-C, or a training that failed: nobody waits for the others
        for child in active_children():
            child.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)
    return [(_filled(job, weights), history) for job, (weights, history) in zip(jobs, results, strict=True)]


def _filled(job: Job, weights: dict[str, NDArray[np.float32]]) -> LSTMForecaster:
    with torch.random.fork_rng():  # a new module draws weights, which the next line replaces
        model = job.fresh()
    model.load_state_dict({name: torch.from_numpy(value) for name, value in weights.items()})
    return model.eval()


def _tell(progress: Progress | None, done: int, total: int, history: History) -> None:
    if progress is not None:
        progress(done, total, {"stop_loss": min(row["stop_loss"] for row in history)})


def _seed(seed: int, number: int) -> int:
    """Return the seed of a member; the first has the one that was given."""
    return seed if number == 0 else int(np.random.SeedSequence([seed, number]).generate_state(1)[0] % 2**31)

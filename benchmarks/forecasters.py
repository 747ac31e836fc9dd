"""Training windows per CPU-second: `segment_lstm` and `lstm`, float32 and bfloat16, beside neuralforecast's LSTM.

One column, context 96, horizon 96, hidden 128, 2 layers, batch 256, mean squared error, Adam, one thread. Give
ETTh1.csv as the argument for its column OT; without one a made-up column of the same length is read, which costs the
same. Rounds are interleaved, so that a busy machine slows all alike; the median is printed. neuralforecast is paired
where it is installed; it is no dependency.
"""

import contextlib
import io
import logging
import os
import sys
import time
import warnings
from collections.abc import Callable

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F

from forecaster.config import ModelConfig
from forecaster.data.windows import gather, strided_windows
from forecaster.networks.base import build_network

LENGTH, HORIZON, BATCH, ROUNDS, SECONDS = 96, 96, 256, 3, 3.0
TRAIN_ROWS, PEER_STEPS = 8640, (2, 12)
SIZES = {"context_length": LENGTH, "horizon": HORIZON, "hidden_size": 128, "num_layers": 2}


def main() -> None:
    """Print the table."""
    torch.set_num_threads(1)
    column = read(sys.argv[1]) if len(sys.argv) > 1 else np.sin(np.arange(TRAIN_ROWS) * 2 * np.pi / 24)
    rows: dict[str, Callable[[], float]] = {}
    for kind, extra in (("lstm", {}), ("segment_lstm", {"segment_length": 24})):
        for precision in (torch.float32, torch.bfloat16):
            rows[f"{kind}, {str(precision).removeprefix('torch.')}"] = ours(
                ModelConfig(kind=kind, **SIZES, **extra), precision, column
            )
    peer = neuralforecast_lstm(column)
    if peer is None:
        print("neuralforecast is not installed: `lstm, float32`, a loop by hand, stands alone")
    else:
        rows["neuralforecast LSTM, float32"] = peer
    speeds = {name: [] for name in rows}
    for _ in range(ROUNDS):
        for name, measure in rows.items():
            speeds[name].append(measure())
    base = np.median(speeds["lstm, float32"])
    print(f"{'':<32}{'windows / CPU-s':>16}{'x lstm':>9}{'spread':>9}")
    for name, rounds in speeds.items():
        middle = np.median(rounds)
        print(f"{name:<32}{middle:>16,.0f}{middle / base:>9.2f}{np.ptp(rounds) / middle:>9.1%}")


def read(path: str) -> np.ndarray:
    """Return the training rows of column OT in deviations from their mean."""
    column = pd.read_csv(path)["OT"].to_numpy(np.float64)[:TRAIN_ROWS]
    return (column - column.mean()) / column.std()


def ours(config: ModelConfig, precision: torch.dtype, column: np.ndarray) -> Callable[[], float]:
    """Return a function that trains for a while and returns windows per CPU-second."""
    network = build_network(config, 1, 1)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    windows = strided_windows(column.astype(np.float32)[:, None], LENGTH + HORIZON)
    rng = np.random.default_rng(0)

    def step() -> None:
        last = rng.integers(LENGTH + HORIZON - 1, len(column), BATCH)
        batch = torch.from_numpy(gather(windows, last))
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == torch.bfloat16):
            outputs, _ = network(batch[:, :LENGTH])
        optimizer.zero_grad()
        F.mse_loss(outputs.float(), batch[:, LENGTH:]).backward()
        optimizer.step()

    def measure() -> float:
        step()
        started, steps = time.process_time(), 0
        while time.process_time() - started < SECONDS:
            step()
            steps += 1
        return steps * BATCH / (time.process_time() - started)

    return measure


def neuralforecast_lstm(column: np.ndarray) -> Callable[[], float] | None:
    """Return the same of neuralforecast's LSTM (direct), from the difference of a long and a short training."""
    try:
        with contextlib.redirect_stderr(io.StringIO()):
            from neuralforecast import NeuralForecast
            from neuralforecast.losses.pytorch import MSE
            from neuralforecast.models import LSTM
    except ImportError:
        return None
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    times = pd.date_range("2016-07-01", periods=len(column), freq="h")
    table = pd.DataFrame({"unique_id": "OT", "ds": times, "y": column})

    def seconds(steps: int) -> float:
        sizes = {"encoder_hidden_size": 128, "encoder_n_layers": 2, "decoder_hidden_size": 128, "decoder_layers": 1}
        quiet = {"enable_progress_bar": False, "logger": False, "enable_model_summary": False}
        model = LSTM(
            h=HORIZON, input_size=LENGTH, max_steps=steps, windows_batch_size=BATCH, batch_size=1, loss=MSE(),
            recurrent=False, scaler_type="identity", accelerator="cpu", enable_checkpointing=False, **sizes, **quiet,
        )  # fmt: skip
        started = time.process_time()
        with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            NeuralForecast(models=[model], freq="h").fit(table, val_size=0)
        return time.process_time() - started

    def measure() -> float:
        short, long = PEER_STEPS
        return (long - short) * BATCH / (seconds(long) - seconds(short))

    return measure


if __name__ == "__main__":
    main()

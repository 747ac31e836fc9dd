"""What the architectures cost: forward and backward over a batch of 64 windows of 64 bars, 12 features, 32 units.

Prints the median of CPU time over rounds in which the kinds take turns, on one thread; `make bench` runs it.
"""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import time

import numpy as np
import torch

from forecaster.config import DAYWISE, ModelConfig
from forecaster.networks.base import build_network
from forecaster.registry import MODELS

BATCH, BARS, FEATURES, ROUNDS = 64, 64, 12, 30


def main() -> None:
    """Print the table."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    context = torch.randn(BATCH, BARS, FEATURES)
    networks = {
        kind: build_network(ModelConfig(kind=kind, context_length=BARS), FEATURES, 1)
        for kind in MODELS.own
        if kind not in DAYWISE
    }
    rounds = [{kind: step(network, context) for kind, network in networks.items()} for _ in range(ROUNDS)]
    median = {kind: float(np.median([each[kind] for each in rounds[5:]])) for kind in networks}
    print(f"{'kind':>16}{'weights':>10}{'ms':>8}{'x lstm':>8}")
    for kind, network in networks.items():
        weights = sum(each.numel() for each in network.parameters())
        print(f"{kind:>16}{weights:>10,}{1e3 * median[kind]:>8.2f}{median[kind] / median['lstm']:>8.2f}")


def step(network: torch.nn.Module, context: torch.Tensor) -> float:
    """Return the CPU seconds of one forward and backward pass."""
    network.zero_grad()
    started = time.process_time()
    outputs, _ = network(context)
    (outputs - 1.0).square().mean().backward()
    return time.process_time() - started


if __name__ == "__main__":
    main()

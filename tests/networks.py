"""Architectures small enough to be written out slowly, with weights that are nothing special."""

import torch
from hypothesis import strategies as st

from forecaster.config import PATCHED, SEGMENTED, ModelConfig
from forecaster.networks.base import build_network

FEATURES = 3
seeds = st.integers(0, 2**31)
shapes = st.tuples(st.integers(1, 4), st.integers(1, 6), st.integers(1, 5), st.integers(1, 8))  # B, L, F, D
headed = st.tuples(st.integers(1, 4), st.integers(1, 9), st.integers(1, 3), st.integers(1, 5))  # B, N, K, d


def randomise(module, seed, scale=1.0):
    """Give a module float64 weights that are all different from zero and from one another."""
    rng = torch.Generator().manual_seed(seed)
    for weights in module.double().parameters():
        weights.data = scale * torch.randn(weights.shape, generator=rng, dtype=torch.float64)
    return module.eval()


def draw(*shape, seed=0):
    """Normal numbers in float64."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def small_network(kind, seed=1, **sizes):
    """An architecture of 6 units that reads 12 bars, with random weights throughout."""
    sizes = {"context_length": 12, "horizon": 3, "hidden_size": 6, **sizes}
    sizes |= {"patch_length": 4, "num_heads": 2, **sizes} if kind in PATCHED else {}
    sizes |= {"segment_length": 4} if kind in SEGMENTED and "segment_length" not in sizes else {}
    return randomise(build_network(ModelConfig(kind=kind, **sizes), FEATURES, 2), seed, scale=0.5)


def close(one, two):
    """Refuse tensors that differ by more than 1e-5 anywhere."""
    torch.testing.assert_close(one, two, rtol=0.0, atol=1e-5)


def layer_norm(z, gain=1.0):
    """Mean 0 and variance 1 over the last axis, times a gain."""
    centred = z - z.mean(dim=-1, keepdim=True)
    return gain * centred / torch.sqrt((centred**2).mean(dim=-1, keepdim=True) + 1e-5)

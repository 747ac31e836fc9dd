"""The mLSTM read at once against the mLSTM read step by step, and against its equations."""

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from forecaster.networks.mlstm import MLSTMBlock, mlstm_parallel

from networks import close, draw, headed, layer_norm, randomise, seeds


def mlstm_recurrent(query, key, value, raw_input, raw_forget):
    """The memory step by step, stabilised as by equations 15 to 17; shapes as `mlstm_parallel`."""
    *heads, length, width = query.shape
    memory = torch.zeros(*heads, width, width, dtype=query.dtype)
    norm, m = torch.zeros(*heads, width, dtype=query.dtype), torch.full(heads, -torch.inf, dtype=query.dtype)
    read = []
    for t in range(length):
        q, k, v = query[..., t, :], key[..., t, :], value[..., t, :]
        faded = F.logsigmoid(raw_forget[..., t]) + m
        m = torch.maximum(faded, raw_input[..., t])
        f, i = torch.exp(faded - m)[..., None], torch.exp(raw_input[..., t] - m)[..., None]
        memory = f[..., None] * memory + i[..., None] * v[..., :, None] * k[..., None, :]
        norm = f * norm + i * k
        asked = (memory @ q[..., None])[..., 0]
        least = torch.exp(-m)
        read.append(asked / torch.maximum((norm * q).sum(dim=-1).abs(), least)[..., None])
    return torch.stack(read, dim=-2)


def mlstm_inputs(batch, heads, length, width, seed, scale=1.0):
    rows = [draw(batch, heads, length, width, seed=seed + k) for k in range(3)]
    gates = [scale * draw(batch, heads, length, seed=seed + k) for k in (3, 4)]
    return rows + gates


@given(headed, seeds, st.sampled_from([1, 10]))
@settings(max_examples=25)
def test_the_mlstm_read_at_once_is_the_mlstm_read_step_by_step(shape, seed, scale):
    batch, length, heads, width = shape
    inputs = mlstm_inputs(batch, heads, length, width, seed, scale)
    close(mlstm_parallel(*inputs), mlstm_recurrent(*inputs))


@given(headed, seeds)
@settings(max_examples=15)
def test_the_mlstm_is_its_equations(shape, seed):
    batch, length, heads, width = shape
    units = heads * width
    block, states = randomise(MLSTMBlock(units, heads), seed, scale=0.5), draw(batch, length, units, seed=seed)
    memory = torch.zeros(batch, heads, width, width, dtype=torch.float64)
    norm = torch.zeros(batch, heads, width, dtype=torch.float64)
    said = []
    for t in range(length):
        x = layer_norm(states[:, t], block.norm.weight) + block.norm.bias
        q, v = block.query(x).view(batch, heads, width), block.value(x).view(batch, heads, width)
        k = (x @ block.key.weight.T / math.sqrt(width) + block.key_bias).view(batch, heads, width)
        raw = block.gates(x)
        i, f = torch.exp(raw[:, :heads]), torch.sigmoid(raw[:, heads:])
        memory = f[..., None, None] * memory + i[..., None, None] * torch.einsum("bhd,bhe->bhde", v, k)
        norm = f[..., None] * norm + i[..., None] * k
        least = torch.ones(batch, heads, dtype=torch.float64)
        read = torch.einsum("bhde,bhe->bhd", memory, q)
        read = read / torch.maximum(torch.einsum("bhd,bhd->bh", norm, q).abs(), least)[..., None]
        o = torch.sigmoid(block.shown(x))
        said.append(states[:, t] + (o * read.reshape(batch, units)) @ block.out.weight.T)
    close(block(states), torch.stack(said, dim=1))


@pytest.mark.parametrize("gate", [-1000.0, -100.0, 100.0, 1000.0])
def test_the_mlstm_s_gates_never_overflow(gate):
    inputs = [tensor.float().requires_grad_() for tensor in mlstm_inputs(2, 2, 5, 3, 0)]
    with torch.no_grad():
        inputs[3] += gate
        inputs[4] -= gate
    read = mlstm_parallel(*inputs)
    read.sum().backward()
    for tensor in (read, *(each.grad for each in inputs)):
        assert torch.isfinite(tensor).all()


def test_a_memory_that_is_never_written_to_says_nothing():
    inputs = mlstm_inputs(1, 1, 4, 2, 0)
    inputs[3] = inputs[3] - 1000.0
    assert not mlstm_parallel(*inputs).any()

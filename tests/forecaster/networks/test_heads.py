"""Heads: each loss is what its formula says, and each forecast of a distribution is one."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from forecaster.config import ModelConfig, TrainerConfig
from forecaster.evaluation.scores import score_forecasts
from forecaster.fitted import fit_forecaster, load_forecaster
from forecaster.hidden_states import encode, load_hidden_states
from forecaster.networks.heads import LEVELS, BinsHead, PointHead, QuantileHead, StudentTHead, build_head, equal_bins

from markets import noise_series, small_config, with_model

HEADS = ("point", "quantile", "student_t", "bins")


def head(kind, bins=5):
    target = np.random.default_rng(0).normal(size=2000)
    return build_head(ModelConfig(head=kind, bins=bins), TrainerConfig(), equal_bins(target, bins))


def outputs_of(made, seed, spread=3.0):
    return spread * torch.randn(7, 4, made.outputs, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("kind", HEADS)
def test_an_untrained_forecast_is_no_change(kind):
    made = head(kind)
    zeros = torch.zeros(2, 3, made.outputs)
    torch.testing.assert_close(made.point(zeros), torch.zeros(2, 3), atol=1e-6, rtol=0)


@given(st.integers(0, 2**31), st.sampled_from(["quantile", "student_t", "bins"]))
def test_quantiles_never_cross_and_the_median_lies_among_them(seed, kind):
    made = head(kind)
    outputs = outputs_of(made, seed)
    quantiles = made.quantiles(outputs)
    assert quantiles.shape == (7, 4, len(LEVELS))
    assert (quantiles.diff(dim=-1) >= 0).all()
    if kind != "bins":
        torch.testing.assert_close(quantiles[..., 9], made.point(outputs), atol=1e-4, rtol=1e-4)


def test_untrained_quantiles_are_those_of_a_normal():
    quantiles = QuantileHead().quantiles(torch.zeros(1, 1, 19))[0, 0]
    np.testing.assert_allclose(quantiles, stats.norm.ppf(LEVELS), atol=1e-5)


def test_the_pinball_loss_is_least_at_the_quantiles():
    target = torch.from_numpy(np.random.default_rng(0).standard_t(4, size=(20_000, 1))).float()
    made = QuantileHead()
    outputs = torch.zeros(1, 1, 19, requires_grad=True)
    optimizer = torch.optim.Adam([outputs], lr=0.05)
    for _ in range(300):
        optimizer.zero_grad()
        made.loss(outputs.expand(len(target), 1, 19), target).backward()
        optimizer.step()
    found = made.quantiles(outputs.detach())[0, 0]
    np.testing.assert_allclose(found, np.quantile(target, LEVELS), atol=0.04)


def test_the_student_t_likelihood_is_scipy_s():
    made, outputs = StudentTHead(), outputs_of(StudentTHead(), 1)
    target = torch.randn(7, 4)
    location, scale, freedom = (part.numpy() for part in made._distribution(outputs))
    expected = -stats.t.logpdf(target.numpy(), freedom, location, scale).mean()
    assert float(made.loss(outputs, target)) == pytest.approx(expected, rel=1e-5)
    np.testing.assert_allclose(
        made.quantiles(outputs)[..., 2], stats.t.ppf(LEVELS[2], freedom, location, scale), rtol=1e-4, atol=1e-4
    )


def test_classes_are_equally_frequent_and_their_loss_is_the_cross_entropy():
    target = np.random.default_rng(1).normal(size=3000)
    edges, means = equal_bins(target, 6)
    made = BinsHead(edges, means)
    counts = np.histogram(target, edges)[0]
    assert counts.max() - counts.min() <= 1
    assert float(made.loss(torch.zeros(3000, 1, 6), torch.tensor(target[:, None]).float())) == pytest.approx(np.log(6))
    sure = torch.full((1, 1, 6), -30.0)
    sure[..., 4] = 30.0
    assert float(made.point(sure)) == pytest.approx(means[4] - np.mean(means), abs=1e-5)
    quantiles = made.quantiles(sure)[0, 0]
    assert ((quantiles >= edges[4] - 1e-4) & (quantiles <= edges[5] + 1e-4)).all()
    np.testing.assert_allclose(made.quantiles(torch.zeros(1, 1, 6))[0, 0][9], np.median(target), atol=0.02)


def test_too_few_distinct_returns_for_the_classes_are_refused():
    with pytest.raises(ValueError, match=r"too few distinct values for model.bins=9 equally frequent classes"):
        equal_bins(np.zeros(100), 9)


@pytest.mark.parametrize(("loss", "expected"), [("mse", 4.0), ("mae", 2.0), ("huber", 1.5)])
def test_a_point_is_taught_by_the_loss_it_is_given(loss, expected):
    made = PointHead(loss)
    assert float(made.loss(torch.zeros(1, 1, 1), torch.full((1, 1), 2.0))) == pytest.approx(expected)


@pytest.mark.parametrize("kind", HEADS)
def test_a_forecaster_of_any_head_is_fitted_kept_and_read_back(kind, tmp_path):
    series = noise_series(400)
    fitted = fit_forecaster(series, with_model(small_config(), head=kind, bins=5), range(0, 250), seed=1)
    fitted.save(tmp_path)
    first, again = encode(fitted, series), encode(load_forecaster(tmp_path), series)
    np.testing.assert_array_equal(first.forecast, again.forecast)
    first.save(tmp_path)
    kept = load_hidden_states(tmp_path)
    assert (kept.quantiles is None) == (kind == "point")
    if kind != "point":
        np.testing.assert_array_equal(kept.quantiles, first.quantiles)
    rows = range(330, 400)
    scores = score_forecasts(fitted, series, first, calibration_rows=range(260, 325), rows=rows).table["lstm"]
    assert 0.6 <= scores["change_coverage"] <= 1.0
    assert scores["change_crps"] > 0.0

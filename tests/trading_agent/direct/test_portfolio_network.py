"""One network for any number of assets: laws of order, caps and masks for any weights, then answers by hand."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from trading_agent.common.policy import load_policy, save_policy
from trading_agent.direct.policy import PortfolioPolicy
from trading_agent.direct.portfolio import Bands, PortfolioNetwork

BLOCK, COMMON = 4, 2
cross_sections = st.sampled_from(["none", "mean", "attention"])
all_caps = st.tuples(
    st.sampled_from([0.1, 0.4, 1.0]), st.sampled_from([0.5, 1.0, 3.0]), st.sampled_from([None, 0.0, 0.3]), st.booleans()
)


def network_of(seed, caps=(1.0, 1.0, None, False), cross_section="mean", keeps=True, common=COMMON):
    """A network that was trained by nobody, and is sure of much."""
    generator = torch.Generator().manual_seed(seed)
    network = PortfolioNetwork((BLOCK, common), (8, 8), caps, cross_section, keeps, generator)
    with torch.no_grad():
        network.head.weight.normal_(generator=generator)
    return network


def observations_of(seed, count, assets, caps, *, missing=0.3, common=COMMON):
    """Observations of accounts within the caps, of which some assets may not be acted on."""
    rng = np.random.default_rng(seed)
    blocks = rng.normal(size=(count, assets, BLOCK))
    blocks[:, :, -1] = rng.random((count, assets)) >= missing
    blocks *= blocks[:, :, -1:]
    least = 0.0 if caps[3] else -caps[0]
    last = rng.uniform(least, caps[0], (count, assets)) * rng.integers(0, 2, (count, assets))
    last *= np.minimum(1.0, caps[1] / np.maximum(np.abs(last).sum(axis=1, keepdims=True), 1e-9)) * 0.99
    if caps[2] is not None:
        last *= np.minimum(1.0, caps[2] / np.maximum(np.abs(last.sum(axis=1, keepdims=True)), 1e-9)) * 0.99
    held = last * rng.uniform(0.95, 1.05, last.shape)
    parts = (blocks.reshape(count, -1), rng.normal(size=(count, common)), held, last, np.zeros((count, 1)))
    return np.concatenate(parts, axis=1).astype(np.float32)


def part(observations, assets, name, common=COMMON):
    first = {"held": assets * BLOCK + common, "last": assets * (BLOCK + 1) + common}[name]
    return observations[:, first : first + assets]


def available(observations, assets):
    return observations[:, : assets * BLOCK].reshape(len(observations), assets, BLOCK)[:, :, -1] > 0.0


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 7), all_caps, cross_sections, st.booleans())
def test_another_order_of_the_assets_is_another_order_of_the_decision(seed, assets, caps, cross_section, keeps):
    policy = PortfolioPolicy(network_of(seed, caps, cross_section, keeps))
    observations = observations_of(seed, 5, assets, caps)
    order = np.random.default_rng(seed).permutation(assets)
    shuffled = observations.copy()
    blocks = observations[:, : assets * BLOCK].reshape(5, assets, BLOCK)
    shuffled[:, : assets * BLOCK] = blocks[:, order].reshape(5, -1)
    for name in ("held", "last"):
        part(shuffled, assets, name)[...] = part(observations, assets, name)[:, order]
    np.testing.assert_allclose(policy.act(shuffled), policy.act(observations)[:, order], atol=2e-5)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 7), all_caps, cross_sections, st.booleans())
def test_no_decision_is_beyond_a_cap(seed, assets, caps, cross_section, keeps):
    observations = observations_of(seed, 20, assets, caps)
    weights = PortfolioPolicy(network_of(seed, caps, cross_section, keeps)).act(observations).astype(np.float64)
    asset, gross, net, long_only = caps
    slack = 1.0 + 1e-6
    assert (np.abs(weights) <= asset * slack).all()
    assert (np.abs(weights).sum(axis=1) <= gross * slack).all()
    free = (available(observations, assets) | (weights == 0.0)).all(axis=1)  # what cannot be moved cannot be cut
    assert net is None or (np.abs(weights[free].sum(axis=1)) <= net * slack + 1e-6).all()
    assert not long_only or (weights >= 0.0).all()


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 7), all_caps, cross_sections, st.booleans())
def test_an_asset_that_is_not_available_keeps_the_target_it_was_traded_to_last(
    seed, assets, caps, cross_section, keeps
):
    observations = observations_of(seed, 20, assets, caps)
    weights = PortfolioPolicy(network_of(seed, caps, cross_section, keeps)).act(observations)
    away = ~available(observations, assets)
    np.testing.assert_array_equal(weights[away], part(observations, assets, "last")[away])


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**31), st.integers(2, 6), st.sampled_from(["mean", "attention"]))
def test_assets_decide_as_if_one_that_is_not_available_did_not_exist(seed, assets, cross_section):
    """With a cap as wide as there are assets, so that their number is not told by it."""
    caps = (1.0, 9.0, None, False)
    policy = PortfolioPolicy(network_of(seed, caps, cross_section))
    observations = observations_of(seed, 5, assets, caps, missing=0.0)
    held, last = part(observations, assets, "held"), part(observations, assets, "last")
    observations[:, :BLOCK] = held[:, :1] = last[:, :1] = 0.0
    shown = observations[:, BLOCK : assets * BLOCK + COMMON]
    fewer = np.concatenate([shown, held[:, 1:], last[:, 1:], observations[:, -1:]], axis=1)
    found, without = policy.act(observations)[:, 1:], policy.act(fewer)
    np.testing.assert_allclose(found, without, atol=2e-5)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 7), all_caps, cross_sections)
def test_a_batch_decides_as_each_account_alone(seed, assets, caps, cross_section):
    policy = PortfolioPolicy(network_of(seed, caps, cross_section))
    observations = observations_of(seed, 6, assets, caps)
    alone = np.concatenate([policy.act(row[None]) for row in observations])
    np.testing.assert_allclose(policy.act(observations), alone, atol=2e-6)


@pytest.mark.parametrize("cross_section", ["none", "mean", "attention"])
@pytest.mark.parametrize("common", [0, 2])
def test_a_policy_read_back_acts_the_same_on_any_number_of_assets(cross_section, common, tmp_path):
    caps = (0.5, 1.0, 0.2, False)
    policy = PortfolioPolicy(network_of(3, caps, cross_section, common=common))
    save_policy(policy, tmp_path)
    read = load_policy(tmp_path)
    for assets in (1, 2, 11):
        observations = observations_of(assets, 4, assets, caps, common=common)
        np.testing.assert_array_equal(read.act(observations), policy.act(observations))


def bands(low, high, there=None):
    return Bands(*(None if part is None else torch.tensor([part]) for part in (low, high, there)))


def decided(network, found, held, last):
    return network.decide(found, torch.tensor([held]), torch.tensor([last])).numpy()[0]


def test_inside_its_band_an_asset_keeps_its_target_and_outside_it_goes_to_the_near_edge():
    network, found = network_of(0, (1.0, 9.0, None, False)), bands([0.1, 0.1, 0.1], [0.2, 0.2, 0.2])
    np.testing.assert_allclose(decided(network, found, [0.0, 0.16, 0.5], [0.0, 0.15, 0.45]), [0.1, 0.15, 0.2])


def price_of(network, appeal, there):
    return network._nearer(network._price(appeal, there), appeal, there)


@pytest.mark.parametrize("long_only", [False, True])
def test_exposures_together_are_the_gross_cap_where_appeal_would_exceed_it_and_the_most_appealing_has_most(long_only):
    network, there = network_of(0, (1.0, 1.0, None, long_only)), torch.ones(1, 4, dtype=torch.bool)
    appeal = torch.tensor([[4.0, 2.0, 1.0, -3.0]])
    price = price_of(network, appeal, there)
    found = network.exposures(appeal, price)[0]
    assert float(found.abs().sum()) == pytest.approx(1.0, abs=1e-3)
    assert found[0] > found[1] > found[2] > 0.0
    assert (found[3] > 0.0) == long_only
    alone = torch.tensor([[-9.0, -9.0, -9.0, -9.0]]) if long_only else torch.zeros(1, 4)
    assert float(price_of(network, alone, there)) == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("long_only", [False, True])
@pytest.mark.parametrize("gross", [1.0, 3.9, 3.999, 4.0, 9.0])
def test_no_asset_is_dearer_than_the_gross_cap_asks_however_sure_the_network_is(gross, long_only):
    network, there = network_of(0, (1.0, gross, None, long_only)), torch.ones(1, 4, dtype=torch.bool)
    appeal = torch.tensor([[12.0, 9.0, 20.0, 15.0]])
    price = price_of(network, appeal, there)
    without = float(network.exposures(appeal, torch.zeros(1, 1)).sum())
    assert float(network.exposures(appeal, price).sum()) == pytest.approx(min(gross, without), abs=1e-3)
    if gross >= 4.0:
        assert float(price) == pytest.approx(0.0, abs=1e-6)


def test_where_every_bar_restores_the_target_what_is_held_is_ordered_inside_the_band():
    network = network_of(0, (1.0, 9.0, None, False), keeps=False)
    np.testing.assert_allclose(decided(network, bands([0.1], [0.2]), [0.16], [0.15]), [0.16])


def test_a_full_account_keeps_what_it_holds_and_buys_no_more():
    network, found = network_of(0, (1.0, 1.0, None, False)), bands([0.6, 0.3], [0.8, 0.5])
    np.testing.assert_array_equal(decided(network, found, [0.7, 0.0], [0.7, 0.0])[0], np.float32(0.7))
    np.testing.assert_allclose(decided(network, found, [0.7, 0.0], [0.7, 0.0])[1], 0.3, atol=1e-5)
    np.testing.assert_allclose(decided(network, found, [0.75, 0.3], [0.8, 0.2]), [0.8, 0.2], atol=1e-5)


def test_the_heavier_side_alone_is_cut_to_the_net_cap():
    network, found = network_of(0, (1.0, 9.0, 0.1, False)), bands([0.6, 0.2, -0.3], [0.6, 0.2, -0.3])
    np.testing.assert_allclose(decided(network, found, [0.0] * 3, [0.0] * 3), [0.3, 0.1, -0.3], atol=1e-5)


def test_an_observation_of_another_layout_is_refused():
    with pytest.raises(ValueError, match="an observation must have 6 columns for each item and 3 others, had 14"):
        PortfolioPolicy(network_of(0)).act(np.zeros((1, 14), np.float32))

"""Hansen's test: arch's own p-value at lengths that arch can do, and seconds at those that it cannot."""

import time

import numpy as np
import pytest
from arch.bootstrap import SPA
from hypothesis import given, settings
from hypothesis import strategies as st

from tradewinds.evaluation.superior_ability import block_length, long_run_variance, superior_ability


def leads_of(seed, periods, models):
    """Leads that depend on the period before, some models better than the benchmark and some clearly worse."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=(periods, models))
    noise[1:] += 0.4 * noise[:-1]
    return noise + rng.normal(0.0, 0.3, models)


def arch_test_of(leads, draws, seed):
    block = int(np.ceil(max(map(block_length, leads.T))))
    test = SPA(np.zeros(len(leads)), -leads, block_size=block, reps=draws, seed=seed)
    test.compute()
    return test


@given(st.integers(0, 2**31), st.integers(20, 300), st.integers(1, 6))
@settings(max_examples=25)
def test_the_p_value_is_arch_s_to_the_last_draw(seed, periods, models):
    leads = leads_of(seed, periods, models)
    theirs = float(arch_test_of(leads, 60, seed).pvalues["consistent"])
    assert superior_ability(list(np.ascontiguousarray(leads.T)), draws=60, seed=seed) == theirs


@given(st.integers(0, 2**31), st.integers(20, 400))
@settings(max_examples=25)
def test_the_variance_of_all_lags_is_that_of_a_loop_over_them(seed, periods):
    leads = leads_of(seed, periods, 1)
    test = arch_test_of(leads, 1, seed)
    ours = long_run_variance(leads[:, 0], 1.0 / test.block_size)
    assert ours == pytest.approx(float(test._loss_diff_var[0]), rel=1e-9, abs=1e-12)


def test_two_hundred_thousand_periods_take_seconds():
    leads = list(np.ascontiguousarray(leads_of(0, 200_000, 4).T))
    started = time.process_time()
    superior_ability(leads, draws=20, seed=1)
    assert time.process_time() - started < 10.0

"""What a series is like: numbers that tell worlds apart, and no unit of money."""

import numpy as np
import pytest

from tradewinds.search.traits import traits_of

from markets import series_of

ROWS = range(0, 1500)
RNG = np.random.default_rng(0)
NOISE = RNG.normal(0.0, 0.01, 2000)


def traits(changes, **options):
    return traits_of(series_of(changes, **options), ROWS)


def test_a_random_walk_has_no_memory_no_season_and_the_normals_tails():
    walk = traits(NOISE)
    for name in ("memory", "season", "clusters"):
        assert abs(walk[name]) < 0.08, name
    assert abs(walk["tails"]) < 0.25
    assert walk["bars"] == pytest.approx(np.log10(1500))


def test_each_trait_tells_its_world():
    before = np.concatenate([[0.0], NOISE[:-1]])
    calm = np.where(np.arange(2000) // 100 % 2, 0.3, 1.0)
    season = np.sin(2.0 * np.pi * np.arange(2000) / 5) * 0.02
    assert traits(NOISE + 0.8 * before)["memory"] > 0.3
    assert traits(NOISE - 0.8 * before)["drift"] < -1.0
    assert traits(NOISE * calm)["clusters"] > 0.1
    assert traits(RNG.standard_t(3, 2000) * 0.01)["tails"] > 0.5
    assert traits(NOISE + season, season_bars=5)["season"] > 0.3
    assert traits(NOISE, bar_length="1h")["bars_a_day"] == pytest.approx(np.log10(24))


def test_neither_the_unit_of_changes_nor_later_rows_move_them():
    here = traits(NOISE)
    assert traits(0.5 * NOISE) == pytest.approx(here)
    assert traits(np.concatenate([NOISE[:1500], np.full(500, 0.03)])) == here


def test_a_series_that_never_changes_has_traits_too():
    assert all(np.isfinite(value) for value in traits(np.zeros(2000)).values())

"""What a study came to: luck among many is told as luck, and what leads everywhere is told as found."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewinds.search.findings import Try, findings, front, lead_elsewhere

PERIODS = 240
WORDS = {"beside": {"score": "doing nothing", "error": "no change"}, "per_year": 1.0, "draws": 200, "seed": 0}


def score_of(number, gains, **values):
    return Try(number, values, {"score": float(gains.mean())}, {"score": gains})


def worlds(seed, count, lead=0.0, own=0.0):
    """The request's own settings and so many others, the last of which leads."""
    rng = np.random.default_rng(seed)
    gains = rng.normal(0.0, 1.0, (count + 1, PERIODS))
    gains[0] += own
    gains[-1] += own + lead
    return score_of(-1, gains[0]), [score_of(number, column) for number, column in enumerate(gains[1:])]


@pytest.mark.parametrize("seed", range(20))
def test_of_two_hundred_settings_in_noise_nothing_is_found(seed):
    own, tries = worlds(seed, 200)
    assert findings(own, tries, ("score",), **WORDS)["verdict"].startswith("There is nothing here: of 200 settings")


def test_what_is_good_but_no_better_than_before_is_not_worth_a_search():
    rng = np.random.default_rng(1)
    shared = 0.5 + rng.normal(0.0, 1.0, PERIODS)
    own = score_of(-1, shared)
    tries = [score_of(number, shared + rng.normal(0.0, 0.1, PERIODS)) for number in range(20)]
    found = findings(own, tries, ("score",), **WORDS)
    assert found["verdict"].startswith("Keep what you had: of 20 settings")
    assert found["p_value_over_nothing"] < 0.01 < found["p_value_over_default"]


def test_what_leads_everywhere_is_found_and_keeps_its_lead():
    own, tries = worlds(2, 20, lead=1.0)
    found = findings(own, tries, ("score",), **WORDS)
    assert "more than luck among 20 explains" in found["verdict"]
    assert found["best"]["trial"] == 19
    assert found["pbo"] == 0.0
    assert found["lead_elsewhere"]["elsewhere"] > 0.5
    assert found["gain_over_default"] == pytest.approx(tries[-1].goals["score"] - own.goals["score"])


def test_where_nobody_acted_there_is_nothing():
    tries = [score_of(number, np.zeros(PERIODS)) for number in range(-1, 4)]
    found = findings(tries[0], tries[1:], ("score",), **WORDS)
    assert found["verdict"].startswith("There is nothing here: of 4 settings tried the best has score 0")
    assert found["p_value_over_default"] == 1.0


def test_of_an_error_less_is_better():
    own = Try(-1, {}, {"error": 2.0}, {"error": np.zeros(30)})
    tries = [Try(0, {}, {"error": 3.0}, {"error": np.zeros(30)}), Try(1, {}, {"error": 1.0}, {"error": np.ones(30)})]
    found = findings(own, tries, ("error",), **WORDS)
    assert (found["best"]["trial"], found["gain_over_default"], found["gain_over_median"]) == (1, 1.0, 1.0)


def test_the_lead_of_luck_is_as_much_lost_elsewhere_as_it_was_won_there():
    rng = np.random.default_rng(3)
    leads = rng.normal(0.0, 1.0, (240, 50))
    leads -= leads.mean(axis=0)  # over all periods nobody leads
    found = lead_elsewhere(leads)
    assert found["there"] > 0.0
    assert found["elsewhere"] == pytest.approx(-found["there"])


def test_a_search_without_a_finished_trial_says_so():
    own, _ = worlds(0, 1)
    found = findings(own, [Try(0, {}, {}, {}, "fell behind")], ("score",), **WORDS)
    assert (found["best"], found["given_up"], found["verdict"]) == (
        None,
        1,
        "Nothing was found: no trial came to its end.",
    )


numbers = st.floats(-5.0, 5.0)


@given(st.lists(st.tuples(numbers, numbers), min_size=1, max_size=12))
def test_none_is_better_by_both_goals_than_one_of_the_front_and_each_other_is_beaten_by_one_of_it(reached):
    tries = [Try(number, {}, {"score": one, "error": two}, {}) for number, (one, two) in enumerate(reached)]
    kept = {row["trial"] for row in front(tries, ("score", "error"))}
    assert kept
    for number, (one, two) in enumerate(reached):
        better = [
            other
            for other in kept
            if reached[other][0] >= one and reached[other][1] <= two and reached[other] != (one, two)
        ]
        assert (number in kept) == (not better)

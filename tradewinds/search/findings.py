"""What a study came to: its best settings, and how far luck among so many explains them. Knows no database."""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tradewinds.evaluation.overfitting import bar_sharpe, deflated_sharpe, overfitting_probability
from tradewinds.evaluation.reasons import FEWEST, FLAT, number_or_reason
from tradewinds.evaluation.superior_ability import superior_ability
from tradewinds.pipeline.records import Array
from tradewinds.search.goals import sign_of
from tradewinds.search.tries import Try

LEVEL = 0.01  # p-value below which the best of a search is believed
BLOCKS, LEAST_PERIODS = 8, 80  # that halves are made of, and periods below which none are


def findings(
    default: Try,
    tries: Sequence[Try],
    goals: Sequence[str],
    *,
    beside: Mapping[str, str],
    per_year: float | None,
    draws: int,
    seed: int,
) -> dict[str, Any]:
    """Return what a search found, as plain data.

    Args:
        default: the request's own settings.
        tries: all trials that count, those that were given up among them.
        goals: what is sought; the first one picks the best.
        beside: by goal, who knew nothing.
        per_year: periods in a year, by which a score is annualised.
        draws: of the bootstrap.
        seed: of it.
    """
    goal, complete = goals[0], [one for one in tries if one.goals]
    sign, own = sign_of(goal), default.goals[goals[0]]
    found: dict[str, Any] = {
        "draws": draws,
        "goals": list(goals),
        "tried": len(tries),
        "complete": len(complete),
        "given_up": sum(bool(one.note) for one in tries),
        "default": dict(default.goals),
        "best": None,
        "front": front(complete, goals) if len(goals) > 1 else [],
        **dict.fromkeys(("median", "gain_over_default", "gain_over_median")),
    }
    if not complete:
        reason = "no trial came to its end"
        return {**found, **_untested(reason), "verdict": f"Nothing was found: {reason}."}
    best = max(complete, key=lambda one: sign * one.goals[goal])  # of equals the first
    median = float(np.median([one.goals[goal] for one in complete]))
    found |= {
        "best": {"trial": best.number, "values": dict(best.values), **best.goals},
        "median": median,
        "gain_over_default": sign * (best.goals[goal] - own),
        "gain_over_median": sign * (best.goals[goal] - median),
    }
    found |= _tests(default, complete, best, goal, draws=draws, seed=seed, per_year=per_year)
    return {**found, "verdict": verdict(found, goal, beside.get(goal, ""))}


def front(tries: Sequence[Try], goals: Sequence[str]) -> list[dict[str, Any]]:
    """Return the trials that none other is as good as by every goal and better by one, best by the first goal first."""
    signs = np.array([sign_of(goal) for goal in goals])
    reached = signs * np.array([[one.goals[goal] for goal in goals] for one in tries]).reshape(-1, len(goals))
    chosen = [
        number
        for number, own in enumerate(reached)
        if not ((reached >= own).all(axis=1) & (reached > own).any(axis=1)).any()
    ]
    return [
        {
            "trial": tries[number].number,
            **{goal: tries[number].goals[goal] for goal in goals},
            "values": dict(tries[number].values),
        }
        for number in sorted(chosen, key=lambda number: -reached[number, 0])
    ]


def verdict(found: Mapping[str, Any], goal: str, beside: str) -> str:
    """Say in words what was found."""
    tried, best, own = found["tried"], found["best"], found["default"][goal]
    words = f"Of {tried} settings tried the best has {goal} {best[goal]:.4g}, the request's own {own:.4g}"
    nothing, over = found["p_value_over_nothing"], found["p_value_over_default"]
    if nothing is None:
        return f"{words}; whether that is luck was not tested: {found['p_value_over_nothing_reason']}."
    deflated = found["deflated_sharpe"]
    if nothing >= LEVEL or (deflated is not None and deflated < 1.0 - LEVEL):
        chance = _chance(nothing, found["draws"]) + ("" if deflated is None else f", deflated Sharpe {deflated:.2f}")
        return f"There is nothing here: {_lower(words)}; luck among {tried} suffices to beat {beside} ({chance})."
    if found["gain_over_default"] <= 0.0:
        return f"Keep what you had: {_lower(words)}, and none of the others leads it."
    if over is None or over >= LEVEL:
        told = found["p_value_over_default_reason"] if over is None else _chance(over, found["draws"])
        lead = f"a lead that luck among {tried} suffices for ({told})"
        return f"Keep what you had: {_lower(words)}, {lead}; both are better than {beside}."
    return f"{words}: more than luck among {tried} explains ({_chance(over, found['draws'])})."


def _chance(p_value: float, draws: int) -> str:
    """Return a p-value of so many draws in words: one of 0 says only that none of them came so far."""
    return f"p = {p_value:.2g}" if p_value > 0.0 else f"p below {1.0 / draws:.2g}"


def _lower(words: str) -> str:
    return words[:1].lower() + words[1:]


def _untested(reason: str) -> dict[str, Any]:
    names = ("p_value_over_nothing", "p_value_over_default", "deflated_sharpe", "pbo", "lead_elsewhere")
    return {name: value for key in names for name, value in number_or_reason(key, None, reason).items()}


def _tests(
    default: Try, complete: Sequence[Try], best: Try, goal: str, *, draws: int, seed: int, per_year: float | None
) -> dict[str, Any]:
    """Test the best against who knows nothing and against the request's own settings, all trials counted."""
    own = default.gains.get(goal)
    if own is None:
        return _untested(f"{goal} is one number a trial, without periods that could be redrawn")
    alike = [one for one in complete if len(one.gains[goal]) == len(own)]
    if len(own) < FEWEST or best not in alike:
        few = f"{len(own)} periods; {FEWEST} are needed"
        return _untested(
            few if best in alike else "the best was scored on other periods than the request's own settings"
        )
    gains = np.column_stack([one.gains[goal] for one in alike])
    scale = (per_year or 1.0) if goal == "score" else 1.0
    counted = f"{len(alike)} of {len(complete)} trials, on the same periods"
    tests: dict[str, Any] = {"compared": counted}
    flat = "its lead is the same in every period"
    tests |= number_or_reason("p_value_over_nothing", _superior(gains, draws, seed), flat)
    tests |= number_or_reason("p_value_over_default", _superior(gains - own[:, None], draws, seed), flat)
    ratios = np.array([bar_sharpe(column) for column in gains.T])
    deflated = deflated_sharpe(best.gains[goal], ratios) if goal == "score" else None
    tests |= number_or_reason("deflated_sharpe", deflated, "of scores that vary alone")
    few = f"{len(own)} periods and {len(alike)} trials; {LEAST_PERIODS} and two are needed"
    enough = len(own) >= LEAST_PERIODS and len(alike) > 1
    tests |= number_or_reason("pbo", overfitting_probability(gains, BLOCKS) if enough else None, few)
    tests |= number_or_reason("lead_elsewhere", lead_elsewhere(gains - own[:, None], scale) if enough else None, few)
    return tests


def _superior(leads: Array, draws: int, seed: int) -> float | None:
    """Return the p-value that the best of (P, K) leads is luck: 1 where none leads, None where leads do not vary.

    A lead that is the same in every period is nothing that a bootstrap could redraw.
    """
    if leads.mean(axis=0).max() <= FLAT:
        return 1.0
    varying = [column for column in leads.T if column.std() > FLAT]
    if not varying:
        return None
    return superior_ability(varying, draws=draws, seed=seed)


def lead_elsewhere(leads: Array, scale: float = 1.0) -> dict[str, float]:
    """Return by how much the best of one half of the periods leads there, and by how much in the other half.

    Args:
        leads: (P, K) over the request's own settings; rows that do not fill the last block are left out.
        scale: by which a mean is told.

    Returns:
        `there` and `elsewhere`: means over all halves of eight blocks. What is lost between them is the shrinkage that
        the best of such a search is to expect.
    """
    size = len(leads) // BLOCKS
    means = leads[: size * BLOCKS].reshape(BLOCKS, size, -1).mean(axis=1)
    halves = [np.isin(np.arange(BLOCKS), half) for half in itertools.combinations(range(BLOCKS), BLOCKS // 2)]
    inside, outside = [], []
    for half in halves:
        there, elsewhere = means[half].mean(axis=0), means[~half].mean(axis=0)
        chosen = int(there.argmax())
        inside.append(there[chosen])
        outside.append(elsewhere[chosen])
    return {"there": scale * float(np.mean(inside)), "elsewhere": scale * float(np.mean(outside))}

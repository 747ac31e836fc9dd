"""Against whom an agent's lead is told: every rule that knew no more than it, above all the strongest of them.

The strongest is known only afterwards. To have picked it flatters it, and so a lead over it is no luck of the picking;
that it leads the agent may be, and is tested as the best of many (Hansen's SPA). Formulas: docs/metrics.md, section 3.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tradewinds.evaluation.inference import CERTAIN, mean_interval
from tradewinds.evaluation.reasons import FEWEST, FLAT, number_or_reason
from tradewinds.evaluation.superior_ability import superior_ability

Array = NDArray[np.float64]


def rival_block(
    increments: pd.DataFrame, rivals: Sequence[str], *, per: float, unit: str, draws: int, seed: int
) -> dict[str, Any]:
    """Tell the agent's lead over each rival, and who is the strongest.

    Args:
        increments: (P, S) of what was earned period by period, a column a strategy, `agent` among them; they add up.
        rivals: those that knew no more than the agent.
        per: periods of the span that leads are told for, such as the bars of a year.
        unit: of these leads, such as `USD a day`.
        draws: bootstrap draws.
        seed: of the bootstraps.

    Returns:
        Part of `honesty`: `lead_unit`, `strongest_rival`, `lead_over_strongest` and its `..._ci95`, `leads` of all
        rivals, and `stronger_rival_p_value`: how often luck would bring the best of them as far ahead of an agent that
        is no worse.
    """
    agent = increments["agent"].to_numpy(np.float64)
    leads = {name: agent - increments[name].to_numpy(np.float64) for name in rivals}
    strongest = min(leads, key=lambda name: float(leads[name].mean()))
    told: dict[str, dict[str, Any]] = {}
    for name, lead in leads.items():
        interval = mean_interval(lead, draws=draws, seed=seed)
        told[name] = {"lead": float(lead.mean()) * per} | number_or_reason(
            "ci95", None if interval is None else [bound * per for bound in interval], _unvaried(lead)
        )
    p_value, unvaried = _best_of_many(leads, draws=draws, seed=seed), _unvaried(leads[strongest])
    return {
        "lead_unit": unit,
        "strongest_rival": strongest,
        "lead_over_strongest": told[strongest]["lead"],
        **number_or_reason("lead_over_strongest_ci95", told[strongest]["ci95"], unvaried),
        **number_or_reason("stronger_rival_p_value", p_value, "no rival earned otherwise than the agent"),
        "leads": told,
    }


def lead_words(honesty: Mapping[str, Any], result: str, form: str) -> str:
    """Say whether the agent leads the strongest rival, by how much, and whether luck suffices for it.

    Args:
        honesty: with the keys of `rival_block`.
        result: what that rival came to, in words.
        form: of a lead, such as `+,.2f`.
    """
    name, interval = honesty["strongest_rival"], honesty["lead_over_strongest_ci95"]
    words = f"The strongest of {len(honesty['leads'])} rules that knew no more, {_plain(name)}, made {result}:"
    if interval is None:
        reason = honesty["lead_over_strongest_ci95_reason"]
        return f"{words} the agent's lead over it cannot be told from luck ({reason})."
    lead, low, high = (f"{value:{form}}" for value in (honesty["lead_over_strongest"], *interval))
    words = f"{words} the agent's lead over it is {lead} {honesty['lead_unit']} (95 % interval {low} to {high}),"
    if interval[0] > 0.0:
        level = [_plain(one) for one, told in honesty["leads"].items() if told["ci95"] and told["ci95"][0] <= 0.0]
        return f"{words} more than luck{', though not over ' + ', '.join(level) if level else ''}."
    if interval[1] >= 0.0:
        return f"{words} which may be luck."
    chance = honesty["stronger_rival_p_value"]
    picked = f"as the best of {len(honesty['leads'])}: SPA p = {chance:.2g}"
    return f"{words} worse beyond luck, {'even ' if chance < CERTAIN else 'but for that it was picked '}{picked}."


def _best_of_many(leads: Mapping[str, Array], *, draws: int, seed: int) -> float | None:
    """P-value of Hansen's (2005) test that the agent is inferior to none of its rivals; None where none differs."""
    ahead = [-lead for lead in leads.values() if not _unvaried(lead)]
    return superior_ability(ahead, draws=draws, seed=seed) if ahead else None


def _unvaried(lead: Array) -> str:
    if len(lead) < FEWEST:
        return f"{len(lead)} periods are too few; {FEWEST} are needed"
    return "both earned the same in every period" if float(np.std(lead)) <= FLAT else ""


def _plain(name: str) -> str:
    return name.replace("_", " ")

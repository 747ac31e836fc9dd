"""The one rule by which a run selects what it acts by: a policy's score on the validation rows. docs/selection.md.

What nobody has to learn stands as it is: doing nothing or, once it has proven itself, the plan on the forecast. Every
candidate is paid for what it earns beyond that, less standard errors of the difference. Knows no task and no algorithm.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from trading_agent import TrainedAgent
from trading_agent.common.policy import ConstantPolicy, Policy

Array = NDArray[np.float64]
LEAST = 0.2  # share of the standard errors asked for that the validation rows alone must always show


def forecast_evidence(forecast: Array, change: Array) -> float:
    """Return how many standard errors a forecast (N,) of changes (N,) is better than none, on rows it never saw.

    Its expected square where nothing can be known is 1; a forecast that says nothing at all is worth 0.

    Source:
        Clark and West (2007), Journal of Econometrics 138(1), eq. 3.1 for the forecast of no change.
    """
    gain = forecast * change
    size = float(np.sqrt(np.square(gain).sum()))
    return float(gain.sum()) / size if size > 0.0 else 0.0


class Validation:
    """Scores policies by one walk through the validation rows; larger is better.

    Args:
        walk: from a policy to the (n,) rewards of one account that it leads through the validation rows.
        standard_errors: by which evidence of both kinds together must beat doing nothing; 0 compares plain sums.
        evidence: standard errors that the forecast has shown on the agent's rows, which no candidate was selected on.
        rival: what is to be beaten beside doing nothing, or None.

    Attributes:
        needed: standard errors that are left to show here: `standard_errors` less `evidence`, a fifth at least. A
            constant position shows all of them: what the forecast has shown is not its merit.
        rival: None if it does not beat doing nothing by as much.
    """

    def __init__(
        self,
        walk: Callable[[Policy], Array],
        *,
        standard_errors: float,
        evidence: float = 0.0,
        rival: Policy | None = None,
    ) -> None:
        self.walk, self.asked = walk, standard_errors
        self.needed = float(np.clip(standard_errors - evidence, LEAST * standard_errors, standard_errors))
        self.rival: Policy | None = None
        self.standing: Array = np.zeros(0)  # rewards of what stands; nothing
        if rival is not None and self(rival) > 0.0:
            self.standing, self.rival = self.walk(rival), rival

    def __call__(self, policy: Policy) -> float:
        """Return the sum of rewards of what stands, and of the policy beyond it, less standard errors of that."""
        rewards = self.walk(policy)
        steps = max(len(rewards), len(self.standing))  # a ruined account ends early: it earns nothing more
        difference = np.pad(rewards, (0, steps - len(rewards))) - np.pad(self.standing, (0, steps - len(self.standing)))
        needed = self.asked if isinstance(policy, ConstantPolicy) else self.needed  # it reads no forecast
        caution = needed * np.sqrt(steps) * difference.std()
        return float(self.standing.sum() + difference.sum() - caution)

    def settle(self, trained: TrainedAgent) -> TrainedAgent:
        """Return the rival where nothing that was trained scores more."""
        if self.rival is None or trained.best_score > self.standing.sum():
            return trained
        return replace(trained, policy=self.rival, best_step=0, best_score=float(self.standing.sum()))

"""What is sought: which way each goal is better, and what a training tells on its way of how it will end."""

from collections.abc import Sequence

from tradewinds.core.errors import RequestError
from tradewinds.pipeline.records import Validated
from tradewinds.request.search_settings import Goal

MORE: tuple[Goal, ...] = ("score",)  # goals of which more is better
WATCHED = {"score": "best_score", "error": "stop_loss"}


def sign_of(goal: str) -> float:
    """Return 1 where more of a goal is better, -1 where less is."""
    return 1.0 if goal in MORE else -1.0


def reached(goals: Sequence[Goal], validated: Validated) -> list[float]:
    """Return what settings came to by each goal.

    Raises:
        RequestError: the task does not have one of them.
    """
    lacking = [goal for goal in goals if goal not in validated.goals]
    if lacking:
        raise RequestError(
            f"search.goals names {', '.join(lacking)}, which this task does not have; it has "
            f"{', '.join(sorted(validated.goals))}"
        )
    return [validated.goals[goal] for goal in goals]

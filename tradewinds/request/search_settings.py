"""What `search` may be told. Light, as the schema that holds it; must not know how anything is searched."""

from collections.abc import Mapping
from dataclasses import field
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field
from pydantic.dataclasses import dataclass

from tradewinds.core.laws import distinct, require

Goal = Literal["score", "error", "drawdown", "seconds"]


@dataclass(frozen=True, kw_only=True)
class SearchConfig:
    """What `search` tries, by which goal, and where it is written down.

    Attributes:
        space: keys of the configuration and what each may be: a list of values; `{low: , high: , log: true}`, a range;
            or null, the range that its own law and its present value give. Empty: the usual ones of what is trained.
        goals: one or two of `score`, what the agent earned, or the share of cases told right, the more the better;
            `error` of the forecast, `drawdown` of the account and `seconds` of a fit, the less the better. Empty:
            `score` where somebody acts, else `error`. All on validation rows, episodes or cases; docs/search.md.
        folds: inner tests on which each trial is scored, cut as `walk_forward.mode` and `walk_forward.test_share` say
            from the bars before the test rows, models fitted anew for each; 0 scores on the validation rows, which
            also chose the trial's own checkpoint.
        warm_start: `from_history` begins with settings that did well in earlier searches beneath `run.dir`, of series
            like this one, with the same task, network, agent and goal; null: with none.
        sampler: `tpe`, `random`, `gp` (Gaussian process) or `nsga2` (for two goals), by Optuna.
        trials: settings that are tried, besides those of the request itself; at least 1.
        minutes: after which no further one is begun; null: none are counted.
        prune: whether a trial that falls behind the median of the others at the same point of its training is ended.
        study: its name, under which it goes on; null: one made of everything that decides what is tried.
        storage: an SQLAlchemy URL, such as postgresql+psycopg://...; null: an SQLite file beside the runs.
        workers: processes, at least 1, on one study; further commands with the same words join it.
    """

    space: Mapping[str, Any] = field(default_factory=dict)
    goals: Annotated[tuple[Goal, ...], Field(max_length=2, description="goals"), AfterValidator(distinct)] = ()
    folds: Annotated[int, Field(ge=0, le=100, description="inner tests")] = 0
    warm_start: Literal["from_history"] | None = None
    sampler: Literal["tpe", "random", "gp", "nsga2"] = "tpe"
    trials: Annotated[int, Field(ge=1, le=100_000, description="trials")] = 40
    minutes: Annotated[float, Field(gt=0, description="minutes")] | None = None
    prune: bool = True
    study: Annotated[str, Field(min_length=1, max_length=64, description="a name")] | None = None
    storage: Annotated[str, Field(min_length=1, description="an address")] | None = None
    workers: Annotated[int, Field(ge=1, le=256, description="processes")] = 1

    def __post_init__(self) -> None:
        require(
            (
                self.sampler != "nsga2" or len(self.goals) == 2,
                f"sampler must be tpe, random or gp for one goal, was nsga2 with search.goals={list(self.goals)}; "
                "name two goals, or take tpe",
            ),
            (
                self.warm_start is None or len(self.goals) < 2,
                f"warm_start must be null for two goals, which rank settings in two ways, was from_history with "
                f"search.goals={list(self.goals)}; name one goal, or leave it out",
            ),
        )

"""The port: what a run's forecasts are for, and by what law acting on them is judged.

A trading account, a storage unit, a forecast nobody acts on, a Gymnasium game: each is a task. All that differs between
them is asked of one object, picked at the door and handed down, so that every command is written once. This page knows
no task; `tradewinds.tasks` fills it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar, cast, runtime_checkable

import numpy as np
import pandas as pd
from gymnasium.vector import AutoresetMode, VectorEnv

from forecaster.data.series import Series
from forecaster.data.splits import Split
from tradewinds.core.console import Console
from tradewinds.core.errors import RequestError
from tradewinds.data.assemble.loaded import Parts
from tradewinds.pipeline.artifact import Artifact
from tradewinds.pipeline.records import (
    Array,
    Attempt,
    DecisionTimes,
    Duel,
    Forecasts,
    Labels,
    Luck,
    Metrics,
    Observed,
    Outcome,
    PaperStep,
    Scored,
    TraceTables,
    Validated,
)
from tradewinds.pipeline.sealed import JUDGE, SealedRows
from tradewinds.request.schema import Config

if TYPE_CHECKING:  # they load torch, and a request is refused before that
    from forecaster.fitted import FittedForecaster
    from forecaster.hidden_states import HiddenStates
    from forecaster.panel_states import PanelStates
    from tradewinds.pipeline.encoding import Fitted, Panel, States
    from trading_agent import Policy

MOST_NAMED = 4  # instruments that a sentence names
KnownAt = Callable[[pd.DatetimeIndex, pd.DatetimeIndex], pd.DatetimeIndex]
Plans = Mapping[str, Callable[[Mapping[str, Any]], Any]]  # how a saved plan is built anew, by its kind


@dataclass(frozen=True)
class Job:
    """A request, the task it is for, and where its results go.

    Attributes:
        config: the request, its rules as they will be used.
        task: what is done with the forecasts.
        name: the run's name.
        notes: what was noticed while loading, for the person and for the report's warnings.
        inputs: what the data are, for manifests: the files behind them and their sha256.
    """

    config: Config
    task: "Task[Any]"
    name: str
    notes: tuple[str, ...]
    inputs: dict[str, Any]

    @property
    def runs(self) -> Path:
        """Folder of all runs of this name."""
        return Path(self.config.run.dir) / self.name

    def seal(self) -> "Job":
        """Return the request with its test rows put away for the judge; here there are none."""
        return self

    def opened(self) -> "Job":
        """Return the request with its test rows, for the judge; here there are none."""
        return self


@dataclass(frozen=True)
class Prepared(Job):
    """A job whose series is loaded.

    Attributes:
        panel: the bars of all instruments, with exogenous columns joined as-of on availability: what a forecaster
            learns from.
        split: who may see which rows.
        parts: what was loaded, not yet joined: what the leak check changes.
        sealed: the bars after the validation rows, where they are put away; `panel` and `series` end before them then.
        reading: how the data were read, in a line or two for a person.
    """

    panel: Series
    split: Split
    parts: Parts | None = None
    sealed: SealedRows | None = None
    reading: tuple[str, ...] = ()

    def until(self, row: int) -> "Prepared":
        """Return the request for which no bar from `row` on exists: what learns or chooses is handed that."""
        return replace(self, panel=self.panel.rows(range(min(row, len(self.panel.index)))), parts=None)

    def seal(self) -> "Prepared":
        """Return the request with its test rows put away for the judge."""
        return replace(self.until(self.split.validation.stop), sealed=SealedRows(self.panel, self.parts))

    def opened(self) -> "Prepared":
        """Return the request with its test rows, for the judge.

        Raises:
            GateError: they have been opened before.
        """
        if self.sealed is None:
            return self
        panel, parts = self.sealed.open(JUDGE)
        return replace(self, panel=panel, parts=parts, sealed=None)

    @property
    def index(self) -> pd.DatetimeIndex:
        """Starts of all bars, sealed ones included."""
        return self.panel.index if self.sealed is None else self.sealed.index

    @property
    def last_close(self) -> pd.Timestamp:
        """When the last bar closed, sealed ones included."""
        return (self.panel if self.sealed is None else self.sealed).close_time[-1]

    @property
    def series(self) -> Series:
        """The bars that are acted on: of the chosen instrument, or of all together where the task can.

        Raises:
            RequestError: there are several, none is chosen, and the task acts on one.
        """
        names = self.panel.instruments
        if len(names) == 1:
            return self.panel
        if self.config.rollout.instrument is not None:
            return self.panel.instrument(self.config.rollout.instrument)
        if not self.task.acts_on_several:
            raise RequestError(
                f"the series has {named(names)}, and this is done on one instrument; choose it with "
                f"rollout.instrument={names[0]}, or do it on one after another: -m rollout.instrument="
                f"{','.join(names[:MOST_NAMED])}"
            )
        return self.panel

    @property
    def several(self) -> bool:
        """Whether several instruments are acted on at once."""
        return len(self.panel.instruments) > 1 and self.config.rollout.instrument is None

    @property
    def age(self) -> str:
        """How old the data are, in words; it changes from day to day, and so stands in no report."""
        now = pd.Timestamp(datetime.now(UTC))
        last = self.last_close
        fetched = [str(source["fetched_at"]) for source in self.inputs["sources"] if "fetched_at" in source]
        words = f"last bar closed {last:%Y-%m-%d %H:%M} UTC, {_days(now - last)} ago"
        return f"{words}; fetched {_days(now - pd.Timestamp(min(fetched)))} ago" if fetched else words

    def time_range(self, rows: range) -> dict[str, Any]:
        """Return rows and their first and last bar as plain data."""
        index = self.index
        return {
            "rows": [rows.start, rows.stop],
            "first": index[rows.start].isoformat(),
            "last": index[rows.stop - 1].isoformat(),
        }


@dataclass(frozen=True, eq=False)
class Models:
    """What a run has fitted, and the artifacts it lies in; None of what its task has no use for.

    Attributes:
        forecaster: the forecaster of the instrument that is acted on; of several, by name, those that share a network.
        states: states and forecasts of every bar.
        policy: the agent.
        artifacts: by kind: `forecaster`, `hidden_states`, `agent`.
        trained_to: the last bar anything was fitted or chosen on; None before there is an agent.
    """

    forecaster: "Fitted | Panel | None" = None
    states: "States | None" = None
    policy: "Policy | None" = None
    artifacts: Mapping[str, Artifact] = field(default_factory=dict)
    trained_to: pd.Timestamp | None = None

    def forecasting(self) -> "tuple[Fitted, HiddenStates]":
        """Return forecaster and states of one instrument.

        Raises:
            ValueError: there are none, or those of several.
        """
        fitted, states = self.forecaster, self.states
        if fitted is None or states is None or isinstance(fitted, Mapping) or hasattr(states, "available"):
            raise ValueError("models must hold the forecaster of one instrument and its states")
        return fitted, states

    def forecasting_bars(self) -> "tuple[FittedForecaster, HiddenStates]":
        """Return forecaster and states of one instrument whose bars are forecast one by one.

        Raises:
            ValueError: there are none, or those of several, or of days.
        """
        from forecaster.fitted import FittedForecaster

        fitted, states = self.forecasting()
        if not isinstance(fitted, FittedForecaster):
            raise ValueError("models must hold a forecaster of bars, held one of days")
        return fitted, states

    def forecasting_panel(self) -> "tuple[Panel, PanelStates]":
        """Return the forecasters of several instruments, and their states.

        Raises:
            ValueError: there are none, or those of one.
        """
        fitted, states = self.forecaster, self.states
        if not isinstance(fitted, Mapping) or not hasattr(states, "available"):
            raise ValueError("models must hold the forecasters of several instruments and their states")
        return fitted, cast("PanelStates", states)

    @property
    def shared(self) -> "Fitted":
        """Any of the forecasters, for what they share: settings, features, the network, where learning ended.

        Raises:
            ValueError: there is none.
        """
        fitted = next(iter(self.forecaster.values())) if isinstance(self.forecaster, Mapping) else self.forecaster
        if fitted is None:
            raise ValueError("models must hold a forecaster, held none")
        return fitted

    def acting(self) -> "Policy":
        """Return the agent.

        Raises:
            ValueError: there is none.
        """
        if self.policy is None:
            raise ValueError("models must hold an agent, held none")
        return self.policy


JobT = TypeVar("JobT", bound=Job, contravariant=True)


class Task(Protocol[JobT]):
    """What the forecasts of a run are for. R rows, N environments, T bars, P periods, S strategies.

    Attributes:
        kind: `account`, `storage`, `forecast_only`, `gymnasium` or `classification`.
        folder: the artifact that judging leaves.
        least_bars: bars that any part of the split needs, whatever the models need.
        warm_bars: bars that are read before the first that is acted on, beside the models' own context.
        stretch_bars: bars of a short play, with decisions enough to be compared.
        issue_bars: bars between two forecasts of which each is acted on.
        acts_on_several: whether it can be done on several instruments at once.
        acts: whether there is an agent; where there is none, nothing from `vector_env` to `picture` that speaks of
            policies and outcomes is asked for.
        plans: how the plan of a saved planner is built anew.
        rival: the strategy whose lead is to be beaten, and `curve` what curves are of.
    """

    kind: str
    folder: str
    least_bars: int
    warm_bars: int
    stretch_bars: int
    issue_bars: int
    acts_on_several: bool
    acts: bool
    plans: Plans
    rival: str
    curve: Literal["equity", "profit", "none"]

    # --- before and while data are read
    def for_bars(self, length: pd.Timedelta) -> "Task[Any]":
        """Return the task as it counts bars of that length."""

    def laid_out(self, parts: Parts, config: Config) -> Parts:
        """Return what was loaded, not yet joined, as the task reads it."""

    def without_prices(self) -> "Task[Any]":
        """Return the task of a series that has no returns."""

    def known_at(self, config: Config) -> KnownAt | None:
        """Return up to which moment exogenous columns may be known at each bar; None for its close."""

    def decision_times(self, job: JobT) -> DecisionTimes:
        """Return when each bar's prices are known and its row is read, by code that `known_at` does not use."""

    def settle(self, series: Series, config: Config, notes: list[str]) -> tuple[Series, Config, list[str]]:
        """Return the series as it is acted on, the request as this series allows it, and what is to be noted.

        Raises:
            RequestError: what only the data can tell makes it impossible.
        """

    def require_action(self, job: JobT) -> None:
        """Refuse an agent that cannot act on these data, before anything is fitted for it.

        Raises:
            RequestError: it cannot.
        """

    def require(self, job: JobT) -> None:
        """Refuse what the rows of the split do not suffice for.

        Raises:
            RequestError: they do not.
        """

    # --- training
    def vector_env(
        self,
        job: JobT,
        states: "States | None",
        part: Literal["agent", "validation"],
        *,
        num_envs: int,
        episode_bars: int | None = None,
        starts: Literal["sequential", "random"] = "sequential",
        autoreset_mode: AutoresetMode = AutoresetMode.NEXT_STEP,
    ) -> VectorEnv[Any, Any, Any]:
        """Return N environments on one part of the split."""

    def validator(self, job: JobT, states: "States | None") -> "Callable[[Policy], float]":
        """Return what scores a policy on the validation part; larger is better."""

    # --- choosing between settings
    def unjudged(self, job: JobT) -> Any:
        """Return the job of one trial of a search: without the rows, or the cases, that are judged at last."""

    def validated(self, job: JobT, models: Models) -> Validated:
        """Return what models of such a job came to on what chooses: its validation rows, episodes or cases."""

    # --- judging
    def test_span(self, job: JobT) -> dict[str, Any]:
        """Return, as plain data, what is opened when the agent is judged."""

    def decide(self, job: JobT, models: Models, rows: range) -> pd.DataFrame:
        """Let the policy act on `rows`: what was decided, by time, with all that the baselines beside it read."""

    def beside(self, job: JobT, decisions: pd.DataFrame) -> pd.DataFrame:
        """Return by time what is held beside the agent by rules that may not know what comes; no column where none is.

        Of rules that read decisions alone nothing need be told.
        """

    def outcome(self, job: JobT, decisions: pd.DataFrame) -> Outcome:
        """Turn decisions into money beside all baselines, perfect foresight last."""

    def score(self, job: JobT, models: Models | None, decisions: pd.DataFrame | None) -> Forecasts:
        """Score the forecasts of the test span; without models those that decisions of many models hold."""

    def inference(self, job: JobT, outcome: Outcome, forecasts: Forecasts) -> dict[str, Any]:
        """Say how far to believe the outcome: intervals, tests, sweeps."""

    def attempt(self, job: JobT, outcome: Outcome) -> Attempt | None:
        """Return what the trial log keeps of it; None if it keeps none."""

    def audit(self, job: JobT, outcome: Outcome) -> tuple[str, int, str] | None:
        """Compare the money with a second account: (stage, row, what is wrong), or None."""

    def rescore(self, job: JobT, models: Models, forecasts: Forecasts) -> tuple[str, int, str] | None:
        """Compare the scores with a second scorer's, made of the artifact's forecasts and the series alone.

        And some of these forecasts with those that are made anew from a series that ends at their decision: (stage,
        row, what is wrong), or None.
        """

    def prediction(self, job: JobT, models: Models, levels: Sequence[float]) -> pd.DataFrame:
        """Return forecasts of what comes after the last bar, with intervals; columns as `predictions.table_of`."""

    def trace(self, job: JobT, models: Models, rows: range) -> tuple[TraceTables, pd.DataFrame | None]:
        """Return what was observed, decided and earned on `rows`, bar by bar, for worlds to be compared; decisions."""

    def observed(self, job: JobT, models: Models, rows: range) -> Observed | None:
        """Return what the agent observes on `rows`, column by column; None where nobody acts or bars are too few."""

    def scored(self, job: JobT, models: Models, rows: range) -> Sequence[Scored]:
        """Return the network's forecasts on `rows` as they are scored; none where bars are too few."""

    # --- worlds in which nothing can be known
    def unknowable(self, config: Config, parts: Parts, rng: np.random.Generator) -> Parts:
        """Return what was loaded, dealt anew so that nothing of what comes can be known from what was."""

    def costless(self, config: Config) -> Config:
        """Return the request where acting costs nothing, so that whoever believes in something acts on it."""

    def frictions(self, config: Config) -> Sequence[Config]:
        """Return requests whose losses feed whoever turns them around, as a wrong sign or factor does."""

    def luck(self, job: JobT, outcome: Outcome | None, forecasts: Forecasts, rng: np.random.Generator) -> Luck:
        """Return the luck of forecasts, and of strategies that may not know what comes, in such a world.

        `rng` decides where two cases come to the same.
        """

    # --- folds that follow one another
    def boundary(self, job: JobT) -> Callable[[int], int] | None:
        """Return what moves a row to the nearest at which a fold's test may begin; None where any row may."""

    def chain(self, folds: Sequence[pd.DataFrame]) -> pd.DataFrame:
        """Chain the decisions of folds, each from the bar before its test rows on, into those of one account."""

    def earned(self, job: JobT, outcome: Outcome, strategy: str, rows: range) -> dict[str, float]:
        """Return what a strategy earned on some of the test rows."""

    # --- telling
    def labels(self) -> Labels:
        """Return what a report shows of strategies."""

    def verdict(self, job: JobT, metrics: Mapping[str, Metrics], honesty: Mapping[str, Any]) -> str:
        """Say in words what the strategies came to, and whether luck suffices for it."""

    def strategy_lines(self, document: Mapping[str, Any]) -> list[str]:
        """Tell the strategies of a report as lines of text."""

    def sections(
        self, job: JobT, models: Models, outcome: Outcome | None, forecasts: Forecasts, honesty: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Return the parts of report.json that are this task's: `data`, `backtest`, `verdict`, `remarks`."""

    def tables(self, job: JobT, models: Models, outcome: Outcome | None) -> Mapping[str, pd.DataFrame]:
        """Return the tables that the artifact keeps for other tools."""

    def lines(self, document: Mapping[str, Any]) -> list[str]:
        """Tell a report as lines of text."""

    def page(self, document: Mapping[str, Any], folder: Path, plot_points: int) -> str:
        """Draw report.html from report.json and the artifact beside it."""

    def picture(self, document: Mapping[str, Any], folder: Path, plot_points: int) -> bytes | None:
        """Draw report.png; None where there is nothing to draw."""

    # --- operation
    def as_trained(self, now: dict[str, Any], then: Mapping[str, Any]) -> dict[str, Any]:
        """Return the present rules, as plain data, with the actions that an agent trained under others knows."""

    def decision(self, job: JobT, models: Models, rows: range) -> dict[str, Any]:
        """Return what the policy wants done now, after the last of `rows`, which it is walked through first."""

    def decided(self, decision: Mapping[str, Any]) -> Array:
        """Return a decision as the row of the trace's first table of actions that it must equal."""

    def duel(self, challenger: tuple[JobT, Models], champion: tuple[JobT, Models], rows: range, which: str) -> Duel:
        """Judge two models on the same periods, each with the job it was trained for; `which` says what rows are.

        The reason names the other model as {champion}.
        """


@runtime_checkable
class OwnJob(Protocol):
    """What a task without a series fills beside `Task`, of which nothing that reads bars is asked then."""

    def job(self, config: Config) -> Job:
        """Return a request as a job.

        Raises:
            RequestError: what it names cannot be read or made.
        """

    def told(self, job: Any) -> str:
        """Say in a line what is worked on."""


@runtime_checkable
class OwnModel(Protocol):
    """What a task whose model is neither forecaster nor agent fills beside `OwnJob`.

    Attributes:
        product: kind of the artifact that the model is kept as, and its folder in a run.
    """

    product: str

    def learn(self, job: Any, run: Path, console: Console) -> Any:
        """Fit the model of a request, write it to `run`, and return it as judging asks for it.

        Raises:
            RequestError: `inputs.resume` is of another training.
        """

    def loaded(self, job: Any, artifact: Artifact) -> Any:
        """Return a kept model as judging asks for it.

        Raises:
            ValueError: it cannot read what the job has.
        """

    def leakcheck(self, job: Any, console: Console) -> dict[str, Any]:
        """Look for what the model may not know, and tell what came of it.

        Raises:
            GateError: it knows it.
        """

    def name(self, config: Config) -> str:
        """Return what runs of a request are called; empty where it does not say."""

    def predicted(self, artifact: Artifact, config: Config) -> list[dict[str, Any]]:
        """Return, a row each, what a kept model says of what is new.

        Raises:
            RequestError: nothing new is named, or it cannot be read.
        """


@runtime_checkable
class Game(Protocol):
    """What a task that can be watched fills beside `Task`."""

    def enjoy(self, trained: Config, policy: "Policy", *, asked: Config, run: Path, console: Console) -> dict[str, Any]:
        """Play with a trained policy, tell how it fared, and write a video into `run`."""


@runtime_checkable
class OnPaper(Protocol):
    """What a task fills beside `Task` that can be done bar by bar on paper, by models that change."""

    def follow(
        self,
        job: Any,
        models: Models,
        rows: Sequence[int],
        *,
        opened: int,
        since: int,
        before: Mapping[str, Any] | None,
    ) -> Iterator[PaperStep]:
        """Decide at some rows, one after the other, and reckon what came of the decision before each.

        Args:
            job: the request as the models know it.
            models: who decides.
            rows: R rows at which something is decided (`decision_times`), with none between them.
            opened: the row at which the account or unit was opened.
            since: the first row that these models decided, or are to decide, without others in between.
            before: the step before as plain data, `PaperStep`'s fields and `own`, whether these models took it; None
                opens.

        Yields:
            A step for each row, as soon as it is known.
        """


def named(instruments: Sequence[str]) -> str:
    """Return instruments as a sentence names them: all, or the first and how many there are."""
    if len(instruments) <= MOST_NAMED:
        return ", ".join(instruments)
    return f"{', '.join(instruments[: MOST_NAMED - 1])} and {len(instruments) - MOST_NAMED + 1} more"


def _days(age: pd.Timedelta) -> str:
    days, hours = age // pd.Timedelta(days=1), age / pd.Timedelta(hours=1)
    return f"{days} days" if days >= 2 else f"{hours:.0f} hours" if hours >= 1 else "less than an hour"

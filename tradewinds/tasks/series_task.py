"""What every task on a series of bars shares: how a policy is scored on validation rows, and where its parts stand.

A folder of `tradewinds.tasks` holds such a task's parts in modules of one name each, loaded when they are asked for, so
that a request is refused before torch, arch and Bokeh are: `backtest` (decide, outcome), `inference` (inference),
`trace` (trace), `observed` (observed), `placebo` (unknowable, costless, frictions, luck), `second_account`
(second_opinion, second_figures), `report` (LABELS, verdict, forecast_lines, strategy_lines, page, picture).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from gymnasium.vector import AutoresetMode, VectorEnv
from numpy.typing import NDArray

from forecaster.data.series import Series
from tradewinds.data.assemble.loaded import Parts
from tradewinds.pipeline.records import (
    Array,
    DecisionTimes,
    Forecasts,
    Labels,
    Luck,
    Observed,
    Outcome,
    Scored,
    TraceTables,
    Validated,
)
from tradewinds.pipeline.task import KnownAt, Models, Prepared
from tradewinds.request.schema import Config

if TYPE_CHECKING:
    from tradewinds.pipeline.encoding import States
    from trading_agent import Policy


class SeriesTask:
    """The parts of `tradewinds.pipeline.task.Task` that are alike for every task on a series.

    Attributes:
        home: the package that holds the task's parts.
        nothing_known: the forecast of who knows nothing, in words.
    """

    home: str
    acts_on_several = False
    acts: bool
    least_bars = 0
    warm_bars = 0
    stretch_bars = 64
    issue_bars = 1
    nothing_known = "the forecast of no change"

    def _part(self, name: str) -> Any:
        return import_module(f"{self.home}.{name}")

    def for_bars(self, length: pd.Timedelta) -> Any:
        """Return itself: the task counts all bars alike."""
        return self

    def laid_out(self, parts: Parts, config: Config) -> Parts:
        """Return what was loaded as it is."""
        return parts

    def without_prices(self) -> Any:
        """Return itself: the task can be done on a series that has no returns."""
        return self

    def known_at(self, config: Config) -> KnownAt | None:
        """Columns are read as they are known at the close of their bar."""
        return None

    def decision_times(self, prepared: Prepared) -> DecisionTimes:
        """Return the closes of the bars: there their rows are read, their prices known and something decided."""
        from tradewinds.tasks.second_clock import closes

        moments = closes(prepared.series)
        return DecisionTimes(moments, moments, np.ones(len(moments), dtype=bool))

    def settle(self, series: Series, config: Config, notes: list[str]) -> tuple[Series, Config, list[str]]:
        """Return series and request as they are."""
        return series, config, notes

    def require_action(self, prepared: Prepared) -> None:
        """Refuse several instruments where one has to be chosen."""
        prepared.series  # noqa: B018  it says so

    def require(self, prepared: Prepared) -> None:
        """Ask for nothing more than the models do."""

    def boundary(self, prepared: Prepared) -> Callable[[int], int] | None:
        """Return None: a test may begin at any bar."""
        return None

    def venue(self, prepared: Prepared, states: "States", rows: range) -> tuple[Any, type[Any], int]:
        """Return the market of `rows`, the vector environment that plays it, and the bars an episode has at most."""
        raise NotImplementedError

    def vector_env(
        self,
        prepared: Prepared,
        states: "States | None",
        part: Literal["agent", "validation"],
        *,
        num_envs: int,
        episode_bars: int | None = None,
        starts: Literal["sequential", "random"] = "sequential",
        autoreset_mode: AutoresetMode = AutoresetMode.NEXT_STEP,
    ) -> VectorEnv[Any, Any, Any]:
        """Return N environments on a part of the split; `episode_bars` is cut to what it holds."""
        assert states is not None
        market, make, longest = self.venue(prepared, states, getattr(prepared.split, part))
        env: VectorEnv[Any, Any, Any] = make(
            market,
            prepared.config.env,
            num_envs=num_envs,
            episode_bars=None if episode_bars is None else min(episode_bars, longest),
            starts=starts,
            autoreset_mode=autoreset_mode,
        )
        return env

    def validator(self, prepared: Prepared, states: "States | None") -> "Callable[[Policy], float]":
        """Score a policy by one walk through the validation rows, as `tradewinds.pipeline.validation` says."""
        from tradewinds.pipeline.validation import Validation

        env, asked = (
            self.vector_env(prepared, states, "validation", num_envs=1),
            prepared.config.rollout.standard_errors,
        )
        assert states is not None
        rival = self.rival_plan(env) if asked > 0.0 else None
        return Validation(
            partial(self.walk, env), standard_errors=asked, evidence=self.evidence(prepared, states), rival=rival
        )

    def walk(self, env: VectorEnv[Any, Any, Any], policy: "Policy") -> NDArray[np.float64]:
        """Return the (n,) rewards of one account or unit that a policy leads through `env`."""
        from trading_agent import step_rewards

        return step_rewards(policy, env, 1)

    def evidence(self, prepared: Prepared, states: "States") -> float:
        """Return by how many standard errors the forecast beats none on the agent's rows; here it is not looked at."""
        return 0.0

    def rival_plan(self, env: VectorEnv[Any, Any, Any]) -> "Policy | None":
        """Return what a learned policy has to beat beside doing nothing: here nothing else."""
        return None

    def unjudged(self, prepared: Prepared) -> Prepared:
        """Return the request with its test rows sealed."""
        return prepared if prepared.sealed is not None else prepared.seal()

    def validated(self, prepared: Prepared, models: Models) -> Validated:
        """Return what models came to on the validation rows, by the code that judges test rows."""
        split = prepared.split
        known = replace(prepared.until(split.validation.stop), sealed=None)
        inner = replace(known, split=replace(split, validation=split.agent, test=split.validation))
        decisions = self.decide(inner, models, split.validation) if self.acts else None
        outcome = None if decisions is None else self.outcome(inner, decisions)
        ours, naive = self.misses(inner, decisions, self.score(inner, models, decisions))
        goals, gains = {"error": float(ours.mean())}, {"error": naive - ours}
        beside = {"error": self.nothing_known}
        if outcome is None:
            return Validated(goals, gains, beside)
        earned, drawdown, words = self.earnings(inner, outcome)
        goals |= {"score": float(earned.mean()) * float(outcome.per_year or 1.0), **drawdown}
        return Validated(goals, gains | {"score": earned}, beside | {"score": words}, outcome.per_year)

    def score(self, prepared: Prepared, models: Models | None, decisions: pd.DataFrame | None) -> Forecasts:
        """Score the forecasts of the test rows."""
        raise NotImplementedError

    def misses(self, prepared: Prepared, decisions: pd.DataFrame | None, forecasts: Forecasts) -> tuple[Array, Array]:
        """Return by how much each forecast missed, and that of who knows nothing: (N,) each, over the bars ahead."""
        kind = prepared.config.model.kind
        ours, naive = (np.abs(forecasts.errors_ahead[name]).mean(axis=1) for name in (kind, "naive"))
        return ours, naive

    def earnings(self, prepared: Prepared, outcome: Outcome) -> tuple[Array, dict[str, float], str]:
        """Return what the agent earned in each period beyond who knows nothing, its drawdown, and who that is."""
        raise NotImplementedError

    def test_span(self, prepared: Prepared) -> dict[str, Any]:
        """Return the test rows and their first and last bar."""
        return prepared.time_range(prepared.split.test)

    def decide(self, prepared: Prepared, models: Models, rows: range) -> pd.DataFrame:
        """Return what the agent decides on `rows`."""
        decisions: pd.DataFrame = self._part("backtest").decide(prepared, models, rows)
        return decisions

    def beside(self, prepared: Prepared, decisions: pd.DataFrame) -> pd.DataFrame:
        """Return nothing: whatever stands beside the agent reads its decisions alone."""
        return pd.DataFrame(index=decisions.index)

    def outcome(self, prepared: Prepared, decisions: pd.DataFrame) -> Outcome:
        """Return what was decided in money, beside its baselines."""
        from tradewinds.evaluation.custom_metrics import measured

        outcome: Outcome = self._part("backtest").outcome(prepared, decisions)
        return measured(outcome, prepared.config.backtest.metrics)

    def inference(self, prepared: Prepared, outcome: Outcome, forecasts: Forecasts) -> dict[str, Any]:
        """Return intervals and tests of the outcome, and what it were at other costs."""
        block: dict[str, Any] = self._part("inference").inference(prepared, outcome, forecasts)
        return block

    def audit(self, prepared: Prepared, outcome: Outcome) -> tuple[str, int, str] | None:
        """Compare what every strategy holds and earned with a second account, and its figures with what it earned."""
        second = self._part("second_account")
        difference: tuple[str, int, str] | None = second.second_opinion(prepared, outcome.record)
        return difference or second.second_figures(prepared, outcome)

    def rescore(self, prepared: Prepared, models: Models, forecasts: Forecasts) -> tuple[str, int, str] | None:
        """Compare forecasts bar by bar, and their scores, with what a second scorer finds."""
        if prepared.several:
            from tradewinds.tasks.rescored_panel import rescored_panel

            return rescored_panel(prepared, models, forecasts)
        from tradewinds.tasks.rescored_bars import rescored

        return rescored(prepared, models, forecasts)

    def prediction(self, prepared: Prepared, models: Models, levels: Sequence[float]) -> pd.DataFrame:
        """Return forecasts of the bars after the last one, with intervals."""
        from tradewinds.tasks.predictions import predicted_bars

        return predicted_bars(prepared, models, levels)

    def trace(self, prepared: Prepared, models: Models, rows: range) -> tuple[TraceTables, pd.DataFrame | None]:
        """Return observations, actions, fills and money, bar by bar, and the decisions behind them."""
        tables: tuple[TraceTables, pd.DataFrame | None] = self._part("trace").trace(prepared, models, rows)
        return tables

    def observed(self, prepared: Prepared, models: Models, rows: range) -> Observed | None:
        """Return what the agent observes on `rows`, or None where nobody acts."""
        observed: Observed | None = self._part("observed").observed(prepared, models, rows) if self.acts else None
        return observed

    def scored(self, prepared: Prepared, models: Models, rows: range) -> Sequence[Scored]:
        """Return the network's forecasts of the bars ahead as they are scored."""
        if prepared.several:
            from tradewinds.tasks.panel_forecasts import scored_panel

            return scored_panel(prepared, models, rows)
        from tradewinds.tasks.bar_forecasts import scored

        return scored(prepared, models, rows)

    def unknowable(self, config: Config, parts: Parts, rng: np.random.Generator) -> Parts:
        """Return what was loaded, dealt anew so that nothing of what comes can be known."""
        dealt: Parts = self._part("placebo").unknowable(config, parts, rng)
        return dealt

    def costless(self, config: Config) -> Config:
        """Return the request where acting costs nothing."""
        request: Config = self._part("placebo").costless(config)
        return request

    def frictions(self, config: Config) -> list[Config]:
        """Return requests whose losses feed whoever turns them around."""
        return list(self._part("placebo").frictions(config))

    def luck(self, prepared: Prepared, outcome: Outcome | None, forecasts: Forecasts, rng: np.random.Generator) -> Luck:
        """Return the luck of forecasts and strategies in a world in which nothing can be known."""
        luck: Luck = self._part("placebo").luck(prepared, outcome, forecasts, rng)
        return luck

    def labels(self) -> Labels:
        """Return what a report shows of strategies."""
        labels: Labels = self._part("report").LABELS
        return labels

    def verdict(self, prepared: Prepared, metrics: Mapping[str, Any], honesty: Mapping[str, Any]) -> str:
        """Say in words what the strategies came to, and whether luck suffices for it."""
        words: str = self._part("report").verdict(prepared.series, metrics, honesty)
        return words

    def strategies(self, prepared: Prepared, outcome: Outcome, *seeded: str) -> dict[str, Any]:
        """Return metrics by strategy for report.json, with the run's seed of those it decides."""
        seed = prepared.config.seed
        return {
            name: {"metrics": metrics, "seed": seed if name in ("agent", *seeded) else None}
            for name, metrics in outcome.metrics.items()
        }

    def strategy_lines(self, document: Mapping[str, Any]) -> list[str]:
        """Tell the strategies of a report."""
        return list(self._part("report").strategy_lines(document))

    def lines(self, document: Mapping[str, Any]) -> list[str]:
        """Tell forecasts and strategies of a report."""
        return [*self._part("report").forecast_lines(document), *self.strategy_lines(document)]

    def page(self, document: Mapping[str, Any], folder: Path, plot_points: int) -> str:
        """Draw report.html."""
        page: str = self._part("report").page(document, folder, plot_points)
        return page

    def picture(self, document: Mapping[str, Any], folder: Path, plot_points: int) -> bytes | None:
        """Draw report.png."""
        picture: bytes | None = self._part("report").picture(document, folder, plot_points)
        return picture

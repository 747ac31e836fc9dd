"""A trading account as a task: exposures decided bar by bar, reckoned by one ledger. Heavy parts load when used."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from gymnasium.vector import AutoresetMode

from forecaster.data.series import Series
from tradewinds.core.errors import RequestError
from tradewinds.core.plugins import load
from tradewinds.pipeline.prepare import seed_for
from tradewinds.pipeline.task import Attempt, Duel, Forecasts, KnownAt, Labels, Models, Outcome, Prepared, TraceTables
from tradewinds.request.schema import Config
from tradewinds.tasks.account import backtest, market
from trading_env import TradingVectorEnv, run_ledger

if TYPE_CHECKING:
    from forecaster.hidden_states import HiddenStates
    from trading_agent import Policy

FILLED = {"next_open": "the next bar's open", "next_close": "the next bar's close", "same_close": "this bar's close"}
TIE = 0.001  # of total return: less is a tie, such as between two that held the same and entered a bar apart


class AccountTask:
    """Hold fractions of equity in an asset; see `tradewinds.pipeline.task.Task`."""

    kind = "account"
    folder = "backtest"
    least_bars = 0
    acts = True
    rival = "buy_and_hold"
    curve: Literal["equity", "profit", "none"] = "equity"

    def without_prices(self) -> Any:
        """Return the task of a series that has no returns: it is forecast, and nobody acts."""
        return load("tradewinds.tasks.forecast_only.task:ForecastOnlyTask")()

    def known_at(self, config: Config) -> KnownAt | None:
        """Columns are read as they are known at the close of their bar."""
        return None

    def settle(self, series: Series, config: Config, notes: list[str]) -> tuple[Config, list[str]]:
        """Return the request with an execution its bars allow, and what is odd about it.

        Raises:
            RequestError: a cost needs volumes, and there are none.
        """
        if config.env.costs.slippage_bps_per_volume_percent and series.volume is None:
            raise RequestError(
                f"env.costs.slippage_bps_per_volume_percent needs a series with volume, and {series.name} has none; "
                "set 0"
            )
        if series.single_price and config.env.execution == "next_open":
            config = replace(config, env=replace(config.env, execution="next_close"))
            notes = [*notes, "one price a bar: orders fill at the next bar's price (env.execution=next_close)"]
        if config.env.execution == "same_close":
            odd = "env.execution=same_close fills at the close the agent has just seen: not attainable in a market"
            notes = [*notes, odd]
        return config, notes

    def require(self, prepared: Prepared) -> None:
        """Refuse windows that are longer than the rows an agent learns from."""
        window, rows = getattr(prepared.config.agent, "window_bars", 1), len(prepared.split.agent)
        if window >= rows:
            raise RequestError(
                f"agent.window_bars must be fewer than the {rows} bars the agent learns from, was {window}"
            )

    def vector_env(
        self,
        prepared: Prepared,
        states: "HiddenStates | None",
        part: Literal["agent", "validation"],
        *,
        num_envs: int,
        episode_bars: int | None = None,
        starts: Literal["sequential", "random"] = "sequential",
        autoreset_mode: AutoresetMode = AutoresetMode.NEXT_STEP,
    ) -> TradingVectorEnv:
        """Return N accounts on a part of the split; `episode_bars` is cut to what it holds."""
        assert states is not None
        bars = market.build_market(prepared, states, getattr(prepared.split, part))
        return TradingVectorEnv(
            bars,
            prepared.config.env,
            num_envs=num_envs,
            episode_bars=None if episode_bars is None else min(episode_bars, len(bars) - 1),
            starts=starts,
            autoreset_mode=autoreset_mode,
        )

    def validator(self, prepared: Prepared, states: "HiddenStates | None") -> "Callable[[Policy], float]":
        """Score a policy by one walk through the validation rows, less standard errors (`rollout.standard_errors`)."""
        from trading_agent import evaluate

        env = self.vector_env(prepared, states, "validation", num_envs=1)
        return lambda policy: evaluate(policy, env, 1, standard_errors=prepared.config.rollout.standard_errors)

    def test_span(self, prepared: Prepared) -> dict[str, Any]:
        """Return the test rows and their first and last bar."""
        return prepared.time_range(prepared.split.test)

    def decide(self, prepared: Prepared, models: Models, rows: range) -> pd.DataFrame:
        """Return what the agent decides on `rows`; see `backtest.decide`."""
        return backtest.decide(prepared, models, rows)

    def outcome(self, prepared: Prepared, decisions: pd.DataFrame) -> Outcome:
        """Return what was decided in money, beside its baselines; see `backtest.outcome`."""
        return backtest.outcome(prepared, decisions)

    def score(self, prepared: Prepared, models: Models | None, decisions: pd.DataFrame | None) -> Forecasts:
        """Score the forecasts of the test rows; of many models the next bar's alone, as their decisions hold it."""
        from tradewinds.tasks.bar_forecasts import score_bars

        if models is not None:
            return score_bars(prepared, models)
        assert decisions is not None
        start = int(prepared.series.index.searchsorted(decisions.index[0]))
        truth = prepared.series.log_return()[start + 1 : start + len(decisions), 0]
        error = truth - decisions["next_bar"].to_numpy(np.float32)[:-1]
        return Forecasts(scores={}, errors={"model": error, "naive": truth})

    def inference(self, prepared: Prepared, outcome: Outcome, forecasts: Forecasts) -> dict[str, Any]:
        """Return intervals and tests of the agent's returns, and what they are at other costs."""
        from tradewinds.evaluation.inference import honesty_block
        from tradewinds.tasks.account.cost_sweep import cost_block

        config, played = prepared.config, outcome.record
        block = honesty_block(
            outcome.earned("agent"),
            outcome.earned(self.rival),
            dict(forecasts.errors),
            bars_per_year=played.market.bars_per_year,
            draws=config.backtest.bootstrap_draws,
            seed=seed_for(config.seed, "bootstrap"),
        )
        return block | cost_block(played.targets[:, 0], played.market, config.env)

    def attempt(self, prepared: Prepared, outcome: Outcome) -> Attempt:
        """Return the agent's returns."""
        return Attempt(outcome.increments["agent"], prepared.series.bars_per_year, str(prepared.inputs["series"]))

    def audit(self, prepared: Prepared, outcome: Outcome) -> tuple[str, int, str] | None:
        """Compare the money of every strategy with that of a second account on the prices of the series."""
        from tradewinds.tasks.account.trace import second_opinion

        return second_opinion(prepared, outcome.record)

    def trace(self, prepared: Prepared, models: Models, rows: range) -> tuple[TraceTables, Outcome | None]:
        """Return scores, observations, actions, fills and equity; see `trace.trace_account`."""
        from tradewinds.tasks.account.trace import trace_account

        return trace_account(prepared, models, rows)

    def boundary(self, prepared: Prepared) -> Callable[[int], int] | None:
        """Return None: an account may be tested from any bar on."""
        return None

    def chain(self, folds: Sequence[pd.DataFrame]) -> pd.DataFrame:
        """Chain the folds; a fold's last decision is the next one's to take, and the very last no bar fills."""
        decided = pd.concat([fold.iloc[:-1] for fold in folds])
        return pd.concat([decided, decided.iloc[[-1]].set_axis(folds[-1].index[-1:])])

    def earned(self, prepared: Prepared, outcome: Outcome, strategy: str, rows: range) -> dict[str, float]:
        """Return total return and annual Sharpe ratio from the close before `rows` to the last of theirs."""
        from tradewinds.evaluation.metrics import simple_returns
        from tradewinds.evaluation.overfitting import bar_sharpe

        first = outcome.record.rows.start
        part = outcome.curves[strategy].to_numpy(np.float64)[rows.start - 1 - first : rows.stop - first]
        total = float(part[-1] / part[0] - 1.0) if part[0] > 0.0 else 0.0
        annual = float(np.sqrt(prepared.series.bars_per_year))
        return {"total_return": total, "sharpe": bar_sharpe(simple_returns(part)) * annual}

    def labels(self) -> Labels:
        """Return what a report shows of strategies."""
        from tradewinds.tasks.account.report import CARDS, HONESTY, METRICS, SWEEPS

        return Labels(("total_return", "percent"), TIE, CARDS, METRICS, HONESTY, SWEEPS)

    def verdict(self, prepared: Prepared, metrics: Mapping[str, Any], honesty: Mapping[str, Any]) -> str:
        """Say what the agent made beside the asset, and whether luck suffices for it."""
        from tradewinds.tasks.account.report import traded_verdict

        return traded_verdict(metrics, honesty)

    def strategy_lines(self, document: Mapping[str, Any]) -> list[str]:
        """Tell the strategies."""
        from tradewinds.report.text import strategy_lines

        return list(strategy_lines(document["backtest"]["strategies"]))

    def sections(
        self,
        prepared: Prepared,
        models: Models,
        outcome: Outcome | None,
        forecasts: Forecasts,
        honesty: Mapping[str, Any],
    ) -> dict[str, Any]:
        """Return splits, strategies, verdict and warnings for report.json."""
        from tradewinds.evaluation.drawdowns import monthly_returns, worst_drawdowns
        from tradewinds.report.document import split_facts
        from tradewinds.tasks.account.report import agent_remarks
        from tradewinds.tasks.bar_forecasts import verdict_of

        assert outcome is not None
        fitted, _ = models.forecasting()
        played, seed = outcome.record, prepared.config.seed
        index = pd.DatetimeIndex(outcome.curves.index)
        strategies = {
            name: {"metrics": metrics, "seed": seed if name in ("agent", "random_same_turnover") else None}
            for name, metrics in outcome.metrics.items()
        }
        agent = {
            "without_costs": played.without_costs,
            "monthly_returns": monthly_returns(played.equity("agent"), index),
            "worst_drawdowns": worst_drawdowns(played.equity("agent"), index),
        }
        fit_end = {"row": fitted.fit_end, "time": fitted.fit_end_time.isoformat()}
        return {
            "data": {"forecast_unit": prepared.series.change_unit, **split_facts(prepared, fit_end)},
            "backtest": {"strategies": strategies, "agent": agent},
            "verdict": f"{self.verdict(prepared, outcome.metrics, honesty)} {verdict_of(forecasts)}",
            "remarks": agent_remarks(played, learned=models.acting().kind != "constant"),
        }

    def tables(self, prepared: Prepared, models: Models, outcome: Outcome | None) -> dict[str, pd.DataFrame]:
        """Return equity, positions, trades, and the band that luck alone fills."""
        from tradewinds.evaluation.band import equity_band
        from tradewinds.tasks.account.tables import export_tables

        assert outcome is not None
        index, config = pd.DatetimeIndex(outcome.curves.index), prepared.config
        band = equity_band(outcome.record.equity("agent"), index, seed=seed_for(config.seed, "band"))
        return {**export_tables(outcome.record, index, config.env.execution), "band": band}

    def lines(self, document: Mapping[str, Any]) -> list[str]:
        """Tell forecasts and strategies."""
        from tradewinds.report.text import forecast_lines

        return [*forecast_lines(document), *self.strategy_lines(document)]

    def page(self, document: Mapping[str, Any], folder: Path, plot_points: int) -> str:
        """Draw report.html."""
        from tradewinds.tasks.account.report import traded_page

        return traded_page(document, folder, plot_points)

    def picture(self, document: Mapping[str, Any], folder: Path, plot_points: int) -> bytes:
        """Draw report.png."""
        from tradewinds.tasks.account.report import traded_picture

        return traded_picture(document, folder, plot_points)

    def as_trained(self, now: dict[str, Any], then: Mapping[str, Any]) -> dict[str, Any]:
        """Return the present rules with the levels an agent knows, even where the cap has been lowered since."""
        levels = list(then["exposures"])
        cap = max(now["leverage_cap"], *(abs(level) for level in levels))
        return {**now, "actions": then["actions"], "exposures": levels, "leverage_cap": cap}

    def decision(self, prepared: Prepared, models: Models, rows: range) -> dict[str, Any]:
        """Return the target exposure after the last close, and where it fills."""
        target = float(self.decide(prepared, models, rows)["target"].iloc[-1])
        return {
            "target_exposure": dict.fromkeys(prepared.series.instruments, target),
            "fills_at": FILLED[prepared.config.env.execution],
        }

    def decided(self, decision: Mapping[str, Any]) -> np.ndarray[Any, Any]:
        """Return a decision as a row of the trace's first table of actions."""
        return np.array(list(decision["target_exposure"].values()))

    def duel(
        self,
        challenger: tuple[Prepared, Models],
        champion: tuple[Prepared, Models],
        rows: range,
        which: str,
    ) -> Duel:
        """Compare log growth a year after costs, each with the levels it knows, under the present rules."""
        config = challenger[0].config.retrain
        growth = {
            name: self._growth(prepared, models, rows)
            for name, (prepared, models) in (("challenger", challenger), ("champion", champion))
        }
        ours, theirs = growth["challenger"], growth["champion"]
        wins = ours > theirs + config.margin
        reason = (
            f"log growth {ours:+.4f} a year {'beat' if wins else 'did not beat'} {{champion}}'s {theirs:+.4f} by more "
            f"than {config.margin:g} on the same {len(rows)} {which}"
        )
        return Duel(wins, reason, {"log_growth_per_year": growth})

    def _growth(self, prepared: Prepared, models: Models, rows: range) -> float:
        targets = self.decide(prepared, models, rows)["target"].to_numpy(np.float64)[:, None]
        equity = run_ledger(market.price_market(prepared, rows), targets, prepared.config.env).equity[:, 0]
        years = (len(rows) - 1) / prepared.series.bars_per_year
        return float(np.log(max(equity[-1], 1e-12) / equity[0])) / years

"""A trading account as a task: exposures decided bar by bar, reckoned by one ledger. Heavy parts load when used."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecaster.data.series import Series
from tradewinds.core.errors import RequestError
from tradewinds.core.plugins import load
from tradewinds.pipeline.prepare import seed_for
from tradewinds.pipeline.records import Attempt, Duel, Forecasts, Outcome, PaperStep
from tradewinds.pipeline.task import Models, Plans, Prepared
from tradewinds.request.schema import Config
from tradewinds.tasks.account import market
from tradewinds.tasks.account.laws import refuse_one, refuse_several
from tradewinds.tasks.account.orders import FILLED, orders_of, read_holdings
from tradewinds.tasks.account.rivals import followed, targets_of
from tradewinds.tasks.series_task import SeriesTask
from trading_agent.common.config import AgentConfig, EnvironmentFacts
from trading_agent.common.player import Player
from trading_env import LevelPlan, TradingVectorEnv, cut_due, play_episode, run_ledger
from trading_env.account.plan import first_bar_earned
from trading_env.account.weight_plan import WeightPlan

if TYPE_CHECKING:
    from tradewinds.pipeline.encoding import States
    from trading_agent import Policy


class AccountTask(SeriesTask):
    """Hold fractions of equity in an asset; see `tradewinds.pipeline.task.Task`."""

    kind = "account"
    home = "tradewinds.tasks.account"
    folder = "backtest"
    acts_on_several = True
    acts = True
    rival = "buy_and_hold"
    curve: Literal["equity", "profit", "none"] = "equity"

    @property
    def plans(self) -> Plans:
        """Return how a saved plan of an account is built anew."""
        return {
            "level": lambda settings: LevelPlan(**settings),
            "weights": lambda settings: WeightPlan(**settings),
        }

    def without_prices(self) -> Any:
        """Return the task of a series that has no returns: it is forecast, and nobody acts."""
        return load("tradewinds.tasks.forecast_only.task:ForecastOnlyTask")()

    def settle(self, series: Series, config: Config, notes: list[str]) -> tuple[Series, Config, list[str]]:
        """Return the request with an execution its bars allow, and what is odd about it.

        Raises:
            RequestError: a cost needs volumes, and there are none.
        """
        for key, asked, off in (
            ("env.costs.slippage_bps_per_volume_percent", config.env.costs.slippage_bps_per_volume_percent, "0"),
            ("env.volume_cap", config.env.volume_cap, "null"),
        ):
            if asked and series.volume is None:
                raise RequestError(f"{key} needs a series with volume, and {series.name} has none; set {off}")
        if series.single_price and config.env.execution == "next_open":
            config = replace(config, env=replace(config.env, execution="next_close"))
            notes = [*notes, "one price a bar: orders fill at the next bar's price (env.execution=next_close)"]
        if config.env.execution == "same_close":
            odd = "env.execution=same_close fills at the close the agent has just seen: not attainable in a market"
            notes = [*notes, odd]
        return series, config, notes

    def require_action(self, prepared: Prepared) -> None:
        """Refuse actions and agents that cannot act on several assets at once, or on one."""
        if prepared.several:
            refuse_several(prepared.config, prepared.panel.instruments)
        else:
            refuse_one(prepared.config, prepared.series, prepared.split.agent.start)

    def require(self, prepared: Prepared) -> None:
        """Refuse an agent that the bars it learns from do not suffice for."""
        agent = prepared.config.agent
        facts = EnvironmentFacts(num_bars=len(prepared.split.agent))
        faults = agent.refuse(facts) if isinstance(agent, AgentConfig) else []
        if faults:
            raise RequestError("; ".join(f"agent.{fault}" for fault in faults))

    def venue(self, prepared: Prepared, states: "States", rows: range) -> tuple[Any, type[Any], int]:
        """Return the market, accounts on it, and its bars but the first."""
        bars = market.build_market(prepared, states, rows)
        return bars, TradingVectorEnv, len(bars) - 1

    def walk(self, env: Any, policy: "Policy") -> NDArray[np.float64]:
        """Return the (n,) rewards of one account: those of `env`, without its steps where there is one asset."""
        market = env.simulator.market
        if market.close.shape[1] > 1:
            return super().walk(env, policy)
        player = Player(policy)
        return play_episode(player.act, market, env.simulator.config, in_order=player.remembers).rewards

    def evidence(self, prepared: Prepared, states: "States") -> float:
        """Return by how many standard errors the forecast of the bar an order earns beats none on the agent's rows.

        Of several assets, by what following it earns in a bar, in all of them together: they do not move one by one.
        """
        from tradewinds.pipeline.validation import forecast_evidence

        late = first_bar_earned(prepared.config.env, states.forecast.shape[-1])
        rows = prepared.split.agent
        earned = prepared.series.changes()[rows.start + 1 + late : rows.stop]
        part = slice(rows.start, rows.start + len(earned))
        if not prepared.several:
            forecast = states.forecast[part, late].astype(np.float64)
            return forecast_evidence(forecast, earned[:, 0])
        forecast = np.nan_to_num(states.forecast[part, :, late].astype(np.float64))
        return forecast_evidence(np.ones(len(earned)), (forecast * earned).sum(axis=1))

    def rival_plan(self, env: Any) -> "Policy | None":
        """Return the plan on the forecast of one asset, where the agent sees it and may follow it."""
        from trading_agent.planner.planner import teacher_of

        market, rules = env.simulator.market, env.simulator.config
        return teacher_of(env, "the rival") if LevelPlan.possible(market, rules) else None

    def score(self, prepared: Prepared, models: Models | None, decisions: pd.DataFrame | None) -> Forecasts:
        """Score the forecasts of the test rows; of many models the next bar's alone, as their decisions hold it."""
        from tradewinds.tasks.bar_forecasts import score_bars
        from tradewinds.tasks.panel_forecasts import score_decisions, score_panel

        if models is not None:
            return score_panel(prepared, models) if prepared.several else score_bars(prepared, models)
        assert decisions is not None
        start = int(prepared.series.index.searchsorted(decisions.index[0]))
        if prepared.several:
            return score_decisions(prepared, decisions, start)
        truth = prepared.series.log_return()[start + 1 : start + len(decisions), 0]
        error = truth - decisions["next_bar"].to_numpy(np.float32)[:-1]
        return Forecasts(scores={}, errors={"model": error, "naive": truth})

    def beside(self, prepared: Prepared, decisions: pd.DataFrame) -> pd.DataFrame:
        """Return (R, S A) `<rule>.<name>`, the targets of rules for several assets; nothing for one."""
        if not prepared.several:
            return super().beside(prepared, decisions)
        start = int(prepared.series.index.searchsorted(decisions.index[0]))
        held = followed(prepared, decisions, range(start, start + len(decisions)))
        names = [f"{rule}.{name}" for rule in held for name in prepared.series.instruments]
        return pd.DataFrame(np.concatenate(list(held.values()), axis=1), decisions.index, names)

    def attempt(self, prepared: Prepared, outcome: Outcome) -> Attempt:
        """Return the agent's returns."""
        bars = len(outcome.curves)
        return Attempt(outcome.increments["agent"], bars, prepared.series.bars_per_year, self.kind)

    def earnings(self, prepared: Prepared, outcome: Outcome) -> tuple[NDArray[np.float64], dict[str, float], str]:
        """Return the log growth of each bar, and the deepest fall."""
        growth = self._part("inference").log_growth(outcome.increments)["agent"].to_numpy(np.float64)
        drawdown = float(outcome.metrics["agent"]["max_drawdown_from_start_capital"])
        return growth, {"drawdown": drawdown}, "doing nothing"

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
        from tradewinds.report.document import forecast_units, split_facts
        from tradewinds.tasks.account.holdings import portfolio_block, survivorship, universe_facts
        from tradewinds.tasks.account.report import agent_remarks
        from tradewinds.tasks.bar_forecasts import verdict_of

        assert outcome is not None
        played, index = outcome.record, pd.DatetimeIndex(outcome.curves.index)
        trained: Any = prepared.config.agent
        strategies = self.strategies(prepared, outcome, "random_same_turnover")
        part, every = slice(played.rows.start, played.rows.stop), prepared.series.volume
        volume = None if every is None else every[part]
        several = {"portfolio": portfolio_block(played, prepared.config.env, volume)} if prepared.several else {}
        agent = {
            "without_costs": played.without_costs,
            "monthly_returns": monthly_returns(played.equity("agent"), index),
            "worst_drawdowns": worst_drawdowns(played.equity("agent"), index),
            "reconciliation": played.reconciliation(),
        }
        universe = None if prepared.parts is None or not prepared.several else prepared.parts.series.universe
        facts = {} if universe is None else {"universe": universe_facts(universe)}
        remarks = [] if universe is None else survivorship(universe)
        return {
            "data": {**forecast_units(prepared), **split_facts(prepared, models), **facts},
            "backtest": {"strategies": strategies, "agent": agent, **several},
            "verdict": f"{self.verdict(prepared, outcome.metrics, honesty)} {verdict_of(forecasts)}",
            "remarks": [*remarks, *agent_remarks(played, kind=models.acting().kind, trained=trained.kind)],
        }

    def tables(self, prepared: Prepared, models: Models, outcome: Outcome | None) -> dict[str, pd.DataFrame]:
        """Return equity, positions, trades, and the band that luck alone fills."""
        from tradewinds.evaluation.inference import equity_band
        from tradewinds.tasks.account.holdings import weights_table
        from tradewinds.tasks.account.tables import export_tables

        assert outcome is not None
        index, config = pd.DatetimeIndex(outcome.curves.index), prepared.config
        band = equity_band(outcome.record.equity("agent"), index, seed=seed_for(config.seed, "band"))
        tables = {**export_tables(outcome.record, index, config.env.execution), "band": band}
        return {**tables, "weights": weights_table(outcome.record, index)} if prepared.several else tables

    def as_trained(self, now: dict[str, Any], then: Mapping[str, Any]) -> dict[str, Any]:
        """Return the present rules with the levels an agent knows, even where the cap has been lowered since."""
        levels = list(then["exposures"])
        cap = max(now["leverage_cap"], *(abs(level) for level in levels))
        return {**now, "actions": then["actions"], "exposures": levels, "leverage_cap": cap}

    def decision(self, prepared: Prepared, models: Models, rows: range) -> dict[str, Any]:
        """Return the target exposure after the last close, where it fills, and what is held until then.

        `cut_to` is the leverage cap where what is held stands beyond it and the order leaves that alone, else None.
        """
        rules, instruments = prepared.config.env, prepared.series.instruments
        targets = targets_of(self.decide(prepared, models, rows))
        path = run_ledger(market.price_market(prepared, rows), targets, rules)
        cut = cut_due(path, targets, rules)
        orders = {}
        if prepared.config.signal.holdings is not None:
            raw = self._raw(prepared, instruments)
            orders = orders_of(raw, targets[-1], read_holdings(prepared.config.signal.holdings), rules)
        return {
            "target_exposure": dict(zip(instruments, targets[-1].tolist(), strict=True)),
            "exposure": dict(zip(instruments, path.exposure[-1, 0].tolist(), strict=True)),
            "cut_to": rules.leverage_cap if cut else None,
            "fills_at": FILLED[rules.execution],
            **orders,
        }

    def _raw(self, prepared: Prepared, instruments: Sequence[str]) -> Series:
        """Return the bars as they were traded, of what is acted on."""
        assert prepared.parts is not None
        raw = prepared.parts.series.series
        return raw if len(instruments) == len(raw.instruments) else raw.instrument(instruments[0])

    def follow(
        self,
        prepared: Prepared,
        models: Models,
        rows: Sequence[int],
        *,
        opened: int,
        since: int,
        before: Mapping[str, Any] | None,
    ) -> Iterator[PaperStep]:
        """Yield what an account on paper decides at each of `rows`, and what it paid; `since` changes nothing."""
        steps: Iterator[PaperStep] = self._part("paper").follow(prepared, models, rows, opened=opened, before=before)
        return steps

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
        return Duel(wins, ours - theirs, reason, {"log_growth_per_year": growth})

    def _growth(self, prepared: Prepared, models: Models, rows: range) -> float:
        targets = targets_of(self.decide(prepared, models, rows))
        equity = run_ledger(market.price_market(prepared, rows), targets, prepared.config.env).equity[:, 0]
        years = (len(rows) - 1) / prepared.series.bars_per_year
        return float(np.log(max(equity[-1], 1e-12) / equity[0])) / years

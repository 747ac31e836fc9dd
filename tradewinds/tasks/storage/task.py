"""A storage unit in a day-ahead market as a task: whole days committed at a gate closure; heavy parts load late."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecaster.config import DAYWISE
from forecaster.data.series import Series
from tradewinds.core.errors import RequestError
from tradewinds.data.assemble.loaded import Parts
from tradewinds.data.providers.samples import POWER_NOTE
from tradewinds.pipeline.prepare import seed_for
from tradewinds.pipeline.records import Attempt, DecisionTimes, Duel, Forecasts, Outcome, PaperStep, Scored
from tradewinds.pipeline.task import KnownAt, Models, Plans, Prepared
from tradewinds.request.schema import Config
from tradewinds.tasks.all_forecasts import ALL_FORECASTS
from tradewinds.tasks.series_task import SeriesTask
from tradewinds.tasks.storage import backtest, market
from tradewinds.tasks.storage.delivery import DAYS_PER_YEAR, HOUR, gate_of, known_at, midnights, minutes
from tradewinds.tasks.storage.laws import LONGEST_DAY
from trading_env import BatteryVectorEnv, SchedulePlan

if TYPE_CHECKING:
    from forecaster.hidden_states import HiddenStates
    from tradewinds.pipeline.encoding import States

SLOTS = tuple(pd.Timedelta(minutes=length) for length in (15, 30, 60))


class StorageTask(SeriesTask):
    """Buy, store and sell energy by schedules committed the day before; see `tradewinds.pipeline.task.Task`."""

    kind = "storage"
    home = "tradewinds.tasks.storage"
    folder = "backtest"
    acts = True
    rival = "plan_on_ridge_forecast"  # any schedule earns something; what luck could fake is a lead over this one
    curve: Literal["equity", "profit", "none"] = "profit"
    nothing_known = "the prices of the day before"

    def __init__(self, slots_of_hour: int = 1) -> None:
        """Count bars by the slots that an hour has: 1, 2 or 4."""
        self.longest_day = LONGEST_DAY * slots_of_hour
        self.issue_bars = 24 * slots_of_hour
        self.least_bars = 4 * self.issue_bars  # whole days of delivery
        self.warm_bars = 16 * self.longest_day  # two weeks, that the regressions beside the network are fitted on
        self.stretch_bars = 3 * self.longest_day

    def for_bars(self, length: pd.Timedelta) -> "StorageTask":
        """Return the task as it counts bars of that length."""
        return StorageTask(max(int(HOUR / length), 1))

    def laid_out(self, parts: Parts, config: Config) -> Parts:
        """Return what was loaded with a price for every slot: hours before quarters are four equal quarters."""
        from tradewinds.tasks.storage.slots import in_slots

        return in_slots(parts, carry="gaps" in config.data.repair)

    @property
    def plans(self) -> Plans:
        """Return how a saved plan of a unit is built anew."""
        return {"schedule": lambda settings: SchedulePlan(**settings)}

    def known_at(self, config: Config) -> KnownAt | None:
        """Columns are read as they were known when the gate of the next day closed."""
        return lambda starts, closes: known_at(starts, closes, config.env)

    def decision_times(self, prepared: Prepared) -> DecisionTimes:
        """Rows are read at gate closures, and the last of a day decides the next."""
        from tradewinds.tasks.storage.second_clock import decision_times

        return decision_times(prepared.series, prepared.config.env)

    def settle(self, series: Series, config: Config, notes: list[str]) -> tuple[Series, Config, list[str]]:
        """Refuse bars that are no slots; set the lengths of a network that reads days, and whose midnights part them.

        The note that power cannot be held is dropped.

        Raises:
            RequestError: the bars are no slots, or the network forecasts fewer than the longest day has.
        """
        length = series.bar_length
        if length not in SLOTS:
            raise RequestError(
                f"env=battery needs prices of 15, 30 or 60 minutes, and the bars of {series.name} last {length}; "
                "series=houston has some, of an hour"
            )
        notes = [note for note in notes if note != POWER_NOTE]
        model = config.model
        if model.horizon < self.longest_day:
            if model.kind not in DAYWISE:
                raise RequestError(
                    f"model.horizon must be at least {self.longest_day} bars of {minutes(length)}, those of the day on "
                    f"which clocks are turned back, was {model.horizon}"
                )
            many = self.longest_day // LONGEST_DAY
            model = replace(model, horizon=self.longest_day, context_length=many * model.context_length)
            config = replace(config, model=model)
            words = f"reads {model.context_length} of them and forecasts up to {model.horizon}"
            notes.append(f"a day has {self.issue_bars} slots of {minutes(length)}: {model.kind} {words}")
        return replace(series, day_zone=config.env.time_zone), config, notes

    def venue(self, prepared: Prepared, states: "States", rows: range) -> tuple[Any, type[Any], int]:
        """Return the market, units in it, and its slots."""
        power = market.build_power_market(prepared, cast("HiddenStates", states), rows)
        return power, BatteryVectorEnv, len(power)

    def scored(self, prepared: Prepared, models: Models, rows: range) -> Sequence[Scored]:
        """Return the network's price forecasts at the gate closures, slot by slot, as they are scored."""
        from tradewinds.tasks.storage.observed import scored

        return scored(prepared, models, rows)

    def score(self, prepared: Prepared, models: Models | None, decisions: pd.DataFrame | None) -> Forecasts:
        """Score the price forecasts at the gate closures, slot by slot."""
        assert decisions is not None
        start = int(prepared.series.index.searchsorted(decisions.index[0]))
        price = prepared.series.close[start : start + len(decisions), 0]
        index = pd.DatetimeIndex(decisions.index)
        begins = index.searchsorted(midnights(index, prepared.config.env))
        scores = {
            str(name).removeprefix(backtest.PREFIX): backtest.forecast_scores(
                price, column.to_numpy(np.float64), begins
            )
            for name, column in decisions.items()
            if str(name).startswith(backtest.PREFIX)
        }
        return Forecasts(scores=scores, tables={ALL_FORECASTS: backtest.every_forecast(prepared, decisions)})

    def prediction(self, prepared: Prepared, models: Models, levels: Sequence[float]) -> pd.DataFrame:
        """Return forecasts of the prices of the day after the last whole one, with intervals."""
        table: pd.DataFrame = self._part("prediction").predicted_day(prepared, models, levels)
        return table

    def rescore(self, prepared: Prepared, models: Models, forecasts: Forecasts) -> tuple[str, int, str] | None:
        """Compare price forecasts at gate closure, and their scores, with what a second scorer finds."""
        fault: tuple[str, int, str] | None = self._part("second_scorer").rescored(prepared, models, forecasts)
        return fault

    def attempt(self, prepared: Prepared, outcome: Outcome) -> Attempt:
        """Return the agent's daily lead over the plan on the ridge forecast."""
        lead = outcome.increments["agent"] - outcome.increments[self.rival]
        return Attempt(lead, len(lead), DAYS_PER_YEAR, self.kind)

    def misses(
        self, prepared: Prepared, decisions: pd.DataFrame | None, forecasts: Forecasts
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the mean miss of each day's prices, by the network and by the prices of the day before."""
        assert decisions is not None
        start = int(prepared.series.index.searchsorted(decisions.index[0]))
        price = prepared.series.close[start : start + len(decisions), 0]
        index = pd.DatetimeIndex(decisions.index)
        begins = index.searchsorted(midnights(index, prepared.config.env))
        ours, naive = (
            np.add.reduceat(np.abs(decisions[f"{backtest.PREFIX}{name}"].to_numpy(np.float64) - price), begins)
            / np.diff([*begins, len(price)])
            for name in (prepared.config.model.kind, "yesterday")
        )
        return ours, naive

    def earnings(self, prepared: Prepared, outcome: Outcome) -> tuple[NDArray[np.float64], dict[str, float], str]:
        """Return each day's lead over the plan on the ridge forecast, and the deepest fall of the money earned."""
        profit = outcome.earned("agent").cumsum()
        fall = float((np.maximum.accumulate(np.append(0.0, profit)) - np.append(0.0, profit)).max())
        return outcome.earned("agent") - outcome.earned(self.rival), {"drawdown": fall}, self.rival.replace("_", " ")

    def boundary(self, prepared: Prepared) -> Callable[[int], int]:
        """Return what moves a row to the nearest local midnight: a day's schedule is one decision."""
        index = prepared.series.index
        days = index.searchsorted(midnights(index, prepared.config.env))
        return lambda row: int(days[np.abs(days - row).argmin()])

    def chain(self, folds: Sequence[pd.DataFrame]) -> pd.DataFrame:
        """Chain the folds: their days follow one another."""
        return pd.concat(folds)

    def earned(self, prepared: Prepared, outcome: Outcome, strategy: str, rows: range) -> dict[str, float]:
        """Return the profit of the days that begin in `rows`."""
        index = prepared.series.index
        days = outcome.increments.loc[index[rows.start] : index[rows.stop - 1], strategy]
        return {"profit": float(days.sum()), "profit_per_day": float(days.mean())}

    def sections(
        self,
        prepared: Prepared,
        models: Models,
        outcome: Outcome | None,
        forecasts: Forecasts,
        honesty: Mapping[str, Any],
    ) -> dict[str, Any]:
        """Return splits, test days, strategies, verdict and warnings for report.json."""
        from tradewinds.report.document import split_facts
        from tradewinds.tasks.storage.report import storage_remarks

        assert outcome is not None
        slots = outcome.record.market.index
        return {
            "data": {
                **split_facts(prepared, models),
                "test_days": len(outcome.increments),
                "first_delivery": str(slots[0].astype("datetime64[m]")),
                "last_delivery": str(slots[-1].astype("datetime64[m]")),
            },
            "backtest": {"strategies": self.strategies(prepared, outcome)},
            "verdict": self.verdict(prepared, outcome.metrics, honesty),
            "remarks": storage_remarks(outcome.metrics, learned=models.acting().kind != "constant"),
        }

    def tables(self, prepared: Prepared, models: Models, outcome: Outcome | None) -> dict[str, pd.DataFrame]:
        """Return, by the slot, price, forecasts, and every strategy's power, charge and profit so far; and the band."""
        from tradewinds.evaluation.inference import profit_band

        assert outcome is not None
        played = outcome.record
        slot_hours = played.market.slot_hours
        columns: dict[str, Any] = {"price": played.market.price}
        columns |= {f"{backtest.PREFIX}{name}": path for name, path in played.forecasts.items()}
        for number, name in enumerate(played.strategies):
            columns[f"power.{name}"] = (played.path.bought[:, number] - played.path.sold[:, number]) / slot_hours
            columns[f"charge.{name}"] = played.path.charge[1:, number]
            columns[f"profit.{name}"] = played.path.profit[:, number].cumsum()
        band = profit_band(outcome.increments["agent"], seed=seed_for(prepared.config.seed, "band"))
        return {"paths": pd.DataFrame(columns, index=outcome.curves.index), "band": band}

    def as_trained(self, now: dict[str, Any], then: Mapping[str, Any]) -> dict[str, Any]:
        """Return the present unit, asked in the actions that an agent knows."""
        return {**now, "actions": then["actions"], "levels": list(then["levels"])}

    def decision(self, prepared: Prepared, models: Models, rows: range) -> dict[str, Any]:
        """Return the schedule of the day after the series' last whole one, and what it assumes of the charge before.

        The unit is walked through every whole day of `rows` first: the charge assumed is what its schedules left.
        """
        longer, states, begin = market.with_tomorrow(prepared, models.forecasting()[1])
        ahead = range(rows.start, len(longer.series.index))
        decisions = self.decide(longer, Models(models.forecaster, states, models.policy), ahead)
        unit = prepared.config.env
        played = self.outcome(longer, decisions).record.path
        tomorrow = len(decisions) - (len(longer.series.index) - begin)
        local = pd.DatetimeIndex(decisions.index[tomorrow:]).tz_convert(unit.time_zone)
        power, price = (decisions[name].iloc[tomorrow:] for name in ("power", f"{backtest.PREFIX}mean"))
        slots = zip(local, power, price, played.charge[tomorrow + 1 :, 0], strict=True)
        return {
            "delivery_day": f"{local[0]:%Y-%m-%d}",
            "gate_closure": gate_of(decisions.index[tomorrow], unit).isoformat(),
            "assumed_charge_mwh": float(played.charge[tomorrow, 0]),
            "assumed_since": midnights(pd.DatetimeIndex(decisions.index), unit)[0].isoformat(),
            "schedule": [
                {
                    "hour": start.isoformat(),
                    "power_mw": float(megawatt),
                    "price_forecast": float(expected),
                    "charge_after_mwh": float(charge),
                }
                for start, megawatt, expected, charge in slots
            ],
        }

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
        """Yield what a unit on paper commits at each of `rows`, and what it earned; `opened` changes nothing."""
        steps: Iterator[PaperStep] = self._part("paper").follow(prepared, models, rows, since=since, before=before)
        return steps

    def decided(self, decision: Mapping[str, Any]) -> np.ndarray[Any, Any]:
        """Return a decision as a row of the trace's first table of actions."""
        power = [slot["power_mw"] for slot in decision["schedule"]]
        return np.array(power + [np.nan] * (self.longest_day - len(power)))

    def duel(
        self,
        challenger: tuple[Prepared, Models],
        champion: tuple[Prepared, Models],
        rows: range,
        which: str,
    ) -> Duel:
        """Compare profits day by day: the challenger must lead beyond luck, its interval above the margin."""
        from tradewinds.evaluation.inference import mean_interval
        from tradewinds.evaluation.reasons import FEWEST

        config = challenger[0].config
        daily = [
            self.outcome(prepared, self.decide(prepared, models, rows)).earned("agent")
            for prepared, models in (challenger, champion)
        ]
        lead, currency = daily[0] - daily[1], challenger[0].series.price_unit.split("/")[0]
        interval = mean_interval(lead, draws=config.backtest.bootstrap_draws, seed=seed_for(config.seed, "duel"))
        mean = float(lead.mean())
        facts = {"lead_per_day": mean, "lead_per_day_ci95": interval, "days": len(lead)}
        if interval is None:
            same = f"{len(lead)} days, {FEWEST} are needed" if len(lead) < FEWEST else "both commit the same"
            return Duel(False, mean, f"its lead over {{champion}} cannot be told from luck ({same})", facts)
        wins = interval[0] > config.retrain.margin
        reason = (
            f"its lead over {{champion}} of {mean:+,.2f} {currency} a day (95 % interval {interval[0]:+,.2f} to "
            f"{interval[1]:+,.2f}) {'is' if wins else 'is not'} above the margin of {config.retrain.margin:g}, beyond "
            f"luck, on the same {len(lead)} days of {which}"
        )
        return Duel(wins, mean, reason, facts)

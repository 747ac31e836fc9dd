"""What every stage does first: load the series, fix the rules that follow from it, and say who may see which rows.

All of a request's data faults surface here, before anything is trained or written.
"""

import dataclasses
import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from forecaster.baselines.statistical import require_classical
from forecaster.data.features import build_features, static_features
from forecaster.data.series import Series
from forecaster.data.splits import Split, split_rows
from tradewinds.core.errors import RequestError
from tradewinds.core.plugins import know_features
from tradewinds.data import join_parts, load_parts
from tradewinds.data.assemble.loaded import Parts
from tradewinds.data.providers.samples import POWER_NOTE
from tradewinds.pipeline.tensorboard import require_tensorboard
from tradewinds.request.schema import Config
from tradewinds.request.validate import nearest

LONGEST_DAY = 25  # hours, where clocks are turned back


@dataclass(frozen=True)
class Prepared:
    """A request with its data.

    Attributes:
        config: the request; `env.execution` as it will be used.
        panel: the bars of all instruments, with exogenous columns joined as-of on availability: what a forecaster
            learns from.
        split: who may see which rows.
        notes: what was noticed while loading, for the person and for the report's warnings.
        inputs: what the data are, for manifests: the files behind them and their sha256.
        name: the run's name.
        parts: what was loaded, not yet joined: what the leak check changes.
    """

    config: Config
    panel: Series
    split: Split
    notes: tuple[str, ...]
    inputs: dict[str, Any]
    name: str
    parts: Parts | None = None

    @property
    def series(self) -> Series:
        """The bars of the one instrument that an agent trades.

        Raises:
            RequestError: there are several, and none is chosen.
        """
        names = self.panel.instruments
        if len(names) == 1:
            return self.panel
        chosen = self.config.rollout.instrument
        if chosen is None:
            raise RequestError(
                f"the series has {', '.join(names)}, and an agent trades one instrument at present; choose it with "
                f"rollout.instrument={names[0]}, or act on one after another: -m rollout.instrument={','.join(names)}"
            )
        return self.panel.instrument(chosen)

    @property
    def acts(self) -> bool:
        """Whether an agent has something to do: prices to hold, or a storage unit, which lives by their differences."""
        return self.panel.target == "log_return" or self.config.env.kind == "battery"

    def require_prices(self) -> None:
        """Refuse a series that cannot be held: its values are no prices, or may be negative.

        Raises:
            RequestError: its target is the difference, and no storage unit trades it.
        """
        if not self.acts:
            raise RequestError(
                f"{self.panel.name} is forecast in differences (series.target=difference) and cannot be traded; "
                "`run` forecasts it and reports, `train-forecaster` and `encode` work on it"
            )

    @property
    def runs(self) -> Path:
        """Folder of all runs of this name."""
        return Path(self.config.run.dir) / self.name

    @property
    def age(self) -> str:
        """How old the data are, in words; it changes from day to day, and so stands in no report."""
        now = pd.Timestamp(datetime.now(UTC))
        last = self.panel.close_time[-1]
        fetched = [str(source["fetched_at"]) for source in self.inputs["sources"] if "fetched_at" in source]
        words = f"last bar closed {last:%Y-%m-%d %H:%M} UTC, {_days(now - last)} ago"
        return f"{words}; fetched {_days(now - pd.Timestamp(min(fetched)))} ago" if fetched else words

    @property
    def tested(self) -> dict[str, Any]:
        """What the log of trials keeps of a request: its series and test bars, what decides its numbers, its seed."""
        span = self.time_range(self.split.test)
        facts = {"series": str(self.inputs["series"]), "data_sha256": self.inputs["sha256"]}
        facts |= {"first": span["first"], "last": span["last"]}
        return facts | {"config": self.config.deciding(), "seed": self.config.seed}

    def time_range(self, rows: range) -> dict[str, Any]:
        """Return rows and their first and last bar as plain data."""
        index = self.panel.index
        return {
            "rows": [rows.start, rows.stop],
            "first": index[rows.start].isoformat(),
            "last": index[rows.stop - 1].isoformat(),
        }


def prepare(config: Config) -> Prepared:
    """Load the data of a request and split its rows.

    Raises:
        RequestError: the data cannot be read, or are too few for the split.
    """
    if config.env.kind == "gymnasium":
        raise RequestError("env=gymnasium has no series to forecast: only train-agent knows it; env=default trades")
    check_place(Path(config.run.dir))
    require_tensorboard(asked=config.run.tensorboard)
    _check_classical(config)
    return prepared_from(config, load_parts(config.series, config.weather, config.data))


def prepared_from(config: Config, parts: Parts, split: Split | None = None) -> Prepared:
    """Join what was loaded, and split its rows, or take the `split` that is given.

    Raises:
        RequestError: the columns cannot be joined, or the rows are too few for the split.
    """
    stores = config.env.kind == "battery"
    try:
        know_features(config.features.custom)
    except ValueError as error:
        raise RequestError(str(error)) from None
    loaded = join_parts(parts, config.data, _gate_closure(config) if stores else None)
    series, notes = _lived(loaded.series)
    _check_instrument(series, config)
    notes = [*loaded.notes, *notes]
    _check_agent(config)
    if stores:
        _check_hours(series, config)
        notes = [note for note in notes if note != POWER_NOTE]
    else:
        _check_rules(series, config)
        config, remarks = _executed(series, config)
        notes.extend(remarks)
    split = _split(series, config, loaded.cut) if split is None else split
    _check_fit_bars(split, config)
    inputs = {"series": _identity(series, config), "sha256": loaded.series.sha256(), "sources": list(loaded.sources)}
    name = config.run.name or series.name
    return Prepared(config, series, split, tuple(notes), inputs, name, parts)


def _check_rules(series: Series, config: Config) -> None:
    """Refuse rules that this series or this agent cannot be played by, before anything is trained.

    Raises:
        RequestError: a cost needs volumes, and there are none.
    """
    costs = config.env.costs
    if costs.slippage_bps_per_volume_percent and series.volume is None:
        raise RequestError(
            f"env.costs.slippage_bps_per_volume_percent needs a series with volume, and {series.name} has none; set 0"
        )


def _check_agent(config: Config) -> None:
    """Refuse an agent that chooses among levels where it gets none, or is to see what is not there.

    Raises:
        RequestError: it does, or is.
    """
    stores, shown = config.env.kind == "battery", [name for name in config.rollout.observe if "forecast" in name]
    if stores and len(shown) != 1:
        held = " and ".join(shown) or "neither"
        raise RequestError(f"rollout.observe must hold either forecast or forecasts with env=battery, held {held}")
    if not stores and "forecasts" in shown:
        raise RequestError("rollout.observe may hold forecasts with env=battery only; forecast is the network's")
    _check_sight(config)
    if "plan" in config.rollout.observe and (stores or config.env.actions not in ("levels", "exposure")):
        raise RequestError(
            "rollout.observe may hold plan with env.actions=levels or exposure; agent=planner plans a storage unit"
        )
    agent = getattr(config.agent, "kind", None)
    if config.env.actions != "levels" and agent in ("dqn", "q_learning"):
        raise RequestError(f"env.actions must be levels for agent.kind={agent}, was '{config.env.actions}'")


def _check_sight(config: Config) -> None:
    """Refuse an LSTM policy what it cannot have.

    Raises:
        RequestError: it is to read the last bars of a storage unit's days, or to start from another network.
    """
    bars, agent, model = getattr(config.agent, "context_length", 1), config.agent, config.model
    if bars > 1 and config.env.kind == "battery":
        raise RequestError(f"agent.context_length must be 1 with env=battery, whose rows are days, was {bars}")
    if getattr(agent, "start", "random") == "random":
        return
    units = getattr(agent, "lstm_units", 0)
    if (model.kind, model.num_layers, model.hidden_size, config.rollout.observe) != ("lstm", 1, units, ("features",)):
        raise RequestError(
            f"agent.start=forecaster takes an LSTM of one layer and agent.lstm_units={units} units that reads what the "
            f"policy sees; set model=lstm model.num_layers=1 model.hidden_size={units} rollout.observe=[features], or "
            "agent.start=random"
        )


def _executed(series: Series, config: Config) -> tuple[Config, list[str]]:
    """Return the request with an execution its bars allow, and what is odd about it."""
    notes = []
    traded = series.target == "log_return"
    if traded and series.single_price and config.env.execution == "next_open":
        config = dataclasses.replace(config, env=dataclasses.replace(config.env, execution="next_close"))
        notes.append("one price a bar: orders fill at the next bar's price (env.execution=next_close)")
    if traded and config.env.execution == "same_close":
        notes.append("env.execution=same_close fills at the close the agent has just seen: not attainable in a market")
    return config, notes


def _gate_closure(config: Config) -> Callable[[pd.DatetimeIndex, pd.DatetimeIndex], pd.DatetimeIndex]:
    """Say up to which moment columns may be known at each hour, where a day's schedule is committed the day before."""
    from tradewinds.tasks.storage.delivery import known_at

    return lambda starts, closes: known_at(starts, closes, config.env)


def _check_hours(series: Series, config: Config) -> None:
    """Refuse what a storage unit cannot be run on."""
    if series.bar_length != pd.Timedelta(hours=1):
        raise RequestError(
            f"env=battery needs hourly prices, and the bars of {series.name} last {series.bar_length}; series=houston "
            "has them"
        )
    if config.model.horizon < LONGEST_DAY:
        raise RequestError(
            f"model.horizon must be at least {LONGEST_DAY} bars with env=battery, was {config.model.horizon}: a day's "
            "schedule needs a forecast of all its hours, and a day on which clocks are turned back has 25"
        )


def _lived(raw: Series) -> tuple[Series, list[str]]:
    """Return the series an owner lived through, which is what models read and agents trade, and what was adjusted."""
    try:
        series = raw.adjusted()
    except ValueError as error:
        raise RequestError(f"{raw.name}: {error}") from None
    counts = []
    if raw.dividends is not None:
        counts.append(f"{int((raw.dividends > 0.0).sum())} dividends")
    if raw.splits is not None:
        counts.append(f"{int((raw.splits != 1.0).sum())} splits")
    if not counts:
        return series, []
    return series, [f"{' and '.join(counts)}: read and traded are prices adjusted for them, forward from the first bar"]


def _days(age: pd.Timedelta) -> str:
    days, hours = age // pd.Timedelta(days=1), age / pd.Timedelta(hours=1)
    return f"{days} days" if days >= 2 else f"{hours:.0f} hours" if hours >= 1 else "less than an hour"


def _check_instrument(series: Series, config: Config) -> None:
    chosen, names = config.rollout.instrument, series.instruments
    if chosen is not None and chosen not in names:
        raise RequestError(
            f"rollout.instrument must be one of {', '.join(names)}, was '{chosen}'{nearest(chosen, names)}"
        )


def _identity(series: Series, config: Config) -> str:
    """What must stay the same for a model to be used again: the name, the instruments and the length of a bar."""
    traded = (
        f", {config.rollout.instrument} traded" if len(series.instruments) > 1 and config.rollout.instrument else ""
    )
    return f"{series.name} ({', '.join(series.instruments)}, bars of {series.bar_length}{traded})"


def check_place(folder: Path) -> None:
    """Refuse a folder of runs that cannot be written, before an hour of training finds out."""
    there = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    if not (there.is_dir() and os.access(there, os.W_OK)):
        raise RequestError(f"run.dir must be a folder that can be written, was '{folder}', and '{there}' cannot")


def _check_classical(config: Config) -> None:
    try:
        require_classical(config.baselines.classical)
    except ValueError as error:
        raise RequestError(f"baselines.classical: {error}") from None


def _check_fit_bars(split: Split, config: Config) -> None:
    bars, there = config.baselines.fit_bars, split.forecaster.stop
    if config.baselines.classical and bars >= there:
        raise RequestError(f"baselines.fit_bars must be less than the forecaster's {there} bars, was {bars}; lower it")


def _split(series: Series, config: Config, cut: str) -> Split:
    try:
        tables = [build_features(series.instrument(name), config.features) for name in series.instruments]
        static_features(series.instruments, config.features)
        return split_rows(
            len(series.index),
            config.split,
            context_length=config.model.context_length,
            horizon=config.model.horizon,
            first_row=max(table.first_row for table in tables),
            stop_fraction=config.trainer.early_stopping_fraction,
        )
    except ValueError as error:
        raise RequestError(f"{series.name}: {error}{f'; {cut}' if cut else ''}") from None


def seed_for(seed: int, part: str) -> int:
    """Derive the seed of one part of a run, independent of the other parts' seeds."""
    digits = int.from_bytes(hashlib.sha256(part.encode()).digest()[:4], "big")
    return int(np.random.SeedSequence([seed, digits]).generate_state(1)[0] % 2**31)

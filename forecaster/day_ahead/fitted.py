"""A forecaster of whole days: fitted on its own rows, then walked through the days that follow, refitted as they come.

The walk is one law for training, judging, retraining and tomorrow's forecast: before a day is forecast the networks
take some steps more on all days known by then, from the weights at hand. What is drawn for these steps hangs on the
seed and the day's date, so the walk can be taken up at any day whose weights are kept, and comes to the same to the
bit. Page: docs/day_ahead.md.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor

from forecaster.config import ForecasterConfig, Precision, as_kept
from forecaster.data.features import FeatureTable
from forecaster.data.series import Series, Target
from forecaster.day_ahead.days import FEWEST, FIRST, DayTable, day_table, longest_day, slots_of_day
from forecaster.day_ahead.holidays import holidays_of
from forecaster.day_ahead.inputs import DayInputs, day_inputs, names_of
from forecaster.day_ahead.networks import DayNetworks
from forecaster.day_ahead.waypoint import Waypoint, read_waypoint, waypoint_bytes
from forecaster.hidden_states import HiddenStates
from forecaster.training.trainer import Progress

Array = NDArray[np.float64]
Int = NDArray[np.int64]
WEIGHTS, FACTS, WALKED = "weights.safetensors", "forecaster.json", "walk.safetensors"
KEPT_EVERY = 28  # days of a walk between two whose weights are kept
Walked = Callable[[int, int], None]  # is told how many days of how many are walked
Keep = Callable[[HiddenStates], None]  # is handed the states so far


@dataclass(frozen=True, eq=False)
class DayForecaster:
    """Networks that forecast a day at a time, as they were after their first fit, and all that is needed to go on.

    Attributes:
        config: features, network, training, and how it is fitted anew.
        instrument: the name of what it was fitted on.
        feature_names: of what the linear path reads of a day; tokens hold the same of other days.
        sizes: `DayInputs.sizes`.
        fitted: the weights after the first fit, and the first date that was not learned from.
        fit_end: gate row of the last day it was fitted on, in the series it was fitted on.
        fit_end_time: close of the last bar that its labels reached.
        bar_length: of the series it was fitted on.
        day_zone: whose midnights part its days.
        history: the mean loss of each tenth of the first fit.
        seed: of all that is drawn.
        kept: of the walks so far, the latest first.
    """

    config: ForecasterConfig
    instrument: str
    feature_names: tuple[str, ...]
    sizes: tuple[int, int, int]
    fitted: Waypoint
    fit_end: int
    fit_end_time: pd.Timestamp
    bar_length: pd.Timedelta
    day_zone: str
    history: tuple[dict[str, float], ...]
    seed: int
    target: Target = "level"
    precision: Precision = "float32"
    kept: list[Waypoint] = field(default_factory=list)

    @property
    def bars_again(self) -> int:
        """Bars before a row over which the walk is worth repeating where only what comes after the row has changed."""
        return KEPT_EVERY * slots_of_day(self.bar_length)

    @property
    def recalibrates(self) -> bool:
        """Whether it is fitted anew as days come."""
        return self.config.recalibration.every_days is not None

    def at_rest(self) -> "DayForecaster":
        """Return the forecaster as its walk has left it, fitted anew no more."""
        last = self.kept[0] if self.kept else self.fitted
        recalibration = replace(self.config.recalibration, every_days=None)
        config = replace(self.config, recalibration=recalibration)
        fitted = self.fitted._replace(state=last.state, learned=last.learned)
        return replace(self, config=config, fitted=fitted, kept=[])

    def save(self, folder: Path) -> None:
        """Write the forecaster, as it was after its first fit, into an existing folder."""
        save_file(dict(self.fitted.state), folder / WEIGHTS)
        facts = {
            "config": asdict(self.config),
            "instrument": self.instrument,
            "feature_names": self.feature_names,
            "sizes": self.sizes,
            "learned": self.fitted.learned,
            "fit_end": self.fit_end,
            "fit_end_time": self.fit_end_time.isoformat(),
            "bar_length": str(self.bar_length),
            "day_zone": self.day_zone,
            "history": self.history,
            "seed": self.seed,
        }
        (folder / FACTS).write_text(json.dumps(facts, indent=1, allow_nan=False) + "\n", encoding="utf-8")

    def save_walk(self, folder: Path) -> None:
        """Write where the walk stands, so that it goes on from there; nothing where it has not begun."""
        if self.kept:
            (folder / WALKED).write_bytes(waypoint_bytes(self.kept[0]))

    def take_up(self, waypoint: Waypoint, series: Series) -> bool:
        """Go on from a waypoint if it is one of a walk through the past of this very series, and say whether it is."""
        table, _ = self.read(series)
        if not _passes(waypoint, table.dates, _digests(table)):
            return False
        self._keep(waypoint)
        return True

    def goes_on(self, series: Series, row: int) -> bool:
        """Say whether a walk that is kept reached the first day decided at `row` or later, through this very past."""
        table, _ = self.read(series)
        later = np.flatnonzero(gate_rows(table) >= row)
        if len(later) == 0:
            return False
        date = int(table.dates[later[0]])
        return self._taken_up(table.dates, _digests(table), date).date == date

    def encode(
        self,
        series: Series,
        rows: range | None = None,
        *,
        walked: Walked | None = None,
        keep: Keep | None = None,
    ) -> HiddenStates:
        """Walk through the days of a series.

        Args:
            series: T bars, of which it may have seen some.
            rows: the days that are decided on one of them are forecast; other rows stay NaN. None for all.
            walked: told how many days are done.
            keep: handed the states of all bars before the next gate row, each time a waypoint is kept on the way.

        Returns:
            States and forecasts at the gate rows, NaN at all others; the forecast says by how much the price changes
            from bar to bar, so that its sums lead from the last price to those of the day. The state is that of the
            first member.

        Raises:
            ValueError: the series has other bars, days or columns than it was fitted on, or fewer days than it reads.
        """
        self._refuse_other(series)
        table, inputs = self.read(series)
        size, horizon = len(series.index), self.config.model.horizon
        hidden = np.full((size, self.config.model.hidden_size), np.nan, dtype=np.float32)
        forecast = np.full((size, horizon), np.nan, dtype=np.float32)
        gates = gate_rows(table)
        spoken = np.flatnonzero(gates >= 0)
        if len(spoken) == 0:
            raise ValueError(
                f"the series has {len(table.dates)} days; a forecast reads {FIRST} and the one before them"
            )
        asked = spoken if rows is None else spoken[(gates[spoken] >= rows.start) & (gates[spoken] < rows.stop)]
        label_end = np.full(size, -1, dtype=np.int64)
        last_known = int(series.close_time.searchsorted(self.fit_end_time, side="right")) - 1
        fit_end = np.full(size, last_known - slots_of_day(self.bar_length), dtype=np.int64)
        plain = HiddenStates(series.index, hidden, forecast, fit_end, int(gates[spoken[0]]))

        def states() -> HiddenStates:
            if not self.recalibrates:
                return plain
            ends = np.maximum.accumulate(label_end)  # within a day nothing is learned
            return replace(plain, label_end=np.where(ends >= 0, ends, last_known))

        kept = len(self.kept)
        for number, (day, learned, prices, state) in enumerate(self._walk(table, inputs, asked)):
            gate = int(gates[day])
            if keep is not None and len(self.kept) > kept:
                kept = len(self.kept)
                keep(states().until(gate))
            path = table.of_bars(day, prices.mean(axis=0))
            path = np.pad(path, (0, horizon - len(path)), mode="edge")
            forecast[gate] = np.diff(path, prepend=series.close[gate, 0])
            hidden[gate] = state
            label_end[gate] = last_row(table, learned)
            if walked is not None:
                walked(number + 1, len(asked))
        return states()

    def features(self, series: Series) -> FeatureTable:
        """Return as a table of bars (T, F) what is read at each gate row; NaN at all others.

        Raises:
            ValueError: the series has other columns than it was fitted on.
        """
        table, inputs = self.read(series)
        gates = gate_rows(table)
        days = np.flatnonzero((gates >= 0) & (gates < len(series.index)))
        values = np.full((len(series.index), len(self.feature_names)), np.nan)
        values[gates[days]] = inputs.flat[0, days].numpy()  # in the first unit
        first = int(gates[days[0]]) if len(days) else len(series.index)
        return FeatureTable(values, self.feature_names, first - self.config.model.context_length + 1)

    def fingerprint(self) -> dict[str, bytes]:
        """Return what the fit depends on, by what would show it: nothing is scaled by the fit rows, labels, weights."""
        learned = repr((self.history, self.fit_end, self.fit_end_time.isoformat(), self.fitted.learned)).encode()
        tensors = b"".join(self.fitted.state[name].numpy().tobytes() for name in sorted(self.fitted.state))
        return {"scaler": b"", "labels": repr(self.fitted.learned).encode(), "learned": learned + tensors}

    def read(self, series: Series) -> tuple[DayTable, DayInputs]:
        """Return the days of a series, and what is read of them.

        Raises:
            ValueError: it has other columns than it was fitted on.
        """
        table = day_table(series, holidays_of(self.config.recalibration.holidays, series.index))
        tokens = tokens_of(self.config, self.bar_length)
        names = names_of(table)
        if names != self.feature_names:
            missing = sorted(set(self.feature_names) ^ set(names)) or list(names)
            raise ValueError(f"the series must have the features it was fitted on; they differ in {missing[:4]}")
        return table, day_inputs(table, tokens=tokens, scales_days=self.config.recalibration.scales_days)

    def _walk(self, table: DayTable, inputs: DayInputs, asked: Int) -> Iterator[tuple[int, int, Array, Array]]:
        """Yield each of the days `asked`, the first date not learned from by then, (K, S) prices and a (H,) state."""
        if len(asked) == 0:
            return
        settings, dates = self.config.recalibration, table.dates
        digests = _digests(table) if self.recalibrates else []
        start = self._taken_up(dates, digests, int(dates[asked[0]]))
        networks, learned = self._networks(start.state), start.learned
        wanted = set(asked.tolist())
        known = self._networks(self.fitted.state)
        for day in (day for day in sorted(wanted) if dates[day] < self.fitted.date):  # it had seen them
            yield day, self.fitted.learned, *known.forecast(inputs, day)
        begin = max(int(start.date - dates[0]), FIRST)
        for day in range(begin, int(asked[-1]) + 1):
            date, every = int(dates[day]), settings.every_days
            if every is not None and (date - self.fitted.date) % every == 0 and day - FIRST >= FEWEST:
                networks.refit(inputs, day, first=FIRST, steps=settings.steps, rate=settings.learning_rate, date=date)
                learned = date
            if day in wanted:
                yield day, learned, *networks.forecast(inputs, day, learned - int(dates[0]))
            if self.recalibrates and (date % KEPT_EVERY == 0 or day == asked[-1]):
                self._keep(Waypoint(date + 1, learned, digests[day - 1], networks.state()))

    def _taken_up(self, dates: Int, digests: list[str], date: int) -> Waypoint:
        """Return the latest waypoint of a walk through the same days that has not passed `date`."""
        later = (one for one in self.kept if one.date <= date and _passes(one, dates, digests))
        return next(later, self.fitted)

    def _keep(self, waypoint: Waypoint) -> None:
        """Keep a waypoint, one of each date: the first walk is that of the true series, others of other worlds."""
        if all(one.date != waypoint.date for one in self.kept):
            self.kept.append(waypoint)
            self.kept.sort(key=lambda one: -one.date)

    def _networks(self, state: Mapping[str, Tensor]) -> DayNetworks:
        return DayNetworks(self.config, self.sizes, self.seed, state)

    def _refuse_other(self, series: Series) -> None:
        ours = (self.bar_length, self.day_zone, self.target)
        theirs = (series.bar_length, series.day_zone, series.target)
        if ours != theirs:
            told = " and ".join(
                f"bars of {length}, days of {zone} and the target {target}" for length, zone, target in (ours,)
            )
            found = f"{theirs[0]}, {theirs[1]} and {theirs[2]}"
            raise ValueError(f"the series must have {told}, as it was fitted on, had {found}")


def fit_days(
    series: Series, config: ForecasterConfig, rows: range, *, seed: int, progress: Progress | None = None
) -> DayForecaster:
    """Fit networks on the whole days in the bars `rows`; later bars are cut off before anything else.

    Args:
        series: T bars of one instrument, with the zone of its days.
        config: network, training, and how it is fitted anew.
        rows: the forecaster's part.
        seed: of all that is drawn.
        progress: called once with (epochs, epochs, losses).

    Raises:
        ValueError: too few days, or bars that make none.
    """
    past = series.rows(range(0, rows.stop))  # the future does not exist from here on
    if config.model.horizon < longest_day(past.bar_length):
        raise ValueError(
            f"model.horizon must be at least {longest_day(past.bar_length)} bars of {past.bar_length}, those of the "
            f"longest day, was {config.model.horizon}"
        )
    if past.day_zone is None:
        raise ValueError("a forecaster of days needs a series whose days are decided as a whole")
    table = day_table(past, holidays_of(config.recalibration.holidays, past.index))
    stop = int(np.flatnonzero(table.whole)[-1]) + 1 if table.whole.any() else 0
    begins = np.flatnonzero(table.first >= rows.start)
    first = max(FIRST, int(begins[0]) if len(begins) else FIRST)
    if stop - first < FEWEST:
        raise ValueError(
            f"the forecaster's rows [{rows.start}, {rows.stop}) hold {max(stop - first, 0)} days to learn from, after "
            f"{FIRST} that are only read, and need {FEWEST}; bring more rows"
        )
    tokens = tokens_of(config, past.bar_length)
    inputs = day_inputs(table, tokens=tokens, scales_days=config.recalibration.scales_days)
    networks, trainer = DayNetworks(config, inputs.sizes, seed), config.trainer
    steps = trainer.epochs * -(-(stop - first) // trainer.batch_size)
    rates = (trainer.learning_rate, config.recalibration.learning_rate)
    losses = networks.fit(inputs, stop, first=first, steps=steps, rates=rates)
    history = tuple({"fit_loss": loss} for loss in losses)
    if progress is not None:
        progress(trainer.epochs, trainer.epochs, history[-1])
    date = int(table.dates[stop - 1]) + 1
    return DayForecaster(
        config=config,
        instrument=series.instruments[0],
        feature_names=names_of(table),
        sizes=inputs.sizes,
        fitted=Waypoint(date, date, "", networks.state()),
        fit_end=int(table.first[stop - 1]) - 1,
        fit_end_time=past.close_time[last_row(table, date)],
        bar_length=past.bar_length,
        day_zone=past.day_zone,
        history=history,
        seed=seed,
    )


def load_days(folder: Path, walk: Path | None = None) -> DayForecaster:
    """Read what `DayForecaster.save` wrote, and where its walk stood, if `walk` holds it; nothing can execute code."""
    facts: dict[str, Any] = json.loads((folder / FACTS).read_text(encoding="utf-8"))
    facts["config"]["recalibration"].setdefault("kernels", False)  # an artifact of before has none
    config = as_kept(ForecasterConfig, facts["config"])
    learned = int(facts.pop("learned"))
    facts |= {
        "config": config,
        "feature_names": tuple(facts["feature_names"]),
        "sizes": tuple(facts["sizes"]),
        "fitted": Waypoint(learned, learned, "", load_file(folder / WEIGHTS)),
        "fit_end_time": pd.Timestamp(facts["fit_end_time"]),
        "bar_length": pd.Timedelta(facts["bar_length"]),
        "history": tuple(facts["history"]),
    }
    forecaster = DayForecaster(**facts)
    if walk is not None and (walk / WALKED).exists():
        forecaster.kept.append(read_waypoint(walk / WALKED)[0])
    return forecaster


def gate_rows(table: DayTable) -> Int:
    """(D,) row on which each day is decided; -1 of days that are not, or of which too little is known."""
    gates = np.where(table.first > 0, table.first - 1, -1)
    gates[:FIRST] = -1
    return gates


def last_row(table: DayTable, date: int) -> int:
    """Return the row of the last bar before a local date; -1 where there is none."""
    before = np.flatnonzero((table.dates < date) & (table.first >= 0))
    return -1 if len(before) == 0 else int(table.first[before[-1]] + table.bars[before[-1]]) - 1


def tokens_of(config: ForecasterConfig, bar_length: pd.Timedelta) -> int:
    """Return L, the days that are read."""
    return max(1, config.model.context_length // slots_of_day(bar_length))


def _passes(waypoint: Waypoint, dates: Int, digests: list[str]) -> bool:
    """Say whether a walk through these days comes by a waypoint."""
    place = waypoint.date - int(dates[0]) - 2  # of the last day that was learned from
    return 0 <= place < len(digests) and digests[place] == waypoint.digest


def _digests(table: DayTable) -> list[str]:
    """Return for each day the digest of all that it and the days before it hold."""
    digest, digests = hashlib.sha256(), []
    digest.update(str(int(table.dates[0])).encode())
    for day in range(len(table.dates)):
        for part in (table.price, table.ahead, table.gate, table.facts):
            digest.update(np.ascontiguousarray(part[day]).tobytes())
        digests.append(digest.hexdigest())
    return digests

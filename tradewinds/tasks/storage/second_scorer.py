"""Price forecasts at gate closure, and their scores, found a second time: written from docs/battery.md alone.

The scores are reckoned again from the table of forecasts and the prices of the series. And some of the forecasts are
made again by forecasters that have never seen the day's prices: the series they read ends before its first hour.
"""

import dataclasses
from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tradewinds.pipeline.encoding import forecast_last
from tradewinds.pipeline.records import Forecasts
from tradewinds.pipeline.task import Models, Prepared
from tradewinds.tasks.all_forecasts import ALL_FORECASTS, VALUE
from tradewinds.tasks.second_scorer import Fault, first_other_score
from tradewinds.tasks.storage.market import other_forecasts, with_tomorrow

Array = NDArray[np.float64]
NETWORK_DAYS = 6  # whose network forecast is made again, evenly spread
RULE_DAYS = (0, 8)  # whose other forecasts are, too: of the first and the second week, since they are fitted every week
SAME_PRICE = 1e-3  # of the usual size of a price: float32, and sums in another order


def rescored(prepared: Prepared, models: Models, forecasts: Forecasts) -> Fault | None:
    """Return the first stage, row and difference in which a second look finds other forecasts or scores, or None."""
    table = forecasts.tables[ALL_FORECASTS]
    names = [str(name).removeprefix(VALUE) for name in table if str(name).startswith(VALUE)]
    index, first = prepared.series.index, prepared.split.test.start
    wanted = _whole_days(prepared)
    if not pd.DatetimeIndex(table["target"]).equals(wanted):
        made = f"{len(table)} slots from {table['target'].iloc[0]} on are scored"
        return "scores", first, f"{made}, and the test rows hold {len(wanted)} slots of whole days from {wanted[0]} on"
    gates, midnights = _gates(wanted, prepared)
    late = np.flatnonzero((table["decision"] > gates) | (table["last_price"] >= midnights))
    if len(late):
        row = int(index.searchsorted(wanted[late[0]]))
        return "scores", row, f"the forecast of {wanted[late[0]]} is said to have been made after its gate had closed"
    if set(names) != set(forecasts.scores):
        return "scores", first, f"scored are {', '.join(forecasts.scores)}, and forecasts are of {', '.join(names)}"
    return next(_faults(prepared, models, forecasts, table.set_index("target"), midnights), None)


def _faults(
    prepared: Prepared, models: Models, forecasts: Forecasts, table: pd.DataFrame, midnights: pd.DatetimeIndex
) -> Iterator[Fault]:
    index, test = prepared.series.index, prepared.split.test
    price = pd.Series(prepared.series.close[:, 0], index=index).reindex(table.index)
    furthest = np.append(midnights[1:] != midnights[:-1], True)
    for name, told in forecasts.scores.items():
        missed = (price - table[f"{VALUE}{name}"]).to_numpy()
        found = {
            "value_mae": np.abs(missed).mean(),
            "value_rmse": np.square(missed).mean() ** 0.5,
            "value_mae_last": np.abs(missed[furthest]).mean(),
            "n": len(missed),
        }
        words = first_other_score(name, told, found)
        if words:
            yield "scores", test.start, words
    usual, days = float(price.abs().median()), pd.DatetimeIndex(midnights.unique())
    spread = np.linspace(0, len(days) - 1, NETWORK_DAYS).astype(int).tolist()
    for number in sorted({*spread, *(day for day in RULE_DAYS if day < len(days))}):
        rows = table[midnights == days[number]]
        first = int(index.searchsorted(rows.index[0]))
        for name, forecast in _made_again(prepared, models, first, rules=number in RULE_DAYS).items():
            other = np.abs(rows[f"{VALUE}{name}"].to_numpy() - forecast[: len(rows)]).max()
            if not other <= SAME_PRICE * usual:
                what = "is scored with another forecast than it makes of what is known before the day's first hour"
                yield "forecasts", first - 1, f"{name} {what}: a price differs by {other:.3g}"


def _made_again(prepared: Prepared, models: Models, first: int, *, rules: bool) -> dict[str, Array]:
    """Return per name the prices forecast for the day that begins at row `first`, by who has not seen them."""
    fitted, states = models.forecasting()
    known = prepared.series.rows(range(first))
    steps = np.cumsum(forecast_last(fitted, known).astype(np.float64))
    last = float(known.close[-1, 0])
    network = last * np.exp(steps) if known.target == "log_return" else last + steps
    made: dict[str, Array] = {fitted.config.model.kind: network}
    if rules:
        longer, blank, _ = with_tomorrow(dataclasses.replace(prepared, panel=known), states.until(first))
        rows = range(prepared.split.test.start, len(longer.series.index))
        others = {name: days[-1] for name, days in other_forecasts(longer, blank, rows).items()}
        slots = len(longer.series.index) - first
        made["mean"] = np.mean([network[:slots], *(one[:slots] for one in others.values())], axis=0)
        made |= {name: others[name] for name in ("yesterday", "ridge")}
    return made


def _whole_days(prepared: Prepared) -> pd.DatetimeIndex:
    """Return the slots of the local days that lie in the test rows as a whole, with the slot before them."""
    test, zone = prepared.split.test, prepared.config.env.time_zone
    index, length = prepared.series.index[test.start : test.stop], prepared.series.bar_length
    day = index.tz_convert(zone).normalize()
    begin, end = day[0], day[-1]
    first = begin if (index[0] + length) <= begin.tz_convert("UTC") else begin + pd.DateOffset(days=1)
    stop = end + pd.DateOffset(days=1)
    stop = end if (index[-1] + length) < stop.tz_convert("UTC") else stop
    return pd.DatetimeIndex(index[(index >= first.tz_convert("UTC")) & (index < stop.tz_convert("UTC"))])


def _gates(slots: pd.DatetimeIndex, prepared: Prepared) -> tuple[pd.DatetimeIndex, pd.DatetimeIndex]:
    """Return for each slot when the gate of its day closed, on the day before, and when that day began."""
    unit = prepared.config.env
    midnight = slots.tz_convert(unit.time_zone).normalize()
    naive = midnight.tz_localize(None) - pd.Timedelta(hours=24 - unit.gate_closure_hour)
    gate = naive.tz_localize(unit.time_zone, ambiguous=np.ones(len(slots), bool), nonexistent="shift_forward")
    return gate.tz_convert("UTC"), midnight.tz_convert("UTC")

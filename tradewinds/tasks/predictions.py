"""Forecasts to take home: what comes after the last bar that is known, with intervals, as one table for every task."""

from collections.abc import Sequence

import pandas as pd

from forecaster.data.series import Series
from forecaster.evaluation.intervals import INTERVAL, ValueForecasts, forecast_table, value_forecasts
from forecaster.hidden_states import HiddenStates
from tradewinds.core.errors import RequestError
from tradewinds.data.due import next_bars
from tradewinds.pipeline.task import Models, Prepared

BAND = (0.05, 0.95)  # of the line that a run ends with
VALUES_AHEAD = "values_ahead"


def predicted_bars(prepared: Prepared, models: Models, levels: Sequence[float]) -> pd.DataFrame:
    """Tell the H bars after the last one, of every instrument that can be spoken of there; columns as `table_of`.

    Intervals are calibrated on the validation rows and corrected by every outcome since, as in the backtest.

    Raises:
        RequestError: no instrument can be spoken of.
    """
    series, tables, silent = prepared.series, [], []
    for name in series.instruments:
        own, states = _of(prepared, models, name)
        try:
            told = value_forecasts(
                own,
                states,
                calibration_rows=prepared.split.validation,
                first=prepared.split.test.start,
                levels=levels,
            ).of_last(len(own.index) - 1)
        except ValueError as error:
            silent.append(str(error))
            continue
        price = 1.0 if not series.rebased else _last_price(prepared, name) / own.close[-1, 0]
        told = ValueForecasts(told.decisions, told.value * price, told.quantiles * price)
        tables.append(table_of(own, told, levels))
    if not tables:
        raise RequestError(f"{series.name}: nothing can be told of the bars after the last: {silent[0]}")
    return pd.concat(tables, ignore_index=True)


def _of(prepared: Prepared, models: Models, name: str) -> tuple[Series, HiddenStates]:
    if not prepared.several:
        return prepared.series, models.forecasting_bars()[1]
    return prepared.series.instrument(name), models.forecasting_panel()[1].instrument(name)


def _last_price(prepared: Prepared, name: str) -> float:
    """Return the last close of an instrument as it was traded: those of the series hold dividends and splits."""
    assert prepared.parts is not None
    return float(prepared.parts.series.series.instrument(name).close[-1, 0])


def unit_of(prepared: Prepared) -> str:
    """Return what the values are measured in; nothing where nobody says."""
    if prepared.series.target == "relative_return":
        return "% beyond the mean of all"
    return prepared.series.price_unit


def table_of(series: Series, told: ValueForecasts, levels: Sequence[float]) -> pd.DataFrame:
    """Return values ahead as `forecast_table` does, of the bars that the series' calendar holds after its last."""
    starts = pd.DatetimeIndex(series.index.append(next_bars(series, told.value.shape[1])))
    return forecast_table(series, starts, told, levels)


def values_ahead(prepared: Prepared, states: HiddenStates) -> pd.DataFrame:
    """Return what was told of the values ahead at every test row, of what was known by then; columns as `table_of`.

    Prices are the series' own, dividends reinvested, where `predicted_bars` tells them as they were traded.
    """
    series, levels = prepared.series, prepared.config.predict.levels
    told = value_forecasts(
        series, states, calibration_rows=prepared.split.validation, first=prepared.split.test.start, levels=levels
    )
    return table_of(series, told, levels)


def in_words(prepared: Prepared, models: Models) -> str:
    """Return what comes next in a line: of one instrument the values ahead, and how sure the last one is."""
    if prepared.several:
        return f"what comes next, of {len(prepared.series.instruments)} instruments: tradewinds predict"
    try:
        table = prepared.task.prediction(prepared, models, BAND)
    except RequestError as error:
        return f"what comes next is not told: {error}"
    first, last, unit = table["target"].iloc[0], table.iloc[-1], unit_of(prepared)
    low, high = (last[f"{INTERVAL}{level:g}"] for level in BAND)
    values = [f"{value:.6g}" for value in table["value"]]
    path = ", ".join(values) if len(values) <= 4 else f"{', '.join(values[:3])} ... {values[-1]}"
    return (
        f"what comes next, {len(table)} bars from {first:%Y-%m-%d %H:%M} UTC: {path}{f' {unit}' if unit else ''}, the "
        f"last with 90 % between {low:.6g} and {high:.6g}"
    )

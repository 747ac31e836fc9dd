"""`tradewinds benchmark-day-ahead`: networks of days on a file of day-ahead prices, by the field's conventions.

The file is that of the open benchmark: a time, the price, and columns that are known for the whole day at its gate; 24
hours a day, whatever clocks do. Beside the networks stand the day and the week before, LEAR, and published forecasts.
"""

import time
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecaster.config import DAYWISE, ForecasterConfig
from forecaster.data.future_covariates import FutureCovariates
from forecaster.data.series import Series
from forecaster.evaluation.day_ahead_scores import (
    PAST_DAYS,
    DayAheadScore,
    day_ahead_score,
    diebold_mariano,
    giacomini_white,
)
from tradewinds.core.console import Console
from tradewinds.core.errors import GateError, RequestError
from tradewinds.core.files import write_json
from tradewinds.data.readers.benchmark_file import Columns, read_columns
from tradewinds.pipeline.artifact import new_run_id, writing
from tradewinds.pipeline.prepare import seed_for
from tradewinds.request.schema import Config
from trading_env import BatteryConfig, PowerMarket, perfect_schedule, planned_schedule, play_schedule

Array = NDArray[np.float64]
KIND = "benchmark"
HOUR = pd.Timedelta(hours=1)
LONGEST_DAY = 25  # bars
NO_LEAR = "LEAR is left out: it needs scikit-learn; type pip install 'tradewinds[power]'"


def main(config: Config, console: Console) -> dict[str, Any]:
    """Fit on the days before the test, walk through it with refits, and print and write the scores."""
    from tradewinds.pipeline.walk_file import forget_walk

    settings = config.day_ahead
    if settings.path is None:
        raise RequestError(
            "day_ahead.path is required; give day_ahead.path=FILE, a CSV of a time, a price and columns known ahead"
        )
    if config.model.kind not in DAYWISE:
        raise RequestError(
            f"model.kind must be of a network that reads days, such as model=day_lstm, was {config.model.kind}"
        )
    path = Path(settings.path)
    columns = read_columns(path)
    series = series_of(path, columns)
    start = len(series.index) // 24 - settings.test_days
    published = {} if settings.published is None else _published(Path(settings.published), series, start)
    console.note(
        f"{path.name}: {len(series.index) // 24} days, price {columns.names[0]}, known ahead "
        f"{', '.join(columns.names[1:]) or 'nothing'}; judged are the last {settings.test_days}"
    )
    fitted, network, seconds = _walked(config, series, start, console)
    forecasts = _beside(fitted, series, start, console) | {config.model.kind: network}
    truth, week = (series.close[:, 0].reshape(-1, 24)[start - ago :][: settings.test_days] for ago in (0, 7))
    shares: dict[str, float] = {}
    if "lear" in forecasts:
        mixes, shares = mixed({name: forecasts[name] for name in (config.model.kind, "lear")}, truth)
        forecasts |= mixes
    forecasts |= published
    scores = {name: day_ahead_score(truth, one, week, past_days=PAST_DAYS) for name, one in forecasts.items()}
    unit = _unit(config)
    money = money_of(truth, forecasts, unit)
    tests = tests_of(truth, forecasts, config.model.kind)
    for line in lines_of(scores, money, tests, config.model.kind, seconds):
        console.result(line)
    folder = _runs(config) / new_run_id() / KIND
    inputs = {"series": path.name, "sha256": columns.sha256}
    if shares:
        told_shares = ", ".join(f"{share:.2f} {name}" for name, share in shares.items())
        console.result(f"learned weights, mean of the days: {told_shares}")
    told = {
        "weights": shares,
        "scores": {name: asdict(score) for name, score in scores.items()},
        "money": money,
        "tests": tests,
        **seconds,
    }
    table = pd.DataFrame(
        {"price": truth.ravel(), **{name: one.ravel() for name, one in forecasts.items()}},
        index=series.index[24 * start :],
    )
    with writing(folder, KIND, config=config.plain(), inputs=inputs) as partial:
        write_json(partial / "scores.json", told)
        table.to_parquet(partial / "forecasts.parquet")
    forget_walk(fitted, _runs(config))
    console.wrote(folder)
    return {"benchmark": str(folder), **told}


def _walked(config: Config, series: Series, start: int, console: Console) -> tuple[Any, Array, dict[str, float]]:
    """Fit before the day `start` and walk on; return the forecaster, (D, 24) prices, and what they took.

    Raises:
        RequestError: too few days lie before it.
    """
    from forecaster.day_ahead.fitted import fit_days
    from tradewinds.pipeline.walk_file import walk_on

    began, used = time.perf_counter(), time.process_time()
    with console.progress(f"fit {config.model.kind}") as progress:
        try:
            seed = seed_for(config.seed, KIND)
            fitted = fit_days(series, days_of(config), range(24 * start), seed=seed, progress=progress)
        except ValueError as error:
            raise RequestError(f"{series.name}: {error}; lower day_ahead.test_days") from None
    first_fit = time.perf_counter()
    states = walk_on(fitted, series, None, _runs(config), console)
    gates = 24 * np.arange(start, start + config.day_ahead.test_days) - 1
    ahead = states.forecast[gates, :24].astype(np.float64)
    network = series.close[gates, :1] + ahead.cumsum(axis=1)
    seconds = {
        "fit_seconds": first_fit - began,
        "walk_seconds": time.perf_counter() - first_fit,
        "processor_seconds": time.process_time() - used,
    }
    return fitted, network, seconds


def _runs(config: Config) -> Path:
    """Return the folder of all runs of this name: the file's, where none is given."""
    return Path(config.run.dir) / (config.run.name or Path(str(config.day_ahead.path)).name.split(".")[0])


def days_of(config: Config) -> ForecasterConfig:
    """Return what networks and their walk are to be, for days of 24 hours."""
    return replace(config.forecaster, model=replace(config.model, horizon=LONGEST_DAY))


def series_of(path: Path, columns: Columns) -> Series:
    """Return the file as a series of hours in UTC, whose columns are known for the whole day at its gate.

    Raises:
        RequestError: its rows make no whole days.
    """
    count = len(columns.values)
    if count % 24 or count < 24 * 60:
        raise RequestError(f"{path} must hold whole days of 24 hours, 60 at least, held {count} rows")
    first = str(pd.read_csv(path, nrows=1).iloc[0, 0])
    try:
        moment = pd.Timestamp(first)
        begin = (moment.tz_localize("UTC") if moment.tz is None else moment.tz_convert("UTC")).normalize()
    except (ValueError, TypeError):
        raise RequestError(f"{path}, row 2: '{first}' is no time") from None
    index = pd.date_range(begin, periods=count, freq=HOUR)
    price = columns.values[:, :1]
    others = pd.DataFrame(columns.values[:, 1:], index=index, columns=list(columns.names[1:]))
    leads = dict.fromkeys(map(str, others.columns), pd.Timedelta(hours=24))
    return Series(
        name=path.name.split(".")[0],
        instruments=(columns.names[0].strip(),),
        index=index,
        bar_length=HOUR,
        bars_per_year=8766.0,
        season_bars=24,
        open=price,
        high=price,
        low=price,
        close=price,
        single_price=True,
        exogenous=others,
        future_covariates=(FutureCovariates(others, leads, HOUR),) if len(leads) else (),
        target="level",
        day_zone="UTC",
    )


def _published(path: Path, series: Series, start: int) -> dict[str, Array]:
    """Return (D, 24) forecasts of a file of a time and a column each; one that is the price itself is left out.

    Raises:
        RequestError: it holds other hours than those that are judged.
    """
    columns = read_columns(path)
    truth = series.close[24 * start :, 0]
    if len(columns.values) != len(truth):
        raise RequestError(
            f"day_ahead.published must hold the {len(truth)} hours that are judged, held {len(columns.values)}; set "
            f"day_ahead.test_days={len(columns.values) // 24}"
        )
    return {
        name: column.reshape(-1, 24)
        for name, column in zip(columns.names, columns.values.T, strict=True)
        if not np.allclose(column, truth, atol=1e-3)
    }


def _beside(fitted: Any, series: Series, start: int, console: Console) -> dict[str, Array]:
    """Return (D, 24) forecasts beside the network's: the day and the week before, and LEAR."""
    from forecaster.day_ahead.inputs import day_inputs
    from forecaster.day_ahead.lear import lear_forecasts, lear_is_installed

    price = series.close[:, 0].reshape(-1, 24)
    count = len(price) - start
    forecasts = {name: price[start - ago :][:count] for name, ago in (("day before", 1), ("week before", 7))}
    if not lear_is_installed():
        console.note(NO_LEAR)
        return forecasts
    table, _ = fitted.read(series)
    scale = max(fitted.config.recalibration.scales_days)
    with console.progress("lear"):
        inputs = day_inputs(table, tokens=1, scales_days=(scale,))
        return forecasts | {"lear": lear_forecasts(inputs, range(start, start + count))}


def mixed(parts: Mapping[str, Array], truth: Array) -> tuple[dict[str, Array], dict[str, float]]:
    """Return (D, 24) the plain mean of forecasts and their mix by weights learned on past days, and the mean weights.

    Raises:
        GateError: weights of a day hang on prices that come later.
    """
    from forecaster.day_ahead import mixture

    names, forecasts = " and ".join(parts), np.stack(list(parts.values()))
    if mixture.knows_what_comes(mixture.learned_mixture, truth, forecasts, len(truth) // 2):
        raise GateError(f"LEAK: the weights of the mix of {names} change with prices that come later")
    mix, weights = mixture.learned_mixture(truth, forecasts)
    shares = dict(zip(parts, map(float, weights.mean(axis=0)), strict=True))
    return {f"mean of {names}": forecasts.mean(axis=0), f"learned mix of {names}": mix}, shares


def _unit(config: Config) -> BatteryConfig:
    """Return the storage unit of the request, or the shipped one where the request has another environment."""
    return config.env if isinstance(config.env, BatteryConfig) else BatteryConfig(actions="power")


def money_of(truth: Array, forecasts: Mapping[str, Array], unit: BatteryConfig) -> dict[str, float]:
    """Return what plans of a storage unit earn, a plan a day; of perfect forecasts of each day, and of all hours."""
    days = len(truth)
    market = PowerMarket(
        price=truth.ravel(),
        day=np.repeat(np.arange(days), 24),
        hour=np.tile(np.arange(24), days),
        features=np.zeros((days, 0), dtype=np.float32),
        forecast=truth,
        price_scale=float(np.median(np.abs(truth))) or 1.0,
    )

    def earned(power: Array) -> float:
        return float(play_schedule(market, power, unit).profit.sum())

    money = {name: earned(planned_schedule(market, one, unit)) for name, one in forecasts.items()}
    money["perfect forecasts of each day"] = earned(planned_schedule(market, truth, unit))
    money["perfect foresight of all hours"] = earned(perfect_schedule(market, unit))
    return money


def tests_of(truth: Array, forecasts: Mapping[str, Array], model: str) -> dict[str, dict[str, Any]]:
    """Return the tests of the network against every other forecast: of the days, and hour by hour."""
    losses = {name: np.abs(truth - one) for name, one in forecasts.items()}
    ours = losses[model]
    return {
        name: {
            "diebold_mariano": diebold_mariano(ours.mean(axis=1), loss.mean(axis=1)),
            "giacomini_white": giacomini_white(ours.mean(axis=1), loss.mean(axis=1)),
            "hours_better": int(sum(diebold_mariano(ours[:, h], loss[:, h])[1] < 0.05 for h in range(24))),
            "hours_better_conditionally": int(
                sum(giacomini_white(ours[:, h], loss[:, h])[1] < 0.05 for h in range(24))
            ),
        }
        for name, loss in losses.items()
        if name != model
    }


def lines_of(
    scores: Mapping[str, DayAheadScore],
    money: Mapping[str, float],
    tests: Mapping[str, Mapping[str, Any]],
    model: str,
    seconds: Mapping[str, float],
) -> list[str]:
    """Return the tables as lines of text."""
    best = money["perfect forecasts of each day"]
    width = max(map(len, money)) + 1
    heads = f"{'mae':>8}{'rmae':>7}{'rmse':>8}{'smape':>8}{'crps':>7}{'90 %':>7}{'earns':>11}{'of each day':>13}"
    lines = [f"  {'forecast':<{width}}{heads}"]
    for name, score in scores.items():
        spread = "" if score.crps is None else f"{score.crps:>7.3f}{score.coverage:>7.1%}"
        lines.append(
            f"  {name:<{width}}{score.mae:>8.3f}{score.rmae:>7.3f}{score.rmse:>8.3f}{score.smape:>7.1f}%{spread:>14}"
            f"{money[name]:>11,.0f}{_share(money[name], best):>13}"
        )
    for name in ("perfect forecasts of each day", "perfect foresight of all hours"):
        lines.append(f"  {name:<{width}}{'':>52}{money[name]:>11,.0f}{_share(money[name], best):>13}")
    lines.append(f"{model} against (one-sided p that it is not the better; hours of 24 at 5 %):")
    for name, test in tests.items():
        (dm, dm_p), (_, gw_p) = test["diebold_mariano"], test["giacomini_white"]
        lines.append(
            f"  {name:<{width}}Diebold-Mariano {dm:>6.2f}, p {dm_p:.4f}, {test['hours_better']:>2} hours; "
            f"Giacomini-White p {gw_p:.4f}, {test['hours_better_conditionally']:>2} hours"
        )
    lines.append(
        f"first fit {seconds['fit_seconds']:.0f} s, walk {seconds['walk_seconds']:.0f} s, processor of both "
        f"{seconds['processor_seconds']:.0f} s"
    )
    return lines


def _share(money: float, best: float) -> str:
    return f"{money / best:.1%}" if best > 0.0 else "-"

"""A table of prices as an environment: whatever has columns by name, of pandas, polars or a mapping of arrays."""

import dataclasses
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from numbers import Integral
from typing import Any, Literal

import numpy as np
from gymnasium.vector import AutoresetMode
from numpy.typing import NDArray

from trading_env.account.env import TradingEnv
from trading_env.account.vector import TradingVectorEnv
from trading_env.config import CostConfig, RewardConfig, TradingConfig, settings_of
from trading_env.market import Market

Array = NDArray[np.float64]
DAYS_PER_YEAR = 365.25
OF_A_ZONE = re.compile(r".*\d(Z|[+-]\d\d:?\d\d)")  # a text that says how far its clock is from UTC
TIMES = ("time", "date", "datetime", "timestamp", "ds")  # what a column of times may be called that nobody names


def market_of(
    frame: Any,
    features: Sequence[str] = (),
    *,
    close: str | Sequence[str] = "close",
    open: str | Sequence[str] | None = None,
    volume: str | Sequence[str] | None = None,
    time: str | None = None,
    bars_per_year: float | None = None,
) -> Market:
    """Return a table of T bars, a row each in order of time, as a market.

    Args:
        frame: with columns by name.
        features: F columns that the agent observes of a bar; all of them must be known at its close.
        close: column of closes, or of A instruments one each; `Close` and `CLOSE` are close, too.
        open: likewise of opens; None: a column called open, for one instrument, else one price a bar.
        volume: likewise of volumes; None: none is told.
        time: column of the bars' starts; None: the index, where it holds times, or one called time, date or ds.
        bars_per_year: None counts them by their times.

    Raises:
        ValueError: a column is not there or holds no numbers, nothing tells the times, or what `Market` raises.
    """
    if not isinstance(frame, Mapping) and not (hasattr(frame, "__len__") and hasattr(frame, "columns")):
        kind = type(frame).__name__
        raise ValueError(f"a market is made of a table of pandas or polars, or a mapping, was given {kind}")
    if isinstance(features, str):
        raise ValueError(f"features must be a list of columns, such as ['{features}'], was '{features}'")
    closes = [close] if isinstance(close, str) else list(close)
    if not closes or len(set(closes)) < len(closes):
        raise ValueError(f"close must name a column, or several, each once, was {close!r}")
    names = list(frame.keys() if isinstance(frame, Mapping) else frame.columns)
    if closes == ["close"]:
        closes = [_called(names, "close") or "close"]
    if open is None and len(closes) == 1:
        open = _called(names, "open")
    prices = _columns(frame, closes, names)
    opens = None if open is None else _columns(frame, [open] if isinstance(open, str) else list(open), names)
    volumes = None if volume is None else _columns(frame, [volume] if isinstance(volume, str) else list(volume), names)
    if len(prices) < 2:
        raise ValueError(f"a market needs at least 2 bars, the table has {len(prices)}")
    _refuse_holes(closes, prices)
    index = _times(frame, time, names)
    if index is not None:
        _refuse_disorder(index)
    return Market(
        open=prices if opens is None else opens,
        close=prices,
        features=_columns(frame, list(features), names).astype(np.float32),
        bars_per_year=_yearly(frame, index, names) if bars_per_year is None else bars_per_year,
        index=index,
        single_price=opens is None,
        instruments=tuple(closes),
        volume=volumes,
    )


def make_env(
    frame: Any,
    features: Sequence[str] = (),
    *,
    num_envs: int | None = None,
    episode_bars: int | None = None,
    starts: Literal["sequential", "random"] = "sequential",
    autoreset_mode: AutoresetMode = AutoresetMode.NEXT_STEP,
    costs: Mapping[str, float] | CostConfig | None = None,
    reward: Mapping[str, Any] | RewardConfig | None = None,
    rules: Mapping[str, Any] | None = None,
    **columns: Any,
) -> TradingEnv | TradingVectorEnv:
    """Return a table of prices as an environment to trade in.

    Args:
        frame: T bars, a row each in order of time; columns by name.
        features: F columns that the agent observes of a bar; all of them must be known at its close.
        num_envs: accounts that are led at once, as a vector environment; None: one, as a plain environment.
        episode_bars: bars of an episode; None plays to the end.
        starts: of a vector environment, whether episodes begin at the first bar or anywhere; one account begins at the
            first.
        autoreset_mode: of a vector environment.
        costs: of `CostConfig`, such as {"fee_bps": 1.0, "half_spread_bps": 2.0}.
        reward: of `RewardConfig`, such as {"kind": "drawdown"}.
        rules: of `TradingConfig`, such as {"actions": "exposure"}; where a bar has one price, orders fill at the next.
        columns: of `market_of`: `close`, `open`, `volume`, `time`, `bars_per_year`.

    Raises:
        ValueError: what cannot be; it says which, and what is allowed.
    """
    for name, count in (("num_envs", num_envs), ("episode_bars", episode_bars)):
        if count is not None and (isinstance(count, bool) or not isinstance(count, Integral)):
            raise ValueError(f"{name} must be a whole number or None, was {count!r}")
    if num_envs is None and starts != "sequential":
        raise ValueError(
            f"starts is of a vector environment, and num_envs was None; give num_envs, or leave {starts} out"
        )
    paid = costs if isinstance(costs, CostConfig) else settings_of(CostConfig, "costs", costs or {})
    worth = reward if isinstance(reward, RewardConfig) else settings_of(RewardConfig, "reward", reward or {})
    market = market_of(frame, features, **columns)
    usual = {"execution": "next_close"} if market.single_price else {}
    twice = sorted({"costs", "reward"} & set(rules or {}))
    if twice:
        raise ValueError(f"rules must not hold {' and '.join(twice)}: give costs and reward beside it")
    given = settings_of(TradingConfig, "rules", {**usual, **(rules or {})})
    config = dataclasses.replace(given, costs=paid, reward=worth)
    if num_envs is None:
        return TradingEnv(market, config, episode_bars=episode_bars)
    return TradingVectorEnv(
        market, config, num_envs=num_envs, episode_bars=episode_bars, starts=starts, autoreset_mode=autoreset_mode
    )


def _columns(frame: Any, wanted: list[str], names: list[str]) -> Array:
    """(T, K) numbers of the columns that are wanted."""
    absent = [name for name in wanted if name not in names]
    if absent:
        raise ValueError(f"the table has no column '{absent[0]}'; it has {', '.join(map(str, names))}")
    if not wanted:
        return np.empty((len(frame[names[0]]), 0))
    try:
        return np.column_stack([np.asarray(frame[name], dtype=np.float64) for name in wanted])
    except (TypeError, ValueError):
        raise ValueError(f"the columns {', '.join(wanted)} must hold numbers; one of them does not") from None


def _times(frame: Any, time: str | None, names: list[str]) -> NDArray[np.datetime64] | None:
    """(T,) starts of the bars, UTC; None where nothing says."""
    if time is not None and time not in names:
        raise ValueError(f"the table has no column '{time}'; it has {', '.join(map(str, names))}")
    if time is not None:
        stamps = _stamps(frame[time])
        if stamps is None:
            raise ValueError(f"column {time} must hold moments, held {np.asarray(frame[time]).dtype}")
        return stamps
    columns = _called_times(names)
    places = (getattr(frame, "index", None), *(frame[column] for column in columns[:1]))
    return next((stamps for place in places if place is not None and (stamps := _stamps(place)) is not None), None)


def _called_times(names: list[str]) -> list[str]:
    return [column for name in TIMES if (column := _called(names, name)) is not None]


def _unread(frame: Any, names: list[str]) -> str:
    """Say what a column that is called as times are holds instead."""
    columns = _called_times(names)
    if not columns:
        return ";"
    return f": column {columns[0]} holds such as {np.asarray(frame[columns[0]])[0]!r}, make moments of it, or"


def _refuse_holes(closes: list[str], prices: Array) -> None:
    holes = np.argwhere(np.isnan(prices))
    if len(holes):
        row, column = holes[0]
        raise ValueError(f"column {closes[column]} has no price at row {row}; fill it, or leave the row out")


def _refuse_disorder(index: NDArray[np.datetime64]) -> None:
    if np.isnat(index).any():
        raise ValueError(f"row {int(np.argmax(np.isnat(index)))} has no time; fill it in, or leave the row out")
    late = np.diff(index) <= np.timedelta64(0)
    if late.any():
        row = int(np.argmax(late)) + 1
        raise ValueError(
            f"times must increase, row {row} at {index[row]} does not; sort the table, each bar once, and set symbols "
            "side by side, a column each"
        )


def _yearly(frame: Any, index: NDArray[np.datetime64] | None, names: list[str]) -> float:
    """Return the bars of a year, counted by their times."""
    if index is None:
        raise ValueError(
            f"the table has no times{_unread(frame, names)} give bars_per_year, which turns interest into that of a bar"
        )
    span = (index[-1] - index[0]) / np.timedelta64(1, "D")
    return (len(index) - 1) / float(span) * DAYS_PER_YEAR


def _called(names: list[str], wanted: str) -> str | None:
    """Return the column of a name, in small letters or capitals; None: there is none."""
    alike = [name for name in names if str(name).lower() == wanted]
    if len(alike) > 1:
        raise ValueError(f"columns {' and '.join(alike)} cannot be told apart; rename one, or leave it out")
    return alike[0] if alike else None


def _stamps(values: Any) -> NDArray[np.datetime64] | None:
    """(T,) moments, UTC; None where they are none.

    Raises:
        ValueError: they are periods, which no moment is.
    """
    stamps = np.asarray(values)
    if stamps.dtype == object and any(hasattr(stamp, "start_time") for stamp in stamps):
        raise ValueError("the table's times are periods, and no moments; take their starts: .to_timestamp()")
    if stamps.dtype == object and all(hasattr(stamp, "timestamp") for stamp in stamps):
        return np.array([_utc(stamp) for stamp in stamps], dtype="datetime64[ns]")
    if stamps.dtype.kind in "MOUT":  # texts, too
        try:
            if stamps.dtype.kind != "M" and any(OF_A_ZONE.fullmatch(str(stamp)) for stamp in stamps):
                return np.array([_utc(datetime.fromisoformat(str(stamp))) for stamp in stamps], dtype="datetime64[ns]")
            return stamps.astype("datetime64[ns]")
        except (TypeError, ValueError):
            return None
    return None


def _utc(moment: Any) -> np.datetime64:
    """Return a moment in UTC; without a zone it is taken for that."""
    return np.datetime64(moment if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None), "ns")

"""Open-Meteo over HTTP: a reanalysis made afterwards, or what was forecast; every value with the time it was known.

Data: Open-Meteo.com, CC BY 4.0. The archive is hindsight: ERA5 is published five days after its hours. The previous
runs are point in time: the value for an hour is that of the newest model run that began `lead_days` before it.
"""

import dataclasses
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import numpy as np
import pandas as pd

from tradewinds.core.errors import RequestError
from tradewinds.data.assemble.loaded import LoadedColumns
from tradewinds.data.checks.weather import check_values
from tradewinds.data.config import OpenMeteoConfig
from tradewinds.data.readers.origin import Origin
from tradewinds.data.rules import DataConfig
from tradewinds.data.store.store import Store
from tradewinds.data.store.update import Asking, Reply

URLS = {
    "archive": "https://archive-api.open-meteo.com/v1/archive",
    "previous_runs": "https://previous-runs-api.open-meteo.com/v1/forecast",
}
ARCHIVE_DELAY = pd.Timedelta(days=5)  # ERA5 behind real time: open-meteo.com/en/docs/historical-weather-api
RUN_DELAY = pd.Timedelta(hours=12)  # a run starts up to 6 h before the lead says, and is computed in up to 6 h more
FIRST_RUN = "2021-03-23"  # no run before is kept: open-meteo.com/en/docs/previous-runs-api
INTERVALS = {"hourly": pd.Timedelta(hours=1), "daily": pd.Timedelta(days=1)}
AVAILABLE = "available_at"


def key_of(config: OpenMeteoConfig) -> str:
    """Return the name of a place and product in the store."""
    lead = f"{config.lead_days}" if config.product == "previous_runs" else ""
    return f"{config.product}{lead}-{config.interval}{config.latitude:+.4f}{config.longitude:+.4f}"


def columns_of(config: OpenMeteoConfig) -> list[str]:
    """Return the columns as Open-Meteo names them in its answer."""
    suffix = f"_previous_day{config.lead_days}" if config.product == "previous_runs" else ""
    return [f"{name}{suffix}" for name in config.variables]


def asking(config: OpenMeteoConfig, store: Store, rules: DataConfig, patiently: Any) -> Asking:
    """Return how `update` asks Open-Meteo for a place.

    Args:
        config: the place, the product and the variables; those already stored are asked for again.
        store: where it lies.
        rules: time-outs.
        patiently: retries a call that may fail for a while: `patiently(lambda timeout: Reply) -> Reply`.
    """
    stored = None if rules.refetch else store.read(key_of(config))
    if stored is not None:
        earlier = stored.sidecar["parameters"]
        variables = (*earlier["variables"], *(name for name in config.variables if name not in earlier["variables"]))
        config = dataclasses.replace(config, variables=variables, first=min(config.first, earlier["first"]))

    def ask(since: pd.Timestamp | None) -> Reply:
        reply: Reply = patiently(lambda timeout: ask_once(config, since, timeout=timeout))
        return reply

    def check(frame: pd.DataFrame, facts: Mapping[str, Any]) -> list[str]:
        check_values(frame[columns_of(config)], _origin(config, len(frame)), facts["units"])
        return []

    parameters = {
        "latitude": config.latitude,
        "longitude": config.longitude,
        "product": config.product,
        "interval": config.interval,
        "variables": list(config.variables),
        "first": config.first,
    }
    return Asking(ask=ask, check=check, parameters=parameters, compared=tuple(columns_of(config)))


def ask_once(config: OpenMeteoConfig, since: pd.Timestamp | None, *, timeout: float) -> Reply:
    """Ask once for all intervals since a moment that are published; nothing is raised for what a server may do."""
    first = f"{since:%Y-%m-%d}" if since is not None else config.first
    if config.product == "previous_runs":
        first = max(first, FIRST_RUN)
    ahead = config.lead_days if config.product == "previous_runs" else 0  # a forecast reaches beyond today
    parameters: dict[str, str | float] = {
        "latitude": config.latitude,
        "longitude": config.longitude,
        "start_date": first,
        "end_date": f"{datetime.now(UTC) + timedelta(days=ahead):%Y-%m-%d}",
        config.interval: ",".join(columns_of(config)),
        "timezone": "GMT",
    }
    if config.product == "archive":
        parameters["models"] = "era5"
    try:
        answer = _got(config.url or URLS[config.product], parameters, timeout)
    except (httpx.UnsupportedProtocol, httpx.InvalidURL) as error:
        return Reply("malformed", reason=f"weather.url '{config.url}' is no address of a server: {error}")
    except (httpx.HTTPError, OSError) as error:
        words = " ".join(str(error).split())[:120]
        return Reply("unreachable", reason=f"Open-Meteo did not answer: {type(error).__name__}: {words}")
    if answer.status_code == 429:
        return Reply("rate_limited", reason=f"Open-Meteo answered 429, too many requests: {_reason(answer)}")
    if answer.status_code >= 500:
        return Reply("unreachable", reason=f"Open-Meteo answered with an error of its own, {answer.status_code}")
    if answer.status_code != 200:
        return Reply("malformed", reason=f"Open-Meteo refused the request, {answer.status_code}: {_reason(answer)}")
    try:
        return _reply(config, answer.json(), since)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        words = " ".join(str(error).split())[:120]
        return Reply("malformed", reason=f"Open-Meteo's answer cannot be read ({type(error).__name__}: {words})")


def _got(url: str, parameters: Mapping[str, str | float], timeout: float) -> httpx.Response:
    """Get a whole answer within the time; httpx's own limit is for each piece, and pieces can drip for ever."""
    started = time.monotonic()
    with httpx.stream("GET", url, params=dict(parameters), timeout=timeout, follow_redirects=True) as answer:
        pieces = []
        for piece in answer.iter_bytes():
            pieces.append(piece)
            if time.monotonic() - started > timeout:
                raise httpx.ReadTimeout(f"the answer was not whole after {timeout:g} s")
    return httpx.Response(answer.status_code, content=b"".join(pieces))


def load_open_meteo(config: OpenMeteoConfig, rules: DataConfig) -> LoadedColumns:
    """Read weather from the store.

    Raises:
        RequestError: it was never fetched, or not these variables.
        GateError: the stored table is damaged.
    """
    store = Store(rules, "open_meteo")
    stored, names = store.read(key_of(config)), columns_of(config)
    place = f"weather.latitude={config.latitude:g} weather.longitude={config.longitude:g}"
    lost = names if stored is None else [name for name in names if name not in stored.table.column_names]
    if stored is None or lost:
        variables = f"'weather.variables=[{','.join(config.variables)}]'"
        raise RequestError(
            f"{', '.join(lost)} at {place} ({config.product}, {config.interval}) is not in the store {store.root}; "
            f"type: tradewinds fetch weather=open_meteo {place} weather.product={config.product} "
            f"weather.interval={config.interval} {variables}"
        )
    frame = stored.frame.loc[: config.last]
    if frame.empty:
        raise RequestError(f"the store has no weather at {place} up to weather.last={config.last}")
    index = pd.DatetimeIndex(frame.index)
    available = pd.DatetimeIndex(frame[AVAILABLE])
    if config.lag_hours is not None:
        available = index + pd.Timedelta(hours=config.lag_hours)
    lead = pd.Timedelta((index - available).min())  # hours before each hour at which its forecast was known
    notes = []
    if (
        config.product == "archive"
        and config.lag_hours is not None
        and pd.Timedelta(hours=config.lag_hours) < ARCHIVE_DELAY
    ):
        notes.append(
            f"the archive counts as known {config.lag_hours:g} hours after an interval began (weather.lag_hours), as "
            "if a station had read it; it is in fact published five days later"
        )
    units = {name: stored.sidecar["facts"]["units"].get(name, "") for name in names}
    return LoadedColumns(
        table=frame[names],
        available=dict.fromkeys(names, available),
        origin=_origin(config, len(frame)),
        units=units,
        sources=(stored.source | {"attribution": str(stored.sidecar["facts"]["licence"])},),
        notes=tuple(notes),
        place=float(config.longitude),
        forecast=config.product == "previous_runs",
        leads=dict.fromkeys(names, lead) if config.product == "previous_runs" else {},
    )


def _reply(config: OpenMeteoConfig, body: Mapping[str, Any], since: pd.Timestamp | None) -> Reply:
    names = columns_of(config)
    frame = _frame(config, body)
    if isinstance(frame, Reply):
        return frame
    some, every = frame.notna().any(axis=1).to_numpy(), frame.notna().all(axis=1).to_numpy()
    if not every.any():
        return Reply("empty", reason=f"no interval has all of {', '.join(names)}")
    frame = frame.iloc[int(some.argmax()) : int(np.flatnonzero(every)[-1]) + 1]  # the rest is not yet published
    if since is not None:
        frame = frame[frame.index >= since]
    step = INTERVALS[config.interval]
    delay = step + ARCHIVE_DELAY if config.product == "archive" else RUN_DELAY - config.lead_days * pd.Timedelta(days=1)
    frame[AVAILABLE] = pd.DatetimeIndex(frame.index) + delay
    if config.product == "previous_runs":
        frame = frame[frame[AVAILABLE] <= pd.Timestamp.now("UTC")]  # the newest may yet be forecast again
    facts = {
        "units": {name: str(body.get(f"{config.interval}_units", {}).get(name, "")) for name in names},
        "grid": [body.get("latitude"), body.get("longitude")],
        "elevation": body.get("elevation"),
        "licence": "CC BY 4.0, Open-Meteo.com",
        "httpx": httpx.__version__,
    }
    return Reply("ok", frame, facts=facts)


def _frame(config: OpenMeteoConfig, body: Mapping[str, Any]) -> pd.DataFrame | Reply:
    """The answer's columns by time, or what is wrong with it."""
    block, names = body[config.interval], columns_of(config)
    if body.get("utc_offset_seconds", 0) != 0:
        return Reply("malformed", reason=f"Open-Meteo answered in {body.get('timezone')}, and was asked for UTC")
    if not all(isinstance(text, str) for text in block["time"]):
        raise TypeError("a time is not a text")
    index = pd.DatetimeIndex(pd.to_datetime(block["time"], format="ISO8601", utc=True)).as_unit("ns")
    lengths = {name: len(block[name]) for name in names}
    short = [name for name, length in lengths.items() if length != len(index)]
    if short:
        return Reply("malformed", reason=f"{short[0]} has {lengths[short[0]]} values for {len(index)} times")
    if len(index) == 0:
        return Reply("empty", reason="Open-Meteo has no interval of this span")
    if not (index.is_monotonic_increasing and index.is_unique):
        return Reply("malformed", reason="the times do not increase")
    frame = pd.DataFrame({name: np.array(block[name], dtype=np.float64) for name in names}, index=index)
    if np.isinf(frame.to_numpy()).any():
        return Reply("malformed", reason="a value is infinite")
    dead = [name for name in names if frame[name].isna().all()]
    return Reply("empty", reason=f"{dead[0]} has no value at all at this place and time") if dead else frame


def _origin(config: OpenMeteoConfig, rows: int) -> Origin:
    return Origin.counted(f"{key_of(config)} of open_meteo", rows)


def _reason(answer: httpx.Response) -> str:
    try:
        return " ".join(str(answer.json()["reason"]).split())[:200]
    except (ValueError, KeyError, TypeError):
        return "no reason given"

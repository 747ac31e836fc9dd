"""Yahoo through yfinance: asked one symbol at a time, answered by type, believed only after the border's checks.

yfinance hides what goes wrong, keeps bad replies and drops rows without a word; every line here that looks odd undoes
one of these. Measured facts: docs/data.md, section on Yahoo.
"""

import dataclasses
import logging
import tempfile
import warnings
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib.metadata import version
from typing import Any

import numpy as np
import pandas as pd
from curl_cffi import requests

from forecaster.data.instruments import DAY, HOUR
from forecaster.data.series import PRICES
from tradewinds.core.errors import RequestError
from tradewinds.data.assemble.instruments import Facts, Whole, series_of
from tradewinds.data.assemble.loaded import LoadedSeries
from tradewinds.data.assemble.universe import tell_universe, universe_of
from tradewinds.data.checks.bars import Array, Bars, carry_events, checked, cut, widened
from tradewinds.data.checks.excursions import check_excursions
from tradewinds.data.checks.jumps import check_jumps
from tradewinds.data.checks.sessions import check_sessions
from tradewinds.data.config import YahooConfig
from tradewinds.data.readers.origin import Origin
from tradewinds.data.readers.text import file_name, moment
from tradewinds.data.rules import DataConfig
from tradewinds.data.store.store import Store, Stored
from tradewinds.data.store.update import Asking, Reply

LENGTHS = {"1d": DAY, "1h": HOUR, "15m": pd.Timedelta(minutes=15), "5m": pd.Timedelta(minutes=5)}
GRANULARITY = {"60m": "1h"}  # another word of Yahoo's for the same
COLUMNS = {name.title(): name for name in (*PRICES, "volume", "dividends")} | {"Stock Splits": "splits"}
SPLIT = ("EQUITY", "ETF", "MUTUALFUND", "")  # what can be split: an index, a currency or a coin jumps by itself
CALENDARS: Mapping[str, str] = {  # Yahoo's exchange codes with the calendar of their sessions
    **dict.fromkeys(("NMS", "NGM", "NCM", "NYQ", "PCX", "ASE", "BTS"), "XNYS"),
    **{"LSE": "XLON", "GER": "XETR", "FRA": "XFRA", "PAR": "XPAR", "AMS": "XAMS", "BRU": "XBRU", "MIL": "XMIL"},
    **{"EBS": "XSWX", "STO": "XSTO", "OSL": "XOSL", "CPH": "XCSE", "HEL": "XHEL", "VIE": "XWBO", "MCE": "XMAD"},
    **{"TOR": "XTSE", "JPX": "XTKS", "HKG": "XHKG", "ASX": "XASX", "KSC": "XKRX", "NSI": "XBOM", "SAO": "BVMF"},
    "CCC": "24/7",
}


class Yahoo:
    """A client: yfinance with its silences lifted."""

    def __init__(self) -> None:
        import yfinance

        yfinance.set_tz_cache_location(_cache_folder().name)
        yfinance.config.debug.hide_exceptions = False
        logging.getLogger("yfinance").setLevel(logging.CRITICAL)
        self._yfinance = yfinance
        self._session = _Listening(impersonate="chrome")

    def ask(self, symbol: str, *, bar: str, first: pd.Timestamp | None, timeout: float, rules: DataConfig) -> Reply:
        """Ask once for the bars of a symbol that have closed; nothing is raised for what Yahoo may do."""
        from yfinance.data import YfData

        YfData.cache_get.cache_clear()  # it keeps 404 and 500, and answers with them when the server is well again
        self._session.heard.clear()
        self._session.limit = timeout
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                ticker = self._yfinance.Ticker(symbol, session=self._session)
                span = {"period": "max"} if first is None else {"start": _asked(first, bar)}
                table = ticker.history(
                    **span,
                    interval=bar,
                    auto_adjust=False,
                    actions=True,
                    repair=False,
                    keepna=True,
                    timeout=timeout,
                )
                history = ticker._price_history
                meta = dict(history._history_metadata or {}) if history else {}
                dividends = getattr(history, "_dividends", None)
        except Exception as error:  # yfinance lets KeyError, TypeError, JSONDecodeError and curl's own errors through
            return self._failed(symbol, error)
        currencies = (
            {str(currency) for currency in dividends["currency"]}
            if isinstance(dividends, pd.DataFrame) and "currency" in dividends
            else set()
        )
        if currencies - {str(meta.get("currency")), "nan", "None", ""}:
            words = f"dividends in {', '.join(sorted(currencies))} and prices in {meta.get('currency')}"
            return Reply("malformed", reason=f"Yahoo gives {symbol} {words}")
        return _reply(symbol, table, meta, bar, first, rules)

    def _failed(self, symbol: str, error: Exception) -> Reply:
        """Type a failure by what was heard on the wire; yfinance calls a server's fault a delisting."""
        name, answers = type(error).__name__, self._session.heard
        last = answers[-1] if answers else None
        if name == "YFRateLimitError" or last == 429:
            return Reply("rate_limited", reason=f"Yahoo answered {symbol} with 429, too many requests")
        if isinstance(last, str):
            return Reply("unreachable", reason=f"Yahoo did not answer for {symbol}: {last}")
        if last is not None and last >= 500:
            return Reply("unreachable", reason=f"Yahoo answered {symbol} with an error of its own, {last}")
        if last in (401, 403):
            return Reply("unreachable", reason=f"Yahoo refused to answer for {symbol}, {last}")
        words = " ".join(str(error).split())[:120]
        if name in ("YFPricesMissingError", "YFTzMissingError") or last == 404:
            detail = f" ({words.split(': ', 1)[-1]})" if name == "YFPricesMissingError" else ""
            return Reply("empty", reason=f"Yahoo has no bars of {symbol}; is it written as Yahoo writes it?{detail}")
        return Reply("malformed", reason=f"Yahoo's answer for {symbol} cannot be read ({name}: {words})")


@cache
def _cache_folder() -> "tempfile.TemporaryDirectory[str]":
    """A folder that goes with the process: yfinance keeps pickles, and a time zone once wrong would stay so."""
    return tempfile.TemporaryDirectory(prefix="tradewinds-", ignore_cleanup_errors=True)


class _Listening(requests.Session):  # type: ignore[misc]
    """A session that remembers the status of each chart's answer, or the name of the error in its place."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.heard: list[int | str] = []
        self.limit = 30.0  # seconds for one request; yfinance's own is fixed for some

    def get(self, url: str, **options: Any) -> Any:
        chart = "/chart/" in url
        options["timeout"] = min(float(options.get("timeout") or self.limit), self.limit)
        try:
            answer = super().get(url, **options)
        except Exception as error:
            if chart:
                self.heard.append(f"{type(error).__name__}: {' '.join(str(error).split())[:120]}")
            raise
        if chart:
            self.heard.append(int(answer.status_code))
        return answer


def asking(client: Yahoo, symbol: str, config: YahooConfig, rules: DataConfig, patiently: Any) -> Asking:
    """Return how `update` asks Yahoo for a symbol.

    Args:
        client: yfinance.
        symbol: as Yahoo writes it.
        config: length of a bar, calendar, first date.
        rules: time-outs and repairs.
        patiently: retries a call that may fail for a while: `patiently(lambda timeout: Reply) -> Reply`.
    """
    first = None if config.first is None else pd.Timestamp(config.first)

    def ask(since: pd.Timestamp | None) -> Reply:
        start = first if since is None else since.tz_localize(None)
        reply: Reply = patiently(
            lambda timeout: client.ask(symbol, bar=config.bar, first=start, timeout=timeout, rules=rules)
        )
        return reply

    def check(frame: pd.DataFrame, facts: Mapping[str, Any]) -> list[str]:
        return check_frame(symbol, frame, facts, config, rules)

    return Asking(
        ask=ask,
        check=check,
        parameters={"symbol": symbol, "bar": config.bar, "first": config.first},
        compared=(*PRICES, "dividends", "splits"),
        scaled=PRICES,
    )


def check_frame(
    symbol: str, frame: pd.DataFrame, facts: Mapping[str, Any], config: YahooConfig, rules: DataConfig
) -> list[str]:
    """Hold a table of Yahoo's against the laws of bars, and say what is odd.

    Raises:
        RequestError: it breaks one.
    """
    index, length = pd.DatetimeIndex(frame.index), LENGTHS[config.bar]
    columns = {str(name): frame[name].to_numpy(dtype=np.float64) for name in frame.columns}
    prices = Bars(index, columns, Origin.counted(f"{symbol} of yahoo", len(index)))
    bars, _, notes = checked(prices, rules=rules, length=length)
    as_if_no_splits = {name: column for name, column in bars.columns.items() if name != "splits"}
    divided = Bars(bars.index, as_if_no_splits, bars.origin)
    if facts["kind"] in SPLIT:
        notes += check_jumps(divided, rules, window=max(int(DAY / length), 10))
    check_excursions(divided, rules)
    calendar = config.calendar or str(facts["calendar"])
    return notes + check_sessions(bars, calendar, length=length, max_missing=rules.max_missing)


def load_yahoo(config: YahooConfig, rules: DataConfig) -> LoadedSeries:
    """Read bars from the store, as they were traded: Yahoo's are divided by later splits.

    Raises:
        RequestError: a symbol was never fetched, or the symbols have no time in common.
        GateError: a stored table is damaged.
    """
    store = Store(rules, f"yahoo/{config.bar}")
    symbols = [symbol.upper() for symbol in config.symbols]
    with ThreadPoolExecutor(max_workers=4) as pool:
        tables = dict(zip(symbols, pool.map(lambda symbol: _read(store, symbol, config), symbols), strict=True))
    missing = [symbol for symbol, table in tables.items() if table is None]
    if missing:
        named = ",".join(missing[:5])
        raise RequestError(
            f"{', '.join(missing[:5])}{' and others' if len(missing) > 5 else ''} of bar {config.bar} is not in "
            f"the store {store.root}; type: "
            f"tradewinds fetch series=yahoo 'series.symbols=[{named}]' series.bar={config.bar}"
        )
    instruments = {symbol: table for symbol, table in tables.items() if table is not None}
    table_facts = [stored.sidecar["facts"] for _, stored in instruments.values()]
    calendars = sorted({config.calendar or str(facts["calendar"]) for facts in table_facts})
    whole = Whole(config.delisted_after) if config.histories == "whole" else None
    series, notes = series_of(
        {symbol: bars for symbol, (bars, _) in instruments.items()},
        Facts(
            name=_name(symbols),
            bar_length=LENGTHS[config.bar],
            price_unit="/".join(sorted({str(facts["currency"]) for facts in table_facts})),
            calendar=calendars[0] if len(calendars) == 1 else "",
            target=config.target,
        ),
        whole,
    )
    remarks = [note for facts in table_facts for note in facts["notes"]]
    late = [
        symbol
        for symbol, (bars, _) in instruments.items()
        if config.first and f"{bars.index[0]:%Y-%m-%d}" > config.first
    ]
    if late:
        remarks.append(
            f"{', '.join(late[:5])}: the store begins after series.first={config.first}, {series.index[0]:%Y-%m-%d}"
        )
    sources = tuple(stored.source for _, stored in instruments.values())
    if len(instruments) == 1:
        return LoadedSeries(series, (*remarks, *notes), sources)
    after = None if whole is None else whole.delisted_after
    universe = universe_of({symbol: bars for symbol, (bars, _) in instruments.items()}, series, delisted_after=after)
    notes += [] if whole is None else tell_universe(universe)
    return LoadedSeries(series, (*remarks, *notes), sources, universe=universe)


def _read(store: Store, symbol: str, config: YahooConfig) -> tuple[Bars, Stored] | None:
    stored = store.read(symbol)
    if stored is None:
        return None
    return _as_traded(symbol, stored, config), dataclasses.replace(stored, table=stored.table.slice(0, 0))


def _as_traded(symbol: str, stored: Stored, config: YahooConfig) -> Bars:
    """Undo the division of prices and dividends by all later splits, and the multiplication of volumes."""
    table = stored.table
    index = pd.DatetimeIndex(table["time"].to_numpy(), tz="UTC")
    columns: dict[str, Array] = {
        name: table[name].to_numpy().astype(np.float64, copy=False) for name in table.column_names if name != "time"
    }
    if (columns["splits"] != 1.0).any():
        later = np.cumprod(columns["splits"][::-1])[::-1] / columns["splits"]  # (T,): all splits after bar t
        for name in (*PRICES, "dividends"):
            columns[name] = columns[name] * later
        columns["volume"] = columns["volume"] / later
    bars = Bars(index, columns, Origin.counted(f"{symbol} of yahoo", len(index)))
    return bars.take(cut(index, config.first, config.last, symbol))


def _asked(first: pd.Timestamp, bar: str) -> str:
    """The date Yahoo is asked from; within the day one earlier, since it reads it in the exchange's zone."""
    return (first if LENGTHS[bar] >= DAY else first - DAY).strftime("%Y-%m-%d")


def _reply(
    symbol: str,
    table: pd.DataFrame,
    meta: Mapping[str, Any],
    bar: str,
    first: pd.Timestamp | None,
    rules: DataConfig,
) -> Reply:
    if table is None or table.empty:
        return Reply("empty", reason=f"Yahoo has no bars of {symbol}" + (f" since {first:%Y-%m-%d}" if first else ""))
    lacking = [name for name in COLUMNS if name not in table.columns]
    if lacking or not isinstance(table.index, pd.DatetimeIndex) or table.index.tz is None:
        return Reply(
            "malformed", reason=f"Yahoo's answer for {symbol} lacks {', '.join(lacking) or 'times with a zone'}"
        )
    granularity = str(meta.get("dataGranularity") or bar)
    if GRANULARITY.get(granularity, granularity) != bar:
        return Reply("malformed", reason=f"Yahoo gave bars of {granularity} for {symbol}, and was asked for {bar}")
    frame = _frame(table, bar)
    prices = frame[list(PRICES)].to_numpy(dtype=np.float64)
    unpriced = np.isnan(prices).any(axis=1)
    notes, unpriced_days = [], [moment(day) for day in frame.index[unpriced]]
    if unpriced.any():
        days = ", ".join(unpriced_days[:3])
        words = f"{int(unpriced.sum())} of {len(frame)} bars of {symbol} came without a price: {days}"
        if unpriced.sum() > max(1.0, rules.max_missing * len(frame)):
            return Reply("malformed", reason=f"{words}; that is more than data.max_missing={rules.max_missing:g}")
        notes.append(f"{words}; they are left out")
    closed = ~unpriced & np.asarray(pd.DatetimeIndex(frame.index) + LENGTHS[bar] <= pd.Timestamp.now("UTC"))
    columns = {str(name): frame[name].to_numpy(dtype=np.float64) for name in frame.columns}
    frame = pd.DataFrame(carry_events(columns, closed), index=frame.index)[closed].sort_index()
    if first is not None:
        frame = frame[frame.index >= first.tz_localize("UTC")]
    if frame.empty:
        return Reply("empty", reason=f"Yahoo has no closed bar of {symbol}")
    ranges, below, above = widened({name: frame[name].to_numpy() for name in PRICES})
    far = below | above
    if "clip" not in rules.repair:
        ranges = {name: np.where(far, frame[name], values) for name, values in ranges.items()}
    elif far.any():
        notes.append(f"{symbol}: the range of {int(far.sum())} bars was widened to hold open and close")
    frame = frame.assign(**ranges)
    exchange = str(meta.get("exchangeName", ""))
    facts = {
        "exchange": exchange,
        "calendar": CALENDARS.get(exchange, ""),
        "currency": str(meta.get("currency") or ""),
        "kind": str(meta.get("instrumentType") or ""),
        "zone": str(meta.get("exchangeTimezoneName") or ""),
        "prices": "divided by all later splits, not adjusted for dividends",
        "without_price": unpriced_days,
        "yfinance": version("yfinance"),
    }
    return Reply("ok", frame, facts=facts, notes=tuple(notes))


def _frame(table: pd.DataFrame, bar: str) -> pd.DataFrame:
    """Yahoo's table under our names: by date at 00:00 UTC for daily bars, by the moment within the day."""
    index = pd.DatetimeIndex(table.index)
    starts = index.tz_localize(None).normalize().tz_localize("UTC") if LENGTHS[bar] >= DAY else index.tz_convert("UTC")
    frame = pd.DataFrame(
        {ours: table[theirs].to_numpy(dtype=np.float64) for theirs, ours in COLUMNS.items()},
        index=pd.DatetimeIndex(starts).as_unit("ns"),
    )
    if "Capital Gains" in table.columns:  # mostly among the dividends already; what exceeds them is not
        gains = table["Capital Gains"].to_numpy(dtype=np.float64)
        frame["dividends"] += np.where(gains > frame["dividends"], gains, 0.0)
    frame["splits"] = frame["splits"].where(frame["splits"] != 0.0, 1.0)
    return frame


def _name(symbols: list[str]) -> str:
    joined = "-".join(symbols) if len("-".join(symbols)) <= 40 else f"{symbols[0]}-and-{len(symbols) - 1}-more"
    return file_name(joined)

"""What a request would have from the network: which symbols and places, asked patiently, one after another."""

import dataclasses
import time
from collections.abc import Callable, Iterator
from typing import Any

from tenacity import Retrying, retry_if_result, stop_after_attempt, stop_before_delay, wait_random_exponential

from tradewinds.core.errors import GateError, RequestError
from tradewinds.data.config import OpenMeteoConfig, YahooConfig
from tradewinds.data.providers import open_meteo, yahoo
from tradewinds.data.rules import DataConfig
from tradewinds.data.store.store import Store
from tradewinds.data.store.update import TRANSIENT, Asking, FetchResult, Reply, look, update

Wanted = list[YahooConfig | OpenMeteoConfig]


def wanted(rules: DataConfig, series: Any, weather: Any) -> Wanted:
    """Return what `data.symbols`, `data.latitude` and the chosen series and weather ask of the network."""
    settings: Wanted = []
    if rules.symbols:
        settings.append(YahooConfig(symbols=tuple(dict.fromkeys(symbol.upper() for symbol in rules.symbols))))
    if rules.latitude is not None and rules.longitude is not None:
        settings.append(OpenMeteoConfig(latitude=rules.latitude, longitude=rules.longitude))
    for choice in (series, weather):
        if isinstance(choice, YahooConfig):
            settings.append(dataclasses.replace(choice, symbols=tuple(symbol.upper() for symbol in choice.symbols)))
        if isinstance(choice, OpenMeteoConfig):
            settings.append(choice)
    return settings


def fetch(settings: Wanted, rules: DataConfig, report: Callable[[int, int, str], None]) -> Iterator[FetchResult]:
    """Bring everything wanted into the store, one after another.

    Args:
        settings: symbols and places.
        rules: where the store is, how patient to be; with `offline` nobody is asked and what is stored is looked at.
        report: called before each with its number, how many there are, and its name.

    Raises:
        BusyError: another process fetches from the same source.
        RequestError: the store cannot be written.
    """
    total, done = sum(len(source.symbols) if isinstance(source, YahooConfig) else 1 for source in settings), 0
    for source in settings:
        store = Store(rules, f"yahoo/{source.bar}" if isinstance(source, YahooConfig) else "open_meteo")
        names = list(source.symbols) if isinstance(source, YahooConfig) else [open_meteo.key_of(source)]
        if rules.offline:
            for name in names:
                report(done, total, name)
                done += 1
                yield look(store, name)
            continue
        with store.writing():
            patiently = _patience(rules)
            client = yahoo.Yahoo() if isinstance(source, YahooConfig) else None
            for name in names:
                report(done, total, name)
                done += 1
                yield _one(store, name, source, client, rules, patiently)


def _one(store: Store, name: str, source: Any, client: Any, rules: DataConfig, patiently: Any) -> FetchResult:
    try:
        asking: Asking = (
            open_meteo.asking(source, store, rules, patiently)
            if client is None
            else yahoo.asking(client, name, source, rules, patiently)
        )
        return update(store, name, asking, refetch=rules.refetch)
    except (GateError, RequestError) as error:
        return FetchResult(store.source, name, "conflict", reason=str(error))
    except OSError as error:
        return FetchResult(
            store.source, name, "unreachable", reason=f"cannot write to {store.folder}: {error.strerror}"
        )


def _patience(rules: DataConfig) -> Callable[[Callable[[float], Reply]], Reply]:
    """Return a caller that waits its turn, tries again what may pass, and gives up at the deadline."""
    last = [0.0]

    def patiently(ask: Callable[[float], Reply]) -> Reply:
        started = time.monotonic()

        def once() -> Reply:
            time.sleep(max(0.0, last[0] + rules.pause_seconds - time.monotonic()))
            seconds_left = rules.deadline_seconds - (time.monotonic() - started)
            try:
                return ask(min(rules.timeout_seconds, max(seconds_left, 0.1)))
            finally:
                last[0] = time.monotonic()

        retrying = Retrying(
            retry=retry_if_result(lambda reply: reply.status in TRANSIENT),
            stop=stop_after_attempt(rules.attempts) | stop_before_delay(rules.deadline_seconds),
            wait=wait_random_exponential(multiplier=rules.backoff_seconds, max=8.0 * rules.backoff_seconds),
            retry_error_callback=lambda state: _given_up(state),
        )
        reply: Reply = retrying(once)
        return reply

    return patiently


def _given_up(state: Any) -> Reply:
    reply: Reply = state.outcome.result()
    tries = f"{state.attempt_number} attempts" if state.attempt_number > 1 else "one attempt"
    return dataclasses.replace(reply, reason=f"{reply.reason} (given up after {tries})")

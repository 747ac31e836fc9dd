"""`tradewinds fetch`: bring bars and weather into the store, and say of each what became of it."""

import dataclasses
from typing import Any

from tradewinds.core.console import Console
from tradewinds.core.errors import FetchError, GateError, RequestError
from tradewinds.data.fetch import wanted
from tradewinds.data.store.update import FetchResult
from tradewinds.operate.refresh import fetch_all
from tradewinds.request.schema import Config


def main(config: Config, console: Console) -> dict[str, Any]:
    """Fetch what is asked for, one after another, and fail if some of it could not be had."""
    sources = wanted(config.data, config.series, config.weather)
    if not sources:
        raise RequestError(
            "nothing to fetch: give 'data.symbols=[AAPL,MSFT]', or data.latitude=... and data.longitude=..., "
            "or series=yahoo 'series.symbols=[...]', or weather=open_meteo weather.latitude=... weather.longitude=..."
        )
    outcomes = fetch_all(sources, config, console)
    width = max(len(outcome.instrument) for outcome in outcomes)
    for outcome in outcomes:
        console.result(line(outcome, width))
    answer = {"fetched": [dataclasses.asdict(outcome) for outcome in outcomes]}
    bad = [outcome for outcome in outcomes if outcome.status != "ok"]
    if not bad or (config.data.allow_partial and len(bad) < len(outcomes)):
        return answer
    console.finish(answer)
    named = ", ".join(f"{outcome.instrument} ({outcome.status})" for outcome in bad[:5])
    more = f" and {len(bad) - 5} more" if len(bad) > 5 else ""
    cure = "data.allow_partial=true accepts what could be had"
    words = f"{len(bad)} of {len(outcomes)} could not be brought up to date: {named}{more}"
    if all(outcome.status == "conflict" for outcome in bad):
        raise GateError(f"{words}; the store is as it was")
    raise FetchError(f"{words}; {cure}" if len(bad) < len(outcomes) else words)


def line(outcome: FetchResult, width: int) -> str:
    """Return the line that says what became of an instrument."""
    head = f"{outcome.instrument:<{width}}  {outcome.status:<12}"
    if outcome.first is None or outcome.last is None:
        return f"{head}  {outcome.reason}".rstrip()
    span = f"{outcome.rows} rows, {outcome.first[:10]} to {outcome.last[:10]}"
    if outcome.status == "ok":
        added = f", {outcome.added} new" if outcome.added else ", nothing new"
        return f"{head}  {span}{added}" + (f"; {outcome.reason}" if outcome.reason else "")
    return f"{head}  {outcome.reason}; the store still holds {span}"

"""Before a model is retrained or asked: the data it reads are brought up to date, as far as they can be had."""

import dataclasses

from tradewinds.core.console import Console
from tradewinds.core.errors import GateError
from tradewinds.data.fetch import Wanted, fetch, wanted
from tradewinds.data.store.update import FetchResult
from tradewinds.request.schema import Config


def bring_up_to_date(config: Config, console: Console) -> None:
    """Fetch what series and weather lack, where they come from the network; what cannot be had now is said, not raised.

    Raises:
        GateError: the source disagrees with what is stored: somebody must decide which is right.
    """
    sources = wanted(
        dataclasses.replace(config.data, symbols=(), latitude=None, longitude=None), config.series, config.weather
    )
    if not sources or config.data.offline:
        return
    for outcome in fetch_all(sources, config, console):
        if outcome.status == "conflict":
            raise GateError(f"{outcome.instrument}: {outcome.reason}")
        if outcome.status != "ok":
            console.note(
                f"note: {outcome.instrument} could not be brought up to date ({outcome.status}: {outcome.reason}); "
                "what is stored is used"
            )


def fetch_all(sources: Wanted, config: Config, console: Console) -> list[FetchResult]:
    """Fetch with a progress bar."""
    with console.progress("fetch") as report:
        outcomes = list(fetch(sources, config.data, lambda done, total, name: report(done, total, {})))
        report(len(outcomes), len(outcomes), {})
    return outcomes

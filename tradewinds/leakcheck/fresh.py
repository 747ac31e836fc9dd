"""A process that never saw a later bar, asked for the features: what a plugin remembers of them cannot help it there.

Within one process every world is met by the same plugins; one that keeps what it saw of the whole sample, a mean or a
threshold, says the same in all of them. The other process loads the plugins anew and meets the cut world first.
"""

from tradewinds.core.plugins import is_own
from tradewinds.core.workers import results_of
from tradewinds.leakcheck.newcomer import read_features
from tradewinds.leakcheck.stretch import moment_of, parts_of
from tradewinds.leakcheck.trace import Trace, first_difference
from tradewinds.leakcheck.verdict import Leak, leak_at
from tradewinds.leakcheck.worlds import known_until
from tradewinds.pipeline.task import Prepared


def brings_plugins(prepared: Prepared) -> bool:
    """Whether code of other people's has a say in what the models read."""
    config = prepared.config
    return bool(config.features.custom) or not is_own("series", config.series) or not is_own("weather", config.weather)


def fresh(prepared: Prepared, true: Trace) -> Leak | None:
    """Compare the features that a new process reads of the bars before the agent's with those that were read here."""
    row = prepared.split.agent.start - 1
    shared = (prepared.config.plain(), known_until(parts_of(prepared), row + 1, moment_of(prepared, row)))
    with results_of(read_features, [prepared.split], workers=1, shared=shared) as results:
        (tables,) = results
    compared = Trace({name: true.tables[name] for name in tables}, instruments=true.instruments)
    difference = first_difference(compared, Trace(tables), last_row=row)
    what = "a new process, which never met a later bar, read another value: something here remembers the whole sample"
    return (
        None
        if difference is None
        else leak_at(prepared, "fresh", difference.stage, difference.row, f"{difference.whose}{what}")
    )

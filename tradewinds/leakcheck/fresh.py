"""A process that never saw a later bar, asked what is said of a world: what a plugin remembers cannot help there.

Within one process every world is met by the same plugins; one that keeps what it saw of the whole sample, a mean or a
threshold, says the same in all of them. The other process loads the plugins anew and meets the cut world first.
"""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from tradewinds.core.errors import RequestError
from tradewinds.core.plugins import plugins_of
from tradewinds.core.workers import results_of
from tradewinds.leakcheck.newcomer import FORECASTER, POLICY, read_features, read_world, said_of
from tradewinds.leakcheck.stretch import moment_of, parts_of, world_of
from tradewinds.leakcheck.trace import Trace, first_difference
from tradewinds.leakcheck.verdict import Leak, leak_at
from tradewinds.leakcheck.worlds import known_until
from tradewinds.pipeline.encoding import save
from tradewinds.pipeline.records import TraceTables
from tradewinds.pipeline.task import Models, Prepared
from trading_agent import save_policy

READ = (
    "series",
    "weather",
    "text",
    "pictures",
    "feature",
)  # groups whose plugins have their say before any network is asked
SAME_SAID = 1e-6  # relative: another process may sum float32 in another order


def brings_plugins(prepared: Prepared) -> bool:
    """Whether code of other people's has a say."""
    return bool(plugins_of(prepared.config.plain()))


def fresh(prepared: Prepared, models: Models, rows: range) -> Leak | None:
    """Compare what a new process says of a world that ends amid `rows` with what is said here, where all bars were met.

    Of plugins that bring what is read, the features; of others what networks, baselines, agents and metrics make of it.
    """
    row = (rows.start + rows.stop) // 2
    split = dataclasses.replace(prepared.split, test=range(rows.start, row + 1))
    parts = known_until(parts_of(prepared), row + 1, moment_of(prepared, row))
    try:
        world = world_of(prepared, parts, split)
    except RequestError:  # columns published so late that the last bars have none yet
        return None
    plain = prepared.config.plain()
    if {name.partition("=")[0] for name in plugins_of(plain)} <= set(READ):
        here: TraceTables = read_features(plain, parts, split)
        with results_of(read_features, [split], workers=1, shared=(plain, parts)) as results:
            (there,) = results
    else:
        here = said_of(world, models)
        with TemporaryDirectory() as name:
            _save(models, world, Path(name))
            shared, threads = (plain, parts, Path(name)), prepared.config.run.threads
            with results_of(read_world, [split], workers=1, shared=shared, threads=threads) as results:
                (there,) = results
    names = world.series.instruments if world.several else ()
    difference = first_difference(Trace(here, instruments=names), Trace(there), last_row=row, tolerance=SAME_SAID)
    what = "a new process, which never met a later bar, says another value: something here remembers the whole sample"
    return (
        None
        if difference is None
        else leak_at(prepared, "fresh", difference.stage, difference.row, f"{difference.whose}{what}")
    )


def _save(models: Models, world: Prepared, folder: Path) -> None:
    """Put models down where a new process takes them up, without what they remember."""
    for name in (FORECASTER, POLICY):
        (folder / name).mkdir()
    fitted = models.forecaster
    save(fitted if isinstance(fitted, Mapping) else {world.series.instruments[0]: fitted}, folder / FORECASTER)
    if models.policy is not None:
        save_policy(models.policy, folder / POLICY)

"""What a registered model's data were, and a refusal where they are no longer: a series only grows.

Every run of `retrain` keeps checksums of what it read in the artifact `bars` of its folder. The newest version's are
those to hold to: who confirmed a change by retraining on it has to confirm it once.
"""

import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from forecaster.data.series import PRICES
from tradewinds.core.errors import GateError, RequestError
from tradewinds.operate.champion import check_series, prove
from tradewinds.operate.checksums import BLOCK, Array, Change, checksums_from, checksums_of, first_change
from tradewinds.operate.registry import Version
from tradewinds.pipeline.artifact import Artifact, read, writing
from tradewinds.pipeline.task import Prepared

BARS = "bars"  # kind of the artifact, and its folder
STAMP = "%Y-%m-%d %H:%M"


def keep_past(prepared: Prepared, run: Path, parents: Mapping[str, Artifact]) -> None:
    """Write checksums of all that was read, bars and columns, to `run`/bars."""
    tables = dict(_tables(prepared))
    with writing(
        run / BARS,
        BARS,
        config=prepared.config.plain(),
        inputs=prepared.inputs,
        parents=parents,
        facts={"tables": list(tables)},
    ) as folder:
        for number, (index, columns) in enumerate(tables.values()):
            np.savez(folder / f"{number}.npz", **checksums_of(index, columns).arrays())  # type: ignore[arg-type]


def refuse_changed_past(prepared: Prepared, versions: list[Version]) -> None:
    """Refuse a series that ends before what the newest version was made from, or holds other values there.

    Args:
        prepared: the present request, with all its bars.
        versions: of its model, oldest first.

    Raises:
        GateError: it does, and `data.accept_changes` does not confirm it.
        RequestError: it is another series altogether.
    """
    if not versions:
        return
    newest, runs, last = versions[-1], Path(prepared.config.run.dir), prepared.index[-1]
    data_last = pd.Timestamp(newest.data_last)
    if last < data_last and not _accepted(prepared, last):
        raise GateError(
            f"{prepared.name}: the series ends {last:{STAMP}}, and version {newest.number} of '{newest.name}' was made "
            f"from bars up to {data_last:{STAMP}}: bring the newer bars back; or, {_cure_of_loss(prepared, newest)}"
        )
    for version in reversed(versions):
        try:
            changes = _changes(prepared, read(runs / version.run / BARS, BARS))
        except (RequestError, GateError, OSError, ValueError, KeyError):
            continue  # made before these were kept, or lost since: what came before it still tells
        for table, change in changes:
            if not _accepted(prepared, change.first):
                _refuse(prepared, version, table, change)
        return


def _refuse(prepared: Prepared, version: Version, table: str, change: Change) -> None:
    if change.blocks == change.of:
        check_series(prove(Path(prepared.config.run.dir), version), version, prepared)
    raise GateError(
        f"{prepared.name}: the past has changed since version {version.number} of '{version.name}' was made from it: "
        f"{_words(table, change)}; bring back what was, or, if it is right as it is now, confirm it with "
        f"data.accept_changes={change.first:%Y-%m-%d}"
    )


def _words(table: str, change: Change) -> str:
    name = f"{change.column}{f' of {table}' if table else ''}"
    span = f"between {change.first:{STAMP}} and {change.last:{STAMP}}"
    more = f", and more in {change.blocks} of {change.of} blocks of {BLOCK} rows" if change.blocks > 1 else ""
    if not change.column:
        return f"rows{f' of {table}' if table else ''} came or went {span}{more}"
    if change.was is None:
        return f"two or more values of {name} {span} are others{more}"
    return f"{name} at {change.first:{STAMP}} was {change.was:.9g} and is {change.value:.9g}{more}"


def _accepted(prepared: Prepared, moment: pd.Timestamp) -> bool:
    since = prepared.config.data.accept_changes
    return since is not None and pd.Timestamp(since, tz="UTC") <= moment


def _cure_of_loss(prepared: Prepared, newest: Version) -> str:
    """Say how to go on without the newer bars: a model that learned from them cannot act before they are there."""
    last = prepared.index[-1]
    try:
        learned = pd.Timestamp(prove(Path(prepared.config.run.dir), newest).manifest["facts"]["trained_to"])
    except (RequestError, GateError, OSError, KeyError):
        learned = pd.Timestamp(newest.data_last)
    if last > learned:
        return f"if they were withdrawn for good, confirm it with data.accept_changes={last:%Y-%m-%d}"
    return f"since it learned from them, begin a model of another name on these: run.name={prepared.name[:60]}-2"


def _changes(prepared: Prepared, kept: Artifact) -> Iterator[tuple[str, Change]]:
    tables = dict(_tables(prepared))
    changes = []
    for number, name in enumerate(kept.manifest["facts"]["tables"]):
        if name in tables:
            with np.load(kept.folder / f"{number}.npz", allow_pickle=False) as arrays:
                change = first_change(checksums_from(dict(arrays)), *tables[name])
            if change is not None:
                changes.append((name, change))
    return iter(sorted(changes, key=lambda pair: pair[1].first))


def _tables(prepared: Prepared) -> Iterator[tuple[str, tuple[pd.DatetimeIndex, dict[str, Array]]]]:
    """Yield what was read, raw and not yet joined: the bars under no name, each source of columns under its own."""
    assert prepared.parts is not None
    bars = prepared.parts.series.series
    several = len(bars.instruments) > 1
    columns = {
        f"{name} of {instrument}" if several else name: values[:, asset]
        for name, values in bars.columns().items()
        if not (bars.single_price and name in PRICES[:-1])  # which nobody gave
        for asset, instrument in enumerate(bars.instruments)
    }
    columns |= {str(name): bars.exogenous[name].to_numpy(np.float64) for name in bars.exogenous}
    yield "", (bars.index, columns)
    for part in prepared.parts.columns:
        known = np.all([part.available[str(name)] <= bars.close_time[-1] for name in part.table], axis=0)
        table = part.table.iloc[: int(np.argmin(np.append(known, False)))]  # what is not known yet may be revised
        columns = {str(name): table[name].to_numpy(np.float64) for name in table}
        if part.whose is not None:
            numbers = [float(zlib.crc32(symbol.encode())) for symbol in part.whose[: len(table)].tolist()]
            columns["symbol"] = np.array(numbers)
        yield part.origin.name, (pd.DatetimeIndex(table.index), columns)

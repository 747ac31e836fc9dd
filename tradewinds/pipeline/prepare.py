"""What every stage does first: load the series, fix the rules that follow from it, and say who may see which rows.

All of a request's data faults surface here, before anything is trained or written.
"""

import hashlib
import shutil
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from forecaster.baselines.boosting import boosting_is_installed
from forecaster.baselines.statistical import require_classical
from forecaster.config import DAYWISE
from forecaster.data.features import senses_read, static_features
from forecaster.data.panel import build_panel_features
from forecaster.data.senses import FEWEST_READ, refuse_long
from forecaster.data.series import Series
from forecaster.data.splits import Split, split_rows
from forecaster.day_ahead.days import FEWEST, FIRST, slots_of_day
from forecaster.seeds import seed_for as seed_for
from tradewinds.core.errors import RequestError
from tradewinds.core.laws import nearest
from tradewinds.data import join_parts
from tradewinds.data.assemble.loaded import Parts
from tradewinds.data.checks.excursions import doubt_last_bars
from tradewinds.data.checks.lone_values import ENOUGH
from tradewinds.data.inspection import brief
from tradewinds.data.notes import Note
from tradewinds.data.readers.text import counted
from tradewinds.data.shared import read_parts
from tradewinds.pipeline.loggers import require_loggers
from tradewinds.pipeline.pretrained import begun_with, pretrained_of
from tradewinds.pipeline.provenance import checkpoint_of
from tradewinds.pipeline.task import Prepared, Task, named
from tradewinds.request.schema import Config

MOST_LISTED = 32  # instruments that the identity of a series lists; of more it holds how many, and a hash
ROOM = 8 * 2**20  # bytes that a small run takes: two pages, a report, models


def prepare(config: Config, task: Task[Any]) -> Prepared:
    """Load the data of a request and split its rows; nothing is sealed yet.

    Raises:
        RequestError: the data cannot be read, or are too few for the split.
    """
    check_surroundings(config)
    _check_extras(config)
    _check_lightning(config)
    return prepared_from(config, task, read_parts(*config.sources))


def prepared_from(
    config: Config, task: Task[Any], parts: Parts, split: Split | None = None, *, trains: bool = True
) -> Prepared:
    """Join what was loaded, and split its rows, or take the `split` that is given.

    Args:
        config: the request.
        task: what is done with the forecasts.
        parts: what was loaded.
        split: who may see which rows; None to cut them by the request's shares.
        trains: whether anything is to be trained on it, and the rows must suffice for that.

    Raises:
        RequestError: the columns cannot be joined, the task cannot be done on them, or the rows are too few.
    """
    parts = task.laid_out(parts, config)
    loaded = join_parts(parts, config.data, task.known_at(config))
    series, notes = _lived(loaded.series)
    task = task.for_bars(series.bar_length)
    _check_instrument(series, config)
    _check_baselines(series, config)
    if not series.is_price:
        task = task.without_prices()
    series, config, notes = task.settle(series, config, [*loaded.notes, *notes])
    doubt = doubt_last_bars(series, config.data)
    notes = [*notes, *([] if doubt is None else [doubt])]
    split = _split(series, config, loaded.cut) if split is None else split
    if trains:
        _check_fit_bars(split, config)
        _check_learned(series, split, config)
        notes = [*notes, *_tell_rare(series, split)]
        notes = [*notes, *begun_with(series, split, config)]
    inputs = {"series": _identity(series, config), "sha256": loaded.series.sha256(), "sources": list(loaded.sources)}
    name = config.run.name or series.name
    prepared = Prepared(config, task, name, tuple(notes), inputs, series, split, parts, reading=brief(loaded))
    if trains:
        task.require(prepared)
    return prepared


def _lived(raw: Series) -> tuple[Series, list[str]]:
    """Return the series an owner lived through, which is what models read and agents trade, and what was adjusted."""
    try:
        series = raw.adjusted()
    except ValueError as error:
        raise RequestError(f"{raw.name}: {error}") from None
    counts = []
    if raw.dividends is not None:
        counts.append(counted(int((raw.dividends > 0.0).sum()), "dividend"))
    if raw.splits is not None:
        counts.append(counted(int((raw.splits != 1.0).sum()), "split"))
    if not counts:
        return series, []
    return series, [f"{' and '.join(counts)}: read and traded are prices adjusted for them, forward from the first bar"]


def _check_instrument(series: Series, config: Config) -> None:
    chosen, names = config.rollout.instrument, series.instruments
    if chosen is not None and chosen not in names:
        raise RequestError(f"rollout.instrument must be one of {named(names)}, was '{chosen}'{nearest(chosen, names)}")


def _check_baselines(series: Series, config: Config) -> None:
    """Refuse baselines of plug-ins where several instruments are scored as an order."""
    if config.baselines.custom and len(series.instruments) > 1 and config.rollout.instrument is None:
        raise RequestError(
            f"baselines.custom stands beside the forecast of one instrument, the series has "
            f"{named(series.instruments)}; choose one with rollout.instrument={series.instruments[0]}, or leave it out"
        )


def _identity(series: Series, config: Config) -> str:
    """What must stay the same for a model to be used again: the name, the instruments and the length of a bar."""
    traded = (
        f", {config.rollout.instrument} traded" if len(series.instruments) > 1 and config.rollout.instrument else ""
    )
    names = ", ".join(series.instruments)
    if len(series.instruments) > MOST_LISTED:
        names = f"{len(series.instruments)} instruments {hashlib.sha256(names.encode()).hexdigest()[:12]}"
    return f"{series.name} ({names}, bars of {series.bar_length}{traded})"


def check_surroundings(config: Config) -> None:
    """Refuse what the machine has not: the library of an extra, a checkpoint to resume.

    Raises:
        RequestError: one of them is not there.
    """
    require_loggers(config.run.loggers)
    checkpoint_of(config)
    pretrained_of(config)


def check_place(folder: Path) -> None:
    """Refuse a folder of runs that cannot be written, or has no room, before an hour of training finds out."""
    there = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    try:
        TemporaryDirectory(dir=there).cleanup()
    except OSError:
        raise RequestError(
            f"run.dir must be a folder that can be written, was '{folder}', and '{there}' cannot"
        ) from None
    room = shutil.disk_usage(there).free
    if room < ROOM:
        raise RequestError(
            f"run.dir must lie on a disk with {ROOM // 2**20} MB to spare, and that of '{there}' has "
            f"{room / 2**20:.1f}; make room, or give another run.dir"
        )


def _check_extras(config: Config) -> None:
    try:
        require_classical(config.baselines.classical)
    except ValueError as error:
        raise RequestError(f"baselines.classical: {error}") from None
    if config.baselines.boosting and not boosting_is_installed():
        raise RequestError(
            "baselines.boosting=true needs LightGBM; type pip install 'tradewinds[boosting]', or set it to false"
        )
    if config.backtest.ablation and not config.reads_senses:
        raise RequestError(
            "backtest.ablation=true tells what texts, pictures and charts are worth, and none are read; give text=csv, "
            "pictures=folder or features.chart_bars=5, or set it to false"
        )
    if config.backtest.attributions and find_spec("captum") is None:
        raise RequestError(
            f"backtest.attributions={config.backtest.attributions} needs captum; type "
            "pip install 'tradewinds[explain]', or set it to 0"
        )


def _check_lightning(config: Config) -> None:
    """Let Lightning's own Trainer refuse what it would refuse after all else is done."""
    if not config.trainer.lightning:
        return
    from forecaster.training.trainer import training_device

    try:
        training_device(config.trainer.lightning)
    except ValueError as error:
        raise RequestError(str(error)) from None


def _check_fit_bars(split: Split, config: Config) -> None:
    bars, there = config.baselines.fit_bars, split.forecaster.stop
    if config.baselines.classical and bars >= there:
        raise RequestError(f"baselines.fit_bars must be less than the forecaster's {there} bars, was {bars}; lower it")


def _split(series: Series, config: Config, cut: str) -> Split:
    try:
        static_features(series.instruments, config.features)
        _check_senses(series, config)
        return split_rows(
            len(series.index),
            config.split,
            context_length=config.model.context_length,
            horizon=config.model.horizon,
            first_row=warm_up(series, config),
            stop_fraction=config.trainer.early_stopping_fraction,
        )
    except ValueError as error:
        raise RequestError(f"{series.name}: {error}{f'; {cut}' if cut else ''}") from None


def _check_senses(series: Series, config: Config) -> None:
    """Refuse texts and pictures to a network that reads days, and more of their bars than a network reads.

    Raises:
        ValueError: it is asked for.
    """
    senses = senses_read(series, config.features)
    if senses and config.model.kind in DAYWISE:
        raise ValueError(
            f"{config.model.kind} reads days, and no {' or '.join(sense.name for sense in senses)}; take model=lstm, "
            "or leave them out"
        )
    refuse_long(senses, config.model.context_length)


def _check_learned(series: Series, split: Split, config: Config) -> None:
    """Refuse texts and pictures that hardly any bar has which the forecaster learns from.

    Those are fewer than its own: features warm up on the first, and the last stop the training.
    """
    if not series.senses:
        return
    from forecaster.data.datamodule import window_rows  # it loads torch

    own = split.forecaster
    sizes = {"context_length": config.model.context_length, "horizon": config.model.horizon}
    try:
        fraction = config.trainer.early_stopping_fraction
        fit = window_rows(own, first_row=warm_up(series, config), stop_fraction=fraction, **sizes).fit
    except ValueError as error:
        raise RequestError(f"{series.name}: {error}") from None
    first, last = int(fit[0]) - config.model.context_length + 1, int(fit[-1])
    for sense in series.senses:
        there = series.exogenous[list(series.holding(sense.columns[0]))].notna().to_numpy()
        learned = there[first : last + 1]
        if int(learned.sum()) < FEWEST_READ:
            raise RequestError(
                f"{series.name}: {sense.name}: {int(learned.sum())} of {counted(learned.size, 'bar')} that are learned "
                f"from, {series.index[first]:%Y-%m-%d} to {series.index[last]:%Y-%m-%d}, have any, and {FEWEST_READ} "
                f"must; {int(there[own.start : own.stop].sum())} of all the forecaster's do, but features warm up on "
                "the first, and the last stop the training; bring some of the time between, or leave it out"
            )


def _tell_rare(series: Series, split: Split) -> list[str]:
    """Return a doubt of each text, picture or column with holes that hardly any bar of the forecaster's has."""
    rows = slice(split.forecaster.start, split.forecaster.stop)
    told = {name: name for name in series.told_beside if name in series.missing}
    told |= {sense.name: sense.columns[0] for sense in series.senses}
    notes: list[str] = []
    for name, column in told.items():
        there = series.exogenous[list(series.holding(column))].iloc[rows].notna().to_numpy()
        if (count := int(there.sum())) < ENOUGH:
            have = "has" if count == 1 else "have"
            text = f"{name}: {count} of the forecaster's {counted(there.size, 'bar')} {have} any"
            notes.append(Note(f"{text}; from fewer than {ENOUGH} it learns luck: bring more, or leave it out", "doubt"))
    return notes


def warm_up(series: Series, config: Config) -> int:
    """Return the first row of which all is defined that a network reads; of several instruments that of any.

    Raises:
        ValueError: the bars are too few, or make no days for a network that reads days.
    """
    if config.model.kind not in DAYWISE:
        return min(table.first_row for table in build_panel_features(series, config.features))
    days = FIRST + FEWEST + 1  # the first may be cut
    return max(days * slots_of_day(series.bar_length) - config.model.context_length + 1, 0)

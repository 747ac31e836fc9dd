"""Where series come from. `load_series` is the one door: a market and what stands beside it, joined on availability."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tradewinds.data.rules import DataConfig

if TYPE_CHECKING:
    from tradewinds.data.assemble.exogenous import KnownAt
    from tradewinds.data.assemble.loaded import LoadedColumns, LoadedSeries, Parts


PLAIN = DataConfig()  # nothing is mended
Senses = Mapping[str, Any]  # settings of texts and pictures, by group
NOTHING: Senses = {}


def load_series(
    series_config: Any,
    weather_config: Any,
    rules: DataConfig = PLAIN,
    known_at: "KnownAt | None" = None,
    senses: Senses = NOTHING,
) -> "LoadedSeries":
    """Load a series and join what stands beside it, as-of on availability.

    Args:
        series_config: settings of a kind of the group `series`.
        weather_config: settings of a kind of the group `weather`.
        rules: how data are read.
        known_at: from the bars' starts and closes, (T,) moments up to which columns may be known at each bar; None
            takes the closes.
        senses: settings of texts and pictures, by the group of their kinds.

    Returns:
        The joint series, cut to the bars for which the weather was known, and a note that says so.

    Raises:
        RequestError: the data cannot be read with certainty, or do not overlap.
    """
    return join_parts(load_parts(series_config, weather_config, rules, senses), rules, known_at)


def load_parts(series_config: Any, weather_config: Any, rules: DataConfig = PLAIN, senses: Senses = NOTHING) -> "Parts":
    """Load a series and the columns that will stand beside it, not yet joined; arguments as in `load_series`.

    Raises:
        RequestError: the data cannot be read with certainty, or no bar has any of the texts or pictures.
    """
    from tradewinds.core.plugins import function_of
    from tradewinds.data.assemble.events import of_instruments, refuse_apart
    from tradewinds.data.assemble.loaded import Parts

    loaded: LoadedSeries = function_of("series", series_config)(series_config, rules)
    parts: list[LoadedColumns] = []
    for group, config in {"weather": weather_config, **senses}.items():
        columns = function_of(group, config)(config, rules)
        listed = columns if isinstance(columns, list) else [columns]
        named = (replace(part, group=group) for part in listed if part is not None)
        parts += [of_instruments(loaded.series, part) for part in named]
    for part in parts:
        if part.pool:
            refuse_apart(loaded.series, part)
    return Parts(loaded, tuple(parts))


def join_parts(parts: "Parts", rules: DataConfig = PLAIN, known_at: "KnownAt | None" = None) -> "LoadedSeries":
    """Join what `load_parts` loaded, as-of on availability; arguments as in `load_series`.

    Raises:
        RequestError: the columns cannot be joined, or do not overlap.
    """
    from tradewinds.data.assemble.early import read_early, shorten_leads
    from tradewinds.data.assemble.events import join_events
    from tradewinds.data.assemble.exogenous import join_columns
    from tradewinds.data.checks.bars import check_exogenous
    from tradewinds.data.checks.lone_values import tell_lone_values

    loaded = parts.series if known_at is None else read_early(parts.series, known_at)
    for part in parts.columns:
        loaded = join_events(loaded, part, known_at) if part.pool else join_columns(loaded, part, rules, known_at)
    check_exogenous(loaded.series)
    loaded = replace(loaded, notes=(*loaded.notes, *tell_lone_values(loaded.series)))
    return loaded if known_at is None else shorten_leads(loaded, known_at)

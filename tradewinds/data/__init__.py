"""Where series come from. `load_series` is the one door: a market source, a weather source, joined on availability."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tradewinds.data.rules import DataConfig

if TYPE_CHECKING:
    from tradewinds.data.assemble.exogenous import KnownAt
    from tradewinds.data.assemble.loaded import LoadedSeries, Parts


PLAIN = DataConfig()  # nothing is mended


def load_series(
    series_config: Any, weather_config: Any, rules: DataConfig = PLAIN, known_at: "KnownAt | None" = None
) -> "LoadedSeries":
    """Load a series and join the weather beside it, as-of on availability.

    Args:
        series_config: settings of a kind of the group `series`.
        weather_config: settings of a kind of the group `weather`.
        rules: how data are read.
        known_at: from the bars' starts and closes, (T,) moments up to which columns may be known at each bar; None
            takes the closes.

    Returns:
        The joint series, cut to the bars for which the weather was known, and a note that says so.

    Raises:
        RequestError: the data cannot be read with certainty, or do not overlap.
    """
    return join_parts(load_parts(series_config, weather_config, rules), rules, known_at)


def load_parts(series_config: Any, weather_config: Any, rules: DataConfig = PLAIN) -> "Parts":
    """Load a series and the columns that will stand beside it, not yet joined; arguments as in `load_series`.

    Raises:
        RequestError: the data cannot be read with certainty.
    """
    from tradewinds.core.plugins import function_of
    from tradewinds.data.assemble.loaded import Parts

    loaded: LoadedSeries = function_of("series", series_config)(series_config, rules)
    columns = function_of("weather", weather_config)(weather_config, rules)
    listed = columns if isinstance(columns, list) else [columns]
    return Parts(loaded, tuple(part for part in listed if part is not None))


def join_parts(parts: "Parts", rules: DataConfig = PLAIN, known_at: "KnownAt | None" = None) -> "LoadedSeries":
    """Join what `load_parts` loaded, as-of on availability; arguments as in `load_series`.

    Raises:
        RequestError: the columns cannot be joined, or do not overlap.
    """
    from tradewinds.data.assemble.early import read_early, shorten_leads
    from tradewinds.data.assemble.exogenous import join_columns
    from tradewinds.data.checks.bars import check_exogenous
    from tradewinds.data.checks.lone_values import tell_lone_values

    loaded = parts.series if known_at is None else read_early(parts.series, known_at)
    for part in parts.columns:
        loaded = join_columns(loaded, part, rules, known_at)
    check_exogenous(loaded.series)
    loaded = replace(loaded, notes=(*loaded.notes, *tell_lone_values(loaded.series)))
    return loaded if known_at is None else shorten_leads(loaded, known_at)

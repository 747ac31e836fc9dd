"""Data that several runs of a sweep share: read once, and handed to the others as they were read. Changed by nobody."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tradewinds.core.errors import RequestError
from tradewinds.data import NOTHING, Senses, load_parts
from tradewinds.data.rules import DataConfig

if TYPE_CHECKING:
    from tradewinds.data.assemble.loaded import Parts

Shared = Mapping[str, "Parts | RequestError | None"]  # by `key_of`; None before it was read

_shared: dict[str, "Parts | RequestError | None"] = {}


def key_of(series_config: Any, weather_config: Any, rules: DataConfig, senses: Senses = NOTHING) -> str:
    """Return what decides which data are read, and how."""
    return repr((series_config, weather_config, rules, dict(senses)))


@contextmanager
def sharing(data: Shared | Iterable[str]) -> Iterator[None]:
    """Keep what is read of these keys meanwhile, and read nothing of what is there already."""
    _shared.update(data if isinstance(data, Mapping) else dict.fromkeys(data))
    try:
        yield
    finally:
        _shared.clear()


def read_parts(series_config: Any, weather_config: Any, rules: DataConfig, senses: Senses = NOTHING) -> "Parts":
    """Return what `tradewinds.data.load_parts` loads, or loaded before where it is shared.

    Raises:
        RequestError: the data cannot be read with certainty, now or then.
    """
    settings = (series_config, weather_config, rules, senses)
    key = key_of(*settings)
    if key not in _shared:
        return load_parts(*settings)
    if _shared[key] is None:
        try:
            _shared[key] = load_parts(*settings)
        except RequestError as error:
            _shared[key] = error
    outcome = _shared[key]
    if isinstance(outcome, RequestError):
        raise RequestError(str(outcome))
    assert outcome is not None
    return outcome

"""Where the files that are shipped lie: inside the package in a wheel, beside it in a checkout."""

from importlib.resources import files
from pathlib import Path


def resource_dir(name: str) -> Path:
    """Return the folder `conf` or `data`.

    Raises:
        FileNotFoundError: it is in neither place.
    """
    package = Path(str(files("tradewinds")))
    places = (package / f"_{name}", package.parent / name)
    for place in places:
        if place.is_dir():
            return place
    raise FileNotFoundError(f"no folder {name}: looked for {places[0]} and {places[1]}; install Tradewinds again")

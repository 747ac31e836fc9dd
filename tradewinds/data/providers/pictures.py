"""A folder of pictures beside a series, each known some hours after the time in its name."""

import hashlib
import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecaster.data.senses import Sense
from tradewinds.core.errors import RequestError
from tradewinds.core.files import sha256_of
from tradewinds.data.assemble.loaded import LoadedColumns
from tradewinds.data.providers.moments import moments_of, tell_dates, told_apart, until
from tradewinds.data.readers.origin import Origin
from tradewinds.data.readers.text import counted, listed
from tradewinds.data.rules import DataConfig
from tradewinds.data.senses_config import NoPictures, PictureFolder

if TYPE_CHECKING:
    from PIL import Image

Array = NDArray[np.float64]
ENDINGS = (".png", ".jpg", ".jpeg")
STAMP = re.compile(
    r"(?P<date>\d{4}-?\d\d-?\d\d)(?:[T_ ](?P<hour>\d\d)[-:.]?(?P<minute>\d\d)"
    r"(?:(?:[:.]?|-(?!\d\d:?\d\d))(?P<second>\d\d))?(?P<zone>Z|[+-]\d\d:?\d\d)?)?",
    re.ASCII,
)


def no_pictures(config: NoPictures, rules: DataConfig) -> None:
    """Return no columns."""


def load_pictures(config: PictureFolder, rules: DataConfig) -> LoadedColumns:
    """Read the pictures of a folder, in shades of grey and of one size.

    Raises:
        RequestError: no folder, no picture in it, a name without a time, or a picture that cannot be read.
    """
    folder = Path(config.path)
    if not folder.is_dir():
        raise RequestError(f"pictures.path must name a folder, '{folder}' is none; it is looked for from {Path.cwd()}")
    beside = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    files = [path for path in beside if path.suffix.lower() in ENDINGS and path.is_file()]
    others = listed([path.name for path in beside if path not in files], 3)
    if not files:
        raise RequestError(
            f"'{folder}' holds no pictures{f', only {others}' if others else ''}; bring files such as "
            f"2024-03-21T0930Z.png, which end with {', '.join(ENDINGS)}"
        )
    stamps, names = [_stamp(path) for path in files], [path.name for path in files]
    moments, whole = (
        moments_of(stamps, names, zone=config.time_zone, group="pictures", dates=True, ends=ends)
        for ends in (False, True)
    )
    order = np.argsort(moments.asi8, kind="stable")
    order = order[until(moments[order], config.last)]
    if len(order) == 0:
        raise RequestError(f"'{folder}' begins on {moments.min():%Y-%m-%d}, after pictures.last={config.last}")
    index = told_apart(moments[order])
    values = np.stack([read_picture(files[row], config.pixels).ravel() for row in order])
    columns = tuple(f"picture_{number:04d}" for number in range(values.shape[1]))
    table = pd.DataFrame(values, index=index, columns=list(columns))
    table["picture_count"] = 1.0
    digest = hashlib.sha256("".join(f"{files[row].name} {sha256_of(files[row])}\n" for row in order).encode())
    source = {"file": folder.name, "sha256": digest.hexdigest(), "rows": len(order)}
    shape = (config.pixels, config.pixels)
    lag = pd.Timedelta(hours=config.lag_hours)
    known = pd.DatetimeIndex(np.maximum(whole[order].asi8, index.asi8), tz="UTC") + lag
    notes = tell_dates([stamps[row] for row in order], f"names in {folder.name}")
    if others:
        are = "is" if len(beside) == len(files) + 1 else "are"
        notes.append(
            f"{folder.name}: {others} {are} not read; pictures end with {', '.join(ENDINGS)}, and lie in no subfolder"
        )
    same = len(order) - len(set(zip(moments.asi8[order], whole.asi8[order], strict=True)))
    if same:
        notes.append(
            f"{folder.name}: {counted(same, 'picture')} {'is' if same == 1 else 'are'} of the moment of another; of "
            "each moment the last by name is read"
        )
    return LoadedColumns(
        table,
        dict.fromkeys(map(str, table.columns), known),
        Origin.counted(folder.name, len(order)),
        sources=(source,),
        notes=tuple(notes),
        pool="newest",
        known_by=f"{config.lag_hours:g} h after the time in its name",
        sense=Sense("pictures", "picture", shape, config.units, config.bars, columns),
    )


def read_picture(path: Path, pixels: int) -> Array:
    """Return a picture's brightness in [0, 1], (pixels, pixels), each the mean of what it covers; see-through is black.

    Raises:
        RequestError: it cannot be read.
    """
    from PIL import Image

    try:
        with Image.open(path) as picture:
            picture.verify()  # sums of a PNG's parts, of which a decoder needs no last one
        with Image.open(path) as picture:
            grey = _grey(picture).resize((pixels, pixels), Image.Resampling.BOX)
    except RequestError as error:
        raise RequestError(f"{path.name} {error}") from None
    except Exception:  # decoders raise whatever a broken file leads them to
        raise RequestError(
            f"{path.name} cannot be read as a picture: it is damaged, cut off, too large, or none; copy it again, or "
            "remove it"
        ) from None
    return np.asarray(grey, dtype=np.float64) / 255.0


def _grey(picture: "Image.Image") -> "Image.Image":
    """Return a picture in shades of grey of 0 to 255, over black."""
    from PIL import Image

    if picture.mode.startswith("I;16") or (picture.mode == "I" and picture.format == "PNG"):
        values = np.asarray(picture, dtype=np.float32)
        values = np.where(values == picture.info.get("transparency", -1), 0.0, values / 257.0)  # 65535 is 255
        return Image.fromarray(values.astype(np.float32))
    if picture.mode in ("I", "F"):
        raise RequestError("has 32 bits a pixel, of which none says what is white; save it with 8 or 16 bits")
    if picture.mode in ("LA", "PA", "RGBA") or "transparency" in picture.info:
        black = Image.new("RGBA", picture.size, (0, 0, 0, 255))
        picture = Image.alpha_composite(black, picture.convert("RGBA"))
    return picture.convert("L")


def _stamp(path: Path) -> str:
    """Return the time in a picture's name, as ISO 8601."""
    found = STAMP.search(path.stem)
    if found is None:
        raise RequestError(
            f"{path.name} must have its time in its name, such as 2024-03-21T0930Z.png or 2024-03-21.png; rename it"
        )
    if found["hour"] is None:
        return found["date"]
    return f"{found['date']}T{found['hour']}:{found['minute']}:{found['second'] or '00'}{found['zone'] or ''}"

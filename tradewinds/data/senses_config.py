"""Settings of what stands beside a series and is no number: texts and pictures. Light: no pandas, no YAML."""

from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from tradewinds.core.laws import require
from tradewinds.data.rules import LagHours, Moment, Path

Column = Annotated[str, Field(min_length=1, description="the name of a column")]
Units = Annotated[int, Field(ge=1, le=256, description="units")]
LastBars = Annotated[int, Field(ge=1, le=512, description="bars")]


@dataclass(frozen=True, kw_only=True)
class NoText:
    """No texts beside the series."""

    kind: Literal["none"] = "none"


@dataclass(frozen=True, kw_only=True)
class FileText:
    """Texts from a file of the user's, a row a text: news, filings, messages, anything that was published at a time.

    Attributes:
        path: the file, CSV (plain or .gz) or Parquet.
        time_column: when a text is of; ISO 8601.
        text_column: the text.
        available_column: when it was published, and so known; null takes a column called published, published_at,
            available_at or known_at, the one that there is. A date without an hour is the end of its day.
        lag_hours: hours from its time, or from the end of its day, until it was published, where no such column is; or
            null.
        time_zone: zone of times that name none, such as UTC; null refuses such times.
        symbol_column: whose text it is, in a file of several; a cell that is empty is of all.
        symbol: whose texts are read; null reads all, and of several instruments each those of its own.
        encoder: `lexicon`, a number a text by a list of words and their scores; `svd`, TF-IDF of hashed words and a
            truncated SVD, fitted on the forecaster's rows; `lstm`, an LSTM over hashed words, trained with the
            forecaster.
        lexicon: file of word,score, or `vader` (Hutto and Gilbert 2014), which needs the extra `classify`; for that
            encoder.
        words: V, numbers that words are hashed to; for `svd` and `lstm`.
        longest: words of a bar's texts that are read, the last ones; for `lstm`.
        units: E, numbers that an encoder makes of a bar; for `svd` and `lstm`.
        bars: last bars whose texts are read beside a window; for `svd` and `lstm`.
        last: last date read, or last moment such as 2020-01-31T12:00, in UTC; null for all.
    """

    kind: Literal["csv", "parquet"]
    path: Path
    time_column: Column = "time"
    text_column: Column = "text"
    available_column: Column | None = None
    lag_hours: LagHours | None = None
    time_zone: str | None = None
    symbol_column: Column = "symbol"
    symbol: str | None = None
    encoder: Literal["lexicon", "svd", "lstm"] = "svd"
    lexicon: Path = "vader"
    words: Annotated[int, Field(ge=2, le=65_536, description="words")] = 512
    longest: Annotated[int, Field(ge=1, le=512, description="words")] = 32
    units: Units = 16
    bars: LastBars = 8
    last: Moment | None = None

    def __post_init__(self) -> None:
        require(
            (
                self.lag_hours is None or self.available_column is None,
                "lag_hours and available_column both say when a text was published, were "
                f"{self.lag_hours} and {self.available_column}; set one to null",
            ),
            (
                self.encoder != "svd" or self.words <= 4096,
                f"words must be at most 4096 for encoder svd, were {self.words}: its matrix is as wide",
            ),
            (
                self.encoder != "svd" or self.units <= self.words,
                f"units must be at most words = {self.words} for encoder svd, were {self.units}",
            ),
        )


@dataclass(frozen=True, kw_only=True)
class NoPictures:
    """No pictures beside the series."""

    kind: Literal["none"] = "none"


@dataclass(frozen=True, kw_only=True)
class PictureFolder:
    """A folder of pictures by time: of a satellite, a camera. A convolution reads them, trained with the forecaster.

    Attributes:
        path: the folder; its .png, .jpg and .jpeg files are read, and no folder within.
        lag_hours: hours from the time in a picture's name, or from the end of a day that it names, until it is known.
        time_zone: zone of names that name none, such as UTC; null refuses them, but for dates.
        pixels: height and width to which pictures are brought, in shades of grey.
        units: E, numbers that the convolution makes of a bar.
        bars: last bars whose pictures are read beside a window.
        last: last date read, or last moment such as 2020-01-31T12:00, in UTC; null for all.
    """

    kind: Literal["folder"] = "folder"
    path: Path
    lag_hours: LagHours
    time_zone: str | None = None
    pixels: Annotated[int, Field(ge=4, le=64, description="pixels")] = 16
    units: Units = 8
    bars: LastBars = 8
    last: Moment | None = None

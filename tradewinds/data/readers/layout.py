"""What was understood of a file of the user's, to be printed and never to be computed with."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Layout:
    """How one instrument's file, or the first of its files, was read.

    Attributes:
        file: its name; of several, the first.
        files: how many files it was read from.
        kind: `csv`, `excel`, `parquet` or `feather`, and what it was packed in, such as `csv in zip`.
        encoding: of text, such as `utf-8`; empty where the kind has none. The same holds for the next three.
        separator: between cells: a sign, a tab, or a blank for any run of blanks.
        decimal: `.` or `,`.
        thousands: the sign between thousands, or empty where there is none.
        header_line: line of the names, from 1; 0 where the file names no column.
        time_columns: the columns that the times were read from.
        time_format: how they are written, such as `yyyy-mm-dd` or `milliseconds since 1970`.
        zone: zone of the stamps; the bars themselves are in UTC.
        zone_source: who says so: `the stamps`, `the column's name`, `series.time_zone` or `dates need none`.
        clock_change: `real`, or `ignored` where every day of the file has 24 hours.
        newest_first: whether the rows were turned round.
        symbol_column: column of the symbols, or empty; `symbols` are those in it, and `symbol` is the one read.
        symbol: or empty.
        symbols: or none.
        unit: of the close, as its name in brackets or its cells say it, such as `EUR/MWh` or `$`; or empty.
        roles: by role (`open`, `high`, `low`, `close`, `volume`, `dividends`, `splits`, `adjusted_close`) the column
            that was read for it.
        features: further columns, known at the close of their bar.
        left_out: further columns that nobody reads, by name, and why.
    """

    file: str
    files: int = 1
    kind: str = "csv"
    encoding: str = ""
    separator: str = ""
    decimal: str = ""
    thousands: str = ""
    header_line: int = 1
    time_columns: tuple[str, ...] = ()
    time_format: str = ""
    zone: str = "UTC"
    zone_source: str = ""
    clock_change: str = "real"
    newest_first: bool = False
    symbol_column: str = ""
    symbol: str = ""
    symbols: tuple[str, ...] = ()
    unit: str = ""
    roles: Mapping[str, str] = field(default_factory=dict)
    features: tuple[str, ...] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)

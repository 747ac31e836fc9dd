"""What a request says of a file, where the file does not say it itself."""

from dataclasses import dataclass

from tradewinds.data.readers.times import Writing


@dataclass(frozen=True, kw_only=True)
class Directions:
    """How a file is to be read; None lets the file tell.

    Attributes:
        group: of the request, `series` or `weather`, whose keys messages name.
        time_column: column of the times.
        time_zone: zone of times that name none; dates need none.
        time_format: see `times.Writing`.
        clock_change: `real`, or `ignored` where every day of the file has 24 hours.
        separator: between cells, a sign or `comma`, `semicolon`, `tab`, `pipe`, `space`.
        decimal: a sign or `point`, `comma`.
        thousands: a sign or `comma`, `point`, `apostrophe`, `space`, `none`.
        names: of the columns, in the place of a header.
        symbol: of the instrument, in a file of several.
        several: whether all instruments of a file are read, and not one.
        sheet: of a workbook of several.
    """

    group: str = "series"
    time_column: str | None = None
    time_zone: str | None = None
    time_format: str | None = None
    clock_change: str = "real"
    separator: str | None = None
    decimal: str | None = None
    thousands: str | None = None
    names: tuple[str, ...] | None = None
    symbol: str | None = None
    several: bool = False
    sheet: str | None = None

    def writing(self, repair: tuple[str, ...]) -> Writing:
        """Return what is said of the times."""
        return Writing(
            zone=self.time_zone, form=self.time_format, clock_change=self.clock_change, group=self.group, repair=repair
        )

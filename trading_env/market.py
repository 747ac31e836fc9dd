"""The market: prices and what may be known of them, bar by bar. Knows NumPy and nothing else."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Market:
    """T bars of A assets, and F features known at the close of each bar.

    Attributes:
        open: (T, A) opening prices, positive.
        close: (T, A) closing prices, positive.
        features: (T, F) row t uses only what is known at the close of bar t.
        bars_per_year: bars in a year, to turn annual interest into interest per bar.
        index: (T,) start of each bar in UTC, or None.
        single_price: one price a bar; open and close are then the same.
        instruments: A names.

    Raises:
        ValueError: shapes disagree, a price is not positive and finite, a feature is not finite, fewer than two bars.
    """

    open: Array
    close: Array
    features: NDArray[np.float32]
    bars_per_year: float
    index: NDArray[np.datetime64] | None = None
    single_price: bool = False
    instruments: tuple[str, ...] = ("asset",)

    def __post_init__(self) -> None:
        object.__setattr__(self, "open", np.ascontiguousarray(self.open, dtype=np.float64))
        object.__setattr__(self, "close", np.ascontiguousarray(self.close, dtype=np.float64))
        object.__setattr__(self, "features", np.ascontiguousarray(self.features, dtype=np.float32))
        faults = self._shape_faults() or self._value_faults()
        if faults:
            raise ValueError("; ".join(faults))

    def _shape_faults(self) -> list[str]:
        faults = []
        if self.close.ndim != 2 or self.open.shape != self.close.shape or self.close.shape[0] < 2:
            faults.append(
                f"open and close must share one shape (T, A) with T >= 2, were {self.open.shape} and {self.close.shape}"
            )
        if self.features.ndim != 2 or len(self.features) != len(self.close):
            faults.append(f"features must be (T, F) with T = {len(self.close)}, was {self.features.shape}")
        if self.close.ndim == 2 and len(self.instruments) != self.close.shape[1]:
            faults.append(f"instruments must name {self.close.shape[1]} assets, were {list(self.instruments)}")
        if self.index is not None and len(self.index) != len(self.close):
            faults.append(f"index must have {len(self.close)} entries, had {len(self.index)}")
        return faults

    def _value_faults(self) -> list[str]:
        faults = []
        for name in ("open", "close"):
            prices: Array = getattr(self, name)
            bad = np.argwhere(~(np.isfinite(prices) & (prices > 0.0)))
            if len(bad):
                row, asset = bad[0]
                faults.append(f"{name} must be positive and finite, was {prices[row, asset]} at row {row}")
        bad = np.argwhere(~np.isfinite(self.features))
        if len(bad):
            faults.append(f"features must be finite, was {self.features[tuple(bad[0])]} at row {bad[0][0]}")
        if self.single_price and not np.array_equal(self.open, self.close):
            faults.append("open and close must be the same where single_price is set, were different")
        if not (np.isfinite(self.bars_per_year) and self.bars_per_year > 0.0):
            faults.append(f"bars_per_year must be positive, was {self.bars_per_year}")
        return faults

    def __len__(self) -> int:
        """T, the number of bars."""
        return len(self.close)

    def rows(self, rows: range) -> "Market":
        """Return the market of the bars `rows`.

        Raises:
            ValueError: `rows` has another step than 1, or leaves the market.
        """
        if rows.step != 1 or not 0 <= rows.start <= rows.stop <= len(self):
            raise ValueError(f"rows must be a range with step 1 within [0, {len(self)}], was {rows}")
        part: Any = slice(rows.start, rows.stop)
        return Market(
            open=self.open[part],
            close=self.close[part],
            features=self.features[part],
            bars_per_year=self.bars_per_year,
            index=None if self.index is None else self.index[part],
            single_price=self.single_price,
            instruments=self.instruments,
        )

"""The market: prices, what else moves money, and what may be known of it, bar by bar. Knows NumPy, nothing else."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
OPTIONAL = ("volume", "volatility", "dividends", "splits", "funding", "borrow", "missing", "delisted")
FLAGS = ("missing", "delisted")
LAWS = {  # what a value of an optional column must be, beside finite
    "volume": (0.0, "at least 0"),
    "volatility": (0.0, "at least 0"),
    "dividends": (0.0, "at least 0"),
    "splits": (np.nextafter(0.0, 1.0), "positive; 1 is none, 2 is two new units for one"),
    "funding": (-np.inf, "a fraction of the value held"),
    "borrow": (0.0, "at least 0, in basis points a year"),
    "lots": (0.0, "at least 0 units; 0 is no lot"),
}


@dataclass(frozen=True, eq=False)
class Market:
    """T bars of A assets, and F features known at the close of each bar.

    Attributes:
        open: (T, A) opening prices, positive. Where a bar is missing, the carried mark.
        close: (T, A) closing prices, positive. Where a bar is missing, the carried mark.
        features: (T, F) row t uses only what is known at the close of bar t.
        bars_per_year: bars in a year, to turn annual interest into interest per bar.
        index: (T,) start of each bar in UTC, or None.
        single_price: one price a bar; open and close are then the same.
        instruments: A names.
        volume: (T, A) units traded in the bar, or None; an asset cannot be traded in a bar of volume 0.
        volatility: (T, A) standard deviation of one bar's log return as known at the close of t (`realised_volatility`
            is one), or None; needed by `costs.slippage_per_volatility`.
        dividends: (T, A) money paid per unit held over the night before bar t, after its split; or None.
        splits: (T, A) units that one unit of bar t - 1 has become at the open of bar t, 1 where none; or None.
        funding: (T, A) paid by the long to the short at the close of t, as a fraction of the value held; or None.
        forecast_columns: which features forecast the log returns of the bars ahead, the first one first; none: none do.
            Where `asset_features` is set they are counted within the block of an asset.
        missing: (T, A) bars that were not traded; their prices may be anything, also NaN, and become the carried mark:
            the last close, divided by splits since. An asset that is gone for good is missing to the end. Or None.
        asset_features: k > 0 where the first A x k features are A blocks of k, in the order of the instruments, and all
            that follow are common to the assets. The last of each block is availability: 1 where the asset may be acted
            on at that bar, 0 where not (not listed, halted, too short a history); the others of its block are 0 then.
        delisted: (T, A) bars at whose open an asset is gone for good: what is held is paid out at the last mark, less
            `TradingConfig.delisting_loss` of it. It is missing from there on. Or None.
        borrow: (T, A) interest on the value held short in the bar that ends at t, in basis points a year, in the place
            of `costs.borrow_bps_per_year`; or None.
        lots: (A,) smallest number of units of each asset, 0 is no lot, in the place of `TradingConfig.lot`; or None.

    Raises:
        ValueError: shapes disagree, a price is not positive and finite where no bar is missing, a feature is not
            finite, another value is out of its range, fewer than two bars.
    """

    open: Array
    close: Array
    features: NDArray[np.float32]
    bars_per_year: float
    index: NDArray[np.datetime64] | None = None
    single_price: bool = False
    instruments: tuple[str, ...] = ("asset",)
    volume: Array | None = None
    volatility: Array | None = None
    dividends: Array | None = None
    splits: Array | None = None
    funding: Array | None = None
    missing: NDArray[np.bool_] | None = None
    forecast_columns: range = range(0)
    asset_features: int = 0
    delisted: NDArray[np.bool_] | None = None
    borrow: Array | None = None
    lots: Array | None = None

    def __post_init__(self) -> None:
        for name in ("open", "close", "lots", *OPTIONAL):
            dtype = np.bool_ if name in FLAGS else np.float64
            if getattr(self, name) is not None:
                object.__setattr__(self, name, np.ascontiguousarray(getattr(self, name), dtype=dtype))
        object.__setattr__(self, "features", np.ascontiguousarray(self.features, dtype=np.float32))
        faults = self._shape_faults()
        if not faults and self.missing is not None and self.missing.any():
            self._carry_marks(self.missing)
        faults = faults or self._value_faults()
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
        if self.features.ndim == 2 and self.close.ndim == 2:
            faults.extend(self._feature_faults(self.features.shape[1], self.close.shape[1]))
        if self.close.ndim == 2 and len(self.instruments) != self.close.shape[1]:
            faults.append(f"instruments must name {self.close.shape[1]} assets, were {list(self.instruments)}")
        if self.index is not None and len(self.index) != len(self.close):
            faults.append(f"index must have {len(self.close)} entries, had {len(self.index)}")
        for name in OPTIONAL:
            column = getattr(self, name)
            if column is not None and column.shape != self.close.shape:
                faults.append(f"{name} must be (T, A) = {self.close.shape}, was {column.shape}")
        if self.lots is not None and self.lots.shape != self.close.shape[1:]:
            faults.append(f"lots must be (A,) = {self.close.shape[1:]}, was {self.lots.shape}")
        return faults

    def _feature_faults(self, num_features: int, num_assets: int) -> list[str]:
        faults, columns, width = [], self.forecast_columns, self.asset_features
        most, of = (width, "features of an asset") if width else (num_features, "features")
        if columns.step != 1 or not 0 <= columns.start <= columns.stop <= most:
            law = f"must be a range with step 1 within [0, {most}], the {of}"
            faults.append(f"forecast_columns {law}, was {columns}")
        if not 0 <= width * num_assets <= num_features:
            law = f"must fit {num_assets} times into the {num_features} features"
            faults.append(f"asset_features {law}, was {width}")
        return faults

    def _carry_marks(self, missing: NDArray[np.bool_]) -> None:
        """Put the last mark in the place of the prices of missing bars; 1 before an asset's first bar."""
        grown = np.ones_like(self.close) if self.splits is None else np.cumprod(self.splits, axis=0)
        last = np.maximum.accumulate(np.where(missing, -1, np.arange(len(self.close))[:, None]), axis=0)
        whole, assets = self.close * grown, np.arange(self.close.shape[1])[None, :]
        mark = np.where(last < 0, 1.0, whole[np.maximum(last, 0), assets] / grown)
        object.__setattr__(self, "open", np.where(missing, mark, self.open))
        object.__setattr__(self, "close", np.where(missing, mark, self.close))

    def _value_faults(self) -> list[str]:
        faults = []
        for name in ("open", "close"):
            prices: Array = getattr(self, name)
            bad = np.argwhere(~(np.isfinite(prices) & (prices > 0.0)))
            if len(bad):
                row, asset = bad[0]
                cure = "; mark bars that were not traded as missing" if np.isnan(prices[row, asset]) else ""
                faults.append(f"{name} must be positive and finite, was {prices[row, asset]} at row {row}{cure}")
        for name, (least, law) in LAWS.items():
            column = getattr(self, name)
            if column is None:
                continue
            bad = np.argwhere(~(np.isfinite(column) & (column >= least)))
            if len(bad):
                faults.append(f"{name} must be finite and {law}, was {column[tuple(bad[0])]} at row {bad[0][0]}")
        bad = np.argwhere(~np.isfinite(self.features))
        if len(bad):
            faults.append(f"features must be finite, was {self.features[tuple(bad[0])]} at row {bad[0][0]}")
        faults.extend(self._availability_faults())
        faults.extend(self._delisting_faults())
        if self.single_price and not np.array_equal(self.open, self.close):
            faults.append("open and close must be the same where single_price is set, were different")
        if not (np.isfinite(self.bars_per_year) and self.bars_per_year > 0.0):
            faults.append(f"bars_per_year must be positive, was {self.bars_per_year}")
        return faults

    def _availability_faults(self) -> list[str]:
        blocks, available = self.blocks, self.available
        if blocks is None or available is None:
            return []
        bad = np.argwhere((blocks[:, :, -1] != available) | (~available & (blocks != 0.0).any(axis=2)))
        if not len(bad):
            return []
        law = "must end with 1 where it may be acted on, else be 0 throughout"
        row, asset = bad[0]
        return [f"features of {self.instruments[asset]} {law}, were {blocks[row, asset]} at row {row}"]

    def _delisting_faults(self) -> list[str]:
        if self.delisted is None:
            return []
        gone = np.logical_or.accumulate(self.delisted, axis=0)
        traded = gone if self.missing is None else gone & ~self.missing
        bad = np.argwhere(traded)
        if not len(bad):
            return []
        row, asset = bad[0]
        law = "must be missing from the bar on where it is delisted"
        return [f"{self.instruments[asset]} {law}, was traded at row {row}"]

    def __len__(self) -> int:
        """T, the number of bars."""
        return len(self.close)

    @property
    def blocks(self) -> NDArray[np.float32] | None:
        """(T, A, k) features of each asset; None where the features are of no asset, `asset_features` is 0."""
        if not self.asset_features:
            return None
        num_bars, num_assets = self.close.shape
        own = self.features[:, : num_assets * self.asset_features]
        return own.reshape(num_bars, num_assets, self.asset_features)

    @property
    def available(self) -> NDArray[np.bool_] | None:
        """(T, A) whether an asset may be acted on at the close of t, as its features say; None where they do not."""
        blocks = self.blocks
        return None if blocks is None else blocks[:, :, -1] == 1.0

    @property
    def tradable(self) -> NDArray[np.bool_] | None:
        """(T, A) whether an asset trades in a bar; None where every one always does."""
        stopped = np.zeros(self.close.shape, dtype=bool) if self.missing is None else self.missing
        stopped = stopped if self.volume is None else stopped | (self.volume == 0.0)
        return ~stopped if stopped.any() else None

    def growth(self) -> Array:
        """Return (T, A) value at the close of t of one unit of money held since the close before; row 0 is 1."""
        value = self.close if self.dividends is None else self.close + self.dividends
        value = value if self.splits is None else value * self.splits
        return np.concatenate([np.ones_like(self.close[:1]), value[1:] / self.close[:-1]])

    def rows(self, rows: range) -> "Market":
        """Return the market of the bars `rows`; marks carried into it from before stay as they are.

        Raises:
            ValueError: `rows` has another step than 1, or leaves the market.
        """
        if rows.step != 1 or not 0 <= rows.start <= rows.stop <= len(self):
            raise ValueError(f"rows must be a range with step 1 within [0, {len(self)}], was {rows}")
        part: Any = slice(rows.start, rows.stop)
        shorter = object.__new__(Market)  # the values were checked, and the marks carried, when this market was made
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            by_bar = isinstance(value, np.ndarray) and field.name != "lots"
            object.__setattr__(shorter, field.name, value[part] if by_bar else value)
        if len(shorter) < 2:
            raise ValueError(f"rows must hold at least two bars, held {len(shorter)}")
        return shorter

    def begun(self, bar: Mapping[str, Array]) -> "Market":
        """Return the market whose first bar is as it was seen once; marks that are carried on from it follow it.

        Args:
            bar: what `seen` returned of it.
        """
        shorter = object.__new__(Market)  # both were checked when they were made
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if field.name in bar and isinstance(value, np.ndarray):
                value = np.concatenate([np.asarray(bar[field.name], dtype=value.dtype)[None], value[1:]])
            object.__setattr__(shorter, field.name, value)
        if self.missing is not None:
            carried = np.logical_and.accumulate(self.missing[1:], axis=0)
            factor = np.where(carried, np.asarray(bar["close"]) / self.close[0], 1.0)
            for name in ("open", "close"):
                prices = getattr(shorter, name)
                object.__setattr__(shorter, name, np.concatenate([prices[:1], prices[1:] * factor]))
        return shorter

    def seen(self, row: int) -> dict[str, Array]:
        """Return by name (A,) what `begun` needs of a bar."""
        names = ("open", "close", *OPTIONAL)
        return {name: getattr(self, name)[row] for name in names if getattr(self, name) is not None}


def realised_volatility(market_close: Array, bars: int = 20) -> Array:
    """Return (T, A) root mean square of the last `bars` log returns of (T, A) closes; row t uses closes up to t only.

    Fewer returns are used where there are fewer; row 0, which has none, is 0.
    """
    squares = np.square(np.diff(np.log(market_close), axis=0, prepend=np.log(market_close[:1])))
    sums = np.cumsum(squares, axis=0)
    older = np.zeros_like(sums)
    older[bars:] = sums[:-bars] if bars < len(sums) else older[bars:]
    count = np.clip(np.arange(len(sums)), 1, bars)[:, None]
    return np.asarray(np.sqrt(np.maximum(sums - older, 0.0) / count))

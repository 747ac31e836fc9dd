"""A second scorer of forecasts, written from docs/metrics.md, section 1, alone.

It reads a table of forecasts and the prices, and shares no code with `forecaster.evaluation` or the baselines: what was
scored is scored twice.
"""

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Array = NDArray[np.float64]
Rows = NDArray[np.int64]
Fault = tuple[str, int, str]  # stage, row, what is wrong
LEVELS = tuple(round(0.05 * number, 2) for number in range(1, 20))
INTERVAL_SCORES = ("change_pinball", "change_crps", "change_coverage", "change_share_below_quantile")
SHARES = ("change_coverage", "change_share_below_quantile")  # shares, which may be 0
SAME_ERROR, SAME_INTERVAL = 1e-6, 1e-3  # relative
TIED = 1e-9  # of the volatility: an outcome so near to a quantile may be counted on either side of it
SAME_TIED = 0.1  # relative, where some are
PIECE = 10_000  # decisions whose quantiles are held at once


class SecondScorer:
    """Scores every model of a table of forecasts on one series.

    Args:
        table: as `tradewinds.tasks.all_forecasts` describes it.
        index: (T,) starts of the bars, UTC.
        close: (T,) values of the series, in its unit.
        differences: whether changes are differences; log returns else.
        fit_rows: decisions the network was fitted on, for the scale of `change_mase`.
    """

    def __init__(
        self, table: pd.DataFrame, index: pd.DatetimeIndex, close: Array, *, differences: bool, fit_rows: Rows
    ) -> None:
        self._table, self._close, self._differences = table, close, differences
        self._horizon = int(table["ahead"].max())
        self._issued, self._target = (index.get_indexer(pd.DatetimeIndex(table[name])) for name in ("issued", "target"))
        self._changes = np.append(0.0, np.diff(close if differences else np.log(close)))
        self._rough = roughness(self._changes)[self._issued[:: self._horizon]]
        self._scored = table["scored"].to_numpy(bool)
        self._fit_rows = fit_rows
        self.tied: dict[str, bool] = {}  # models of which an outcome lay on a quantile, as where prices move by ticks
        self.models = [str(name).removeprefix("change.") for name in table if str(name).startswith("change.")]

    def fault_in_time(self, decisions: Rows) -> Fault | None:
        """Return the first forecast that is missing, too many, or not made before what it is about; None if none.

        Args:
            decisions: rows that are to be scored, each by all bars ahead.
        """
        wanted, start = np.repeat(decisions, self._horizon), int(decisions[0])
        found = self._issued[self._scored]
        if not np.array_equal(found, wanted):
            first = int(found[0]) if len(found) else start
            made = f"{len(found) / self._horizon:g} decisions from row {first} on are scored"
            there = f"{len(decisions)} from row {start} on have all their outcomes in the test rows"
            return "scores", min(first, start), f"{made}, and {there}"
        strange = (self._target <= self._issued) | (self._target != self._issued + self._table["ahead"].to_numpy())
        late = np.flatnonzero(strange | (self._issued < 0))
        if len(late):
            row = int(self._issued[late[0]])
            return "scores", row, "a forecast is not about the bar that it says, counted from the bar it was made at"
        return None

    def fault_in_values(self, name: str) -> Fault | None:
        """Return the first value that its last value and its changes do not add up to; None if none."""
        changes, last = self._part(name, slice(None)), self._close[self._issued[:: self._horizon]]
        sums = np.cumsum(changes, axis=1)
        value = last[:, None] + sums if self._differences else last[:, None] * np.exp(sums)
        told = self._table[f"value.{name}"].to_numpy(float).reshape(value.shape)
        wrong = np.flatnonzero(~np.isclose(told, value, rtol=SAME_ERROR, atol=1e-9).all(axis=1))
        if not len(wrong):
            return None
        row = int(self._issued[:: self._horizon][wrong[0]])
        return "scores", row, f"{name}: the value forecast is not the last value and the changes forecast from there"

    def scores(self, name: str) -> dict[str, Any]:
        """Return every score of a model, by the names of report.json."""
        truth, forecast = self._truth(self._scored), self._part(name, self._scored)
        reached, expected = np.cumsum(truth, axis=1), np.cumsum(forecast, axis=1)
        missed = reached - expected if self._differences else 100.0 * (np.exp(reached) - np.exp(expected))
        error = truth - forecast
        told = (truth != 0.0) & (forecast != 0.0)
        usual = np.mean([np.abs(self._changes[self._fit_rows + h]).mean() for h in range(1, self._horizon + 1)])
        return {
            "value_mae": np.abs(missed).mean(),
            "value_rmse": (missed**2).mean() ** 0.5,
            "value_mae_last": np.abs(missed[:, -1]).mean(),
            "value_mae_by_horizon": np.abs(missed).mean(axis=0),
            "change_mae": np.abs(error).mean(),
            "change_rmse": (error**2).mean() ** 0.5,
            "change_mase": np.abs(error).mean() / usual if usual > 0.0 else None,
            "change_mae_by_horizon": np.abs(error).mean(axis=0),
            "change_direction_accuracy": (truth[told] * forecast[told] > 0.0).mean() if told.any() else None,
            "n": truth.size,
            **self._interval_scores[name],
        }

    def _truth(self, part: NDArray[np.bool_] | slice) -> Array:
        return self._changes[self._target[part]].reshape(-1, self._horizon)

    def _part(self, name: str, part: NDArray[np.bool_] | slice) -> Array:
        column: Array = self._table[f"change.{name}"].to_numpy(float)[part].reshape(-1, self._horizon)
        return column

    @cached_property
    def _interval_scores(self) -> dict[str, dict[str, Any]]:
        """Score the quantiles that follow from the forecasts and from all outcomes known by then, of every model."""
        truth, levels = self._truth(self._scored), np.array(LEVELS)
        cases, models = truth.size, len(self.models)
        loss, covered, below = np.zeros(models), np.zeros(models), np.zeros((models, len(LEVELS)))
        for rows, quantiles in self._quantiles(truth):
            edge, outcome = np.sort(quantiles, axis=-1), truth[rows][:, :, None, None]  # (n, H, S, Q), (n, H, 1, 1)
            apart, under = outcome - edge, outcome < edge
            loss += (apart * (levels - under)).mean(axis=-1).sum(axis=(0, 1))
            covered += ((outcome[..., 0] >= edge[..., 0]) & (outcome[..., 0] <= edge[..., -1])).sum(axis=(0, 1))
            below += under.sum(axis=(0, 1))
            now = self._rough[-len(truth) :][rows][:, None, None, None]
            near = np.abs(apart) <= TIED * now
            for number, name in enumerate(self.models):
                self.tied[name] = self.tied.get(name, False) or bool(near[:, :, number].any())
        return {
            name: {
                "change_pinball": loss[number] / cases,
                "change_crps": 2.0 * loss[number] / cases,
                "change_coverage": covered[number] / cases,
                "change_share_below_quantile": below[number] / cases,
            }
            for number, name in enumerate(self.models)
        }

    def _quantiles(self, truth: Array) -> Iterator[tuple[slice, Array]]:
        """Yield the rows of a piece and its (n, H, S, Q) quantiles: the forecast of each of S models, and a shift.

        The shift is in units of volatility, and follows the outcomes as they come.
        """
        horizon, count, bars = self._horizon, len(truth), np.arange(self._horizon)
        now, level = self._rough[-count:], np.array(LEVELS)
        starts = [self._start(name) for name in self.models]
        shift, step = (np.stack(part, axis=1) for part in zip(*starts, strict=True))  # (H, S, Q)
        said = [self._said(name, self._scored) for name in self.models]
        latest = np.zeros((horizon, *shift.shape))  # quantiles of the last H decisions before the piece
        for first in range(0, count, PIECE):
            rows = slice(first, min(first + PIECE, count))
            ahead = np.empty((horizon + rows.stop - first, *shift.shape))
            ahead[:horizon] = latest
            for number, forecast in enumerate(said):
                ahead[horizon:, :, number] = forecast[rows]
            for n in range(rows.start, rows.stop):
                h = bars[:n]  # the outcome h + 1 bars after decision n - h - 1 is known by now
                place = n - first + horizon
                shift[:n] += step[:n] * (level - (truth[n - h - 1, h, None, None] < ahead[place - h - 1, h]))
                ahead[place] += shift * now[n]
            latest = ahead[-horizon:].copy()
            yield rows, ahead[horizon:]

    def _start(self, name: str) -> tuple[Array, Array]:
        """Return the (H, Q) shifts of a model before any outcome is known, and what they move by."""
        before, outcome = self._said(name, ~self._scored), self._truth(~self._scored)
        calm = self._rough[: len(outcome), None, None]
        known = np.sort((outcome[:, :, None] - before) / calm, axis=0)  # (M, H, Q or 1)
        known = np.broadcast_to(known, (*known.shape[:2], len(LEVELS)))
        shift = np.stack([_rank(known[:, :, place], level) for place, level in enumerate(LEVELS)], axis=-1)
        return shift, 0.025 * np.abs(known).mean(axis=0)

    def _said(self, name: str, part: NDArray[np.bool_]) -> Array:
        """Return what was forecast of each level: quantiles (N, H, Q), or the point in the place of all (N, H, 1)."""
        columns = [f"quantile.{level:.2f}" for level in LEVELS]
        if name != self.models[0] or columns[0] not in self._table:
            columns = [f"change.{name}"]
        return np.stack(
            [self._table[column].to_numpy(float)[part].reshape(-1, self._horizon) for column in columns], -1
        )


def roughness(changes: Array) -> Array:
    """(T,) exponentially weighted root mean square of (T,) changes, 0.97 of the old variance kept a bar."""
    squares = changes**2
    squares[0] = squares[1]
    recent, weight, total, result = 0.0, 0.0, 0.0, np.empty_like(squares)
    for t, square in enumerate(squares.tolist()):
        recent, weight, total = 0.97 * recent + square, 0.97 * weight + 1.0, total + square
        result[t] = max(recent / weight, 1e-6 * total / (t + 1)) ** 0.5 + 1e-12
    return result


def _rank(ordered: Array, level: float) -> Array:
    """(H,) of (M, H) in order: rank floor((M + 1) q) below the median, ceil of it above; the middle for 0.5."""
    count = len(ordered)
    if level == 0.5:
        return np.array((ordered[(count - 1) // 2] + ordered[count // 2]) / 2.0)
    rank = np.floor((count + 1) * level) if level < 0.5 else np.ceil((count + 1) * level)
    return np.array(ordered[int(min(max(rank, 1), count)) - 1])


def first_other_score(name: str, told: Mapping[str, Any], found: Mapping[str, Any], *, tied: bool = False) -> str:
    """Return in words the first score that a second scorer finds otherwise; nothing if none.

    Where an outcome lies on a quantile, rounding says on which side, and every later quantile follows: then the scores
    of intervals are compared no closer than `SAME_TIED`.
    """
    for key, value in found.items():
        ours = told.get(key)
        limit = (SAME_TIED if tied else SAME_INTERVAL) if key in INTERVAL_SCORES else SAME_ERROR
        if not _same(ours, value, limit, limit if key in SHARES else 0.0):
            words = f"{_told(ours)}, and {_told(value)} by a second scorer, from the forecasts and the series"
            return f"{name}: {key} is {words}"
    return ""


def _same(ours: Any, theirs: Any, relative: float, absolute: float) -> bool:
    if ours is None or theirs is None:
        return ours is theirs
    return np.shape(ours) == np.shape(theirs) and np.allclose(ours, theirs, rtol=relative, atol=absolute)


def _told(value: Any) -> str:
    if value is None:
        return "none"
    numbers = np.atleast_1d(value)
    return f"{float(numbers[0]):.6g}" if len(numbers) == 1 else f"{', '.join(f'{one:.6g}' for one in numbers[:3])} ..."

"""The game both Gymnasium faces of the storage market play: N units, their observations and profits.

One table holds what was known of each hour at its day's gate closure, and room for the charge, so that an observation
is one gather. The price of an hour is in no observation; only its forecast is.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from trading_env.storage.config import BatteryConfig
from trading_env.storage.ledger import Hour, deliver
from trading_env.storage.market import PowerMarket

Array = NDArray[np.float64]
Float32 = NDArray[np.float32]
Int = NDArray[np.int64]
ROUNDING = 1e-6  # an action may leave its bounds by this much: float32 on its way through a network


class BatteryGame:
    """N storage units that each stand before some hour of one market.

    Attributes:
        t: (N,) hour decided next.
        start: (N,) hour at which each episode began.
        charge: (N,) MWh in the store.
        profit: (N,) currency earned since the episode began.
    """

    def __init__(self, market: PowerMarket, config: BatteryConfig, num_units: int) -> None:
        self.market, self.config = market, config
        self.levels = np.asarray(config.levels, dtype=np.float64)
        self.table = known_table(market)  # (T, F + K H + 4), the last column stays 0
        self.t = np.zeros(num_units, dtype=np.int64)
        self.start = np.zeros(num_units, dtype=np.int64)
        self.charge = np.full(num_units, self.opening)
        self.profit = np.zeros(num_units)

    @property
    def opening(self) -> float:
        """MWh in the store when an episode begins."""
        return self.config.initial_charge * self.config.capacity_mwh

    def restart(self, chosen: NDArray[np.bool_], rows: Int) -> None:
        """Open fresh units before the hours `rows` (N,) where `chosen` (N,) says so."""
        self.t, self.start = np.where(chosen, rows, self.t), np.where(chosen, rows, self.start)
        self.charge = np.where(chosen, self.opening, self.charge)
        self.profit = np.where(chosen, 0.0, self.profit)

    def advance(self, actions: NDArray[Any]) -> tuple[Hour, NDArray[np.bool_]]:
        """Carry every unit over one hour; return what it did, and whether the market's hours are over.

        Raises:
            ValueError: an action is none.
        """
        hour = self._deliver(self.charge, self.t, actions)
        self.charge, self.profit, self.t = hour.charge, self.profit + hour.profit, self.t + 1
        return hour, self.t >= len(self.market)

    def shares(self, actions: NDArray[Any], num_units: int) -> Array:
        """Return the (N,) shares of the power that N actions ask for.

        Raises:
            ValueError: an action is none of the levels, or no share of the power.
        """
        free = self.config.actions == "power"
        low, high = (-1.0, 1.0) if free else (0.0, len(self.levels) - 1.0)
        shape = (num_units, 1) if free else (num_units,)
        if actions.shape != shape or not (actions.min() >= low - ROUNDING and actions.max() <= high + ROUNDING):
            law = f"{num_units}{' x 1' if free else ''} numbers in [{low:g}, {high:g}]"
            raise ValueError(f"actions must be {law}, was {actions}")
        return np.clip(actions[:, 0].astype(np.float64), low, high) if free else self.levels[actions]

    def account(self) -> Float32:
        """Return (N, 1) what an agent must remember of a unit: its charge, as a share of the capacity."""
        return (self.charge / self.config.capacity_mwh).astype(np.float32)[:, None]

    def observe(self, t: NDArray[np.integer[Any]], account: Float32) -> Float32:
        """Return (B, O) observations before (B,) hours `t` of (B, 1) accounts; past the end, of the last hour."""
        rows = np.empty((len(t), self.table.shape[1]), dtype=np.float32)
        np.take(self.table, t, axis=0, out=rows, mode="clip")
        rows[:, -1:] = account
        return rows

    def transition(
        self, t: NDArray[np.integer[Any]], account: Float32, actions: NDArray[Any]
    ) -> tuple[Array, Float32, NDArray[np.bool_], NDArray[np.bool_]]:
        """Replay one hour from what an agent remembers, through the same ledger; nothing of this game moves.

        Returns:
            (B,) profit, (B, 1) next account, (B,) False: a unit is never ruined, (B,) whether the hours are over.
        """
        charge = account[:, 0].astype(np.float64) * self.config.capacity_mwh
        hour = self._deliver(charge, np.asarray(t, dtype=np.int64), np.asarray(actions))
        following = (hour.charge / self.config.capacity_mwh).astype(np.float32)[:, None]
        return hour.profit, following, np.zeros(len(t), dtype=bool), np.asarray(t) + 1 >= len(self.market)

    def _deliver(self, charge: Array, t: Int, actions: NDArray[Any]) -> Hour:
        price = self.market.price[np.minimum(t, len(self.market) - 1)]
        return deliver(charge, self.shares(actions, len(charge)) * self.config.power_mw, price, self.config)


def known_table(market: PowerMarket) -> Float32:
    """Return (T, F + K H + 4) what was known of each hour when the gate of its day closed, and a column for the charge.

    The day's features; of each of the K forecasts that of this hour and, from this hour's, of the hours of the day that
    follow; the hour as sine and cosine; the hours that are left of the day, in 24ths. Prices are
    asinh(price / price_scale): in proportion up to about one scale, in logarithms beyond, so that a price of 9,000 is
    seen as high and not as everything.
    """
    forecasts = market.forecasts
    count, width = forecasts.shape[1:]
    position = np.arange(len(market)) - market.first_hours[market.day]  # (T,) hours since the day began
    length = np.bincount(market.day)[market.day]  # (T,) hours of the day
    ahead = position[:, None] + np.arange(width)[None, :]  # (T, H) place in the day
    angle = 2.0 * np.pi * market.hour / 24.0
    clock = np.stack([np.sin(angle), np.cos(angle), (length - position) / 24.0, np.zeros(len(market))], axis=1)
    parts = [market.features[market.day]]
    for number in range(count):
        known = np.arcsinh(forecasts[:, number] / market.price_scale)
        path = known[market.day[:, None], np.minimum(ahead, width - 1)]
        seen = np.where(ahead < length[:, None], path - path[:, :1], 0.0)
        seen[:, 0] = path[:, 0]
        parts.append(seen.astype(np.float32))
    return np.concatenate([*parts, clock], axis=1, dtype=np.float32, casting="same_kind")

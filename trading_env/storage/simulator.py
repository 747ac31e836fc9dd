"""What both Gymnasium faces of the storage market play: N units, their observations and profits.

One table holds what was known of each slot at its day's gate closure, and room for the charge, so that an observation
is one gather. The price of a slot is in no observation; only its forecast is.
"""

from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from trading_env.storage.config import BatteryConfig
from trading_env.storage.ledger import Slot, deliver
from trading_env.storage.market import PowerMarket
from trading_env.storage.requirement import least_charge
from trading_env.vector_env import ROUNDING, Step, check_actions, checked_episode_bars

Array = NDArray[np.float64]
Float32 = NDArray[np.float32]
Int = NDArray[np.int64]


class StorageSimulator:
    """N storage units that each stand before some slot of one market: `trading_env.vector_env.Simulator`.

    Slots of a last day whose prices are not cleared yet are committed like all others: the charge moves, and what they
    earn is NaN.

    Args:
        market: prices, and what was known of each day.
        config: the unit.
        num_units: N.
        episode_bars: slots of an episode; None plays to the market's end.

    Raises:
        ValueError: `episode_bars` is less than 1 or more than the market holds.

    Attributes:
        t: (N,) slot decided next.
        until: (N,) slot before which each episode is cut.
        charge: (N,) MWh in the store.
        profit: (N,) currency earned since the episode began.
    """

    measure = "profit"
    num_account_features = 1

    def __init__(
        self, market: PowerMarket, config: BatteryConfig, num_units: int, episode_bars: int | None = None
    ) -> None:
        self.market, self.config = market, config
        self.episode_bars = checked_episode_bars(episode_bars, len(market))
        self.whole_bars = episode_bars or 1  # of a random episode, at least
        self.levels = np.asarray(config.levels, dtype=np.float64)
        self.table = known_table(market)  # (T, F + K H + 4), the last column stays 0
        self.least = least_charge(market.hour, config, market.slot_hours)  # (T,) MWh at slots' ends, or None
        self.opening = config.initial_charge * config.capacity_mwh  # MWh
        self.last_start = len(market) - 1
        self.action_space: spaces.Space[Any] = spaces.Discrete(len(self.levels))
        if config.actions == "power":
            self.action_space = spaces.Box(-1.0, 1.0, (1,), np.float32)
        low, high = self.table.min(axis=0), self.table.max(axis=0)
        low[-4:], high[-4:] = (-1.0, -1.0, 0.0, 0.0), (1.0, 1.0, high[-2], 1.0)  # the whole circle, time, a share
        self.observation_space: spaces.Space[Float32] = spaces.Box(low, high)
        self.t = np.zeros(num_units, dtype=np.int64)
        self.until = np.full(num_units, len(market))
        self.charge = np.full(num_units, self.opening)
        self.profit = np.zeros(num_units)

    @property
    def worth(self) -> Array:
        """(N,) currency earned since the episode began."""
        return self.profit

    def random_starts(self) -> Int:
        """Return the first slots of the days from which a whole episode fits."""
        first = self.market.first_slots
        return first[first + self.whole_bars <= len(self.market)]

    def restart(self, chosen: Int | slice, rows: Int) -> None:
        """Open fresh units before the slots `rows` where `chosen` says; in place."""
        self.t[chosen], self.charge[chosen], self.profit[chosen] = rows, self.opening, 0.0
        self.until[chosen] = np.minimum(rows + self.episode_bars, len(self.market))

    def advance(self, actions: NDArray[Any]) -> Step:
        """Carry every unit over one slot; the record is the ledger's `Slot`. A unit is never ruined.

        Raises:
            ValueError: an action is none.
        """
        return self.follow(self.shares(actions, len(self.charge)) * self.config.power_mw)

    def follow(self, power: Array) -> Step:
        """Carry every unit over one slot by (N,) powers in MW, wherever they are from; positive buys."""
        slot = self._deliver(self.charge, self.t, power)
        self.charge, self.profit, self.t = slot.charge, self.profit + slot.profit, self.t + 1
        return Step(slot.profit, np.zeros(len(self.t), dtype=bool), self.t >= self.until, slot)

    def state(self) -> dict[str, NDArray[Any]]:
        """Return copies of all arrays that `restore` needs."""
        return {name: np.array(getattr(self, name)) for name in ("t", "until", "charge", "profit")}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from what `state` returned."""
        for name in ("t", "until", "charge", "profit"):
            setattr(self, name, np.array(state[name]))

    def observation(self, chosen: Int | None = None) -> Float32:
        """Return (N, O) observations; of the chosen only where given."""
        t, account = self.t, self.account()
        return self.observe(t, account) if chosen is None else self.observe(t[chosen], account[chosen])

    def shares(self, actions: NDArray[Any], num_units: int) -> Array:
        """Return the (N,) shares of the power that N actions ask for.

        Raises:
            ValueError: an action is none of the levels, or no share of the power.
        """
        free = self.config.actions == "power"
        low, high = (-1.0, 1.0) if free else (0.0, len(self.levels) - 1.0)
        check_actions(actions, (num_units, 1) if free else (num_units,), low, high, ROUNDING)
        return np.clip(actions[:, 0].astype(np.float64), low, high) if free else self.levels[actions]

    def account(self) -> Float32:
        """Return (N, 1) what an agent must remember of a unit: its charge, as a share of the capacity."""
        return (self.charge / self.config.capacity_mwh).astype(np.float32)[:, None]

    def observe(self, t: NDArray[np.integer[Any]], account: Float32) -> Float32:
        """Return (B, O) observations before (B,) slots `t` of (B, 1) accounts; past the end, of the last one."""
        rows = np.empty((len(t), self.table.shape[1]), dtype=np.float32)
        np.take(self.table, t, axis=0, out=rows, mode="clip")
        rows[:, -1:] = account
        return rows

    def transition(
        self, t: NDArray[np.integer[Any]], account: Float32, actions: NDArray[Any]
    ) -> tuple[Array, Float32, NDArray[np.bool_], NDArray[np.bool_]]:
        """Replay one slot from what an agent remembers, through the same ledger; nothing of this simulator moves.

        Returns:
            (B,) profit, (B, 1) next account, (B,) False: a unit is never ruined, (B,) whether the slots are over.
        """
        charge = account[:, 0].astype(np.float64) * self.config.capacity_mwh
        power = self.shares(np.asarray(actions), len(charge)) * self.config.power_mw
        slot = self._deliver(charge, np.asarray(t, dtype=np.int64), power)
        following = (slot.charge / self.config.capacity_mwh).astype(np.float32)[:, None]
        return slot.profit, following, np.zeros(len(t), dtype=bool), np.asarray(t) + 1 >= len(self.market)

    def _deliver(self, charge: Array, t: Int, power: Array) -> Slot:
        slot = np.minimum(t, len(self.market) - 1)
        price, least = self.market.price[slot], None if self.least is None else self.least[slot]
        return deliver(charge, power, price, self.config, self.market.slot_hours, least)


def known_table(market: PowerMarket) -> Float32:
    """Return (T, F + K H + 4) what was known of each slot when the gate of its day closed, and a column for the charge.

    The day's features; of each of the K forecasts that of this slot and, from this one's, of the slots of the day that
    follow; the time of day as sine and cosine; the hours that are left of the day, in 24ths. Prices are
    asinh(price / price_scale): in proportion up to about one scale, in logarithms beyond, so that a price of 9,000 is
    seen as high and not as everything.
    """
    forecasts = market.forecasts
    count, width = forecasts.shape[1:]
    position, length = market.slot_of_day, market.day_slots[market.day]  # (T,) slots since the day began, and in all
    ahead = position[:, None] + np.arange(width)[None, :]  # (T, H) place in the day
    angle = 2.0 * np.pi * market.hour / 24.0
    clock = np.stack(
        [np.sin(angle), np.cos(angle), (length - position) * market.slot_hours / 24.0, np.zeros(len(market))], axis=1
    )
    parts = [market.features[market.day]]
    for number in range(count):
        scaled = np.arcsinh(forecasts[:, number] / market.price_scale)
        path = scaled[market.day[:, None], np.minimum(ahead, width - 1)]
        shown = np.where(ahead < length[:, None], path - path[:, :1], 0.0)
        shown[:, 0] = path[:, 0]
        parts.append(shown.astype(np.float32))
    return np.concatenate([*parts, clock], axis=1, dtype=np.float32, casting="same_kind")

"""`BatteryEnv` and `BatteryVectorEnv`: storage units in a day-ahead power market, as Gymnasium environments."""

from typing import Any

from trading_env.single_env import MarketEnv, OneOf
from trading_env.storage.config import BatteryConfig
from trading_env.storage.ledger import Slot
from trading_env.storage.market import PowerMarket
from trading_env.storage.plan import SchedulePlan
from trading_env.storage.simulator import StorageSimulator
from trading_env.vector_env import MarketVectorEnv, PastForecasts


class BatteryEnv(MarketEnv):
    """Run one storage unit through a day-ahead power market, slot by slot, from its first to its last.

    The schedule of a day is committed when its gate closes, on the day before and before its prices are known. The unit
    decides its slots one by one (24 hours, or 48 halves or 96 quarters of them), but every one of them sees only what
    was known at that moment, and its own charge, which follows from its own decisions: together they are the schedule.

    ## Action Space
    `Discrete(len(config.levels))`: action k commits `config.levels[k]` of the power for this slot; 1 buys with full
    power, -1 sells. With `config.actions` = `power` a `Box(-1, 1, (1,))`, the share of the power itself. What does not
    fit into the store is not bought, and what is not in it is not sold.

    ## Observation Space
    `Box(float32)` of F + K H + 4 numbers for K forecasts of H slots, all known at the gate closure of the slot's day:

    | columns | meaning | unit | bounds |
    |---|---|---|---|
    | 0 .. F-1 | the day's features, such as the hidden state | the features' own | their extremes in this market |
    | F | forecast of this slot's price | asinh(price / price_scale) | its extremes in this market |
    | F+1 .. F+H-1 | forecast of each later slot of the day, less this one's; 0 past the day's end | same | same |
    | .. F+K H-1 | the same of each of the market's `others` | same | same |
    | F+K H, F+K H+1 | local time of day, sine and cosine | | -1 to 1 |
    | F+K H+2 | hours of the day that are left, this slot included | 24 hours | 0 to 25 / 24 |
    | F+K H+3 | energy in the store | share of the capacity | 0 to 1 |

    ## Rewards
    Profit of the slot in the currency of the price: sold less bought at the slot's price, less wear. NaN where the
    price is not cleared yet.

    ## Starting State
    A charge of `config.initial_charge`, before the first slot, or before slot `options={"start": k}`.

    ## Episode End
    Never terminated. Truncated: the last slot was delivered, or `episode_bars` slots.

    ## Info
    `t`, the slot decided next; `charge_mwh`; `profit` since the episode began; `bought_mwh`, `sold_mwh`, `wear` of the
    last slot.

    Args:
        market: prices, and what was known of each day.
        config: the unit.
        episode_bars: slots of an episode; None plays to the market's end.

    Raises:
        ValueError: `episode_bars` is less than 1.
    """

    metadata = {"render_modes": []}  # noqa: RUF012 - Gymnasium's own convention

    def __init__(
        self, market: PowerMarket, config: BatteryConfig | None = None, *, episode_bars: int | None = None
    ) -> None:
        self.simulator = StorageSimulator(market, config or BatteryConfig(), 1, episode_bars)
        super().__init__(OneOf(self.simulator, self._info))

    def _info(self, record: Slot | None) -> dict[str, Any]:
        simulator = self.simulator
        return {
            "t": int(simulator.t[0]),
            "charge_mwh": float(simulator.charge[0]),
            "profit": float(simulator.profit[0]),
            "bought_mwh": 0.0 if record is None else float(record.bought[0]),
            "sold_mwh": 0.0 if record is None else float(record.sold[0]),
            "wear": 0.0 if record is None else float(record.wear[0]),
        }


class BatteryVectorEnv(MarketVectorEnv[PowerMarket, BatteryConfig, StorageSimulator]):
    """Run N storage units through one market at once; all else as in `BatteryEnv`.

    An info holds the `profit` of every unit's episode. Random episodes begin with the first slot of a day from which
    `episode_bars` fit, or at least one slot if that is None. All else is `MarketVectorEnv`'s.
    """

    simulate, rules = StorageSimulator, BatteryConfig

    def plan(self) -> SchedulePlan:
        """Return how this environment is planned on the forecasts its observations hold."""
        return SchedulePlan.of(self.simulator.market, self.simulator.config)

    def lessons(self) -> PastForecasts:
        """Return the forecasts and the prices of its days, for a planner to learn from."""
        return SchedulePlan.lessons(self.simulator.market)

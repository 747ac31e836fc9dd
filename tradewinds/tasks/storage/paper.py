"""A storage unit on paper: each day's schedule is committed once, and delivered when the day's prices are there.

Energy and money of every slot are the ledger's, by the simulator that the agent learned in, so that the charge and the
profit are those of a backtest over the same days to the last bit. Must not know where the unit is kept.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from tradewinds.pipeline.records import PaperStep
from tradewinds.pipeline.task import Models, Prepared
from tradewinds.tasks.storage import market as markets
from tradewinds.tasks.storage.delivery import gate_of
from trading_agent.common.player import Player
from trading_env import BatteryConfig, PowerMarket
from trading_env.storage.simulator import StorageSimulator


def follow(
    prepared: Prepared, models: Models, rows: Sequence[int], *, since: int, before: Mapping[str, Any] | None
) -> Iterator[PaperStep]:
    """Yield a step for each of `rows`, the last slots of days; see `tradewinds.pipeline.task.OnPaper`.

    Regressions beside the network are fitted anew each week, counted from the day after `since`.
    """
    unit, player = prepared.config.env, Player(models.acting())
    longer, states, _ = markets.with_tomorrow(prepared, models.forecasting()[1])
    market = markets.build_power_market(longer, states, range(since, len(longer.series.index)))
    begins = since + 1 + market.first_slots
    standing: Mapping[str, Any] = {"charge": unit.initial_charge * unit.capacity_mwh, "profit": 0.0, "power": []}
    if before is not None:
        standing = before["standing"]
        if before["own"] and player.remembers:
            player = Player(models.acting(), memory=np.array(standing["memory"], dtype=np.float32))
    for row in rows:
        standing, paid = _delivered(longer, row, standing, unit)
        day = int(np.searchsorted(begins, row + 1))
        step = _committed(market, day, standing, player, unit)
        yield PaperStep(
            row=row,
            worth=standing["profit"],
            held=[{"charge_mwh": standing["charge"], "share": standing["charge"] / unit.capacity_mwh}],
            paid=paid,
            decision=step["decision"],
            standing=step["standing"],
        )
        standing = step["standing"]


def _delivered(
    prepared: Prepared, row: int, standing: Mapping[str, Any], unit: BatteryConfig
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Deliver what was committed for the slots up to `row`; return how the unit then stands, and what came of each."""
    if not standing["power"]:
        return {"charge": standing["charge"], "profit": standing["profit"]}, {}
    first = row + 1 - len(standing["power"])
    market = markets.price_market(prepared, range(first - 1, row + 1))
    simulator = _unit_at(market, 0, standing, unit)
    slots = [simulator.follow(np.array([power])).record for power in standing["power"]]
    paid = {name: [float(getattr(slot, name)[0]) for slot in slots] for name in ("bought", "sold", "wear", "profit")}
    return {"charge": float(simulator.charge[0]), "profit": float(simulator.profit[0])}, paid


def _committed(
    market: PowerMarket, day: int, standing: Mapping[str, Any], player: Player, unit: BatteryConfig
) -> dict[str, dict[str, Any]]:
    """Commit the slots of a day, each on what was known at its gate closure; no price of the day is read."""
    first = int(market.first_slots[day])
    simulator = _unit_at(market, first, standing, unit)
    power, charge = list[float](), list[float]()
    for _ in range(int(market.day_slots[day])):
        share = simulator.shares(np.asarray(player.act(simulator.observation())), 1)
        power.append(float(share[0] * unit.power_mw))
        simulator.follow(np.array(power[-1:]))
        charge.append(float(simulator.charge[0]))
    assert market.index is not None
    local = pd.DatetimeIndex(market.index[first : first + len(power)], tz="UTC").tz_convert(unit.time_zone)
    expected = market.expected()[first : first + len(power)]
    schedule = [
        {
            "hour": start.isoformat(),
            "power_mw": megawatt,
            "price_forecast": float(price),
            "charge_after_mwh": after,
        }
        for start, megawatt, price, after in zip(local, power, expected, charge, strict=True)
    ]
    decision = {
        "delivery_day": f"{local[0]:%Y-%m-%d}",
        "gate_closure": gate_of(local[0].tz_convert("UTC"), unit).isoformat(),
        "schedule": schedule,
    }
    memory = {"memory": player.memory.tolist()} if player.remembers else {}
    return {"decision": decision, "standing": {**standing, "power": power, **memory}}


def _unit_at(market: PowerMarket, slot: int, standing: Mapping[str, Any], unit: BatteryConfig) -> StorageSimulator:
    """Return a unit that stands before a slot of a market as it stood."""
    simulator = StorageSimulator(market, unit, 1)
    clock = {"t": np.array([slot]), "until": np.array([len(market)])}
    simulator.restore({**clock, "charge": np.array([standing["charge"]]), "profit": np.array([standing["profit"]])})
    return simulator

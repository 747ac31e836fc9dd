"""A second account of a storage unit, written from docs/battery.md alone, one hour and one number at a time.

It shares no code with `trading_env.storage.ledger`: energy and money of every strategy are reckoned twice.
"""

from tradewinds.pipeline.task import Prepared
from tradewinds.tasks.storage.backtest import StorageBacktest

SAME = 1e-9  # relative difference between two accounts that is rounding


def second_opinion(prepared: Prepared, played: StorageBacktest) -> tuple[str, int, str] | None:
    """Return the first stage, row and difference in which a second account has other energy or money; None if none."""
    unit, series = prepared.config.env, prepared.series
    first = played.first_row
    prices = series.close[first : first + len(played.power), 0].tolist()
    for number, name in enumerate(played.strategies):
        stored, earned = unit.initial_charge * unit.capacity_mwh, 0.0
        records = zip(played.power[:, number].tolist(), prices, strict=True)
        for hour, (power, price) in enumerate(records):
            stored, money = _hour(stored, max(-unit.power_mw, min(unit.power_mw, power)), price, unit)
            earned += money
            stages = (
                ("fills", "MWh in store", float(played.path.charge[hour + 1, number]), stored),
                ("equity", "earned in the hour", float(played.path.profit[hour, number]), money),
            )
            for stage, word, ours, theirs in stages:
                if abs(ours - theirs) > SAME * max(1.0, abs(theirs)):
                    return stage, first + hour, f"{name} has {ours:.9g} {word}, and {theirs:.9g} by a second account"
    return None


def _hour(stored: float, power: float, price: float, unit: object) -> tuple[float, float]:
    """Return what is stored after an hour of `power` MW, positive buys, and what the hour earned; eq. 1 to 4."""
    capacity, into, out, wear = (
        getattr(unit, name)
        for name in ("capacity_mwh", "charge_efficiency", "discharge_efficiency", "degradation_per_mwh")
    )
    if power >= 0.0:
        room = capacity - stored
        taken = power if power * into <= room else room / into
        return min(stored + taken * into, capacity), -taken * price
    drawn = min(-power / out, stored)
    return max(stored - drawn, 0.0), drawn * out * price - drawn * wear

"""Leaks of money and energy, and of the prices a storage unit may know."""

from dataclasses import replace

import numpy as np

from leaks.table import after, change, instead, plant

DELIVER, RIDGE = "trading_env.storage.ledger:deliver", "tradewinds.tasks.storage.price_forecasts:weekly_ridge"


@plant("ledger", "ar1")
def borrow_is_received():
    """who is short receives the interest that is due on what is borrowed"""

    def make(start):
        def generous(self, *given):
            start(self, *given)
            self.borrow = -self.borrow

        return generous

    change("trading_env.ledger.rules:Rules.__init__", make)


@plant("ledger", "ar1")
def losses_capped():
    """no bar loses more than half a percent of equity"""

    def capped(run, *_):
        steps = np.maximum(run.equity[1:] / run.equity[:-1], 0.995)
        return replace(run, equity=np.concatenate([run.equity[:1], run.equity[:1] * np.cumprod(steps, axis=0)]))

    after("trading_env.ledger.run:run_ledger", capped)


@plant("storage", "battery")
def half_of_tomorrow_s_prices():
    """a day's price forecast is half the forecast and half the truth"""

    def half(paths, series, states, rows):
        ahead = np.minimum(rows[:, None] + 1 + np.arange(paths.shape[1]), len(series.close) - 1)
        return 0.5 * paths + 0.5 * series.close[ahead, 0]

    after("tradewinds.tasks.storage.delivery:price_paths", half)


@plant("storage", "battery_difference")
def half_of_tomorrow_s_prices_by_differences():
    """the same, where the network forecasts differences of the price"""
    half_of_tomorrow_s_prices()


@plant("storage", "battery")
def gate_an_hour_late():
    """a day is forecast at its own first hour, whose price was not cleared at the gate closure"""
    instead("tradewinds.tasks.storage.delivery:Delivery.gate_rows", property(lambda self: self.first))


@plant("storage", "battery")
def ridge_on_all_days():
    """the regressions beside the network are fitted once on all days, those they forecast included"""
    from forecaster.baselines.naive_and_ridge import ridge_forecast, ridge_weights

    def on_all(table, target, place, *, share, days=None, first=7):
        mean, spread = table[first:].mean(axis=0), table[first:].std(axis=0)
        scaled = (table - mean) / np.where(spread > 1e-9, spread, 1.0)
        return ridge_forecast(ridge_weights(scaled[first:], target[first:], 1.0), scaled[place])

    instead(RIDGE, on_all)


@plant("storage", "battery")
def regression_knows_its_own_week():
    """the regressions are fitted on the week they forecast, too"""

    def make(weekly_ridge):
        def late(table, target, place, **options):
            parts = []
            for begin in range(0, len(place), 7):
                block = place[begin : begin + 7]
                end = int(block[-1]) + 1  # what is known ends with the block, which stands once more behind it
                longer = (np.concatenate([part[:end], part[block]]) for part in (table, target))
                parts.append(weekly_ridge(*longer, end + np.arange(len(block)), **options))
            return np.concatenate(parts)

        return late

    change(RIDGE, make)


@plant("storage", "battery")
def energy_appears_on_discharge():
    """discharging draws what is sold times the efficiency, and not divided by it"""

    def generous(hour, charge, power, price, config):
        drawn = hour.sold * config.discharge_efficiency
        stored = np.clip(charge + hour.bought * config.charge_efficiency - drawn, 0.0, config.capacity_mwh)
        wear = drawn * config.degradation_per_mwh
        return hour._replace(charge=stored, wear=wear, profit=(hour.sold - hour.bought) * price - wear)

    after(DELIVER, generous)


@plant("storage", "battery")
def energy_appears_in_both_accounts():
    """discharging draws too little, and the second account makes the same mistake"""

    def generous(stored, power, price, unit):
        if power >= 0.0:
            taken = min(power, (unit.capacity_mwh - stored) / unit.charge_efficiency)
            return min(stored + taken * unit.charge_efficiency, unit.capacity_mwh), -taken * price
        sold = min(-power, stored * unit.discharge_efficiency)
        drawn = sold * unit.discharge_efficiency
        return max(stored - drawn, 0.0), sold * price - drawn * unit.degradation_per_mwh

    energy_appears_on_discharge()
    instead("tradewinds.tasks.storage.second_account:_slot", generous)


@plant("storage", "battery")
def wear_unpaid():
    """nothing is paid for wear"""
    after(
        DELIVER,
        lambda hour, charge, power, price, config, *_: hour._replace(
            wear=0.0 * hour.wear, profit=(hour.sold - hour.bought) * price
        ),
    )


@plant("storage", "battery")
def full_store_every_day():
    """the store is full at the beginning of each 24 hours, whatever was left in it"""

    def make(run_schedule):
        def refilled(price, power, config, slot_hours=1.0, *_):
            full, power = replace(config, initial_charge=1.0), np.asarray(power)
            days = [slice(start, start + 24) for start in range(0, len(price), 24)]
            runs = [run_schedule(price[day], power[day], full, slot_hours) for day in days]
            names = ("bought", "sold", "wear", "profit")
            columns = {name: np.concatenate([getattr(run, name) for run in runs]) for name in names}
            charge = np.concatenate([runs[0].charge[:1], *(run.charge[1:] for run in runs)])
            return replace(runs[0], charge=charge, **columns)

        return refilled

    change("trading_env.storage.ledger:run_schedule", make)

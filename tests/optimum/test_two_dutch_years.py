"""The best schedule of two years of real prices, many of them far below zero: one best schedule, not many."""

import numpy as np
import pandas as pd

from tradewinds.core.resources import resource_dir
from trading_env import BatteryConfig, best_schedule, run_schedule


def profit_of(price, config):
    return float(run_schedule(price, best_schedule(price, config, start=0.0), config).profit.sum())


def test_the_value_of_energy_stays_a_line_of_few_knots_through_two_years():
    """Once rounding had bent it the knots doubled by the hour, and foresight of 2023 and 2024 did not end."""
    table = pd.read_csv(resource_dir("data") / "nl_day_ahead_hourly.csv.gz")
    price, config = table["eur_mwh"].to_numpy(np.float64)[-17_520:], BatteryConfig()
    best = profit_of(price, config)
    days = sum(profit_of(day, config) for day in price.reshape(-1, 24))
    assert days < best < 1.05 * days  # energy carried over midnight is worth little
    weeks = sum(profit_of(week, config) for week in price[: 104 * 168].reshape(-1, 168))
    assert weeks < profit_of(price[: 104 * 168], config) < 1.02 * weeks

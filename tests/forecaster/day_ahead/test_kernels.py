"""Regressions by kernels: the textbook's answer, errors of days left out, and no day that is still to come."""

import numpy as np
import pandas as pd
import pytest

from forecaster.day_ahead.days import FIRST, day_table
from forecaster.day_ahead.inputs import day_inputs
from forecaster.day_ahead.kernels import REACH, DayKernels, _groups, _left_out

from markets import power_series

DAYS, FITTED = 120, 100


def market(days=DAYS, *, other_from=None, announced=True):
    """Prices that bend with a load, which is announced the day before; other ones `other_from` a day on."""
    rng, bars = np.random.default_rng(0), 24 * DAYS
    index = pd.date_range("2021-01-01", periods=bars, freq="h", tz="UTC")
    load = rng.normal(0.0, 1.0, bars + 48)
    profile = np.tile(10.0 * np.sin(np.arange(24) * np.pi / 12.0), DAYS)
    price = 30.0 + profile + 4.0 * np.maximum(load[:bars], 0.0) ** 2 + rng.normal(size=bars)
    if other_from is not None:
        price[24 * other_from :] *= -3.0
    ahead = pd.DataFrame({"load": load}, index=pd.date_range(index[0], periods=bars + 48, freq="h"))
    lead = {"ahead": ahead, "lead": pd.Timedelta(hours=24)} if announced else {}
    table = day_table(power_series(index, price, **lead).rows(range(24 * days)))
    return table, day_inputs(table, tokens=3, scales_days=(28, 60))


def textbook(inputs, kernels, unit, day, stop):
    """The mean of a Gaussian process (Rasmussen and Williams 2006, eq. 2.25), in words of our own."""
    *weights, noise, radial, linear, decay = kernels.settings[unit]
    read, label = inputs.flat[unit].double().numpy(), inputs.label[unit].double().numpy()
    parts = zip(weights, kernels.groups, strict=True)
    scaled = np.concatenate([w * read[:, part] / np.sqrt(part.stop - part.start) for w, (_, part) in parts], axis=1)
    rows = np.arange(FIRST, stop)

    def alike(x, y):
        return 1.0 + linear * x @ y + radial * (1.0 + ((x - y) ** 2).sum() / REACH) ** -2

    known = np.array([[alike(scaled[i], scaled[j]) for j in rows] for i in rows])
    known += np.diag(noise * np.exp((day - rows) / decay))
    mean = np.array([alike(scaled[day], scaled[j]) for j in rows]) @ np.linalg.solve(known, label[rows])
    middle, spread = float(inputs.middle[unit, day]), float(inputs.spread[unit, day])
    return middle + spread * np.sinh(mean)


def test_a_day_is_the_mean_of_a_gaussian_process_of_the_days_that_were_learned_from():
    _, inputs = market()
    kernels = DayKernels(inputs.sizes, 2, window=1456)
    prices = kernels.forecast(inputs, 110, 104)
    for unit in range(2):
        np.testing.assert_allclose(prices[unit], textbook(inputs, kernels, unit, 110, 104), rtol=1e-9)


def test_errors_of_days_left_out_are_those_of_regressions_without_them():
    rng = np.random.default_rng(1)
    read, label, age = rng.normal(size=(12, 5)), rng.normal(size=(12, 3)), np.arange(12, 0, -1)
    grams, settings = (read @ read.T)[None], np.array([0.8, 0.2, 2.0, 0.5, 50.0])
    products = 0.64 * grams[0]
    squares = np.diag(products)
    distance = squares[:, None] + squares - 2.0 * products
    kernel = 1.0 + 0.5 * products + 2.0 * (1.0 + distance / REACH) ** -2
    noisy = kernel + np.diag(0.2 * np.exp(age / 50.0))
    errors = []
    for day in range(12):
        rest = np.delete(np.arange(12), day)
        told = kernel[day, rest] @ np.linalg.solve(noisy[np.ix_(rest, rest)], label[rest])
        errors.append(np.abs(told - label[day]))
    assert _left_out(grams, label, age, settings) == pytest.approx(np.mean(errors))


def test_kernels_that_were_found_err_less_than_guesses_and_than_the_day_before():
    table, inputs = market()
    guessed, found = (DayKernels(inputs.sizes, 2, window=1456) for _ in range(2))
    found.fit(inputs, FITTED, first=FIRST)
    days = range(FITTED, DAYS)
    errors = [
        np.mean([np.abs(one.forecast(inputs, d, d).mean(axis=0) - table.price[d]).mean() for d in days])
        for one in (guessed, found)
    ]
    naive = np.mean([np.abs(table.price[d - 1] - table.price[d]).mean() for d in days])
    assert errors[1] < errors[0] < naive


def test_no_day_that_is_still_to_come_reaches_a_forecast_to_the_bit():
    (_, true), (_, other), (_, shorter) = market(), market(other_from=105), market(days=106)
    kernels = DayKernels(true.sizes, 2, window=40)
    kernels.fit(true, FITTED, first=FIRST)
    for day in (102, 105):
        prices = kernels.forecast(true, day, day)
        np.testing.assert_array_equal(kernels.forecast(other, day, day), prices)
        np.testing.assert_array_equal(kernels.forecast(shorter, day, day), prices)
    assert not np.array_equal(kernels.forecast(other, 106, 106), kernels.forecast(true, 106, 106))


@pytest.mark.parametrize("announced", [True, False])
def test_groups_are_all_inputs_each_once(announced):
    _, inputs = market(announced=announced)
    groups = _groups(*inputs.sizes)
    assert len(groups) == (8 if announced else 5)
    places = np.concatenate([np.arange(part.start, part.stop) for _, part in groups])
    np.testing.assert_array_equal(places, np.arange(inputs.sizes[1]))


def test_where_nothing_was_learned_the_usual_price_is_told():
    _, inputs = market()
    prices = DayKernels(inputs.sizes, 2, window=1456).forecast(inputs, FIRST, FIRST)
    np.testing.assert_array_equal(prices, inputs.middle[:, FIRST, None].expand(2, 24).numpy())

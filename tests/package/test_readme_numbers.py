"""The numbers in the README: what the script wrote, of the configuration and the data that are shipped now."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

from tradewinds.core.resources import resource_dir
from tradewinds.request.compose import compose_requests
from tradewinds.request.schema import request_from
from tradewinds.tasks import job_of

ROOT = Path(__file__).resolve().parents[2]
AGAIN = "run `python benchmarks/readme.py` (half an hour) and commit README.md and docs/numbers.json"


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("readme_numbers", ROOT / "benchmarks" / "readme.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def numbers(script):
    return json.loads(script.NUMBERS.read_text(encoding="utf-8"))


def request_of(script, name):
    (plain,) = compose_requests(script.RUNS[name], [resource_dir("conf")], multirun=False)
    return request_from(plain)


def test_the_readme_says_what_the_runs_said(script, numbers):
    readme = script.README.read_text(encoding="utf-8")
    assert readme == script.with_table(readme, numbers), AGAIN


def test_a_number_that_was_touched_does_not_pass(script, numbers):
    readme = script.README.read_text(encoding="utf-8")
    for change in (
        lambda: numbers["sp500"]["strategies"]["agent"].update(total_return=0.9),
        lambda: numbers["houston_weather"]["strategies"]["perfect_foresight"].update(profit=1.0),
        lambda: numbers["temperature"]["value_mae_last"].update(naive=0.1),
        lambda: numbers["temperature"].update(leakcheck="leak at features"),
    ):
        before = script.with_table(readme, numbers)
        change()
        assert script.with_table(readme, numbers) != before
    shown = f"naive {script.shown(numbers['sp500']['value_mae_last']['naive'])} % of the price"
    assert shown in readme
    touched = readme.replace(shown, "naive 0.09 % of the price")
    assert script.with_table(touched, numbers) != touched


def leaves(plain, path=""):
    """Every value of nested settings under its dotted name."""
    for key, value in plain.items():
        if isinstance(value, dict):
            yield from leaves(value, f"{path}{key}.")
        else:
            yield f"{path}{key}", value


@pytest.mark.parametrize("name", ["sp500", "houston_weather", "netherlands", "temperature"])
def test_the_numbers_are_of_this_very_configuration(name, script, numbers):
    """A setting that came later does not count: what it does by default is what was done before."""
    plain = json.loads(json.dumps(request_of(script, name).deciding()))
    now, then = dict(leaves(plain)), dict(leaves(numbers[name]["config"]))
    changed = {key: (value, now.get(key)) for key, value in then.items() if now.get(key) != value}
    assert changed == {}, AGAIN
    assert len(then) > 50


@pytest.mark.parametrize("name", ["sp500", "temperature"])
def test_what_needs_no_training_is_found_again_in_the_data(name, script, numbers):
    """The naive error, and what an owner earned, straight from the shipped series."""
    prepared = job_of(request_of(script, name), whole=True)
    assert prepared.inputs["sha256"] == numbers[name]["data_sha256"], AGAIN
    test, horizon = prepared.split.test, prepared.config.model.horizon
    close, index = prepared.series.close[:, 0], prepared.series.index
    assert (f"{index[test.start]:%Y-%m-%d}", f"{index[test.stop - 1]:%Y-%m-%d}") == (
        numbers[name]["first"],
        numbers[name]["last"],
    )
    now, then = close[test.start : test.stop - horizon], close[test.start + horizon : test.stop]
    moved = np.abs(then - now) if prepared.series.target == "difference" else 100.0 * np.abs(then / now - 1.0)
    assert moved.mean() == pytest.approx(numbers[name]["value_mae_last"]["naive"], rel=1e-9)
    if name == "sp500":
        open_, close = prepared.series.open[test.start + 1, 0], prepared.series.close[test.stop - 1, 0]
        held = numbers[name]["strategies"]["buy_and_hold"]["total_return"]
        assert held == pytest.approx(close / open_ - 1.0, abs=1e-3)  # but for three basis points of cost

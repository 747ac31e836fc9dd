"""A frame in memory and a file on the command line are one forecaster: weights, states and values, to the bit."""

import json

import numpy as np
import pandas as pd
import pytest

from forecaster import Forecaster
from forecaster.fitted import load_panel
from forecaster.hidden_states import load_hidden_states

from story import FAST_CSV, write_bars

FEW = (*FAST_CSV, "model.horizon=3", "series=csv", "backtest.attributions=12")
NETWORK = {"context_length": 16, "hidden_size": 8}


@pytest.fixture(scope="module")
def run_of_bars(tmp_path_factory):
    """Bars, and the folder of a run on them."""
    from tradewinds.__main__ import main

    folder = tmp_path_factory.mktemp("frames")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        write_bars("bars.csv", num_bars=420)
        assert main(("run", "series.path=bars.csv", *FEW)) == 0
    (run,) = (folder / "runs" / "bars").glob("2*")
    return pd.read_csv(folder / "bars.csv"), run


@pytest.fixture(scope="module")
def held(run_of_bars):
    """The forecaster that a frame of the run's rows gives, calibrated on the run's validation rows."""
    frame, run = run_of_bars
    parts = splits_of(run)
    forecaster = Forecaster(horizon=3, calibration=0.0, network=NETWORK, trainer={"epochs": 2})
    forecaster.fit(frame[: parts["forecaster"][1]])
    first, stop = parts["validation"]
    return forecaster.calibrate(frame[:stop], since=frame["date"][first])


def splits_of(run):
    """First row and end of each part, as the report says."""
    splits = json.loads((run / "report.json").read_text())["data"]["splits"]
    return {name: part["rows"] for name, part in splits.items()}


def test_the_weights_of_a_frame_are_those_of_a_run(run_of_bars, held):
    (ours,), (theirs,) = held.fitted.values(), load_panel(run_of_bars[1] / "forecaster").values()
    for name, weight in theirs.model.state_dict().items():
        np.testing.assert_array_equal(ours.model.state_dict()[name], weight)


def test_the_hidden_states_of_a_frame_are_those_of_a_run(run_of_bars, held):
    frame, run = run_of_bars
    states = load_hidden_states(run / "hidden_states")
    embedded = held.embed(frame)
    known = states.hidden_state[states.first_row :]
    np.testing.assert_array_equal(embedded.filter(like="hidden_").to_numpy()[: len(known)], known)


def test_a_value_told_of_a_bar_is_the_row_of_the_backtest(run_of_bars, held):
    frame, run = run_of_bars
    told = pd.read_parquet(run / "backtest" / "values_ahead.parquet")
    rows = told[told["issued"] == told["issued"].unique()[20]]
    known = frame[pd.to_datetime(frame["date"]).dt.tz_localize("UTC") < rows["issued"].iloc[0]]
    ours = held.predict(known, levels=(0.05, 0.25, 0.5, 0.75, 0.95))
    for name in ("value", "interval.0.05", "interval.0.5", "interval.0.95"):
        np.testing.assert_array_equal(ours[name], rows[name])


def test_a_run_tells_what_its_forecasts_rest_on(run_of_bars):
    _, run = run_of_bars
    rests = json.loads((run / "report.json").read_text())["honesty"]["forecast_rests_on"]
    assert rests["rows"] == 12
    assert rests["ahead"] == 3
    assert sum(rests["by_feature"].values()) == pytest.approx(1.0)
    assert sum(rests["by_bar"]) == pytest.approx(1.0)
    assert rests["unexplained"] < 0.05
    assert -1.0 <= rests["random_weights"] <= 1.0
    assert 'id="attributions"' in (run / "report.html").read_text()

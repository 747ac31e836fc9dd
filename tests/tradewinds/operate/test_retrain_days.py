"""`retrain` and `signal` are recalibration by another name: one walk through days, whoever asks for it."""

import json
from pathlib import Path

import pandas as pd
import pytest
from daywise import WORDS, write_power

from forecaster.day_ahead.fitted import load_days
from tradewinds.core.resources import resource_dir
from tradewinds.pipeline.encoding import encode_grown
from tradewinds.request.compose import compose_requests
from tradewinds.request.schema import request_from
from tradewinds.tasks import job_of

from story import CommandLine

STATES, DECISIONS = "hidden_states/hidden_states.parquet", "backtest/paths.csv"


@pytest.fixture
def typed(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    return CommandLine(capsys)


def test_a_retraining_on_a_longer_file_and_a_signal_on_it_are_the_run_and_the_walk_on_it(typed, tmp_path):
    write_power(tmp_path / "power.csv", days=180)
    whole = (tmp_path / "power.csv").read_text().splitlines(keepends=True)
    (tmp_path / "power.csv").write_text("".join(whole[: 1 + 24 * 170]))
    brief = [*WORDS, "trainer.epochs=3", "recalibration.every_days=3", "agent.steps=40", "agent.validate_every=20"]
    words = [*brief, "run.name=model"]
    assert typed("retrain", *words).status == 0
    (first,) = (path.parent for path in Path("runs/model").glob("*/report.json"))

    (tmp_path / "power.csv").write_text("".join(whole))
    (plain,) = compose_requests(words, [resource_dir("conf")], multirun=False)
    series = job_of(request_from(plain), whole=True).series
    goes_on = encode_grown(load_days(first / "forecaster", first / "hidden_states"), series, first / "hidden_states")
    in_one_go = load_days(first / "forecaster").encode(series)  # from the first fit on
    for name in ("hidden_state", "forecast", "label_end", "fit_end"):
        assert getattr(goes_on, name).tobytes() == getattr(in_one_go, name).tobytes()
    signal = typed("signal", *words)
    assert signal.status == 0, signal.err
    assert len(json.loads(signal.out)["schedule"]) == 24

    assert typed("retrain", *words).status in (0, 3)  # promoted or not, it is judged
    assert typed("run", *brief, "run.name=plain").status == 0
    (second,) = (path.parent for path in Path("runs/model").glob("*/report.json") if path.parent != first)
    (run,) = (path.parent for path in Path("runs/plain").glob("*/report.json"))
    for table in (STATES, DECISIONS):
        assert (second / table).read_bytes() == (run / table).read_bytes()
    assert len(pd.read_csv(run / DECISIONS)) > 0

"""What comes next, to take home: by whom, in which form, and what is refused before anything is told."""

import io
import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from tradewinds.operate.registry import Registry

from story import FAST_CSV, CommandLine, write_bars

WORDS = ("series=csv", "series.path=bars.csv", "model.horizon=3", "signal.max_age=null", *FAST_CSV)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("predict")


@pytest.fixture
def typed(folder, monkeypatch, capsys):
    """Type commands where one version is champion."""
    monkeypatch.chdir(folder)
    command = CommandLine(capsys)
    if not Path("bars.csv").exists():
        write_bars("bars.csv", num_bars=400)
        assert command("retrain", *WORDS).status == 0
    return command


def table_of(answer):
    assert answer.status == 0, answer.err
    return pd.read_csv(io.StringIO(answer.out))


def test_the_champion_tells_the_bars_after_the_last_as_csv_json_and_parquet(typed):
    told = typed("predict", *WORDS)
    assert "forecaster: version 1 of 'bars'" in told.err
    table = table_of(told)
    assert table["target"].tolist() == [f"2021-07-{day} 00:00:00+00:00" for day in (14, 15, 16)]
    assert list(table.columns[-5:]) == [f"interval.{level}" for level in (0.05, 0.25, 0.5, 0.75, 0.95)]
    for name in ("next.csv", "next.json", "next.parquet"):
        assert f"wrote {name}" in typed("predict", *WORDS, f"predict.path={name}").out
    values = [pd.read_csv("next.csv")["value"].tolist(), pd.read_parquet("next.parquet")["value"].tolist()]
    values.append([row["value"] for row in json.loads(Path("next.json").read_text(encoding="utf-8"))])
    for other in values:
        assert other == pytest.approx(table["value"].tolist(), rel=1e-12)


def test_asked_levels_are_told_and_others_refused(typed):
    table = table_of(typed("predict", *WORDS, "predict.levels=[0.1,0.9]"))
    assert list(table.columns[-2:]) == ["interval.0.1", "interval.0.9"]
    answer = typed("predict", *WORDS, "predict.levels=[0.9,0.1]")
    assert answer.status == 2
    assert "predict.levels must be a list that rises" in answer.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("predict.path=next.xlsx",), "predict.path must end in .csv, .parquet or .json, was 'next.xlsx'"),
        (("predict.path=nowhere/next.csv",), "predict.path must lie in a folder that is there, was 'nowhere/next.csv'"),
        (("models.version=7",), "models.version must be one of 'bars', 1, was 7"),
        (
            ("models.version=1", "inputs.forecaster=runs/bars"),
            "models.version=1 and inputs.forecaster=runs/bars both name a model; leave one out",
        ),
    ],
)
def test_what_cannot_be_told_is_refused_and_nothing_is_written(typed, words, message):
    answer = typed("predict", *WORDS, *words)
    assert answer.status == 2
    assert message in answer.err
    assert not Path("next.xlsx").exists()


def test_old_data_are_not_predicted_from(typed):
    words = [word for word in WORDS if not word.startswith("signal.max_age")]
    answer = typed("predict", *words)
    assert answer.status == 3
    assert "bars: last bar closed 2021-07-14 00:00 UTC" in answer.err
    assert "signal.max_age allows 2; bring the series up to date" in answer.err


def test_a_lost_registry_is_said_and_a_forecaster_can_be_named_instead(typed):
    registry = Registry(Path("runs")).database.path
    shutil.move(registry, "kept")
    try:
        answer = typed("predict", *WORDS)
        assert answer.status == 3
        assert "tradewinds models rebuild" in answer.err
        (run,) = Path("runs/bars").glob("2*")
        named = typed("predict", *WORDS, f"inputs.forecaster={run}/forecaster")
        assert len(table_of(named)) == 3
        bare = typed("predict", *WORDS[:2], "signal.max_age=null", f"inputs.forecaster={run}/forecaster")
        assert bare.out == named.out  # what it was fitted with need not be typed again
        assert "note: as the forecaster was fitted, not as this request says: model.context_length, " in bare.err
    finally:
        shutil.move("kept", registry)

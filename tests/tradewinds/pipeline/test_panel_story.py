"""Several instruments through the command line: one forecaster learns from all, an agent trades one of them."""

import json

import pytest

from story import FAST_CSV, write_bars

WORDS = (*FAST_CSV, "signal.max_age=null", "series=csv", "series.path={up: up.csv, down: down.csv}")


@pytest.fixture
def files(tmp_path):
    write_bars(tmp_path / "up.csv", seed=1)
    write_bars(tmp_path / "down.csv", seed=2)


def test_one_forecaster_is_scored_on_each_instrument_and_encodes_them_all(files, tradewinds, tmp_path):
    told = ("features.identity=true", "features.static={up: {size: 1}, down: {size: 2}}")
    answer = tradewinds("train-forecaster", *WORDS, *told)
    assert answer.status == 0, answer.err
    assert "scores of the changes bar by bar, up, validation rows" in answer.out
    assert "scores of the changes bar by bar, down, validation rows" in answer.out
    answer = tradewinds("encode", *WORDS, *told, "--json")
    assert answer.status == 0, answer.err
    outcome = json.loads(answer.out.splitlines()[-1])
    assert outcome["rows"] == 500
    assert (tmp_path / outcome["hidden_states"] / "panel_states.parquet").is_file()
    answer = tradewinds("train-agent", *WORDS, *told, "rollout.instrument=down", "--json")
    assert answer.status == 0, answer.err


def test_an_agent_of_levels_is_asked_which_instrument_it_trades(files, tradewinds, tmp_path):
    answer = tradewinds("run", *WORDS)
    assert answer.status == 2
    assert "env.actions must be long_weights or long_short_weights, a weight for each, was levels: " in answer.err
    assert "the series has 2 instruments; or choose one with rollout.instrument=up" in answer.err
    assert not (tmp_path / "runs").exists()
    answer = tradewinds("run", *WORDS, "rollout.instrument=don")
    assert answer.status == 2
    assert "rollout.instrument must be one of up, down, was 'don'; did you mean 'down'?" in answer.err


def test_the_champion_of_one_instrument_does_not_speak_for_the_other(files, tradewinds):
    assert tradewinds("retrain", *WORDS, "rollout.instrument=down").status == 0
    answer = tradewinds("signal", *WORDS, "rollout.instrument=down", "--json")
    assert list(json.loads(answer.out.splitlines()[-1])["target_exposure"]) == ["down"]
    answer = tradewinds("signal", *WORDS, "rollout.instrument=up")
    assert answer.status == 2
    assert "was trained on up-down (up, down, bars of 1 days 00:00:00, down traded)" in answer.err


def test_files_of_different_bars_are_not_one_panel(files, tradewinds, tmp_path):
    lines = (tmp_path / "up.csv").read_text().splitlines()
    (tmp_path / "down.csv").write_text("\n".join([lines[0], *lines[1::5]]))
    answer = tradewinds("train-forecaster", *WORDS)
    assert answer.status == 2
    assert "the files of series.path must have bars of one length, have up of 1 days 00:00:00, down of 7" in answer.err

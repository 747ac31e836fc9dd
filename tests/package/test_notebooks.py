"""The notebooks of docs/ are short, and every one of them runs from its first cell to its last."""

import runpy
from pathlib import Path

import pytest

from plugged import forgotten

NOTEBOOKS = sorted((Path(__file__).parents[2] / "docs" / "notebooks").glob("*.py"))


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_of_less_than_forty_lines_runs(notebook, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert len(notebook.read_text().splitlines()) < 40
    with forgotten():  # what a notebook registers
        runpy.run_path(str(notebook))
    assert capsys.readouterr().out


def test_there_is_one_for_each_thing_that_people_do_first():
    wanted = {"forecast_in_pandas", "panel_in_polars", "weather_ahead", "own_environment", "read_a_run", "a_plug_in"}
    assert {notebook.stem for notebook in NOTEBOOKS} == wanted

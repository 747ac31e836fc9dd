"""The report's page: what is left out of its pictures, and how large it may be."""

import importlib.util
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradewinds.__main__ import main
from tradewinds.judge import draw
from tradewinds.report.charts import source_of, thin

from story import FAST_CSV

SCRIPT = Path(__file__).resolve().parents[3] / "benchmarks" / "page.py"


@given(st.integers(1, 5000), st.integers(100, 3000), st.integers(1, 12), st.integers(0, 9))
@settings(deadline=None)
def test_a_thinned_picture_has_few_rows_and_every_extreme(rows, points, kept, seed):
    rng = np.random.default_rng(seed)
    names = [f"c{number}" for number in range(kept)]
    table = pd.DataFrame(rng.normal(size=(rows, kept)).cumsum(axis=0), columns=names)
    table.iloc[: rows // 9] = np.nan
    drawn = thin(table, points, names)
    assert len(drawn) <= max(points, 2 * kept * 2 + 2)
    assert drawn.index.is_monotonic_increasing
    assert {0, rows - 1} <= set(drawn.index)
    pd.testing.assert_series_equal(drawn.max(), table.max())
    pd.testing.assert_series_equal(drawn.min(), table.min())
    assert drawn.equals(table.loc[drawn.index])


def test_a_spike_of_one_bar_in_a_million_is_drawn():
    values = np.zeros(1_000_000)
    values[654_321], values[123_456] = 5.0, -7.0
    table = pd.DataFrame({"a": values, "b": np.arange(1_000_000.0)})
    drawn = thin(table, 3000, ["a", "b"])
    assert (len(drawn) <= 3000, drawn["a"].max(), drawn["a"].min()) == (True, 5.0, -7.0)
    assert drawn.index[drawn["a"].argmax()] == 654_321


def test_charts_draw_from_one_table_of_small_numbers():
    index = pd.date_range("2020-01-01", periods=3, name="time")
    source = source_of(pd.DataFrame({"a": [1.0, 2.0, 3.0]}, index=index))
    assert set(source.data) == {"time", "a"}
    assert source.data["a"].dtype == np.float32


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """The benchmark of the page, and a run whose paths it may replace."""
    spec = importlib.util.spec_from_file_location("page_benchmark", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    folder = tmp_path_factory.mktemp("page")
    assert main(["run", "series=square_wave", *FAST_CSV, f"run.dir={folder}/runs"]) == 0
    return module, next(folder.glob("runs/*/*/report.json")).parent


@pytest.mark.parametrize("bars", [5_000, 1_000_000])
def test_the_page_is_as_small_as_promised(bars, pages, tmp_path):
    module, original = pages
    run = module.stretched(Path(shutil.copytree(original, tmp_path / "run")), bars)
    megabytes, _ = module.LIMITS[bars]  # how quick it is, benchmarks/page.py measures
    draw(run, plot_points=3000)
    assert (run / "report.html").stat().st_size <= megabytes * 1e6

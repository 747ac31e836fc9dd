"""The table of planted leaks: what it changes is still there, and what shows in a second is found where it sits.

The others take longer, and belong to `make bench` (benchmarks/leaks.py).
"""

import sys

import pytest

from tradewinds.data.assemble.loaded import LoadedSeries, Parts
from tradewinds.leakcheck.probes import check_pipeline

from leaks import CALLS, PLANTS, planted
from leaks.requests import REQUESTS, write_files
from leaks.table import ROOMS, UNDO
from planting import prepared_of, request, series

FOUND = {
    "forecasts_unbiased_on_test": ("frozen", "scores"),
    "quantiles_know_their_own_outcome": ("frozen", "scores"),
    "bands_scaled_until_they_cover": ("frozen", "scores"),
    "state_carried_from_the_end": ("frozen", "hidden_states"),
    "forecasts_smoothed_both_ways": ("frozen", "forecasts"),
    "borrow_is_received": ("account", "fills"),
    "losses_capped": ("account", "equity"),
}


def functions():
    """Every function that a module of the rooms knows, by name."""
    rooms = {name: module for name, module in sys.modules.items() if name.split(".")[0] in ROOMS}
    return {(name, key): value for name, module in rooms.items() for key, value in vars(module).items()}


@pytest.mark.parametrize("name", PLANTS)
def test_every_leak_of_the_table_can_be_planted_and_pulled_out(name):
    with planted(name):
        pass
    before = functions()
    with planted(name):
        assert UNDO
    after = functions()
    assert all(after[place] is value for place, value in before.items())
    assert PLANTS[name].request in REQUESTS


@pytest.mark.parametrize("name", FOUND)
def test_a_leak_of_the_table_is_found_where_it_sits(name):
    CALLS.clear()
    with planted(name):
        leak = check_pipeline(prepared_of(request(), Parts(LoadedSeries(series())))).leak
    assert sum(CALLS.values()) > 0
    assert leak is not None
    assert (leak.probe, leak.stage) == FOUND[name], str(leak)


def test_the_files_of_the_requests_are_read_without_repair(tmp_path, monkeypatch):
    from tradewinds.core.resources import resource_dir
    from tradewinds.request.compose import compose_requests
    from tradewinds.request.schema import request_from
    from tradewinds.tasks import job_of

    monkeypatch.chdir(tmp_path)
    write_files(tmp_path)
    (plain,) = compose_requests(REQUESTS["file"].split(), [resource_dir("conf")], multirun=False)
    job = job_of(request_from(plain), whole=True)
    assert list(job.series.exogenous.columns) == ["warm"]
    assert len(job.series.index) > 450

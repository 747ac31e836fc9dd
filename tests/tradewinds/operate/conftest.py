"""A market, and the same one with a first champion, which is trained once for all tests."""

import shutil

import postgres
import pytest

from tradewinds.__main__ import main

from championship import WORDS, Market


@pytest.fixture(scope="package")
def server():
    """Start a PostgreSQL server for all tests."""
    if not postgres.IS_THERE:
        pytest.skip(postgres.REASON)
    with postgres.serving() as server:
        yield server


@pytest.fixture
def market(tmp_path):
    """Write the first bars of a market."""
    return Market(tmp_path)


@pytest.fixture(scope="package")
def first_champion(tmp_path_factory):
    """Train a model on a market and return the folder of its runs."""
    folder = tmp_path_factory.mktemp("first_champion")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        Market(folder)
        assert main(["retrain", *WORDS]) == 0
    return folder / "runs"


@pytest.fixture
def grown(market, first_champion, tmp_path):
    """Write a market whose first bars a champion was trained on."""
    shutil.copytree(first_champion, tmp_path / "runs")
    return market

"""Kinds of other people's: found through the entry point, and never in the way of ours."""

import sys
import types
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from typing import Literal

import pytest

import tradewinds.core.plugins as plugins
from tradewinds.core.resources import resource_dir
from tradewinds.request.compose import compose_requests
from tradewinds.request.schema import request_from

from plugged import forgotten


@dataclass(frozen=True, kw_only=True)
class FeatherConfig:
    kind: Literal["feather"] = "feather"
    path: str


@pytest.fixture
def plugin(monkeypatch):
    """Install a plugin that offers what it is told to."""
    module = types.ModuleType("someones_plugin")
    module.FeatherConfig, module.load = FeatherConfig, lambda config: ("loaded", config.path)
    monkeypatch.setitem(sys.modules, "someones_plugin", module)

    def offer(table):
        module.offers = lambda: table
        point = EntryPoint("someone", "someones_plugin:offers", plugins.GROUP)
        monkeypatch.setattr(plugins, "entry_points", lambda group: [point])

    with forgotten():
        yield offer


def test_a_plugin_adds_a_kind_that_one_word_chooses(plugin, tmp_path):
    plugin({"series": {"feather": plugins.Kind("someones_plugin:FeatherConfig", "someones_plugin:load")}})
    (tmp_path / "series").mkdir()
    (tmp_path / "series" / "feather.yaml").write_text("kind: feather\npath: ???\n")
    folders = [resource_dir("conf"), tmp_path]
    (plain,) = compose_requests(["series=feather", "series.path=x"], folders, multirun=False)
    series = request_from(plain).series
    assert series == FeatherConfig(path="x")
    assert plugins.function_of("series", series)(series) == ("loaded", "x")


@pytest.mark.parametrize(("group", "name"), [("series", "csv"), ("colour", "red")])
def test_a_plugin_cannot_take_our_names_or_make_groups(group, name, plugin):
    plugin({group: {name: plugins.Kind("someones_plugin:FeatherConfig", "someones_plugin:load")}})
    with pytest.raises(ValueError, match=f"plugin 'someone' offers {group}={name}, which is taken or has no group"):
        plugins.registered()


def test_every_kind_of_ours_can_be_loaded():
    for members in plugins.OWN.values():
        for kind in members.values():
            assert not kind.config or callable(plugins.load(kind.config))
            assert callable(plugins.load(kind.function))

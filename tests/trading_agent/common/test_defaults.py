"""Every default that also stands in a YAML file equals it: a library's user and a user of the commands start alike."""

import dataclasses
from pathlib import Path

import pytest
import yaml

from trading_agent.common.registry import ALGORITHMS, load

FILES = Path(__file__).parents[3] / "conf/agent"


def plain(value):
    """A default as YAML would hold it."""
    if dataclasses.is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    return list(value) if isinstance(value, tuple) else value


def defaults_of(settings):
    made = {}
    for field in dataclasses.fields(settings):
        if field.default is not dataclasses.MISSING:
            made[field.name] = plain(field.default)
        elif field.default_factory is not dataclasses.MISSING:
            made[field.name] = plain(field.default_factory())
    return made


@pytest.mark.parametrize("kind", ALGORITHMS)
def test_every_default_of_an_agent_is_that_of_its_yaml_file(kind):
    settings = load(ALGORITHMS[kind].config)
    stated = yaml.safe_load((FILES / f"{kind}.yaml").read_text())
    defaults = defaults_of(settings)
    assert len(defaults) >= 5
    assert {name: stated[name] for name in defaults if name in stated} == {
        name: value for name, value in defaults.items() if name in stated
    }


@pytest.mark.parametrize("kind", ALGORITHMS)
def test_a_yaml_file_holds_every_setting_and_no_other(kind):
    names = {field.name for field in dataclasses.fields(load(ALGORITHMS[kind].config))}
    assert set(yaml.safe_load((FILES / f"{kind}.yaml").read_text())) == names

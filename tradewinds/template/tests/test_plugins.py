"""Every plug-in holds the contract of its kind: `tradewinds.testing` says in a sentence what one does not."""

from pathlib import Path

import pytest
from my_project.agent_config import MomentumConfig
from my_project.data_config import DaylightConfig, SemicolonsConfig
from my_project.plugins import offers
from my_project.task_config import WatchConfig

from tradewinds import testing
from tradewinds.core.plugins import load

SETTINGS = {
    "agent": MomentumConfig(steps=100, num_envs=4),
    "series": SemicolonsConfig(path=str(Path(__file__).parents[1] / "data" / "prices.csv")),
    "weather": DaylightConfig(),
    "env": WatchConfig(),
}
OFFERED = [(group, name, kind) for group, kinds in offers().items() for name, kind in kinds.items()]


@pytest.mark.parametrize(("group", "name", "kind"), OFFERED, ids=lambda word: word if isinstance(word, str) else "")
def test_a_plug_in_holds_its_contract(group, name, kind):
    testing.check(group, load(kind.function), SETTINGS.get(group))

"""What a word in the configuration stands for: `kind: dqn` is a dataclass of settings and a function.

Our own kinds are listed here; others arrive through the entry-point group `tradewinds.plugins`. A plugin is a function
without arguments that returns {group: {kind: Kind}}. Functions are named, not imported, so that reading a configuration
loads no torch; and only names written in code are ever loaded, never one read from YAML or from a run folder.
"""

import importlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from typing import Any

from trading_agent.common.registry import ALGORITHMS

GROUP = "tradewinds.plugins"


@dataclass(frozen=True)
class Kind:
    """A kind of series, weather, env or agent, or a feature, a logger or a callback.

    Attributes:
        config: "module:Class" of the dataclass that holds its settings; empty in the groups `WITHOUT_SETTINGS`.
        function: "module:function" that does the work; its signature is that of the kinds below in the same group, and
            of a feature or a callback that of `forecaster.data.custom_features.register_feature` or
            `forecaster.training.callbacks.register_callback`. Of an env it is the class of the task
            (`tradewinds.pipeline.task.Task`) that forecasts are for there.
    """

    config: str
    function: str


OWN: Mapping[str, Mapping[str, Kind]] = {
    "series": {
        "sample": Kind("tradewinds.data.config:SampleConfig", "tradewinds.data.providers.samples:load_sample"),
        "csv": Kind("tradewinds.data.config:FileConfig", "tradewinds.data.providers.user_files:load_file"),
        "parquet": Kind("tradewinds.data.config:FileConfig", "tradewinds.data.providers.user_files:load_file"),
        "synthetic": Kind(
            "tradewinds.data.providers.synthetic_config:SyntheticConfig",
            "tradewinds.data.providers.synthetic:load_synthetic",
        ),
        "yahoo": Kind("tradewinds.data.config:YahooConfig", "tradewinds.data.providers.yahoo:load_yahoo"),
    },
    "weather": {
        "none": Kind("tradewinds.data.config:NoWeather", "tradewinds.data.providers.samples:no_weather"),
        "sample": Kind("tradewinds.data.config:SampleWeather", "tradewinds.data.providers.samples:load_sample_weather"),
        "csv": Kind("tradewinds.data.config:FileWeather", "tradewinds.data.providers.user_files:load_file_weather"),
        "parquet": Kind("tradewinds.data.config:FileWeather", "tradewinds.data.providers.user_files:load_file_weather"),
        "open_meteo": Kind(
            "tradewinds.data.config:OpenMeteoConfig", "tradewinds.data.providers.open_meteo:load_open_meteo"
        ),
    },
    "env": {
        "trading": Kind("trading_env.config:TradingConfig", "tradewinds.tasks.account.task:AccountTask"),
        "battery": Kind("trading_env.storage.config:BatteryConfig", "tradewinds.tasks.storage.task:StorageTask"),
        "gymnasium": Kind(
            "tradewinds.tasks.gymnasium.config:GymnasiumConfig", "tradewinds.tasks.gymnasium.task:GymnasiumTask"
        ),
    },
    "agent": {name: Kind(algorithm.config, algorithm.train) for name, algorithm in ALGORITHMS.items()},
    "feature": {},  # ours are settings of their own; `features.custom` names those of plugins
    "logger": {
        name: Kind("", f"tradewinds.pipeline.loggers:{name}_logger")
        for name in ("csv", "mlflow", "tensorboard", "wandb")
    },
    "callback": {},  # `trainer.callbacks` names those of plugins
}
WITHOUT_SETTINGS = ("feature", "logger", "callback")  # groups whose members are functions that a name calls


@cache
def registered() -> dict[str, dict[str, Kind]]:
    """Return every kind by group and name: ours, then those of installed plugins.

    Raises:
        ValueError: a plugin names a group that does not exist or a kind that is taken.
    """
    table = {group: dict(members) for group, members in OWN.items()}
    for point in entry_points(group=GROUP):
        for group, members in point.load()().items():
            for name, kind in members.items():
                if group not in table or name in table[group]:
                    raise ValueError(f"plugin '{point.name}' offers {group}={name}, which is taken or has no group")
                table[group][name] = kind
    return table


def kinds() -> dict[str, dict[str, type]]:
    """Return the settings class of every kind, by group and name."""
    return {
        group: {name: load(kind.config) for name, kind in members.items()}
        for group, members in registered().items()
        if group not in WITHOUT_SETTINGS
    }


def function_of(group: str, config: Any) -> Callable[..., Any]:
    """Return the function that does the work of `config`, an object with a field `kind`."""
    function: Callable[..., Any] = load(registered()[group][config.kind].function)
    return function


def is_own(group: str, config: Any) -> bool:
    """Whether the kind of `config` is one of ours."""
    return config.kind in OWN[group]


def know_features(names: Iterable[str]) -> None:
    """Let the forecaster call the features that a request names.

    Raises:
        ValueError: no plugin offers one of them, and nobody has registered it.
    """
    from forecaster.data.custom_features import register_feature, registered_features

    plugin_features = registered()["feature"]
    for name in names:
        if name in plugin_features:
            register_feature(name, load(plugin_features[name].function))
        elif name not in registered_features():
            features = sorted({*plugin_features, *registered_features()})
            raise ValueError(
                f"features.custom must name features of plugins ({', '.join(features) or 'none is installed'}), was "
                f"'{name}'; offer it through the entry-point group {GROUP}, as docs/leakage.md shows"
            )


def know_callbacks(names: Iterable[str]) -> None:
    """Let the forecaster's training call the callbacks that a request names.

    Raises:
        ValueError: no plugin offers one of them, and nobody has registered it.
    """
    if not names:
        return
    from forecaster.training.callbacks import register_callback, registered_callbacks

    offered = registered()["callback"]
    for name in names:
        if name in offered:
            register_callback(name, load(offered[name].function))
        elif name not in registered_callbacks():
            known = sorted({*offered, *registered_callbacks()})
            raise ValueError(
                f"trainer.callbacks must name callbacks of plugins ({', '.join(known) or 'none is installed'}), was "
                f"'{name}'; offer it through the entry-point group {GROUP}, as docs/forecaster.md shows"
            )


def load(name: str) -> Any:
    """Import "module:attribute"."""
    module, _, attribute = name.partition(":")
    return getattr(importlib.import_module(module), attribute)

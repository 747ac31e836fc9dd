"""What a word in the configuration stands for: `kind: dqn` is a dataclass of settings and a function.

Our own kinds are listed here and in the rooms below; others arrive through the entry-point group `tradewinds.plugins`.
A plugin is a function without arguments that returns {group: {kind: Kind}}. Functions are named, not imported, so that
reading a configuration loads no torch; and only names written in code are ever loaded, never one read from YAML or from
a run folder. What each group is called with stands in docs/plugins.md.
"""

import importlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.metadata import entry_points
from typing import Any

from forecaster.registry import BASELINES, CALLBACKS, FEATURES, HEADS, LOSSES, MODELS, Choice
from tradewinds.core.errors import RequestError
from tradewinds.core.resources import resource_dir
from trading_agent.common import registry as algorithms

GROUP = "tradewinds.plugins"
METRICS = Choice(
    "metric",
    {},
    taken=(
        "total_return",
        "cagr_365_25",
        "sharpe_annual_ddof1_arithmetic",
        "volatility_annual_ddof1",
        "sortino_annual_all_bars",
        "max_drawdown_from_start_capital",
        "win_rate_closed_trades",
        "closed_trades",
        "closed_trades_profit",
        "open_trades",
        "open_trades_profit",
        "cap_cuts",
        "turnover_per_year",
        "exposure_mean",
        "fees_paid",
        "spread_paid",
        "slippage_paid",
        "borrow_paid",
        "financing_paid",
        "profit",
        "share_of_perfect_foresight",
        "profit_per_day",
        "worst_day",
        "days_at_a_loss",
        "sold_mwh",
        "bought_mwh",
        "mean_price_sold",
        "mean_price_bought",
        "wear_paid",
        "full_cycles_per_day",
        "charge_at_end_mwh",
    ),
)
SECTIONS = Choice("section", {})
LOGGERS = Choice(
    "logger",
    {name: f"tradewinds.pipeline.loggers:{name}_logger" for name in ("csv", "tensorboard", "mlflow", "wandb")},
)
REGISTRIES = {  # of the groups whose kinds have no settings of their own
    "model": MODELS,
    "head": HEADS,
    "loss": LOSSES,
    "baseline": BASELINES,
    "feature": FEATURES,
    "metric": METRICS,
    "section": SECTIONS,
    "callback": CALLBACKS,
    "logger": LOGGERS,
}
KEYS = {  # where a request names kinds of a group
    "series": "series.kind",
    "weather": "weather.kind",
    "text": "text.kind",
    "pictures": "pictures.kind",
    "env": "env.kind",
    "agent": "agent.kind",
    "model": "model.kind",
    "head": "model.head",
    "loss": "trainer.loss",
    "reward": "env.reward.kind",
    "feature": "features.custom",
    "baseline": "baselines.custom",
    "metric": "backtest.metrics",
    "section": "backtest.sections",
    "callback": "trainer.callbacks",
}
SETTINGS = ("series", "weather", "text", "pictures", "env", "agent")  # groups whose kinds have a dataclass of settings


@dataclass(frozen=True)
class Kind:
    """A kind of one of the groups.

    Attributes:
        config: "module:Class" of the dataclass that holds its settings, for the groups of `SETTINGS`; empty for others.
        function: "module:name" of what does the work, as docs/plugins.md says for each group. Of an env it is the class
            of the task (`tradewinds.pipeline.task.Task`) that forecasts are for there, of a policy its class.
        package: who brought it, by name and version; empty for ours. Found, and not to be set.
    """

    config: str
    function: str
    package: str = ""


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
    "text": {
        "none": Kind("tradewinds.data.senses_config:NoText", "tradewinds.data.providers.texts:no_text"),
        "csv": Kind("tradewinds.data.senses_config:FileText", "tradewinds.data.providers.texts:load_texts"),
        "parquet": Kind("tradewinds.data.senses_config:FileText", "tradewinds.data.providers.texts:load_texts"),
    },
    "pictures": {
        "none": Kind("tradewinds.data.senses_config:NoPictures", "tradewinds.data.providers.pictures:no_pictures"),
        "folder": Kind(
            "tradewinds.data.senses_config:PictureFolder", "tradewinds.data.providers.pictures:load_pictures"
        ),
    },
    "env": {
        "trading": Kind("trading_env.config:TradingConfig", "tradewinds.tasks.account.task:AccountTask"),
        "battery": Kind("trading_env.storage.config:BatteryConfig", "tradewinds.tasks.storage.task:StorageTask"),
        "gymnasium": Kind(
            "tradewinds.tasks.gymnasium.config:GymnasiumConfig", "tradewinds.tasks.gymnasium.task:GymnasiumTask"
        ),
        "classification": Kind(
            "tradewinds.tasks.classification.config:ClassificationConfig",
            "tradewinds.tasks.classification.task:ClassificationTask",
        ),
    },
    "agent": {name: Kind(algorithm.config, algorithm.train) for name, algorithm in algorithms.ALGORITHMS.items()},
    "policy": {name: Kind("", home) for name, home in algorithms.POLICIES.items()},
    **{
        group: {name: Kind("", str(home)) for name, home in registry.own.items()}
        for group, registry in REGISTRIES.items()
    },
}


@cache
def registered() -> dict[str, dict[str, Kind]]:
    """Return every kind by group and name: ours, then those of installed plugins; the rooms below are told of them.

    Raises:
        RequestError: a plugin cannot be loaded, or offers what is taken or has no group.
    """
    from trading_env import reward_kinds  # with NumPy, before which threads are pinned

    table = {group: dict(members) for group, members in OWN.items()}
    table["reward"] = {name: Kind("", home) for name, home in reward_kinds.OWN.items()}
    for name, group, kind, offer in _offers():
        taken = kind in table.get(group, ()) or (group in REGISTRIES and kind in REGISTRIES[group].taken)
        if group not in table or taken or _twice(table, group, kind):
            groups = f"; groups are {', '.join(table)}" if group not in table else ""
            raise RequestError(
                f"plugin '{name}' offers {group}={kind}, which is taken or has no group{groups}; rename it, or "
                f"uninstall {offer.package}"
            )
        table[group][kind] = offer
        _tell(group, kind, offer.function)
    return table


def _offers() -> Iterator[tuple[str, str, str, Kind]]:
    """Yield (plugin, group, name, kind) of all that installed plugins offer."""
    for point in entry_points(group=GROUP):
        package = point.name if point.dist is None else f"{point.dist.name} {point.dist.version}"
        try:
            offers = [
                (group, name, kind) for group, members in point.load()().items() for name, kind in members.items()
            ]
            named = [(group, name, replace(kind, package=package)) for group, name, kind in offers]
        except Exception as error:  # other people's code
            raise RequestError(
                f"plugin '{point.name}' cannot be loaded: {type(error).__name__}: {error}; repair it, or uninstall "
                f"{package}"
            ) from error
        yield from ((point.name, *offer) for offer in named)


def _twice(table: Mapping[str, Mapping[str, Kind]], group: str, name: str) -> bool:
    """Whether a name of a model is a baseline's, or the other way round: both stand in one table of scores."""
    other = {"model": "baseline", "baseline": "model"}.get(group)
    return other is not None and (name in table[other] or name in REGISTRIES[other].taken)


def _tell(group: str, name: str, function: str) -> None:
    if group in REGISTRIES:
        REGISTRIES[group].register(name, function)
    elif group == "reward":
        from trading_env import reward_kinds

        reward_kinds.register_reward(name, function)
    elif group == "policy":
        algorithms.register_policy(name, function)


def kinds() -> dict[str, dict[str, type]]:
    """Return the settings class of every kind, by group and name."""
    table = registered()
    return {group: {name: load(kind.config) for name, kind in table[group].items()} for group in SETTINGS}


@cache
def words() -> dict[str, tuple[str, ...]]:
    """Return, by group of `SETTINGS`, the kinds that one word chooses, `group=kind`: a file of ours is named so."""
    conf = resource_dir("conf")
    return {
        group: tuple(
            name for name in registered()[group] if (conf / group / f"{name}.yaml").is_file() or not is_own(group, name)
        )
        for group in SETTINGS
    }


def function_of(group: str, config: Any) -> Callable[..., Any]:
    """Return the function that does the work of `config`, an object with a field `kind`."""
    function: Callable[..., Any] = load(registered()[group][config.kind].function)
    return function


def is_own(group: str, kind: str) -> bool:
    """Whether a kind is one of ours."""
    own = registered()[group].get(kind)
    return own is not None and not own.package


def plugins_of(plain: Mapping[str, Any]) -> dict[str, str]:
    """Return who brought what a request names, as {"model=wavenet": "my-project 0.1.0"}; nothing of what is ours.

    Args:
        plain: the request as plain data, or a part of it.
    """
    table, named = registered(), dict[str, str]()
    for group, key in KEYS.items():
        value: Any = plain
        for name in key.split("."):
            value = value.get(name) if isinstance(value, Mapping) else None
        for kind in [value] if isinstance(value, str) else value or ():
            if kind in table[group] and not is_own(group, kind):
                named[f"{group}={kind}"] = table[group][kind].package
    return named


def require_plugins(what: str, plugins: Mapping[str, str]) -> None:
    """Refuse what was made with plugins that are gone.

    Args:
        what: an artifact or a report, as a sentence names it.
        plugins: those it was made with, as `plugins_of` returned them then.

    Raises:
        RequestError: one of them is not installed.
    """
    table = registered()
    for kind, package in plugins.items():
        group, _, name = kind.partition("=")
        if name not in table.get(group, ()):
            raise RequestError(
                f"{what} was made with {kind} of {package}, which is not installed ({installed()}); pip install "
                f"{package.split(' ')[0]}"
            )


def installed() -> str:
    """Return, in words, which plug-ins are installed."""
    packages = {kind.package for members in registered().values() for kind in members.values()} - {""}
    return f"plug-ins installed: {', '.join(sorted(packages)) or 'none'}"


def load(name: str) -> Any:
    """Import "module:attribute"."""
    module, _, attribute = name.partition(":")
    return getattr(importlib.import_module(module), attribute)

"""`tradewinds models list|promote|rollback`: what is registered, what is in use, and how to change that."""

from pathlib import Path
from typing import Any

from tradewinds.core.console import Console
from tradewinds.core.errors import RequestError
from tradewinds.operate.registry import Registry, Version
from tradewinds.request.schema import Config


def main(config: Config, console: Console, action: str) -> dict[str, Any]:
    """Do what `action` says with the models under `run.dir`; `run.name` names the model."""
    registry = Registry(Path(config.run.dir))
    if action == "list":
        return _list(config, console, registry)
    name = _name(config, registry)
    if action == "rollback":
        version = registry.rollback(name, reason=config.models.reason, check=lambda v: _whole(config, v))
    else:
        if config.models.version is None:
            raise RequestError("models promote needs a version: tradewinds models promote 2")
        version = registry.promote(
            name, config.models.version, reason=config.models.reason, check=lambda v: _whole(config, v)
        )
    console.result(f"version {version.number} of '{name}' is the champion")
    return {"model": name, "champion": version.number}


def _whole(config: Config, version: Version) -> None:
    from tradewinds.operate.champion import prove  # it loads pandas, which a list does without

    prove(Path(config.run.dir), version)


def _list(config: Config, console: Console, registry: Registry) -> dict[str, Any]:
    versions = registry.versions(config.run.name)
    if not versions:
        console.result(f"no models under {config.run.dir} yet; type `tradewinds retrain`")
    champions = {name: registry.champion(name) for name in {version.name for version in versions}}
    rows = []
    for version in versions:
        used = champions[version.name]
        is_champion = used is not None and used.number == version.number
        mark = "champion" if is_champion else ""
        console.result(
            f"{version.number:>4}  {version.name:<16} {mark:<9} data to {version.data_last[:10]}  "
            f"made {version.created_at[:16]}  {version.verdict}"
        )
        rows.append({"version": version.number, "model": version.name, "champion": is_champion, "run": version.run})
    return {"models": rows}


def _name(config: Config, registry: Registry) -> str:
    if config.run.name is not None:
        return config.run.name
    names = sorted({version.name for version in registry.versions()})
    if len(names) == 1:
        return names[0]
    raise RequestError(
        f"say which model with run.name=...; registered: {', '.join(names)}"
        if names
        else f"no models under {config.run.dir} yet; type `tradewinds retrain`"
    )

"""`tradewinds models ACTION`: what is registered, and how to change it, take it away or bring it back."""

from pathlib import Path
from typing import Any

from tradewinds.core.console import Console
from tradewinds.core.errors import RequestError
from tradewinds.operate.database import Database
from tradewinds.operate.registry import Registry, Version, listed
from tradewinds.request.schema import Config


def main(config: Config, console: Console, action: str) -> dict[str, Any]:
    """Do what `action` says with the models under `run.dir`; `run.name` names the model."""
    registry = Registry(Database.of(config.run))
    if action == "rebuild":
        return _rebuild(config, console, registry)
    if action in ("backup", "restore"):
        from tradewinds.operate.backup import require_file  # it loads pandas

        require_file(registry.database, action)
    if action == "restore":
        return _restore(config, console)
    _require_registered(config, registry)
    if action == "backup":
        return _backup(config, console, registry)
    if action == "list":
        return _list(config, console, registry)
    name = _name(config, registry)
    if action == "export":
        return _export(config, console, name)
    if action == "rollback":
        version = registry.rollback(name, reason=config.models.reason, check=lambda v: _whole(config, v))
    else:
        if not isinstance(config.models.version, int):
            raise RequestError("models promote needs the number of a version: tradewinds models promote 2")
        version = registry.promote(
            name, config.models.version, reason=config.models.reason, check=lambda v: _whole(config, v)
        )
    console.result(f"version {version.number} of '{name}' is the champion")
    return {"model": name, "champion": version.number}


def _backup(config: Config, console: Console, registry: Registry) -> dict[str, Any]:
    from tradewinds.operate.backup import backup  # it loads pandas

    path = _path(config, "backup")
    runs = backup(registry, Path(config.run.dir), path)
    console.wrote(path)
    console.result(
        f"{len(registry.versions())} versions and {len(runs)} runs; `tradewinds models restore {path}` brings them back"
    )
    return {"backup": str(path), "runs": [str(run) for run in runs]}


def _export(config: Config, console: Console, name: str) -> dict[str, Any]:
    from tradewinds.operate.champion import registered_version
    from tradewinds.operate.export import export

    folder, version = _path(config, "export"), registered_version(config, name)
    if version is None:
        raise RequestError(f"'{name}' has no champion under {config.run.dir}; type `tradewinds retrain`")
    reasons = export(Path(config.run.dir), version, folder)
    for part, reason in reasons.items():
        if reason is None:
            console.wrote(folder / f"{part}.onnx")
        else:
            console.warn(f"the {part} of version {version.number} was not exported: {reason}")
    written = {part: str(folder / f"{part}.onnx") if why is None else None for part, why in reasons.items()}
    return {"model": name, "version": version.number, "export": str(folder), **written}


def _restore(config: Config, console: Console) -> dict[str, Any]:
    from tradewinds.operate.backup import restore

    return _list(config, console, restore(Path(config.run.dir), _path(config, "restore")))


def _path(config: Config, action: str) -> Path:
    if config.models.path is None:
        place = (
            "a folder: tradewinds models export onnx"
            if action == "export"
            else (f"a file: tradewinds models {action} backup.tar.gz")
        )
        raise RequestError(f"models {action} needs {place}")
    return Path(config.models.path)


def _require_registered(config: Config, registry: Registry) -> None:
    """Refuse a registry that has lost a model whose runs are there."""
    runs = Path(config.run.dir)
    named = {path.parent.parent.name for path in runs.glob(f"{config.run.name or '*'}/*/decision.json")}
    if lost := sorted(named - {version.name for version in registry.versions()}):
        from tradewinds.operate.rebuild import require_registered  # it loads torch, which a list does without

        for name in lost:
            require_registered(registry, runs, name)


def _rebuild(config: Config, console: Console, registry: Registry) -> dict[str, Any]:
    from tradewinds.operate.rebuild import rebuild

    rebuilt = rebuild(registry, Path(config.run.dir), config.run.name)
    if rebuilt.aside is not None:
        console.result(f"the damaged registry lies in {rebuilt.aside} now")
    for name in rebuilt.known:
        console.result(f"'{name}' is registered; nothing was changed")
    for run in rebuilt.broken:
        console.result(f"left out, since its files are damaged or gone: {run}")
    if rebuilt.versions:
        console.result("what was promoted or rolled back by hand is not known any more; `models promote` repeats it")
    elif not rebuilt.known:
        console.result(f"no whole run of `retrain` lies under {config.run.dir}; type `tradewinds retrain`")
    return _list(config, console, registry) if registry.versions(config.run.name) else {"models": []}


def _whole(config: Config, version: Version) -> None:
    from tradewinds.operate.champion import prove  # it loads pandas, which a list does without

    prove(Path(config.run.dir), version)


def _list(config: Config, console: Console, registry: Registry) -> dict[str, Any]:
    versions = registry.versions(config.run.name)
    if not versions:
        console.result(f"no models under {config.run.dir} yet; type `tradewinds retrain`")
    rows = listed(registry, versions)
    for version, row in zip(versions, rows, strict=True):
        there = (Path(config.run.dir) / version.run).is_dir()
        mark = "champion" if row["champion"] else "" if there else "pruned"
        console.result(
            f"{version.number:>4}  {version.name:<16} {mark:<9} data to {version.data_last[:10]}  "
            f"made {version.created_at[:16]}  {version.verdict}"
        )
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

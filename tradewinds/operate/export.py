"""A registered model for programs that know ONNX and not us: `forecaster.onnx` and `policy.onnx` in one artifact."""

import json
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from forecaster.config import DAYWISE
from tradewinds.core.errors import RequestError
from tradewinds.core.files import write_bytes
from tradewinds.operate.champion import prove
from tradewinds.operate.registry import Version
from tradewinds.pipeline.artifact import Artifact, parent, writing
from tradewinds.pipeline.provenance import AGENT, FORECASTER
from tradewinds.request.schema import Config, request_from
from tradewinds.tasks import task_of

EXPORT = "export"  # kind of the artifact
NEEDED = ("onnx", "onnxruntime")


def export(runs: Path, version: Version, folder: Path) -> dict[str, str | None]:
    """Write a version's forecaster and policy as ONNX, what of them can be.

    Args:
        runs: the folder of all runs.
        version: of a model.
        folder: where to; must not be there.

    Returns:
        Of `forecaster` and `policy`, those that it has, why it was not written; None where it was.

    Raises:
        RequestError: ONNX is not installed, the folder is there, or nothing of the version can be written.
        GateError: its files are not what was registered, or a graph answers otherwise.
    """
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise RequestError(f"models export needs {' and '.join(missing)}; type pip install 'tradewinds[onnx]'")
    if folder.exists():
        raise RequestError(f"models export writes a folder of its own, and {folder} is there already; name another")
    agent = prove(runs, version)
    if agent.manifest["kind"] != AGENT:
        raise RequestError(
            f"version {version.number} of '{version.name}' is a {agent.manifest['kind']}, and models export writes "
            "forecasters and policies"
        )
    config = request_from(agent.manifest["config"])
    makers: dict[str, Callable[[], Any]] = {"policy": lambda: _policy(agent, config)}
    if FORECASTER in agent.manifest["parents"]:
        makers = {"forecaster": lambda: _forecaster(parent(agent, FORECASTER), config), **makers}
    graphs, reasons = {}, dict[str, str | None]()
    for part, make in makers.items():
        try:
            graphs[part], reasons[part] = make(), None
        except RequestError as error:
            reasons[part] = str(error)
    if not graphs:
        raise RequestError("nothing can be exported: " + "; ".join(f"{part}: {why}" for part, why in reasons.items()))
    facts = {
        "model": version.name,
        "version": version.number,
        **{part: graphs[part].facts if part in graphs else {"reason": reasons[part]} for part in makers},
    }
    inputs, plain = agent.manifest["inputs"], agent.manifest["config"]
    with writing(folder, EXPORT, config=plain, inputs=inputs, parents={AGENT: agent}, facts=facts) as partial:
        for part, graph in graphs.items():
            write_bytes(partial / f"{part}.onnx", graph.content)
    return reasons


def _forecaster(artifact: Artifact, config: Config) -> Any:
    from forecaster.fitted import FACTS, load_panel
    from tradewinds.operate.onnx_graphs import forecaster_graph

    kind = json.loads((artifact.folder / FACTS).read_text(encoding="utf-8"))["config"]["model"]["kind"]
    if kind in DAYWISE:
        raise RequestError(f"model={kind} is fitted anew as days come, and a graph stays as it is")
    panel = load_panel(artifact.folder)
    chosen = config.rollout.instrument or (next(iter(panel)) if len(panel) == 1 else None)
    if chosen is None:
        raise RequestError(f"it forecasts {len(panel)} instruments at once, and a graph reads one")
    return forecaster_graph(panel[chosen])


def _policy(agent: Artifact, config: Config) -> Any:
    from tradewinds.operate.onnx_graphs import policy_graph
    from trading_agent import load_policy

    policy = load_policy(agent.folder, plans=task_of(config).plans)
    facts = {"observe": list(config.rollout.observe), "env": config.plain()["env"]}
    return policy_graph(policy, _num_observations(policy), facts)


def _num_observations(policy: Any) -> int | None:
    """Return how many numbers a policy reads of an observation; None of one that reads nothing."""
    sizes = getattr(getattr(policy, "network", None), "settings", {})
    if "num_features" in sizes:  # what is held, what was traded on and the drawdown come after the features
        assets = int(policy.num_assets if hasattr(policy, "num_assets") else sizes["num_assets"])
        return int(sizes["num_features"]) + 2 * assets + 1
    return int(sizes["num_observations"]) if "num_observations" in sizes else None

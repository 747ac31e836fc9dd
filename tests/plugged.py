"""A package of somebody's as pip would leave it: a module, and a folder that names its entry point."""

import sys
from contextlib import contextmanager

import tradewinds.core.plugins as plugins
from forecaster.registry import EVERY
from trading_agent.common import registry as algorithms
from trading_env import reward_kinds

PLACES = [registry.others for registry in (*EVERY, plugins.METRICS, plugins.SECTIONS, plugins.LOGGERS)]
PLACES += [algorithms.POLICIES, reward_kinds.REWARDS]


@contextmanager
def forgotten():
    """Read the entry points anew inside, and know nothing of their plugins afterwards."""
    before = [dict(names) for names in PLACES]
    plugins.registered.cache_clear()
    try:
        yield
    finally:
        for names, then in zip(PLACES, before, strict=True):
            names.clear()
            names.update(then)
        plugins.registered.cache_clear()


@contextmanager
def installed(place, monkeypatch, *, offers, module="", name="someone"):
    """Install a package into the folder `place`.

    Args:
        place: empty.
        monkeypatch: pytest's.
        offers: the function that offers, in the module `<name>s_plugin`, or as "module:function".
        module: the text of that module.
        name: of the package; its version is 1.0.
    """
    facts = place / f"{name}-1.0.dist-info"
    facts.mkdir(parents=True)
    (place / f"{name}s_plugin.py").write_text(module, encoding="utf-8")
    (facts / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n", encoding="utf-8")
    point = offers if ":" in offers else f"{name}s_plugin:{offers}"
    (facts / "entry_points.txt").write_text(f"[{plugins.GROUP}]\n{name} = {point}\n", encoding="utf-8")
    with monkeypatch.context() as patch:
        patch.syspath_prepend(str(place))
        patch.delitem(sys.modules, f"{name}s_plugin", raising=False)
        with forgotten():
            yield
        sys.modules.pop(f"{name}s_plugin", None)

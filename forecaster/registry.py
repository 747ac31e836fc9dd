"""What a forecaster is made of, by name: architectures, heads, losses, baselines, features; callbacks of its training.

Each stands as "module:name" and is loaded when asked for, so that a configuration is read without torch; only names
written in code are ever loaded. Must not know where other people's come from: whoever does, registers them.
"""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from pydantic_core import PydanticCustomError

Home = str | Callable[..., Any]  # "module:name", or the thing itself


class Choice:
    """The names that one choice may have.

    Args:
        noun: what a name stands for, in words.
        own: ours, and where each stands.
        taken: names that nothing else may have: of what is always there.
    """

    def __init__(self, noun: str, own: Mapping[str, Home], taken: tuple[str, ...] = ()) -> None:
        self.noun, self.own, self.taken = noun, dict(own), (*own, *taken)
        self.others: dict[str, Home] = {}

    @property
    def homes(self) -> dict[str, Home]:
        """Where each name stands, ours first."""
        return {**self.own, **self.others}

    def register(self, name: str, home: Home) -> None:
        """Add a name; a later one of the same name takes its place.

        Raises:
            ValueError: the name is one of ours.
        """
        if name in self.taken:
            raise ValueError(f"{self.noun} '{name}' is one of ours; take another name")
        self.others[name] = home

    def load(self, name: str) -> Any:
        """Return what a name stands for.

        Raises:
            ValueError: it stands for nothing.
        """
        if name not in self.homes:
            known = ", ".join(sorted(self.homes)) or "none"
            raise ValueError(f"{self.noun} '{name}' is not registered, known are: {known}; register it first")
        home = self.homes[name]
        if not isinstance(home, str):
            return home
        module, _, attribute = home.partition(":")
        return getattr(import_module(module), attribute)

    def known(self, name: str) -> str:
        """Return a name as it is; what a field of a configuration is checked with.

        Raises:
            PydanticCustomError: it stands for nothing.
        """
        if name not in self.homes:
            names = ", ".join(self.homes)
            law = f"must be one of {names}" if names else f"must be a {self.noun} that a plug-in offers; there is none"
            raise PydanticCustomError("kind", "{law}", {"law": law, "expected": "', '".join(self.homes)})
        return name


def _networks(**homes: str) -> dict[str, Home]:
    return {kind: f"forecaster.networks.{home}" for kind, home in homes.items()}


MODELS = Choice(
    "model",
    {
        **_networks(
            lstm="rnn:RecurrentNetwork",
            gru="rnn:RecurrentNetwork",
            rnn="rnn:RecurrentNetwork",
            lstm_peephole="peephole_lstm:peephole_network",
            lstm_layernorm="layernorm_lstm:layernorm_network",
            lstm_attention="attention_lstm:AttentionNetwork",
            segment_lstm="segment_lstm:SegmentLSTM",
            slstm="slstm:slstm_network",
            mlstm="mlstm:mlstm_network",
            seq2seq="seq2seq:Seq2Seq",
        ),
        "day_lstm": "forecaster.day_ahead.fitted:fit_days",  # reads days, and so is built and fitted elsewhere
    },
)
HEADS = Choice(
    "head",
    _networks(point="heads:point_head", quantile="heads:quantile_head", student_t="heads:student_t_head")
    | _networks(bins="heads:bins_head"),
)
LOSSES = Choice(
    "loss",
    {
        "huber": "torch.nn.functional:huber_loss",
        "mse": "torch.nn.functional:mse_loss",
        "mae": "torch.nn.functional:l1_loss",
    },
)
BASELINES = Choice(
    "baseline",
    {},
    taken=(
        "naive",
        "seasonal_naive",
        "drift",
        "climatology",
        "ridge",
        "dlinear",
        "auto_ets",
        "auto_arima",
        "momentum_12_1",
        "reversal_1m",
        "boosting",
    ),
)
FEATURES = Choice("feature", {})
CALLBACKS = Choice("callback", {})  # functions without arguments that return a `pytorch_lightning.Callback`
EVERY = (MODELS, HEADS, LOSSES, BASELINES, FEATURES, CALLBACKS)


def told() -> tuple[dict[str, Home], ...]:
    """Return the names that were registered, for another process to be told."""
    return tuple(dict(registry.others) for registry in EVERY)


def tell(names: tuple[dict[str, Home], ...]) -> None:
    """Register in this process what was registered in another."""
    for registry, others in zip(EVERY, names, strict=True):
        registry.others.update(others)

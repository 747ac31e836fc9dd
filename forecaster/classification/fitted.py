"""Fit classifiers on cases, and keep them: weights as safetensors, everything else as JSON."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor

from forecaster.classification.cases import Array, Cases, classes_of, numbers_of
from forecaster.classification.inputs import UNKNOWN, ChannelScaler, Vocabulary, fitted_reader, padded, reader_from
from forecaster.classification.network import SequenceClassifier, refuse_architecture
from forecaster.config import UNREAD_OF_CASES, ModelConfig, TrainerConfig, as_kept, refuse
from forecaster.training.checkpoint import FILE, read_state
from forecaster.training.identity import SEED, begin, flat
from forecaster.training.trainer import WHERE, EpochLog, Progress, run_epochs

WEIGHTS, FACTS = "weights.safetensors", "classifier.json"
AT_ONCE = 512  # cases a forward pass reads when nothing is learned


@dataclass(frozen=True, kw_only=True)
class ClassifierConfig:
    """Everything that decides a fitted classifier, but the cases and the seed.

    Attributes:
        model: the architecture; its horizon, context_length and head are not read.
        trainer: epochs, batch size, learning rate, weight decay, members; nothing stops a training early.
        vocabulary: words that are learned of texts, at most.
        longest: words of a text that are read.
        embedding: units of a word's vector.
        pooling: whether sequences are read from both ends and told by all states, and not by the last one.
        noise: deviation of the normal noise added to scaled numbers while a network learns.
        lexicon: scores of words, read beside their vectors; None without.
    """

    model: ModelConfig
    trainer: TrainerConfig
    vocabulary: int = 20_000
    longest: int = 256
    embedding: int = 64
    pooling: bool = False
    noise: float = 0.0
    lexicon: Mapping[str, float] | None = None

    def __post_init__(self) -> None:
        refuse_architecture(self.model, self.pooling)
        usual = TrainerConfig()
        refuse(
            *(
                (
                    getattr(self.trainer, name) == getattr(usual, name),
                    f"trainer.{name} is of forecasts, and a classifier does without; leave it out",
                )
                for name in UNREAD_OF_CASES
            )
        )


@dataclass(frozen=True, eq=False)
class FittedClassifier:
    """Networks that call classes, and all that is needed to use them.

    Attributes:
        config: how they were fitted.
        classes: K labels, in the order of the chances.
        reader: how they read a case.
        networks: of several seeds, in evaluation mode; their chances are averaged.
        history: of the first, loss and accuracy on the cases learned from, an epoch each.
    """

    config: ClassifierConfig
    classes: tuple[str, ...]
    reader: ChannelScaler | Vocabulary
    networks: tuple[SequenceClassifier, ...]
    history: tuple[dict[str, float], ...] = field(default=())

    def chances(self, cases: Cases) -> Array:
        """Return (C, K) the chances of each class, which sum to 1.

        Raises:
            ValueError: the cases are not such as were learned from.
        """
        return self.chances_of(self.reader.read(cases))

    def chances_of(self, inputs: Sequence[NDArray[Any]]) -> Array:
        """Return (C, K) the chances of each class, of cases as the reader reads them."""
        return np.asarray(np.mean([self._chances(network, inputs) for network in self.networks], axis=0))

    def states(self, cases: Cases) -> NDArray[np.float32]:
        """Return (C, D) the hidden states of the first network after the last step of each case."""
        return np.concatenate([states.numpy() for _, states in self._read(self.networks[0], self.reader.read(cases))])

    def save(self, folder: Path) -> None:
        """Write it into an existing folder."""
        weights = {
            f"{number}.{name}": tensor.contiguous()
            for number, network in enumerate(self.networks)
            for name, tensor in network.state_dict().items()
        }
        save_file(weights, folder / WEIGHTS)
        facts = {
            "config": {**asdict(self.config), "lexicon": None},  # which the reader holds
            "classes": list(self.classes),
            "reader": self.reader.facts(),
            "history": list(self.history),
        }
        (folder / FACTS).write_text(json.dumps(facts, indent=1, allow_nan=False) + "\n", encoding="utf-8")

    def _chances(self, network: SequenceClassifier, inputs: Sequence[NDArray[Any]]) -> Array:
        return np.concatenate([torch.softmax(logits.double(), 1).numpy() for logits, _ in self._read(network, inputs)])

    def _read(self, network: SequenceClassifier, inputs: Sequence[NDArray[Any]]) -> Iterator[tuple[Tensor, Tensor]]:
        for start in range(0, len(inputs), AT_ONCE):
            table, lengths = padded(inputs[start : start + AT_ONCE])
            with torch.no_grad():
                yield network(torch.from_numpy(table), torch.from_numpy(lengths))


def load_classifier(folder: Path) -> FittedClassifier:
    """Read what `FittedClassifier.save` wrote; nothing in it can execute code."""
    facts: dict[str, Any] = json.loads((folder / FACTS).read_text(encoding="utf-8"))
    config = as_kept(ClassifierConfig, facts["config"])
    reader, classes = reader_from(facts["reader"]), tuple(facts["classes"])
    saved = load_file(folder / WEIGHTS)
    networks = []
    with torch.random.fork_rng():  # a new module draws weights, which `saved` replaces
        for number in range(config.trainer.members):
            network = _fresh(config, reader, len(classes))
            start = f"{number}."
            network.load_state_dict({k.removeprefix(start): v for k, v in saved.items() if k.startswith(start)})
            networks.append(network.eval())
    return FittedClassifier(config, classes, reader, tuple(networks), tuple(facts["history"]))


def fit_classifier(
    cases: Cases,
    config: ClassifierConfig,
    *,
    seed: int,
    progress: Progress | None = None,
    checkpoint: Path | None = None,
    resume: Path | None = None,
) -> FittedClassifier:
    """Fit classifiers on labelled cases; torch's random numbers are left as they were.

    Args:
        cases: to learn from.
        config: how.
        seed: of weights and order.
        progress: called after each epoch of each network with (epoch, epochs, losses).
        checkpoint: folder in which the training is written down after its epochs; None: nothing is written.
        resume: such a folder of an earlier, interrupted call with the same arguments; it is left as it is, and gone on
            in where there is no `checkpoint`. The outcome equals, bit for bit, that of a call never interrupted. None
            begins anew.

    Raises:
        ValueError: they are of one class only, no epoch came to its end, or the loss was no finite number; or `resume`
            holds no checkpoint of this very training.
        KeyboardInterrupt: Ctrl-C.
    """
    labels = cases.known()
    classes = classes_of(labels)
    reader = fitted_reader(cases, vocabulary=config.vocabulary, longest=config.longest, lexicon=config.lexicon)
    inputs, numbers = reader.read(cases), numbers_of(labels, classes, cases.names)
    folder = checkpoint if checkpoint is not None else resume
    if folder is not None:
        for file in [] if resume is None else resume.rglob(FILE):
            read_state(file)  # one that is damaged is refused before anything is written
        begin(folder, _identity(cases, config, seed), resume)
    networks, histories = [], []
    for member in range(config.trainer.members):
        own = seed if member == 0 else int(np.random.SeedSequence([seed, member]).generate_state(1)[0] % 2**31)
        told = None if progress is None else partial(_further, progress, member, config.trainer.members)
        epochs = EpochLog(config.trainer.epochs, told)
        with torch.random.fork_rng():
            torch.manual_seed(own)
            network = _fresh(config, reader, len(classes))
            run_epochs(
                network,
                _Batches(inputs, numbers, config.trainer.batch_size, own),
                epochs,
                config.trainer,
                None if folder is None else folder / f"member-{member}",
                **{**WHERE, "gradient_clip_val": config.trainer.gradient_clip, **config.trainer.lightning},
            )
        if not all(torch.isfinite(weight).all() for weight in network.parameters()):
            raise ValueError(
                f"training diverged: its weights are no finite numbers; lower trainer.learning_rate, was "
                f"{config.trainer.learning_rate}"
            )
        networks.append(network.cpu().eval())
        histories.append(tuple(epochs.epoch_losses))
    return FittedClassifier(config, classes, reader, tuple(networks), histories[0])


def _identity(cases: Cases, config: ClassifierConfig, seed: int) -> dict[str, Any]:
    """Return all that decides a training, as JSON values by name."""
    data = hashlib.sha256(json.dumps([cases.channels, cases.known()]).encode())
    for content in cases.contents():
        data.update(hashlib.sha256(content).digest())
    data.update(json.dumps(config.lexicon, sort_keys=True).encode())
    return flat({**asdict(config), "lexicon": None}) | {SEED: seed, "data (sha256)": data.hexdigest()}


def _further(
    progress: Progress, member: int, members: int, done: int, epochs: int, losses: Mapping[str, float]
) -> None:
    progress(member * epochs + done, members * epochs, losses)


def _fresh(config: ClassifierConfig, reader: ChannelScaler | Vocabulary, classes: int) -> SequenceClassifier:
    build = partial(SequenceClassifier, config.model, config.trainer, pooling=config.pooling)
    if isinstance(reader, ChannelScaler):
        return build(len(reader.channels), classes, noise=config.noise)
    table = reader.table()
    scores = None if table is None else torch.from_numpy(table)
    return build(len(reader.words) + UNKNOWN + 1, classes, embedding=config.embedding, scores=scores)


class _Batches(pl.LightningDataModule):
    """Batches of cases in an order that is drawn anew each epoch from a seed; its checkpoint says which comes next."""

    def __init__(self, inputs: Sequence[Any], numbers: NDArray[np.int64], size: int, seed: int) -> None:
        super().__init__()
        self.inputs, self.numbers, self.size = inputs, numbers, size
        self.rng = np.random.default_rng([seed, 1])

    def train_dataloader(self) -> "_Order":
        """Return the batches of every epoch."""
        return _Order(self)

    def state_dict(self) -> dict[str, Any]:
        """Return what decides the order of all epochs to come."""
        return {"rng": self.rng.bit_generator.state}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what `state_dict` returned."""
        self.rng.bit_generator.state = state_dict["rng"]


class _Order:
    """Sequences, their lengths and their classes, batch by batch, in an order of its own each time."""

    def __init__(self, data: _Batches) -> None:
        self.data = data

    def __len__(self) -> int:
        """Return the batches of an epoch."""
        return -(-len(self.data.numbers) // self.data.size)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        data = self.data
        order = data.rng.permutation(len(data.numbers))
        for start in range(0, len(order), data.size):
            rows = order[start : start + data.size]
            table, lengths = padded([data.inputs[row] for row in rows])
            yield torch.from_numpy(table), torch.from_numpy(lengths), torch.from_numpy(data.numbers[rows])

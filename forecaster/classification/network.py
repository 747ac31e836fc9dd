"""A recurrent network, and a dense softmax on its state after the last step of a sequence.

B sequences, L steps of the longest, F channels, D units, K classes.
"""

from typing import Any

import pytorch_lightning as pl
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from forecaster.classification.inputs import UNKNOWN
from forecaster.classification.pooled import PooledNetwork
from forecaster.config import FORESEEING, POOLED, SEGMENTED, ModelConfig, TrainerConfig, refuse
from forecaster.networks.base import build_network


class SequenceClassifier(pl.LightningModule):
    """Read a sequence of numbers or of words by any of the architectures; say the chances of K classes.

    h = the network's hidden state after the last step (B, D), chances = softmax(W h + b) (B, K), W and b zero at the
    start, so that an untrained network calls all classes equally likely. A sequence is as long as it is: what is padded
    is never read. While it learns, `model.dropout` of the units of h, and of words' vectors, are dropped.

    Args:
        model: kind and sizes; its horizon and head are not read.
        pooling: whether h is that of `PooledNetwork`.
        noise: deviation of normal noise that is added to numbers while it learns.
        trainer: learning rate and weight decay.
        inputs: F channels; or, of texts, the size of the vocabulary.
        classes: K.
        embedding: units of a word's vector; 0 where numbers are read.
        scores: (V, 2) further units of a word by its number, which are not learned; words beyond the vocabulary have
            the vector of an unknown one.

    Raises:
        ValueError: the architecture reads what a sequence has not.
    """

    def __init__(
        self,
        model: ModelConfig,
        trainer: TrainerConfig,
        inputs: int,
        classes: int,
        *,
        embedding: int = 0,
        pooling: bool = False,
        noise: float = 0.0,
        scores: Tensor | None = None,
    ) -> None:
        super().__init__()
        refuse_architecture(model, pooling)
        self.trainer_config, self.noise = trainer, noise
        self.embedding = nn.Embedding(inputs, embedding, padding_idx=0) if embedding else None
        one_step = ModelConfig(**{**vars(model), "horizon": 1, "head": "point"})
        self.scores: Tensor | None
        self.register_buffer("scores", scores, persistent=False)
        width = (embedding or inputs) + (0 if scores is None else scores.shape[1])
        self.network = (PooledNetwork if pooling else build_network)(one_step, width, classes)
        self.dropout = nn.Dropout(model.dropout)
        self.multiple = model.segment_length if model.kind in SEGMENTED else 1

    def forward(self, sequences: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits (B, K) and hidden states (B, D).

        Args:
            sequences: (B, L, F) numbers or (B, L) numbers of words, anything after the end of each.
            lengths: (B,) steps of each.
        """
        values = self._jittered(sequences) if self.embedding is None else self._vectors(self.embedding, sequences)
        if self.multiple > 1:
            values, lengths = self._in_segments(values, lengths)
        states = self.network.encode_ragged(values, lengths)
        return self.network.decode(self.dropout(states), values)[:, 0], states

    def _jittered(self, numbers: Tensor) -> Tensor:
        """Return numbers (B, L, F) that are never twice the same while the network learns.

        Source:
            Bishop (1995), Training with noise is equivalent to Tikhonov regularization, Neural Computation 7(1).
        """
        return numbers + self.noise * torch.randn_like(numbers) if self.noise and self.training else numbers

    def _vectors(self, embedding: nn.Embedding, words: Tensor) -> Tensor:
        """Return what is read of words (B, L): their vectors and, if there are any, their scores (B, L, F)."""
        learned = words.where(words < embedding.num_embeddings, UNKNOWN)
        vectors: Tensor = self.dropout(embedding(learned))
        return vectors if self.scores is None else torch.cat((vectors, self.scores[words]), dim=2)

    def training_step(self, batch: tuple[Tensor, Tensor, Tensor], batch_idx: int) -> Tensor:
        """Return the categorical cross-entropy of a batch."""
        sequences, lengths, labels = batch
        logits = self(sequences, lengths)[0]
        loss = F.cross_entropy(logits, labels)
        values = {"loss": loss.detach(), "accuracy": (logits.argmax(dim=1) == labels).float().mean()}
        self.log_dict(values, on_step=False, on_epoch=True, batch_size=len(labels))
        return loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """AdamW (Loshchilov and Hutter 2019), which without a decay is Adam (Kingma and Ba 2015)."""
        config = self.trainer_config
        return torch.optim.AdamW(self.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay)

    def _in_segments(self, values: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Return sequences whose lengths are multiples of a segment's: zeros before the first step of each."""
        whole = -(-lengths // self.multiple) * self.multiple
        moved = values.new_zeros(len(values), int(whole.max()), values.shape[2])
        for row, (length, end) in enumerate(zip(lengths.tolist(), whole.tolist(), strict=True)):
            moved[row, end - length : end] = values[row, :length]
        return moved, whole


def refuse_architecture(model: ModelConfig, pooling: bool) -> None:
    """Refuse what only forecasts of a series have.

    Raises:
        ValueError: one sentence a setting.
    """
    of_forecasts: dict[str, Any] = {
        "linear_base": False,
        "linear_skip": False,
        "normalisation": "none",
        "head": "point",
    }
    refuse(
        (
            not pooling or model.kind in POOLED,
            f"model.kind must be {' or '.join(POOLED)} where all states are pooled, was {model.kind}",
        ),
        (
            model.kind not in FORESEEING,
            f"model.kind must read one sequence to tell it apart, was {model.kind}, which reads what is known ahead",
        ),
        *(
            (
                getattr(model, name) == value,
                f"model.{name} is of forecasts, and classes are told by a softmax; leave it at {str(value).lower()}, "
                f"was {str(getattr(model, name)).lower()}",
            )
            for name, value in of_forecasts.items()
        ),
    )

"""What a network reads beside numbers: an encoder a sense, and the late fusion of what they say into its hidden state.

B windows, S last bars, W values of a bar and a 1 where there are any, E units of an encoder, D of the network.
"""

from collections.abc import Callable, Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from forecaster.data.senses import Sense
from forecaster.networks.base import Network

LETTER_UNITS = 16  # of a token's embedding
SMALLEST = 1e-6


class WordEncoder(nn.Module):
    """Counts of words, weighted, brought to unit length and projected: TF-IDF and a truncated SVD.

    Both are fitted, not trained: x[v] = n[v] log((1 + N) / (1 + N[v])) + n[v], divided by its length, times the E
    right singular vectors of the N rows that were learned from, each in units of its deviation there.

    Source:
        Salton and Buckley (1988), Information Processing and Management 24(5); Deerwester et al. (1990), Journal of the
        American Society for Information Science 41(6). Smooth counts of documents as in scikit-learn's
        TfidfTransformer.
    """

    rarity: Tensor
    directions: Tensor

    def __init__(self, sense: Sense) -> None:
        super().__init__()
        self.register_buffer("rarity", torch.ones(sense.width))  # (V,)
        self.register_buffer("directions", torch.zeros(sense.width, sense.units))  # (V, E)

    def fit(self, values: Tensor) -> None:
        """Fit weights and directions on rows of counts (N, V)."""
        held = (values > 0.0).double().sum(dim=0)
        self.rarity.copy_(torch.log((1.0 + len(values)) / (1.0 + held)) + 1.0)
        rows = self._weighted(values).double()
        _, vectors = torch.linalg.eigh(rows.T @ rows)  # (V, V), the least first
        count = self.directions.shape[1]
        directions = vectors.flip(1)[:, :count]
        directions = directions * directions.gather(0, directions.abs().argmax(dim=0, keepdim=True)).sign()
        spread = (rows @ directions).std(dim=0, correction=0)
        known = spread > SMALLEST
        self.directions.zero_()
        self.directions[:, : directions.shape[1]] = torch.where(known, directions / spread.clamp(min=SMALLEST), 0.0)

    def forward(self, values: Tensor) -> Tensor:
        """Return (N, E) for counts (N, V)."""
        return self._weighted(values) @ self.directions

    def _weighted(self, values: Tensor) -> Tensor:
        return F.normalize(values * self.rarity, dim=1)


class TokenEncoder(nn.Module):
    """An LSTM over the words of a bar's texts, in order; of each unit its largest state.

    Source:
        Conneau et al. (2017), arXiv:1705.02364, section 3.2.2, in one direction.
    """

    def __init__(self, sense: Sense) -> None:
        super().__init__()
        self.most = sense.vocabulary - 1
        self.embed = nn.Embedding(sense.vocabulary, LETTER_UNITS, padding_idx=0)
        self.recurrent = nn.LSTM(LETTER_UNITS, sense.units, batch_first=True)

    def fit(self, values: Tensor) -> None:
        """Do nothing: all of it is trained."""

    def forward(self, values: Tensor) -> Tensor:
        """Return (N, E) for the numbers of words (N, W), 0 behind the last."""
        numbers = values.detach().long().clamp(0, self.most)
        states, _ = self.recurrent(self.embed(numbers))  # (N, W) -> (N, W, E)
        behind = (numbers == 0)[..., None]
        largest: Tensor = states.masked_fill(behind, -1.0).amax(dim=1)  # a state lies in (-1, 1)
        return largest


class PictureEncoder(nn.Module):
    """Two small convolutions, each halving the picture, and a linear map; brightness in units of what was learned from.

    Source:
        LeCun et al. (1998), Proceedings of the IEEE 86(11), section II.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, sense: Sense) -> None:
        super().__init__()
        self.shape = sense.shape
        self.register_buffer("mean", torch.tensor(0.5))
        self.register_buffer("deviation", torch.tensor(0.5))
        self.layers = nn.Sequential(
            nn.Conv2d(1, 8, 3, stride=2, padding=1), nn.ReLU(), nn.Conv2d(8, 16, 3, stride=2, padding=1), nn.ReLU()
        )
        height, width = ((size + 3) // 4 for size in sense.shape)  # each convolution leaves half of it, rounded up
        self.last = nn.Linear(16 * height * width, sense.units)

    def fit(self, values: Tensor) -> None:
        """Fit the unit of brightness on pictures (N, W)."""
        self.mean.copy_(values.double().mean())
        self.deviation.copy_(values.double().std(correction=0).clamp(min=1e-3))

    def forward(self, values: Tensor) -> Tensor:
        """Return (N, E) for pictures (N, W)."""
        scaled = (values - self.mean) / self.deviation
        seen = self.layers(scaled.view(-1, 1, *self.shape))  # (N, 1, height, width) -> (N, 16, ...)
        encoded: Tensor = torch.tanh(self.last(seen.flatten(1)))
        return encoded


ENCODERS: Mapping[str, Callable[[Sense], WordEncoder | TokenEncoder | PictureEncoder]] = {
    "words": WordEncoder,
    "tokens": TokenEncoder,
    "picture": PictureEncoder,
}


class SenseReader(nn.Module):
    """One sense: its encoder bar by bar, an LSTM over what it says of the last bars, and a map that starts at zero.

    A bar without anything is told as such, by a 0 beside E zeros, whatever its encoder says of nothing. It is asked all
    the same: batches of one shape are computed alike to the last bit, whoever stands beside a row.

    Args:
        sense: of which kind and size.
        hidden_width: D, of the network whose state it adds to.
    """

    def __init__(self, sense: Sense, hidden_width: int) -> None:
        super().__init__()
        self.encoder = ENCODERS[sense.kind](sense)
        self.memory = nn.LSTM(sense.units + 1, sense.units, batch_first=True)
        self.fusion = nn.Linear(2 * sense.units, hidden_width, bias=False)

    def forward(self, values: Tensor) -> Tensor:
        """Return what is added to the hidden state, (B, D), for the last bars (B, S, W + 1)."""
        batch, bars, width = values.shape
        there = values[..., -1:]  # (B, S, 1)
        said = self.encoder(values[..., :-1].reshape(-1, width - 1)).view(batch, bars, -1)  # (B, S, E)
        said = said * there
        states, _ = self.memory(torch.cat((said, there), dim=-1))  # (B, S, E + 1) -> (B, S, E)
        added: Tensor = self.fusion(torch.cat((said[:, -1], states[:, -1]), dim=-1))  # (B, 2E) -> (B, D)
        return added


class FusedNetwork(Network):
    """A network whose hidden state is its own and, added to it, what each sense says of the last bars.

    The maps start at zero: untrained it is the network without senses, and where they have nothing to tell the stop
    rows keep it so.

    Args:
        series: the network that reads numbers, of any kind.
        senses: what is read beside them, in the order in which it is given.
    """

    def __init__(self, series: Network, senses: Sequence[Sense]) -> None:
        super().__init__()
        self.series, self.hidden_width, self.senses = series, series.hidden_width, tuple(senses)
        self.readers = nn.ModuleList([SenseReader(sense, series.hidden_width) for sense in senses])

    def forward(self, context: Tensor, *beside: Tensor) -> tuple[Tensor, Tensor]:
        """Return the outputs (B, H, P) and the hidden state (B, D).

        Args:
            context: (B, L, F) scaled features.
            beside: what the network reads of the bars ahead, if it does, then of each sense (B, S, W + 1).
        """
        future, senses = beside[: len(beside) - len(self.readers)], beside[len(beside) - len(self.readers) :]
        hidden_state = self.series.encode(context)
        for reader, values in zip(self.readers, senses, strict=True):
            hidden_state = hidden_state + reader(values)
        return self.series.decode(hidden_state, context, *future), hidden_state

    def fit(self, number: int, values: Tensor) -> None:
        """Fit what is fitted of the encoder of a sense, by its number, on rows that have it (N, W)."""
        reader = self.readers[number]
        assert isinstance(reader, SenseReader)
        reader.encoder.fit(values)

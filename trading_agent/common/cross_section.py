"""A row of an observation as a set of items: one network reads each of them, and what stands beside it.

A items have A blocks of k columns, then g columns that are common to all; then come m groups of A columns that tell the
actor's own part in each item, and columns of its own that are not read. The last column of a block says whether the
item is there: 1, or 0 where nothing is known of it. The same weights read every block, and A is none of them; another
order of the items is another order of the outputs (Zaheer et al. 2017, Deep Sets, section 3).

B rows, A items, D hidden units. Knows nothing of what the items are.
"""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from trading_agent.common.config import CrossSection
from trading_agent.common.networks import CLIP, fit_columns, hidden_layers, linear


class Items(NamedTuple):
    """What a row says of its items.

    Attributes:
        features: (B, A, k - 1) of each item.
        present: (B, A) whether it is there, of bool.
        common: (B, g).
    """

    features: Tensor
    present: Tensor
    common: Tensor


class ItemColumns(NamedTuple):
    """Where the columns of a row lie.

    Attributes:
        block: k columns of an item, presence the last of them; at least 1.
        common: g columns.
        groups: m groups of A columns.
        others: columns at the end that are not read.
    """

    block: int
    common: int
    groups: int = 2
    others: int = 1

    def count(self, observation_columns: int) -> int:
        """Return A, of an observation of so many columns.

        Raises:
            ValueError: no number of items has so many.
        """
        count, left = divmod(observation_columns - self.common - self.others, self.block + self.groups)
        if left or count < 1:
            raise ValueError(
                f"an observation must have {self.block + self.groups} columns for each item and "
                f"{self.common + self.others} others, had {observation_columns}"
            )
        return count

    def items(self, rows: Tensor, count: int, chosen: Tensor | None = None) -> Items:
        """Return the items in (B, F) rows of features, or of observations; of (A',) `chosen` ones only where given."""
        first = self.block * count
        blocks = rows[:, :first].view(-1, count, self.block)
        if chosen is not None:
            blocks = blocks[:, chosen]
        return Items(blocks[:, :, :-1], blocks[:, :, -1] > 0.5, rows[:, first : first + self.common])

    def own(self, observations: Tensor, count: int) -> Tensor:
        """Return (B, m, A) the actor's own part in each item."""
        first = self.block * count + self.common
        return observations[:, first : first + self.groups * count].view(-1, self.groups, count)


class CrossSectionEncoder(nn.Module):
    """D hidden units of each item, for its block, the common columns, and what the others show.

    Args:
        columns: where they lie.
        hidden_sizes: units of each layer; the last one joins an item with its cross-section.
        cross_section: what an item is shown of the others: `none`; the `mean` of their hidden units; or `attention`,
            a mean whose weights it chooses itself (Vaswani et al. 2017, eq. 1, one head), nothing among the choices.
        generator: source of the initial weights; they are left unset without one, to be loaded.
        num_own: columns of the actor's own part that are read beside a block; they are not scaled.

    Attributes:
        width: D.
    """

    item_mean: Tensor
    item_std: Tensor
    common_mean: Tensor
    common_std: Tensor

    def __init__(
        self,
        columns: ItemColumns,
        hidden_sizes: Sequence[int],
        cross_section: CrossSection,
        generator: torch.Generator | None = None,
        *,
        num_own: int = 0,
    ) -> None:
        super().__init__()
        self.columns, self.cross_section, self.width = columns, cross_section, hidden_sizes[-1]
        for name, count in (("item", columns.block - 1), ("common", columns.common)):
            self.register_buffer(f"{name}_mean", torch.zeros(count))
            self.register_buffer(f"{name}_std", torch.ones(count))
        layer, inner = partial(linear, generator=generator), list(hidden_sizes[:-1] or hidden_sizes)
        self.of_item = layer(columns.block - 1, inner[0])
        self.of_common = layer(columns.common, inner[0]) if columns.common else None
        self.of_own = layer(num_own, inner[0]) if num_own else None
        self.body = nn.Sequential(nn.ReLU(), *hidden_layers(inner, layer, nn.ReLU))
        self.alone = layer(inner[-1], self.width)
        self.of_others = None if cross_section == "none" else layer(inner[-1], self.width)
        self.looks = layer(inner[-1], 3 * inner[-1]) if cross_section == "attention" else None

    def fit_scales(self, rows: Tensor) -> None:
        """Set the scales from (T, F) rows of features: of an item's from where it is there, of the common from all."""
        items = self.columns.items(rows, (rows.shape[1] - self.columns.common) // self.columns.block)
        there = items.features[items.present]
        if len(there):
            fit_columns(there, self.item_mean, self.item_std)
        if self.columns.common:
            fit_columns(items.common, self.common_mean, self.common_std)

    def forward(self, items: Items, own: Tensor | None = None, shown: Tensor | float = 1.0) -> Tensor:
        """Return (B, A, D) hidden units; what stands at an item that is not there means nothing.

        Args:
            items: of B rows.
            own: (B, A, num_own) of the actor's own part.
            shown: (B, A, k - 1) by which each feature is weighed, such as a mask of dropout.
        """
        standard = ((items.features - self.item_mean) / self.item_std).clamp(-CLIP, CLIP) * shown
        first = self.of_item(standard)  # (B, A, k - 1) -> (B, A, D)
        if self.of_common is not None:
            common = ((items.common - self.common_mean) / self.common_std).clamp(-CLIP, CLIP)
            first = first + self.of_common(common)[:, None]
        if self.of_own is not None:
            first = first + self.of_own(own)
        hidden = self.body(first)
        joined = self.alone(hidden)
        if self.of_others is not None:
            joined = joined + self.of_others(self._others(hidden, items.present))
        return torch.as_tensor(joined.relu())

    def _others(self, hidden: Tensor, present: Tensor) -> Tensor:
        """(B, 1 or A, D) what each item sees of those that are there."""
        if self.looks is None:
            return mean_of(hidden, present)[:, None]
        query, of_others = self.looks(hidden).split((hidden.shape[2], 2 * hidden.shape[2]), dim=2)
        key, value = F.pad(of_others, (0, 0, 0, 1)).chunk(2, dim=2)  # the last item is nothing: for whom no other is
        visible = F.pad(present, (0, 1), value=True)[:, None, None].expand(-1, 1, query.shape[1], -1)
        query, key, value = (one[:, None] for one in (query, key, value))  # (B, 1, A, D): a fused kernel
        return F.scaled_dot_product_attention(query, key, value, attn_mask=visible)[:, 0]


def mean_of(hidden: Tensor, present: Tensor) -> Tensor:
    """Return (B, D) the mean of (B, A, D) over the items that are there; 0 where none is."""
    there = present.to(hidden.dtype)
    return torch.einsum("bad,ba->bd", hidden, there) / there.sum(dim=1, keepdim=True).clamp_min(1.0)

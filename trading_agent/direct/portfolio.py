"""The network of `direct` for several assets: a band for each, within which nothing is traded.

Where trading costs in proportion to its size, the best policy trades to the near edge of a band and not at all inside
it (Davis and Norman 1990, Mathematics of Operations Research 15(4); as a network: Imaki et al. 2021, No-Transaction
Band Network). So the network says the bands, from what is known of the assets, and what is held decides by them. One
pass answers for every holding, and a window is read at once. Formulas: docs/direct.md.

N accounts or rows, A assets; exposures are fractions of equity.
"""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from trading_agent.common.config import CrossSection
from trading_agent.common.cross_section import CrossSectionEncoder, ItemColumns, Items
from trading_agent.common.networks import zero_linear
from trading_agent.direct.networks import QUIET

INSIDE = 1.0 - 1e-6  # of a cap: rounding must not make the account scale what was meant to be left alone
TINY = 1e-12
STEEP = 8.0  # how much appeal an output of 1 is
NARROW = -2.0  # before it learns, a band is softplus(-2) = 0.13 to either side
HALVINGS = 14  # of where the price may lie, before the step that is differentiated
FLAT = 1e-3  # least slope of the log of the gross in the price


class Caps(NamedTuple):
    """What an account may hold.

    Attributes:
        asset: largest absolute exposure of an asset.
        gross: largest sum of absolute exposures.
        net: largest absolute sum of exposures; None is no cap.
        long_only: no exposure is negative.
    """

    asset: float
    gross: float
    net: float | None
    long_only: bool


class Bands(NamedTuple):
    """Between which exposures an asset is left alone.

    Attributes:
        low: (N, A).
        high: (N, A), at least `low`.
        available: (N, A) whether it may be acted on, of bool; None where all may throughout.
    """

    low: Tensor
    high: Tensor
    available: Tensor | None


class PortfolioNetwork(nn.Module):
    """Bands of exposures of A assets, whose number is no part of the weights.

    Args:
        columns: (k, g): columns of an asset's block, availability the last, and of what is common to all.
        hidden_sizes: units of each hidden layer.
        caps: (asset, gross, net, long_only) as `Caps`.
        cross_section: what an asset is shown of the others (`CrossSectionEncoder`).
        keeps: whether a target that stays the same trades nothing (`rebalance: on_change`); else inside its band an
            asset is ordered as it is held.
        generator: source of the initial weights; they are left unset without one, to be loaded.
    """

    def __init__(
        self,
        columns: Sequence[int],
        hidden_sizes: Sequence[int],
        caps: Sequence[Any],
        cross_section: CrossSection = "attention",
        keeps: bool = True,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        self.columns, self.caps, self.keeps = ItemColumns(*columns), Caps(*caps), keeps
        self.settings: dict[str, Any] = {
            "columns": list(columns),
            "hidden_sizes": list(hidden_sizes),
            "caps": list(caps),
            "cross_section": cross_section,
            "keeps": keeps,
        }
        self.encoder = CrossSectionEncoder(self.columns, hidden_sizes, cross_section, generator)
        self.head = zero_linear(self.encoder.width, 2)  # the middle of the band, and half its width
        with torch.no_grad():  # most columns are noise, and what chance gave them is never quite unlearned
            self.encoder.of_item.weight.mul_(QUIET)

    def fit_scales(self, features: Tensor) -> None:
        """Set the scales from (T, F) rows."""
        self.encoder.fit_scales(features)

    def readers(self) -> list[Tensor]:
        """Return the weights that read the features, noise columns among them."""
        return [layer.weight for layer in (self.encoder.of_item, self.encoder.of_common) if layer is not None]

    def forward(self, items: Items, shown: Tensor | float = 1.0) -> Bands:
        """Return the bands of B rows; `shown` (B, A, k - 1) weighs the features, such as a mask of dropout."""
        hidden = self.encoder(items, shown=shown)
        middle, width = (STEEP * self.head(hidden)).unbind(dim=2)
        half = F.softplus(width + NARROW)
        count = items.present.sum(dim=1, keepdim=True).clamp_min(1)
        floor = (count * (self.caps.asset / self.caps.gross)).log().clamp_min(0.0)
        price = self._price(middle.detach(), items.present)
        price = torch.maximum(self._nearer(price, middle, items.present), floor)  # differentiated through its last step
        low, high = (self.exposures(edge, price) for edge in (middle - half, middle + half))
        return Bands(low, high, None if bool(items.present.all()) else items.present)

    def exposures(self, appeal: Tensor, price: Tensor) -> Tensor:
        """Return exposures (B, A), at a price of exposure (B, 1), of assets that appeal so much (B, A); eq. 2."""
        above = torch.sigmoid(appeal - price)
        return self.caps.asset * (above if self.caps.long_only else above - torch.sigmoid(-appeal - price))

    def _price(self, appeal: Tensor, present: Tensor) -> Tensor:
        """(B, 1) just above the price at which the gross of what is available is the cap, or above 0 if that is less.

        Halving, for Newton's steps alone hardly move where all are near their own cap: there the gross is flat.
        """
        size = appeal if self.caps.long_only else appeal.abs()
        most = size.masked_fill(~present, -torch.inf).logsumexp(dim=1, keepdim=True)
        high = (most + math.log(self.caps.asset / self.caps.gross)).clamp_min(0.0)  # at which it is surely less
        low = torch.zeros_like(high)
        for _ in range(HALVINGS):
            price = (low + high) / 2.0
            gross = (self.exposures(appeal, price).abs() * present).sum(dim=1, keepdim=True)
            beyond = gross > self.caps.gross
            low, high = torch.where(beyond, price, low), torch.where(beyond, high, price)
        return high

    def _nearer(self, price: Tensor, appeal: Tensor, present: Tensor) -> Tensor:
        """(B, 1) Newton's step, on the log of the gross, from the side on which it cannot overshoot."""
        long = torch.sigmoid(appeal - price) * present
        short = torch.zeros_like(long) if self.caps.long_only else torch.sigmoid(-appeal - price) * present
        gross = (long - short).abs().sum(dim=1, keepdim=True).clamp_min(TINY)
        slope = (long * (1.0 - long) - short * (1.0 - short)).abs().sum(dim=1, keepdim=True) / gross
        beyond = (gross * (self.caps.asset / self.caps.gross)).log()
        return (price + beyond / slope.clamp_min(FLAT)).clamp_min(0.0)

    def decide(self, bands: Bands, held: Tensor, last: Tensor) -> Tensor:
        """Return (N, A) target exposures.

        Args:
            bands: of N rows.
            held: (N, A) exposures held.
            last: (N, A) targets that were traded on last: what an asset that is left alone keeps.
        """
        low, high, available = bands
        kept = last
        if not self.keeps:
            kept = held if available is None else torch.where(available, held, last)
        wanted = torch.where(held < low, low, torch.where(held > high, high, kept))
        if available is not None:
            wanted = torch.where(available, wanted, last)
        return self.capped(wanted, kept, available)

    def capped(self, wanted: Tensor, kept: Tensor, available: Tensor | None) -> Tensor:
        """Bring targets (N, A) within the caps of gross and net, for those of an asset hold already.

        What would be bought beyond the gross cap is cut first, so that what is kept need not be traded; then all that
        is available, pro rata, as the account itself would.

        Args:
            wanted: targets.
            kept: targets at which nothing is traded.
            available: whether an asset may be acted on; None where all may.
        """
        gross, net = self.caps.gross, self.caps.net
        if bool((wanted.abs().sum(dim=1) > gross).any()):
            stays = torch.minimum(wanted.abs(), kept.abs()) * (wanted * kept > 0.0)  # of a size, what is held already
            more = wanted.abs() - stays
            room = (gross * INSIDE - stays.sum(dim=1, keepdim=True)).clamp_min(0.0)
            share = room / torch.maximum(more.sum(dim=1, keepdim=True), room.clamp_min(TINY))
            wanted = torch.where(share < 1.0, wanted.sign() * (stays + share * more), wanted)
            wanted = _scaled(wanted, available, wanted.abs(), gross)
        if net is not None:
            side = wanted.sum(dim=1, keepdim=True).sign()
            heavier = (wanted * side).clamp_min(0.0)
            lighter = (-wanted * side).clamp_min(0.0).sum(dim=1, keepdim=True)
            wanted = _scaled(wanted, available, heavier, net + lighter)
        return wanted


def _scaled(target: Tensor, available: Tensor | None, size: Tensor, cap: Tensor | float) -> Tensor:
    """Scale down the available targets that have a size until the sizes (N, A) together are within the cap."""
    excess = size.sum(dim=1, keepdim=True) - cap
    if not bool((excess > 0.0).any()):
        return target
    movable = size > 0.0 if available is None else available & (size > 0.0)
    share = (1.0 - excess / (size * movable).sum(dim=1, keepdim=True).clamp_min(TINY)).clamp(0.0, 1.0) * INSIDE
    return torch.where((excess > 0.0) & movable, target * share, target)

"""Patches: a window cut into pieces of several bars, so that a slow network takes few steps."""

import torch.nn.functional as F
from torch import Tensor, nn


def patches(context: Tensor, patch_length: int) -> Tensor:
    """Cut windows into patches that end with the newest bar.

    Args:
        context: (B, L, F) scaled features.
        patch_length: bars a patch.

    Returns:
        (B, N, patch_length * F), N = L / patch_length rounded up, bars in order of time. Where L is no multiple, the
        oldest patch is filled up with zeros at its old end, the mean of every scaled feature: no bar is left unread.
    """
    batch, length, features = context.shape
    context = F.pad(context, (0, 0, -length % patch_length, 0))  # (B, L, F) -> (B, N * patch_length, F)
    return context.reshape(batch, -1, patch_length * features)


class PatchEmbedding(nn.Linear):
    """One linear map from the bars of a patch to D units: (B, L, F) -> (B, N, D).

    Args:
        patch_length: bars a patch.
        num_features: F.
        units: D.

    Source:
        Nie et al. (2023), A time series is worth 64 words, arXiv:2211.14730, section 3.1; here patches do not overlap
        and hold all features.
    """

    def __init__(self, patch_length: int, num_features: int, units: int) -> None:
        super().__init__(patch_length * num_features, units)
        self.patch_length = patch_length

    def forward(self, context: Tensor) -> Tensor:
        """Return (B, N, D) for (B, L, F)."""
        return super().forward(patches(context, self.patch_length))  # (B, N, patch_length * F) -> (B, N, D)

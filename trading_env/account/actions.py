"""What an action means: target exposures of the assets, as fractions of equity. docs/accounting.md, section 7.

A continuous target is exactly a float32, so that it can be remembered as one.
"""

from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from trading_env.config import TradingConfig
from trading_env.vector_env import ROUNDING, check_actions

Array = NDArray[np.float64]


class Actions:
    """The actions of one market's rules.

    Args:
        config: which kind, its bounds and caps.
        num_assets: A.

    Raises:
        ValueError: a level in equal shares is more than the cap of an asset.

    Attributes:
        space: Gymnasium's space of one action.
        discrete: whether an action is the number of a level.
        shares: (levels,) target exposure of each asset for each discrete action.
    """

    def __init__(self, config: TradingConfig, num_assets: int) -> None:
        self.kind, self.config, self.num_assets = config.actions, config, num_assets
        self.shares = np.asarray(config.exposures, dtype=np.float64) / num_assets
        self.discrete = config.actions == "levels"
        most, cap = float(np.abs(self.shares).max()), config.asset_cap
        if cap is not None and most > cap and config.actions in ("levels", "exposure"):
            law = f"exposures in equal shares of {num_assets} assets must be within the asset cap of {cap:g}"
            raise ValueError(f"{law}, were up to {most:g}; raise asset_cap or lower them")
        self.space: Any
        if self.discrete:
            self.space = spaces.Discrete(len(self.shares))
            self.low, self.high, self.size = 0.0, float(len(self.shares) - 1), 0
            return
        if config.actions == "exposure":
            self.low, self.high, self.size = min(config.exposures), max(config.exposures), 1
        else:
            self.low, self.high, self.size = (0.0 if config.actions == "long_weights" else -1.0), 1.0, num_assets
        self.space = spaces.Box(self.low, self.high, (self.size,), np.float32)

    def targets(self, actions: NDArray[Any], num_accounts: int) -> Array:
        """Return (N, A) targets, (N,) of one asset, for N actions.

        Raises:
            ValueError: an action is none.
        """
        shape = (num_accounts, self.size) if self.size else (num_accounts,)
        check_actions(actions, shape, self.low, self.high, 0.0 if self.discrete else ROUNDING)
        if self.discrete or self.kind == "exposure":
            if self.discrete:
                share = self.shares.take(actions)
            else:
                exposure = np.clip(actions, self.low, self.high)[:, 0]
                share = (exposure / self.num_assets).astype(np.float32).astype(np.float64)
            return share if self.num_assets == 1 else np.repeat(share[:, None], self.num_assets, axis=1)
        weights = within_caps(np.clip(actions, self.low, self.high).astype(np.float64), self.config)
        scaled: Array = weights.astype(np.float32).astype(np.float64)
        return scaled[:, 0] if self.num_assets == 1 else scaled

    def target(self, action: Any) -> float:
        """Return the target of one account of one asset.

        Raises:
            ValueError: the action is none.
        """
        if not self.discrete:
            return float(self.targets(np.asarray(action, dtype=np.float32)[None], 1)[0])
        if not 0 <= action < len(self.shares):
            raise ValueError(f"action must lie in [0, {len(self.shares) - 1}], was {action}")
        return self.shares.item(int(action))

    def exact(self, target: Array) -> Array:
        """Undo the rounding to float32 of targets: return the exact level that each of them stands for, if it is one.

        Between two levels is the target of an order that is filled in part.
        """
        if not self.discrete:
            return target
        nearest = self.shares[np.abs(self.shares - target[..., None]).argmin(axis=-1)]
        rounded = np.float32(nearest) == np.float32(target)
        return np.where(np.abs(target) < 1e-12, 0.0, np.where(rounded, nearest, target))


def within_caps(weights: Array, config: TradingConfig) -> Array:
    """Bring (N, A) weights within the caps: each within the asset cap, all within the leverage cap, then the net cap.

    What is cut off becomes cash. The gross is scaled as a whole; of the net only the heavier side is, so that no weight
    grows and none changes its sign. docs/accounting.md, eq. 20.
    """
    if config.asset_cap is not None:
        weights = np.clip(weights, -config.asset_cap, config.asset_cap)
    together = np.abs(weights).sum(axis=1, keepdims=True)
    weights = weights * (config.leverage_cap / np.maximum(together, config.leverage_cap))
    if config.net_cap is None:
        return weights
    bought, sold = (np.maximum(side, 0.0).sum(axis=1, keepdims=True) for side in (weights, -weights))
    heavier, lighter = np.maximum(bought, sold), np.minimum(bought, sold)
    room = np.minimum(heavier, lighter + config.net_cap)
    share = np.divide(room, heavier, out=np.ones_like(heavier), where=heavier > 0.0)
    return np.where(weights * (bought - sold) > 0.0, weights * share, weights)

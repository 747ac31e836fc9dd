"""One account through a whole market, without the ceremony of an environment's steps: what a policy decides and earns.

Most policies decide at most bars what they decided at the bar before. So an account is first let live as if the last
level were chosen again and again, and whoever decides is asked about all these bars at once; what they answer counts up
to the first bar at which they choose otherwise, and the account goes back there. Decisions and rewards are those of
`TradingEnv`, bar by bar.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trading_env.account.single import FloatAccount
from trading_env.config import TradingConfig
from trading_env.market import Market

Array = NDArray[np.float64]
Float32 = NDArray[np.float32]
MOST_AHEAD = 512  # bars that are lived through before anybody is asked


class Episode(NamedTuple):
    """What one account did from the first bar of a market of T bars to the last, or to its ruin.

    Attributes:
        targets: (T,) target exposures; after a ruin 0. The last row is a decision that no bar of the market fills.
        rewards: (n,) of the bars lived through, n <= T - 1.
    """

    targets: Array
    rewards: Array


def play_episode(
    act: Callable[[Float32], NDArray[Any]], market: Market, config: TradingConfig, *, in_order: bool = False
) -> Episode:
    """Let somebody decide at every close of a market of one asset.

    Args:
        act: from (N, O) observations to (N,) or (N, 1) actions, each decided from its own row alone. It is asked again
            about rows that came to nothing, and about copies of a row; not so with `in_order`.
        market: T bars.
        config: rules, costs, actions and reward.
        in_order: who decides remembers, and is asked about one bar after the other, each once, N = 1.

    Raises:
        ValueError: an action is none, the market has several assets, or lacks what the rules need.
    """
    if market.close.shape[1] != 1:
        raise ValueError(f"market must be of one asset, was of {market.close.shape[1]}; TradingEnv plays several")
    account = FloatAccount(market, config, None)
    actions, last = account.setting.actions, account.setting.last
    targets, rewards = np.zeros(last + 1), list[float]()
    again, ahead = None, 1  # what may be chosen again, and the rows that are asked about at once
    while True:
        start, trail = account.t, _held(account, again, ahead)
        answers = act(_padded([row for row, _, _ in trail], ahead))
        other = np.flatnonzero(answers[: len(trail)] != again) if actions.discrete else np.zeros(1, dtype=np.int64)
        kept = int(other[0]) if len(other) else len(trail) - 1  # bars for which the level was chosen again
        if kept:
            targets[start : start + kept] = actions.target(again)
            rewards += [reward for _, _, reward in trail[1 : kept + 1]]
        account.stand(trail[kept][1])
        again = answers[kept]
        targets[account.t] = actions.target(again)
        if account.t == last:
            break
        _, reward, ruined, _, _ = account.play(again)
        rewards.append(reward)
        if ruined:
            break
        if actions.discrete and not in_order:
            ahead = min(2 ** (kept + 1).bit_length(), MOST_AHEAD)  # a power of two: no row moves another's last digit
    return Episode(targets, np.array(rewards))


Trail = list[
    tuple[Float32, tuple[Any, ...], float]
]  # what was seen, where the account stood, the reward that led there


def _held(account: FloatAccount, action: Any, count: int) -> Trail:
    """Let an account choose one action again for `count` - 1 bars, as far as the market goes and it is not ruined."""
    trail: Trail = [(account.observation(), account.standing(), 0.0)]
    while len(trail) < count and account.t < account.setting.last:
        seen, reward, ruined, _, _ = account.play(action)
        if ruined:
            break
        trail.append((seen, account.standing(), reward))
    return trail


def _padded(rows: list[Float32], count: int) -> Float32:
    """Return (count, O) rows, the last one repeated: in a batch of another size its digits might be others."""
    return np.stack(rows + rows[-1:] * (count - len(rows)))

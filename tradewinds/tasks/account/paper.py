"""An account on paper: it goes on from where it stood at its last bar, by the simulator that its agent learned in.

Each bar's fill, night and interest are the ledger's, as in the environment and the backtest, so that the path is that
of a backtest over the same bars to the last bit. Must not know where the account is kept.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tradewinds.pipeline.records import PaperStep
from tradewinds.pipeline.task import Models, Prepared
from tradewinds.tasks.account import market as markets
from tradewinds.tasks.account.orders import FILLED
from trading_agent.common.player import Player
from trading_env import Market, TradingConfig
from trading_env.account.simulator import AccountSimulator
from trading_env.account.single import costs_of
from trading_env.ledger.state import Accounts, Bar

Array = NDArray[np.float64]


def follow(
    prepared: Prepared, models: Models, rows: Sequence[int], *, opened: int, before: Mapping[str, Any] | None
) -> Iterator[PaperStep]:
    """Yield a step for each of `rows`, which follow one another; see `tradewinds.pipeline.task.OnPaper`."""
    rules = prepared.config.env
    market = _market(prepared, models, range(rows[0], rows[-1] + 1), opened, before)
    simulator, player, bar = AccountSimulator(market, rules, 1), Player(models.acting()), None
    if before is None:
        simulator.restart(slice(None), np.ones(1, dtype=np.int64))
    else:
        standing = before["standing"]
        bar = _filled(simulator, market, standing, rules)
        if before["own"] and player.remembers:
            player = Player(models.acting(), memory=np.array(standing["memory"], dtype=np.float32))
    for row in rows:
        orders = _decided(simulator, player)
        yield _step(row, simulator, player, orders, bar, fills_at=FILLED[rules.execution])
        if row < rows[-1]:
            bar = simulator.follow(orders).record


def _market(prepared: Prepared, models: Models, rows: range, opened: int, before: Mapping[str, Any] | None) -> Market:
    """Return the market of `rows`, and of the bar before them as it was seen then."""
    assert models.states is not None
    features, columns = markets.features_of(prepared, models.states, rows)
    first = min(opened, rows.start - 1)  # so that marks are carried on as they would be from the opening
    table = np.concatenate([np.zeros((rows.start - first, features.shape[1]), np.float32), features])
    whole = markets.market_with(prepared, slice(first, rows.stop), table, **columns)
    market = whole.rows(range(rows.start - 1 - first, len(whole)))
    if before is None:
        return market
    return market.begun({name: np.array(values) for name, values in before["standing"]["bar"].items()})


def _filled(simulator: AccountSimulator, market: Market, standing: Mapping[str, Any], rules: TradingConfig) -> Bar:
    """Carry an account from the bar at which it stood to the first of the new ones; return what that cost.

    It is filled under the leverage cap that it was decided under.
    """
    filling = AccountSimulator(market, replace(rules, leverage_cap=standing["leverage_cap"]), 1)
    kinds = {"closed": np.bool_}
    accounts = {name: np.array(standing[name], dtype=kinds.get(name, np.float64)) for name in Accounts._fields}
    clock = {"t": np.zeros(1, dtype=np.int64), "until": simulator.until, "peak": np.array(standing["peak"])}
    filling.restore({**accounts, **clock, "memory": np.zeros((len(filling.memory), 1))})
    bar: Bar = filling.follow(np.array(standing["orders"])).record
    simulator.restore(filling.state())
    return bar


def _decided(simulator: AccountSimulator, player: Player) -> Array:
    """Return the (1, A) target exposures that are decided now, (1,) of one asset; who is ruined holds nothing."""
    if simulator.accounts.closed[0]:
        return np.zeros_like(simulator.accounts.target)
    actions = player.act(simulator.observation())
    return simulator.setting.actions.targets(np.asarray(actions), 1)


def _step(
    row: int, simulator: AccountSimulator, player: Player, orders: Array, bar: Bar | None, *, fills_at: str
) -> PaperStep:
    setting, accounts = simulator.setting, simulator.accounts
    names, price = setting.market.instruments, np.ravel(simulator.price)
    units, equity = np.ravel(accounts.units), float(accounts.equity[0])
    held: list[dict[str, Any]] = [
        {
            "instrument": name,
            "units": float(units[asset]),
            "price": float(price[asset]),
            "exposure": float(units[asset] * price[asset] / equity) if equity > 0.0 else 0.0,
        }
        for asset, name in enumerate(names)
        if units[asset]
    ]
    held.append({"instrument": "cash", "units": float(accounts.cash[0]), "price": None, "exposure": None})
    standing = {name: np.asarray(values).tolist() for name, values in accounts._asdict().items()}
    standing |= {"peak": simulator.peak.tolist(), "orders": orders.tolist()}
    standing |= {"bar": {name: values.tolist() for name, values in setting.market.seen(int(simulator.t[0])).items()}}
    standing |= {"leverage_cap": setting.config.leverage_cap}
    standing |= {"memory": player.memory.tolist()} if player.remembers else {}
    return PaperStep(
        row=row,
        worth=equity,
        held=held,
        paid={} if bar is None else costs_of(_alone(bar)),
        decision={
            "target_exposure": dict(zip(names, np.ravel(orders).tolist(), strict=True)),
            "fills_at": fills_at,
        },
        standing=standing,
    )


def _alone(bar: Bar) -> Bar:
    """Return what a bar cost the only account, in Python's numbers."""
    return Bar(*(part[0].item() if isinstance(part, np.ndarray) and part.ndim == 1 else part for part in bar))

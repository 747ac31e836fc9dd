"""Orders: how many units a fill buys of what the targets ask for. docs/accounting.md, eq. 2, 18, 22 and 23.

Lots, least orders, halts, the leverage cap, the volume cap and the room that stuck positions leave. Moves no money.
"""

import numpy as np

from trading_env.ledger.arithmetic import Numbers
from trading_env.ledger.rules import EXACT, Rules
from trading_env.ledger.state import Accounts, Moment, Numeric

WHOLE = 1.0 + 1e-12  # a lot that is whole but for rounding is whole


def filled(
    n: Numbers, accounts: Accounts, orders: Numeric, beyond: Numeric, price: Numeric, bar: Moment, rules: Rules
) -> tuple[Numeric, Numeric, Numeric]:
    """Bring units to target x equity / price where the target asks for it and trading lets it; eq. 2, 18, 22 and 23.

    Returns:
        (N, A) units bought; (N, A) targets traded on; (N,) who was cut to the leverage cap, or None.
    """
    _, units, target, base, closed = accounts
    alive = n.over(n.negated(closed))
    asked = n.both(orders != target, alive) if rules.on_change else n.both(orders == orders, alive)
    goal = orders * n.over(base) / price
    cut = None
    if beyond is not None:
        goal, asked, cut = _within_cap(n, accounts, (goal, asked), beyond, price, bar, rules)
    if rules.lot is not None:
        goal = _whole_lots(n, goal, rules.lot)
    gap = goal - units
    if bar.tradable is None and not rules.waits:
        return n.only(asked, gap), n.only(alive, orders), cut
    moves = asked if bar.tradable is None else n.both(asked, bar.tradable)
    if rules.min_notional:
        small = n.both(n.absolute(gap) * price < rules.min_notional, goal != 0.0)
        moves = n.both(moves, n.negated(small))
    bought = wanted = n.only(moves, gap)
    if rules.volume_share:
        bought = _within_volume(n, wanted, bar, rules)
    if n.several and rules.maintenance:
        bought = _within_room(n, accounts, (goal, asked), bought, price, rules)
    if bought is wanted:
        return bought, n.where(moves, orders, target), cut
    return bought, _traded_on(n, (target, orders, moves), wanted, bought), cut


def _within_cap(
    n: Numbers,
    accounts: Accounts,
    order: tuple[Numeric, Numeric],
    beyond: Numeric,
    price: Numeric,
    bar: Moment,
    rules: Rules,
) -> tuple[Numeric, Numeric, Numeric]:
    """Scale what accounts will hold down to the cap at the fill price, pro rata over what trades; eq. 18.

    Args:
        n: what the accounts are made of.
        accounts: marked at the fill price.
        order: (N, A) units that the orders ask for, and where they ask.
        beyond: (N,) who was found beyond the cap at the close.
        price: of the fill.
        bar: which assets trade.
        rules: the cap.

    Returns:
        The order, with the cut in it, and (N,) who is cut.
    """
    goal, asked = order
    room = accounts.equity * rules.cap
    moves = asked if bar.tradable is None else n.both(asked, bar.tradable)
    kept = n.where(moves, goal, accounts.units)
    value = n.absolute(kept) * price
    if bar.tradable is not None:
        room = n.maximum(room - n.total(n.only(n.negated(bar.tradable), value)), 0.0)
        value = n.only(bar.tradable, value)
    gross = n.total(value)
    cut = n.both(beyond, gross > room * EXACT)
    share = n.over(n.where(cut, room, 1.0) / n.where(cut, gross, 1.0))
    smaller = n.both(n.over(cut), value > 0.0)
    return n.where(smaller, kept * share, goal), n.either(asked, smaller), cut


def _whole_lots(n: Numbers, units: Numeric, lot: Numeric) -> Numeric:
    """Round units toward zero to whole lots; an asset whose lot is 0 has none."""
    if isinstance(lot, float):
        return n.trunc(units / lot * WHOLE) * lot
    size = np.where(lot > 0.0, lot, 1.0)
    return n.where(lot > 0.0, n.trunc(units / size * WHOLE) * size, units)


def _within_volume(n: Numbers, wanted: Numeric, bar: Moment, rules: Rules) -> Numeric:
    """(N, A) units that an order takes of the bar's volume, whole lots of it; eq. 22."""
    most = bar.volume * rules.volume_share
    if rules.lot is not None:
        most = _whole_lots(n, most, rules.lot)
    fits = n.absolute(wanted) <= most * WHOLE
    return n.where(fits, wanted, n.maximum(n.minimum(wanted, most), -most))


def _within_room(
    n: Numbers, accounts: Accounts, order: tuple[Numeric, Numeric], bought: Numeric, price: Numeric, rules: Rules
) -> Numeric:
    """(N, A) units bought where positions that were to become smaller could not, and hold the room of others; eq. 23.

    Args:
        n: what the accounts are made of.
        accounts: marked at the fill price.
        order: (N, A) units that the orders ask for, and where they ask.
        bought: (N, A) units that trading lets them buy.
        price: of the fill.
        rules: the cap, and lots.
    """
    (goal, asked), after = order, accounts.units + bought
    held = n.absolute(after)
    stuck = n.total(n.both(asked, held > n.absolute(goal) * EXACT)) > 0
    size = held * price
    gross = n.total(size)
    over = n.both(stuck, gross > accounts.equity * rules.limit)
    if not n.some(over):
        return bought
    growth = n.maximum(size - n.absolute(accounts.units) * price, 0.0)
    grown = n.total(growth)
    room = n.maximum(accounts.equity * rules.cap - (gross - grown), 0.0)
    over = n.both(over, grown > room)
    waits = n.where(over, 1.0 - room / n.where(over, grown, 1.0), 0.0)  # the share of all growth that has to
    grows = n.both(growth > 0.0, n.over(over))
    fewer = after * (1.0 - n.over(waits) * growth / n.where(grows, size, 1.0)) - accounts.units
    if rules.lot is not None:
        fewer = _whole_lots(n, fewer, rules.lot)
    return n.where(grows, fewer, bought)


def _traded_on(n: Numbers, order: tuple[Numeric, Numeric, Numeric], wanted: Numeric, bought: Numeric) -> Numeric:
    """(N, A) targets after the fill: between the old and the new one by the share of the order that was filled."""
    target, orders, moves = order
    whole = n.both(moves, bought == wanted)
    share = bought / n.where(wanted == 0.0, 1.0, wanted)
    return n.where(whole, orders, target + (orders - target) * n.only(moves, share))

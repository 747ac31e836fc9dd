"""One law of money for the environment, the backtest and the live signal.

`carry` takes accounts from one close to the next; everything that moves money calls it, or is tested to agree with it
to the last bit (`ledger.run`). Accounts hold units of A assets and one cash, in float64, never rounded, in units of
their opening equity. Formulas: docs/accounting.md, sections 1 to 5. Knows bars and rules; no observation, no action.
"""

from trading_env.ledger.arithmetic import Numbers
from trading_env.ledger.orders import filled
from trading_env.ledger.rules import Rules, charges, interest
from trading_env.ledger.state import Accounts, Bar, Moment, Numeric

WORST_MOVE = 0.99  # of the price: more than that spread and slippage never take


def carry(
    n: Numbers, accounts: Accounts, orders: Numeric, bar: Moment, rules: Rules, *, near: bool = True
) -> tuple[Accounts, Bar]:
    """Carry N accounts from the close of bar t to the close of bar t + 1.

    Args:
        n: what the accounts are made of.
        accounts: their state at the close of t.
        orders: (N, A) target exposures decided at the close of t.
        bar: what the market does.
        rules: execution, rebalancing, costs, ruin.
        near: whether any may stand beyond the leverage cap at the close of t; False where the caller knows better.

    Returns:
        Their state at the close of t + 1, and what the bar cost. Order of events: margin call, look at the cap, fill
        (same_close), splits and dividends, delistings, fill (next_open), interest and funding, fill (next_close), mark;
        ruin is looked for before each fill and at the mark.

    Source:
        docs/accounting.md, eq. 1 to 10, 17, 18 and 21 to 23.
    """
    called = beyond = None
    if rules.margin:
        called, orders = _margin_call(n, accounts, orders, bar, rules)
    if (
        near and rules.maintenance and (rules.on_change or bar.tradable is not None)
    ):  # else every fill restores the targets
        beyond = _beyond_cap(n, accounts, orders, bar, rules)
    night = bar.split is not None or bar.dividend is not None or bar.delisted is not None
    dividends: Numeric = 0.0
    gone: Settlement = NOBODY
    if rules.same_close:
        accounts, base, trade, early, cut = _fill(n, accounts, orders, beyond, bar.close_now, bar, rules)
        if night:
            accounts, dividends, gone = _night(n, accounts, bar, rules)
        accounts, held = _accrue(n, accounts, bar, rules)
    else:
        if night:
            accounts, dividends, gone = _night(n, accounts, bar, rules)
        if rules.next_close:
            accounts, held = _accrue(n, accounts, bar, rules)
            accounts, base, trade, early, cut = _fill(n, accounts, orders, beyond, bar.close_next, bar, rules)
        else:
            accounts, base, trade, early, cut = _fill(n, accounts, orders, beyond, bar.open_next, bar, rules)
            accounts, held = _accrue(n, accounts, bar, rules)
    accounts, late = _mark(n, accounts, bar.close_next, rules)
    ruined, units, value, owed = _together(n, _together(n, gone, early), late)
    if ruined is None:
        ruined = n.nobody(accounts.equity)
    return accounts, Bar(*trade, *held, dividends, ruined, called, cut, base, units, value, owed)


Settlement = tuple[Numeric, Numeric, Numeric, Numeric]  # whom it ruined, units, value, debt; None and 0 where nobody
NOBODY: Settlement = (None, None, None, 0.0)


def _margin_call(n: Numbers, accounts: Accounts, orders: Numeric, bar: Moment, rules: Rules) -> tuple[Numeric, Numeric]:
    """Replace the order of an account whose equity covers too little of what it holds by its close-out; eq. 9."""
    gross = n.total(n.absolute(accounts.units) * bar.close_now)
    called = n.both(accounts.equity < rules.margin * gross, n.negated(accounts.closed))
    if not n.some(called):
        return None, orders
    return called, n.where(n.over(called), 0.0, orders)


def _beyond_cap(n: Numbers, accounts: Accounts, orders: Numeric, bar: Moment, rules: Rules) -> Numeric:
    """(N,) who holds more than the cap at the close of t, or would after the orders; None where nobody; eq. 17."""
    value = n.absolute(accounts.units * bar.close_now)
    most = accounts.equity * rules.limit
    if n.several:  # what one target leaves alone and another asks for may together be too much
        moves = orders != accounts.target if rules.on_change else orders == orders
        ordered = n.total(n.where(moves, n.absolute(orders) * n.over(accounts.equity), value))
        beyond = n.maximum(n.total(value), ordered) > most
    else:
        beyond = value > most
    return beyond if n.some(beyond) else None


def _night(n: Numbers, accounts: Accounts, bar: Moment, rules: Rules) -> tuple[Accounts, Numeric, Settlement]:
    """Let units split, pay the dividend of what is then held, and pay out what is delisted; eq. 8 and 21.

    Who is short pays the dividend, and the last price of what is gone.
    """
    dividends: Numeric = 0.0
    if bar.split is not None:
        accounts = accounts._replace(units=accounts.units * bar.split)
    if bar.dividend is not None:
        dividends = n.total(accounts.units * bar.dividend)
        accounts = accounts._replace(cash=accounts.cash + dividends)
    if bar.delisted is None:
        return accounts, dividends, NOBODY
    accounts, gone = _delist(n, accounts, bar, rules)
    return accounts, dividends, gone


def _delist(n: Numbers, accounts: Accounts, bar: Moment, rules: Rules) -> tuple[Accounts, Settlement]:
    """Pay out what is held of the assets that are gone at the carried mark, less the loss; eq. 21."""
    stays = n.negated(bar.delisted)
    target = n.only(stays, accounts.target)
    gone = n.both(bar.delisted, accounts.units != 0.0)
    if not n.some(gone):
        return accounts._replace(target=target), NOBODY
    taken = n.only(gone, accounts.units)
    value = taken * (bar.open_next * rules.paid_out)
    cash = accounts.cash + n.total(value)
    return accounts._replace(cash=cash, units=n.only(stays, accounts.units), target=target), (None, taken, value, 0.0)


def _mark(n: Numbers, accounts: Accounts, price: Numeric, rules: Rules) -> tuple[Accounts, Settlement]:
    """Value the accounts at a price, and settle those that are ruined there; eq. 1 and 7.

    An account that is under water when its order fills is ruined there and then: it may not wait for a better close.
    """
    cash, units, target, _, closed = accounts
    equity = cash + n.total(units * price)
    if n.least(equity) > rules.ruin:
        return Accounts(cash, units, target, equity, closed), NOBODY
    ruined = n.both(equity <= rules.ruin, n.negated(closed))
    owed = n.only(ruined, n.maximum(-equity, 0.0))
    equity = n.where(ruined, n.maximum(equity, 0.0), equity)
    each = n.over(ruined)
    taken = n.where(each, units, 0.0)
    settled = Accounts(
        cash=n.where(ruined, equity, cash),
        units=n.where(each, 0.0, units),
        target=n.where(each, 0.0, target),
        equity=equity,
        closed=n.either(closed, ruined),
    )
    return settled, (ruined, taken, taken * price, owed)


def _together(n: Numbers, early: Settlement, late: Settlement) -> Settlement:
    """Join what was settled one after the other; nothing is settled twice."""
    if early[1] is None:
        return late
    if late[1] is None:
        return early
    ruined = late[0] if early[0] is None else n.either(early[0], late[0])
    return ruined, early[1] + late[1], early[2] + late[2], early[3] + late[3]


def _fill(
    n: Numbers, accounts: Accounts, orders: Numeric, beyond: Numeric, price: Numeric, bar: Moment, rules: Rules
) -> tuple[Accounts, Numeric, tuple[Numeric, Numeric, Numeric, Numeric], Settlement, Numeric]:
    """Fill what can be filled of the orders at a price, and pay for it; eq. 1 to 4.

    Returns:
        The accounts; (N,) equity before costs; (N,) notional, fee, spread and slippage; who was ruined at the price;
        who was cut, or None.
    """
    accounts, early = _mark(n, accounts, price, rules)
    cash, units, _, base, closed = accounts
    bought, target, cut = filled(n, accounts, orders, beyond, price, bar, rules)
    value = bought * price
    size = n.absolute(value)
    notional, flow = n.total(size), n.total(value)
    if rules.varying:
        rate = _slippage(n, bought, bar, rules)
        spread, slippage = notional * rules.half_spread, n.total(size * rate)
        fee = rules.fee * (notional + n.total(value * (rules.half_spread + rate)))
    else:
        fee, spread, slippage = charges(notional, flow, rules)
    cash = cash - flow - (spread + slippage) - fee
    return Accounts(cash, units + bought, target, base, closed), base, (notional, fee, spread, slippage), early, cut


def _slippage(n: Numbers, bought: Numeric, bar: Moment, rules: Rules) -> Numeric:
    """(N, A) adverse move of the price, as a fraction of it; eq. 3."""
    rate = rules.slippage
    if rules.per_volatility:
        rate = rate + rules.per_volatility * bar.volatility
    if rules.per_share:
        rate = rate + rules.per_share * (n.absolute(bought) / bar.volume)
    return n.minimum(rate, WORST_MOVE - rules.half_spread)


def _accrue(
    n: Numbers, accounts: Accounts, bar: Moment, rules: Rules
) -> tuple[Accounts, tuple[Numeric, Numeric, Numeric]]:
    """Charge one bar's interest on short value and on negative cash, and its funding; eq. 5, 6 and 10."""
    cash, units, target, equity, closed = accounts
    borrow, financing = interest(n, units, cash, bar.close_next, rules, bar.borrow)
    cash = cash - borrow - financing
    funding: Numeric = 0.0
    if bar.funding is not None:
        funding = n.total(units * bar.close_next * bar.funding)
        cash = cash - funding
    return Accounts(cash, units, target, equity, closed), (borrow, financing, funding)

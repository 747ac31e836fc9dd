"""One law of money for the environment, the backtest and the live signal.

`carry` takes accounts from one close to the next; everything that moves money calls it, or is tested to agree with it
to the last bit (`ledger.run`). Accounts hold units of A assets and one cash, in float64, never rounded, in units of
their opening equity. Formulas: docs/accounting.md, sections 1 to 5. Knows bars and rules; no observation, no action.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trading_env.config import TradingConfig
from trading_env.ledger.arithmetic import Numbers

Array = NDArray[np.float64]
Numeric = Any  # a float, (N,) or (N, A), as `numbers` says
WORST_MOVE = 0.99  # of the price: more than that spread and slippage never take
WHOLE = 1.0 + 1e-12  # a lot that is whole but for rounding is whole
# exposure over the cap from which on a position is cut to it: a fill at the cap ends over it by its own cost, and who
# buys and holds at the cap shall not sell a trickle at every bar
DRIFT = 1.01
EXACT = 1.0 + 1e-6  # over the cap by rounding: weights come in float32


class Accounts(NamedTuple):
    """The state of N accounts in A assets; one of one asset may be floats.

    Attributes:
        cash: (N,) money; negative is borrowed.
        units: (N, A) units held, (N,) of one asset; negative is short.
        target: (N, A) last target exposure that was traded on, (N,) of one asset; 0 at the opening, and where an order
            is filled in part between the target before and its own.
        equity: (N,) cash + units x price at the last mark.
        closed: (N,) whether the account was ruined and closed out.
    """

    cash: Numeric
    units: Numeric
    target: Numeric
    equity: Numeric
    closed: Numeric


class Moment(NamedTuple):
    """What the market does between the close of bar t and that of t + 1; (A,) or (N, A), or floats of one asset.

    Attributes:
        close_next: mark at the close of t + 1.
        open_next: mark at the open of t + 1.
        close_now: mark at the close of t; None where the rules never look at it.
        split: units that one unit becomes overnight; None where no asset ever splits, and so below.
        dividend: money paid per unit held after the split.
        funding: paid by the long to the short at the close of t + 1, as a fraction of the value held.
        volatility: standard deviation of one bar's log return, as known at the close of t.
        volume: units traded in the bar of the fill.
        tradable: whether the asset trades in the bar of the fill.
        borrow: interest of this bar on the value held short, a fraction.
        delisted: whether the asset is gone from the open of t + 1 on.
    """

    close_next: Numeric
    open_next: Numeric
    close_now: Numeric = None
    split: Numeric = None
    dividend: Numeric = None
    funding: Numeric = None
    volatility: Numeric = None
    volume: Numeric = None
    tradable: Numeric = None
    borrow: Numeric = None
    delisted: Numeric = None


class Bar(NamedTuple):
    """What one bar cost each of N accounts, in money.

    Attributes:
        notional: (N,) value traded at the fill price before spread and slippage, both directions counted.
        fee: (N,) fee on the notional at the price paid.
        spread: (N,) half spread paid.
        slippage: (N,) slippage paid.
        borrow: (N,) interest on short value.
        financing: (N,) interest on negative cash.
        funding: (N,) paid by who is long to who is short; negative is received. The number 0 where none can be.
        dividends: (N,) received; negative is paid by who is short. The number 0 where none can be.
        ruined: (N,) whether the account was closed out on this bar.
        called: (N,) whether it answered a margin call, or None where nobody did.
        cut: (N,) whether the fill cut it to the leverage cap, or None where nobody was beyond that.
        base: (N,) equity at the fill price, before costs, which the notional is measured against.
        settled_units: (N, A) units that were taken away without a fill: of delisted assets, and by the close-out of
            ruined accounts; None where none were.
        settled_value: (N, A) their value at the price they were taken away at.
        written_off: (N,) what ruined accounts owed beyond all they held, and nobody pays. The number 0 where none was.
    """

    notional: Numeric
    fee: Numeric
    spread: Numeric
    slippage: Numeric
    borrow: Numeric
    financing: Numeric
    funding: Numeric
    dividends: Numeric
    ruined: Numeric
    called: Numeric
    cut: Numeric
    base: Numeric
    settled_units: Numeric
    settled_value: Numeric
    written_off: Numeric


class Rules:
    """A configuration as the ledger calculates with it: rates as fractions, interest per bar, sizes per capital.

    Where the cost rates are constant, one unit of money bought or sold costs `per_size`, and what is bought costs
    `per_value` more, what is sold so much less: the fee is on the price paid; eq. 3 and 4.

    Args:
        config: the configuration.
        bars_per_year: bars in a year.
        lots: (A,) lots of a market that has its own, in the place of the configuration's; 0 is no lot.
    """

    def __init__(self, config: TradingConfig, bars_per_year: float, lots: Array | None = None) -> None:
        costs = config.costs
        self.fee = costs.fee_bps * 1e-4
        self.half_spread = costs.half_spread_bps * 1e-4
        self.slippage = costs.slippage_bps * 1e-4
        move = self.half_spread + self.slippage
        self.per_size, self.per_value = move + self.fee, self.fee * move
        self.per_volatility = costs.slippage_per_volatility
        self.per_share = costs.slippage_bps_per_volume_percent * 1e-4 * 100.0 * config.capital
        self.varying = self.per_volatility > 0.0 or self.per_share > 0.0
        self.borrow = costs.borrow_bps_per_year * 1e-4 / bars_per_year
        self.financing = costs.financing_bps_per_year * 1e-4 / bars_per_year
        self.margin = config.maintenance_margin
        self.maintenance, self.cap, self.limit = config.maintenance, config.leverage_cap, config.leverage_cap * DRIFT
        self.ruin = config.ruin_equity
        self.lot = _lot(config, lots)
        self.min_notional = config.min_notional / config.capital
        self.volume_share = (config.volume_cap or 0.0) / config.capital  # of a bar's volume, in units per capital
        self.waits = self.min_notional > 0.0 or self.volume_share > 0.0  # orders may, also of assets that trade
        self.paid_out = 1.0 - config.delisting_loss
        self.same_close = config.execution == "same_close"
        self.next_close = config.execution == "next_close"
        self.on_change = config.rebalance == "on_change"


def _lot(config: TradingConfig, lots: Array | None) -> Numeric:
    """Units of a whole lot, per capital: one number for all assets, (A,) with 0 where there is none, or None."""
    if lots is None:
        return config.lot / config.capital or None
    if not lots.any():
        return None
    return lots.item() / config.capital if len(lots) == 1 else lots / config.capital


def charges(notional: Numeric, flow: Numeric, rules: Rules) -> tuple[Numeric, Numeric, Numeric]:
    """Return (N,) fee, spread and slippage of what was traded, at constant rates; eq. 3 and 4.

    Args:
        notional: (N,) value bought and sold.
        flow: (N,) value bought less value sold.
        rules: the rates.
    """
    spread, slippage = notional * rules.half_spread, notional * rules.slippage
    # what is bought costs price x (1 + h + s), what is sold brings x (1 - h - s)
    return rules.fee * (notional + flow * (rules.half_spread + rules.slippage)), spread, slippage


def interest(
    n: Numbers, units: Numeric, cash: Numeric, price: Numeric, rules: Rules, by_asset: Numeric = None
) -> tuple[Numeric, Numeric]:
    """Return (N,) borrow on short value and financing of negative cash, of one bar; eq. 5 and 6.

    `by_asset` are the bar's rates of borrow of a market that has its own, in the place of the one of the rules.
    """
    short = n.maximum(-units, 0.0) * price
    borrow = n.total(short) * rules.borrow if by_asset is None else n.total(short * by_asset)
    return borrow, n.maximum(-cash, 0.0) * rules.financing


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
    bought, target, cut = _filled(n, accounts, orders, beyond, price, bar, rules)
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


def _filled(
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

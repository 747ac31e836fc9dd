"""One law of money for the environment, the backtest and the live signal.

`carry` takes accounts from one close to the next; everything that moves money calls it, or is tested to agree with it
to the last bit (`ledger.run`). Accounts hold units of A assets and one cash, in float64, never rounded, in units of
their opening equity. Formulas: docs/accounting.md, sections 1 to 5. Knows bars and rules; no observation, no action.
"""

from typing import Any, NamedTuple

from trading_env.config import TradingConfig
from trading_env.ledger.arithmetic import Numbers

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
        target: (N, A) last target exposure that was traded on, (N,) of one asset; 0 at the opening.
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
        settled_units: (N, A) units that the close-out of ruined accounts took away, or None where nobody was ruined.
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
    """

    def __init__(self, config: TradingConfig, bars_per_year: float) -> None:
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
        self.lot = config.lot / config.capital
        self.min_notional = config.min_notional / config.capital
        self.same_close = config.execution == "same_close"
        self.next_close = config.execution == "next_close"
        self.on_change = config.rebalance == "on_change"


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


def interest(n: Numbers, units: Numeric, cash: Numeric, price: Numeric, rules: Rules) -> tuple[Numeric, Numeric]:
    """Return (N,) borrow on short value and financing of negative cash, of one bar; eq. 5 and 6."""
    borrow = n.total(n.maximum(-units, 0.0) * price) * rules.borrow
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
        (same_close), splits and dividends, fill (next_open), interest and funding, fill (next_close), mark; ruin is
        looked for before each fill and at the mark.

    Source:
        docs/accounting.md, eq. 1 to 10, 17 and 18.
    """
    called = beyond = None
    if rules.margin:
        called, orders = _margin_call(n, accounts, orders, bar, rules)
    if (
        near and rules.maintenance and (rules.on_change or bar.tradable is not None)
    ):  # else every fill restores the targets
        beyond = _beyond_cap(n, accounts, orders, bar, rules)
    dividends: Numeric = 0.0
    if rules.same_close:
        accounts, base, trade, early, cut = _fill(n, accounts, orders, beyond, bar.close_now, bar, rules)
        if bar.split is not None or bar.dividend is not None:
            accounts, dividends = _night(n, accounts, bar)
        accounts, held = _accrue(n, accounts, bar, rules)
    else:
        if bar.split is not None or bar.dividend is not None:
            accounts, dividends = _night(n, accounts, bar)
        if rules.next_close:
            accounts, held = _accrue(n, accounts, bar, rules)
            accounts, base, trade, early, cut = _fill(n, accounts, orders, beyond, bar.close_next, bar, rules)
        else:
            accounts, base, trade, early, cut = _fill(n, accounts, orders, beyond, bar.open_next, bar, rules)
            accounts, held = _accrue(n, accounts, bar, rules)
    accounts, late = _mark(n, accounts, bar.close_next, rules)
    ruined, units, value, owed = _together(n, early, late)
    if ruined is None:
        ruined = n.nobody(accounts.equity)
    return accounts, Bar(*trade, *held, dividends, ruined, called, cut, base, units, value, owed)


Settlement = tuple[Numeric, Numeric, Numeric, Numeric]  # whom, units, value, debt; None, None and 0 where nobody


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


def _night(n: Numbers, accounts: Accounts, bar: Moment) -> tuple[Accounts, Numeric]:
    """Let units split and pay the dividend of what is then held; who is short pays it; eq. 8."""
    units = accounts.units if bar.split is None else accounts.units * bar.split
    if bar.dividend is None:
        return accounts._replace(units=units), 0.0
    paid = n.total(units * bar.dividend)
    return accounts._replace(units=units, cash=accounts.cash + paid), paid


def _mark(n: Numbers, accounts: Accounts, price: Numeric, rules: Rules) -> tuple[Accounts, Settlement]:
    """Value the accounts at a price, and settle those that are ruined there; eq. 1 and 7.

    An account that is under water when its order fills is ruined there and then: it may not wait for a better close.
    """
    cash, units, target, _, closed = accounts
    equity = cash + n.total(units * price)
    if n.least(equity) > rules.ruin:
        return Accounts(cash, units, target, equity, closed), (None, None, None, 0.0)
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
    """Join what was settled at the fill and at the mark; no account is settled twice."""
    if early[1] is None:
        return late
    if late[1] is None:
        return early
    return n.either(early[0], late[0]), early[1] + late[1], early[2] + late[2], early[3] + late[3]


def _fill(
    n: Numbers, accounts: Accounts, orders: Numeric, beyond: Numeric, price: Numeric, bar: Moment, rules: Rules
) -> tuple[Accounts, Numeric, tuple[Numeric, Numeric, Numeric, Numeric], Settlement, Numeric]:
    """Bring units to target x equity / price where the target asks for it, and within the cap; eq. 1 to 4 and 18.

    Returns:
        The accounts; (N,) equity before costs; (N,) notional, fee, spread and slippage; who was ruined at the price;
        who was cut, or None.
    """
    accounts, early = _mark(n, accounts, price, rules)
    cash, units, target, base, closed = accounts
    alive = n.over(n.negated(closed))
    moves = n.both(orders != target, alive) if rules.on_change else n.both(orders == orders, alive)
    goal = orders * n.over(base) / price
    cut = None
    if beyond is not None:
        goal, moves, cut = _within_cap(n, accounts, (goal, moves), beyond, price, bar, rules)
    if rules.lot:
        goal = n.trunc(goal / rules.lot * WHOLE) * rules.lot
    gap = goal - units
    if bar.tradable is None and not rules.min_notional:
        target = n.only(alive, orders)
    else:
        if bar.tradable is not None:
            moves = n.both(moves, bar.tradable)
        if rules.min_notional:
            small = n.both(n.absolute(gap) * price < rules.min_notional, goal != 0.0)
            moves = n.both(moves, n.negated(small))
        target = n.where(moves, orders, target)
    bought = n.only(moves, gap)
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
    goal, moves = order
    room = accounts.equity * rules.cap
    if bar.tradable is not None:
        moves = n.both(moves, bar.tradable)
    kept = n.where(moves, goal, accounts.units)
    value = n.absolute(kept) * price
    if bar.tradable is not None:
        room = n.maximum(room - n.total(n.only(n.negated(bar.tradable), value)), 0.0)
        value = n.only(bar.tradable, value)
    gross = n.total(value)
    cut = n.both(beyond, gross > room * EXACT)
    share = n.over(n.where(cut, room, 1.0) / n.where(cut, gross, 1.0))
    each = n.over(cut)
    return n.where(each, kept * share, goal), n.either(moves, n.both(each, value > 0.0)), cut


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
    borrow, financing = interest(n, units, cash, bar.close_next, rules)
    cash = cash - borrow - financing
    funding: Numeric = 0.0
    if bar.funding is not None:
        funding = n.total(units * bar.close_next * bar.funding)
        cash = cash - funding
    return Accounts(cash, units, target, equity, closed), (borrow, financing, funding)

"""What the law of money reads and writes: the state of accounts, what the market does, and what a bar cost."""

from typing import Any, NamedTuple

Numeric = Any  # a float, (N,) or (N, A), as `numbers` says


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

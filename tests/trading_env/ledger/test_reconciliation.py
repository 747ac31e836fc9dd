"""Every bar and every run adds up: prices, payments and costs are the change of equity, and so are the trades."""

import numpy as np
from hypothesis import given, settings

from trading_env import all_trades, payments, run_ledger

from full_games import full_games


@settings(max_examples=120)
@given(full_games(num_accounts=2))
def test_each_bar_s_change_of_equity_is_what_prices_gave_and_payments_took(game):
    """Units over the night and over the day at their prices, dividends, costs and interest; eq. 19, bar by bar."""
    market, targets, rules = game
    path = run_ledger(market, targets, rules)
    splits = np.ones_like(market.close) if market.splits is None else market.splits
    close, fill = market.close[:, None], path.fill_price[:, None]
    before, after = path.units[:-1], (path.units + path.settled_units)[1:]
    if rules.execution == "same_close":  # filled before the night
        after = after / splits[1:, None]
        gain = after * splits[1:, None] * close[1:] - after * close[:-1]
        fills_at = close[:-1]
    else:
        before = before * splits[1:, None]
        fills_at = fill[1:]
        gain = before * fills_at - path.units[:-1] * close[:-1] + after * (close[1:] - fills_at)
    settled = path.settled_value[1:] - path.settled_units[1:] * close[1:]  # at the fill or at the close
    expected = (gain + settled).sum(axis=2) + path.written_off[1:]
    expected += path.dividends[1:] - path.funding[1:]
    expected -= (path.fee + path.spread + path.slippage + path.borrow + path.financing)[1:]
    np.testing.assert_allclose(np.diff(path.equity, axis=0), expected, rtol=0, atol=1e-9)


@settings(max_examples=150)
@given(full_games(num_accounts=2))
def test_trades_and_payments_together_are_the_change_of_equity(game):
    market, targets, rules = game
    path = run_ledger(market, targets, rules)
    for account in range(2):
        trades = all_trades(path, account)
        total = sum(trade.profit for trade in trades) + sum(payments(path, account).values())
        assert abs(total - (path.equity[-1, account] - 1.0)) <= 1e-9
        held = np.flatnonzero(path.units[-1, account])
        assert [trade.asset for trade in trades if trade.open] == held.tolist()
        assert all(trade.exit_row == len(market) - 1 for trade in trades if trade.open)

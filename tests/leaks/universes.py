"""Leaks of several instruments at once: through one of them, or through the cross-section."""

from dataclasses import replace

import numpy as np
import pandas as pd

from leaks.table import after, change, instead, plant

FEATURES, BARS, MARKET = (
    "forecaster.data.panel:build_panel_features",
    "tradewinds.tasks.account.market:market_with",
    "tradewinds.tasks.account.market:_panel_features",
)
SOON = 5  # bars
YEAR = 1.0


@plant("universe", "universe")
def rank_over_a_span_with_tomorrow():
    """the first feature is the rank among all of a mean change that includes the next bar's"""

    def ranked(tables):
        changes = pd.DataFrame(np.column_stack([table.values[:, 0] for table in tables]))
        ranks = changes.rolling(3, min_periods=1).mean().shift(-1).rank(axis=1, pct=True)
        for number, table in enumerate(tables):
            own = table.values[:, 0]
            own = np.where(np.isfinite(own), np.nan_to_num(ranks[number], nan=0.5), own)
            yield replace(table, values=np.column_stack([own, table.values[:, 1:]]))

    after(FEATURES, lambda tables, *_: list(ranked(tables)))


@plant("universe", "members")
def membership_a_month_early():
    """an instrument counts as a member a month before it is one"""
    change(
        "tradewinds.data.assemble.membership:Membership.at",
        lambda at: lambda self, symbol, index: at(self, symbol, index + pd.Timedelta(days=30)),
    )


@plant("universe", "universe")
def scaler_of_all_rows():
    """features are scaled by all rows that there are, not by those that fit"""

    def make(own_part):
        def greedy(table, changes, rows, model, *kept):
            whole = np.flatnonzero(np.isfinite(table.values).all(axis=1))
            return own_part(table, changes, replace(rows, bars=whole), model)

        return greedy

    change("forecaster.training.instruments:own_part", make)


@plant("universe", "universe")
def delisting_known_in_advance():
    """an instrument counts as one that cannot be acted on from five bars before it is delisted"""

    def make(build):
        def warned(prepared, states, part):
            gone = prepared.series.delisted
            ahead = [np.roll(gone, -bars, axis=0) for bars in range(1, SOON + 1)]
            return build(prepared, replace(states, available=states.available & ~np.logical_or.reduce(ahead)), part)

        return warned

    change(MARKET, make)


def least_variance(returns):
    """(A,) long weights that come to 1, in proportion to the row sums of the inverse covariance."""
    covariance = np.cov(np.nan_to_num(returns), rowvar=False) + 1e-8 * np.eye(returns.shape[1])
    weights = np.maximum(np.linalg.solve(covariance, np.ones(len(covariance))), 0.0)
    return weights / weights.sum()


@plant("universe", "universe")
def covariance_of_the_test_span():
    """the rule of least variance reads the covariance of the rows it is judged on"""

    def knowing(universe, row):
        there = universe.here(row, universe.bars(YEAR)).any()  # as ever, not before there is half a year of returns
        return least_variance(universe.returns[universe.rows.start : universe.rows.stop]) * there

    instead("tradewinds.tasks.account.cross_section:lowest_variance", knowing)


@plant("universe", "universe")
def plan_on_the_covariance_of_the_test_span():
    """what the agent does is planned on the covariance of the rows it is judged on"""

    def make(play):
        def planned(policy, market, config):
            play(policy, market, config)
            return np.tile(least_variance(np.diff(np.log(market.close), axis=0)), (len(market.close), 1))

        return planned

    change("tradewinds.tasks.account.backtest:play", make)


@plant("universe", "universe")
def opened_at_the_close():
    """orders of one instrument fill at the close of the bar at whose open they are said to fill"""

    def early(market, *_, **__):
        open_ = np.array(market.open)
        open_[:, 1] = market.close[:, 1]
        return replace(market, open=open_)

    after(BARS, early)


@plant("universe", "universe")
def another_one_s_next_close():
    """the first instrument's first feature knows the next close of the second"""

    def leaky(tables, *_):
        values = tables[0].values.copy()
        values[:-1, 0] += np.nan_to_num(tables[1].values[1:, 0])
        return [replace(tables[0], values=values), *tables[1:]]

    after(FEATURES, leaky)


@plant("universe", "relative")
def mean_of_the_survivors():
    """a relative return is less the mean of those that still trade in the last bar there is"""

    def survivors(panel, series):
        if panel.common is None or series.common is not None or series.traded is None:
            return panel
        there = series.has_change & series.traded[-1]
        mean = np.where(there, series.log_return(), 0.0).sum(axis=1) / np.maximum(there.sum(axis=1), 1)
        return replace(panel, common=mean)

    after("forecaster.data.panel:with_common", survivors)

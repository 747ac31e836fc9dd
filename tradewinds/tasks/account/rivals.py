"""The strategies that always stand beside an agent, as paths of target exposures: of one asset, and of several."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tradewinds.pipeline.prepare import seed_for
from tradewinds.pipeline.task import Prepared
from tradewinds.tasks.account.cross_section import KnownPast, bought_once, rules_of
from tradewinds.tasks.account.known_worlds import best_known
from trading_env import Market, TradingConfig, final_equity, not_bounded, perfect_foresight
from trading_env.account.plan import planned_targets
from trading_env.planning.best_holding import best_holdings, unbounded_rules

Array = NDArray[np.float64]
BEST_KNOWN = "best_known"  # beside them where the series is a made-up world
RANDOM, FORESIGHT = "random_same_turnover", "perfect_foresight"
KNOWING = (RANDOM, FORESIGHT, BEST_KNOWN)  # they know what is not known by then
RANKED = {"forecast": "forecast_tenths", "ridge": "ridge_tenths"}  # columns of decisions, and who ranks assets by them


def strategies(prepared: Prepared, market: Market, decisions: pd.DataFrame, rows: range) -> dict[str, Array]:
    """Return by name the (R, A) targets of the agent and of all that stands beside it, perfect foresight last.

    Args:
        prepared: the request.
        market: the bars of `rows`.
        decisions: as `backtest.decide` returns them.
        rows: R rows of the series.
    """
    agent, rules = targets_of(decisions), prepared.config.env
    seed, draws = seed_for(prepared.config.seed, "rotation"), prepared.config.backtest.random_draws
    paths = causal_strategies(prepared, market, decisions, rows)
    held = {name: paths.pop(name) for name in ("agent", "buy_and_hold", "flat")}
    held[RANDOM] = random_rotation(agent, market, rules, seed=seed, draws=draws)
    if prepared.several:
        return {**held, **paths, FORESIGHT: best_holdings(market, rules)}
    best = best_known(prepared, rows)
    known = {FORESIGHT: perfect_foresight(market, rules)} | ({} if best is None else {BEST_KNOWN: best})
    return {**held, **paths, **known}


def causal_strategies(prepared: Prepared, market: Market, decisions: pd.DataFrame, rows: range) -> dict[str, Array]:
    """Return by name the targets of those among `strategies` that know no later bar."""
    agent, rules = targets_of(decisions), prepared.config.env
    if not prepared.several:
        forecast = decisions[[name for name in decisions if str(name).startswith("forecast_")]].to_numpy(np.float32)
        return of_one(agent, market, forecast, rules)
    held = followed(prepared, decisions, rows)
    return {"agent": agent, "buy_and_hold": held.pop("buy_and_hold"), "flat": np.zeros_like(agent), **held}


def followed(prepared: Prepared, decisions: pd.DataFrame, rows: range) -> dict[str, Array]:
    """Return by name the (R, A) targets of the rules for several assets, none of which may know what comes."""
    universe = KnownPast.of(prepared.series, rows, prepared.config.env)
    ranked = {name: columns_of(decisions, column) for column, name in RANKED.items()}
    return {"buy_and_hold": bought_once(universe), **rules_of(universe, ranked)}


def of_one(agent: Array, market: Market, forecast: NDArray[np.float32], rules: TradingConfig) -> dict[str, Array]:
    """Return by name the (T, 1) targets of an agent of one asset and of the rules beside it that know no later bar.

    Args:
        agent: (T, 1) its targets.
        market: T bars.
        forecast: (T, H) forecast log returns of the bars that an order decided at t earns, the first one first.
        rules: levels and costs.
    """
    return {
        "agent": agent,
        "buy_and_hold": np.full_like(agent, min(1.0, rules.leverage_cap)),
        "flat": np.zeros_like(agent),
        "forecast_sign": sign_targets(forecast[:, 0], rules),
        "plan_on_forecast": planned_targets(forecast.astype(np.float64), rules, market.bars_per_year),
    }


def unbounded(market: Market, rules: TradingConfig) -> tuple[str, ...]:
    """Return what makes perfect foresight no bound here; mostly nothing."""
    one = market.close.shape[1] == 1
    return not_bounded(market, rules) if one else unbounded_rules(rules)


def targets_of(decisions: pd.DataFrame) -> Array:
    """Return the (R, A) targets among decisions: `target`, or one `target.<name>` for each of several assets."""
    if "target" in decisions:
        return decisions["target"].to_numpy(np.float64)[:, None]
    return columns_of(decisions, "target")


def columns_of(decisions: pd.DataFrame, column: str) -> Array:
    """Return (R, A) the columns `column.<name>`, in the order of the assets."""
    names: list[Any] = [name for name in decisions if str(name).startswith(f"{column}.")]
    return decisions[names].to_numpy(np.float64)


def random_rotation(targets: Array, market: Market, config: TradingConfig, *, seed: int, draws: int) -> Array:
    """Return the agent's own targets, rotated in time by a random number of bars.

    A rotation keeps how much is held, how long and how often it changes, and loses only the timing: what is left of the
    agent's result after it is luck with the market's drift. Of `draws` rotations the one with the median total return
    is returned, so that one lucky draw does not speak for all. Who held one exposure throughout has no timing to lose.
    """
    if (targets == targets[0]).all():
        return targets.copy()
    rng = np.random.default_rng(seed)
    shifts = rng.integers(1, max(len(targets), 2), size=draws)
    final = final_equity(market, np.stack([np.roll(targets, shift, axis=0) for shift in shifts], axis=1), config)
    return np.roll(targets, shifts[np.argsort(final, kind="stable")[draws // 2]], axis=0)


def sign_targets(forecast: NDArray[np.float32], config: TradingConfig) -> Array:
    """Return (T, 1) targets that follow the sign of the forecast, at the nearest level the agent could hold.

    An agent that cannot beat this rule on the same forecasts has added nothing to the forecaster.
    """
    levels = np.asarray(config.exposures, dtype=np.float64)
    wanted = np.clip(np.sign(forecast.astype(np.float64)), levels.min(), levels.max())
    return np.asarray(levels[np.abs(levels[None, :] - wanted[:, None]).argmin(axis=1)][:, None])

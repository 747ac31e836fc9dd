"""The judging of a storage unit: what `backtest` and `run` do after training when env=battery."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from forecaster.fitted import FittedForecaster
from forecaster.hidden_states import HiddenStates
from tradewinds.core.console import Console
from tradewinds.core.errors import RequestError
from tradewinds.evaluation.trials import judged_trial, trial_block
from tradewinds.leakcheck.probes import leakcheck_block
from tradewinds.pipeline.artifact import Artifact, json_text, write_text, writing
from tradewinds.pipeline.prepare import Prepared, seed_for
from tradewinds.report.index import write_index
from tradewinds.report.page import write_page
from tradewinds.request.schema import Config
from tradewinds.tasks.account.tables import write_tables
from tradewinds.tasks.storage.backtest import StorageBacktest, storage_backtest, storage_honesty
from tradewinds.tasks.storage.market import build_power_market, other_forecasts
from tradewinds.tasks.storage.report import storage_document, storage_lines
from trading_agent import Policy
from trading_env import PowerMarket

KIND = "backtest"
DAYS_PER_YEAR = 365.25  # it works every day
RIVAL = "plan_on_ridge_forecast"  # any schedule earns something; what selection by luck could fake is a lead over it
BASELINES = ("yesterday", "ridge")  # forecasts whose plans stand beside the agent, before the network's and the mean


def judge_storage(
    prepared: Prepared,
    fitted: FittedForecaster,
    states: HiddenStates,
    policy: Policy,
    *,
    parents: dict[str, Artifact],
    run: Path,
    facts: dict[str, Any],
    console: Console,
) -> dict[str, Any]:
    """Play the test days, write the backtest artifact, report.json and report.html to `run`, and print the table.

    Args:
        prepared: the request with its data.
        fitted: the forecaster.
        states: its states of every hour.
        policy: the trained agent.
        parents: the artifacts it was made from.
        run: the run's folder.
        facts: id, command, started_at and seconds of the run.
        console: where to say what was found.
    """
    config, test = prepared.config, prepared.split.test
    market = build_power_market(prepared, states, test)
    others = market.others or other_forecasts(prepared, states, test)
    forecasts = {name: others[name] for name in BASELINES} | {config.model.kind: market.forecast}
    forecasts["mean"] = np.mean([market.forecast, *others.values()], axis=0)
    played = storage_backtest(policy, market, forecasts, config.env)
    honesty = storage_honesty(
        played, market, draws=config.backtest.bootstrap_draws, seed=seed_for(config.seed, "bootstrap")
    )
    assert market.index is not None
    midnights = pd.DatetimeIndex(market.index[market.first_hours], tz="UTC")
    lead = pd.Series(played.daily("agent", market) - played.daily(RIVAL, market), index=midnights)
    facts_of_test = prepared.tested | {"series": f"{prepared.inputs['series']}, stored"}
    trial = judged_trial(lead, **facts_of_test, periods=len(lead), periods_per_year=DAYS_PER_YEAR, run=run)
    honesty |= trial_block(trial, lead, Path(config.run.dir))
    honesty |= leakcheck_block(prepared, fitted, policy)
    document = storage_document(
        prepared, fitted, played, market, honesty=honesty, run=facts, learned=policy.kind != "constant"
    )
    text = json_text(document)
    proof = {"report_sha256": hashlib.sha256(text.encode()).hexdigest()}
    with writing(
        run / KIND, KIND, config=config.plain(), inputs=prepared.inputs, parents=parents, facts=proof
    ) as folder:
        write_tables({"paths": storage_table(played, market)}, folder)
    write_text(run / "report.json", text)
    write_page(run, plot_points=config.backtest.plot_points)
    for line in storage_lines(document):
        console.result(line)
    for warning in document["warnings"]:
        console.result(f"warning: {warning}")
    console.wrote(run / "report.json")
    console.wrote(run / "report.html")
    console.wrote(write_index(Path(config.run.dir)))
    return {"run": str(run), "report": str(run / "report.json"), "backtest": document["backtest"]}


def storage_table(played: StorageBacktest, market: PowerMarket) -> pd.DataFrame:
    """Return (T,) rows of price, forecasts, and per strategy the power, the charge and the profit so far."""
    columns: dict[str, Any] = {"price": market.price}
    columns.update({f"forecast.{name}": path for name, path in played.forecasts.items()})
    for number, name in enumerate(played.strategies):
        columns[f"power.{name}"] = played.path.bought[:, number] - played.path.sold[:, number]
        columns[f"charge.{name}"] = played.path.charge[1:, number]
        columns[f"profit.{name}"] = played.path.profit[:, number].cumsum()
    return pd.DataFrame(columns, index=pd.to_datetime(pd.Series(market.index), utc=True))


def refuse_storage(config: Config, stage: str) -> None:
    """Refuse a stage that knows trading accounts only.

    Raises:
        RequestError: env=battery.
    """
    if config.env.kind == "battery":
        raise RequestError(f"{stage} knows trading accounts, not storage units; with env=battery use run or backtest")

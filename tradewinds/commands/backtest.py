"""`tradewinds backtest`: open the test span once, judge the agent beside its baselines, and report."""

import hashlib
import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import tradewinds.tasks.plans  # noqa: F401 - a planner's policy is loaded by what it enters
from forecaster.evaluation.scores import Scores, score_forecasts
from forecaster.fitted import FittedForecaster, load_forecaster
from forecaster.hidden_states import HiddenStates, load_hidden_states
from forecaster.networks.heads import LEVELS
from tradewinds.commands.train_forecaster import MUST_MATCH, check_fits
from tradewinds.core.console import Console, again
from tradewinds.core.errors import RequestError
from tradewinds.evaluation.inference import compare_forecasts, equity_band, forecast_verdict, inference_block
from tradewinds.evaluation.seed_statistics import seed_line
from tradewinds.evaluation.trials import judged_trial, trial_block
from tradewinds.leakcheck.probes import leakcheck_block
from tradewinds.pipeline.artifact import Artifact, json_text, latest, new_run_id, parent, read, write_text, writing
from tradewinds.pipeline.prepare import Prepared, prepare, seed_for
from tradewinds.report.document import report_document
from tradewinds.report.index import write_index
from tradewinds.report.page import write_page
from tradewinds.report.text import forecast_lines, strategy_lines
from tradewinds.request.schema import Config
from tradewinds.tasks.account.backtest import play_test
from tradewinds.tasks.account.cost_sweep import cost_block
from tradewinds.tasks.account.market import build_market
from tradewinds.tasks.account.tables import export_tables, write_tables
from tradewinds.tasks.storage.judge import judge_storage
from trading_agent import Policy, load_policy

KIND = "backtest"
FORECASTS, BAND = "forecasts.parquet", "band.parquet"
BANDS = (0.05, 0.25, 0.75, 0.95)  # quantiles drawn around the next bar's forecast


def main(config: Config, console: Console) -> dict[str, Any]:
    """Judge the agent that `inputs.agent` names."""
    prepared = prepare(config)
    prepared.require_prices()
    named = config.inputs.agent
    agent = read(latest(prepared.runs, "agent") if named == "latest" else Path(named), "agent")
    check_fits(agent, prepared, (*MUST_MATCH, "trainer", "rollout", "env", "agent"))
    if agent.manifest["seed"] != config.seed:
        raise RequestError(f"{agent.folder} was trained with seed={agent.manifest['seed']}; give the same seed")
    console.note(f"agent: {agent.folder}")
    forecaster, encoded = parent(agent, "forecaster"), parent(agent, "hidden_states")
    return judge(
        prepared,
        load_forecaster(forecaster.folder, prepared.series.instruments[0]),
        load_hidden_states(encoded.folder),
        load_policy(agent.folder),
        parents={"agent": agent, "forecaster": forecaster},
        run=prepared.runs / new_run_id(),
        command="backtest",
        console=console,
    )


def judge(
    prepared: Prepared,
    fitted: FittedForecaster,
    states: HiddenStates,
    policy: Policy,
    *,
    parents: dict[str, Artifact],
    run: Path,
    command: str,
    console: Console,
    started: float | None = None,
) -> dict[str, Any]:
    """Play the test span, write the backtest artifact, report.json and report.html to `run`, and print the tables."""
    started = time.perf_counter() if started is None else started
    began = datetime.now(UTC) - timedelta(seconds=time.perf_counter() - started)
    config, test = prepared.config, prepared.split.test
    log_opening(prepared, run.name)
    if config.env.kind == "battery":
        facts: dict[str, Any] = {"id": run.name, "command": command, "again": again(command, console.typed)}
        facts["started_at"] = began.isoformat()
        facts["seconds"] = round(time.perf_counter() - started, 1)
        return judge_storage(prepared, fitted, states, policy, parents=parents, run=run, facts=facts, console=console)
    market, index = build_market(prepared, states, test), prepared.series.index[test.start : test.stop]
    played = play_test(prepared, states, policy, market, test)
    scores = score_forecasts(
        fitted,
        prepared.series,
        states,
        calibration_rows=prepared.split.validation,
        rows=test,
        baselines=config.baselines,
    )
    model = config.model.kind
    honesty = inference_block(
        played.returns("agent"),
        played.returns("buy_and_hold"),
        {"model": scores.errors[model][:, 0], "naive": scores.errors["naive"][:, 0]},
        bars_per_year=market.bars_per_year,
        draws=config.backtest.bootstrap_draws,
        seed=seed_for(config.seed, "bootstrap"),
    )
    comparison = compare_forecasts(scores.errors, model)
    honesty["diebold_mariano_by_rival"] = comparison
    honesty["forecast_verdict"] = forecast_verdict(comparison, model, config.model.horizon)
    returns = pd.Series(played.returns("agent"), index=index[1:])
    trial = judged_trial(
        returns, **prepared.tested, periods=len(test), periods_per_year=prepared.series.bars_per_year, run=run
    )
    honesty |= trial_block(trial, returns, Path(config.run.dir))
    honesty |= cost_block(played.targets[:, 0], market, config.env)
    honesty |= leakcheck_block(prepared, fitted, policy, played)
    document = report_document(
        prepared,
        fitted,
        played,
        forecast=scores.table,
        honesty=honesty,
        learned=policy.kind != "constant",
        run={
            "id": run.name,
            "command": command,
            "again": again(command, console.typed),
            "started_at": began.isoformat(),
            "seconds": round(time.perf_counter() - started, 1),
        },
    )
    if honesty["leakcheck"] not in (None, "clean"):
        document["warnings"].insert(0, f"{honesty['leakcheck']}; none of these numbers can be believed")
    text = json_text(document)
    proof = {"report_sha256": hashlib.sha256(text.encode()).hexdigest()}
    plain = config.plain()
    with writing(run / KIND, KIND, config=plain, inputs=prepared.inputs, parents=parents, facts=proof) as folder:
        write_tables(export_tables(played, market, index, config.env.execution), folder)
        equity_band(played.equity("agent"), index, seed=seed_for(config.seed, "band")).to_parquet(folder / BAND)
        forecasts_table(prepared, states, test, scores).to_parquet(folder / FORECASTS)
    write_text(run / "report.json", text)
    write_page(run, plot_points=config.backtest.plot_points)
    for line in [*forecast_lines(document), *strategy_lines(document["backtest"]["strategies"])]:
        console.result(line)
    if len(honesty["sharpe_by_seed"]["seeds"]) > 1:
        console.result(seed_line(honesty["sharpe_by_seed"]))
    for warning in document["warnings"]:
        console.result(f"warning: {warning}")
    console.wrote(run / "report.json")
    console.wrote(run / "report.html")
    console.wrote(write_index(Path(config.run.dir)))
    return {"run": str(run), "report": str(run / "report.json"), "backtest": document["backtest"]}


def forecasts_table(prepared: Prepared, states: HiddenStates, rows: range, scores: Scores) -> pd.DataFrame:
    """Return, for each bar of `rows`, the change forecast for it one bar before, its quantiles, and what it was."""
    part = slice(rows.start, rows.stop)
    changes = prepared.series.changes()[part, 0]
    forecast = states.forecast[rows.start - 1 : rows.stop - 1, 0].astype(np.float64)
    table = pd.DataFrame({"forecast": forecast, "truth": changes}, index=prepared.series.index[part])
    for level in BANDS:
        quantile = pd.Series(
            scores.next_bar_quantiles[LEVELS.index(level)], prepared.series.index[scores.decisions + 1]
        )
        table[f"quantile_{level:.2f}"] = quantile.reindex(table.index)
    return table


def log_opening(prepared: Prepared, run_id: str) -> None:
    """Write down that the test rows were looked at."""
    opening = {
        "run": run_id,
        "opened_at": datetime.now(UTC).isoformat(),
        "config_hash": prepared.config.hash,
        "data_sha256": prepared.inputs["sha256"],
        "test": prepared.time_range(prepared.split.test),
    }
    prepared.runs.mkdir(parents=True, exist_ok=True)
    with (prepared.runs / "test_openings.jsonl").open("a", encoding="utf-8") as log:
        log.write(json.dumps(opening, sort_keys=True) + "\n")

"""`tradewinds walk-forward`: models fitted anew for each fold and seed, their tests joined into one account."""

import dataclasses
import hashlib
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tradewinds.commands.backtest import log_opening
from tradewinds.core.console import Console, again
from tradewinds.evaluation.inference import inference_block
from tradewinds.evaluation.metrics import simple_returns
from tradewinds.evaluation.overfitting import bar_sharpe
from tradewinds.evaluation.seed_statistics import seed_line, seed_summary
from tradewinds.evaluation.trials import judged_trial, trial_block
from tradewinds.leakcheck.stretch import aligned
from tradewinds.pipeline.artifact import (
    Artifact,
    json_text,
    new_run_id,
    read,
    sweep_partials,
    versions,
    write_json,
    write_text,
    writing,
)
from tradewinds.pipeline.prepare import Prepared, prepare, seed_for
from tradewinds.report.index import write_index
from tradewinds.report.page import write_page
from tradewinds.report.text import strategy_lines
from tradewinds.request.schema import Config
from tradewinds.tasks.account.backtest import Backtest, backtest
from tradewinds.tasks.account.cost_sweep import cost_block
from tradewinds.tasks.account.known_worlds import best_known
from tradewinds.tasks.account.market import liquidity
from tradewinds.tasks.storage.judge import refuse_storage
from tradewinds.walk_forward.folds import Decisions, Task, decisions_of, facts_of, plan, run_all
from tradewinds.walk_forward.report import EQUITY, walk_report
from trading_env import Market, TradingConfig

KIND, FILE = "walk_forward", "walk_forward.json"


def main(config: Config, console: Console) -> dict[str, Any]:
    """Fit and test all folds and seeds that are not there yet, and join their tests."""
    refuse_storage(config, "walk-forward")
    started = time.perf_counter()
    prepared = prepare(config)
    prepared.require_prices()
    prepared = aligned(prepared)
    series, tasks = prepared.series, plan(prepared)
    console.note(f"{series.name}: {len(series.index)} bars; {prepared.age}")
    for note in prepared.notes:
        console.note(f"note: {note}")
    sweep_partials(prepared.runs)
    run = prepared.runs / new_run_id()
    log_opening(_tested(prepared, tasks), run.name)
    with console.progress("walk-forward") as progress:
        computed = run_all(prepared, tasks, progress)
    document, curves = judge_walk(prepared, tasks, run)
    document["honesty"] |= leak_verdicts(tasks)
    facts: dict[str, Any] = {"id": run.name, "command": "walk-forward", "again": again("walk-forward", console.typed)}
    facts |= {"started_at": datetime.now(UTC).isoformat(), "seconds": round(time.perf_counter() - started, 1)}
    facts |= {"computed": computed, "kept": len(tasks) - computed}
    parents: dict[str, Artifact] = {
        f"fold_{task.number}_seed_{task.seed}": read(task.folder, "walk_forward_fold") for task in tasks
    }
    facts |= _asked(prepared)
    text = json_text(walk_report(_tested(prepared, tasks), document, facts))
    proof = {"report_sha256": hashlib.sha256(text.encode()).hexdigest()}
    plain = config.plain()
    with writing(run / KIND, KIND, config=plain, inputs=prepared.inputs, parents=parents, facts=proof) as folder:
        write_json(folder / FILE, {"schema": 1, "run": facts, **document})
        curves.to_parquet(folder / EQUITY)
    write_text(run / "report.json", text)
    write_page(run, plot_points=config.backtest.plot_points)
    for line in walk_lines(document):
        console.result(line)
    console.result(f"{computed} of {len(tasks)} folds were computed, the others were there")
    console.wrote(run / KIND)
    console.wrote(run / "report.json")
    console.wrote(run / "report.html")
    console.wrote(write_index(Path(config.run.dir)))
    return {"walk_forward": str(run / KIND), "computed": computed, **document}


def judge_walk(prepared: Prepared, tasks: list[Task], run: Path) -> tuple[dict[str, Any], pd.DataFrame]:
    """Join the decisions of all folds into one account per seed, and judge it beside the baselines.

    Each agent decides as if its account had been flat when its fold began; the joint account carries what is held from
    fold to fold, and pays for every change. The median seed stands for all where one has to.

    Returns:
        Plain data, and (T,) equity a column.
    """
    config, tested = prepared.config, _tested(prepared, tasks)
    rows = tested.split.test
    market, index = _market(prepared, rows), prepared.series.index[rows.start : rows.stop]
    seeds = sorted({task.seed for task in tasks})
    joined = {seed: _joined([decisions_of(task) for task in tasks if task.seed == seed]) for seed in seeds}
    played = {
        seed: backtest(
            Recorded(one.targets, config.env),
            market,
            one.forecast,
            config.env,
            seed=seed_for(seed, "rotation"),
            draws=config.backtest.random_draws,
            best_known=best_known(prepared, rows),
        )
        for seed, one in joined.items()
    }
    annual = float(np.sqrt(market.bars_per_year))
    sharpes = {seed: bar_sharpe(one.returns("agent")) * annual for seed, one in played.items()}
    median = sorted(seeds, key=lambda seed: (sharpes[seed], seed))[(len(seeds) - 1) // 2]
    errors = prepared.series.log_return()[rows.start + 1 : rows.stop, 0]
    honesty = inference_block(
        played[median].returns("agent"),
        played[median].returns("buy_and_hold"),
        {"model": errors - joined[median].next_bar[:-1], "naive": errors},
        bars_per_year=market.bars_per_year,
        draws=config.backtest.bootstrap_draws,
        seed=seed_for(config.seed, "bootstrap"),
    )
    for seed in [seed for seed in seeds if seed != median] + [median]:  # the last one knows of all
        seeded = dataclasses.replace(tested, config=dataclasses.replace(config, seed=seed)).tested
        seeded["config"] |= {"way": repr(config.walk_forward)}
        returns = pd.Series(played[seed].returns("agent"), index=index[1:])
        trial = judged_trial(
            returns, **seeded, periods=len(rows), periods_per_year=prepared.series.bars_per_year, run=run
        )
        counted = trial_block(trial, returns, Path(config.run.dir))
    honesty |= counted | cost_block(played[median].targets[:, 0], market, config.env)
    document = {
        "folds": [_fold(prepared, tasks, number, played, rows) for number in range(config.walk_forward.folds)],
        "median_seed": median,
        "strategies": {"agent": {str(seed): one.metrics["agent"] for seed, one in played.items()}}
        | {name: played[median].metrics[name] for name in played[median].strategies if name != "agent"},
        "agent_sharpe_by_seed": seed_summary(seeds, [sharpes[seed] for seed in seeds]),
        "honesty": honesty,
    }
    curves = {f"agent_seed_{seed}": one.equity("agent") for seed, one in played.items()}
    curves |= {name: played[median].equity(name) for name in played[median].strategies if name != "agent"}
    return document, pd.DataFrame(curves, index=index)


class Recorded:
    """A policy that repeats what was decided, in order."""

    kind = "recorded"

    def __init__(self, targets: NDArray[np.float64], rules: TradingConfig) -> None:
        levels = np.asarray(rules.exposures)
        if rules.actions == "levels":
            self.actions: NDArray[Any] = np.abs(levels[None, :] - targets[:, None]).argmin(axis=1)
        else:
            self.actions = targets.astype(np.float32)[:, None]
        self.next = 0

    def act(self, observations: NDArray[np.floating[Any]]) -> NDArray[Any]:
        """Return the next of the actions."""
        self.next += 1
        return np.asarray(self.actions[self.next - 1 : self.next])

    def settings(self) -> dict[str, Any]:
        """Return nothing: it is never saved."""
        return {}

    def tensors(self) -> dict[str, NDArray[Any]]:
        """Return nothing: it has no weights."""
        return {}


def _joined(folds: list[Decisions]) -> Decisions:
    """Chain the folds; the last decision stands once more, at the last close, where no bar fills it."""
    return Decisions(
        *(np.concatenate([*(getattr(one, name) for one in folds), getattr(folds[-1], name)[-1:]])
          for name in ("targets", "forecast", "next_bar"))
    )  # fmt: skip


def _tested(prepared: Prepared, tasks: list[Task]) -> Prepared:
    """Return the request with all tests as its test rows, from the bar on whose close the first decision is taken."""
    first = tasks[0].fold
    test = range(first.rows.start + first.split.test.start - 1, len(prepared.panel.index))
    return dataclasses.replace(prepared, split=dataclasses.replace(prepared.split, test=test))


def _market(prepared: Prepared, rows: range) -> Market:
    """Return prices alone: what was decided is decided."""
    series, part = prepared.series, slice(rows.start, rows.stop)
    return Market(
        open=series.open[part],
        close=series.close[part],
        features=np.zeros((len(rows), 1), np.float32),
        bars_per_year=series.bars_per_year,
        index=series.index[part].tz_localize(None).to_numpy(),
        single_price=series.single_price,
        instruments=series.instruments,
        **liquidity(prepared, part),
    )


def _fold(
    prepared: Prepared, tasks: list[Task], number: int, played: dict[int, Backtest], rows: range
) -> dict[str, Any]:
    """Tell who saw which bars in a fold, and what the joint accounts earned in its test."""
    fold = next(task.fold for task in tasks if task.number == number)
    told = {}
    for name in ("forecaster", "agent", "validation", "test"):
        part = getattr(fold.split, name)
        told[name] = prepared.time_range(range(part.start + fold.rows.start, part.stop + fold.rows.start))
    start, stop = (row - rows.start for row in told["test"]["rows"])
    annual = float(np.sqrt(prepared.series.bars_per_year))

    def earned(equity: NDArray[np.float64]) -> dict[str, float]:
        part = equity[start - 1 : stop]
        total = float(part[-1] / part[0] - 1.0) if part[0] > 0.0 else 0.0
        return {"total_return": total, "sharpe": bar_sharpe(simple_returns(part)) * annual}

    some = next(iter(played.values()))
    by_seed = {str(seed): earned(one.equity("agent")) for seed, one in played.items()}
    learned = sum(facts_of(task)["learned"] for task in tasks if task.number == number)
    holder = earned(some.equity("buy_and_hold"))
    return {"rows": told, "agent": by_seed, "learned": learned, "buy_and_hold": holder}


def leak_verdicts(tasks: list[Task]) -> dict[str, Any]:
    """Return the leak checks of all folds and seeds in one: `clean`, or the first leak and its fold."""
    found = {task: facts_of(task).get("leakcheck") for task in tasks}
    for task, word in found.items():
        if word not in (None, "clean"):
            return {"leakcheck": f"fold {task.number + 1}, seed {task.seed}: {word}"}
    unasked = sum(word is None for word in found.values())
    if unasked:
        return {"leakcheck": None, "leakcheck_reason": f"{unasked} of {len(tasks)} folds were not asked"}
    return {"leakcheck": "clean"}


def _asked(prepared: Prepared) -> dict[str, Any]:
    config = prepared.config
    plain = config.deciding() | {"walk_forward": config.plain()["walk_forward"]}
    return {"config": plain, "config_hash": config.hash, "seed": config.seed, "versions": versions()}


def walk_lines(document: dict[str, Any]) -> list[str]:
    """Tell folds, seeds and the joint account as lines."""
    lines = [f"  {'fold':<6}{'test':<26}{'buy and hold':>14}{'agents: worst':>16}{'median':>10}{'best':>10}"]
    for number, fold in enumerate(document["folds"], 1):
        first, last = fold["rows"]["test"]["first"][:10], fold["rows"]["test"]["last"][:10]
        found = sorted(one["total_return"] for one in fold["agent"].values())
        hold = fold["buy_and_hold"]["total_return"]
        shown = f"{found[0]:>+16.2%}{float(np.median(found)):>+10.2%}{found[-1]:>+10.2%}"
        lines.append(f"  {number:<6}{first + ' .. ' + last:<26}{hold:>+14.2%}{shown}")
    agents, others = document["strategies"]["agent"], dict(document["strategies"])
    del others["agent"]
    rows = {"agent": agents[str(document["median_seed"])], **others}
    return [
        "walk-forward, returns after costs:",
        *lines,
        *strategy_lines({name: {"metrics": metrics} for name, metrics in rows.items()}),
        f"{seed_line(document['agent_sharpe_by_seed'])}; the median seed is shown",
    ]

"""Models fitted as `run` fits them, and fitted again in worlds that differ after the rows they may learn from."""

import dataclasses
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from forecaster.config import DAYWISE
from forecaster.data.panel import build_panel_features
from tradewinds.core.console import Silent
from tradewinds.leakcheck.stretch import moment_of, parts_of, world_of
from tradewinds.leakcheck.verdict import Leak, Question, Verdict, leak_at
from tradewinds.leakcheck.worlds import another_world
from tradewinds.pipeline import steps
from tradewinds.pipeline.artifact import Artifact, read
from tradewinds.pipeline.encoding import Fitted, Panel, of_instruments
from tradewinds.pipeline.task import Models, Prepared
from trading_agent import TrainedAgent

SILENT = Silent()
WORLDS = 3  # worlds in which the models are fitted again: at random, in a trend, in a zigzag
IRREPRODUCIBLE = (
    "the same bars fitted twice give two models: nothing can be said of leaks; one thread, or the CPU, may do"
)


@dataclass(frozen=True, eq=False)
class Fits:
    """What was fitted in the true world: the forecaster of each instrument, and the agent if there is one."""

    panel: dict[str, Fitted]
    agent: TrainedAgent | None

    def models(self, prepared: Prepared) -> Models:
        """Return them as a run leaves them, without states."""
        return Models(self.of(prepared), policy=None if self.agent is None else self.agent.policy)

    def of(self, prepared: Prepared) -> Fitted | Panel:
        """Return the forecaster of the instrument the agent trades, or those of all."""
        fitted: Fitted | Panel = of_instruments(self.panel, prepared.series)
        return fitted


def first_fit(prepared: Prepared, run: Path, verdict: Verdict) -> Fits | None:
    """Fit forecaster and agent as `run` does, artifacts in `run`; None where the forecaster was fitted too far."""
    panel, artifact = steps.train_forecaster(prepared, run, SILENT)
    fitted, config = next(iter(panel.values())), prepared.config
    row = int(prepared.panel.close_time.searchsorted(fitted.fit_end_time, side="right")) - 1 + config.split.embargo_bars
    verdict.count("split")
    if row >= prepared.split.agent.start:
        what = f"it was fitted up to row {fitted.fit_end}; with labels and embargo that reaches the agent's first row"
        verdict.leak = leak_at(prepared, "split", "forecaster_fit", prepared.split.agent.start, what)
        return None
    acting = of_instruments(panel, prepared.series)
    return Fits(panel, _fit_agent(prepared, acting, artifact, run) if prepared.task.acts else None)


def _fit_agent(prepared: Prepared, fitted: Fitted | Panel, artifact: Artifact, run: Path) -> TrainedAgent:
    models = steps.encoded(prepared, fitted, artifact, run / steps.HIDDEN_STATES, SILENT)
    return steps.train_agent(prepared, models, run, SILENT)[1]


def refits(prepared: Prepared, models: Fits, folder: Path) -> list[Question]:
    """List the fits to repeat in worlds that differ after the rows a model may learn from."""
    questions: list[Question] = []
    for number in range(WORLDS):
        questions.append(
            ("refit", partial(_forecaster_again, prepared, models, folder / f"forecaster-{number}", number))
        )
        if models.agent is not None:
            questions.append(("refit", partial(_agent_again, prepared, models, models.agent, folder, number)))
    if prepared.config.model.kind in DAYWISE or not prepared.config.trainer.epochs:  # no rows stop their first fit
        return questions
    return [*questions, ("refit", partial(_stopped_again, prepared, models, folder / "stopped"))]


def _forecaster_again(prepared: Prepared, models: Fits, run: Path, number: int) -> Leak | None:
    """Change all after the forecaster's rows: what was fitted may not notice."""
    end = min(prepared.split.forecaster.stop, prepared.split.agent.start - prepared.config.split.embargo_bars)
    world = world_of(
        prepared, another_world(parts_of(prepared), end - 1, moment=moment_of(prepared, end - 1), seed=number)
    )
    panel, _ = steps.train_forecaster(world, run, SILENT)
    leak = _same_forecasters(prepared, models.panel, panel, end)
    if leak is not None:  # unless the machine itself fits otherwise every time
        again, _ = steps.train_forecaster(prepared, run.with_name(f"{run.name}-true"), SILENT)
        if _same_forecasters(prepared, models.panel, again, end) is not None:
            return leak_at(prepared, "refit", leak.stage, end, IRREPRODUCIBLE)
    return leak


def _agent_again(prepared: Prepared, models: Fits, first: TrainedAgent, folder: Path, number: int) -> Leak | None:
    """Change all after the validation rows: what was learned and chosen may not notice."""
    end = prepared.split.validation.stop
    world = world_of(
        prepared, another_world(parts_of(prepared), end - 1, moment=moment_of(prepared, end - 1), seed=number)
    )
    artifact = read(folder / "first" / "forecaster", "forecaster")
    agent = _fit_agent(world, models.of(prepared), artifact, folder / f"agent-{number}")
    if _same_agents(first, agent):
        return None
    again = _fit_agent(prepared, models.of(prepared), artifact, folder / f"agent-{number}-true")
    if not _same_agents(first, again):
        return leak_at(prepared, "refit", "agent_fit", end, IRREPRODUCIBLE)
    what = "it learned something else when only bars after the validation rows were changed"
    return leak_at(prepared, "refit", "agent_fit", end, what)


def _stopped_again(prepared: Prepared, models: Fits, run: Path) -> Leak | None:
    """Change the bars after the first row that stops the fit: scaler and first epoch may not notice.

    A linear base is left out: the stopping rows choose its penalty, as they choose the epoch. So are other lifetimes:
    an instrument that ends before those rows is stopped by earlier ones of its own.
    """
    model, trainer, panel = prepared.config.model, prepared.config.trainer, models.panel
    first = _first_decision(prepared, panel)
    last = prepared.split.forecaster.stop - model.horizon
    row = last - max(2, round(trainer.early_stopping_fraction * (last - first)))
    other = another_world(parts_of(prepared), row, moment=moment_of(prepared, row), same_bars=True)
    world = world_of(prepared, other)
    if model.linear_base:
        config = dataclasses.replace(prepared.config, model=dataclasses.replace(model, linear_base=False))
        prepared, world = (dataclasses.replace(one, config=config) for one in (prepared, world))
        panel, _ = steps.train_forecaster(prepared, run.with_name(f"{run.name}-true"), SILENT)
    others, _ = steps.train_forecaster(world, run, SILENT)
    for name, fitted in panel.items():
        what = f"{name}: the rows that fit it know the labels of the rows that stop it, from this bar on"
        if fitted.fingerprint()["scaler"] != others[name].fingerprint()["scaler"]:
            return leak_at(prepared, "refit", "scaler", row + 1, what)
        if fitted.history[0]["fit_loss"] != others[name].history[0]["fit_loss"]:
            return leak_at(prepared, "refit", "forecaster_fit", row + 1, what)
    return None


def _first_decision(prepared: Prepared, panel: dict[str, Fitted]) -> int:
    """Return the first row with a whole context: of all, or where histories are ragged of the first that has one."""
    length, fitted = prepared.config.model.context_length, next(iter(panel.values()))
    first_rows = [table.first_row for table in build_panel_features(prepared.panel, fitted.config.features)]
    return (max(first_rows) if prepared.panel.traded is None else min(first_rows)) + length - 1


def _same_forecasters(prepared: Prepared, ours: dict[str, Fitted], theirs: dict[str, Fitted], end: int) -> Leak | None:
    what = "it was fitted otherwise when only bars from here on were changed"
    for name, fitted in ours.items():
        one, other = fitted.fingerprint(), theirs[name].fingerprint()
        if one["labels"] == other["labels"] and one["scaler"] != other["scaler"]:
            return leak_at(prepared, "refit", "scaler", end, f"{name}: {what}")
        if one["learned"] != other["learned"]:
            return leak_at(prepared, "refit", "forecaster_fit", end, f"{name}: {what}")
    return None


def _same_agents(one: TrainedAgent, other: TrainedAgent) -> bool:
    ours, theirs = one.policy.tensors(), other.policy.tensors()
    same = ours.keys() == theirs.keys() and all(ours[name].tobytes() == theirs[name].tobytes() for name in ours)
    return same and one.policy.settings() == other.policy.settings() and one.history == other.history

"""What an agent observes and is paid for: nothing of its observation, and all of its reward, comes after it decides.

Hidden states are stamped with their rows. All else is arithmetic: what comes after a decision is replaced, and the
columns that change at or before it are named. Rewards are taken from the environments that agents learn in.
"""

import dataclasses
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tradewinds.leakcheck.columns import Array, Audit, AuditedColumn, observed_column, outcome_column, seconds
from tradewinds.leakcheck.input_audit import Inputs
from tradewinds.leakcheck.stretch import moment_of, parts_of, world_of
from tradewinds.leakcheck.verdict import Leak, leak_at
from tradewinds.leakcheck.worlds import another_world
from tradewinds.pipeline.records import Observed
from tradewinds.pipeline.task import Models, Prepared

CUTS = 3  # decisions after which everything is replaced
STATE = "hidden_state_"
ENVIRONMENTS = 8  # actions whose rewards are compared
SPARE = 8  # bars of a market beyond those that are played


def audit_agent(prepared: Prepared, models: Models, inputs: Inputs, rows: range) -> Audit:
    """Audit every column of what the agent observes on `rows`, and its reward."""
    observed = prepared.task.observed(prepared, models, rows)
    if observed is None:
        return Audit(notes=["too few bars to act on: observations and rewards were not audited"])
    audit = Audit()
    audit.leak = _wrong_state(prepared, models, rows) or _later_world(prepared, models, observed, rows)
    newest = inputs.newest(prepared.config.model.context_length)
    decided = np.zeros(len(inputs.reads), dtype=bool)
    decided[observed.rows] = True
    for number, name in enumerate(observed.names):
        if number >= observed.values.shape[1]:
            audit.columns.append(AuditedColumn(f"agent.{name}", "observation", "told"))  # by its own doing, or a clock
            continue
        feature = name.removeprefix("features.").split("@")[0]
        own = name.startswith("features.")
        valid, known = (inputs.valid[feature], inputs.known[feature]) if own else newest
        valid, known = (np.where(decided, moments, np.nan) for moments in (valid, known))
        how = "stamped" if name.startswith(STATE) else "bounded"
        audit.take(
            observed_column(
                prepared, f"agent.{name}", how, valid=valid, known=known, reads=inputs.reads, stage="observations"
            )
        )
    audit.take(_reward(prepared, models, inputs, observed))
    return audit


def _wrong_state(prepared: Prepared, models: Models, rows: range) -> Leak | None:
    """Let every hidden state say its row: none may come from after its decision, and the newest is the decision's."""
    states = models.states
    assert states is not None
    shape = states.hidden_state.shape
    numbers = np.arange(shape[0], dtype=np.float32).reshape(-1, *(1 for _ in shape[1:]))
    clocks = replace(states, hidden_state=np.array(np.broadcast_to(numbers, shape)))
    observed = prepared.task.observed(prepared, replace(models, states=clocks), rows)
    assert observed is not None
    for number, name in enumerate(observed.names[: observed.values.shape[1]]):
        if not name.startswith(STATE):
            continue
        column = observed.values[:, number].astype(np.int64)
        wrong = column > observed.rows if "@" in name else column != observed.rows
        if prepared.several:
            wrong &= column != 0  # of what cannot be acted on nothing is shown
        if wrong.any():
            first = int(np.flatnonzero(wrong)[0])
            index = prepared.series.index
            what = f"column {name} of the observation is the state of {index[column[first]].isoformat()}"
            return leak_at(prepared, "audit", "observations", int(observed.rows[first]), what)
    return None


def _later_world(prepared: Prepared, models: Models, true: Observed, rows: range) -> Leak | None:
    """Replace all that comes after some decisions, and the states with it: no observation up to them may change."""
    states = models.states
    assert states is not None
    chosen = np.unique(np.linspace(0, len(true.rows) - 2, CUTS).astype(int)) if len(true.rows) > 1 else np.array([0])
    for row in true.rows[chosen].tolist():
        parts = another_world(parts_of(prepared), row, moment=moment_of(prepared, row))
        world = world_of(prepared, parts)
        if not world.series.index.equals(prepared.series.index):
            continue
        hidden, forecast = np.array(states.hidden_state), np.array(states.forecast)
        hidden[row + 1 :] += 1.0
        forecast[row + 1 :] *= -0.5
        other = world.task.observed(
            world, replace(models, states=replace(states, hidden_state=hidden, forecast=forecast)), rows
        )
        assert other is not None
        until = true.rows <= row
        differ = true.values[until] != other.values[until]
        if differ.any():
            first = int(np.flatnonzero(differ.any(axis=1))[0])
            name = true.names[int(np.flatnonzero(differ[first])[0])]
            what = (
                f"column {name} of the observation changes with what comes after {world.series.index[row].isoformat()}"
            )
            return leak_at(prepared, "audit", "observations", int(true.rows[first]), what)
    return None


def _reward(prepared: Prepared, models: Models, inputs: Inputs, observed: Observed) -> Audit:
    """Change all prices up to a decision, and all after it: the first moves no reward, the second does."""
    clock = prepared.task.decision_times(prepared)
    every = int(np.diff(np.flatnonzero(clock.decides)).max(initial=1))  # bars from a decision to the next
    until = max(every, 2)  # what fills at a close earns a bar later
    row = int(observed.rows[0])
    stretch = replace(prepared, split=replace(prepared.split, agent=range(row, row + 3 * until + SPARE)))
    if stretch.split.agent.stop > len(inputs.reads):
        return Audit(notes=["too few bars after a decision: rewards were not audited"])
    true = rewards(stretch, models, until)
    past, future = (rewards(_repriced(stretch, row, after=after), models, until) for after in (False, True))
    paid: NDArray[np.int64] = np.arange(row + 1, row + 1 + until)
    issued = np.full(until, inputs.reads[row])
    audit = outcome_column(
        prepared, "reward", "label", "bounded", rows=paid, known=seconds(clock.prices)[paid], issued=issued
    )
    if not np.allclose(true, past, rtol=1e-9, atol=1e-12):
        what = "the reward of what is decided at this bar changes with prices that were known there"
        audit.leak = leak_at(prepared, "audit", "fills", row, what)
    if np.allclose(true, future, rtol=1e-9, atol=1e-12):
        audit.notes.append("no reward moved with the prices after a decision: rewards were not audited")
    return audit


def rewards(prepared: Prepared, models: Models, steps: int) -> Array:
    """Return (N - 1,) what random actions earn over the first steps of the agent's part, more than the first of them.

    Differences, since a reward may be measured against the market's own growth.
    """
    env: Any = prepared.task.vector_env(prepared, models.states, "agent", num_envs=ENVIRONMENTS)
    env.reset(seed=0)
    rng, space, total = np.random.default_rng(0), env.single_action_space, np.zeros(ENVIRONMENTS)
    for _ in range(steps):
        if hasattr(space, "n"):
            actions = np.arange(ENVIRONMENTS) % space.n
        else:
            actions = rng.uniform(-1.0, 1.0, (ENVIRONMENTS, *space.shape)).astype(np.float32)
            actions = np.clip(actions, space.low, space.high)
        total += env.step(actions)[1]
    env.close()
    return np.asarray(total[1:] - total[0])


def _repriced(prepared: Prepared, row: int, *, after: bool) -> Prepared:
    """Return the request with the prices up to a row half as high again, or with those after it each another."""
    panel = prepared.panel
    rng, part = np.random.default_rng(row), slice(row + 1, None) if after else slice(0, row + 1)
    factor = 1.5 + rng.uniform(0.0, 0.5 * after, panel.close[part].shape)
    names = ("open", "high", "low", "close")
    changed: dict[str, Any] = {name: np.array(getattr(panel, name)) for name in names}
    for column in changed.values():
        column[part] *= factor
    if after and not panel.single_price:
        changed["close"][part] *= rng.uniform(1.1, 1.2, factor.shape)  # within the bar, too
        changed["high"] = np.maximum(changed["high"], np.maximum(changed["close"], changed["open"]))
        changed["low"] = np.minimum(changed["low"], np.minimum(changed["close"], changed["open"]))
    return replace(prepared, panel=dataclasses.replace(panel, **changed))

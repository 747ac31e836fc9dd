"""The five probes, and what they found. Each compares the true world with another in which only the future differs.

A frozen: everything after bar t is replaced; what was said up to t stays the same, to the bit.
E stream: the bars arrive one by one, as `signal` meets them; it says what the batch said.
C account: a second ledger, fed with the recorded actions and the series' own prices, ends with the same money.
D warm-up: somebody who starts k bars later agrees, once the features have warmed up.
B refit: everything after the training rows is replaced and the models are fitted again; they come out the same.
Before them the split is looked at, and the source is read again as if its later bars were not there (`reload`).
"""

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd

import forecaster.encode as encoding
import tradewinds.stages.encode as encode_stage
import tradewinds.stages.train_agent as agent_stage
import tradewinds.stages.train_forecaster as forecaster_stage
from forecaster.fit import FittedForecaster
from forecaster.series import Series
from tradewinds.artifact import Artifact, read
from tradewinds.backtest import Backtest
from tradewinds.champion import Model
from tradewinds.console import Silent
from tradewinds.errors import RequestError
from tradewinds.leakcheck.account import known_volatility, second_account
from tradewinds.leakcheck.trace import Trace, first_difference, trace
from tradewinds.leakcheck.worlds import another_world, known_until, last_bars, later_start
from tradewinds.plugins import function_of
from tradewinds.prepare import Prepared, prepared_from
from tradewinds.sources.loaded import Parts
from trading_agent import Policy, TrainedAgent

PROBES = ("reload", "split", "frozen", "stream", "account", "warm_up", "refit")
SAME_MONEY = 1e-9  # relative difference between two accounts that is rounding
SAME_STATE = 1e-4  # relative difference of a float32 state whose features were summed from another start
RELOADS = (0.6, 0.8, 0.95)  # shares of the bars after which a source is cut off
LATER = (1, 7, 16)  # bars that a later start comes later
IRREPRODUCIBLE = (
    "the same bars fitted twice give two models: nothing can be said of leaks; one thread, or the CPU, may do"
)
WORLDS = 2  # worlds in which the models are fitted again
STRETCH, CUTS = 64, 5  # bars that a run's own check plays the agent on, and cuts it makes there


@dataclass(frozen=True)
class Leak:
    """Where the future reached the past.

    Attributes:
        probe: one of `PROBES`.
        stage: one of `tradewinds.leakcheck.trace.STAGES`.
        row: the first bar that knew too much, as a row of the series.
        bar: its start, ISO 8601.
        what: what was seen there, in words.
    """

    probe: str
    stage: str
    row: int
    bar: str
    what: str

    def __str__(self) -> str:
        return f"leak at {self.stage}, bar {self.bar} (probe {self.probe}): {self.what}"


@dataclass
class Verdict:
    """What was asked, how often, and the leak that was found.

    Attributes:
        asked: per probe that was run, how many comparisons it made.
        leak: the first one found, or None.
        notes: what could not be asked.
    """

    asked: dict[str, int] = field(default_factory=dict)
    leak: Leak | None = None
    notes: list[str] = field(default_factory=list)

    @property
    def word(self) -> str:
        """`clean`, or where the leak is."""
        return "clean" if self.leak is None else str(self.leak)

    def plain(self) -> dict[str, Any]:
        """Return plain data for report.json."""
        found = None if self.leak is None else dataclasses.asdict(self.leak)
        return {"verdict": self.word, "comparisons": self.asked, "leak": found, "notes": self.notes}


@dataclass(frozen=True, eq=False)
class Models:
    """What was fitted in the true world: the forecaster of each instrument, and the agent if there is one."""

    panel: dict[str, FittedForecaster]
    agent: TrainedAgent | None

    @property
    def policy(self) -> Policy | None:
        """What the agent does; None for a series that is not traded."""
        return None if self.agent is None else self.agent.policy

    def of(self, prepared: Prepared) -> FittedForecaster:
        """Return the forecaster of the instrument the agent trades."""
        return self.panel[prepared.series.instruments[0]]


Tell = Callable[[int, int], None]
SILENT = Silent()
Question = tuple[str, Callable[[], Leak | None]]


def check_pipeline(
    prepared: Prepared, *, verdict: Verdict | None = None, tell: Tell = lambda done, total: None
) -> Verdict:
    """Fit the models of a short request and ask all probes, every bar; stop at the first leak.

    Args:
        prepared: a request whose series is short enough to be walked hundreds of times.
        verdict: what was found before, to be added to; None for a new one.
        tell: called with how many of the questions are answered.
    """
    verdict, prepared = Verdict() if verdict is None else verdict, aligned(prepared)
    if len(prepared.panel.index) > prepared.config.leakcheck.cuts:
        most = prepared.config.leakcheck.cuts
        verdict.notes.append(f"{len(prepared.panel.index)} bars, and leakcheck.cuts={most}: not every bar was a cut")
    _audit_split(prepared, verdict)
    if verdict.leak is not None:
        return verdict
    with TemporaryDirectory(prefix="tradewinds-leakcheck-") as folder:
        models = _first_fit(prepared, Path(folder) / "first", verdict)
        if models is None:
            return verdict
        rows = range(prepared.split.agent.start, len(prepared.series.index))
        true = trace(prepared, models.of(prepared), models.policy, rows)
        likely, every = _walks(prepared, models, true, rows)
        asked = (*likely, *_refits(prepared, models, Path(folder)), *every)
        for number, (probe, question) in enumerate(asked):
            _count(verdict, probe)
            verdict.leak = question()
            tell(number + 1, len(asked))
            if verdict.leak is not None:
                return verdict
    if models.agent is None:
        verdict.notes.append("the series is forecast and not traded: there are no actions to probe")
    elif prepared.config.env.kind != "trading":
        verdict.notes.append("actions, fills and money of a storage unit were not probed")
    return verdict


def check_source(prepared: Prepared, verdict: Verdict) -> None:
    """Read the series again with an earlier last bar, where its kind can: what a loader computes may not change.

    Args:
        prepared: the request as it was loaded.
        verdict: what is found is written here.
    """
    asked, whole = prepared.config.series, _parts(prepared).series.series
    if not hasattr(asked, "last"):
        kind = getattr(asked, "kind", "?")
        verdict.notes.append(f"series of kind {kind} have no `last`: what their loader computes was not probed")
        return
    for share in RELOADS:
        last = whole.index[round(share * (len(whole.index) - 1))]
        config: Any = dataclasses.replace(asked, last=f"{last:%Y-%m-%d}")  # type: ignore[type-var]
        try:
            cut = function_of("series", config)(config, prepared.config.data).series
        except RequestError:  # that few bars are refused
            continue
        _count(verdict, "reload")
        row = first_other_bar(whole, cut)
        if row is not None:
            what = f"it was loaded otherwise with series.last={last:%Y-%m-%d}"
            verdict.leak = Leak("reload", "series", row, whole.index[row].isoformat(), what)
            return


def first_other_bar(whole: Series, cut: Series) -> int | None:
    """Return the first row of `whole` that `cut`, its beginning, holds otherwise; None if there is none."""
    size = len(cut.index)
    if not whole.index[:size].equals(cut.index):
        return int(np.flatnonzero(whole.index[:size] != cut.index[: len(whole.index)])[0]) if size else 0
    names = ("open", "high", "low", "close", "volume", "dividends", "splits")
    pairs = [(getattr(whole, name), getattr(cut, name)) for name in names]
    pairs.append((whole.exogenous.to_numpy(np.float64), cut.exogenous.to_numpy(np.float64)))
    rows = []
    for ours, theirs in pairs:
        if ours is None or theirs is None or ours.shape[1] != theirs.shape[1]:
            rows += [] if ours is theirs else [0]
            continue
        same = (ours[:size] == theirs) | (np.isnan(ours[:size]) & np.isnan(theirs))
        rows += np.flatnonzero(~same.all(axis=1))[:1].tolist()
    return min(rows, default=None)


def check_run(
    prepared: Prepared, fitted: FittedForecaster, policy: Policy | None, played: Backtest | None = None
) -> Verdict:
    """Ask a finished run what is cheap to ask: a second account, and a few worlds on its last bars.

    Args:
        prepared: the request.
        fitted: its forecaster.
        policy: its agent; None for a series that is forecast and not traded.
        played: its backtest on the test rows, for the second account.
    """
    verdict = Verdict()
    if played is not None:
        verdict.asked["account"] = 1
        verdict.leak = _account(prepared, played, prepared.split.test)
    if verdict.leak is not None or prepared.parts is None:
        return verdict
    prepared = aligned(prepared)
    first = _first_row(prepared, fitted)
    short = _short(prepared, last_bars(_parts(prepared), first + STRETCH), first)
    if short is None:
        verdict.notes.append("too few bars for a stretch of its own")
        return verdict
    rows = short.split.test
    walk = partial(_Walk, short, fitted, policy, trace(short, fitted, policy, rows), rows)
    cuts = [walk(row) for row in np.linspace(rows.start + 1, rows.stop - 2, CUTS).astype(int).tolist()]
    asked = [("frozen", cut.frozen) for cut in cuts] + [("stream", cut.stream) for cut in cuts[1:-1:2]]
    for probe, question in asked:
        _count(verdict, probe)
        verdict.leak = verdict.leak or question()
    return verdict


def leakcheck_block(
    prepared: Prepared, fitted: FittedForecaster, policy: Policy | None, played: Backtest | None = None
) -> dict[str, Any]:
    """Return what `check_run` says for a report: `leakcheck` is `clean`, or says where the leak is."""
    try:
        verdict = check_run(prepared, fitted, policy, played)
    except ValueError as error:
        return {"leakcheck": None, "leakcheck_reason": f"another world could not be prepared: {error}"}
    return {"leakcheck": verdict.word, "leakcheck_detail": verdict.plain()}


def aligned(prepared: Prepared) -> Prepared:
    """Return the request with loaded bars cut to those that are left after the join: one row, one bar."""
    parts, index = _parts(prepared), prepared.panel.index
    bars = parts.series.series
    rows = range(int(bars.index.searchsorted(index[0])), int(bars.index.searchsorted(index[-1])) + 1)
    cut = dataclasses.replace(parts, series=dataclasses.replace(parts.series, series=bars.rows(rows)))
    return dataclasses.replace(prepared, parts=cut)


def _first_fit(prepared: Prepared, run: Path, verdict: Verdict) -> Models | None:
    """Fit forecaster and agent as `run` does, artifacts in `run`; None where the forecaster was fitted too far."""
    panel, artifact = forecaster_stage.train_forecaster(prepared, run, SILENT)
    fitted, config = panel[prepared.series.instruments[0]], prepared.config
    row = fitted.fit_end + config.model.horizon + config.split.embargo_bars
    _count(verdict, "split")
    if row >= prepared.split.agent.start:
        what = f"it was fitted up to row {fitted.fit_end}; with horizon and embargo that reaches the agent's first row"
        verdict.leak = _leak(prepared, "split", "forecaster_fit", prepared.split.agent.start, what)
        return None
    traded = prepared.panel.target == "log_return"
    return Models(panel, _fit_agent(prepared, fitted, artifact, run) if traded else None)


def _fit_agent(prepared: Prepared, fitted: FittedForecaster, artifact: Artifact, run: Path) -> TrainedAgent:
    folder = run / "hidden_states"
    states, encoded = encode_stage.encode_states(prepared, prepared.series, fitted, artifact, folder, SILENT)
    parents = {"forecaster": artifact, "hidden_states": encoded}
    return agent_stage.train_agent(prepared, states, parents, run, SILENT)[0]


def _walks(prepared: Prepared, models: Models, true: Trace, rows: range) -> tuple[list[Question], list[Question]]:
    """List the questions that need no fitting: those at the edges that matter, then those at every bar."""
    walk = partial(_Walk, prepared, models.of(prepared), models.policy, true, rows)
    last, first = len(prepared.series.index) - 1, max(_first_row(prepared, models.of(prepared)), 1)
    edges = list(dict.fromkeys(_edges(prepared, first)))
    likely: list[Question] = [("frozen", walk(row).frozen) for row in edges]
    if true.played is not None:
        likely.append(("account", partial(_account, prepared, true.played, rows)))
    likely += [("warm_up", walk(later).warm_up) for later in LATER]
    most = prepared.config.leakcheck.cuts
    every: list[Question] = [
        ("frozen", walk(row).frozen) for row in _spread(range(first, last), most) if row not in edges
    ]
    return likely, every + [("stream", walk(row).stream) for row in _spread(range(rows.start + 1, last), most)]


def _spread(rows: range, most: int) -> list[int]:
    """Return all rows, or `most` of them, evenly spread."""
    if len(rows) <= most:
        return list(rows)
    return sorted({rows[number] for number in np.linspace(0, len(rows) - 1, most).astype(int).tolist()})


def _edges(prepared: Prepared, first: int) -> Iterator[int]:
    """Yield the bars at which leaks like to sit: the ends of the parts, and of holes in the columns."""
    split, last = prepared.split, len(prepared.series.index) - 1
    for part in (split.test, split.validation, split.agent, split.forecaster):
        yield from (row for row in (part.start - 1, part.start, part.stop - 1) if first <= row < last)
    holes = prepared.series.exogenous.isna().to_numpy().any(axis=1)
    for row in np.flatnonzero(np.diff(holes.astype(np.int64))).tolist():
        yield from (edge for edge in (row, row + 1) if first <= edge < last)


def _audit_split(prepared: Prepared, verdict: Verdict) -> None:
    """Check that the parts follow one another, the embargo apart."""
    split, embargo = prepared.split, prepared.config.split.embargo_bars
    names = ("forecaster", "agent", "validation", "test")
    for before, after in pairwise(names):
        verdict.asked["split"] = verdict.asked.get("split", 0) + 1
        row = getattr(split, after).start
        if getattr(split, before).stop + embargo > row:
            what = f"the {before} rows reach to row {getattr(split, before).stop - 1}, the {after} rows begin at {row}"
            stage = "forecaster_fit" if before == "forecaster" else "agent_fit"
            verdict.leak = _leak(prepared, "split", stage, row, f"{what}, and the embargo is {embargo} bars")
            return


@dataclass(frozen=True, eq=False)
class _Walk:
    """One walk of fitted models through another world: a bar, or for a later start a number of bars, tells which."""

    prepared: Prepared
    fitted: FittedForecaster
    policy: Policy | None
    true: Trace
    rows: range
    number: int

    def frozen(self) -> Leak | None:
        """Replace all after the bar."""
        world = _world(self.prepared, another_world(_parts(self.prepared), self.number))
        found = first_difference(self.true, trace(world, self.fitted, self.policy, self.rows), last_row=self.number)
        what = f"it changed when only bars after {self._bar} were changed"
        return None if found is None else _leak(self.prepared, "frozen", *found, what)

    def stream(self) -> Leak | None:
        """Let the bar be the last one there is."""
        split = dataclasses.replace(self.prepared.split, test=range(self.rows.start, self.number + 1))
        try:
            world = _world(self.prepared, known_until(_parts(self.prepared), self.number + 1), split)
        except RequestError:  # columns published so late that the last bars have none yet
            return None
        if len(world.series.index) != self.number + 1:
            return None
        other = trace(world, self.fitted, self.policy, split.test)
        found = first_difference(self.true, other, last_row=self.number) or self._signal(world, other)
        what = f"it was another when {self._bar} was the last bar there was"
        return None if found is None else _leak(self.prepared, "stream", *found, what)

    def _signal(self, world: Prepared, other: Trace) -> tuple[str, int] | None:
        """Compare what `signal` says after the last bar with what the batch said of it."""
        if self.policy is None or self.true.played is None or other.states is None:
            return None
        rows = world.split.test
        model = Model(other.states, self.policy, world.config.env.exposures, world.series.index[rows.start])
        said, batch = model.targets(world, rows)[-1], self.true.played.targets[self.number - rows.start, 0]
        return None if np.array_equal(said, batch) else ("actions", self.number)

    def warm_up(self) -> Leak | None:
        """Begin some bars later."""
        later, size = self.number, len(self.prepared.series.index)
        split = dataclasses.replace(self.prepared.split, test=range(self.rows.start - later, size - later))
        world = _world(self.prepared, later_start(_parts(self.prepared), later), split)
        if len(world.series.index) != size - later:
            return None
        other = trace(world, self.fitted, self.policy, split.test)
        read = ("features", "scaler", "hidden_states", "forecasts")
        ours, theirs = (Trace({name: one.tables[name] for name in read}) for one in (self.true, other))
        start = _first_row(self.prepared, self.fitted) + later
        found = first_difference(ours, theirs, last_row=size - 1, first_row=start, shift=later, tolerance=SAME_STATE)
        what = f"it never forgets where the series begins: {later} bars fewer at the start change it"
        return None if found is None else _leak(self.prepared, "warm_up", *found, what)

    @property
    def _bar(self) -> str:
        return str(self.prepared.series.index[self.number].isoformat())


def _account(prepared: Prepared, played: Backtest, rows: range) -> Leak | None:
    """Compare the money of every strategy with that of a second account on the prices of the series."""
    rules, series = prepared.config.env, prepared.series
    if rules.execution == "same_close":
        what = "env.execution=same_close fills at the close that the agent has just seen"
        return _leak(prepared, "account", "fills", rows.start, what)
    part = slice(rows.start, rows.stop)
    volatility = known_volatility(series.close[:, 0])[part] if rules.costs.slippage_per_volatility else None
    shares = bool(rules.costs.slippage_bps_per_volume_percent) and series.volume is not None
    volume = series.volume[part, 0] if shares and series.volume is not None else None
    for name in played.strategies:
        number = played.strategies.index(name)
        units, equity = second_account(
            series.open[part, 0],
            series.close[part, 0],
            played.targets[:, number, 0],
            rules,
            bars_per_year=series.bars_per_year,
            volatility=volatility,
            volume=volume,
        )
        recorded = (("fills", played.path.units[:, number, 0], units), ("equity", played.equity(name), equity))
        for stage, ours, theirs in recorded:
            wrong = np.flatnonzero(~(np.abs(ours - theirs) <= SAME_MONEY * np.maximum(1.0, np.abs(theirs))))
            if len(wrong):
                at = int(wrong[0])
                what = f"{name} has {float(ours[at]):.9g}, and {float(theirs[at]):.9g} by a second account"
                return _leak(prepared, "account", stage, rows.start + at, what)
    return None


def _refits(prepared: Prepared, models: Models, folder: Path) -> list[Question]:
    """List the fits to repeat in worlds that differ after the rows a model may learn from."""
    questions: list[Question] = []
    for number in range(WORLDS):
        questions.append(
            ("refit", partial(_forecaster_again, prepared, models, folder / f"forecaster-{number}", number))
        )
        if models.agent is not None:
            questions.append(("refit", partial(_agent_again, prepared, models, models.agent, folder, number)))
    return [*questions, ("refit", partial(_stopped_again, prepared, models, folder / "stopped"))]


def _forecaster_again(prepared: Prepared, models: Models, run: Path, number: int) -> Leak | None:
    """Change all after the forecaster's rows: what was fitted may not notice."""
    end = min(prepared.split.forecaster.stop, prepared.split.agent.start - prepared.config.split.embargo_bars)
    world = _world(prepared, another_world(_parts(prepared), end - 1, seed=number))
    panel, _ = forecaster_stage.train_forecaster(world, run, SILENT)
    found = _same_forecasters(prepared, models.panel, panel, end)
    if found is not None:  # unless the machine itself fits otherwise every time
        again, _ = forecaster_stage.train_forecaster(prepared, run.with_name(f"{run.name}-true"), SILENT)
        if _same_forecasters(prepared, models.panel, again, end) is not None:
            return _leak(prepared, "refit", found.stage, end, IRREPRODUCIBLE)
    return found


def _agent_again(prepared: Prepared, models: Models, first: TrainedAgent, folder: Path, number: int) -> Leak | None:
    """Change all after the validation rows: what was learned and chosen may not notice."""
    end = prepared.split.validation.stop
    world = _world(prepared, another_world(_parts(prepared), end - 1, seed=number))
    artifact = read(folder / "first" / "forecaster", "forecaster")
    agent = _fit_agent(world, models.of(prepared), artifact, folder / f"agent-{number}")
    if _same_agents(first, agent):
        return None
    again = _fit_agent(prepared, models.of(prepared), artifact, folder / f"agent-{number}-true")
    if not _same_agents(first, again):
        return _leak(prepared, "refit", "agent_fit", end, IRREPRODUCIBLE)
    what = "it learned something else when only bars after the validation rows were changed"
    return _leak(prepared, "refit", "agent_fit", end, what)


def _stopped_again(prepared: Prepared, models: Models, run: Path) -> Leak | None:
    """Change the bars after the first row that stops the fit: scaler and first epoch may not notice.

    A linear base is left out: the stopping rows choose its penalty, as they choose the epoch.
    """
    model, trainer, panel = prepared.config.model, prepared.config.trainer, models.panel
    first = max(_first_row(prepared, fitted, name) for name, fitted in panel.items())
    last = prepared.split.forecaster.stop - model.horizon
    row = last - max(2, round(trainer.early_stopping_fraction * (last - first)))
    world = _world(prepared, another_world(_parts(prepared), row))
    if model.linear_base:
        config = dataclasses.replace(prepared.config, model=dataclasses.replace(model, linear_base=False))
        prepared, world = (dataclasses.replace(one, config=config) for one in (prepared, world))
        panel, _ = forecaster_stage.train_forecaster(prepared, run.with_name(f"{run.name}-true"), SILENT)
    others, _ = forecaster_stage.train_forecaster(world, run, SILENT)
    for name, fitted in panel.items():
        what = f"{name}: the rows that fit it know the labels of the rows that stop it, from this bar on"
        if _scaler(fitted) != _scaler(others[name]):
            return _leak(prepared, "refit", "scaler", row + 1, what)
        if fitted.history[0]["fit_loss"] != others[name].history[0]["fit_loss"]:
            return _leak(prepared, "refit", "forecaster_fit", row + 1, what)
    return None


def _same_forecasters(
    prepared: Prepared, ours: dict[str, FittedForecaster], theirs: dict[str, FittedForecaster], end: int
) -> Leak | None:
    what = "it was fitted otherwise when only bars from here on were changed"
    for name, fitted in ours.items():
        if _labels(fitted) == _labels(theirs[name]) and _scaler(fitted) != _scaler(theirs[name]):
            return _leak(prepared, "refit", "scaler", end, f"{name}: {what}")
        if _learned(fitted) != _learned(theirs[name]):
            return _leak(prepared, "refit", "forecaster_fit", end, f"{name}: {what}")
    return None


def _scaler(fitted: FittedForecaster) -> bytes:
    return fitted.mean.tobytes() + fitted.std.tobytes()


def _labels(fitted: FittedForecaster) -> bytes:
    """Return what depends on the rows that were fitted, and not on how their features were scaled."""
    return repr((fitted.naive_mae, fitted.fit_end, fitted.fit_end_time.isoformat())).encode() + fitted.dlinear.tobytes()


def _learned(fitted: FittedForecaster) -> list[bytes]:
    facts = (fitted.target_scale, fitted.naive_mae, fitted.fit_end, fitted.fit_end_time.isoformat(), fitted.history)
    weights = [tensor.detach().numpy().tobytes() for tensor in fitted.model.state_dict().values()]
    return [repr((*facts, fitted.reader)).encode(), fitted.ridge.tobytes(), fitted.dlinear.tobytes(), *weights]


def _same_agents(one: TrainedAgent, other: TrainedAgent) -> bool:
    ours, theirs = one.policy.tensors(), other.policy.tensors()
    same = ours.keys() == theirs.keys() and all(ours[name].tobytes() == theirs[name].tobytes() for name in ours)
    return same and one.policy.settings() == other.policy.settings() and one.history == other.history


def _count(verdict: Verdict, probe: str) -> None:
    verdict.asked[probe] = verdict.asked.get(probe, 0) + 1


def _world(prepared: Prepared, parts: Parts, split: Any = None) -> Prepared:
    """Prepare the request anew in another world, its rows parted as they were."""
    return prepared_from(prepared.config, parts, prepared.split if split is None else split)


def _parts(prepared: Prepared) -> Parts:
    if prepared.parts is None:
        raise ValueError("prepared must hold the parts it was joined from; use prepared_from")
    return prepared.parts


def _first_row(prepared: Prepared, fitted: FittedForecaster, name: str | None = None) -> int:
    """Return the first row with a whole context behind it, of the traded instrument or the one named."""
    series = prepared.series if name is None else prepared.panel.instrument(name)
    table, _ = encoding.read_features(fitted, series)
    return table.first_row + fitted.config.model.context_length - 1


def _short(prepared: Prepared, parts: Parts, first: int) -> Prepared | None:
    """Prepare the last bars alone, with the agent played on all that have a state."""
    rows = len(parts.series.series.index)
    start = max(first, prepared.split.embargo_bars) + 1
    if rows - start < 8:
        return None
    return _world(prepared, parts, dataclasses.replace(prepared.split, test=range(start, rows)))


def _leak(prepared: Prepared, probe: str, stage: str, row: int, what: str) -> Leak:
    index: pd.DatetimeIndex = prepared.series.index
    return Leak(probe, stage, row, index[min(row, len(index) - 1)].isoformat(), what)

"""The placebo: the very pipeline in worlds in which nothing can be known, and the test that nothing was.

What is different between tasks is asked of the task: how a world is dealt in which nothing can be known, and how well
forecasts and strategies came out there. Whether that was luck `tradewinds.evaluation.coins` says, exactly. Beside it
stand a control, a forecast that knows all that comes and must be found to; two that know it only if they are read later
than they were issued; and a world at one price, in which nobody may earn anything. docs/leakage.md, "The placebo".
"""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from forecaster.config import BaselineConfig
from tradewinds.core.console import Silent
from tradewinds.evaluation.coins import FALSE_ALARM, Knowledge
from tradewinds.evaluation.coins import knowledge as found_in
from tradewinds.leakcheck.forgeries import knowing_all, knowing_late, knowing_next
from tradewinds.leakcheck.still import still
from tradewinds.leakcheck.stretch import aligned, first_row, parts_of
from tradewinds.leakcheck.verdict import Leak, Question, leak_at
from tradewinds.leakcheck.worlds import last_bars
from tradewinds.pipeline import encoding, steps
from tradewinds.pipeline.encoding import States
from tradewinds.pipeline.prepare import prepared_from, seed_for
from tradewinds.pipeline.records import Array, Luck
from tradewinds.pipeline.task import Models, Prepared

ENOUGH = 20  # cases in which the control is played, at least
FEWEST = 30  # forecasts issued in all worlds of a run's own check, at least
OF_BARS, OF_DAYS = (4, 256), (2, 24)  # worlds of a run's own check, and forecasts that are issued in each
OF_RUNS = 1e-3  # share of runs whose own check may find knowledge where there is none: it ends them with status 3
WARM_UP = 21  # forecasts issued before the first that counts: what day-ahead baselines need
FORECASTS, STRATEGIES = "the forecast by ", "the strategy "
LATE, NEXT = "a forecast that knows what comes if it is read late", "a forecast that knows the next bar only"
BLIND = (
    "the placebo is blind and says nothing: {} that knows all that comes was not found to know it; more worlds may do "
    "(leakcheck.placebos, leakcheck.bars)"
)
Tables = dict[str, list[Array]]


@dataclass(eq=False)
class Placebo:
    """What came out in the worlds so far, and what it says.

    Attributes:
        prepared: the request in the true world, on the bars that are dealt anew.
        tables: luck by whose it is, a table a world.
        control: that of a forecast that knows all that comes.
        false_alarm: share of checks that may find knowledge where there is none.
        rng: deals worlds, and throws coins where two cases come to the same.
    """

    prepared: Prepared
    tables: Tables = field(default_factory=dict)
    control: Tables = field(default_factory=dict)
    false_alarm: float = FALSE_ALARM

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng(seed_for(self.prepared.config.seed, "placebo"))

    def world(self) -> Prepared:
        """Return the request in another world in which nothing can be known, at no costs."""
        prepared, task = self.prepared, self.prepared.task
        config = task.costless(prepared.config)
        parts = task.unknowable(config, parts_of(prepared), self.rng)
        return prepared_from(config, task, parts, prepared.split, trains=False)

    def play(self, world: Prepared, models: Models) -> None:
        """Note how well models come out in a world, and at first also forecasts that know what comes."""
        self._note(self.tables, self._luck(world, models))
        played = sum(map(len, next(iter(self.control.values()), [])))
        if played >= ENOUGH:
            return
        series, issue, kind = world.series, world.task.issue_bars, world.config.model.kind
        states = models.states
        assert states is not None

        def forged(copy: States) -> Luck:
            return self._luck(world, dataclasses.replace(models, states=copy))

        self._note(self.control, forged(knowing_all(states, series)))
        if issue == 1 and states.forecast.shape[-1] == 1:  # an order that fills a bar later earns the bar after that
            self._note(self.control, Luck({}, forged(knowing_late(states, series, -1)).strategies), ", a bar farther")
        late = forged(knowing_late(states, series, issue)).forecasts[kind]
        self.tables.setdefault(LATE, []).append(late)
        if issue == 1 and late.shape[1] > 1:
            later = forged(knowing_next(states, series)).forecasts[kind][:, 1:]
            self.tables.setdefault(NEXT, []).append(later)

    def _luck(self, world: Prepared, models: Models) -> Luck:
        """Let models forecast and act on the test rows of a world, as a run is judged."""
        task, decisions, outcome = world.task, None, None
        if task.acts:
            decisions = task.decide(world, models, world.split.test)
            outcome = task.outcome(world, decisions)
        return task.luck(world, outcome, task.score(world, models, decisions), self.rng)

    def _note(self, tables: Tables, luck: Luck, addition: str = "") -> None:
        for part, by_name in ((FORECASTS, luck.forecasts), (STRATEGIES, luck.strategies)):
            for name, table in by_name.items():
                tables.setdefault(f"{part}{name}{addition}", []).append(table)

    def leak(self) -> Leak | None:
        """Say whether somebody knew what nobody can."""
        found = next(self._found(self.tables, self.false_alarm), None)
        if found is None:
            return None
        return self._leak("equity" if found.who.startswith(STRATEGIES) else "scores", sentence(found))

    def blindness(self) -> Leak | None:
        """Say whether forecasts that know all were overlooked, so that nothing can be said of others."""
        seen = {(knowledge.who, knowledge.number) for knowledge in self._found(self.control)}
        network = f"{FORECASTS}{self.prepared.config.model.kind}"
        questions = {(network, number) for number in range(self.control[network][0].shape[1])}
        strategies = {name for name in self.control if name.startswith(STRATEGIES)}
        if not questions <= seen:
            return self._leak("scores", BLIND.format("a forecast"))
        if strategies and not strategies & {who for who, _ in seen}:
            return self._leak("equity", BLIND.format("no strategy on a forecast"))
        return None

    def _found(self, tables: Tables, false_alarm: float = FALSE_ALARM) -> Iterator[Knowledge]:
        whole = {name: np.concatenate(parts) for name, parts in tables.items()}
        return found_in(whole, self.rng, false_alarm=false_alarm)

    def _leak(self, stage: str, what: str) -> Leak:
        return leak_at(self.prepared, "placebo", stage, self.prepared.split.test.start, what)


def placebos(prepared: Prepared, models: Models, folder: Path, notes: list[str]) -> list[Question]:
    """List the questions of a whole check: worlds in which all is fitted anew, a still one, and what they say.

    Args:
        prepared: the request, on few bars and with brief trainings.
        models: fitted in the true world.
        folder: of artifacts.
        notes: what could not be asked is added here.
    """
    worlds = prepared.config.leakcheck.placebos
    if not worlds:
        notes.append("leakcheck.placebos=0: no world without anything to know was played")
        return []
    placebo = Placebo(prepared)

    def at_one_price() -> Leak | None:
        try:
            return still(prepared, models)
        except ValueError as error:  # a feature of one's own that needs prices which move
            notes.append(f"a world at one price could not be played: {error}")
            return None

    def fitted_anew(number: int) -> None:
        world = placebo.world()
        placebo.play(world, steps.fit(world, folder / f"placebo-{number}", Silent()))

    def verdict() -> Leak | None:
        agent = placebo.tables.get(f"{STRATEGIES}agent")
        if agent is not None and not any(table.any() for table in agent):
            notes.append("the agent held nothing in any world of the placebo: what it would choose was not tested")
        return placebo.leak() or placebo.blindness()

    questions: list[Question] = [("placebo", at_one_price)] if prepared.task.acts else []
    questions += [("placebo", partial(fitted_anew, number)) for number in range(worlds)]
    return [*questions, ("placebo", verdict)]


def placebo_of_run(prepared: Prepared, models: Models, rows: range) -> tuple[Leak | None, int]:
    """Play models as they are, on the last bars of `rows` dealt anew; return a leak, and how many worlds were played.

    What was chosen by a look at the test rows before these models were fitted does not show here; it does where all is
    fitted anew (`placebos`). None and 0 where the bars are too few for a forecast that knows all to be found.

    Args:
        prepared: the request.
        models: its forecaster, and its agent if there is one.
        rows: the test rows.
    """
    assert models.forecaster is not None
    short = _last_rows(aligned(prepared), models, rows)
    if short is None:
        return None, 0
    models = dataclasses.replace(models, forecaster=encoding.at_rest(models.forecaster))
    leak = still(short, models) if short.task.acts else None
    placebo = Placebo(short, false_alarm=OF_RUNS)
    if leak is not None:
        return leak, 1
    worlds, _ = _size(short)
    for _ in range(worlds):
        world = placebo.world()
        placebo.play(world, _encoded(world, models))
    leak = placebo.leak()
    blind = leak is None and placebo.blindness() is not None
    return leak, 0 if blind else worlds + int(short.task.acts)


def _size(prepared: Prepared) -> tuple[int, int]:
    return OF_BARS if prepared.task.issue_bars == 1 else OF_DAYS


def _encoded(world: Prepared, models: Models) -> Models:
    assert models.forecaster is not None
    return dataclasses.replace(models, states=encoding.encode_bars(models.forecaster, world.series))


def _last_rows(prepared: Prepared, models: Models, rows: range) -> Prepared | None:
    """Return the request on the last bars of `rows`, with as many before them as models and baselines need."""
    assert models.forecaster is not None
    task, split = prepared.task, prepared.split
    parts = parts_of(prepared)
    whole = parts.series.series.rows(range(rows.stop))
    parts = dataclasses.replace(parts, series=dataclasses.replace(parts.series, series=whole))
    horizon = prepared.config.model.horizon
    first = max(first_row(prepared, models.forecaster), split.embargo_bars) + 1
    before = first + WARM_UP * task.issue_bars + horizon
    tested = min(_size(prepared)[1] * task.issue_bars, rows.stop - before, len(rows))
    if _size(prepared)[0] * (tested - horizon) < FEWEST * task.issue_bars:
        return None
    parts = last_bars(parts, before + tested)
    learned = range(first, before)
    short = dataclasses.replace(
        split, forecaster=range(first), agent=learned, validation=learned, test=range(before, before + tested)
    )
    config = dataclasses.replace(
        prepared.config,
        backtest=dataclasses.replace(prepared.config.backtest, random_draws=1),
        baselines=BaselineConfig(custom=prepared.config.baselines.custom),  # those that are quick
    )
    return prepared_from(config, task, parts, short, trains=False)


def sentence(found: Knowledge) -> str:
    """Say what somebody knew."""
    share = f"came out well in {found.right} of {found.coins} cases, p = {found.p_value:.1g}"
    if found.who in (LATE, NEXT):
        return (
            f"forecasts are taken for others than they are: {found.who} {share}, for the bar {found.number + 1} ahead"
        )
    question = f" of question {found.number + 1}" if found.number else ""
    return (
        f"where nothing can be known, {found.who}{question} {share}: what comes reached whoever learned, chose, "
        "decided or scored"
    )

"""What trains and what chooses meets no later row, and the test rows are opened once, by the judge."""

import dataclasses

import numpy as np
import pytest

import tradewinds.pipeline.steps
from tradewinds.core.console import Silent
from tradewinds.core.errors import GateError
from tradewinds.data.assemble.loaded import LoadedSeries, Parts
from tradewinds.judge import judge
from tradewinds.pipeline.steps import encoded_anew, fit
from tradewinds.tasks import job_of
from tradewinds.tasks.account.task import AccountTask

from planting import plant_fit, prepared_of, request, series


@pytest.fixture
def prepared(tmp_path):
    config = request(f"run.dir={tmp_path}", "backtest.bootstrap_draws=100", "backtest.random_draws=1")
    return prepared_of(config, Parts(LoadedSeries(series())))


def test_whatever_trains_or_chooses_is_handed_a_series_that_ends_with_its_rows(monkeypatch, prepared, tmp_path):
    last = {}

    def fit_and_note(fit, panel, config, rows, options):
        last["forecaster"] = panel.index[-1]
        return fit(panel, config, rows, **options)

    plant_fit(monkeypatch, fit_and_note)
    original = AccountTask.vector_env

    def env(self, job, states, part, **options):
        last[part] = max(job.panel.index[-1], states.index[-1])
        assert job.parts is None
        return original(self, job, states, part, **options)

    monkeypatch.setattr(AccountTask, "vector_env", env)
    fit(prepared.seal(), tmp_path / "run", Silent())
    index, split = prepared.series.index, prepared.split
    for part in ("forecaster", "agent", "validation"):
        assert last[part] == index[getattr(split, part).stop - 1]


def test_a_sealed_request_knows_when_its_test_rows_are_and_nothing_of_what_they_hold(prepared):
    sealed = prepared.seal()
    assert len(sealed.panel.index) == prepared.split.validation.stop
    assert sealed.time_range(sealed.split.test) == prepared.time_range(prepared.split.test)
    assert sealed.last_close == prepared.panel.close_time[-1]
    assert sealed.parts is None
    with pytest.raises(ValueError, match="must hold the parts"):
        tradewinds.leakcheck.stretch.parts_of(sealed)


def test_the_judge_opens_what_was_sealed_to_the_last_bit(prepared):
    opened = prepared.seal().opened()
    assert opened.panel.sha256() == prepared.panel.sha256()
    assert opened.parts is prepared.parts


def test_nobody_but_the_judge_opens_and_nobody_twice(prepared):
    sealed = prepared.seal()
    with pytest.raises(GateError, match=r"'trainer' asked for them; the judge alone opens them"):
        sealed.sealed.open("trainer")
    with pytest.raises(GateError, match=r"opened twice in one run \(by trainer and judge\)"):
        sealed.opened()


def test_the_best_of_four_seeds_on_the_test_rows_ends_the_run(monkeypatch, prepared, tmp_path):
    original = tradewinds.pipeline.steps.train_agent

    def best_of_four(job, models, run, console):
        opened, trained = job.opened(), []
        for seed in range(4):
            job = dataclasses.replace(job, config=dataclasses.replace(job.config, seed=seed))
            trained.append(original(job, models, run / str(seed), console))
        test = opened.split.test
        return max(
            trained,
            key=lambda pair: float(
                np.ptp(opened.task.decide(opened, encoded_anew(opened, pair[0]), test)["target"].to_numpy())
            ),
        )

    monkeypatch.setattr(tradewinds.pipeline.steps, "train_agent", best_of_four)
    sealed = prepared.seal()
    models = fit(sealed, tmp_path / "run", Silent())
    with pytest.raises(GateError, match="what was chosen after the first look was chosen on the rows it is judged on"):
        judge(sealed, models, run=tmp_path / "run", command="run", console=Silent())
    assert not (tmp_path / "run" / "report.json").exists()


def test_whoever_reaches_past_the_seal_is_told_so(monkeypatch, prepared, tmp_path):
    def reaching(job, models, run, console):
        return job.series.close[job.split.test]

    monkeypatch.setattr(tradewinds.pipeline.steps, "train_agent", reaching)
    with pytest.raises(GateError, match="reached for rows after the validation rows, which are sealed for the judge"):
        fit(prepared.seal(), tmp_path / "run", Silent())


def test_a_command_holds_a_sealed_request_unless_it_asks_for_all_of_it(tmp_path):
    config = request("series=martingale", "series.bars=300", f"run.dir={tmp_path}")
    sealed, whole = job_of(config), job_of(config, whole=True)
    assert len(sealed.panel.index) == whole.split.validation.stop
    assert len(whole.panel.index) == 300
    assert whole.sealed is None


@pytest.mark.parametrize("fault", ["the test rows are selected on", "the test ends at its peak"])
def test_parts_that_are_cut_otherwise_than_by_their_law_end_a_run_before_anything_is_fitted(prepared, tmp_path, fault):
    split = prepared.split
    if fault == "the test rows are selected on":
        split = dataclasses.replace(split, validation=range(split.validation.start, split.test.stop))
        words = r"^LEAK: the test part must begin \d+ rows after the validation part or later"
    else:
        split = dataclasses.replace(split, test=range(split.test.start, split.test.stop - 2))
        words = r"^LEAK: the test rows end with row \d+ of \d+; they go on to the last bar$"
    with pytest.raises(GateError, match=words):
        fit(dataclasses.replace(prepared, split=split).seal(), tmp_path / "run", Silent())
    assert not (tmp_path / "run").exists()

"""Inner folds of a search: what scores a trial chose none of its checkpoints, and no test row is there at all."""

from dataclasses import replace

import numpy as np
import pytest

from tradewinds.core.errors import RequestError
from tradewinds.core.resources import resource_dir
from tradewinds.pipeline.records import Validated
from tradewinds.request.compose import compose_requests
from tradewinds.request.schema import request_from
from tradewinds.search.objective import jobs_of, joined, scored_on
from tradewinds.tasks import job_of

AR1 = ("series=ar1", "series.bars=900", "model.context_length=8")


def request(*words):
    return request_from(compose_requests(words, [resource_dir("conf")], multirun=False)[0])


@pytest.mark.parametrize("mode", ["anchored", "rolling"])
def test_inner_tests_follow_one_another_before_the_test_rows_and_after_all_that_chose(mode):
    config = request(*AR1, "search.folds=3", f"walk_forward.mode={mode}", "split.embargo_bars=4")
    whole = job_of(config, whole=True)
    until = None
    for fitted, scored in jobs_of(config):
        tested = scored.index[scored.split.validation.start : scored.split.validation.stop]
        chose = fitted.index[: fitted.split.validation.stop]
        assert len(fitted.panel.index) == len(chose)  # what is fitted on has no other bar
        assert whole.index.get_loc(tested[0]) - whole.index.get_loc(chose[-1]) == 1 + 4
        assert until is None or until < tested[0]
        until = tested[-1]
        assert len(scored.index) == scored.split.validation.stop  # nor is there one after what scores
    assert until == whole.index[whole.split.validation.stop - 1]


def test_by_default_a_trial_is_scored_on_its_own_validation_rows():
    config = request(*AR1)
    ((fitted, scored),) = jobs_of(config)
    assert fitted is scored
    assert scored_on(job_of(config, whole=True)).startswith("what chooses")


def test_scores_of_folds_are_those_of_all_their_periods():
    one = Validated({"error": 1.0, "drawdown": 0.1, "seconds": 2.0}, {"error": np.ones(1)}, {"error": "no change"})
    two = replace(one, goals={"error": 4.0, "drawdown": 0.3, "seconds": 3.0}, gains={"error": np.zeros(2)})
    both = joined([one, two])
    assert both.goals == {"error": 3.0, "drawdown": 0.3, "seconds": 5.0}
    assert both.gains["error"].tolist() == [1.0, 0.0, 0.0]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            ("env=gymnasium", "agent=ppo", "search.folds=2"),
            "search.folds=2 cuts bars into inner tests, and .* has none",
        ),
        ((*AR1, "search.folds=90"), "rows are too few for 90 folds: .*or lower search.folds, walk_forward.test_share"),
        (("search.folds=-1",), "search.folds must lie in \\[0, 100\\] inner tests, was -1"),
    ],
)
def test_folds_that_cannot_be_are_refused_by_their_key(words, sentence):
    with pytest.raises(RequestError, match=sentence):
        scored_on(job_of(request(*words), whole=True))

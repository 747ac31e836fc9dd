"""Leaks of choice: what is chosen by how it does on the test rows; and trials that are not counted."""

from dataclasses import replace

import numpy as np
import pandas as pd

from leaks.table import change, instead, plant

JOB, FIT, TRAIN = "tradewinds.tasks:job_of", "tradewinds.pipeline.steps:fit", "tradewinds.pipeline.steps:train_agent"


def earned(job, models):
    """Return what the agent earns on the test rows."""
    outcome = job.task.outcome(job, job.task.decide(job, models, job.split.test))
    return outcome.metrics["agent"]["total_return"]


@plant("selection", "ar1")
def best_of_four_seeds_on_test():
    """four seeds are trained, and the one that earns most on the test rows is kept"""

    def make(fit):
        def best(job, run, console):
            seeds = [replace(job, config=replace(job.config, seed=seed)) for seed in range(100, 104)]
            fits = [fit(one, run.with_name(f"{run.name}-{one.config.seed}"), console) for one in seeds]
            return max(fits, key=lambda models: earned(job, models))

        return best

    change(FIT, make)


class Cautious:
    """A policy that rests where its first forecast is smaller than a threshold."""

    def __init__(self, policy, column, threshold, rest):
        self.policy, self.column, self.threshold, self.rest = policy, column, threshold, rest
        self.kind, self.settings, self.tensors = policy.kind, policy.settings, policy.tensors

    def act(self, observations):
        actions = np.array(self.policy.act(observations))
        actions[np.abs(observations[:, self.column]) < self.threshold] = self.rest
        return actions


@plant("selection", "ar1")
def policy_threshold_on_test():
    """the agent rests below a threshold of the forecast, that which earns most on the test rows"""

    def make(train):
        def cautious(job, models, run, console):
            models, trained = train(job, models, run, console)
            column, rest = models.states.hidden_state.shape[1], list(job.config.env.exposures).index(0.0)
            sizes = np.abs(models.states.forecast[models.states.first_row :, 0])
            thresholds = np.quantile(sizes, (0.0, 0.2, 0.4, 0.6, 0.8)).tolist()
            policies = [Cautious(trained.policy, column, threshold, rest) for threshold in thresholds]
            best = max(policies, key=lambda policy: earned(job, replace(models, policy=policy)))
            return replace(models, policy=best), replace(trained, policy=best)

        return cautious

    change(TRAIN, make)


def chosen_request(requests, error):
    """Plant a choice among `requests(config)` by the least `error(job, request)`, before anything is trained."""

    def make(job_of):
        def chosen(config, **options):
            job = job_of(config, **options)
            return job_of(min(requests(config), key=lambda request: error(job, request)), **options)

        return chosen

    change(JOB, make)


def test_changes(job):
    """Return the rows of the test at whose close a bar is forecast, and the changes that followed."""
    rows = np.arange(job.split.test.start, job.split.test.stop - 1)
    return rows, job.series.changes()[rows + 1, 0]


@plant("selection", "martingale")
def feature_window_on_test():
    """the window of a feature is that whose correlation with the next return of the test rows is largest"""

    def weakness(job, request):
        rows, following = test_changes(job)
        squares = pd.Series(job.series.changes()[:, 0] ** 2)
        feature = squares.rolling(request.features.volatility_bars[0]).mean().to_numpy()[rows]
        return -abs(np.corrcoef(feature, following)[0, 1])

    def requests(config):
        return [
            replace(config, features=replace(config.features, volatility_bars=(bars,))) for bars in (3, 4, 6, 8, 12)
        ]

    chosen_request(requests, weakness)


@plant("selection", "ar1")
def context_length_on_test():
    """the context length is the one whose forecasts err least on the test rows"""

    def error(job, request):
        from forecaster.fitted import fit_forecaster
        from forecaster.hidden_states import encode

        rows, following = test_changes(job)
        fitted = fit_forecaster(job.series, request.forecaster, job.split.forecaster, seed=0)
        return float(((encode(fitted, job.series).forecast[rows, 0] - following) ** 2).mean())

    def requests(config):
        return [replace(config, model=replace(config.model, context_length=length)) for length in (4, 8, 12)]

    chosen_request(requests, error)


@plant("selection", "ar1")
def candidates_scored_on_test_too():
    """an agent's candidates are scored on validation and on test rows"""

    def make(validator):
        def both(self, job, states):
            later = replace(job, split=replace(job.split, validation=job.split.test))
            honest, other = validator(self, job, states), validator(self, later, states)
            return lambda policy: honest(policy) + other(policy)

        return both

    change("tradewinds.tasks.series_task:SeriesTask.validator", make)


@plant("selection", "ar1")
def test_rows_that_suit():
    """of five starts of the test rows that is judged from which the agent earns most a bar"""

    def make(judge):
        def suited(job, models, **options):
            test = job.split.test
            starts = [test.start + int(share * len(test)) for share in (0.0, 0.1, 0.2, 0.3, 0.4)]
            jobs = [replace(job, split=replace(job.split, test=range(start, test.stop))) for start in starts]
            return judge(max(jobs, key=lambda one: earned(one, models) / len(one.split.test)), models, **options)

        return suited

    change("tradewinds.judge:judge", make)


@plant("trials", "ar1")
def silent_peek():
    """the test rows are played while the agent trains, and nothing is said of it"""

    def make(train):
        def peeking(job, models, run, console):
            models, trained = train(job, models, run, console)
            earned(job, models)
            return models, trained

        return peeking

    change(TRAIN, make)


@plant("trials", "ar1")
def trials_forgotten():
    """only this run counts as a trial, whatever was judged on the same rows before"""
    instead("tradewinds.evaluation.trials:rivals", lambda runs, trial: [trial])

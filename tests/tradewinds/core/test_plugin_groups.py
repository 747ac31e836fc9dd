"""Plug-ins of every group through the door: chosen by a word, refused where they have no place, and probed."""

import json
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

import tradewinds
import tradewinds.core.plugins as plugins
import tradewinds.leakcheck.fresh as tradewinds_fresh
from forecaster.registry import MODELS, tell, told
from tradewinds.core.errors import RequestError
from tradewinds.core.resources import resource_dir
from tradewinds.evaluation.metrics import strategy_metrics
from tradewinds.request.compose import compose_requests
from tradewinds.request.schema import request_from

from planting import WORDS
from plugged import forgotten, installed
from story import write_bars

TEMPLATE = Path(tradewinds.__file__).parent / "template"
NEAREST = {
    "model=dilatd": "model must be one of day_lstm, .*, was 'dilatd'; did you mean 'dilated'?",
    "model.kind=dilatd": "model.kind must be one of lstm, .*, dilated, was 'dilatd'; did you mean 'dilated'?",
    "model.head=expectil": "model.head must be one of point, .*, expectile, was 'expectil'; did you mean 'expectile'?",
    "trainer.loss=logcosh": "trainer.loss must be one of huber, mse, mae, log_cosh, .* did you mean 'log_cosh'?",
    "env.reward.kind=calmer": "env.reward.kind must be one of log_growth, .*, calm, .* did you mean 'calm'?",
    "features.custom=[overnight]": "every element is one of overnight_gap, .* did you mean 'overnight_gap'?",
    "baselines.custom=[zzz]": r"every element is one of season_mean, was \['zzz'\]; plug-ins installed: my_project 1.0",
    "backtest.metrics=[zzz]": "every element is one of growth_over_drawdown, .*; plug-ins installed: my_project 1.0",
    "backtest.sections=[best]": "every element is one of best_and_worst_bars, was",
    "agent=momentun": "agent must be one of .*, momentum, was 'momentun'; did you mean 'momentum'?",
    "series=semicolon": "series must be one of .*, semicolons, was 'semicolon'; did you mean 'semicolons'?",
    "env=zzz": "env must be one of battery, .*, trading, watch, was 'zzz'; plug-ins installed: my_project 1.0",
}


@pytest.fixture
def project(tmp_path, monkeypatch):
    """The project that `init` writes, installed."""
    monkeypatch.syspath_prepend(str(TEMPLATE))
    with installed(tmp_path / "site", monkeypatch, offers="my_project.plugins:offers", name="my_project"):
        yield


def asked(*words):
    (plain,) = compose_requests(words, [resource_dir("conf")], multirun=False)
    return request_from(plain)


def test_a_kind_of_a_plug_in_is_chosen_by_one_word_and_needs_no_file(project):
    words = (
        "model=dilated",
        "model.hidden_size=8",
        "agent=momentum",
        "agent.column=3",
        "weather=daylight",
        "env=watch",
    )
    config = asked(*words)
    assert (config.model.kind, config.model.hidden_size, config.agent.column) == ("dilated", 8, 3)
    assert (config.weather.latitude, config.env.kind) == (52.0, "watch")
    assert asked("experiment=houston_weather", "series.target=difference", "model=dilated").model.kind == "dilated"
    assert plugins.plugins_of(config.plain()) == dict.fromkeys(
        ("weather=daylight", "env=watch", "agent=momentum", "model=dilated"), "my_project 1.0"
    )


def test_a_sweep_goes_over_ours_and_theirs(project):
    plains = compose_requests(["model=lstm,dilated"], [resource_dir("conf")], multirun=True)
    assert [plain["model"]["kind"] for plain in plains] == ["lstm", "dilated"]


@pytest.mark.parametrize(("word", "message"), NEAREST.items())
def test_a_wrong_name_is_told_with_the_nearest_or_who_is_installed(word, message, project):
    with pytest.raises(RequestError, match=message.replace("?", r"\?")):
        asked(word)


def test_what_has_no_place_is_refused_before_any_data(project, tradewinds):
    for words, message in {
        ("env=watch", "backtest.metrics=[growth_over_drawdown]"): "with env=watch there are none",
        ("experiment=houston", "trainer.loss=log_cosh"): "trainer.loss must be huber, mse or mae with model=day_lstm",
        ("experiment=houston", "baselines.custom=[season_mean]"): "baselines.custom stands beside networks that read",
    }.items():
        answer = tradewinds("run", *words)
        assert answer.status == 2
        assert message in answer.err
    answer = tradewinds("train-agent", "env=watch")
    assert (answer.status, "env=watch is a task in which nobody acts" in answer.err) == (2, True)


def test_other_processes_are_told_what_this_one_was(project):
    plugins.registered()
    names = told()
    with forgotten():
        MODELS.others.clear()
        tell(names)
        assert MODELS.load("dilated").__name__ == "DilatedNetwork"


BROKEN = {
    "raise OSError('no such library')": "cannot be loaded: OSError: no such library; repair it, or uninstall someone",
    "offers = lambda: {'model': {'lstm': Kind('', 'a:b')}}": "offers model=lstm, which is taken or has no",
    "offers = lambda: {'baseline': {'gru': Kind('', 'a:b')}}": "offers baseline=gru, which is taken",
    "offers = lambda: {'metric': {'profit': Kind('', 'a:b')}}": "offers metric=profit, which is taken",
    "offers = lambda: {'colour': {'red': Kind('', 'a:b')}}": "has no group; groups are series, weather, text,",
}


@pytest.mark.parametrize(("text", "message"), BROKEN.items())
def test_a_plug_in_that_is_broken_is_named_and_nothing_else_is_said(text, message, tmp_path, monkeypatch, tradewinds):
    module = f"from tradewinds.core.plugins import Kind\n{text}\n"
    with installed(tmp_path / "site", monkeypatch, offers="offers", module=module):
        answer = tradewinds("data", "list")
    assert (answer.status, answer.out) == (2, "")
    assert "plugin 'someone' " in answer.err
    assert message in answer.err


SMALL = (
    "series=csv",
    "series.path=mine.csv",
    *(word for word in WORDS if not word.startswith(("agent.", "leakcheck."))),
    "backtest.bootstrap_draws=100",
    "leakcheck.cuts=10",
    "leakcheck.placebos=0",
)
EVERY = (
    "model=dilated",
    "model.head=expectile",
    "env.reward.kind=calm",
    "features.custom=[overnight_gap]",
    "baselines.custom=[season_mean]",
    "backtest.metrics=[growth_over_drawdown]",
    "backtest.sections=[best_and_worst_bars]",
    "agent=momentum",
    "rollout.observe=[forecast]",
)


def test_plug_ins_of_every_group_are_walked_and_found_clean(project, tmp_path, tradewinds):
    write_bars(tmp_path / "mine.csv", 120)
    checked = tradewinds("leakcheck", *SMALL, *EVERY)
    assert checked.status == 0, checked.err
    assert "leakcheck: clean" in checked.out
    found = json.loads(next(tmp_path.glob("runs/mine/*/leakcheck.json")).read_text(encoding="utf-8"))
    assert found["comparisons"]["fresh"] == 1


REMEMBERING = '''
import numpy as np
from forecaster.networks.rnn import RecurrentNetwork
from tradewinds.core.plugins import Kind

seen = {}

class Remembering(RecurrentNetwork):
    """An LSTM that centres its outputs by the first windows that its process ever met, but for those it learns from."""

    def __init__(self, config, num_features, outputs):
        super().__init__(type(config)(hidden_size=config.hidden_size, horizon=config.horizon), num_features, outputs)

    def decode(self, state, context):
        outputs = super().decode(state, context)
        return outputs if self.training else outputs + seen.setdefault("context", context.mean().item())

def remembering(series, rows, horizon):
    return np.full((len(rows), horizon), seen.setdefault("mean", float(series.changes()[1:].mean())))

def ahead(series, rows, horizon):
    changes = series.changes()[:, 0]
    return changes[np.minimum(rows[:, None] + 1 + np.arange(horizon), len(changes) - 1)]

def metric(curve, increments, per_year):
    return seen.setdefault("curve", float(curve[-1])) + float(curve[-1])

def offers():
    return {
        "model": {"remembering_lstm": Kind("", "someones_plugin:Remembering")},
        "baseline": {name: Kind("", f"someones_plugin:{name}") for name in ("ahead", "remembering")},
        "metric": {"remembered": Kind("", "someones_plugin:metric")},
    }
'''
LEAKS = {
    "model=remembering_lstm": "fresh",
    "baselines.custom=[remembering]": "fresh",
    "baselines.custom=[ahead]": "frozen",
    "backtest.metrics=[remembered]": "fresh",
}


@contextmanager
def as_if_new(function, tasks, *, shared, **options):
    """Do in this process what a new one would, whose plug-ins have met nothing yet: it takes seconds to begin."""
    sys.modules["someones_plugin"].seen.clear()
    yield (function(*shared, task) for task in tasks)


@pytest.mark.parametrize(("word", "probe"), LEAKS.items())
def test_a_plug_in_that_knows_what_comes_is_found(word, probe, tmp_path, monkeypatch, tradewinds):
    write_bars(tmp_path / "mine.csv", 120)
    monkeypatch.setattr(tradewinds_fresh, "results_of", as_if_new)
    few = ("agent.steps=100", "agent.learning_starts=40", "leakcheck.audit=false")
    with installed(tmp_path / "site", monkeypatch, offers="offers", module=REMEMBERING):
        answer = tradewinds("leakcheck", *SMALL, *few, word)
    assert answer.status == 3, answer.err + answer.out
    assert f"(probe {probe})" in answer.err


def test_the_names_that_metrics_may_not_have_are_those_of_ours():
    source = Path(strategy_metrics.__code__.co_filename).read_text(encoding="utf-8")
    for name in plugins.METRICS.taken[:19]:
        assert f'"{name}"' in source

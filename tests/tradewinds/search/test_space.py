"""What may be searched: every value of a range can be asked for, and what cannot is refused by its key."""

from functools import cache

import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewinds.core.errors import RequestError
from tradewinds.core.resources import resource_dir
from tradewinds.request.compose import compose_requests
from tradewinds.request.schema import request_from
from tradewinds.search.space import OF_AGENTS, OF_NETWORKS, dimensions, value_at, with_values

USUAL = (*OF_NETWORKS, *OF_AGENTS)


@cache
def request(*words):
    return request_from(compose_requests(words, [resource_dir("conf")], multirun=False)[0])


def space(*words):
    return {one.key: one for one in dimensions(request(*words), USUAL)}


def test_where_nothing_is_named_the_usual_keys_are_tried_about_their_present_values():
    tried = space("agent=dqn", "model.hidden_size=32")
    assert list(tried) == [*USUAL]
    hidden = tried["model.hidden_size"]
    assert (hidden.low, hidden.high, hidden.log, hidden.whole) == (8, 128, True, True)
    assert (tried["model.dropout"].low, tried["model.dropout"].high) == (0.0, 0.95)


@given(st.integers(0, 10_000), st.sampled_from(["model.hidden_size=1", "agent=ppo", "agent=direct", "model=seq2seq"]))
def test_whatever_is_drawn_from_a_range_of_its_own_law_can_be_asked_for(seed, word):
    config = request(word)
    trial = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed)).ask()
    values = {one.key: one.suggested(trial) for one in dimensions(config, USUAL)}
    asked = request_from(with_values(config.plain(), values)).plain()
    assert {key: value_at(asked, key) for key in values} == values


def test_the_two_ways_to_write_a_key_are_one_and_lists_are_values():
    nested = space("search.space.model.hidden_size=[16,32]", "search.space.agent.hidden_sizes=[[32],[64,64]]")
    dotted = space("search.space={model.hidden_size:[16,32],agent.hidden_sizes:[[32],[64,64]]}")
    assert nested == dotted
    assert nested["agent.hidden_sizes"].choices == ([32], [64, 64])
    assert space("search.space.model.linear_skip=null")["model.linear_skip"].choices == (False, True)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            ("search.space.model.hiden_size=null",),
            "names model.hiden_size, which is no key; did you mean 'model.hidden_s",
        ),
        (("search.space.model=null",), "names model, a group of keys; name some of model.kind"),
        (("search.space.model.kind=[lstm,grx]",), "model.kind must be one of lstm, gru, .*did you mean 'gru'"),
        (("search.space.model.hidden_size=[16]",), "at least two values and each once, was \\[16\\]"),
        (("search.space.model.hidden_size={low:0,high:8}",), "model.hidden_size must be"),
        (("search.space.trainer.learning_rate={low:0.1,high:0.01}",), "low below high and above 0 with log"),
        (("search.space.model.hidden_size={low:1.5,high:8}",), "is of whole numbers"),
        (
            ("search.space.trainer.lightning=null",),
            "has no range of its own, being {}; give a list of values, or a range",
        ),
        (("search.space.trainer.weight_decay=null", "trainer.weight_decay=0.0"), "which says no scale"),
        (("search.space.seed=[1,2]",), "names seed, which decides no number of a run"),
        (
            ("search.space.env.costs.fee_bps=[0,200]",),
            "names env.costs.fee_bps, which says what is measured",
        ),
        (("search.space.split.test=[0.1,0.2]",), "names split.test, which says what is measured"),
        (("search.space.run.threads=[1,2]",), "names run.threads, which decides no number of a run"),
        (("search.sampler=nsga2",), "search.sampler must be tpe, random or gp for one goal, was nsga2"),
        (("search.goals=[score,score]",), "search.goals must be a list that names each once"),
    ],
)
def test_what_cannot_be_searched_is_refused_by_its_key(words, sentence):
    with pytest.raises(RequestError, match=sentence):
        space(*words)

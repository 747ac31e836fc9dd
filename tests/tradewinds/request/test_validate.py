"""The one validation: whatever is handed in, the answer is a dataclass or one sentence a fault."""

from dataclasses import dataclass, fields
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecaster.config import PATCHED, SEGMENTED
from tradewinds.core.errors import RequestError
from tradewinds.request.validate import build, require

from markets import KINDS as MODELS


@dataclass(frozen=True, kw_only=True)
class Inner:
    size: int
    rate: float = 0.5

    def __post_init__(self):
        if self.size < 1:
            raise ValueError(f"size must be at least 1, was {self.size}")


@dataclass(frozen=True, kw_only=True)
class Square:
    kind: Literal["square"] = "square"
    side: float


@dataclass(frozen=True, kw_only=True)
class Outer:
    name: str
    flag: bool
    maybe: float | None
    many: tuple[int, ...]
    word: Literal["left", "right"]
    inner: Inner
    shape: object


GOOD = {
    "name": "n",
    "flag": True,
    "maybe": None,
    "many": [1, 2],
    "word": "left",
    "inner": {"size": 3},
    "shape": {"kind": "square", "side": 2},
}
KINDS = {"shape": {"square": Square}}


def attempt(**changes):
    return build(Outer, {**GOOD, **changes}, kinds=KINDS)


def test_good_data_become_the_dataclass_they_describe():
    built = attempt()
    assert built == Outer(
        name="n", flag=True, maybe=None, many=(1, 2), word="left", inner=Inner(size=3), shape=Square(side=2.0)
    )
    assert isinstance(built.shape.side, float)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"flag": "yes"}, "flag must be true or false, was 'yes'"),
        ({"flag": 1}, "flag must be true or false, was 1"),
        ({"name": None}, "name must be a text, was None"),
        ({"name": "\udcff"}, r"name must be a text that UTF-8 can write, without NUL, was '\\udcff'"),
        ({"name": "a\0b"}, r"name must be a text that UTF-8 can write, without NUL, was 'a\\x00b'"),
        (
            {"inner": {"size": 10**18}},
            "inner.size must be a whole number of at most 18 digits, was 1000000000000000000",
        ),
        ({"maybe": 10**400}, "maybe must be a number or null, was 1000"),
        ({"maybe": "x"}, "maybe must be a number or null, was 'x'"),
        ({"maybe": float("nan")}, "maybe must be a number or null, was nan"),
        ({"many": 3}, r"many must be a list such as \[a,b\], was 3"),
        ({"many": [1, "x"]}, r"many must be a list whose every element is a whole number, was \[1, 'x'\]"),
        ({"word": "lft"}, "word must be one of left, right, was 'lft'; did you mean 'left'"),
        ({"inner": 3}, r"inner is a group of keys, was 3; set inner.size, inner.rate"),
        ({"inner": {"size": True}}, "inner.size must be a whole number, was True"),
        ({"inner": {"size": 0}}, "inner.size must be at least 1, was 0"),
        ({"inner": {}}, "inner.size is required; give inner.size=..."),
        ({"inner": {"size": "???"}}, "inner.size is required"),
        ({"inner": {"size": 1, "sise": 1}}, "unknown key 'inner.sise'; did you mean 'inner.size'"),
        ({"inner": {"size": 1, "zzz": 1}}, "unknown key 'inner.zzz'; allowed: inner.size, inner.rate"),
        (
            {"shape": {"kind": "sqare", "side": 1}},
            "shape.kind must be one of square, was 'sqare'; did you mean 'square'",
        ),
        ({"shape": {"side": 1}}, "shape.kind must be one of square, was None"),
    ],
)
def test_a_fault_is_named_with_its_key_its_law_and_its_value(changes, message):
    with pytest.raises(RequestError, match=message):
        attempt(**changes)


def test_a_whole_number_may_be_written_with_a_point_and_a_name_with_digits():
    assert attempt(inner={"size": 3.0}).inner.size == 3
    assert attempt(name=600519).name == "600519"


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from([field.name for field in fields(Outer)] + ["x"]), values))
def test_any_plain_data_are_accepted_or_refused_in_words(changes):
    try:
        outcome = attempt(**changes)
    except RequestError as error:
        outcome = str(error)
    assert outcome
    assert isinstance(outcome, Outer | str)


def test_every_key_of_the_shipped_configuration_is_written_in_its_yaml():
    """A value that an experimenter may choose stands in conf/, not only in a dataclass default."""
    import yaml

    from tradewinds.core.resources import resource_dir
    from tradewinds.request.compose import compose_requests
    from tradewinds.request.schema import request_from

    conf = resource_dir("conf")
    words = [[], ["agent=q_learning"], ["weather=chicago"], ["experiment=gas_weather"]]
    words += [[f"model={kind}"] for kind in MODELS]
    for overrides in words:
        (plain,) = compose_requests(overrides, [conf], multirun=False)
        built = request_from(plain).plain()
        for name in ("price_floor", "target"):  # said where it is not the usual one
            built["series"].pop(name)
            plain["series"].pop(name, None)
        special = dict.fromkeys(("patch_length", "num_heads"), PATCHED)
        special |= dict.fromkeys(("segment_length", "normalisation", "linear_skip"), SEGMENTED)
        for name, kinds in special.items():
            if built["model"]["kind"] not in kinds:  # refuses any other value
                del built["model"][name]
        assert _keys(built) == _keys(plain)
    for path in conf.rglob("*.yaml"):
        assert path.read_text(encoding="utf-8").startswith("# ")
        assert isinstance(yaml.safe_load(path.read_text(encoding="utf-8")), dict)


def _keys(node):
    return {key: _keys(value) for key, value in node.items()} if isinstance(node, dict) else None


@dataclass(frozen=True)
class Pair:
    low: int
    high: int

    def __post_init__(self):
        require(
            (self.low >= 0, f"low must not be negative, was {self.low}; set it to 0"), (self.high > 0, "high is bad")
        )


def test_a_cure_after_a_semicolon_stays_with_its_fault():
    with pytest.raises(RequestError) as refused:
        build(Pair, {"low": -1, "high": 0}, path="pair")
    assert str(refused.value) == "pair.low must not be negative, was -1; set it to 0; pair.high is bad"

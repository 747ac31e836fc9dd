"""The one validation: whatever is handed in, the answer is a dataclass or one sentence a fault."""

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from datetime import date
from typing import Annotated, Literal, get_args, get_origin, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import AfterValidator, Field
from pydantic.dataclasses import dataclass as pydantic_dataclass
from pydantic.dataclasses import is_pydantic_dataclass
from pydantic.fields import FieldInfo

from forecaster.config import PATCHED, SEGMENTED
from tradewinds.core.errors import RequestError
from tradewinds.core.laws import require
from tradewinds.request.validate import build

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


@dataclass(frozen=True)
class Ranged:
    bars: Annotated[int, Field(ge=1, description="bars")]
    levels: tuple[Annotated[float, Field(ge=-1, le=1, description="exposure")], ...]
    share: Annotated[float, Field(ge=0, lt=1, description="a fraction of equity")]
    wait: Annotated[float, Field(gt=0, description="seconds")] | None
    most: Annotated[int, Field(le=9)]
    names: Annotated[tuple[str, ...], Field(min_length=1, max_length=2, description="names")]
    lead: Mapping[str, Annotated[float, Field(gt=0, le=24, description="hours")]]
    length: Annotated[str, Field(pattern="^[1-9]h$", description="a length such as 1h")]
    day: Annotated[str, AfterValidator(lambda text: date.fromisoformat(text).isoformat())]
    path: Annotated[str, Field(min_length=1)] | tuple[str, ...]

    def __post_init__(self):
        require((self.bars < 9, "bars must be fewer than most, was 9"), (self.share < 0.5, "share is large"))


RANGED = {"bars": 2, "levels": [0], "share": 0, "wait": None, "most": 1, "names": ["a"], "lead": {"a": 1}}
RANGED |= {"length": "1h", "day": "2024-01-31", "path": "p"}


@pytest.mark.parametrize("settings", [Ranged, pydantic_dataclass(frozen=True)(Ranged)], ids=["plain", "pydantic"])
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"bars": 0}, "a.bars must be at least 1 bar, was 0"),
        ({"bars": True}, "a.bars must be a whole number, was True"),
        ({"levels": [0, 2, -3]}, "a.levels must be a list whose every element is in [-1, 1] exposure, was [0, 2, -3]"),
        ({"levels": ["x"]}, "a.levels must be a list whose every element is a number, was ['x']"),
        ({"share": 1}, "a.share must be a fraction of equity in [0, 1), was 1"),
        ({"share": float("inf")}, "a.share must be a number, was inf"),
        ({"wait": -0.5}, "a.wait must be more than 0 seconds, was -0.5"),
        ({"wait": "x"}, "a.wait must be a number or null, was 'x'"),
        ({"most": 10}, "a.most must be at most 9, was 10"),
        ({"names": []}, "a.names must be a list of at least 1 name, was []"),
        ({"names": ["a", "b", "c"]}, "a.names must be a list of at most 2 names, was ['a', 'b', 'c']"),
        ({"lead": {"a": 25}}, "a.lead must be a mapping whose every element is in (0, 24] hours, was {'a': 25}"),
        ({"lead": [1]}, "a.lead must be a mapping such as {a: 1}, was [1]"),
        ({"length": "2d"}, "a.length must be a length such as 1h, was '2d'"),
        ({"day": "May"}, "a.day must be Invalid isoformat string: 'May', was 'May'"),
        ({"path": ""}, "a.path must be a text, not empty, was ''"),
        ({"path": {"a": 1}}, "a.path must be a text or a list such as [a,b], was {'a': 1}"),
        ({"bars": 9, "share": 0.5}, "a.bars must be fewer than most, was 9; a.share is large"),
        ({"bars": 0, "most": 10}, "a.bars must be at least 1 bar, was 0; a.most must be at most 9, was 10"),
    ],
)
def test_a_range_stands_in_the_type_and_is_told_with_its_unit(changes, message, settings):
    with pytest.raises(RequestError) as refused:
        build(settings, {**RANGED, **changes}, path="a")
    assert str(refused.value) == message


def settings_classes():
    """Return every settings class that a request is made of, with the key it stands under."""
    from tradewinds.core.plugins import OWN, load
    from tradewinds.request.schema import Config

    queue = [("", Config)] + [
        (group, load(kind.config)) for group in ("series", "weather", "env", "agent") for kind in OWN[group].values()
    ]
    classes = {}
    while queue:
        key, settings = queue.pop()
        classes[settings] = key
        for name, hint in get_type_hints(settings, include_extras=True).items():
            if is_dataclass(hint):
                queue.append((f"{key}.{name}".lstrip("."), hint))
    return classes


def numbers_in(hint, marks=()):
    """Yield for each number that a type holds what `Annotated` says of it."""
    if get_origin(hint) is Annotated:
        yield from numbers_in(get_args(hint)[0], (*marks, *get_args(hint)[1:]))
    elif hint in (int, float):
        yield marks
    elif get_origin(hint) is not Literal:
        for argument in get_args(hint):
            yield from numbers_in(argument, marks)


UNITLESS = {
    "Config.seed": "a seed is a name, not a quantity",
    "SyntheticConfig.seed": "a seed is a name, not a quantity",
    "ModelsConfig.version": "a number that the registry gave; that it exists is asked of the registry",
    "StableBaselinesConfig.arguments": "the arguments of an algorithm of Stable-Baselines3, which knows their ranges",
    "FeatureConfig.static": "numbers that describe an instrument, in whatever unit",
}


RATIOS = {  # numbers without a unit
    "clip", "discount", "end", "entropy_weight", "gradient_clip", "learning_rate", "penalty", "start",
    "updates_per_step", "value_weight", "weight_decay",
}  # fmt: skip
COUNTS = {"epochs", "minutes", "seeds", "steps", "validations"}  # the name is the unit


def test_every_number_of_a_request_has_a_range_and_a_unit_in_its_type():
    bare = []
    for settings in settings_classes():
        assert is_pydantic_dataclass(settings), settings
        for name, hint in get_type_hints(settings, include_extras=True).items():
            place = f"{settings.__name__}.{name}"
            fields = [[mark for mark in marks if isinstance(mark, FieldInfo)] for marks in numbers_in(hint)]
            named = name in RATIOS | COUNTS
            if not all(
                any(f.metadata for f in marks) and (named or any(f.description for f in marks)) for marks in fields
            ):
                bare.append(place)
    assert [place for place in bare if place not in UNITLESS] == []


SAID_ELSEWHERE = {  # a choice of conf/ differs from the default on purpose
    ("series/houston", "price_floor"): "an hour at 0.00 has no return, and two are",
    ("series/houston", "target"): "a network that reads days forecasts levels",
    ("series/netherlands", "target"): "a network that reads days forecasts levels",
    ("series/plant_temperature", "target"): "a temperature may be zero or negative",
    ("series/chicago_temperature", "target"): "likewise, and a week ahead its value counts",
    ("weather/gulf_plant_gas", "beside"): "the price of gas beside the weather is what this choice is",
}


def settings_files():
    """Yield (choice, settings class of the root, values of its YAML) for every choice of conf/."""
    import yaml

    from tradewinds.core.plugins import OWN, load
    from tradewinds.core.resources import resource_dir
    from tradewinds.request.schema import Config

    conf = resource_dir("conf")
    index = yaml.safe_load((conf / "tradewinds.yaml").read_text(encoding="utf-8"))
    chosen = {key: hint for key, hint in get_type_hints(Config).items() if is_dataclass(hint) and key in index}
    yield from ((key, settings, index[key]) for key, settings in chosen.items() if key != "benchmark")
    for group in ("series", "weather", "env"):
        for path in sorted((conf / group).glob("*.yaml")):
            values = yaml.safe_load(path.read_text(encoding="utf-8"))
            name = OWN[group][values["kind"]].config if "kind" in values else ""
            if name.startswith("tradewinds."):
                yield f"{group}/{path.stem}", load(name), values


def test_a_default_of_a_dataclass_equals_the_value_in_its_yaml():
    """Of the rooms of the root; the leaves' tests do so for theirs."""
    from tradewinds.data.providers.synthetic_config import PARAMETERS

    different = set()
    for choice, settings, values in settings_files():
        for field in fields(settings):
            default = field.default_factory() if field.default_factory is not MISSING else field.default
            value = values.get(field.name, default)
            value = str(value) if isinstance(value, date) else tuple(value) if isinstance(value, list) else value
            if default is not MISSING and value != default and field.name not in sum(PARAMETERS.values(), ()):
                different.add((choice, field.name))
    assert different == set(SAID_ELSEWHERE)

"""A default stands in one place: what a library user gets is what conf/ says, or there is none."""

import dataclasses
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from pydantic import TypeAdapter

import forecaster.benchmark.config
import forecaster.config
from forecaster.benchmark.config import BenchmarkConfig
from forecaster.config import (
    DAYWISE,
    BaselineConfig,
    FeatureConfig,
    ForecasterConfig,
    ModelConfig,
    RecalibrationConfig,
    SplitConfig,
    TrainerConfig,
)

CONF = Path(__file__).parents[2] / "conf"
FILES = {
    FeatureConfig: "features/returns_and_volatility.yaml",
    TrainerConfig: "trainer/adamw.yaml",
    SplitConfig: "split/four_parts.yaml",
    BaselineConfig: "baselines/simple.yaml",
}
WITHOUT = (BenchmarkConfig, ForecasterConfig)  # classes without any default


def values(name):
    return yaml.load((CONF / name).read_text(), yaml.SafeLoader)


def defaults_of(config):
    return {
        field.name: field.default if field.default_factory is dataclasses.MISSING else field.default_factory()
        for field in dataclasses.fields(config)
    }


@pytest.mark.parametrize(("config", "name"), FILES.items())
def test_a_default_is_what_the_file_says_and_the_file_says_every_value(config, name):
    assert values(name).keys() == {field.name for field in dataclasses.fields(config)}
    assert config() == TypeAdapter(config).validate_python(values(name))


@pytest.mark.parametrize("path", sorted((CONF / "model").glob("*.yaml")), ids=lambda path: path.stem)
def test_a_model_s_file_says_the_defaults_of_its_kind(path):
    plain = values(f"model/{path.name}")
    assert plain["kind"] == path.stem
    if path.stem in DAYWISE:  # a day is longer than a bar: its own sizes stand in the file alone
        assert ModelConfig(**plain).horizon == 25
    else:
        assert ModelConfig(kind=path.stem) == ModelConfig(**plain)


@pytest.mark.parametrize("config", WITHOUT)
def test_what_stands_in_a_file_alone_has_no_default(config):
    given = set(defaults_of(config).values()) - {RecalibrationConfig()}  # which forecasters saved before it lack
    assert given == {dataclasses.MISSING}


def test_the_recalibration_in_the_index_says_every_default():
    told = values("tradewinds.yaml")["recalibration"]
    assert told.keys() == {field.name for field in dataclasses.fields(RecalibrationConfig)}
    assert TypeAdapter(RecalibrationConfig).validate_python(told) == RecalibrationConfig()


def test_the_benchmark_s_values_in_the_index_are_settings_without_a_fault():
    assert BenchmarkConfig(**values("tradewinds.yaml")["benchmark"]).path is None


def test_no_class_of_settings_is_forgotten():
    classes = {
        value
        for module in (forecaster.config, forecaster.benchmark.config)
        for value in vars(module).values()
        if dataclasses.is_dataclass(value) and value.__module__.startswith("forecaster.")
    }
    assert classes == {*FILES, *WITHOUT, ModelConfig, RecalibrationConfig}


def test_settings_are_read_without_torch_and_pandas():
    code = "import sys, forecaster.benchmark.config; print(sorted({'torch', 'pandas', 'yaml'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"

"""What a configuration may read of the machine: variables that are meant for us, wherever it is composed."""

import pytest
import yaml
from omegaconf import OmegaConf

from tradewinds.core.errors import RequestError
from tradewinds.core.resources import resource_dir
from tradewinds.request.compose import compose_requests
from tradewinds.request.interpolation import only_ours
from tradewinds.request.schema import request_from

SECRET = "hunter2"


@pytest.fixture(autouse=True)
def variables(monkeypatch):
    monkeypatch.setenv("SECRET", SECRET)
    monkeypatch.setenv("TRADEWINDS_NAME", "mine")


def composed(*words, folder=None):
    folders = [resource_dir("conf"), *([folder] if folder else [])]
    return compose_requests(words, folders, multirun=False)[0]


def test_a_variable_of_ours_is_read():
    assert composed("run.name=${oc.env:TRADEWINDS_NAME}")["run"]["name"] == "mine"
    assert composed("run.name=${oc.env:TRADEWINDS_NONE,spare}")["run"]["name"] == "spare"
    with pytest.raises(RequestError, match=r"^cannot resolve run.name: the environment has no variable TRADEWINDS_N"):
        composed("run.name=${oc.env:TRADEWINDS_NONE}")


@pytest.mark.parametrize("value", ["${oc.env:SECRET}", "x${oc.env:SECRET,y}"])
def test_another_variable_is_refused_and_not_told(value):
    with pytest.raises(RequestError) as refusal:
        composed(f"run.name={value}")
    assert str(refusal.value) == (
        "cannot resolve run.name: ${oc.env:SECRET} would put a variable of this machine into the request; names that "
        "may be read start with TRADEWINDS_: set TRADEWINDS_SECRET and type ${oc.env:TRADEWINDS_SECRET}, or write the "
        "value out"
    )


def test_the_cure_works_when_it_is_typed(monkeypatch):
    monkeypatch.setenv("TRADEWINDS_SECRET", "told")
    assert composed("run.name=${oc.env:TRADEWINDS_SECRET}")["run"]["name"] == "told"


@pytest.mark.parametrize("value", ["${now:%Y}", "${python_version:}", "${hydra:runtime.cwd}"])
def test_nothing_else_of_the_machine_is_read(value):
    with pytest.raises(RequestError, match=r"^cannot resolve run.name: .* reads the machine and not the request; wri"):
        composed(f"run.name={value}")


def test_other_values_of_the_request_are_read():
    assert composed("run.name=run${seed}", "series.path=${oc.select:run.dir}")["run"]["name"] == "run7"


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("run:\n  name: ${oc.env:SECRET}\n", "names that may be read start with TRADEWINDS_"),
        ("run:\n  name: ${oc.decode:${oc.env:SECRET}}\n", "names that may be read start with TRADEWINDS_"),
        ("defaults:\n  - override /series: ${oc.env:SECRET}\n", "Error resolving interpolation '${oc.env:SECRET}'"),
    ],
)
def test_an_experiment_of_a_user_reads_no_more(lines, words, tmp_path):
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "mine.yaml").write_text("# @package _global_\n" + lines, encoding="utf-8")
    with pytest.raises(RequestError) as refusal:
        composed("experiment=mine", folder=tmp_path)
    assert words in str(refusal.value)
    assert SECRET not in str(refusal.value)


def test_a_saved_request_is_read_as_it_stands():
    plain = composed("model.hidden_size=8")
    plain["models"]["reason"] = "${oc.env:SECRET}"
    again = request_from(yaml.safe_load(yaml.safe_dump(request_from(plain).plain())))
    assert again.models.reason == "${oc.env:SECRET}"


def test_what_others_do_with_omegaconf_is_their_own():
    with pytest.raises(ValueError, match="TRADEWINDS_"), only_ours():
        OmegaConf.create({"a": "${oc.env:SECRET}"}).a  # noqa: B018
    assert OmegaConf.create({"a": "${oc.env:SECRET}"}).a == SECRET

"""`model.pretrained`: a forecaster of other series serves a new one, and what it may not have learned is refused."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from story import FAST_CSV, CommandLine, write_bars

SMALL = (*(word for word in FAST_CSV if not word.startswith("trainer.epochs")), "series=csv", "model.scaling=context",
         "features=returns_and_volatility", "rollout.standard_errors=0.0")  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("transfer")
    closes = {f"s{number}": write_bars(folder / "x.csv", 400, seed=number)["close"] for number in (1, 2)}
    pd.concat(closes, names=["symbol"]).reset_index().to_csv(folder / "many.csv", index=False)
    new = write_bars(folder / "x.csv", 400, seed=9)["close"]
    new.to_frame().to_csv(folder / "new.csv")
    (2.5 * closes["s2"]).rename("close").to_frame().to_csv(folder / "renamed.csv")  # in another currency
    return folder


@pytest.fixture
def tradewinds(place, monkeypatch, capsys):
    monkeypatch.chdir(place)
    return CommandLine(capsys)


@pytest.fixture
def taught(place, tradewinds):
    """The folder of a forecaster of two series; the first test that asks for it waits."""
    if not list(place.glob("runs/many/*/forecaster")):
        answer = tradewinds("train-forecaster", *SMALL, "series.path=many.csv", "series.symbols=all", "run.name=many",
                            "trainer.epochs=2", "split.forecaster=0.6", "split.agent=0.1")  # fmt: skip
        assert answer.status == 0, answer.err
    (folder,) = place.glob("runs/many/*/forecaster")
    return folder


def test_it_serves_a_new_series_without_a_fit_and_the_report_says_so(taught, tradewinds):
    answer = tradewinds("run", *SMALL, "series.path=new.csv", f"model.pretrained={taught}", "trainer.epochs=0")
    assert answer.status == 0, answer.err
    (report,) = Path("runs").glob("new/*/report.json")
    document = json.loads(report.read_text(encoding="utf-8"))
    assert document["honesty"]["leakcheck"] == "clean"
    assert any("is begun with, and serves it as it is" in warning for warning in document["warnings"])
    assert any("it has learned bars of other series up to 2020-" in warning for warning in document["warnings"])
    folder = report.parent / "forecaster"
    weights = [(one / "weights.safetensors").read_bytes() for one in (folder, taught)]
    assert weights[0] == weights[1]
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert (folder / manifest["parents"]["forecaster"]["path"]).resolve() == taught.resolve()


def test_bars_of_the_same_series_that_it_has_learned_are_found_under_another_name(taught, tradewinds):
    words = (*SMALL, "series.path=renamed.csv", f"model.pretrained={taught}", "trainer.epochs=0")
    answer = tradewinds("run", *words)
    assert answer.status == 2
    assert "has learned bars of this very series after 2020-10-07 00:00:00+00:00, where the forecaster" in answer.err
    later = tradewinds("train-forecaster", *words, "split.forecaster=0.7", "split.agent=0.1", "split.validation=0.1",
                       "split.test=0.1")  # fmt: skip
    assert later.status == 0, later.err  # those that it may have learned from
    between = "runs/new/*/forecaster"  # of another series, and begun with the same
    (folder,) = Path(".").glob(between)
    again = tradewinds("run", *(word.replace(str(taught), str(folder)) for word in words))
    assert again.status == 2
    assert "has learned bars of this very series" in again.err


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("model.horizon=4",), "its model.horizon was 5, and is 4 here"),
        (("model.hidden_size=9",), "its model.hidden_size was 8, and is 9 here"),
        (("features.volatility_bars=[7]",), "its features.volatility_bars was (5, 20), and is (7,) here"),
        (("trainer.members=2",), "its trainer.members was 1, and is 2 here"),
        (("model.pretrained=elsewhere",), "elsewhere holds no forecaster"),
        (("model.pretrained=null",), "trainer.epochs must be at least 1 without model.pretrained, was 0"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_sentence_before_anything_is_fitted(words, sentence, taught, tradewinds):
    asked = (*SMALL, "series.path=new.csv", f"model.pretrained={taught}", "trainer.epochs=0", *words)
    answer = tradewinds("train-forecaster", *asked)
    assert answer.status == 2
    assert sentence in answer.err
    assert np.asarray([len(line) > 0 for line in answer.err.splitlines()]).sum() <= 3

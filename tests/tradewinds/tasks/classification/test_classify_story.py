"""Cases told apart through the command line: from files to a report, a prediction and a leak check."""

import io
import json

import numpy as np
import pandas as pd
import pytest

import forecaster.classification.fitted
import tradewinds.tasks.classification.job
from forecaster.classification.cases import Cases
from tradewinds.report.tables import read_table

from cases import moods, tones, write_ts
from story import CommandLine

SMALL = ("model.hidden_size=12", "trainer.epochs=25", "trainer.batch_size=8", "trainer.learning_rate=0.01")
ENV = ("env=classification", "trainer=classes", *SMALL)


@pytest.fixture
def typed(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return CommandLine(capsys)


def write_moods(path, count=40, seed=0):
    cases = moods(count, seed)
    pd.DataFrame({"text": cases.values, "label": cases.labels, "who": [f"w{n // 4}" for n in range(count)]}).to_csv(
        path, index=False
    )


def report(tmp_path):
    (path,) = tmp_path.glob("runs/*/2*/report.json")
    return json.loads(path.read_text()), path.parent


def test_series_of_two_files_are_learned_judged_reported_and_told_of(typed, tmp_path):
    write_ts(tmp_path / "tones_TRAIN.ts", tones(40))
    write_ts(tmp_path / "tones_TEST.ts", tones(30, seed=5))
    answer = typed("classify", "path=tones_TRAIN.ts", "test_path=tones_TEST.ts", *SMALL)
    assert answer.status == 0, answer.err
    document, run = report(tmp_path)
    assert run.parent.name == "tones"
    scores = document["forecast"]
    assert scores["lstm"]["accuracy"] >= 0.9
    assert scores["lstm"]["cases"] == 30
    assert scores["majority"]["accuracy"] == 0.5
    assert document["honesty"]["leakcheck"] == "clean"
    confusion = np.array(document["classification"]["confusion"])
    assert confusion.sum() == 30
    assert np.trace(confusion) == round(30 * scores["lstm"]["accuracy"])
    table = read_table(run / "classification", "cases")
    assert (table["chance_of_label"].diff().dropna() >= 0.0).all()  # the hardest first
    page = (run / "report.html").read_text()
    assert "hardest cases" in page
    assert f"verdict: {document['honesty']['verdict']}" in answer.out
    new = tones(5, seed=7)
    write_ts(tmp_path / "new.ts", new)
    told = typed("predict", "env=classification", "run.name=tones", "env.new_path=new.ts")
    assert told.status == 0, told.err
    answers = pd.read_csv(io.StringIO(told.out))
    assert list(answers) == ["case", "label", "chance_high", "chance_low"]
    assert list(answers["label"]) == list(new.labels)
    assert typed("report").status == 0


def test_folds_judge_every_case_by_who_did_not_learn_from_it_and_texts_work_as_series_do(typed, tmp_path):
    write_moods(tmp_path / "moods.csv")
    answer = typed("classify", "path=moods.csv", "env.folds=4", "env.group=who", "env.split=grouped", *SMALL)
    assert answer.status == 0, answer.err
    document, run = report(tmp_path)
    assert document["forecast"]["lstm"]["cases"] == 40
    assert document["forecast"]["lstm"]["accuracy"] >= 0.9
    assert document["data"]["parted"] == "4 folds"
    assert sorted(read_table(run / "classification", "cases")["case"]) == sorted(f"row {n}" for n in range(1, 41))
    assert "tf_idf" in document["forecast"]


def test_a_rival_that_cannot_read_the_cases_is_named_and_left_out(typed, tmp_path):
    table = pd.DataFrame(
        {"text": ["\U0001f600 \U0001f643 \U0001f642", "\U0001f622 \U0001f642"] * 6, "label": [1, 2] * 6}
    )
    table.to_csv(tmp_path / "faces.csv", index=False)
    answer = typed("classify", "path=faces.csv", "env.longest=2", "model.hidden_size=4", "trainer.epochs=1")
    assert answer.status == 0, answer.err
    document, _ = report(tmp_path)
    assert "tf_idf" not in document["forecast"]
    assert any("not beside it: tf idf, which cannot read such cases" in warning for warning in document["warnings"])
    assert "6 texts are longer than env.longest=2 words" in answer.err


def test_the_same_request_gives_the_same_numbers(typed, tmp_path):
    write_moods(tmp_path / "moods.csv", 16)
    for name in ("a", "b"):
        assert typed("classify", "path=moods.csv", f"run.dir={name}", *SMALL[:1], "trainer.epochs=2").status == 0
    first, second = (json.loads(next(tmp_path.glob(f"{name}/*/2*/report.json")).read_text()) for name in ("a", "b"))
    assert first["forecast"] == second["forecast"]
    assert first["classification"] == second["classification"]


def test_runs_are_listed_by_their_scores_and_compared_where_they_judge_the_same_cases(typed, tmp_path):
    write_moods(tmp_path / "moods.csv", 16)
    for words in (("model=lstm",), ("model=gru",), ("seed=8",)):
        assert typed("classify", "path=moods.csv", "model.hidden_size=4", "trainer.epochs=1", *words).status == 0
    runs = [str(path) for path in sorted(tmp_path.glob("runs/moods/2*"))]
    assert typed("report", *runs[:2]).status == 0
    page = (tmp_path / "runs" / "compare.html").read_text()
    for cell in ("accuracy", "log loss", ">gru<", "0.69"):
        assert cell in page
    assert "not tested on the same" not in page
    assert typed("report", runs[0], runs[2]).status == 0
    assert "not tested on the same bars or cases" in (tmp_path / "runs" / "compare.html").read_text()


def test_cases_learned_by_heart_and_groups_on_both_sides_are_noticed(typed, tmp_path):
    write_ts(tmp_path / "a.ts", tones(12))
    write_ts(tmp_path / "b.ts", Cases(("x", "y"), tones(2).values, ("low", "high"), ("c0", "c1")))
    answer = typed("classify", "path=a.ts", "test_path=b.ts", "model.hidden_size=4", "trainer.epochs=1")
    assert "2 of the cases judged hold just what one learned from holds (b:1, b:2)" in answer.err
    write_moods(tmp_path / "moods.csv", 16)
    answer = typed("classify", "path=moods.csv", "env.group=who", "model.hidden_size=4", "trainer.epochs=1")
    assert "groups are both learned from and judged" in answer.err
    assert "env.split=grouped parts them" in answer.err


def test_a_leak_check_finds_nothing_where_there_is_nothing(typed, tmp_path):
    write_moods(tmp_path / "moods.csv", 24)
    answer = typed("leakcheck", *ENV, "env.path=moods.csv", "leakcheck.epochs=1", "leakcheck.placebos=4")
    assert answer.status == 0, answer.err
    assert answer.out.count(" clean ") == 4


def scaler_of_all(monkeypatch, everything):
    """Let words be learned from all cases, those that are judged among them."""
    honest = forecaster.classification.fitted.fitted_reader
    monkeypatch.setattr(
        forecaster.classification.fitted, "fitted_reader", lambda cases, **sizes: honest(everything(), **sizes)
    )


def test_words_learned_from_the_cases_judged_are_caught_by_the_run_and_by_the_check(typed, tmp_path, monkeypatch):
    write_moods(tmp_path / "moods.csv", 24)
    read, seen = tradewinds.tasks.classification.job.read_cases, []

    def remembered(*arguments):
        seen.append(read(*arguments)[0])
        return read(*arguments)

    monkeypatch.setattr(tradewinds.tasks.classification.job, "read_cases", remembered)
    scaler_of_all(monkeypatch, lambda: seen[-1])
    answer = typed("classify", "path=moods.csv", "model.hidden_size=4", "trainer.epochs=1")
    assert answer.status == 3
    assert "was not fitted on the cases that it learned from alone" in answer.out
    checked = typed("leakcheck", *ENV, "env.path=moods.csv", "leakcheck.epochs=1", "leakcheck.placebos=0")
    assert checked.status == 0  # all cases are in both worlds: here the run's own check alone sees it


def test_classes_known_from_the_answers_are_caught_by_classes_dealt_anew(typed, tmp_path, monkeypatch):
    write_moods(tmp_path / "moods.csv", 60)
    learn = forecaster.classification.fitted.FittedClassifier.chances

    def cheating(self, cases):
        """Look at the answers of cases that have them."""
        chances = learn(self, cases)
        if cases.labels is None:
            return chances
        return np.array([[float(name == label) for name in self.classes] for label in cases.labels])

    monkeypatch.setattr(forecaster.classification.fitted.FittedClassifier, "chances", cheating)
    answer = typed("leakcheck", *ENV, "env.path=moods.csv", "leakcheck.epochs=1", "leakcheck.placebos=6")
    assert answer.status == 3
    assert "probe placebo" in answer.err


REFUSALS = {
    ("classify",): "env.path must name the cases: tradewinds classify env.path=FILE",
    ("classify", "env=trading"): "classify tells cases apart, which is env=classification, was env=trading",
    ("classify", "path=moods.csv", "model=seq2seq"): "model must be a network that reads one sequence",
    ("classify", "path=moods.csv", "trainer.loss=mse"): "trainer.loss is of forecasts",
    ("classify", "path=moods.csv", "trainer.patience=2"): "trainer.patience is of forecasts",
    ("classify", "path=moods.csv", "env.split=time"): "split=time needs the times of the cases",
    ("classify", "path=moods.csv", "env.split=grouped"): "split=grouped needs the groups of the cases",
    ("classify", "path=moods.csv", "env.folds=5", "env.test_path=moods.csv"): "folds must be null where env.test_path",
    ("classify", "path=moods.csv", "env.label=mood"): "must hold the class of each case, in the column env.label=mood",
    ("classify", "path=tones.ts", "test_path=moods.csv"): "test_path must hold cases of the same channels",
    ("classify", "path=tones.ts", "test_path=odd.ts"): "be among those learned from (high, low), 'odd' of odd:1",
    ("classify", "path=lone.ts", "env.folds=2"): "has its cases in one fold alone: once",
    ("classify", "path=odd.ts", "test_path=odd.ts"): "of two classes or more",
    ("predict", "env=classification", "run.name=moods"): "env.new_path must name the cases to be told apart",
    ("predict", "env=classification", "env.path=.", "env.new_path=moods.csv"): "its folder with inputs.forecaster=",
    ("predict", "env=classification", "env.new_path=moods.csv"): "predict must be told which classifier is asked",
    ("retrain", "env=classification", "env.path=moods.csv"): "reads no bars, so that retrain has nothing to do",
}  # fmt: skip


@pytest.mark.parametrize("words", REFUSALS, ids=" ".join)
def test_what_cannot_be_is_refused_in_a_sentence(words, typed, tmp_path):
    write_moods(tmp_path / "moods.csv", 8)
    write_ts(tmp_path / "tones.ts", tones(8))
    lone = Cases(tuple("abcde"), tones(5).values, ("low", "high", "low", "high", "once"), ("c0", "c1"))
    write_ts(tmp_path / "lone.ts", lone)
    write_ts(tmp_path / "odd.ts", Cases(("x",), tones(1).values, ("odd",), ("c0", "c1")))
    answer = typed(*words)
    assert answer.status == 2, answer.err
    assert REFUSALS[words] in answer.err
    assert len(answer.err.splitlines()) == 1
    assert not list(tmp_path.glob("runs/*/2*"))

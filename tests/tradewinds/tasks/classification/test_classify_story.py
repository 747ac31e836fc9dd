"""Cases told apart through the command line: from files to a report, a prediction and a leak check."""

import io
import json
import math
import re
import sys
import warnings
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import yaml
from markupsafe import escape

import forecaster.classification.fitted
import forecaster.training.checkpoint
import tradewinds.tasks.classification.job
import tradewinds.tasks.classification.learning
from forecaster.classification.cases import Cases
from tradewinds.pipeline.records import Forecasts
from tradewinds.report.tables import read_table
from tradewinds.tasks.classification.rivals import Rival, judged_by, rivals_of
from tradewinds.tasks.classification.scoring import verdict_of

from cases import BAD, GOOD, moods, tones, write_ts
from story import CommandLine

SMALL = ("model.hidden_size=12", "trainer.epochs=25", "trainer.batch_size=8", "trainer.learning_rate=0.01")
MOODS, TONES = "env.path=moods.csv", "env.path=tones.ts"
ENV = ("env=classification", *SMALL)


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


def test_the_textbooks_example_comes_with_the_environment_whichever_the_command(typed):
    (usual,) = {typed(command, "env=classification", "--cfg", "job").out for command in ("run", "retrain", "classify")}
    settings = yaml.safe_load(usual)
    assert (settings["model"]["hidden_size"], settings["trainer"]["epochs"]) == (128, 10)
    assert (settings["trainer"]["batch_size"], settings["trainer"]["weight_decay"]) == (32, 0.0)
    pooled, other = (
        yaml.safe_load(typed("retrain", *words, "--cfg", "job").out)
        for words in (("experiment=pooled_lstm",), ("env=classification", "trainer=adamw", "model.hidden_size=5"))
    )
    assert (pooled["model"]["hidden_size"], pooled["trainer"]["epochs"]) == (128, 100)
    assert (other["model"]["hidden_size"], other["trainer"]["batch_size"]) == (5, 64)


def test_series_of_two_files_are_learned_judged_reported_and_told_of(typed, tmp_path):
    write_ts(tmp_path / "tones_TRAIN.ts", tones(40))
    write_ts(tmp_path / "tones_TEST.ts", tones(30, seed=5))
    answer = typed("classify", "env.path=tones_TRAIN.ts", "env.test_path=tones_TEST.ts", *SMALL)
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
    assert (table["label_chance"].diff().dropna() >= 0.0).all()  # the hardest first
    first, second = document["classification"]["rests_on"]["parts"]
    assert (first["part"], first["cases"]) == ("channel_1", 30)  # which says the class, in its first step
    assert first["nats"] > 10.0 * abs(second["nats"])
    tenths = document["classification"]["rests_on"]["tenths"]
    assert max(loss for loss in tenths if loss is not None) == max(tenths[:2], key=lambda loss: loss or 0.0)
    page = (run / "report.html").read_text()
    assert "hardest cases" in page
    assert 'id="rests"' in page
    assert f"verdict: {document['honesty']['verdict']}" in answer.out
    new = tones(5, seed=7)
    write_ts(tmp_path / "new.ts", new)
    told = typed("predict", "env=classification", "run.name=tones", "env.new_path=new.ts")
    assert told.status == 0, told.err
    answers = pd.read_csv(io.StringIO(told.out))
    assert list(answers) == ["case", "label", "chance_high", "chance_low"]
    assert list(answers["label"]) == list(new.labels)
    assert "env.new_path must name the cases to be" in typed("predict", "env=classification", "run.name=tones").err
    assert typed("report").status == 0


def test_folds_judge_every_case_by_who_did_not_learn_from_it_and_texts_work_as_series_do(typed, tmp_path):
    write_moods(tmp_path / "moods.csv")
    (tmp_path / "words.csv").write_text("word,score\nfine,1\nbright,2\nglad,1\nGloomy,-2\npoor,-1\nsad,-1\n")
    words = ("env.folds=4", "env.group=who", "env.split=grouped", "env.lexicon=words.csv", "env.pooling=true", *SMALL)
    answer = typed("classify", MOODS, *words)
    assert answer.status == 0, answer.err
    document, run = report(tmp_path)
    assert document["forecast"]["lstm"]["cases"] == 40
    assert document["forecast"]["lstm"]["accuracy"] >= 0.9
    assert document["data"]["parted"] == "4 folds"
    hardest = document["classification"]["hardest"][0]
    row = int(hardest["case"].removeprefix("row "))
    assert hardest["text"].startswith(f"'{pd.read_csv('moods.csv')['text'][row - 2][:50]}")
    assert str(escape(hardest["text"])) in (run / "report.html").read_text(encoding="utf-8")
    parts = document["classification"]["rests_on"]["parts"]
    assert {row["part"] for row in parts[:4]} <= {*GOOD, *BAD}
    assert all(row["cases"] >= 2 for row in parts)
    assert sorted(read_table(run / "classification", "cases")["case"]) == sorted(f"row {n}" for n in range(2, 42))
    assert "tf_idf" in document["forecast"]


def test_what_a_library_compiles_with_is_no_warning_of_ours():
    def chances(learned, numbers, judged, classes, seed):
        warnings.warn("unsafe cast from uint64 to int64. Precision may be lost.", stacklevel=1)
        return np.ones((len(judged), classes))

    cases = moods(4)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        judged_by(Rival("nearest", "", chances), cases, cases, ("bad", "good"), 0)


def test_a_rival_whose_package_came_without_what_it_needs_is_named_and_left_out(monkeypatch, tmp_path):
    (tmp_path / "aeon" / "classification").mkdir(parents=True)
    (tmp_path / "aeon" / "__init__.py").write_text("")
    (tmp_path / "aeon" / "classification" / "__init__.py").write_text("import a_package_that_nobody_has\n")
    monkeypatch.syspath_prepend(tmp_path)
    for name in [name for name in sys.modules if name.partition(".")[0] == "aeon"]:
        monkeypatch.delitem(sys.modules, name)
    there, remarks = rivals_of(tones(4))
    assert [rival.name for rival in there] == ["majority", "moments"]
    assert remarks[0].startswith(
        "not beside it: minirocket, since aeon cannot be loaded: No module named 'a_package_that_nobody_has' (pip "
    )


def test_a_rival_that_cannot_read_the_cases_is_named_and_left_out(typed, tmp_path):
    table = pd.DataFrame(
        {"text": ["\U0001f600 \U0001f643 \U0001f642", "\U0001f622 \U0001f642"] * 6, "label": [1, 2] * 6}
    )
    table.to_csv(tmp_path / "faces.csv", index=False)
    answer = typed("classify", "env.path=faces.csv", "env.longest=2", "model.hidden_size=4", "trainer.epochs=1")
    assert answer.status == 0, answer.err
    document, _ = report(tmp_path)
    assert "tf_idf" not in document["forecast"]
    assert any("not beside it: tf idf, which cannot read such cases" in warning for warning in document["warnings"])
    assert "6 texts are longer than env.longest=2 words" in answer.err


def test_the_same_request_gives_the_same_numbers(typed, tmp_path):
    write_moods(tmp_path / "moods.csv", 16)
    for name in ("a", "b"):
        assert typed("classify", MOODS, f"run.dir={name}", *SMALL[:1], "trainer.epochs=2").status == 0
    first, second = (json.loads(next(tmp_path.glob(f"{name}/*/2*/report.json")).read_text()) for name in ("a", "b"))
    assert first["forecast"] == second["forecast"]
    assert first["classification"] == second["classification"]


def test_runs_are_listed_by_their_scores_and_compared_where_they_judge_the_same_cases(typed, tmp_path):
    write_moods(tmp_path / "moods.csv", 16)
    for words in (("model=lstm",), ("model=gru",), ("seed=8",)):
        assert typed("classify", MOODS, "model.hidden_size=4", "trainer.epochs=1", *words).status == 0
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
    answer = typed("classify", "env.path=a.ts", "env.test_path=b.ts", "model.hidden_size=4", "trainer.epochs=1")
    heart = "2 of the cases judged hold just what one learned from holds (b:1, b:2): they may be known by heart"
    assert f"note: {heart}" in answer.err
    assert f"warning: {heart}" in answer.out
    assert heart in report(tmp_path)[0]["warnings"]
    write_moods(tmp_path / "moods.csv", 16)
    answer = typed("classify", MOODS, "env.group=who", "model.hidden_size=4", "trainer.epochs=1")
    assert "groups are both learned from and judged" in answer.err
    assert "env.split=grouped parts them" in answer.err


def test_a_class_of_which_no_case_is_judged_is_warned_of(typed, tmp_path):
    write_ts(tmp_path / "a.ts", tones(12))
    write_ts(tmp_path / "b.ts", Cases(("x",), tones(1, seed=5).values, ("low",), ("c0", "c1")))
    answer = typed("classify", "env.path=a.ts", "env.test_path=b.ts", "model.hidden_size=4", "trainer.epochs=1")
    assert "warning: 1 class is learned, and no case of it is judged: high" in answer.out
    assert "a: 1 case judged" in answer.out
    assert "verdict: Of 1 case the lstm" in answer.out


@pytest.mark.parametrize(
    ("ours", "theirs", "p_value", "told"),
    [
        (9, 1, 0.021, "the lstm is better, p = 0.021"),
        (1, 9, 0.021, "tf idf is better, p = 0.021"),
        (3, 1, 0.62, "luck may tell them apart, p = 0.62"),
        (2, 2, 1.0, "right as often"),
        (0, 0, 1.0, "right on the same cases"),
    ],
)
def test_a_verdict_says_who_is_better(ours, theirs, p_value, told):
    scores = {"lstm": {"accuracy": 0.5, "accuracy_ci95": [0.4, 0.6], "cases": 90}, "tf_idf": {"accuracy": 0.25}}
    tests = {"tf_idf": {"ours_alone": ours, "theirs_alone": theirs, "p_value": p_value}}
    job = SimpleNamespace(config=SimpleNamespace(model=SimpleNamespace(kind="lstm")))
    verdict = verdict_of(job, Forecasts(scores, honesty={"mcnemar": tests}))
    assert verdict == (
        f"Of 90 cases the lstm calls 50.0% by their class (95 % interval 40.0% to 60.0%); tf idf 25.0% ({told})."
    )


def test_a_leak_check_finds_nothing_where_there_is_nothing(typed, tmp_path):
    write_moods(tmp_path / "moods.csv", 24)
    answer = typed("leakcheck", *ENV, MOODS, "leakcheck.epochs=1", "leakcheck.placebos=4")
    assert answer.status == 0, answer.err
    assert answer.out.count(" clean ") == 4


def test_a_training_that_was_killed_goes_on_and_ends_at_the_same_bytes(typed, tmp_path, monkeypatch):
    write_moods(tmp_path / "moods.csv", 24)
    words = ("classify", MOODS, "env.folds=2", "model.hidden_size=4", "trainer.epochs=3")
    assert typed(*words, "run.dir=whole").status == 0
    fit, begun = tradewinds.tasks.classification.learning.fit_classifier, []

    def killed(*arguments, progress, **options):
        """Fit as ever, but end in the second epoch of the second classifier, as a power cut does."""
        begun.append(options["checkpoint"])

        def report(done, total, losses):
            progress(done, total, losses)
            if len(begun) == 2 and done == 2:
                raise MemoryError

        return fit(*arguments, progress=report, **options)

    monkeypatch.setattr(forecaster.training.checkpoint, "SHARE", math.inf)
    monkeypatch.setattr(tradewinds.tasks.classification.learning, "fit_classifier", killed)
    assert typed(*words, "run.dir=cut").status == 1
    checkpoint = begun[0].parent
    assert sorted(path.name for path in checkpoint.iterdir()) == ["fold-0", "kept"]
    monkeypatch.setattr(tradewinds.tasks.classification.learning, "fit_classifier", fit)
    refused = typed(*words[:-1], "trainer.epochs=4", "run.dir=cut", f"inputs.resume={checkpoint}")
    assert refused.status == 2
    assert "trainer.epochs must stay 3" in refused.err
    answer = typed(*words, "run.dir=cut", f"inputs.resume={checkpoint}")
    assert answer.status == 0, answer.err
    whole, resumed = (next(tmp_path.glob(f"{name}/moods/2*/report.json")).parent for name in ("whole", "cut"))
    for name in ("weights.safetensors", "classifier.json", "seen.json", "history.csv"):
        assert (whole / "classifier" / name).read_bytes() == (resumed / "classifier" / name).read_bytes()
    first, second = (json.loads((run / "report.json").read_text()) for run in (whole, resumed))
    assert (first["forecast"], first["classification"]) == (second["forecast"], second["classification"])
    assert not list(resumed.glob("*.checkpoint"))


def test_a_challenger_replaces_the_champion_if_new_cases_are_told_apart_better(typed, tmp_path):
    """The champion has hardly learned; the challenger has, and meets it on cases that neither learned from."""
    write_ts(tmp_path / "tones_TRAIN.ts", tones(40))
    write_ts(tmp_path / "tones_TEST.ts", tones(30, seed=5))
    env = ("env=classification", "env.path=tones_TRAIN.ts", *SMALL)
    words = ("retrain", *env, "env.test_path=tones_TEST.ts")
    assert typed(*words, "trainer.epochs=1", "trainer.learning_rate=1e-5").status == 0
    answer = typed(*words)
    assert answer.status == 0, answer.err
    assert re.search(r"version 2 of 'tones' is the champion: its log loss is 0\.\d+ nats a case below", answer.out)
    write_ts(tmp_path / "tones_TEST.ts", tones(30))  # cases that it learned from
    answer = typed(*words, "seed=8")
    assert answer.status == 3
    assert "only 0 cases are unseen by both it and champion 2, and retrain.min_bars asks for 20" in answer.err
    write_ts(tmp_path / "new.ts", tones(4, seed=7))
    told = typed("predict", "env=classification", "run.name=tones", "env.new_path=new.ts")
    assert "classifier: version 2 of 'tones'" in told.err
    assert list(pd.read_csv(io.StringIO(told.out))["label"]) == list(tones(4, seed=7).labels)
    first = typed("predict", "env=classification", "run.name=tones", "env.new_path=new.ts", "models.version=1")
    assert "classifier: version 1 of 'tones'" in first.err
    (tmp_path / "runs" / "registry.db").unlink()
    assert typed("models", "rebuild").status == 0
    again = typed("predict", "env=classification", "run.name=tones", "env.new_path=new.ts")
    assert again.out == told.out


def test_classes_may_bear_the_names_of_our_columns(typed, tmp_path):
    cases = moods(16)
    names = {"good": "of_label", "bad": "label"}
    table = pd.DataFrame({"text": cases.values, "label": [names[label] for label in cases.labels]})
    table.to_csv(tmp_path / "moods.csv", index=False)
    assert typed("classify", MOODS, "model.hidden_size=4", "trainer.epochs=1").status == 0
    _, run = report(tmp_path)
    told = read_table(run / "classification", "cases")
    assert list(told) == ["case", "label", "called", "label_chance", "chance_label", "chance_of_label"]
    own = np.where(told["label"] == "label", told["chance_label"], told["chance_of_label"])
    np.testing.assert_allclose(told["label_chance"], own)


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
    answer = typed("classify", MOODS, "model.hidden_size=4", "trainer.epochs=1")
    assert answer.status == 3
    assert "was not fitted on the cases that it learned from alone" in answer.out
    checked = typed("leakcheck", *ENV, MOODS, "leakcheck.epochs=1", "leakcheck.placebos=0")
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
    answer = typed("leakcheck", *ENV, MOODS, "leakcheck.epochs=1", "leakcheck.placebos=6")
    assert answer.status == 3
    assert "probe placebo" in answer.err


REFUSALS = {
    ("classify",): "env.path must name the cases: tradewinds classify env.path=FILE",
    ("classify", "env=trading"): "classify tells cases apart, which is env=classification, was env=trading",
    ("classify", MOODS, "model=seq2seq"): "model must be a network that reads one sequence",
    ("classify", MOODS, "model=mlstm", "env.pooling=true"): "where env.pooling reads all states, was mlstm",
    ("classify", MOODS, "trainer.loss=mse"): "trainer.loss is of forecasts",
    ("classify", MOODS, "trainer.patience=2"): "trainer.patience is of forecasts",
    ("classify", MOODS, "env.split=time"): "split=time needs the times of the cases",
    ("classify", MOODS, "env.split=grouped"): "split=grouped needs the groups of the cases",
    ("classify", MOODS, "env.folds=5", "env.test_path=moods.csv"): "folds must be null where env.test_path",
    ("classify", MOODS, "env.label=mood"): "must hold the class of each case, in the column env.label=mood",
    ("classify", TONES, "env.test_path=moods.csv"): "test_path must hold cases of the same channels",
    ("classify", TONES, "env.test_path=odd.ts"): "be among those learned from (high, low), 'odd' of odd:1",
    ("classify", MOODS, "env.test_path=odd.csv"): "env.test_path=odd.csv: labels must be among those learned "
    "from (bad, good), 'odd' of row 2 (test) was not",
    ("classify", "env.path=unique.csv"): "each of the 8 has one alone; see whether env.label names the column of",
    ("classify", TONES, "env.lexicon=vader"): "env.lexicon scores the words of texts, and tones.ts",
    ("classify", MOODS, "env.lexicon=no.csv"): "env.lexicon must be vader, or a file of word,score",
    ("classify", MOODS, "env.lexicon=moods.csv"): "a word that stands once, a comma and its score, was",
    ("classify", "env.path=lone.ts", "env.folds=2"): "has its cases in one fold alone: once",
    ("classify", "env.path=odd.ts", "env.test_path=odd.ts"): "of two classes or more",
    ("predict", "env=classification", "run.name=moods"): "no classifier under runs/moods yet; train one first",
    ("predict", "env=classification", "env.path=.", "env.new_path=moods.csv"): "its folder with inputs.forecaster=",
    ("predict", "env=classification", "env.new_path=moods.csv"): "predict must be told which classifier is asked",
    ("classify", "env.path=uneven.ts"): "every case must have the 2 channels of the first: uneven:2 with 1",
    ("classify", "env.path=ragged.ts"): "line 7: the channels of a case must be equally long, were of 2, 3 numbers",
    ("classify", "env.path=blank.csv"): "a case must hold something, was empty: row 3",
    ("classify", "env.path=hole.csv"): "must have a value in column 'text' of every row, has none in row 3",
    ("classify", "env.path=alike.ts"): "cases must be of two classes or more to be told apart, all were 'low'",
    ("classify", MOODS, "inputs.resume=nowhere"): "must name a folder with the checkpoint of a training",
    ("retrain", "env=classification", MOODS, "env.folds=3"): "learns from all; leave env.folds out",
    ("retrain", "env=classification", "retrain.start=champion"): "classification reads no series; leave it at fresh",
    ("signal", "env=classification", MOODS): "reads no bars, so that signal has nothing to do",
}  # fmt: skip


@pytest.mark.parametrize("words", REFUSALS, ids=" ".join)
def test_what_cannot_be_is_refused_in_a_sentence(words, typed, tmp_path):
    write_moods(tmp_path / "moods.csv", 8)
    write_ts(tmp_path / "tones.ts", tones(8))
    lone = Cases(tuple("abcde"), tones(5).values, ("low", "high", "low", "high", "once"), ("c0", "c1"))
    write_ts(tmp_path / "lone.ts", lone)
    head = "@classLabel true low high\n@data\n"
    (tmp_path / "uneven.ts").write_text(f"{head}1,2:3,4:low\n1,2:high\n")
    (tmp_path / "ragged.ts").write_text(f"# one\n# two\n# three\n{head}1,2:3,4:low\n1,2:3,4,5:high\n")
    (tmp_path / "alike.ts").write_text(f"{head}1,2:low\n3,4:low\n5,6:low\n7,8:low\n")
    (tmp_path / "blank.csv").write_text('text,label\na day,x\n"  ",y\n')
    (tmp_path / "hole.csv").write_text("text,label\na day,x\n,y\n")
    (tmp_path / "odd.csv").write_text("text,label\na day,odd\n")
    (tmp_path / "unique.csv").write_text("text,label\n" + "".join(f"a day,l{n}\n" for n in range(8)))
    write_ts(tmp_path / "odd.ts", Cases(("x",), tones(1).values, ("odd",), ("c0", "c1")))
    answer = typed(*words)
    assert answer.status == 2, answer.err
    assert REFUSALS[words] in answer.err
    assert len(answer.err.splitlines()) == 1
    assert not list(tmp_path.glob("runs/*/2*"))

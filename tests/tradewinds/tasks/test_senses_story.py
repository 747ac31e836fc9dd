"""Texts, pictures and charts through the command line: run, ablation and page, predict; and leaks planted in them."""

import json
from collections import defaultdict
from pathlib import Path

import pytest
import sense_worlds

from forecaster.training.training_set import training_set
from tradewinds.core.errors import RequestError
from tradewinds.core.resources import resource_dir
from tradewinds.data.notes import Note
from tradewinds.leakcheck.input_audit import audit_inputs
from tradewinds.pipeline.steps import FORECASTER
from tradewinds.report.render import render
from tradewinds.request.compose import compose_requests
from tradewinds.request.schema import request_from
from tradewinds.tasks import job_of

from leaks import planted
from story import CommandLine

WORDS = (
    "series=csv",
    "series.path=bars.csv",
    "data.accept_jumps=true",
    "text=csv",
    "text.path=news.csv",
    "text.words=128",
    "pictures=folder",
    "pictures.path=sky",
    "pictures.lag_hours=13",
    "pictures.pixels=8",
    "features.chart_bars=5",
    "model.context_length=8",
    "model.horizon=1",
    "model.hidden_size=8",
    "split.forecaster=0.6",
    "split.agent=0.1",
)
FEW = (
    "trainer.epochs=3",
    "agent.steps=400",
    "agent.learning_starts=100",
    "agent.validate_every=200",
    "backtest.random_draws=1",
    "backtest.bootstrap_draws=100",
    "backtest.ablation=true",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    where = tmp_path_factory.mktemp("senses")
    made = sense_worlds.world(400, seed=3, drift=0.02)
    sense_worlds.write_bars(where, made)
    sense_worlds.write_news(where, made, late=True)
    sense_worlds.write_pictures(where, made)
    return where


@pytest.fixture
def typed(folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    return CommandLine(capsys)


def job(*words):
    (plain,) = compose_requests([*WORDS, *words], [resource_dir("conf")], multirun=False)
    return job_of(request_from(plain), whole=True)


def test_a_run_reads_them_and_tells_what_each_is_worth(typed):
    answer = typed("run", *WORDS, *FEW, "features.chart_bars=0")
    assert answer.status == 0, answer.err
    (run,) = Path("runs/bars").glob("2*")
    report = json.loads((run / "report.json").read_text(encoding="utf-8"), parse_constant=pytest.fail)
    networks = report["honesty"]["ablation"]["networks"]
    assert list(networks) == [
        "series only",
        "series and text",
        "series and pictures",
        "series and text and pictures",
    ]
    ours = (report["forecast"]["lstm"]["change_rmse"]) ** 2
    assert networks["series and text and pictures"]["next_bar_mse"] == pytest.approx(ours)
    for name, row in networks.items():
        assert row["gain"] == pytest.approx(1.0 - row["next_bar_mse"] / networks["series only"]["next_bar_mse"])
        assert ("against_series_only" in row) == (name != "series only")
    assert 'id="ablation"' in (run / "report.html").read_text(encoding="utf-8")
    assert "series and text: squared error of the next bar" in answer.out
    assert report["honesty"]["leakcheck"] == "clean"
    senses = json.loads((run / FORECASTER / "forecaster.json").read_text(encoding="utf-8"))["senses"]
    assert [sense["name"] for sense in senses] == ["text", "pictures"]
    assert any("news.csv: " in warning and "by when it was known" in warning for warning in report["warnings"])
    told = typed("predict", *WORDS, "signal.max_age=null", "text.last=2013-01-10")
    assert told.status == 0, told.err
    mute = typed("predict", *(word for word in WORDS if not word.startswith("text")), "signal.max_age=null")
    assert mute.status != 0
    assert "texts and pictures" in mute.err


PANEL = (
    "series=csv",
    "series.path=panel.csv",
    "series.symbols=all",
    "data.accept_jumps=true",
    "text=csv",
    "text.path=news.csv",
    "env.actions=long_short_weights",
    "agent=direct",
    "agent.window_bars=8",
    *WORDS[-6:],
)


@pytest.fixture
def panel(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    worlds = {name: sense_worlds.world(320, seed, drift=0.03) for seed, name in enumerate("ABC")}
    sense_worlds.write_panel(tmp_path, worlds, late=True)
    sense_worlds.write_lexicon(tmp_path)
    return tmp_path


def test_each_instrument_of_a_panel_is_told_by_its_own_texts(typed, panel):
    sense_worlds.write_panel(
        panel, {name: sense_worlds.world(320, seed, drift=0.03) for seed, name in enumerate("ABC")}
    )
    few = ("trainer.epochs=4", "trainer.batch_size=16", "text.encoder=lexicon", "text.lexicon=lexicon.csv")
    answer = typed("train-forecaster", *PANEL, *few)
    assert answer.status == 0, answer.err
    told = [line.split() for line in answer.out.splitlines() if line.split()[:1] == ["lstm"]]
    assert len(told) == 6  # of each instrument values, and changes
    assert max(float(line[3]) for line in told[1::2]) < 0.6  # of the naive error
    assert " of 320 bars of 3 of 3 instruments, each its own, each by when it was known" in answer.err


@pytest.mark.parametrize("name", ["scores.html", "cross_scores.html"])
def test_pages_of_one_and_of_several_instruments_show_what_the_ablation_found(name):
    row = {"next_bar_mse": 2e-4, "gain": 0.0}
    test = {"next_bar": {"statistic": -2.5, "p_value": 0.01}, "value_ahead": None}
    networks = {"series only": row, "series and text": {**row, "gain": 0.25, "against_series_only": test}}
    honesty = {"ablation": {"networks": networks}, "diebold_mariano_by_rival": {}}
    parts = {"boxes": defaultdict(str), "values": (), "scores": (), "cross_scores": (), "rivals": ()}
    report = {
        "honesty": honesty,
        "forecast": {},
        "run": {"config": {"model": {"kind": "lstm"}}},
        "data": defaultdict(str),
    }
    page = render(name, {}, report=report, **parts)
    assert '<td class="agent">series and text</td><td>2.000e-04</td><td>25.0%</td><td>\u22122.50, p 0.01</td>' in page


@pytest.mark.parametrize(("encoder", "audited"), {"lexicon": "text_score.B", "svd": "text"}.items())
def test_texts_of_instruments_that_are_joined_by_their_date_are_found(panel, encoder, audited):
    words = (*PANEL, f"text.encoder={encoder}", "text.lexicon=lexicon.csv", "text.words=16")
    (plain,) = compose_requests(words, [resource_dir("conf")], multirun=False)
    inputs = audit_inputs(job_of(request_from(plain), whole=True), None)
    assert inputs.audit.leak is None
    columns = {column.name: column for column in inputs.audit.columns}
    assert 0.0 < columns[audited].slack_hours < 24.0
    with planted("texts_joined_by_their_date"):
        leak = audit_inputs(job_of(request_from(plain), whole=True), None).audit.leak
    assert leak is not None
    assert "no row of its file was published at" in leak.what


def test_an_ablation_of_nothing_and_more_bars_than_a_window_are_refused_before_any_work(typed):
    bars = ("series=csv", "series.path=bars.csv", "data.accept_jumps=true")
    answer = typed("run", *bars, "backtest.ablation=true")
    assert answer.status == 2
    assert "backtest.ablation=true tells what texts, pictures and charts are worth, and none are read" in answer.err
    answer = typed("run", *WORDS, "text.bars=9")
    assert answer.status == 2
    assert "text.bars must be at most model.context_length = 8 bars, was 9" in answer.err


@pytest.mark.parametrize("encoder", ["svd", "lexicon"])
def test_texts_that_hardly_any_bar_has_are_doubted(typed, folder, encoder):
    lines = (folder / "news.csv").read_text(encoding="utf-8").splitlines()
    (folder / "few.csv").write_text("\n".join([lines[0], lines[90], lines[99], *lines[-60:]]), encoding="utf-8")
    sense_worlds.write_lexicon(folder)
    words = ("text.path=few.csv", f"text.encoder={encoder}", "text.lexicon=lexicon.csv")
    (doubt,) = [note for note in job(*words).notes if isinstance(note, Note) and note.about == "doubt"]
    name = "text_score" if encoder == "lexicon" else "text"
    assert doubt.startswith(f"{name}: 2 of the forecaster's 240 bars have any; from fewer than 30 it learns luck")
    assert not [note for note in job().notes if isinstance(note, Note) and note.about == "doubt"]


def test_texts_that_no_two_bars_have_which_are_learned_from_are_refused_before_the_training(typed, folder):
    told = job()
    bars = training_set(told.series, told.config.forecaster, told.split.forecaster).data.bars
    days = told.series.index

    def at(*numbers):
        rows = [f"{days[bar]:%Y-%m-%d}T08:00Z,rise {bar},{days[bar]:%Y-%m-%d}T09:00Z" for bar in numbers]
        (folder / "edge.csv").write_text("\n".join(["time,text,published_at", *rows]))
        return job("text.path=edge.csv")

    assert at(bars[0], bars[-1]).split == told.split
    for outside in (bars[0] - 1, bars[-1] + 1):
        with pytest.raises(
            RequestError,
            match=rf"text: 1 of {len(bars)} bars that are learned from, {days[bars[0]]:%Y-%m-%d} to "
            rf"{days[bars[-1]]:%Y-%m-%d}, have any, and 2 must; 2 of all the forecaster's do, but features warm up",
        ):
            at(bars[0], outside)


def test_all_that_is_read_was_known(typed):
    inputs = audit_inputs(job(), None)
    assert inputs.audit.leak is None
    columns = {column.name: column for column in inputs.audit.columns}
    assert columns["text"].slack_hours == pytest.approx(9.0 - 1.0 / 60.0)  # published at 15:01 of a day that ends at 24
    assert columns["pictures"].slack_hours == 23.0


@pytest.mark.parametrize(
    ("name", "said"),
    {
        "texts_joined_by_their_date": "column text_0000: no row of its file was published at",
        "pictures_known_at_once": "column picture_0000: it is known 13 hours after its interval begins",
        "charts_of_the_next_bar": "chart is another when the bars after",
    }.items(),
)
def test_a_planted_leak_is_found_by_the_audit(typed, name, said):
    with planted(name):
        leak = audit_inputs(job(), None).audit.leak
    assert leak is not None
    assert said in leak.what

"""The main job and its parts through the command line, on real prices and small networks."""

import itertools
import json
import math
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tradewinds.report.document import UNREPEATED

from markets import KINDS
from story import FAST, FAST_CSV, CommandLine, write_bars

STRATEGIES = ["agent", "buy_and_hold", "flat", "random_same_turnover", "forecast_sign", "plan_on_forecast"]
STRATEGIES += ["perfect_foresight"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("story")


@pytest.fixture
def typed(folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    return CommandLine(capsys)


def runs(name="sp500"):
    return sorted(path for path in Path("runs", name).iterdir() if path.is_dir())


def numbers_of(run, *further):
    """A report without what may differ between two runs of one request, as its own bytes."""
    text = (run / "report.json").read_text(encoding="utf-8")
    for key in (*(name.removeprefix("run.") for name in UNREPEATED), *further):
        text, count = re.subn(rf'("{key}": )(".*"|[^,\n]*)', r"\1null", text, count=1)
        assert count == 1
    return text


@pytest.fixture
def first_run(typed, folder):
    """The one run that most tests read."""
    if not (folder / "runs").exists():
        answer = typed("run", *FAST)
        assert answer.status == 0, answer.err
        (folder / "said.txt").write_text(answer.out + "=====" + answer.err, encoding="utf-8")
    return runs()[0]


def test_run_leaves_a_report_and_says_where(first_run, folder):
    out, err = (folder / "said.txt").read_text(encoding="utf-8").split("=====")
    assert f"wrote {first_run}/report.json" in out
    assert f"wrote {first_run}/report.html" in out
    assert "train lstm: done in" in err
    assert re.search(r"train dqn: +\d+%", err)
    assert "\x1b" not in out + err  # plain lines in a pipe
    assert sorted(path.name for path in first_run.iterdir()) == [
        "agent",
        "backtest",
        "forecaster",
        "hidden_states",
        "report.html",
        "report.json",
    ]


def test_the_report_has_the_keys_that_were_promised_and_no_nan(first_run):
    report = json.loads((first_run / "report.json").read_text(encoding="utf-8"), parse_constant=pytest.fail)
    assert list(report) == ["schema", "run", "data", "forecast", "backtest", "honesty", "warnings"]
    assert report["schema"] == 1
    assert {"id", "command", "config", "config_hash", "seed", "versions", "started_at", "seconds"} <= set(report["run"])
    assert {"name", "instruments", "bars", "first", "last", "sha256", "splits", "fit_end"} <= set(report["data"])
    assert list(report["forecast"]) == ["lstm", "naive", "seasonal_naive", "drift", "ridge", "dlinear"]
    assert list(report["backtest"]["strategies"]) == STRATEGIES
    for strategy in report["backtest"]["strategies"].values():
        assert "seed" in strategy
        for name, value in strategy["metrics"].items():
            assert value is not None or f"{name}_reason" in strategy["metrics"]
    for name in ("leakcheck", "trials", "deflated_sharpe", "pbo", "sharpe_ci95", "spa_p_value", "diebold_mariano"):
        assert report["honesty"][name] is not None or report["honesty"][f"{name}_reason"]
    assert report["honesty"]["seeds"] == [7]


def test_every_part_of_the_split_lies_after_the_one_before(first_run):
    report = json.loads((first_run / "report.json").read_text(encoding="utf-8"))
    parts = [report["data"]["splits"][name]["rows"] for name in ("forecaster", "agent", "validation", "test")]
    for before, after in itertools.pairwise(parts):
        assert before[1] + 5 == after[0]
    assert report["data"]["fit_end"]["row"] + 5 + 5 < parts[1][0]


def test_the_numbers_follow_from_the_paths_that_are_drawn(first_run):
    report = json.loads((first_run / "report.json").read_text(encoding="utf-8"))
    curves = pd.read_parquet(first_run / "backtest" / "equity.parquet")
    for name, strategy in report["backtest"]["strategies"].items():
        equity = curves[name].to_numpy()
        metrics = strategy["metrics"]
        assert metrics["total_return"] == pytest.approx(equity[-1] / equity[0] - 1.0, abs=1e-12)
        drawdown = 1.0 - (equity / np.maximum.accumulate(equity)).min()
        assert metrics["max_drawdown_from_start_capital"] == pytest.approx(drawdown, abs=1e-12)
        returns = np.diff(equity) / equity[:-1]
        if returns.std() < 1e-12:
            assert metrics["sharpe_annual_ddof1_arithmetic"] is None
        else:
            sharpe = returns.mean() / returns.std(ddof=1) * math.sqrt(252)
            assert metrics["sharpe_annual_ddof1_arithmetic"] == pytest.approx(sharpe, rel=1e-9)
    assert report["backtest"]["strategies"]["flat"]["metrics"]["total_return"] == 0.0


def test_the_stages_by_hand_give_the_numbers_of_run(typed, first_run):
    for words in (["train-forecaster"], ["train-agent"], ["backtest"]):
        answer = typed(*words, *FAST)
        assert answer.status == 0, answer.err
    by_hand = runs()[-1]
    assert by_hand != first_run
    ours, theirs = (json.loads(numbers_of(run, "again")) for run in (by_hand, first_run))
    assert ours["run"].pop("command") == "backtest"
    assert theirs["run"].pop("command") == "run"
    assert ours == theirs


def test_the_same_seed_twice_gives_the_same_bytes(typed, first_run):
    assert typed("run", *FAST).status == 0
    assert numbers_of(runs()[-1]) == numbers_of(first_run)


def test_another_seed_gives_another_network(typed, first_run):
    answer = typed("train-forecaster", "--json", "seed=8", *FAST)
    weights = Path(json.loads(answer.out.splitlines()[-1])["forecaster"]) / "weights.safetensors"
    assert weights.read_bytes() != (first_run / "forecaster" / "weights.safetensors").read_bytes()


def test_json_is_the_only_line_of_standard_output(typed, first_run):
    answer = typed("encode", "--json", f"inputs.forecaster={first_run}/forecaster", *FAST)
    assert answer.status == 0
    (line,) = answer.out.splitlines()
    assert json.loads(line)["width"] == 8


def test_a_forecaster_of_other_data_or_settings_is_refused(typed, first_run):
    named = f"inputs.forecaster={first_run}/forecaster"
    answer = typed("train-agent", named, *FAST, "series.last=2018-01-31")
    assert answer.status == 2
    assert "was trained on other data (sp500 (SPX, bars of 1 days" in answer.err
    answer = typed("train-agent", named, *FAST, "model.horizon=3")
    assert answer.status == 2
    assert "was trained with other values of model.horizon; give the same options" in answer.err


def test_a_changed_file_is_refused_by_name(typed, first_run):
    weights = first_run / "forecaster" / "weights.safetensors"
    original = weights.read_bytes()
    weights.write_bytes(original[:-1] + bytes([original[-1] ^ 1]))
    try:
        answer = typed("train-agent", f"inputs.forecaster={first_run}/forecaster", *FAST)
    finally:
        weights.write_bytes(original)
    assert answer.status == 3
    assert f"{weights} differs from manifest.json" in answer.err


def test_a_changed_report_is_refused_by_name_and_not_drawn(typed, first_run):
    report, page = first_run / "report.json", first_run / "report.html"
    text, drawn = report.read_text(encoding="utf-8"), page.stat().st_mtime_ns
    report.write_text(text.replace('"total_return": ', '"total_return": 1'), encoding="utf-8")
    answer = typed("report", f"inputs.run={first_run}")
    report.write_text(text, encoding="utf-8")
    assert answer.status == 3
    assert f"{report} differs from backtest/manifest.json; it was changed: backtest again" in answer.err
    assert page.stat().st_mtime_ns == drawn
    assert typed("report", f"inputs.run={first_run}").status == 0


def test_report_draws_the_same_page_again(typed, first_run):
    page = first_run / "report.html"
    before = page.read_text(encoding="utf-8")
    page.unlink()
    assert typed("report", f"inputs.run={first_run}").status == 0
    strip = re.compile(r"[0-9a-f-]{36}|p\d{4,}")  # Bokeh's own identifiers
    assert strip.sub("", page.read_text(encoding="utf-8"))[-3000:] == strip.sub("", before)[-3000:]


def test_the_page_is_self_contained_and_small(first_run):
    page = (first_run / "report.html").read_text(encoding="utf-8")
    assert not re.search(r"<(script|link|img)[^>]+(src|href)=[\"'](?!data:)", page)
    assert len(page) < 3_000_000
    for strategy in STRATEGIES:
        assert strategy.replace("_", " ") in page


SWAPS = [*([f"model={kind}"] for kind in KINDS if kind != "lstm"), ["agent=q_learning", "agent.steps=4000"]]
FAST_SWAPS = ("model=gru", "model=seq2seq", "agent=q_learning")
MARKED = [pytest.param(w, marks=[] if w[0] in FAST_SWAPS else pytest.mark.slow, id=w[0]) for w in SWAPS]
BRIEF = ("series=csv", "series.path=swaps.csv", *FAST_CSV, "agent.steps=1000", "agent.learning_starts=200")


@pytest.mark.parametrize("words", MARKED)
def test_one_word_swaps_a_network_or_an_agent(words, typed, folder):
    write_bars(folder / "swaps.csv")
    answer = typed("run", f"run.name={words[0].split('=')[1]}", *BRIEF, *words)
    assert answer.status == 0, answer.err
    report = json.loads((runs(words[0].split("=")[1])[-1] / "report.json").read_text(encoding="utf-8"))
    assert words[0].split("=")[1] in (
        report["run"]["config"]["model"]["kind"],
        report["run"]["config"]["agent"]["kind"],
    )
    assert report["honesty"]["leakcheck"] == "clean"


def test_gas_and_weather_run_together(typed):
    answer = typed("run", "experiment=gas_weather", *FAST, "series.first=2010-01-01")
    assert answer.status == 0, answer.err
    report = json.loads((runs("gas_weather")[-1] / "report.json").read_text(encoding="utf-8"))
    assert [source["file"] for source in report["data"]["sources"]] == [
        "henry_hub_spot_daily.csv.gz",
        "chicago_weather_daily.csv.gz",
    ]
    assert any("weather is known for" in warning for warning in report["warnings"])
    assert report["honesty"]["leakcheck"] == "clean"


def test_a_csv_that_the_user_brings_runs(typed, folder):
    write_bars(folder / "mine.csv")
    answer = typed("run", "series=csv", "series.path=mine.csv", *FAST_CSV)
    assert answer.status == 0, answer.err
    assert len(runs("mine")) == 1


def test_a_csv_of_one_price_a_day_fills_at_the_next_close(typed, folder):
    write_bars(folder / "full.csv")[["close"]].to_csv(folder / "closes.csv")
    answer = typed("run", "series=csv", "series.path=closes.csv", *FAST_CSV)
    assert answer.status == 0, answer.err
    assert "one price a bar: orders fill at the next bar's price (env.execution=next_close)" in answer.err
    report = json.loads((runs("closes")[-1] / "report.json").read_text(encoding="utf-8"))
    assert report["run"]["config"]["env"]["execution"] == "next_close"


@pytest.mark.parametrize("actions", ["levels", "exposure"])
def test_a_policy_gradient_learns_levels_and_exposures(actions, typed):
    few = [word for word in FAST if not word.startswith("agent.")]
    small = ["agent.steps=6000", "agent.num_envs=16", "agent.validate_every=2000"]
    answer = typed("run", "agent=ppo", f"env.actions={actions}", f"run.name=ppo_{actions}", *few, *small)
    assert answer.status == 0, answer.err
    report = json.loads((runs(f"ppo_{actions}")[-1] / "report.json").read_text(encoding="utf-8"))
    assert report["run"]["config"]["agent"]["kind"] == "ppo"

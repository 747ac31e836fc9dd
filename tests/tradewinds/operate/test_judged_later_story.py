"""A model made before, judged on what it never learned from: a longer file, another series, and what is refused."""

import json
import re
import shutil
from pathlib import Path

import pytest

from championship import WORDS, Market
from story import CommandLine, write_bars

AGAIN = ("backtest", "model=champion", "run.name=bars", *WORDS)


@pytest.fixture(scope="module")
def folder(first_champion, tmp_path_factory):
    """Write a champion of 450 bars, these bars as then.csv, 700 of the same as bars.csv, and 700 others."""
    folder = tmp_path_factory.mktemp("later")
    shutil.copytree(first_champion, folder / "runs")
    market = Market(folder)
    shutil.copy(folder / "bars.csv", folder / "then.csv")
    market(700)
    write_bars(folder / "other.csv", num_bars=700, seed=5)
    return folder


@pytest.fixture
def typed(folder, monkeypatch, capsys):
    """Type commands beside the champion."""
    monkeypatch.chdir(folder)
    return CommandLine(capsys)


def newest_report():
    newest = max(Path("runs/bars").glob("*/report.json"), key=lambda path: path.stat().st_mtime_ns)
    return json.loads(newest.read_text(encoding="utf-8"))


def report_of(answer):
    assert answer.status == 0, answer.err
    return newest_report()


def judged_rows(report):
    return report["data"]["splits"]["test"]


def test_on_the_bars_it_was_judged_on_a_champion_comes_to_the_same(typed):
    then = json.loads(next(Path("runs/bars").glob("*/decision.json")).with_name("report.json").read_text("utf-8"))
    again = report_of(typed(*AGAIN, "series.path=then.csv"))
    for part in ("backtest", "forecast"):
        assert again[part] == then[part]
    assert judged_rows(again) == judged_rows(then)


def test_on_a_longer_file_all_that_it_never_learned_from_is_judged(typed):
    report = report_of(typed(*AGAIN))
    assert judged_rows(report)["rows"] == [365, 700]
    assert any("this series holds these bars, as they were" in warning for warning in report["warnings"])
    agent = next(Path("runs/bars").glob("*/agent"))
    named = report_of(typed("backtest", f"inputs.agent={agent}", *WORDS))
    assert named["backtest"] == report["backtest"]


def test_bars_that_it_learned_from_are_judged_only_if_the_report_says_so(typed):
    asked = (*AGAIN, "backtest.since=2021-01-04")
    refused = typed(*asked)
    assert refused.status == 2
    assert "backtest.since must be 2021-05-26 or later, was 2021-01-04: what chose it lies before" in refused.err
    assert "backtest.seen=true lets days that chose it be judged" in refused.err
    fitted_on = typed(*AGAIN, "backtest.since=2020-06-01", "backtest.seen=true")
    assert fitted_on.status == 2
    first = re.search(r"must be (\S+) or later, was 2020-06-01: its network was fitted before", fitted_on.err)[1]
    report = report_of(typed(*AGAIN, f"backtest.since={first}", "backtest.seen=true"))
    assert any(warning.startswith("SEEN: ") for warning in report["warnings"])
    assert report["honesty"]["leakcheck"] == "clean"
    report = report_of(typed(*asked, "backtest.seen=true"))
    assert any(warning.startswith("SEEN: 102 of the 437 bars") for warning in report["warnings"])


def test_another_series_is_read_in_its_own_units(typed):
    report = report_of(typed(*AGAIN, "series.path=other.csv"))
    assert any("is another, begins later or was revised" in warning for warning in report["warnings"])
    assert report["honesty"]["leakcheck"] == "clean"
    header, *lines = Path("other.csv").read_text(encoding="utf-8").splitlines()
    prices = [line.split(",") for line in lines]
    cents = [",".join([day, *(repr(100 * float(price)) for price in row)]) for day, *row in prices]
    Path("cents.csv").write_text("\n".join([header, *cents, ""]))
    in_cents = report_of(typed(*AGAIN, "series.path=cents.csv"))
    mae = [one["forecast"]["lstm"]["change_mae"] for one in (report, in_cents)]
    assert mae[0] == pytest.approx(mae[1], rel=1e-6)


@pytest.mark.parametrize("change", ["begins later", "one bar gone", "one bar revised"])
def test_its_own_series_otherwise_than_it_was_is_read_by_itself_and_never_where_it_was_fitted(change, typed):
    header, *lines = Path("bars.csv").read_text(encoding="utf-8").splitlines()
    if change == "begins later":
        lines = lines[100:]
    elif change == "one bar gone":
        del lines[200]
    else:
        day, *prices = lines[200].split(",")
        lines[200] = ",".join([day, *(repr(1.02 * float(price)) for price in prices)])
    Path("again.csv").write_text("\n".join([header, *lines, ""]), encoding="utf-8")
    report = report_of(typed(*AGAIN, "series.path=again.csv"))
    assert report["honesty"]["leakcheck"] == "clean"
    assert judged_rows(report)["first"] == "2021-05-26T00:00:00+00:00"
    early = typed(*AGAIN, "series.path=again.csv", "backtest.since=2020-08-03", "backtest.seen=true")
    assert early.status == 2
    assert "its network was fitted before" in early.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("model=7",), "models.version must be one of 'bars', 1, was 7"),
        (("model=champion", "run.name=oil"), "'oil' has no champion under runs; type `tradewinds retrain`"),
        (("model=champion", "env=battery"), "the model acts in env=trading, and this request is env=battery"),
        (("model=lstm", "backtest.since=2021-06-01"), "name one, such as models.version=champion or inputs"),
        (("model=champion", "inputs.agent=runs/bars"), "both name a model; leave one out"),
        (("model=champion", "backtest.since=2031-01-01"), "and 7 are needed: version 1 of 'bars' learned from bars up"),
    ],
)
def test_what_cannot_be_judged_is_refused_in_a_sentence(typed, words, message):
    answer = typed("backtest", *WORDS, *words)
    assert answer.status == 2
    assert message in answer.err


def test_a_file_without_later_bars_says_what_to_bring(typed):
    Path("early.csv").write_text("".join(Path("bars.csv").read_text(encoding="utf-8").splitlines(keepends=True)[:362]))
    answer = typed(*AGAIN, "series.path=early.csv")
    assert answer.status == 2
    assert "0 bars after the embargo, and 7 are needed" in answer.err
    assert "bring later bars, or give an earlier backtest.since=DATE" in answer.err


def test_an_agent_of_a_run_that_was_registered_is_held_to_what_was(typed, tmp_path):
    agent = next(Path("runs/bars").glob("*/agent"))
    shutil.copytree("runs", tmp_path / "runs")
    manifest = tmp_path / agent / "manifest.json"
    manifest.write_text(manifest.read_text(encoding="utf-8").replace("2021-05-18", "2020-05-18"), encoding="utf-8")
    answer = typed("backtest", f"inputs.agent={tmp_path / agent}", f"run.dir={tmp_path / 'runs'}", *WORDS)
    assert answer.status == 3
    assert "is not what was registered as version 1" in answer.err


def test_an_agent_on_its_own_file_may_be_asked_from_a_day_on(typed):
    agent = next(Path("runs/bars").glob("*/agent"))
    words = ("series.path=then.csv", "run.name=bars", "backtest.since=2021-06-15")
    assert (
        judged_rows(report_of(typed("backtest", f"inputs.agent={agent}", *WORDS, *words)))["first"][:10] == "2021-06-15"
    )

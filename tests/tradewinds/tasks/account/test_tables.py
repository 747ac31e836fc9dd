"""What a run leaves for other tools: tables that agree with the report, a picture, an index, a comparison."""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tradewinds.core.errors import RequestError
from tradewinds.report.tables import read_table
from tradewinds.tasks.account.tables import returns

from story import FAST_CSV, CommandLine

ROOT = Path(__file__).resolve().parents[4]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("exports")


@pytest.fixture
def typed(folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    return CommandLine(capsys)


@pytest.fixture
def run(typed, folder):
    """A run on a wave: an agent that learns anything trades."""
    if not (folder / "runs").exists():
        answer = typed("run", "series=square_wave", *FAST_CSV)
        assert answer.status == 0, answer.err
    return next(Path("runs/square_wave").glob("*/report.json")).parent


def report_of(run):
    return json.loads((run / "report.json").read_text(encoding="utf-8"))


def test_every_table_is_there_as_parquet_and_as_csv_and_both_say_the_same(run):
    for name in ("equity", "positions", "trades"):
        table = read_table(run / "backtest", name)
        plain = pd.read_csv(run / "backtest" / f"{name}.csv")
        assert len(plain) == len(table) > 0
        timed = table.reset_index(drop=True)
        for column in timed.select_dtypes("number"):
            np.testing.assert_array_equal(plain[column], timed[column])
    assert pd.read_csv(run / "backtest" / "equity.csv")["time"][0].endswith("Z")


def test_the_tables_add_up_to_the_report(run):
    strategies = report_of(run)["backtest"]["strategies"]
    equity = read_table(run / "backtest", "equity")
    assert list(equity) == list(strategies)
    for name, strategy in strategies.items():
        assert equity[name].iloc[-1] / equity[name].iloc[0] - 1.0 == pytest.approx(strategy["metrics"]["total_return"])
    trades, agent = read_table(run / "backtest", "trades"), strategies["agent"]["metrics"]
    closed, still_open = (trades[trades["status"] == status] for status in ("closed", "open"))
    assert len(closed) == agent["closed_trades"]
    assert len(still_open) == agent["open_trades"]
    assert still_open["profit"].sum() == pytest.approx(agent["open_trades_profit"])
    assert (closed["profit"] > 0.0).mean() == pytest.approx(agent["win_rate_closed_trades"])
    assert (trades["entry_time"] < trades["exit_time"]).all()


def test_the_profits_in_the_file_are_the_change_of_equity_and_so_are_the_parts_on_the_page(run):
    trades, plain = read_table(run / "backtest", "trades"), pd.read_csv(run / "backtest" / "trades.csv")
    equity = read_table(run / "backtest", "equity")["agent"]
    change = equity.iloc[-1] - equity.iloc[0]
    assert abs(trades["profit"].sum() - change) <= 1e-9
    assert abs(plain["profit"].sum() - change) <= 1e-9
    assert set(trades["status"]) <= {"closed", "open", "payment"}
    parts = report_of(run)["backtest"]["agent"]["reconciliation"]
    assert abs(sum(parts.values()) - 2.0 * change) <= 1e-9  # the parts, and the change itself
    page = (run / "report.html").read_text(encoding="utf-8")
    line = re.search(r'id="reconciliation">(.*?)</p>', page, re.DOTALL)[1]
    *addends, total = map(float, re.findall(r"[+-]\d+\.\d{6}", line))
    assert abs(sum(addends) - total) < 1e-6 * (len(addends) + 1)
    assert abs(total - change) < 1e-6


def test_returns_compound_to_the_total_and_are_what_empyrical_reads(run):
    import empyrical

    series = returns(run)
    metrics = report_of(run)["backtest"]["strategies"]["agent"]["metrics"]
    assert (1.0 + series).prod() - 1.0 == pytest.approx(metrics["total_return"])
    assert empyrical.cum_returns_final(series) == pytest.approx(metrics["total_return"])
    assert str(series.index.tz) == "UTC"
    assert returns(run, "buy_and_hold").name == "buy_and_hold"


def test_returns_of_what_is_not_there_are_refused(run, tmp_path):
    with pytest.raises(RequestError, match=r"holds no finished backtest; give a folder such as runs/sp500/<id>"):
        returns(tmp_path)
    with pytest.raises(RequestError, match=r"strategy must be one of agent, buy_and_hold, .* was 'hold'"):
        returns(run, "hold")


def test_the_report_says_what_costs_took_month_by_month_and_how_to_have_it_again(run):
    report = report_of(run)
    agent = report["backtest"]["agent"]
    with_costs = report["backtest"]["strategies"]["agent"]["metrics"]["total_return"]
    assert agent["without_costs"]["total_return"] > with_costs
    months = [value for year in agent["monthly_returns"].values() for value in year if value is not None]
    assert np.prod([1.0 + value for value in months]) - 1.0 == pytest.approx(with_costs)
    deepest = report["backtest"]["strategies"]["agent"]["metrics"]["max_drawdown_from_start_capital"]
    assert max((fall["depth"] for fall in agent["worst_drawdowns"]), default=0.0) == pytest.approx(deepest)
    assert report["run"]["again"].startswith("tradewinds run series=square_wave model.context_length=16")
    assert report["honesty"]["verdict"].startswith("After costs the agent made ")


def test_what_again_says_gives_the_same_numbers(run, typed):
    words = report_of(run)["run"]["again"].split()[1:]
    assert typed(*words, "run.name=again").status == 0
    again = report_of(next(Path("runs/again").glob("*/report.json")).parent)
    assert again["backtest"] == report_of(run)["backtest"]


def test_report_draws_a_picture_and_lists_the_runs(run, typed):
    answer = typed("report", str(run))
    assert answer.status == 0, answer.err
    assert f"wrote {run}/report.png" in answer.out
    assert (run / "report.png").read_bytes().startswith(b"\x89PNG")
    index = Path("runs/index.html").read_text(encoding="utf-8")
    assert f'href="square_wave/{run.name}/report.html"' in index
    assert "http" not in index.replace("http://www.w3.org", "")


def test_several_runs_are_compared_on_one_page(run, typed):
    others = list(Path("runs/again").glob("*/report.json"))
    answer = typed("report", str(run), str(others[0].parent))
    assert answer.status == 0, answer.err
    assert "wrote runs/compare.html" in answer.out
    page = Path("runs/compare.html").read_text(encoding="utf-8")
    assert f"square_wave/{run.name}" in page
    assert "not tested on the same bars" not in page


def test_runs_on_other_bars_are_compared_with_a_warning(run, typed):
    assert typed("run", "series=square_wave", *FAST_CSV, "series.bars=1500", "run.name=other").status == 0
    other = next(Path("runs/other").glob("*/report.json")).parent
    assert typed("report", str(run), str(other)).status == 0
    assert "not tested on the same bars" in Path("runs/compare.html").read_text(encoding="utf-8")


def test_a_stray_file_does_not_keep_the_index_from_being_written(run, typed):
    stray = Path("runs/stray/1")
    stray.mkdir(parents=True)
    (stray / "report.json").write_text("{", encoding="utf-8")
    assert typed("report", str(run)).status == 0
    assert "stray" not in Path("runs/index.html").read_text(encoding="utf-8")


def test_runs_that_are_not_there_are_refused(run, typed):
    answer = typed("report", str(run), "runs/nowhere")
    assert answer.status == 2
    assert "inputs.run must name the folder of a finished run, was 'runs/nowhere'" in answer.err


def test_every_number_of_a_report_is_in_the_book_of_metrics(run):
    """Formula, convention, unit and reference of each: docs/metrics.md."""
    report, book = report_of(run), (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    backtest = report["backtest"]
    tables = [*report["forecast"].values(), *(one["metrics"] for one in backtest["strategies"].values())]
    names = {name for table in [*tables, report["honesty"], backtest["agent"]] for name in table}
    names |= {*report["forecast"], *backtest["strategies"]}
    assert len(names) > 40
    unknown = [name for name in names if f"`{name}`" not in book and not name.endswith("_reason")]
    assert unknown == []

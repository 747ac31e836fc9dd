"""The report in a real browser: what a hand can do on it, and nothing it asks of any host."""

import json
import shutil

import pytest

import tradewinds.walk_forward.joined as walk
from tradewinds.__main__ import main
from tradewinds.report.render import shown
from tradewinds.walk_forward.folds import compute

from browsing import CHROMIUM, LOOK, opened
from story import FAST_CSV

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: apt-get install chromium")

DRIVE = """<script>
addEventListener("load", () => setTimeout(async () => {
  const seen = {}, wait = (ms) => new Promise((done) => setTimeout(done, ms));
  const all = (selector) => Array.from(document.querySelectorAll(selector));
  const models = () => Bokeh.documents.flatMap((one) => Array.from(one._all_models.values()));
  const time = models().find((model) => model.name === "time");
  const press = (key) => document.querySelector(".panel.time").dispatchEvent(new KeyboardEvent("keydown", { key }));
  const place = all("#trades th").findIndex((th) => th.dataset.v === "profit");
  const column = () => all("#trades tbody tr").map((row) => Number(row.children[place].dataset.v));
  const paper = () => getComputedStyle(document.body).backgroundColor;
  seen.charts = all(".panel").filter((panel) => panel.querySelector("div[data-root-id], .bk-Figure")).length;
  const first = document.documentElement.dataset.first, last = document.documentElement.dataset.last;
  seen.whole = [time.start - first, time.end - last];
  document.querySelector("button[data-days='31']").click();
  seen.month = (time.end - time.start) / 86400000;
  press("ArrowLeft"); seen.moved = (last - time.end) / 86400000;
  press("+"); seen.zoomed = (time.end - time.start) / 86400000;
  press("0"); seen.reset = [time.start - first, time.end - last];
  document.getElementById("theme").click();
  seen.themes = [document.documentElement.dataset.theme, paper(), models().find((m) => m.type === "Title").text_color];
  document.getElementById("theme").click();
  seen.themes.push(document.documentElement.dataset.theme, paper());
  document.getElementById("scale").click();
  seen.linear = ["equity-log", "equity-linear"].map((name) => document.getElementById(name).offsetHeight > 100);
  const head = document.querySelector("#trades th[data-v=profit] button");
  head.click(); seen.up = column();
  head.click(); seen.down = column();
  seen.sort = document.querySelector("#trades th[data-v=profit]").getAttribute("aria-sort");
  const make = URL.createObjectURL;
  URL.createObjectURL = (blob) => { blob.text().then((words) => { seen.csv = words; }); return make(blob); };
  document.getElementById("download").click();
  await wait(300);
  seen.cards = all(".card b").map((one) => one.textContent);
  seen.strategies = all("#strategies tr").map((row) => Array.from(row.children).map((cell) => cell.textContent));
  seen.verdict = document.getElementById("verdict").textContent;
  seen.unnamed = all("[role=img]:not([aria-label]), button:empty").length;
  const asked = performance.getEntriesByType("resource").map((one) => one.name);
  seen.asked = asked.filter((one) => !/^(data|blob):/.test(one));
  seen.faults = faults;
  const out = document.createElement("pre");
  out.id = "seen";
  out.textContent = JSON.stringify(seen);
  document.body.append(out);
}, 1500));
</script>"""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run on a wave whose turns are known: an agent that learns anything trades."""
    folder = tmp_path_factory.mktemp("page")
    assert main(["run", "series=square_wave", *FAST_CSV, f"run.dir={folder}/runs"]) == 0
    return next(folder.glob("runs/*/*/report.json")).parent


@pytest.fixture(scope="module")
def seen(run, tmp_path_factory):
    return opened(run / "report.html", tmp_path_factory.mktemp("browser"), DRIVE)


def test_the_page_opens_without_a_fault_and_asks_no_host(seen):
    assert seen["faults"] == []
    assert seen["asked"] == []
    assert seen["charts"] >= 9


def test_buttons_and_keys_move_every_panel_s_time(seen):
    assert seen["whole"] == [0, 0]
    assert seen["month"] == pytest.approx(31)
    assert seen["moved"] == pytest.approx(3.1)
    assert seen["zoomed"] == pytest.approx(15.5)
    assert seen["reset"] == [0, 0]


def test_dark_is_dark_in_the_page_and_in_its_charts(seen):
    assert seen["themes"] == ["dark", "rgb(13, 21, 34)", "#e6ebf2", "light", "rgb(248, 250, 252)"]


def test_equity_is_drawn_on_one_scale_at_a_time(seen):
    assert seen["linear"] == [False, True]


def test_trades_are_sorted_by_their_numbers_and_come_along_as_csv(seen, run):
    report = json.loads((run / "report.json").read_text(encoding="utf-8"))
    agent = report["backtest"]["strategies"]["agent"]["metrics"]
    count = agent["closed_trades"] + agent["open_trades"]
    assert count > 10
    assert len(seen["up"]) == count
    assert seen["up"] == sorted(seen["up"])
    assert seen["down"] == sorted(seen["down"], reverse=True)
    assert seen["sort"] == "descending"
    lines = seen["csv"].splitlines()
    assert lines[0].startswith('"instrument","side","entry_time"')
    assert len(lines) == count + 1


def test_the_numbers_on_the_page_are_those_of_report_json(seen, run):
    report = json.loads((run / "report.json").read_text(encoding="utf-8"))
    assert seen["verdict"] == report["honesty"]["verdict"]
    strategies = report["backtest"]["strategies"]
    assert seen["cards"][0] == shown(strategies["agent"]["metrics"]["total_return"], "percent")
    names = [cell.replace(" ", "_") for cell in seen["strategies"][0][1:]]
    assert names == list(strategies)
    for number, name in enumerate(names, start=1):
        assert seen["strategies"][1][number] == shown(strategies[name]["metrics"]["total_return"], "percent")


def test_what_a_reader_cannot_see_has_words(seen):
    assert seen["unnamed"] == 0


PHONE = "--window-size=500,900"  # no window of Chromium is narrower


def test_the_page_fits_a_phone(run, tmp_path):
    seen = opened(run / "report.html", tmp_path, LOOK, PHONE)
    assert (seen["faults"], seen["asked"], seen["width"]) == ([], [], 500)
    assert seen["beyond"] <= 0


def test_a_reader_who_asks_for_dark_pages_gets_one(run, tmp_path):
    seen = opened(run / "report.html", tmp_path, LOOK, "--blink-settings=preferredColorScheme=0")
    assert seen["theme"] == "dark"


def test_the_list_of_runs_and_a_comparison_open_without_a_fault(run, tmp_path, monkeypatch):
    monkeypatch.chdir(run.parents[2])
    other = run.with_name(f"{run.name[:-1]}z")
    shutil.copytree(run, other)
    assert main(["report", f"inputs.run=[{run},{other}]"]) == 0
    assert main(["report", f"inputs.run={run}"]) == 0
    for name, charts in (("index", 0), ("compare", 1)):
        seen = opened(run.parents[1] / f"{name}.html", tmp_path / name, LOOK, PHONE)
        assert (seen["faults"], seen["asked"], seen["rows"], seen["canvases"]) == ([], [], 2, charts), name
        assert seen["beyond"] <= 0, name
        assert {seen["first"], seen["sorted"]} <= {f"square_wave {one.name[-4:]}" for one in (run, other)}


WALK = (
    "walk-forward", "series=square_wave", *FAST_CSV, "walk_forward.folds=2", "walk_forward.seeds=1", "agent.steps=600",
    "agent.learning_starts=100", "agent.validate_every=300",
)  # fmt: skip


def in_this_process(prepared, tasks, progress):
    """Compute every fold here: a process of its own takes seconds to begin."""
    for task in tasks:
        compute(prepared.config, prepared.parts, task)
    return len(tasks)


def test_a_walk_s_page_shows_its_folds(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(walk, "run_all", in_this_process)
    assert main([*WALK]) == 0
    (path,) = tmp_path.glob("runs/*/*/report.json")
    report = json.loads(path.read_text(encoding="utf-8"))
    seen = opened(path.with_suffix(".html"), tmp_path, LOOK)
    assert (seen["faults"], seen["asked"], seen["canvases"]) == ([], [], 4)
    for fold in report["walk_forward"]["folds"]:
        assert fold["verdict"] in seen["cells"]
        assert shown(fold["buy_and_hold"]["total_return"], "percent") in seen["cells"]

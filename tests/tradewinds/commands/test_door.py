"""The door: every wrong request is answered in one line, before any work, and leaves nothing behind."""

import gzip

import pytest
import yaml

from tradewinds.__main__ import ACTIONS, STAGES, read_words
from tradewinds.core.errors import GateError, RequestError
from tradewinds.core.resources import resource_dir

from markets import ALL_KINDS, KINDS
from story import write_bars

EXPERIMENTS = sorted(path.stem for path in (resource_dir("conf") / "experiment").glob("*.yaml"))
MODELS = sorted(ALL_KINDS)
OF_BARS = sorted(KINDS)


def files_for_mistakes(folder):
    """Files that a person might name by mistake."""
    write_bars(folder / "good.csv")
    write_bars(folder / "short.csv", num_bars=40)
    (folder / "empty.csv").write_text("")
    (folder / "header.csv").write_text("date,close\n")
    (folder / "words.csv").write_text("date,close\n2020-01-01,10\n2020-01-02,ten\n2020-01-03,11\n")
    (folder / "binary.csv").write_bytes(bytes(range(256)))
    (folder / "page.csv").write_text("<!doctype html><html></html>")
    (folder / "broken.csv.gz").write_bytes(gzip.compress(b"date,close\n2020-01-01,1\n" * 50)[:-20])
    (folder / "conf").mkdir()
    (folder / "my" / "model").mkdir(parents=True)
    (folder / "my" / "model" / "latin.yaml").write_bytes("kind: grü".encode("latin-1"))
    (folder / "my" / "model" / "snake.yaml").write_text("kind: &tail [*tail]\n")
    (folder / "my" / "model" / "three.yaml").write_text("defaults: 3\n")


WRONG = [
    (["runn"], "unknown stage 'runn'; did you mean 'run'?"),
    (["run", "--fast"], "unknown flag '--fast'; allowed: -h, -m"),
    (["run", "seed"], "cannot read 'seed': an option is key=value"),
    (["run", "run.name=my name (1)"], "needs quotes of its own, such as 'key=\"a value\"'"),
    (["run", "model.hiden_size=3"], "unknown key 'model.hiden_size'; did you mean 'model.hidden_size'?"),
    (["run", "+model.hiden_size=3"], "unknown key 'model.hiden_size'; did you mean 'model.hidden_size'?"),
    (["run", "++mdel.x=1"], "unknown key 'mdel'; did you mean 'model'?"),
    (["run", "modl=gru"], "unknown key 'modl'; did you mean 'model'?"),
    (["run", "text.path=a.csv"], "unknown key 'text.path' with text.kind=none; add text=csv or text=parquet"),
    (["run", "pictures.lag_hours=1"], "unknown key 'pictures.lag_hours' with pictures.kind=none; add pictures=folder"),
    (["run", "weather.path=a.csv"], "'weather.path' with weather.kind=none; add weather=csv or weather=parquet"),
    (["run", "series.path=a.csv"], "'series.path' with series.kind=sample; add series=csv or series=parquet"),
    (["run", "env.id=Taxi-v3"], "unknown key 'env.id' with env.kind=trading; add env=gymnasium"),
    (["predict", "env=classification", "new_path=a.ts"], "unknown key 'new_path'; did you mean 'env.new_path'?"),
    (["run", "series=csv", "path=a.csv"], "unknown key 'path'; did you mean 'series.path'?"),
    (["run", "model=lstmm"], f"model must be one of {', '.join(MODELS)}, was 'lstmm'; did you mean 'lstm'?"),
    (["run", "-m", "model=glob(x*)"], f"'model=glob(x*)' matches none of {', '.join(MODELS)}"),
    (["run", "run.dir=good.csv/runs"], "run.dir must be a folder that can be written, was 'good.csv/runs'"),
    (
        ["run", "experiment=gas_wether"],
        f"one of {', '.join(EXPERIMENTS)}, was 'gas_wether'; did",
    ),
    (
        ["run", "model.kind=lstmm"],
        f"model.kind must be one of {', '.join(ALL_KINDS)}, was 'lstmm'; did you mean 'lstm'?",
    ),
    (
        ["run", "model=slstm", "model.patch_length=65"],
        "model.patch_length must lie in [2, context_length = 64] bars, w",
    ),
    (["run", "model=mlstm", "model.num_heads=5"], "model.num_heads must divide hidden_size = 32, was 5"),
    (
        ["run", "model.patch_length=4"],
        "model.patch_length is read by slstm and mlstm only: leave it at 8 for lstm, was",
    ),
    (
        ["run", "agent.kind=dqm"],
        "ppo, q_learning, recurrent_dqn, recurrent_ppo, reinforce, sb3, was 'dqm'; did you mean 'dqn'?",
    ),
    (["run", "model.hidden_size=abc"], "model.hidden_size must be a whole number, was 'abc'"),
    (["run", "model.hidden_size=2.5"], "model.hidden_size must be a whole number, was 2.5"),
    (["run", "agent.double=perhaps"], "agent.double must be true or false, was 'perhaps'"),
    (["run", "env.exposures=1"], "env.exposures must be a list such as [a,b], was 1"),
    (["run", "model.hidden_size=0"], "model.hidden_size must be at least 1 unit, was 0"),
    (["run", "split.test=0.5"], "split.forecaster, agent, validation and test must sum to 1, their sum was 1.3"),
    (["run", "env.costs.fee_bps=-1"], "env.costs.fee_bps must lie in [0, 10000) basis points, was -1"),
    (
        ["run", "series=ou", "env.actions=exposure"],
        "agent.kind=dqn needs an environment with discrete actions; env.actions must be levels, was 'exposure'",
    ),
    (
        ["run", "series=ou", "env.costs.slippage_bps_per_volume_percent=1"],
        "env.costs.slippage_bps_per_volume_percent needs a series with volume, and ou has none; set 0",
    ),
    (["run", "env.reward.kind=sharpe"], "env.reward.kind must be one of log_growth, drawdown, variance, differ"),
    (["run", "env.exposures=[0,2]"], "env.exposures must be within the leverage cap of 1, were [0.0, 2.0]"),
    (["run", f"seed={'9' * 400}"], "seed must be a whole number of at most 18 digits, was 999"),
    (
        ["run", f"seed={'9' * 5000}"],
        "cannot read 'seed=99999999999999999999999999999999999...': a number has at most 18",
    ),
    (["run", f"env.costs.fee_bps={'9' * 400}"], "env.costs.fee_bps must be a number, was 999"),
    (["run", "-m", "seed=interval(1,3)"], "'seed=interval(1,3)' names no values: Can only enumerate CHOICE and RANGE"),
    (
        ["run", "-m", "seed=range(1,3,0)"],
        "'seed=range(1,3,0)' names no values: range() arg 3 must not be zero; a sweep",
    ),
    (
        ["run", "-m", "seed=range(3,1)"],
        "'seed=range(3,1)' is empty; a sweep is a,b or range(1,3), or glob(*) of a group",
    ),
    (
        ["run", "run.dir=r\udcff"],
        "cannot read 'run.dir=r\\udcff': it is not UTF-8 text; give the file or folder a name",
    ),
    (["run", "run.dir='r\udcff'"], "it is not UTF-8 text; give the file or folder a name that is"),
    (["run", "seed=1,2"], "'seed=1,2' names several values; add -m"),
    (["run", "seed=${nope.x}"], "cannot resolve seed: Interpolation key 'nope.x' not found"),
    (["run", "run.name=${oc.env:NO_SUCH}"], "cannot resolve run.name:"),
    (["run", "~seed"], "cannot delete 'seed'"),
    (
        ["run", "-m", "hydra/launcher=joblib"],
        "'hydra/launcher' has no effect here: a launcher knows nothing of runs that count one another; runs of -m go "
        "side by side on all cores, and executor=ray spreads them over machines (docs/scale.md)",
    ),
    (["walk-forward", "executor=dask"], "executor must be one of local, ray, was 'dask'"),
    (
        ["walk-forward", "executor.address=10.0.0.1:6379"],
        "executor.address is read by executor=ray alone, was 10.0.0.1:6379 with executor=local; add executor=ray",
    ),
    (
        ["walk-forward", "executor=ray", "executor.address='ray://head:10001'"],
        "executor.address must be host:port of the head of a cluster of Ray, such as 10.0.0.1:6379, was 'ray://",
    ),
    (
        ["run", "executor=ray"],
        "executor=ray does what can be split: walk-forward, search, and runs of -m of run, classify, train-forecaster, "
        "encode, train-agent, backtest, leakcheck; this run is one piece; leave executor=ray out",
    ),
    (
        ["walk-forward", "-m", "executor=local,ray"],
        "executor must be one for all runs of a sweep; name one, and sweep over something else",
    ),
    (["run", "hydra.run.dir=x"], "'hydra.run.dir' is Hydra's own and has no effect here; run.dir sets where"),
    (["run", "run.name=../up"], "run.name must be letters, digits, - and _, at most 64 of them, was '../up'"),
    (["run", "series=csv"], "series.path is required; give series.path=..."),
    (["run", "series=csv", "series.path=god.csv"], "there is no file god.csv; did you mean 'good.csv'?"),
    (["run", "series=csv", "series.path=conf"], "conf is a folder"),
    (["run", "series=csv", "series.path=empty.csv"], "empty.csv is empty"),
    (["run", "series=csv", "series.path=header.csv"], "header.csv has a header and no rows"),
    (["run", "series=csv", "series.path=binary.csv"], "binary.csv is not text"),
    (["run", "series=csv", "series.path=page.csv"], "page.csv is a web page or XML, not CSV"),
    (["run", "series=csv", "series.path=broken.csv.gz"], "broken.csv.gz is a damaged or truncated gzip file"),
    (["run", "series=csv", "series.path=words.csv"], "words.csv, row 3, column close: 'ten' is not a number"),
    (
        ["run", "series=csv", "series.path=good.csv", "series.close=clos"],
        "good.csv has no column 'clos'; did you mean 'close'? (columns there: open, high, low, close)",
    ),
    (["run", "series=csv", "series.path=short.csv"], "40 rows are too few: the forecaster part gets 20 rows and needs"),
    (["run", "series.first=2018-12-01"], "19 rows are too few: feature volatility_20 is defined on none of them"),
    (["run", "series.first=2030-01-01"], "has no bar between series.first=2030-01-01 and series.last=None"),
    (["run", "series.first=May"], "series.first must be a date such as 2015-01-31, was 'May'"),
    (["run", "series.instruments=[DAX]"], "series.instruments of sp500 must be one of SPX, was 'DAX'"),
    (["run", "weather=chicago", "weather.columns=[heat]"], "has no column 'heat'"),
    (["run", "weather=gulf_plant"], "market and weather do not overlap: sp500 runs 1999-01-04 to 2018-12-31"),
    (["train-agent"], "no forecaster under runs/sp500 yet; train one first"),
    (["backtest"], "no agent under runs/sp500 yet; train one first"),
    (["backtest", "inputs.agent=conf"], "conf holds no agent: it has no readable manifest.json"),
    (["run", "+time_format=unix"], "unknown key 'time_format'; did you mean 'series.time_format' or 'weather.time_fo"),
    (["run", "inputs.agent=x"], "inputs.agent is read by backtest, and run does without; leave it out, or type"),
    (
        ["retrain", "inputs.forecaster=x"],
        "inputs.forecaster is read by encode, train-agent, predict, backtest, and retrain",
    ),
    (
        ["backtest", "inputs.run=x"],
        "inputs.run is read by enjoy, runs, report, and backtest does without; leave it out",
    ),
    (["report", "inputs.agent=x"], "inputs.agent is read by backtest, and report does without; leave it out, or type"),
    (["run", "run.dir=/proc/x"], "run.dir must be a folder that can be written, was '/proc/x', and '/proc' cannot"),
    (
        ["run", "env=gymnasium", "agent=ppo", "env.id=tradewinds/Trading-v0"],
        "env.id must name an environment that Gymnasium can make, was 'tradewinds/Trading-v0': TradingEnv.__init__()",
    ),
    (
        ["run", "env=gymnasium", "agent=q_learning"],
        "env.id=CartPole-v1: agent.columns must lie within the 4 observed ones, was (-8, -2)",
    ),
    (["report"], "no finished run under runs yet; type `tradewinds run` first"),
    (["signal"], "'sp500' has no champion under runs; type `tradewinds retrain` first"),
    (["models"], "models needs one of list, promote, rollback, rebuild"),
    (
        ["models", "promot"],
        "models needs one of list, promote, rollback, rebuild, export, backup, restore, was 'promot'; did you mean 'p",
    ),
    (["models", "promote", "3", "run.name=x"], "models.version must be a version of 'x' (none yet), was 3"),
    (["models", "rollback", "run.name=x"], "'x' has no earlier champion to go back to"),
    (["data", "show"], "data needs one of list, verify, inspect, was 'show'"),
    (["schedule", "schedule.cron=often"], "schedule.cron and exchange: exactly one must be set"),
    (["schedule", "schedule.cron=often", "schedule.exchange=null"], "schedule.cron must be five fields"),
    (["schedule", "schedule.cron='0 0 30 2 *'", "schedule.exchange=null"], "schedule.cron must name a day that comes"),
    (
        ["schedule", f"schedule.minutes_after_close={10**17}"],
        "schedule.minutes_after_close must lie in [0, 10080] minutes, was 1",
    ),
    (["schedule", "schedule.exchange=NYSE2"], "schedule.exchange must be an exchange such as XNYS or CMES"),
    (["run", "--config-dir", "nowhere"], "--config-dir must name a folder, was 'nowhere'"),
    (
        ["run", "--config-dir", "my", "model=latin"],
        "a YAML file is not UTF-8 text ('utf-8' codec can't decode byte 0xfc",
    ),
    (["run", "--config-dir", "my", "model=snake"], "a YAML file has an alias (*name) that contains itself; write the"),
    (["run", "--config-dir", "my", "model=three"], "Invalid defaults list in 'model/three', defaults must be a list"),
]


@pytest.mark.parametrize(("words", "message"), WRONG, ids=[" ".join(words)[:80] for words, _ in WRONG])
def test_a_wrong_request_gets_one_clear_line_and_leaves_nothing_behind(words, message, tradewinds, tmp_path):
    files_for_mistakes(tmp_path)
    before = sorted(path.name for path in tmp_path.rglob("*"))
    answer = tradewinds(*words)
    assert answer.status == 2
    assert message in answer.err
    assert answer.err.startswith("tradewinds: ")
    assert answer.err.count("\n") == 1
    assert answer.out == ""
    assert sorted(path.name for path in tmp_path.rglob("*")) == before


def test_several_faults_are_told_together(tradewinds):
    answer = tradewinds("run", "model.hidden_size=0", "model.horizon=0", "trainer.epoch=3")
    assert "model.hidden_size must be at least 1 unit, was 0" in answer.err
    assert "model.horizon must be at least 1 bar, was 0" in answer.err
    assert "unknown key 'trainer.epoch'; did you mean 'trainer.epochs'?" in answer.err


def test_a_sweep_with_one_wrong_run_starts_none(tradewinds, tmp_path):
    answer = tradewinds("run", "-m", "model.hidden_size=8,0")
    assert answer.status == 2
    assert list(tmp_path.iterdir()) == []


def test_a_sweep_expands_groups_and_values(tradewinds):
    answer = tradewinds("run", "-m", "--cfg", "job", "model=lstm,gru", "seed=range(1,3)")
    requests = list(yaml.safe_load_all(answer.out))
    assert [(r["model"]["kind"], r["seed"]) for r in requests] == [("lstm", 1), ("lstm", 2), ("gru", 1), ("gru", 2)]


def test_a_glob_sweeps_every_choice_of_a_group(tradewinds):
    answer = tradewinds("run", "-m", "--cfg", "job", "model=glob(*,exclude=day*)")
    assert [r["model"]["kind"] for r in yaml.safe_load_all(answer.out)] == OF_BARS


def test_an_experiment_is_what_it_says_and_the_command_line_has_the_last_word(tradewinds):
    request = yaml.safe_load(tradewinds("run", "--cfg", "job", "experiment=gas_weather", "env.costs.fee_bps=3").out)
    assert request["series"]["name"] == "henry_hub"
    assert request["weather"]["name"] == "chicago"
    assert request["env"]["execution"] == "next_close"
    assert request["env"]["costs"]["fee_bps"] == 3.0


@pytest.mark.parametrize("name", ["my", "a,b", "a[b", "it's my = 50% #?"])
def test_a_folder_of_the_user_s_own_adds_choices(name, tradewinds, tmp_path):
    (tmp_path / name / "model").mkdir(parents=True)
    (tmp_path / name / "model" / "tiny.yaml").write_text(
        "kind: gru\ncontext_length: 8\nhorizon: 1\nhidden_size: 4\nnum_layers: 1\ndropout: 0.0\n"
    )
    answer = tradewinds("run", "--cfg", "job", "--config-dir", name, "model=tiny")
    assert yaml.safe_load(answer.out)["model"]["hidden_size"] == 4


def test_what_cfg_prints_is_a_request_of_its_own(tradewinds):
    from tradewinds.request.schema import request_from

    request = request_from(yaml.safe_load(tradewinds("run", "--cfg", "job").out))
    assert request_from(request.plain()) == request


def test_help_names_every_stage_and_its_options(tradewinds):
    answer = tradewinds("--help")
    assert answer.status == 0
    for stage in STAGES:
        assert f"  {stage} " in answer.out
        page = tradewinds(stage, "--help").out
        assert f"Usage: tradewinds {stage}" in page
        assert ", ".join(MODELS) in page
        assert "seed: 7" in page
        if stage in ACTIONS:
            assert "|".join(ACTIONS[stage]) in page


def test_help_and_refusals_load_neither_torch_nor_pandas(tmp_path):
    import subprocess
    import sys

    code = (
        "import sys; from tradewinds.__main__ import main; "
        "main(['run', '--help']); main(['run', 'model.hiden_size=1']); "
        "print([name for name in ('torch', 'pandas', 'pytorch_lightning', 'bokeh') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_an_unexpected_failure_exits_1_with_its_reason_and_a_log(tradewinds, monkeypatch):
    import tradewinds.commands.data as stage

    def fail(*_):
        raise RuntimeError("the disk\nis full")

    monkeypatch.setattr(stage, "main", fail)
    answer = tradewinds("data", "list")
    assert answer.status == 1
    assert "failed: RuntimeError: the disk is full; details in " in answer.err
    log = answer.err.strip().rsplit(" ", 1)[-1]
    with open(log, encoding="utf-8") as file:
        assert "Traceback" in file.read()


def test_a_sweep_goes_on_after_a_run_that_came_to_nothing_and_exits_with_the_largest_status(tradewinds, monkeypatch):
    import tradewinds.commands.data as stage

    faults = {1: GateError("the challenger\nlost"), 2: RequestError("no such column"), 3: RuntimeError("disk full")}

    def work(config, console, _):
        if config.seed in faults:
            raise faults[config.seed]
        console.result(f"seed {config.seed} is done")
        return {}

    monkeypatch.setattr(stage, "main", work)
    answer = tradewinds("data", "list", "-m", "seed=1,2,3,4")
    lines = answer.err.splitlines()
    assert lines[:2] == ["tradewinds: the challenger lost", "tradewinds: no such column"]
    assert lines[2].startswith("tradewinds: failed: RuntimeError: disk full; details in ")
    assert answer.out == "seed 4 is done\n"
    assert answer.status == 3
    assert tradewinds("data", "list", "-m", "seed=2,4").status == 2
    assert tradewinds("data", "list", "-m", "seed=4,5").status == 0


def test_ctrl_c_stops_a_sweep(tradewinds, monkeypatch):
    import tradewinds.commands.data as stage

    def interrupt(config, console, _):
        console.result(f"seed {config.seed}")
        raise KeyboardInterrupt

    monkeypatch.setattr(stage, "main", interrupt)
    assert tradewinds("data", "list", "-m", "seed=1,2").out == "seed 1\n"


def test_ctrl_c_is_no_traceback(tradewinds, monkeypatch):
    import tradewinds.commands.data as stage

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(stage, "main", interrupt)
    answer = tradewinds("data", "list")
    assert (answer.status, answer.err) == (1, "tradewinds: interrupted; nothing half-written was left\n")


@pytest.mark.parametrize(
    ("stage", "short", "full"),
    [
        ("classify", "path=a.ts", "env.path=a.ts"),
        ("classify", "test_path=b.ts", "env.test_path=b.ts"),
        ("benchmark-day-ahead", "path=np.csv", "day_ahead.path=np.csv"),
        ("benchmark-day-ahead", "published=p.csv", "day_ahead.published=p.csv"),
        ("backtest", "model=champion", "models.version=champion"),
        ("predict", "model=3", "models.version=3"),
    ],
)
def test_a_short_word_of_a_command_is_a_key_of_the_request(stage, short, full):
    assert read_words([stage, short]).overrides == read_words([stage, full]).overrides

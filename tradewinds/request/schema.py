"""The schema of a request: every key a user may set, with its type and range. Values stand in conf/.

Light on purpose: no torch, no pandas, no Hydra, so that `--help` and a misspelled key are answered at once.
"""

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field
from pydantic.dataclasses import dataclass

from forecaster.benchmark.config import BenchmarkConfig
from forecaster.config import (
    DAYWISE,
    BaselineConfig,
    FeatureConfig,
    ForecasterConfig,
    ModelConfig,
    RecalibrationConfig,
    SplitConfig,
    TrainerConfig,
)
from tradewinds.core.errors import RequestError
from tradewinds.core.executor_config import ExecutorConfig
from tradewinds.core.laws import distinct, require
from tradewinds.core.plugins import METRICS, SECTIONS, kinds, words
from tradewinds.data.rules import DataConfig, Date
from tradewinds.data.senses_config import NoPictures, NoText
from tradewinds.request.search_settings import SearchConfig
from tradewinds.request.validate import build


def _run_name(text: str) -> str:
    if not text.replace("-", "").replace("_", "").isalnum() or len(text) > 64:
        raise ValueError("must be letters, digits, - and _, at most 64 of them")
    return text


def _rising(numbers: tuple[float, ...]) -> tuple[float, ...]:
    if list(numbers) != sorted(set(numbers)):
        raise ValueError("must be a list that rises")
    return numbers


Bars = Annotated[int, Field(ge=2, description="bars")]


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """Where results go, and on how many threads.

    Attributes:
        name: folder under `dir`, and the name of the model in the registry; null takes the name of the series.
        dir: folder of all runs, relative to where the command is typed.
        database: name of an environment variable that holds the address of a PostgreSQL database, for the registry and
            the jobs of `schedule`: an address may hold a password, and a request is written into every manifest;
            null: `registry.db` in `dir`.
        loggers: to whom the losses and scores of trainings are told as they go: `csv`, `tensorboard` (extra
            `tensorboard`), `mlflow` (extra `tracking`), `wandb`, or a plugin's group `logger`; of those of
            `walk-forward` and `leakcheck` no one is told.
        tracking_uri: where MLflow keeps them, a folder or an address; null: `mlruns` in `dir`.
        threads: threads that torch computes with in this process, at least 1, whatever the machine has; another number
            ends in other last digits.
    """

    name: Annotated[str, AfterValidator(_run_name)] | None
    dir: Annotated[str, Field(min_length=1, description="the name of a folder")]
    database: (
        Annotated[
            str,
            Field(
                pattern=r"^[A-Za-z_][A-Za-z0-9_]*$",
                description="the name of an environment variable that holds postgresql+psycopg://user@host/name",
            ),
        ]
        | None
    ) = None
    loggers: Annotated[tuple[str, ...], AfterValidator(distinct)] = ()
    tracking_uri: str | None = None
    threads: Annotated[int, Field(ge=1, le=1024, description="threads")] = 1


READERS = {  # commands that look at what was named, by the key that names it
    "forecaster": ("encode", "train-agent", "predict", "backtest"),
    "agent": ("backtest",),
    "run": ("enjoy", "runs", "report"),
    "resume": ("train-forecaster", "run", "classify", "train-agent"),
}


@dataclass(frozen=True, kw_only=True)
class InputsConfig:
    """Which earlier artifacts a stage starts from: a folder, or `latest` of the same run name.

    Attributes:
        forecaster: folder of a trained forecaster.
        agent: folder of a trained agent.
        run: folder of a finished run, for `report` and `enjoy`; for `report` several, too, to be compared.
        resume: folder of an interrupted training (`forecaster.checkpoint`, `agent.checkpoint` or
            `classifier.checkpoint`), or null to start afresh.
    """

    forecaster: str
    agent: str
    run: str | tuple[str, ...]
    resume: str | None

    def refuse(self, command: str) -> None:
        """Refuse an artifact that was named and that a command would not look at.

        Raises:
            RequestError: another command would.
        """
        for name, readers in READERS.items():
            if getattr(self, name) not in ("latest", None) and command not in readers:
                raise RequestError(
                    f"inputs.{name} is read by {', '.join(readers)}, and {command} does without; leave it out, or "
                    f"type tradewinds {readers[-1]}"
                )


@dataclass(frozen=True, kw_only=True)
class RolloutConfig:
    """How the agent meets the rows it learns from.

    Attributes:
        episode_bars: bars of one training episode, started at a random row; at least 2. Parts shorter than that are
            played whole.
        standard_errors: by how many, at least 0, what the forecast shows on the agent's rows and a candidate on the
            validation rows must together beat doing nothing (docs/selection.md), so that luck on few bars is not taken
            for skill. 0 keeps whatever scored best.
        instrument: which instrument the agent trades, where the series has several; null for the only one.
        observe: what the agent sees of a bar, beside its own account, in this order: `hidden_state` and `forecast` of
            the forecaster; `chances` of the classes of each bar ahead (`model.head=bins`); `plan`, the exposure that
            the best plan on the forecast takes from each level that may be held; `features`, what the forecaster itself
            reads of the bar. A storage unit sees one row a day, and its price forecast or, with `forecasts`, all that
            are made of its prices (docs/battery.md).
    """

    episode_bars: Bars
    standard_errors: Annotated[float, Field(ge=0, description="standard errors")]
    instrument: str | None
    observe: Annotated[
        tuple[Literal["hidden_state", "forecast", "forecasts", "chances", "plan", "features"], ...],
        Field(min_length=1, description="of hidden_state, forecast, forecasts, chances, plan and features"),
        AfterValidator(distinct),
    ]


@dataclass(frozen=True, kw_only=True)
class BacktestConfig:
    """How the test span is judged.

    Attributes:
        random_draws: rotations of the agent's own positions behind `random_same_turnover`, at least 1.
        bootstrap_draws: draws behind the confidence interval of the Sharpe ratio and the SPA p-value, at least 100.
        plot_points: bars drawn at most per line in the report; the numbers always use all bars.
        attributions: forecasts of the test rows, evenly spread, that are taken apart into what each feature and bar
            added (docs/forecaster.md); needs the extra `explain`. 0: none.
        ablation: whether networks of the same seed are trained without texts, pictures and charts, and with each of
            them alone, and stand on the page beside the run's own (docs/modalities.md).
        metrics: names of metrics of your own, one number a strategy each (docs/plugins.md).
        sections: names of sections of your own, at the end of the page.
        since: the first day that a model made before is judged on (`models.version`, or an agent of other data); null:
            all that it never learned from.
        seen: whether that day may lie in the time that the model learned from; the report says so.
    """

    random_draws: Annotated[int, Field(ge=1, le=10_000, description="draws")]
    bootstrap_draws: Annotated[int, Field(ge=100, description="draws")]
    plot_points: Annotated[int, Field(ge=100, description="bars")]
    attributions: Annotated[int, Field(ge=0, le=100_000, description="forecasts")] = 0
    ablation: bool = False
    metrics: Annotated[tuple[Annotated[str, AfterValidator(METRICS.known)], ...], AfterValidator(distinct)] = ()
    sections: Annotated[tuple[Annotated[str, AfterValidator(SECTIONS.known)], ...], AfterValidator(distinct)] = ()
    since: Date | None = None
    seen: bool = False


@dataclass(frozen=True, kw_only=True)
class LeakcheckConfig:
    """How `leakcheck` looks for leaks.

    Attributes:
        bars: last bars of the series that are walked, at least 50; doubled until the split has room.
        cuts: bars at which the future is replaced, and at which bars stop coming, at most each; all where there are
            fewer; at least 10.
        epochs: epochs a forecaster is fitted for at most, at least 1.
        agent_steps: env steps an agent is trained for at most, at least 100.
        audit: whether every column, label and score says when it was known, beside the worlds.
        placebos: worlds in which nothing can be known, in each of which all is fitted anew; 0 leaves them out.
    """

    bars: Annotated[int, Field(ge=50, description="bars")]
    cuts: Annotated[int, Field(ge=10, description="bars")]
    epochs: Annotated[int, Field(ge=1, description="epochs")]
    agent_steps: Annotated[int, Field(ge=100, description="env steps")]
    audit: bool = True
    placebos: Annotated[int, Field(ge=0, le=10_000, description="worlds")]


@dataclass(frozen=True, kw_only=True)
class WalkForwardConfig:
    """How `walk-forward` cuts the series, and how much of the machine it takes.

    Attributes:
        mode: `anchored` folds learn from all that came before; `rolling` ones from as many bars as the first.
        folds: tests that follow one another, at least 1; forecaster and agent are fitted anew for each.
        seeds: seeds of each fold, at least 1: `seed`, `seed` + 1, ...
        test_share: share of all bars that is tested, in (0, 0.9].
        workers: processes of one thread each, at least 1; null takes one a core.
    """

    mode: Literal["anchored", "rolling"]
    folds: Annotated[int, Field(ge=1, le=1000, description="tests")]
    seeds: Annotated[int, Field(ge=1, le=1000, description="seeds")]
    test_share: Annotated[float, Field(gt=0, le=0.9, description="a fraction of all bars")]
    workers: Annotated[int, Field(ge=1, description="processes")] | None


@dataclass(frozen=True, kw_only=True)
class RetrainConfig:
    """When a challenger takes the champion's place.

    Attributes:
        min_bars: unseen bars, or cases, both must be judged on, at least 2.
        margin: log growth per year by which the challenger must beat the champion on those bars, at least 0; of
            classifiers nats a case, of games return an episode.
        start: `fresh` has one challenger, fitted anew; `champion` a second one beside it, whose forecaster goes on from
            the champion's weights. Both are judged by the same law, and the winner that leads by more is promoted.
    """

    min_bars: Bars
    margin: Annotated[float, Field(ge=0, description="log growth a year")]
    start: Literal["fresh", "champion"] = "fresh"


@dataclass(frozen=True, kw_only=True)
class SignalConfig:
    """What `signal` asks of the data.

    Attributes:
        max_age: bars of the series' calendar that may have closed since its last one, at least 0; null asks nothing.
            A series that states its own end, a shipped sample or a made-up world, is not asked.
        holdings: a CSV of what is really held, `symbol,units` with cash as a symbol of its own; orders that lead from
            there to what is wanted are then told, too. null tells exposures alone.
    """

    max_age: Annotated[float, Field(ge=0, description="bars")] | None = 2.0
    holdings: str | None = None


@dataclass(frozen=True, kw_only=True)
class PredictConfig:
    """What `predict` tells, and where.

    Attributes:
        path: a file to write, ending in .csv, .parquet or .json; null prints CSV.
        levels: chances with which the values ahead fall below what is told of them, rising, each above 0 and below 1.
    """

    path: str | None = None
    levels: Annotated[
        tuple[Annotated[float, Field(gt=0, lt=1, description="a chance")], ...],
        Field(min_length=1, description="chances"),
        AfterValidator(_rising),
    ] = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True, kw_only=True)
class ScheduleConfig:
    """When `retrain` runs by itself: on a cron expression, or some minutes after an exchange's close.

    Attributes:
        cron: five-field cron expression in UTC, or null to follow `exchange`.
        exchange: ISO 10383 code of the exchange (XNYS, CMES, ...) whose close starts the clock, or null.
        minutes_after_close: minutes between that close and the retraining, in [0, 10080], at most a week.
        attempts: times a retraining that failed (exit status 1) is tried, at least 1.
        patience: due times without a new bar, at least 1, after which each is warned of.
        once: run one due retraining now, wait for it and return, instead of serving for ever.
        print: say how a machine keeps this command running, as a `systemd` unit or a line of a `crontab`, or that
            line's log short, by `logrotate`; no more.
    """

    cron: str | None
    exchange: str | None
    minutes_after_close: Annotated[int, Field(ge=0, le=10_080, description="minutes")]
    attempts: Annotated[int, Field(ge=1, description="times")]
    once: bool
    patience: Annotated[int, Field(ge=1, description="due times")] = 3
    print: Literal["systemd", "crontab", "logrotate"] | None = None  # older requests have none

    def __post_init__(self) -> None:
        require(
            (
                (self.cron is None) != (self.exchange is None),
                f"cron and exchange: exactly one must be set, were {self.cron!r} and {self.exchange!r}; "
                "set the other to null",
            )
        )


@dataclass(frozen=True, kw_only=True)
class ModelsConfig:
    """Which registered model is meant.

    Attributes:
        version: number of a version, as `models list` prints it, to be promoted, exported, to predict or to be judged
            by `backtest`; or `champion`, whichever it is; null where none is named.
        reason: a sentence kept in the registry's log.
        path: the file of `models backup` and `models restore`, ending in .tar, .tar.gz or .tgz; or the folder that
            `models export` writes, which must not be there.
    """

    version: int | Literal["champion"] | None
    reason: str
    path: str | None = None  # older requests have none


@dataclass(frozen=True, kw_only=True)
class StatusConfig:
    """How `status` tells.

    Attributes:
        format: `text` for people, `prometheus` for its node exporter or a pushgateway; --json gives all there is.
    """

    format: Literal["text", "prometheus"] = "text"


VARIABLE = Field(
    pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", description="the name of an environment variable, such as TRADEWINDS_TOKEN"
)


@dataclass(frozen=True, kw_only=True)
class ServeConfig:
    """How `serve` answers.

    Attributes:
        host: address of this machine that is listened at; one that others can reach needs a `token`.
        port: 0 takes any that is free.
        token: name of the environment variable that holds a token which every request must bear; null asks for none.
        refresh_seconds: between two looks at the data, at least 1; who is the champion is looked at every second.
        timeout_seconds: that a request may take, at least 1, and as long is waited at the end for those under way.
        rate: requests a second of one address; more are answered with status 429; null asks nothing.
    """

    host: Annotated[str, Field(min_length=1, description="an address, such as 127.0.0.1")] = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65_535, description="a port")] = 8321
    token: Annotated[str, VARIABLE] | None = None
    refresh_seconds: Annotated[float, Field(ge=1, description="seconds")] = 60.0
    timeout_seconds: Annotated[float, Field(ge=1, le=3600, description="seconds")] = 10.0
    rate: Annotated[float, Field(gt=0, description="requests a second")] | None = 1000.0


@dataclass(frozen=True, kw_only=True)
class PaperConfig:
    """How `paper` follows the champion.

    Attributes:
        minutes: between two looks for what is new, until it is stopped; null looks once and returns.
    """

    minutes: Annotated[float, Field(gt=0, le=10_080, description="minutes, a week at most")] | None = None


@dataclass(frozen=True, kw_only=True)
class NotifyConfig:
    """Who is told what happens to a model, by Apprise.

    Attributes:
        urls: names of environment variables, each of which holds one address: an address holds a secret, and a request
            is written into every manifest.
    """

    urls: tuple[
        Annotated[
            str,
            Field(
                pattern=r"^[A-Za-z_][A-Za-z0-9_]*$",
                description="the name of an environment variable that holds an address, such as OPS_URL",
            ),
        ],
        ...,
    ] = ()


@dataclass(frozen=True, kw_only=True)
class PruneConfig:
    """Which runs `runs prune` removes: those that any rule sends away, but none that a model in use rests on.

    Attributes:
        days: what was begun longer ago goes; null asks nothing.
        keep: of each name the newest stay, the others go; null asks nothing.
        gigabytes: the oldest go until the rest is smaller; null asks nothing.
        dry: only say what would go.
    """

    days: Annotated[float, Field(ge=0, description="days")] | None = None
    keep: Annotated[int, Field(ge=0, description="runs")] | None = None
    gigabytes: Annotated[float, Field(ge=0, description="gigabytes")] | None = None
    dry: bool = False


@dataclass(frozen=True, kw_only=True)
class DayAheadConfig:
    """What `benchmark-day-ahead` is given.

    Attributes:
        path: CSV of a time, a price and columns that are known ahead, of 24 hours a day; null where none is meant.
        published: CSV of a time and forecasts of the hours that are judged, a column each; null for none.
        test_days: the last days, which are judged.
    """

    path: str | None = None
    published: str | None = None
    test_days: Annotated[int, Field(ge=7, description="days")] = 728


@dataclass(frozen=True, kw_only=True)
class EnjoyConfig:
    """How long `enjoy` plays.

    Attributes:
        episodes: fresh greedy episodes, at least 2.
        pictures: steps of the first of them that the video shows at most; 0 writes none.
    """

    episodes: Annotated[int, Field(ge=2, description="episodes")] = 20
    pictures: Annotated[int, Field(ge=0, le=10_000, description="pictures")] = 500


@dataclass(frozen=True, kw_only=True)
class InitConfig:
    """What `init` writes.

    Attributes:
        folder: of a project of plug-ins, whose name the package in it has; null where none is meant.
    """

    folder: str | None = None


@dataclass(frozen=True, kw_only=True)
class Config:
    """One request: everything that decides its numbers, and where they go.

    Attributes:
        seed: the one seed all randomness of the run is derived from, in [0, 2**31).
        run: where results go.
        data: how data are read and fetched.
        tracking: `mlflow` tells MLflow every command, whole, at `run.tracking_uri`; `none` tells nobody.
        series: the market series (kinds: `tradewinds.plugins`).
        weather: exogenous columns beside it, or `none`.
        text: texts beside it, or `none` (kinds: `tradewinds.plugins`).
        pictures: pictures beside it, or `none`.
        features: what the LSTM reads of a bar.
        model: the recurrent network.
        trainer: how it is fitted.
        recalibration: how it is fitted anew as days come.
        baselines: forecasts beside it, besides those that are always there.
        split: who may see which rows.
        env: the market's rules and costs (kinds: `tradewinds.plugins`).
        agent: the agent (kinds: `tradewinds.plugins`).
        executor: who does what a command splits into tasks.
        rollout: how the agent meets the rows it learns from.
        backtest: how the test span is judged.
        inputs: which earlier artifacts a stage starts from.
        retrain: when a challenger wins.
        signal: what `signal` asks of the data.
        predict: what `predict` tells, and where.
        schedule: when `retrain` runs by itself.
        models: what the registry commands act on.
        status: how `status` tells.
        paper: how `paper` follows the champion.
        prune: which runs `runs prune` removes.
        notify: who is told what happens to a model.
        serve: how `serve` answers.
        benchmark: the file and the budget of `benchmark-forecaster`.
        day_ahead: the files of `benchmark-day-ahead`.
        leakcheck: how `leakcheck` looks for leaks.
        walk_forward: how `walk-forward` cuts the series.
        init: what `init` writes.
        enjoy: how long `enjoy` plays.
        search: what `search` tries.
    """

    seed: Annotated[int, Field(ge=0, lt=2**31)]
    run: RunConfig
    data: DataConfig
    tracking: Literal["none", "mlflow"] = "none"  # older requests have none
    series: object
    weather: object
    text: object = NoText()  # older requests have none
    pictures: object = NoPictures()
    features: FeatureConfig
    model: ModelConfig
    trainer: TrainerConfig
    recalibration: RecalibrationConfig = RecalibrationConfig()  # older requests have none
    baselines: BaselineConfig
    split: SplitConfig
    env: Any
    agent: object
    executor: ExecutorConfig = ExecutorConfig()  # older requests have none
    rollout: RolloutConfig
    backtest: BacktestConfig
    inputs: InputsConfig
    retrain: RetrainConfig
    signal: SignalConfig = SignalConfig()  # older requests, of manifests and queues, have none
    predict: PredictConfig = PredictConfig()  # older requests have none
    schedule: ScheduleConfig
    models: ModelsConfig
    status: StatusConfig = StatusConfig()  # older requests have none
    paper: PaperConfig = PaperConfig()  # older requests have none
    prune: PruneConfig = PruneConfig()  # older requests have none
    notify: NotifyConfig = NotifyConfig()  # older requests have none
    serve: ServeConfig = ServeConfig()  # older requests have none
    benchmark: BenchmarkConfig
    day_ahead: DayAheadConfig = DayAheadConfig()  # older requests have none
    leakcheck: LeakcheckConfig
    walk_forward: WalkForwardConfig
    init: InitConfig = InitConfig()  # older requests have none
    enjoy: EnjoyConfig = EnjoyConfig()  # older requests have none
    search: SearchConfig = SearchConfig()  # older requests have none

    @property
    def senses(self) -> dict[str, Any]:
        """The settings of texts and pictures, by group."""
        return {"text": self.text, "pictures": self.pictures}

    @property
    def reads_senses(self) -> tuple[str, ...]:
        """What is read beside numbers: of `text`, `pictures` and `chart`."""
        groups = [name for name, settings in self.senses.items() if getattr(settings, "kind", "none") != "none"]
        return (*groups, *(["chart"] if self.features.chart_bars else []))

    @property
    def sources(self) -> tuple[Any, Any, DataConfig, dict[str, Any]]:
        """All that decides which data are read: series, weather, rules, texts and pictures."""
        return self.series, self.weather, self.data, self.senses

    @property
    def forecaster(self) -> ForecasterConfig:
        """What the forecaster's room needs to know."""
        return ForecasterConfig(
            features=self.features, model=self.model, trainer=self.trainer, recalibration=self.recalibration
        )

    def deciding(self) -> dict[str, Any]:
        """Return, as plain data, the keys that decide a run's numbers: everything but places and schedules."""
        places = (
            "run",
            "tracking",
            "executor",
            "data",
            "inputs",
            "retrain",
            "signal",
            "predict",
            "schedule",
            "models",
            "status",
            "paper",
            "prune",
            "notify",
            "serve",
            "benchmark",
            "day_ahead",
            "leakcheck",
            "walk_forward",
            "init",
            "enjoy",
            "search",
        )
        return {key: value for key, value in self.plain().items() if key not in places} | {"data": self.data.deciding()}

    def plain(self) -> dict[str, Any]:
        """Return the whole request as plain data that `request_from` reads back."""
        plain: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(self)))
        return plain

    @property
    def hash(self) -> str:
        """Sixty-four hexadecimal digits that change exactly when a deciding value changes."""
        return hashlib.sha256(json.dumps(self.deciding(), sort_keys=True).encode()).hexdigest()


def request_from(plain: Mapping[str, Any]) -> Config:
    """Validate plain data into a `Config`.

    Raises:
        RequestError: every fault found, in one line.
    """
    config = build(Config, _in_present_words(plain), kinds=kinds(), words=words())
    series: Any = config.series
    if getattr(series, "target", None) != "auto":
        return config
    target = "level" if config.model.kind in DAYWISE else "log_return"
    return dataclasses.replace(config, series=dataclasses.replace(series, target=target))


def _in_present_words(plain: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a request with `run.tensorboard`, which manifests and people still have, as one of `run.loggers`."""
    run = plain.get("run")
    if not isinstance(run, Mapping) or not isinstance(run.get("tensorboard"), bool):
        return plain
    loggers = list(run.get("loggers", ()))
    if run["tensorboard"] and "tensorboard" not in loggers:
        loggers.append("tensorboard")
    others = {name: value for name, value in run.items() if name != "tensorboard"}
    return {**plain, "run": {**others, "loggers": loggers}}

"""Each contract broken once: the check says what was given, what is allowed, and what to do."""

from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pandas as pd
import pytest
import pytorch_lightning as pl
import torch
import torch.nn.functional as F
from torch import nn

from forecaster.networks.heads import PointHead
from forecaster.networks.rnn import RecurrentNetwork
from tradewinds import testing
from tradewinds.data.assemble.loaded import LoadedColumns, LoadedSeries
from tradewinds.data.readers.origin import Origin
from tradewinds.tasks.forecast_only.task import ForecastOnlyTask
from tradewinds.testing.rules import made_series
from trading_agent.common.loop import TrainedAgent
from trading_agent.common.policy import ConstantPolicy
from trading_env.account.rewards import Reward


class LoudNetwork(RecurrentNetwork):
    """Its decoder does not start at zero."""

    def __init__(self, config, num_features, outputs):
        super().__init__(config, num_features, outputs)
        nn.init.ones_(self.decoder.bias)


class FlatNetwork(RecurrentNetwork):
    """Its outputs have no axis of bars."""

    def decode(self, hidden_state, context):
        return super().decode(hidden_state, context)[:, 0]


class BatchNetwork(RecurrentNetwork):
    """It normalises a window by those beside it."""

    def encode(self, context):
        return super().encode(context - context.mean(dim=0))


class RememberingNetwork(RecurrentNetwork):
    """It adds what it read before."""

    before = 0.0

    def encode(self, context):
        state = super().encode(context) + self.before
        self.before = float(context.detach().mean())
        return state


class IdleNetwork(RecurrentNetwork):
    """It has a weight that is not used."""

    def __init__(self, config, num_features, outputs):
        super().__init__(config, num_features, outputs)
        self.spare = nn.Parameter(torch.ones(3))


class DetachedNetwork(RecurrentNetwork):
    """No gradient passes its state, and the last bar does not reach it."""

    def encode(self, context):
        return super().encode(context).detach()


class DrawnNetwork(RecurrentNetwork):
    """Its weights are drawn by NumPy, whatever torch's seed."""

    def __init__(self, config, num_features, outputs):
        super().__init__(config, num_features, outputs)
        self.recurrent.weight_hh_l0.data += float(np.random.default_rng().normal())


MODELS = {
    LoudNetwork: "untrained outputs reach 1; they must be zero",
    FlatNetwork: r"outputs must be \(B, H, P\) = \(6, 3, 2\), was \(6, 2\); mind the axes",
    BatchNetwork: "a window's outputs depend on the windows beside it; normalise over features",
    RememberingNetwork: "have other outputs after others were read; a network must keep nothing between calls",
    IdleNetwork: "no gradient reaches spare; use every weight",
    DetachedNetwork: "no gradient reaches recurrent",
    DrawnNetwork: "two networks of one torch seed have other weights",
    partial(dict): "the builder failed with TypeError",
    lambda config, num_features, outputs: nn.Linear(1, 1): "the builder returned a Linear; it must return a",
}


@pytest.mark.parametrize(("builder", "message"), MODELS.items())
def test_a_broken_architecture_is_told(builder, message):
    with pytest.raises(testing.ConformanceError, match=message):
        testing.check_model(builder)


class BiasedHead(PointHead):
    def point(self, outputs):
        return super().point(outputs) + 1.0


class CrossingHead(PointHead):
    def quantiles(self, outputs):
        return outputs.expand(*outputs.shape[:2], 19) * torch.linspace(1.0, -1.0, 19).sign()


class GainHead(PointHead):
    """It is taught to err."""

    def loss(self, outputs, target):
        return -super().loss(outputs, target)


class UncentredHead(PointHead):
    def point(self, outputs):
        return 2.0 * super().point(outputs)


HEADS = {
    BiasedHead: "the point of outputs of zero is 1; it must be 0, no change",
    CrossingHead: "quantiles cross; build them from steps that are positive",
    GainHead: "lead the point away from the target; turn the loss's sign",
    UncentredHead: "the centre does not move the point by as much; set centre to None",
}


@pytest.mark.parametrize(("head", "message"), HEADS.items())
def test_a_broken_head_is_told(head, message):
    with pytest.raises(testing.ConformanceError, match=message):
        testing.check_head(lambda model, trainer, bins: head("mse"))


LOSSES = {
    "it must be one number": lambda forecast, target: F.mse_loss(forecast, target, reduction="none"),
    "turn its sign": lambda forecast, target: -F.mse_loss(forecast, target),
    "must be finite, was inf": lambda forecast, target: (3.0 * (target - forecast)).square().exp().mean(),
    "make it of its arguments by torch alone": lambda forecast, target: F.mse_loss(forecast.detach(), target),
}


@pytest.mark.parametrize(("message", "loss"), LOSSES.items())
def test_a_broken_loss_is_told(message, loss):
    message = "must be one number" if "one number" in message else message
    with pytest.raises(testing.ConformanceError, match=message):
        testing.check_loss(loss)


class RuinousReward(Reward):
    def of(self, n, *, before, after, **_):
        with np.errstate(all="ignore"):
            return np.log(np.float64(after) / before), ()


class BranchingReward(Reward):
    def of(self, n, *, before, after, **_):
        growth = self.growth(n, before, after)
        return growth * (2.0 if np.max(growth) > 0.0 else 1.0), ()


class CountingReward(Reward):
    calls = 0

    def of(self, n, **bar):
        self.calls += 1
        return super().of(n, **bar)[0] + self.calls, ()


class CuriousReward(Reward):
    def of(self, n, *, turnover, **bar):
        return super().of(n, turnover=None, **bar)[0] - turnover, ()


REWARDS = {
    RuinousReward: "the reward is not finite, as at ruin, where equity is 0; take Reward.growth",
    BranchingReward: "one account is rewarded .* and the same among many .*; take where, maximum and minimum",
    CountingReward: "the reward differs from call to call; keep nothing",
    CuriousReward: "name in `reads` what else it is handed",
}


@pytest.mark.parametrize(("reward", "message"), REWARDS.items())
def test_a_broken_reward_is_told(reward, message):
    with pytest.raises(testing.ConformanceError, match=message):
        testing.check_reward(reward)


def overwrite(series):
    series.close[:] = 1.0
    return series.close[:, 0]


seen = []
FEATURES = {
    r"must return \(T,\) = \(160,\), one number a bar, was \(160, 1\)": lambda series: series.close,
    "is not finite at row 50; only rows before the first value may be NaN": lambda series: np.where(
        np.arange(len(series.index)) == 50, np.nan, series.close[:, 0]
    ),
    "was another when bars after row 64 changed": lambda series: series.close[:, 0] - series.close.mean(),
    "was another when bars after row 64 were not there": lambda series: np.full(len(series.index), len(series.index)),
    "the feature said something else of the same series": lambda series: (
        seen.append(1) or series.close[:, 0] + len(seen) // 9
    ),
    "the feature failed with ValueError: assignment destination is read-only": overwrite,
}


@pytest.mark.parametrize(("message", "feature"), FEATURES.items())
def test_a_broken_feature_is_told(message, feature):
    with pytest.raises(testing.ConformanceError, match=message):
        testing.check_feature(feature)


BASELINES = {
    r"must return \(N, H\) = \(120, 3\), .* was \(3,\)": lambda series, rows, horizon: np.zeros(horizon),
    "is not finite everywhere; say 0": lambda series, rows, horizon: np.full((len(rows), horizon), np.nan),
    "was another when bars after it changed": lambda series, rows, horizon: np.full(
        (len(rows), horizon), series.changes()[1:].mean()
    ),
    "when that row alone was asked for": lambda series, rows, horizon: np.full((len(rows), horizon), float(len(rows))),
}


@pytest.mark.parametrize(("message", "baseline"), BASELINES.items())
def test_a_broken_baseline_is_told(message, baseline):
    with pytest.raises(testing.ConformanceError, match=message):
        testing.check_baseline(baseline)


METRICS = {
    "the metric of an account that never trades is nan; it must be a finite number, or None": lambda c, i, year: float(
        np.mean(i) / np.std(i)
    ),
    "the metric of one that is ruined is -inf": lambda c, i, year: float(np.log(c[-1])),
    "was .*, and .* when asked again; it must keep nothing": lambda c, i, year: float(np.random.default_rng().normal()),
    "failed with ValueError: assignment destination is read-only": lambda c, i, year: c.__setitem__(0, 1.0),
}


@pytest.mark.parametrize(("message", "metric"), METRICS.items())
def test_a_broken_metric_is_told(message, metric):
    with pytest.raises(testing.ConformanceError, match=message):
        testing.check_metric(metric)


SECTIONS = {
    "returned a NoneType; it must return HTML": lambda document, folder: None,
    "fetches something .*; a page opens no address": lambda document, folder: "<img src='https://example.org/a.png'>",
    "leaves </p> open or out of order": lambda document, folder: "<p><b>bold</p>",
    "changed the document": lambda document, folder: str(document["warnings"].append("mine")),
    "failed with KeyError": lambda document, folder: document["nothing"],
}


@pytest.mark.parametrize(("message", "section"), SECTIONS.items())
def test_a_broken_section_is_told(message, section):
    with pytest.raises(testing.ConformanceError, match=message):
        testing.check_section(section)


class Unwritable(pl.Callback):
    def state_dict(self):
        return {"me": self}


class Failing(pl.Callback):
    def on_train_epoch_end(self, trainer, pl_module):
        raise KeyError("nothing")


ONE = pl.Callback()
CALLBACKS = {
    "the callback is a str; it must be a pytorch_lightning.Callback": lambda: "mine",
    "the callback is the same when made again": lambda: ONE,
    "a training with the callback failed with TypeError": Unwritable,
    "a training with the callback failed with KeyError": Failing,
    "it must be made without arguments": lambda number: ONE,
}


@pytest.mark.parametrize(("message", "make"), CALLBACKS.items())
def test_a_broken_callback_is_told(message, make):
    with pytest.raises(testing.ConformanceError, match=message):
        testing.check_callback(make)


LOGGERS = {
    "the logger lacks log_hyperparams, log_metrics, save, finalize": lambda training: object(),
    "the logger failed with FileNotFoundError": lambda training: (training.run / "log").open("w"),
    "it must take a tradewinds.pipeline.loggers.Logged": lambda: None,
}


@pytest.mark.parametrize(("message", "make"), LOGGERS.items())
def test_a_broken_logger_is_told(message, make):
    with pytest.raises(testing.ConformanceError, match=message):
        testing.check_logger(make)


class LuckyPolicy(ConstantPolicy):
    def act(self, observations):
        return np.random.default_rng().integers(0, 3, len(observations))


class StrangePolicy(ConstantPolicy):
    kind = "strange"


def trained(policy):
    return lambda env, settings, **options: TrainedAgent(policy=policy, best_step=0, best_score=0.0, history=())


AGENTS = {
    "it must return trading_agent.common.loop.TrainedAgent": lambda env, settings, **options: ConstantPolicy(0),
    r"must return an action of Discrete\(3\) for each of the 4": trained(ConstantPolicy(7)),
    "it must act without chance": trained(LuckyPolicy(0)),
    "the policy's kind 'strange' is not offered": trained(StrangePolicy(0)),
    "two trainings of one seed end in other policies": lambda env, settings, **options: trained(
        ConstantPolicy(int(seen.append(1) or len(seen) % 2))
    )(env, settings),
}


@pytest.mark.parametrize(("message", "train"), AGENTS.items())
def test_a_broken_agent_is_told(message, train):
    with pytest.raises(testing.ConformanceError, match=message):
        testing.check_agent(train, object())


def test_a_policy_that_cannot_be_loaded_is_told():
    with pytest.raises(testing.ConformanceError, match="the policy lacks settings, tensors, from_saved; see"):
        testing.check_policy(type("Bare", (), {"kind": "bare", "act": lambda self, observations: None}))


@dataclass(frozen=True)
class Settings:
    last: str | None = None


SOURCE = ({"file": "x", "sha256": "0" * 64, "rows": 160},)


def whole_scaled(settings, rules):
    """Load bars whose prices hang on the last one that is read."""
    series = made_series()
    series = series.rows(range(int((series.index <= pd.Timestamp(settings.last or "2200-01-01", tz="UTC")).sum())))
    prices = {name: getattr(series, name) / series.close[-1, 0] for name in ("open", "high", "low", "close")}
    return LoadedSeries(replace(series, **prices), sources=SOURCE)


LOADERS = {
    "it must return tradewinds.data.assemble.loaded.LoadedSeries": lambda settings, rules: made_series(),
    "two readings differ": lambda settings, rules: LoadedSeries(made_series(seed=seen.append(1) or len(seen))),
    "sources must say of each file its name and sha256": lambda settings, rules: LoadedSeries(made_series()),
    "`last` at row 96 left 160 bars": lambda settings, rules: LoadedSeries(made_series(), sources=SOURCE),
    "of earlier bars is another when `last` is set": whole_scaled,
}


@pytest.mark.parametrize(("message", "load"), LOADERS.items())
def test_a_broken_source_of_bars_is_told(message, load):
    with pytest.raises(testing.ConformanceError, match=message):
        testing.check_series(load, Settings())


DAY = pd.Timedelta(days=1)


def columns(days=None, *, known=DAY, value=1.0):
    index = pd.date_range("2020-01-01", periods=9, freq="D", tz="UTC") if days is None else days
    return LoadedColumns(pd.DataFrame({"rain": value}, index=index), {"rain": index + known}, Origin.counted("x", 9))


WEATHER = {
    "in UTC and rising; localise and sort it": columns(pd.date_range("2020-01-01", periods=9, freq="D")),
    "rain is known before its interval begins": columns(known=-DAY),
    "rain holds infinite values": columns(value=np.inf),
    "available must say when each column is known, of rain, was of snow": replace(columns(), available={"snow": 1}),
}


@pytest.mark.parametrize(("message", "part"), WEATHER.items())
def test_a_broken_source_of_columns_is_told(message, part):
    with pytest.raises(testing.ConformanceError, match=message):
        testing.check_weather(lambda settings, rules: part, Settings())


class DumbTask(ForecastOnlyTask):
    prediction = property()


def test_a_task_that_lacks_a_part_of_the_port_is_told():
    with pytest.raises(testing.ConformanceError, match="the task lacks prediction; see tradewinds"):
        testing.check_task(DumbTask, Settings())

"""What was known when: every column, label and score of every experiment says so, and each planted mistake is named."""

import dataclasses
import json
import time
from functools import cache

import numpy as np
import pandas as pd
import pytest
from batteries import BY_BARS
from hypothesis import given
from hypothesis import strategies as st

import forecaster.data.datamodule
import forecaster.data.features
import forecaster.data.future_covariates
import forecaster.evaluation.scores
import forecaster.fitted
import forecaster.training.instruments as instruments
import forecaster.training.training_set as fit_data
import tradewinds.data.assemble.early as early
import tradewinds.data.assemble.exogenous as exogenous
import tradewinds.data.providers.samples as samples
import tradewinds.data.providers.user_files as user_files
import tradewinds.tasks.account.market as account_market
import tradewinds.tasks.bar_forecasts as bar_forecasts
import tradewinds.tasks.storage.market as power_market
import tradewinds.tasks.storage.task as storage_task
from forecaster.fitted import fit_panel
from forecaster.hidden_states import encode
from forecaster.training.training_set import training_set
from tradewinds.commands.leakcheck import shortened
from tradewinds.core.console import Silent
from tradewinds.core.resources import resource_dir
from tradewinds.data.assemble.loaded import LoadedSeries, Parts
from tradewinds.leakcheck.audit import audit_known, audit_of_run, table_lines
from tradewinds.leakcheck.stretch import aligned, moment_of, parts_of, world_of
from tradewinds.leakcheck.worlds import another_world, known_until
from tradewinds.pipeline.task import Models
from tradewinds.request.compose import compose_requests
from tradewinds.request.schema import request_from
from tradewinds.tasks import job_of
from tradewinds.tasks.storage.delivery import known_at
from tradewinds.tasks.storage.second_clock import decision_times
from trading_agent.common.policy import ConstantPolicy
from trading_env import BatteryConfig

from markets import noise_series, with_ahead
from planting import prepared_of, request, series
from story import write_bars

EXPERIMENTS = (
    "series=sp500",
    *(f"experiment={one}" for one in ("gas_weather", "temperature", "houston", "houston_weather")),
)
WEATHER = "experiment=houston_weather"
SMALL = ("model.hidden_size=4", "trainer.epochs=1", "trainer.batch_size=1024")
HOUR = pd.Timedelta(hours=1)


def whole(*words):
    """A shipped experiment, on networks that read bars."""
    bars = BY_BARS if "houston" in words[0] else ()
    (plain,) = compose_requests([*words, *bars, *SMALL], [resource_dir("conf")], multirun=False)
    return job_of(request_from(plain), whole=True)


def experiment(*words):
    """A shipped experiment on its last bars."""
    return aligned(shortened(aligned(whole(*words)), Silent()))


@cache
def fitted_models(words):
    """An experiment and its forecaster, fitted in a blink; of the code as it is."""
    return modelled(experiment(*words.split()))


def modelled(prepared):
    fitted = fit_panel(prepared.panel, prepared.config.forecaster, prepared.split.forecaster, seed=0)
    ours = fitted[prepared.series.instruments[0]]
    env = prepared.config.env
    action = (0.3,) if getattr(env, "actions", "") == "power" else 0
    return prepared, Models(ours, encode(ours, prepared.series), ConstantPolicy(action))


def played(prepared):
    """The bars on which the leak check plays an agent."""
    return range(prepared.split.agent.start, len(prepared.series.index))


def account(*words):
    return modelled(prepared_of(request(*words), Parts(LoadedSeries(series()))))


def audited(prepared, models):
    return audit_known(prepared, models, played(prepared))


# --- laws


@given(
    st.integers(0, 23),
    st.sampled_from(["America/Chicago", "Europe/Berlin", "Asia/Kolkata", "UTC"]),
    st.integers(0, 360),
)
def test_the_second_clock_and_the_join_agree_on_when_a_row_is_read(hour, zone, day):
    index = pd.date_range("2021-01-01", periods=100, freq="h", tz="UTC").as_unit("ns") + pd.Timedelta(days=day)
    unit = BatteryConfig(time_zone=zone, gate_closure_hour=hour)
    made = dataclasses.replace(noise_series(100, bar_length="1h"), index=index, exogenous=pd.DataFrame(index=index))
    second = decision_times(made, unit)
    assert (second.reads == known_at(index, made.close_time, unit)).all()
    assert (second.prices <= index).all()
    local = index.tz_convert(zone)
    assert (second.decides == ((local + HOUR).day != local.day)).all()


@given(st.integers(0, 40), st.integers(0, 3))
def test_a_column_of_the_series_own_is_read_as_it_was_known_and_as_new_as_that(hours, lead):
    """Values are their bars' numbers: bar r is known when it closes, or when a bar `lead` hours before it does."""
    numbers = np.arange(60.0)
    if lead:
        made = with_ahead(noise_series(60, bar_length="1h"), hours=lead, load=numbers)
    else:
        made = noise_series(60, bar_length="1h", exogenous=pd.DataFrame({"load": numbers}))
    loaded = early.read_early(LoadedSeries(made), lambda starts, closes: closes - hours * HOUR)
    rows = np.flatnonzero(made.index.isin(loaded.series.index))
    assert rows.tolist() == list(range(max(hours - lead, 0), 60))
    assert (loaded.series.exogenous["load"].to_numpy() == np.minimum(rows - hours + lead, rows)).all()


# --- what ships


@pytest.mark.parametrize("words", EXPERIMENTS)
def test_every_column_that_is_read_stands_in_the_table_and_is_known_in_time(words):
    prepared, models = fitted_models(words)
    audit = audited(prepared, models)
    assert audit.leak is None
    names = {use: [one.name for one in audit.columns if one.use == use] for use in ("observation", "label", "score")}
    agent = [name.removeprefix("agent.") for name in names["observation"] if name.startswith("agent.")]
    read = [name for name in names["observation"] if not name.startswith("agent.")]
    assert tuple(read) == models.forecaster.feature_names
    lessons = training_set(prepared.panel, prepared.config.forecaster, prepared.split.forecaster)
    reading = models.forecaster.reading
    unread = 0 if reading is None else len(lessons.tables[0].names) - len(reading.columns)
    assert lessons.data.features.shape[2] + lessons.data.static.shape[1] + unread == len(read)
    labels = [f"label_{ahead + 1}" for ahead in range(prepared.config.model.horizon)]
    assert names["label"] == ([*labels, "reward"] if prepared.task.acts else labels)
    assert f"score.{prepared.config.model.kind}" in names["score"]
    if prepared.task.acts:
        env = prepared.task.vector_env(prepared, models.states, "agent", num_envs=1)
        assert len(agent) == len(set(agent)) == env.single_observation_space.shape[0]
        assert len(prepared.task.observed(prepared, models, played(prepared)).names) == len(agent)
    slacks = {one.use: [] for one in audit.columns}
    for one in audit.columns:
        slacks[one.use] += [] if one.slack_hours is None else [one.slack_hours]
        assert one.slack_hours is not None or one.how in ("told", "recomputed"), one
    assert min(slacks["observation"]) >= 0.0
    assert min(slacks["label"] + slacks["score"]) > 0.0
    assert not [note for note in audit.notes if "not audited" in note]
    assert len(table_lines(audit.columns)) == 3


def test_the_weather_of_a_gate_row_was_known_at_the_gate():
    prepared, models = fitted_models(WEATHER)
    columns = {one.name: one for one in audited(prepared, models).columns}
    weather, gas, tomorrow = columns["temp_f"], columns["henry_hub"], columns["label_24"]
    assert pd.Timestamp(weather.known_at) - pd.Timestamp(weather.valid_at) == HOUR
    assert pd.Timestamp(gas.known_at) - pd.Timestamp(gas.valid_at) == pd.Timedelta(days=3)
    assert tomorrow.slack_hours == 14.0  # from ten in the morning to midnight
    assert columns["agent.hidden_state_0"].how == "stamped"


# --- what is planted


def gate_left_out(monkeypatch):
    monkeypatch.setattr(storage_task, "known_at", lambda starts, closes, config: closes)
    return "column temp_f holds a value that became known at"


def the_lag_of_the_weather_dropped(monkeypatch):
    monkeypatch.setitem(samples.LAGS, "gulf_plant", pd.Timedelta(0))
    return "column temp_f: it is known 1 hours after its interval begins, and was read 0 hours after"


def the_lag_of_gas_shortened(monkeypatch):
    monkeypatch.setitem(samples.LAGS, "henry_hub", pd.Timedelta(days=1))
    return "column henry_hub: it is known 72 hours after its interval begins, and was read 24 hours after"


def one_column_joined_early(monkeypatch):
    original = exogenous.join_as_of

    def join(closes, table, available):
        moments = {name: one - 3 * HOUR * int(name == "rel_humidity_pct") for name, one in available.items()}
        return original(closes, table, moments)

    monkeypatch.setattr(exogenous, "join_as_of", join)
    return "column rel_humidity_pct holds a value that became known at"


def weather_read_in_local_time(monkeypatch):
    original = samples._weather_columns

    def read(config):
        part = original(config)
        table = part.table.set_axis(pd.DatetimeIndex(part.table.index) - 5 * HOUR)
        return dataclasses.replace(part, table=table, available=dict.fromkeys(table, table.index + HOUR))

    monkeypatch.setattr(samples, "_weather_columns", read)
    return (
        "column temp_f: its file holds times from 2021-05-01T06:00:00+00:00 to 2022-01-26T18:00:00+00:00, and was read"
    )


PLANTED = [
    gate_left_out,
    the_lag_of_the_weather_dropped,
    the_lag_of_gas_shortened,
    one_column_joined_early,
    weather_read_in_local_time,
]


@pytest.mark.parametrize("plant", PLANTED, ids=lambda plant: plant.__name__)
def test_weather_that_is_read_too_early_is_named(plant, monkeypatch):
    words = plant(monkeypatch)
    leak = audit_known(whole(WEATHER)).leak
    assert (leak.probe, leak.stage) == ("audit", "series")
    assert words in leak.what, leak.what


def test_a_zone_of_the_user_s_file_that_is_not_minded_is_found(tmp_path, monkeypatch):
    write_bars(tmp_path / "mine.csv", 200)
    hours = pd.date_range("2020-01-01", periods=300 * 24, freq="h", tz="Etc/GMT+6")
    warm = pd.DataFrame({"time": hours.strftime("%Y-%m-%dT%H:%M"), "warm": np.arange(len(hours)) % 7})
    warm.to_csv(tmp_path / "warm.csv", index=False)
    files = (f"series.path={tmp_path}/mine.csv", f"weather.path={tmp_path}/warm.csv", "weather.time_zone=Etc/GMT+6")
    config = request("series=csv", "weather=csv", *files, "weather.columns=[warm]", "weather.lag_hours=1")
    assert audit_known(job_of(config, whole=True)).leak is None
    original = user_files.read_table

    def read(paths, **options):
        table = original(paths, **options)
        return dataclasses.replace(table, index=table.index - 6 * HOUR) if table.has("warm") else table

    monkeypatch.setattr(user_files, "read_table", read)
    leak = audit_known(job_of(config, whole=True)).leak
    assert "column warm: its file holds times from 2020-01-01T06:00:00+00:00 to" in leak.what


def test_a_gate_reckoned_in_utc_is_found(monkeypatch):
    def utc(starts, closes, config):
        return known_at(starts, closes, dataclasses.replace(config, time_zone="Pacific/Honolulu"))

    monkeypatch.setattr(storage_task, "known_at", utc)
    assert "column temp_f holds a value" in audit_known(whole(WEATHER)).leak.what


def the_change_of_the_bar_before(original):
    return lambda changes, rows, horizon: original(changes, rows - 1, horizon)


def the_change_of_the_context(original):
    return lambda changes, rows, horizon: original(changes, rows - horizon, horizon)


@pytest.mark.parametrize(
    "shift", [the_change_of_the_bar_before, the_change_of_the_context], ids=lambda one: one.__name__
)
@pytest.mark.parametrize("kind", ["lstm", "seq2seq", "segment_lstm"])
def test_labels_that_are_known_already_are_found(shift, kind, monkeypatch):
    config = request(
        f"model={kind}", *(("model.context_length=6", "model.segment_length=3") if kind == "segment_lstm" else ())
    )
    prepared = prepared_of(config, Parts(LoadedSeries(series())))
    assert audit_known(prepared).leak is None
    monkeypatch.setattr(forecaster.data.datamodule, "labels", shift(forecaster.data.datamodule.labels))
    leak = audit_known(prepared).leak
    assert (leak.probe, leak.stage) == ("audit", "forecaster_fit")
    assert leak.what.startswith("label_1 of the window that ends at this bar is the change of ")
    assert "already known" in leak.what


def test_labels_of_another_place_are_found_too(monkeypatch):
    """What the baselines are fitted to, and a target that was moved before it was cut."""
    prepared = prepared_of(request(), Parts(LoadedSeries(series())))
    with monkeypatch.context() as patch:
        patch.setattr(
            instruments,
            "labels",
            the_change_of_the_bar_before(instruments.labels),
        )
        assert "what the baselines are fitted to is not the change" in audit_known(prepared).leak.what
    original = type(prepared.panel).changes
    monkeypatch.setattr(type(prepared.panel), "changes", lambda self: np.roll(original(self), 1, axis=0))
    leak = audit_known(prepared).leak
    assert leak.what == "label of one is not the change of its bar, but that of the bar 1 earlier"


def test_a_purge_that_is_dropped_is_found(monkeypatch):
    original = fit_data.window_rows

    def rows_without_purge(rows, **options):
        chosen = original(rows, **options)
        return dataclasses.replace(chosen, fit=np.arange(chosen.fit[0], chosen.stop[0]))

    monkeypatch.setattr(fit_data, "window_rows", rows_without_purge)
    leak = audit_known(prepared_of(request(), Parts(LoadedSeries(series())))).leak
    assert leak.what.startswith("label_2 of the fit rows reaches to ")


def test_the_calendar_of_the_next_session_is_named(monkeypatch):
    """Whether tomorrow is a session is not known today; its weekday says so."""
    original = forecaster.data.features.cycles
    monkeypatch.setattr(
        forecaster.data.features,
        "cycles",
        lambda index, length: original(index.append(index[-1:] + length)[1:], length),
    )
    leak = audit_known(whole("series=sp500")).leak
    assert (leak.probe, leak.stage) == ("audit", "features")
    assert leak.what == "column month_sin is that of the bar 1 later, not of its own bar"


def hourly_announcements(hours):
    made = noise_series(400, seed=3, bar_length="1h")
    wind = np.random.default_rng(2).normal(0.0, 1.0, 400)
    return Parts(LoadedSeries(with_ahead(made, hours=hours, wind=wind)))


def test_an_announcement_that_is_read_an_hour_too_early_is_named(monkeypatch):
    config = request("model=seq2seq", "model.horizon=4", "model.context_length=5")
    prepared = prepared_of(config, hourly_announcements(2))
    audit = audit_known(prepared)
    assert audit.leak is None
    (wind,) = (one for one in audit.columns if one.name == "ahead.wind")
    assert (wind.how, wind.slack_hours) == ("stamped", 0.0)
    original = forecaster.data.future_covariates.FutureCovariates.known

    def read(part, starts, now):
        far = {name: lead + HOUR for name, lead in part.leads.items()}
        return original(dataclasses.replace(part, leads=far), starts, now)

    monkeypatch.setattr(forecaster.data.future_covariates.FutureCovariates, "known", read)
    leak = audit_known(prepared).leak
    assert (leak.probe, leak.stage) == ("audit", "forecasts")
    assert leak.what.startswith("column ahead.wind holds a value that became known at ")


def test_scaling_by_later_rows_and_features_of_later_bars_are_named(monkeypatch):
    original = forecaster.data.features._price_features

    def centred(built, config):
        columns = original(built, config)
        columns["range"] = pd.Series(columns["range"]).rolling(3, center=True, min_periods=1).mean().to_numpy()
        return columns

    monkeypatch.setattr(forecaster.data.features, "_price_features", centred)
    leak = audit_known(prepared_of(request(), Parts(LoadedSeries(series())))).leak
    assert "column range is another when the bars after" in leak.what


def test_a_forecast_issued_later_than_it_is_scored_for_is_found(monkeypatch):
    prepared, models = account()
    assert audited(prepared, models).leak is None
    original = forecaster.evaluation.scores._forecasts

    def fresher(fitted, series, states, classical, rows):
        told = original(fitted, series, states, classical, rows)
        later = states.forecast[np.minimum(rows + 1, len(states.forecast) - 1)]
        fresh = np.column_stack([told["lstm"][:, :1], later[:, :-1]])
        return {**told, "lstm": fresh}

    monkeypatch.setattr(forecaster.evaluation.scores, "_forecasts", fresher)
    leak = audited(prepared, models).leak
    assert (leak.probe, leak.stage) == ("audit", "scores")
    assert (
        leak.what
        == "score.lstm: the forecast scored 2 bars ahead is not that of this bar, but that issued 1 bars later"
    )


def test_an_outcome_that_is_not_its_bar_s_is_found(monkeypatch):
    prepared, models = account()
    labels = forecaster.evaluation.scores.labels
    with monkeypatch.context() as patch:
        patch.setattr(forecaster.evaluation.scores, "labels", the_change_of_the_bar_before(labels))
        assert audited(prepared, models).leak.what.startswith("score.lstm: what came at this bar is ")
    original = bar_forecasts.forecasts_table

    def table(prepared, states, rows, scores):
        told = original(prepared, states, rows, scores)
        return told.assign(forecast=states.forecast[rows.start : rows.stop, 0])

    monkeypatch.setattr(bar_forecasts, "forecasts_table", table)
    assert "score.forecasts table: the forecast scored 1 bars ahead is not that" in audited(prepared, models).leak.what


def test_the_state_of_the_next_bar_is_named(monkeypatch):
    prepared, models = account()
    original = account_market.observed
    monkeypatch.setattr(
        account_market, "observed", lambda *given: np.vstack([original(*given)[1:], original(*given)[-1:]])
    )
    leak = audited(prepared, models).leak
    assert (leak.probe, leak.stage) == ("audit", "observations")
    assert leak.what.startswith("column hidden_state_0 of the observation is the state of ")


def test_prices_of_the_day_itself_are_named_in_a_unit_s_observation(monkeypatch):
    prepared, models = fitted_models(WEATHER)
    original = power_market.build_power_market

    def peeking(*given):
        market = original(*given)
        forecast = np.array(market.forecast)
        forecast[market.day, market.slot_of_day] = market.price
        return dataclasses.replace(market, forecast=forecast)

    monkeypatch.setattr(power_market, "build_power_market", peeking)
    leak = audited(prepared, models).leak
    assert (leak.probe, leak.stage) == ("audit", "observations")
    assert "column network.0 of the observation changes with what comes after" in leak.what


@pytest.mark.parametrize("execution", ["next_open", "next_close", "same_close"])
def test_a_reward_that_comes_from_known_prices_is_found(execution):
    audit = audited(*account(f"env.execution={execution}"))
    if execution == "same_close":
        assert audit.leak.what == "the reward of what is decided at this bar changes with prices that were known there"
    else:
        assert audit.leak is None
        assert not audit.notes


# --- columns that came with the bars of a unit


def test_a_load_in_the_file_of_a_unit_s_prices_is_read_at_the_gate(monkeypatch):
    load = pd.DataFrame({"load": np.random.default_rng(1).normal(10.0, 1.0, 1200)})
    made = noise_series(1200, bar_length="1h", exogenous=load)
    words = ("env=battery", "agent=ppo", "env.actions=power", "model.horizon=25", "rollout.observe=[forecast]")
    (plain,) = compose_requests([*words, "split.embargo_bars=24"], [resource_dir("conf")], multirun=False)
    config = request_from(plain)
    prepared = prepared_of(config, Parts(LoadedSeries(made)))
    audit = audit_known(prepared)
    assert audit.leak is None
    assert next(one for one in audit.columns if one.name == "load").slack_hours == 0.0
    monkeypatch.setattr(early, "read_early", lambda loaded, known_at: loaded)
    leak = audit_known(prepared_of(config, Parts(LoadedSeries(made)))).leak
    assert leak.what.startswith("column load holds a value that became known at ")


def test_announcements_are_read_as_far_ahead_as_they_were_known_at_the_gate():
    made = hourly_announcements(20).series
    shorter = early.shorten_leads(made, lambda starts, closes: closes - 14 * HOUR).series
    assert [part.leads for part in shorter.future_covariates] == [{"wind": 6 * HOUR}]
    assert early.shorten_leads(made, lambda starts, closes: closes - 20 * HOUR).series.future_covariates == ()


# --- through the command line


def test_the_command_names_a_shifted_label_and_leaves_the_table(tradewinds, tmp_path, monkeypatch):
    write_bars(tmp_path / "mine.csv", 200)
    words = ("leakcheck", "series=csv", "series.path=mine.csv", "model.context_length=5", "model.horizon=2")
    monkeypatch.setattr(
        forecaster.data.datamodule, "labels", the_change_of_the_bar_before(forecaster.data.datamodule.labels)
    )
    answer = tradewinds(*words)
    assert answer.status == 3
    assert "(probe audit): label_1 of the window that ends at this bar is the change of " in answer.err
    assert "audit: of 2 labels and rewards label_1 comes soonest: known 0 hours after its decision" in answer.out
    (file,) = tmp_path.glob("runs/mine/*/leakcheck.json")
    audit = json.loads(file.read_text(encoding="utf-8"))["audit"]
    assert {"name", "use", "how", "bar", "valid_at", "known_at", "decided_at", "slack_hours"} == set(audit[0])


# --- the same gates in the worlds


@pytest.mark.parametrize("gate_is_minded", [True, False])
def test_a_world_that_differs_after_a_gate_finds_weather_that_is_read_after_it(gate_is_minded, monkeypatch):
    """What became known between the gate and the day's end is another; its prices are the same."""
    if not gate_is_minded:
        gate_left_out(monkeypatch)
    prepared = experiment(WEATHER)
    row = int(np.flatnonzero(prepared.task.decision_times(prepared).decides)[-3])
    moment = moment_of(prepared, row)
    world = world_of(prepared, another_world(parts_of(prepared), row, moment=moment))
    ours, theirs = (job.series.exogenous.iloc[: row + 1] for job in (prepared, world))
    assert ours.equals(theirs) is gate_is_minded
    np.testing.assert_array_equal(prepared.series.close[: row + 1], world.series.close[: row + 1])
    weather = known_until(parts_of(prepared), row + 1, moment).columns[0]
    assert max(weather.available["temp_f"]) <= moment < prepared.series.close_time[row]


def test_a_run_can_afford_its_own_audit(monkeypatch):
    """Inputs and labels of a whole experiment, by the forecaster that was fitted."""
    _, models = fitted_models(WEATHER)
    job = whole(WEATHER)
    start = time.process_time()
    assert audit_of_run(job, models) is None
    assert time.process_time() - start < 2.0  # 0.3 on a quiet machine
    assert audit_of_run(dataclasses.replace(job, parts=None), models) is None
    monkeypatch.setattr(
        forecaster.data.datamodule, "labels", the_change_of_the_context(forecaster.data.datamodule.labels)
    )
    assert "label_1 of the window" in audit_of_run(job, models).what

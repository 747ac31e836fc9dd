"""A forecaster to hold: what notebooks do with it, and what it says to who holds it wrong."""

import subprocess
import sys
import warnings

import numpy as np
import pandas as pd
import polars
import pytest
import pytorch_lightning as pl
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.utils.validation import check_is_fitted

from forecaster import Forecaster

from story import universe_closes, write_bars

SMALL = {"network": {"context_length": 12, "hidden_size": 4}, "trainer": {"epochs": 1}}


def waves(num_rows=300, noise=0.1):
    """Hourly values that follow a column which is known a day ahead."""
    rng = np.random.default_rng(0)
    index = pd.date_range("2024-01-01", periods=num_rows, freq="h", tz="UTC", name="time")
    load = np.sin(np.arange(num_rows) / 4.0) + rng.normal(0.0, 1.0, num_rows)
    return pd.DataFrame({"value": 3.0 * load + rng.normal(0.0, noise, num_rows), "load": load}, index=index)


@pytest.fixture(scope="module")
def bars(tmp_path_factory):
    return write_bars(tmp_path_factory.mktemp("bars") / "bars.csv", num_bars=300)


@pytest.fixture(scope="module")
def fitted(bars):
    return Forecaster(horizon=3, **SMALL).fit(bars)


def test_it_is_imported_without_torch_and_pandas():
    code = "import sys; from forecaster import Forecaster; print({'torch', 'pandas'} & sys.modules.keys())"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"


def test_it_tells_the_bars_after_the_last_with_rising_intervals(bars, fitted):
    told = fitted.predict()
    assert told["time"].tolist() == list(pd.bdate_range(bars.index[-1], periods=4, tz="UTC")[1:])
    assert (told["issued"] == bars.index[-1].tz_localize("UTC") + pd.Timedelta(days=1)).all()
    bands = told.filter(like="interval.").to_numpy()
    assert bands.shape == (3, 5)
    assert (np.diff(bands, axis=1) > 0.0).all()


def test_what_was_told_before_does_not_change_with_what_came_after(bars):
    early = Forecaster(horizon=3, **SMALL).fit(bars[:250])
    later = early.predict(bars, since=bars.index[260])
    for row in (262, 280, 299):
        then = early.predict(bars[: row + 1])
        now = later[later["issued"] == then["issued"].iloc[0]]
        pd.testing.assert_frame_equal(then, now.reset_index(drop=True), check_exact=True)


def test_new_bars_alone_suffice_where_those_before_are_known(bars):
    early = Forecaster(horizon=3, **SMALL).fit(bars[:250])
    pd.testing.assert_frame_equal(early.predict(bars[250:280]), early.predict(bars[:280]))


def test_a_panel_of_polars_is_answered_in_polars():
    closes = universe_closes()
    long = closes.stack().dropna().rename("close").rename_axis(["date", "symbol"]).reset_index()
    fitted = Forecaster(horizon=2, **SMALL).fit(polars.from_pandas(long))
    with pytest.warns(UserWarning, match="nothing is told of GONE, since its last bar is of 2021-06-15"):
        told = fitted.predict(polars.from_pandas(long))
    assert isinstance(told, polars.DataFrame)
    assert set(told["symbol"]) == {"AAA", "BBB", "CCC", "LATE", "STOP"}
    assert len(told) == 10


def test_a_column_known_ahead_is_worth_what_it_tells():
    table = waves()
    options = {"horizon": 2, "target": "difference", "close": "value"}
    trainer = {"epochs": 20, "learning_rate": 0.02, "patience": 20}
    network = {"context_length": 6, "hidden_size": 8}
    blind = Forecaster("lstm", network=network, trainer=trainer, past=["load"], **options).fit(table[:240])
    seeing = Forecaster("seq2seq", network=network, trainer=trainer, future=["load"], **options).fit(table[:240])
    since = table.index[250]
    truth = table["value"].reindex(blind.predict(table, since=since)["time"]).to_numpy()
    missed = [
        np.nanmean(np.abs(one.predict(table, since=since)["value"].to_numpy() - truth)) for one in (blind, seeing)
    ]
    assert missed[1] < 0.5 * missed[0]


def test_it_goes_on_learning_from_the_weights_at_hand(bars):
    early = Forecaster(horizon=3, **SMALL).fit(bars[:250])
    before = next(iter(early.fitted.values()))
    early.update(bars)
    after = next(iter(early.fitted.values()))
    assert after.fit_end > before.fit_end
    np.testing.assert_array_equal(after.mean, before.mean)
    moved = [
        float((new - old).abs().max())
        for new, old in zip(after.model.parameters(), before.model.parameters(), strict=True)
    ]
    assert 0.0 < max(moved) < 0.1
    assert early.predict()["issued"].iloc[0] == bars.index[-1].tz_localize("UTC") + pd.Timedelta(days=1)


def test_a_trainer_of_ones_own_trains_what_fit_trains(bars):
    settings = {"horizon": 3, "features": {"selection": False}, "network": SMALL["network"]}
    ours = Forecaster(**settings, trainer={"epochs": 1}).fit(bars)
    theirs = Forecaster(**settings, trainer={"epochs": 1})
    network, batches = theirs.lightning(bars)
    trainer = pl.Trainer(max_epochs=1, logger=False, enable_checkpointing=False, gradient_clip_val=1.0)
    trainer.fit(network, batches)
    theirs.fit(bars, trained=network)
    pd.testing.assert_frame_equal(theirs.predict(), ours.predict())


def test_hidden_states_begin_with_the_first_whole_context(bars, fitted):
    states = fitted.embed()
    assert list(states.columns) == ["time", "hidden_0", "hidden_1", "hidden_2", "hidden_3"]
    assert np.isfinite(states.drop(columns="time")).all(axis=None)
    assert states["time"].iloc[-1] == bars.index[-1].tz_localize("UTC")


def test_saved_and_loaded_it_says_the_same(fitted, tmp_path):
    fitted.save(tmp_path / "model")
    loaded = Forecaster.load(tmp_path / "model")
    assert repr(loaded) == repr(fitted)
    pd.testing.assert_frame_equal(loaded.predict(), fitted.predict())


def test_it_has_the_habits_of_scikit_learn(fitted):
    twin = clone(fitted)
    assert (
        repr(twin)
        == repr(fitted)
        == ("Forecaster(horizon=3, network={'context_length': 12, 'hidden_size': 4}, trainer={'epochs': 1})")
    )
    assert twin.get_params() == fitted.get_params()
    assert twin.set_params(horizon=np.int64(9)).horizon == 9
    with pytest.raises(ValueError, match="not fitted yet; call fit with a table first"):
        twin.predict()


def test_of_a_stock_with_a_dividend_the_price_told_is_one_as_it_is_traded(bars):
    table = bars.assign(paid=0.0)
    table.loc[table.index[100], "paid"] = 10.0
    told = Forecaster(horizon=1, dividends="paid", **SMALL).fit(table).predict()
    assert told["value"].iloc[0] == pytest.approx(bars["close"].iloc[-1], rel=0.05)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"model": "lstmm"}, "model must be one of lstm, .*, was 'lstmm'"),
        ({"model": "day_lstm"}, "day_lstm reads days of a power market; take it through tradewinds run env=battery"),
        (
            {"network": {"hidden_sise": 4}},
            "network.hidden_sise is no setting; there are kind, context_length",
        ),
        ({"trainer": {"epochs": 0}}, "trainer.epochs must be at least 1 without model.pretrained, was 0"),
        ({"network": {"num_heads": 8}}, "^num_heads is read by slstm and mlstm only"),
        ({"features": ["calendar"]}, r"features must be a mapping of settings by name, was \['calendar'\]"),
        ({"seed": -1}, "seed must be a whole number from 0 on, was -1"),
        ({"bar_length": 5}, "bar_length must be a span of time, such as '1h' or '30min', was 5"),
        ({"horizon": True}, "horizon must be a whole number of bars from 1 on, was True"),
        ({"calibration": 1.0}, r"calibration must be a share in \[0, 1\), was 1.0"),
        ({"target": "log_returns"}, "target must be one of log_return, .*, was 'log_returns'"),
        ({"embargo_bars": -50}, "embargo_bars must be a whole number from 0 on, was -50"),
        ({"network": {"horizon": 8}}, "network must not hold horizon: give model and horizon beside it"),
        ({"horizon": 3.0}, "horizon must be a whole number of bars from 1 on, was 3.0"),
    ],
)
def test_a_setting_that_cannot_be_is_refused(bars, options, words):
    with pytest.raises(ValueError, match=words):
        Forecaster(**options).fit(bars)


def test_a_first_dividend_after_the_fit_is_lived_through(bars):
    table = bars.assign(paid=0.0)
    fitted = Forecaster(horizon=1, dividends="paid", **SMALL).fit(table[:250])
    table.loc[table.index[270], "paid"] = 5.0
    assert fitted.predict(table)["value"].iloc[0] == pytest.approx(bars["close"].iloc[-1], rel=0.05)


def test_scikit_learn_s_pipelines_take_it(bars, fitted):
    check_is_fitted(fitted)
    told = make_pipeline(Forecaster(horizon=3, **SMALL)).fit(bars).predict(bars)
    pd.testing.assert_frame_equal(told, fitted.predict())


def test_settings_that_changed_since_the_fit_are_not_mixed_with_it(bars, tmp_path):
    changed = Forecaster(horizon=3, **SMALL).fit(bars[:250])
    told = changed.predict(bars)
    changed.set_params(horizon=5, target="level")
    pd.testing.assert_frame_equal(changed.predict(bars), told)
    changed.save(tmp_path / "model")
    assert Forecaster.load(tmp_path / "model").horizon == 3
    with pytest.raises(ValueError, match="its horizon was 3, and is 5 now; its target was 'log_return', and"):
        changed.update(bars)
    changed.set_params(horizon=np.int64(4), target="log_return").fit(bars).save(tmp_path / "other")
    assert len(Forecaster.load(tmp_path / "other").predict()) == 4


def test_a_folder_without_a_forecaster_is_said(tmp_path):
    with pytest.raises(ValueError, match=r"'.*' holds no estimator\.json; give a folder that save wrote"):
        Forecaster.load(tmp_path)


def test_what_is_saved_is_whole_or_not_there(fitted, tmp_path, monkeypatch):
    fitted.save(tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with monkeypatch.context() as patch:
        patch.setattr(pd.DataFrame, "to_parquet", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            fitted.save(tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    for name, content in before.items():
        (tmp_path / name).write_bytes(content[:-20])
        with pytest.raises(ValueError, match=f"{name} of '.*' is (damaged|not what was saved there); save it anew"):
            Forecaster.load(tmp_path)
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match="is a file, and a folder is written; name another"):
        fitted.save(tmp_path / "estimator.json")


def test_of_an_instrument_without_the_last_bars_it_is_said_that_nothing_is_told():
    closes = universe_closes()[["AAA", "BBB"]]
    long = closes.stack().rename("close").rename_axis(["date", "symbol"]).reset_index()
    fitted = Forecaster(horizon=1, **SMALL).fit(long)
    behind = long[(long["symbol"] == "AAA") | (long["date"] < closes.index[-3])]
    words = "nothing is told of BBB, since its last bar is of 2021-08-05 00:00, and the table's of 2021-08-10 00:00"
    with pytest.warns(UserWarning, match=words):
        told = fitted.predict(behind)
    assert told["symbol"].tolist() == ["AAA"]


def test_an_instrument_without_a_bar_is_none_and_nothing_is_learned_of_it():
    wide = universe_closes()[["AAA", "LATE"]]
    with pytest.raises(ValueError, match="LATE has no close in the table; leave it out, or bring bars of it"):
        Forecaster(horizon=1, close=["AAA", "LATE"], **SMALL).fit(wide[:100])
    fitted = Forecaster(horizon=1, close=["AAA", "LATE"], **SMALL).fit(wide)
    assert set(fitted.embed(wide[:100])["symbol"]) == {"AAA"}


def test_bars_of_the_others_that_are_known_may_be_left_out():
    closes = universe_closes()[["AAA", "BBB"]]
    long = closes.stack().rename("close").rename_axis(["date", "symbol"]).reset_index()
    fitted = Forecaster(horizon=1, target="relative_return", **SMALL).fit(long)
    alone = long[(long["symbol"] == "AAA") & (long["date"] > closes.index[-20])]
    pd.testing.assert_frame_equal(fitted.predict(alone), fitted.predict())


def test_a_network_that_reads_what_is_announced_does_not_speak_without_it():
    settings = {"horizon": 2, "target": "difference", "close": "value", "future": ["load"], **SMALL}
    seeing = Forecaster("seq2seq", **settings).fit(waves(200))
    with pytest.raises(ValueError, match="it reads load of the bars ahead, and the table has none after 2024-01-09"):
        seeing.predict()
    longer = waves(202)
    longer.loc[longer.index[-2:], "value"] = np.nan
    assert len(seeing.predict(longer)) == 2


@pytest.mark.parametrize(
    ("rows", "since", "words"),
    [
        (300, 1_700_000_000_000_000_000, "since must be a moment, such as '2026-01-31' or a Timestamp, was 17000000"),
        (300, "soon", "since must be a moment, such as '2026-01-31' or a Timestamp, was 'soon'"),
        (300, pd.NaT, "since must be a moment, .*, was NaT"),
        (300, "2030-01-01", "since must be at or before the last bar, 2021-02-23 00:00 UTC, was 2030-01-01"),
        (200, None, "the table ends at 2020-10-07 00:00 UTC, and intervals are calibrated on bars up to 2021-02-24"),
        (0, None, "the table holds no row; bring some bars"),
    ],
)
def test_bars_that_nothing_can_be_told_of_are_refused(bars, fitted, rows, since, words):
    with pytest.raises(ValueError, match=words):
        fitted.predict(bars[:rows], since=since)


def test_a_moment_of_any_kind_is_one(bars, fitted):
    for since in (bars.index[-1], str(bars.index[-1]), bars.index[-1].date(), bars.index[-1].to_datetime64()):
        assert len(fitted.predict(since=since)) == 3


def test_an_update_of_fewer_bars_and_a_calibration_of_none_are_refused(bars):
    early = Forecaster(horizon=3, **SMALL).fit(bars[:250])
    with pytest.raises(ValueError, match=r"its network has learned bars up to .* UTC, and the rows to fit on end at"):
        early.update(bars[:100])
    with pytest.raises(ValueError, match=r"the table ends at .* UTC, and intervals are calibrated on bars later than"):
        early.calibrate(bars[:100])


@pytest.mark.parametrize("levels", [[5, 95], [0.9, 0.1], [0.5, 0.5], [0.0, 1.0], [], 0.9, "ab"])
def test_chances_that_are_none_are_refused(fitted, levels):
    with pytest.raises(ValueError, match="levels must be chances that rise, each above 0 and below 1, were"):
        fitted.predict(levels=levels)


def test_a_network_of_another_forecaster_is_not_taken(bars, fitted):
    network, _ = Forecaster(horizon=3, **SMALL).lightning(bars)
    with pytest.raises(ValueError, match="trained must be a network of lightning"):
        Forecaster("gru", horizon=3, **SMALL).fit(bars, trained=network)


def test_a_relative_return_is_not_told_without_the_others():
    closes = universe_closes()
    long = closes.stack().dropna().rename("close").rename_axis(["date", "symbol"]).reset_index()
    fitted = Forecaster(horizon=1, target="relative_return", **SMALL).fit(long)
    unlisted = closes.index[closes["LATE"].notna().argmax()]
    with pytest.raises(ValueError, match="a relative return is less the mean of all: bring the bars of AAA, BBB"):
        fitted.embed(long[long["date"] < unlisted])


def test_a_series_that_never_moves_is_forecast_to_stay(bars):
    still = bars[["close"]] * 0.0 + 50.0
    assert Forecaster(horizon=1, **SMALL).fit(still).predict()["value"].iloc[0] == pytest.approx(50.0, rel=1e-3)


def test_rows_that_were_fitted_on_are_not_calibrated_on(bars):
    bare = Forecaster(horizon=3, calibration=0.0, **SMALL).fit(bars[:200])
    with pytest.raises(ValueError, match="intervals are calibrated on later ones; was asked since 2020-01-05"):
        bare.calibrate(bars, since="2020-01-05")


def test_without_rows_to_calibrate_on_no_interval_is_told(bars):
    bare = Forecaster(horizon=3, calibration=0.0, **SMALL).fit(bars[:200])
    with pytest.raises(ValueError, match="no rows were kept to calibrate intervals on; call calibrate"):
        bare.predict()
    assert len(bare.calibrate(bars).predict()) == 3


def test_levels_further_out_than_the_outcomes_reach_are_warned_of(bars, fitted):
    with pytest.warns(
        UserWarning, match=r"levels from 0.001 to 0.999 need 999 outcomes .*, and there are 57: the outer"
    ):
        fitted.predict(levels=[0.001, 0.5, 0.999])
    with warnings.catch_warnings(action="error"):
        fitted.predict(levels=[1 / 58, 0.5, 57 / 58])


def test_what_was_calibrated_on_is_not_told_as_if_it_came_after(bars, fitted):
    with pytest.raises(ValueError, match="what is told can be judged from 2021-02-23 00:00 UTC on"):
        fitted.predict(bars, since="2020-06-01")

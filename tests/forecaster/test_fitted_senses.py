"""A forecaster that reads texts and pictures: blind to what comes, and the same from the disk and bar by bar."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from forecaster.config import FeatureConfig
from forecaster.data.senses import Sense
from forecaster.fitted import fit_panel, load_panel, save_panel
from forecaster.hidden_states import Stream, encode, last_forecast
from forecaster.panel_states import encode_panel

from markets import noise_series, small_config

ROWS = range(0, 150)
SENSES = (
    Sense("words", "words", (6,), 2, 3, tuple(f"w{k}" for k in range(6))),
    Sense("text", "tokens", (4,), 2, 3, tuple(f"t{k}" for k in range(4)), 8),
    Sense("pictures", "picture", (4, 4), 2, 3, tuple(f"p{k}" for k in range(16))),
)


@pytest.fixture(scope="module")
def series():
    rng = np.random.default_rng(0)
    columns = {name: rng.integers(0, 8, 240).astype(float) for sense in SENSES for name in sense.columns}
    table = pd.DataFrame(columns)
    table[rng.random(240) < 0.3] = np.nan
    return dataclasses.replace(noise_series(240, exogenous=table), missing=tuple(table.columns), senses=SENSES)


@pytest.fixture(scope="module")
def panel(series):
    return fit_panel(series, config(), ROWS, seed=1)


def config(**trainer):
    small = small_config()
    features = dataclasses.replace(small.features, chart_bars=3)
    assert isinstance(features, FeatureConfig)
    return dataclasses.replace(small, features=features, trainer=dataclasses.replace(small.trainer, **trainer))


def test_nothing_after_its_rows_is_learned_from(series, panel):
    table = series.exogenous.copy()
    table.iloc[ROWS.stop :] = 7.0 - table.iloc[ROWS.stop :]
    other = fit_panel(dataclasses.replace(series, exogenous=table), config(), ROWS, seed=1)
    assert other["one"].fingerprint() == panel["one"].fingerprint()
    table.iloc[20:40] = 7.0 - table.iloc[20:40]
    heard = fit_panel(dataclasses.replace(series, exogenous=table), config(), ROWS, seed=1)
    assert heard["one"].fingerprint()["learned"] != panel["one"].fingerprint()["learned"]


def test_states_of_the_disk_of_a_stream_and_of_a_panel_are_the_same(series, panel, tmp_path):
    states = encode(panel["one"], series)
    save_panel(panel, tmp_path)
    loaded = load_panel(tmp_path)
    assert loaded["one"].senses == (*SENSES, panel["one"].senses[-1])
    np.testing.assert_array_equal(encode(loaded["one"], series).hidden_state, states.hidden_state)
    np.testing.assert_allclose(
        encode_panel(panel, series).hidden_state[:, 0], states.hidden_state, rtol=1e-5, atol=1e-6
    )
    stream = Stream(panel["one"], series.rows(range(200)))
    state, forecast = stream.push(series.rows(range(200, 201)))
    np.testing.assert_allclose(state, states.hidden_state[200], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(forecast, states.forecast[200], rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(last_forecast(panel["one"], series.rows(range(201))), forecast, rtol=1e-5, atol=1e-7)


def test_a_training_goes_on_where_it_was_cut_off_and_from_other_weights(series, panel, tmp_path):
    def cut(epoch, *_):
        if epoch == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit_panel(series, config(), ROWS, seed=1, progress=cut, checkpoint=tmp_path / "cut")
    resumed = fit_panel(series, config(), ROWS, seed=1, checkpoint=tmp_path / "on", resume=tmp_path / "cut")
    assert resumed["one"].fingerprint() == panel["one"].fingerprint()
    longer = range(0, 200)
    onward = fit_panel(series, config(), longer, seed=1, initial=panel)
    words = "network.readers.0.encoder.directions"
    ours, theirs = (one["one"].model.state_dict()[words] for one in (onward, panel))
    assert np.array_equal(ours, theirs)  # what was fitted stays, as the scales do
    with pytest.raises(ValueError, match="its texts and pictures was"):
        fit_panel(dataclasses.replace(series, senses=SENSES[:2]), config(), longer, seed=1, initial=panel)


def test_members_have_encoders_of_their_own_and_one_svd(series):
    (fitted,) = fit_panel(series, config(members=2), ROWS, seed=1).values()
    one, two = (
        {name: value for name, value in member.state_dict().items() if "readers.0.encoder" in name}
        for member in fitted.model.members
    )
    assert all(np.array_equal(one[name], two[name]) for name in one)
    pictures = [member.network.readers[2].encoder.last.weight for member in fitted.model.members]
    assert not np.array_equal(*(weight.detach() for weight in pictures))


def test_texts_that_begin_after_the_rows_are_refused(series):
    table = series.exogenous.copy()
    table.iloc[: ROWS.stop] = np.nan
    late = dataclasses.replace(series, exogenous=table)
    with pytest.raises(ValueError, match=r"words: 0 of \d+ bars that are learned from have any, and 2 must"):
        fit_panel(late, config(), ROWS, seed=1)


def test_a_series_without_its_texts_is_refused(series, panel):
    with pytest.raises(ValueError, match=r"must have the texts and pictures the forecaster was fitted on, .*had"):
        encode(
            panel["one"],
            dataclasses.replace(
                series,
                senses=SENSES[:2],
                exogenous=series.exogenous.drop(columns=list(SENSES[2].columns)),
                missing=tuple(n for s in SENSES[:2] for n in s.columns),
            ),
        )

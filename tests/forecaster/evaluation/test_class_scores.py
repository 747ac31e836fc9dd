"""Classes of changes: their chances sum to 1, are those of the head, and score as in closed form."""

import dataclasses

import numpy as np
import pytest

from forecaster.evaluation.class_scores import score_classes, score_panel_classes
from forecaster.fitted import fit_forecaster, fit_panel
from forecaster.hidden_states import encode, load_hidden_states
from forecaster.panel_states import encode_panel, load_panel_states

from markets import noise_series, ragged_panel, small_config, with_model

CLASSES = 5


@pytest.fixture(scope="module")
def told():
    series = noise_series(400)
    fitted = fit_forecaster(series, with_model(small_config(), head="bins", bins=CLASSES), range(0, 250), seed=1)
    return series, fitted, encode(fitted, series)


def test_chances_sum_to_one_and_are_kept_to_the_last_bit(told, tmp_path):
    series, fitted, states = told
    spoken = states.chances[states.first_row :]
    assert spoken.shape[1:] == (states.forecast.shape[1], CLASSES)
    np.testing.assert_allclose(spoken.sum(axis=-1), 1.0, atol=1e-5)
    states.save(tmp_path)
    np.testing.assert_array_equal(load_hidden_states(tmp_path).chances, states.chances)
    np.testing.assert_array_equal(states.until(300).preceded_by(states.until(280)).chances, states.chances[:300])
    panel = encode_panel({series.instruments[0]: fitted}, series)
    np.testing.assert_allclose(panel.chances[:, 0], states.chances, atol=1e-5)
    panel.save(tmp_path)
    np.testing.assert_array_equal(load_panel_states(tmp_path).chances, panel.chances)
    np.testing.assert_array_equal(panel.until(300).instrument(series.instruments[0]).chances, panel.chances[:300, 0])


def test_a_point_is_the_mean_of_the_classes_under_the_chances(told):
    _, fitted, states = told
    means = fitted.model.head.means.numpy()
    expected = (states.chances @ means - means.mean()) * fitted.target_scale
    np.testing.assert_allclose(states.forecast, expected, rtol=1e-3, atol=1e-6)


def test_a_network_that_knows_the_class_gains_all_that_the_climatology_lacks(told):
    series, fitted, states = told
    decisions = np.arange(300, 395)
    scores = score_classes(fitted, series, states, decisions)
    truth = np.digitize(series.changes()[decisions + 1, 0], scores.edges)
    sure = np.full_like(states.chances, np.nan)
    sure[decisions, 0] = np.eye(CLASSES)[truth]
    best = score_classes(fitted, series, dataclasses.replace(states, chances=sure), decisions)
    assert best.ours["log_loss"] == 0.0
    assert best.gained.mean() == pytest.approx(best.climatology["log_loss"])
    assert np.trace(best.table) == len(decisions) == best.table.sum()
    assert scores.gained.mean() == pytest.approx(scores.climatology["log_loss"] - scores.ours["log_loss"])
    assert scores.climatology["log_loss"] == pytest.approx(np.log(CLASSES), abs=0.1)  # equally frequent where fitted


def test_bars_before_a_listing_are_none_that_the_climatology_counts(told):
    series, fitted, states = told
    late = dataclasses.replace(series, traded=(np.arange(len(series.close)) >= 150)[:, None])
    usual, listed_late = (score_classes(fitted, one, states, np.arange(300, 395)) for one in (series, late))
    changes = series.changes()[151 : fitted.fit_end + 2, 0]
    count = np.bincount(np.digitize(changes, usual.edges), minlength=CLASSES)
    truth = np.digitize(series.changes()[301:396, 0], usual.edges)
    assert listed_late.climatology["log_loss"] == pytest.approx(-np.log(count[truth] / count.sum()).mean(), abs=0.02)


def test_of_a_panel_every_instrument_that_spoke_and_changed_counts_once():
    panel = ragged_panel(400, lists={"b": 100}, ends={}, halts={}, instruments=("a", "b"))
    fitted = fit_panel(panel, with_model(small_config(epochs=1), head="bins", bins=CLASSES), range(0, 250), seed=1)
    states = encode_panel(fitted, panel)
    scores = score_panel_classes(fitted, panel, states, range(300, 396))
    alone = [
        score_classes(fitted[name], panel.instrument(name), states.instrument(name), np.arange(300, 395))
        for name in ("a", "b")
    ]
    np.testing.assert_array_equal(scores.table, alone[0].table + alone[1].table)
    assert scores.ours["log_loss"] == pytest.approx(np.mean([one.ours["log_loss"] for one in alone]))
    for name, one in zip(("a", "b"), alone, strict=True):
        np.testing.assert_allclose(scores.edges * fitted[name].target_scale, one.edges)
    assert scores.climatology["log_loss"] == pytest.approx(np.log(CLASSES), abs=0.1)
    np.testing.assert_array_equal(np.bincount(scores.decisions)[300:], np.full(95, 2))


def test_a_head_without_classes_has_no_chances():
    series = noise_series(300)
    fitted = fit_forecaster(series, small_config(), range(0, 200), seed=1)
    states = encode(fitted, series)
    assert states.chances is None
    assert score_classes(fitted, series, states, np.arange(250, 290)) is None

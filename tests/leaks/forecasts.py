"""Leaks of labels, scores, intervals and hidden states."""

from dataclasses import replace

import numpy as np
import pandas as pd

from leaks.table import after, change, instead, plant

FORECASTS, ENCODE, FIT = (
    "forecaster.evaluation.scores:_forecasts",
    "forecaster.hidden_states:encode",
    "forecaster.fitted:fit_panel",
)


@plant("labels", "martingale")
def labels_on_the_known_bar():
    """labels begin at the bar already known"""
    instead(
        "forecaster.data.windows:labels",
        lambda changes, rows, horizon: np.asarray(changes[rows[:, None] + np.arange(horizon)]),
    )


@plant("labels", "ar1")
def unit_of_all_rows():
    """the network's unit is the deviation of all changes, of the test rows too"""
    after(
        FIT,
        lambda panel, series, *_, **__: {
            name: replace(fitted, target_scale=float(series.changes()[1:].std())) for name, fitted in panel.items()
        },
    )


@plant("labels", "ar1")
def stop_rows_from_the_test():
    """the rows that stop the training are the last ones of the series"""

    def make(fit):
        def late(series, config, rows, **options):
            stop = round(config.trainer.early_stopping_fraction * len(rows))
            moved = np.r_[0 : rows.stop - stop, len(series.index) - stop : len(series.index)]
            columns = {name: column[moved] for name, column in series.columns().items()}
            index = series.index[: len(moved)]
            mixed = replace(series, **columns, index=index, exogenous=series.exogenous.iloc[moved].set_axis(index))
            return fit(mixed, config, range(rows.start, len(moved)), **options)

        return late

    change(FIT, make)


@plant("scores", "temperature")
def forecasts_issued_a_bar_later():
    """what is forecast two and more bars ahead is scored as it was said a bar later"""

    def fresher(points, fitted, series, states, classical, rows):
        point = points[fitted.config.model.kind].copy()
        point[:, 1:] = states.forecast[np.minimum(rows + 1, len(states.forecast) - 1), :-1]
        return {**points, fitted.config.model.kind: point}

    after(FORECASTS, fresher)


@plant("scores", "martingale")
def forecasts_unbiased_on_test():
    """the mean error of the scored rows is taken off the network's forecasts before they are scored"""

    def unbiased(points, fitted, series, states, classical, rows):
        point = points[fitted.config.model.kind]
        truth = series.changes()[rows[:, None] + 1 + np.arange(point.shape[1]), 0]
        return {**points, fitted.config.model.kind: point + (truth - point).mean(axis=0)}

    after(FORECASTS, unbiased)


@plant("scores", "temperature")
def rivals_read_a_stale_bar():
    """ridge and DLinear forecast from the bar before, the network from this one"""

    def make(forecasts):
        def stale(fitted, series, states, classical, rows):
            points, earlier = (forecasts(fitted, series, states, classical, rows - back) for back in (0, 1))
            return {name: earlier[name] if name in ("ridge", "dlinear") else points[name] for name in points}

        return stale

    change(FORECASTS, make)


@plant("scores", "temperature")
def worst_errors_left_out():
    """the twentieth of the network's forecasts that errs most is not scored"""

    def selective(scores, fitted, *_, **__):
        kind = fitted.config.model.kind
        size = np.abs(scores.errors[kind]).mean(axis=1)
        kept = scores.errors[kind][size <= np.quantile(size, 0.95)]
        row = {**scores.table[kind], "change_mae": float(np.abs(kept).mean())}
        return replace(scores, table={**scores.table, kind: row})

    after("forecaster.evaluation.scores:score_forecasts", selective)


@plant("intervals", "martingale")
def quantiles_know_their_own_outcome():
    """the online correction of a quantile knows the outcome it is about"""
    change(
        "forecaster.evaluation.conformal:online_quantiles",
        lambda online: lambda quantiles, truth, **options: online(quantiles, np.roll(truth, -1, axis=0), **options),
    )


@plant("intervals", "martingale")
def bands_scaled_until_they_cover():
    """the bands are scaled by the factor that covers nine tenths of the scored rows"""

    def scaled(parts, ahead, before, *, truth, **_):
        for name, part in parts.items():
            middle = part[len(part) // 2]
            reach = np.abs(truth - middle) / np.maximum(0.5 * (part[-2] - part[1]), 1e-12)
            parts[name] = middle + (part - middle) * np.quantile(reach, 0.9)
        return parts

    after("forecaster.evaluation.scores:_calibrated", scaled)


@plant("hidden states", "ar1")
def state_carried_from_the_end():
    """every state is mixed with the last one of the series, as if the network had not been reset"""
    after(
        ENCODE,
        lambda states, *_: replace(states, hidden_state=states.hidden_state + 0.1 * states.hidden_state[-1]),
    )


@plant("hidden states", "ar1")
def forecasts_smoothed_both_ways():
    """a forecast is the mean of what is said at the bar before, at it, and after it"""

    def smooth(states, *_):
        table = pd.DataFrame(states.forecast).rolling(3, center=True, min_periods=1).mean()
        return replace(states, forecast=table.to_numpy(np.float32))

    after(ENCODE, smooth)

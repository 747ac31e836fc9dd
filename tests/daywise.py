"""What stories of networks that read days share: a small market of days, and what is typed for it."""

import numpy as np
import pandas as pd

WORDS = (
    "series=csv",
    "series.path=power.csv",
    "series.known_ahead={load: 36}",
    "env=battery",
    "env.actions=power",
    "env.time_zone=Europe/Amsterdam",
    "env.gate_closure_hour=12",
    "model=day_lstm",
    "model.hidden_size=4",
    "model.context_length=72",
    "trainer=days",
    "trainer.members=2",
    "trainer.epochs=10",
    "recalibration.windows_days=[60]",
    "recalibration.scales_days=[28]",
    "recalibration.perceptrons=0",
    "recalibration.steps=2",
    "agent=planner",
    "agent.steps=200",
    "agent.validate_every=100",
    "rollout.observe=[hidden_state,forecasts]",
    "rollout.standard_errors=0.0",
    "split.embargo_bars=24",
    "backtest.bootstrap_draws=100",
    "signal.max_age=null",
)


def write_power(path, *, days=170, freq="1h", seed=0):
    """Prices that a load makes, which is announced the day before, and that are below zero in the afternoon."""
    index = pd.date_range(
        "2021-01-31 23:00", periods=round(days * 24 * pd.Timedelta("1h") / pd.Timedelta(freq)), freq=freq, tz="UTC"
    )
    rng = np.random.default_rng(seed)
    hour = np.asarray(index.tz_convert("Europe/Amsterdam").hour)
    load = rng.normal(1000.0, 50.0, len(index))
    price = 20.0 - 45.0 * np.exp(-(((hour - 14) / 3.0) ** 2)) + 25.0 * np.exp(-(((hour - 19) / 2.0) ** 2))
    price = price + 0.2 * (load - 1000.0) + rng.normal(0.0, 2.0, len(index))
    pd.DataFrame({"close": price.round(2), "load": load.round(1)}, index=index.rename("time")).to_csv(path)

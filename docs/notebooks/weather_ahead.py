# ---
# jupyter: {jupytext: {text_representation: {format_name: percent}}}
# ---
# %% [markdown]
# # What the weather forecast is worth
# The load of a town follows its temperature. `future` says that the temperature of a bar is announced a day before.
# %%
import numpy as np
import pandas as pd

from forecaster import Forecaster

rng, hours = np.random.default_rng(2), np.arange(900)
index = pd.date_range("2024-01-01", periods=900, freq="h", tz="UTC", name="time")
temperature = 10.0 + 8.0 * np.sin(hours * np.pi / 12.0) + np.cumsum(rng.normal(0.0, 0.5, 900))
load = 60.0 - 1.5 * temperature + rng.normal(0.0, 1.0, 900)
table = pd.DataFrame({"load": load, "temperature": temperature}, index=index)
table.iloc[-6:, 0] = np.nan  # the next hours: their temperature is announced, their load is not known

# %%
settings = {
    "horizon": 6,
    "target": "level",
    "close": "load",
    "network": {"context_length": 24},
    "trainer": {"epochs": 4},
}
blind = Forecaster("lstm", past=["temperature"], **settings).fit(table)
seeing = Forecaster("seq2seq", future={"temperature": "24h"}, **settings).fit(table)

# %%
for forecaster in (blind, seeing):
    print(forecaster.model, forecaster.predict()["value"].round(1).tolist())

# ---
# jupyter: {jupytext: {text_representation: {format_name: percent}}}
# ---
# %% [markdown]
# # Forecast a table of pandas
# An LSTM of ten years of closes, the next week with intervals, and what it would have said before.
# %%
import numpy as np
import pandas as pd

from forecaster import Forecaster

rng = np.random.default_rng(0)
index = pd.bdate_range("2022-01-03", periods=600, name="date")
bars = pd.DataFrame({"close": 100.0 * np.exp(np.cumsum(rng.normal(3e-4, 0.01, 600)))}, index=index)

# %%
forecaster = Forecaster("lstm", horizon=5, network={"context_length": 16, "hidden_size": 8}, trainer={"epochs": 2})
forecaster.fit(bars[:560])
forecaster.predict()  # the five bars after the last, each with its intervals

# %% [markdown]
# Bars that came since correct the intervals and are not learned from; `since` asks what was told at each of them.
# %%
told = forecaster.predict(bars, since=bars.index[570])
came = bars["close"].tz_localize("UTC").reindex(told["time"]).to_numpy()
inside = (told["interval.0.05"] <= came) & (came <= told["interval.0.95"])
print(f"{inside[~np.isnan(came)].mean():.0%} of what came lay inside the 90 % intervals")

# %%
states = forecaster.embed()  # what the network thinks at each bar
forecaster.update(bars).save("model")  # learn on, and keep it
print(Forecaster.load("model"), states.shape)

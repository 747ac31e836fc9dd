# ---
# jupyter: {jupytext: {text_representation: {format_name: percent}}}
# ---
# %% [markdown]
# # One network for many instruments, in polars
# A long table of symbols that begin and end where they do; what is forecast is each return less the mean of all.
# %%
import numpy as np
import polars as pl

from forecaster import Forecaster

rng, days = np.random.default_rng(1), pl.date_range(pl.date(2023, 1, 2), pl.date(2024, 3, 1), eager=True)
listed = {"AAA": 0, "BBB": 0, "CCC": 0, "LATE": 150}
panel = pl.concat(
    pl.DataFrame({"date": days[first:], "symbol": name}).with_columns(
        close=pl.Series(50.0 * np.exp(np.cumsum(rng.normal(0.0, 0.01, len(days) - first))))
    )
    for name, first in listed.items()
)

# %%
forecaster = Forecaster(
    "gru",
    horizon=2,
    target="relative_return",
    network={"context_length": 10, "hidden_size": 8},
    features={"cross_section": ["rank"]},
    trainer={"epochs": 2},
)
told = forecaster.fit(panel).predict(panel)
print(told.filter(pl.col("ahead") == 1).sort("value", descending=True).select("symbol", "value"))

# ---
# jupyter: {jupytext: {text_representation: {format_name: percent}}}
# ---
# %% [markdown]
# # Read a run
# `tradewinds run` leaves a folder: report.json has every number of the page, the rest are tables of Parquet.
# %%
import json
from pathlib import Path

import pandas as pd

from forecaster.fitted import load_panel
from tradewinds.__main__ import main
from trading_agent import load_policy

words = "run series=ar1 series.bars=500 model.context_length=8 trainer.epochs=1 agent=ppo agent.steps=3000"
assert main([*words.split(), "agent.validate_every=1500", "agent.rollout_steps=8", "agent.num_envs=16"]) == 0
(run,) = Path("runs").glob("*/2*")

# %%
report = json.loads((run / "report.json").read_text())
print(report["honesty"]["verdict"])
pd.DataFrame({name: row["metrics"] for name, row in report["backtest"]["strategies"].items()}).loc["total_return"]

# %%
equity = pd.read_parquet(run / "backtest" / "equity.parquet")
told = pd.read_parquet(run / "backtest" / "values_ahead.parquet")
equity.pct_change().std(), told.tail(3)

# %%
(network,) = load_panel(run / "forecaster").values()  # weights as safetensors, all else as JSON
policy = load_policy(run / "agent")
print(network.config.model.kind, sum(part.numel() for part in network.model.parameters()), "weights;", policy.kind)

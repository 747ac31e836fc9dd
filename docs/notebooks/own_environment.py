# ---
# jupyter: {jupytext: {text_representation: {format_name: percent}}}
# ---
# %% [markdown]
# # Hand the hidden state to an environment, and an agent to that
# The LSTM reads the bars; the agent sees its state and its own account, and pays for what it trades.
# %%
import numpy as np
import pandas as pd

from forecaster import Forecaster
from trading_agent import Agent
from trading_env import make_env

rng = np.random.default_rng(3)
returns = rng.normal(0.0, 0.01, 900)
returns[1:] += 0.3 * returns[:-1]  # a little of each return comes back in the next
index = pd.bdate_range("2021-01-04", periods=900, tz="UTC", name="time")
bars = pd.DataFrame({"close": 100.0 * np.exp(np.cumsum(returns))}, index=index)

# %%
forecaster = Forecaster(horizon=1, network={"context_length": 8, "hidden_size": 4}, trainer={"epochs": 8})
states = forecaster.fit(bars[:500]).embed(bars).set_index("time")
table = bars.join(states, how="inner")[500:]  # bars that the network was not fitted on
rules = {"costs": {"fee_bps": 1.0}, "rules": {"exposures": [0.0, 1.0]}, "features": list(states.columns)}

# %%
learn = make_env(table[:200], num_envs=16, episode_bars=50, starts="random", **rules)
agent = Agent("ppo", steps=8_000, rollout_steps=50, batch_size=200, validate_every=4_000)
agent.learn(learn, make_env(table[200:300], **rules), episodes=1)
print(agent, "validation score", round(agent.trained.best_score, 4))

# %%
env = make_env(table[300:], **rules)  # what comes after: judged once
(observation, _), ended = env.reset(), False
while not ended:
    observation, reward, stopped, truncated, info = env.step(agent.act(observation))
    ended = stopped or truncated
print("an account of 1 became", round(info["equity"], 3))

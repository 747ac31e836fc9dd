"""Tradewinds: the root that joins the forecaster, the trading environment and the agent.

Hydra lives here and only here. The rooms it joins, `forecaster`, `trading_env` and `trading_agent`, do not know each
other.
"""

__version__ = "0.1.0"

"""An agent that plans on forecasts. Knows plans by a Protocol, not the environments behind them."""

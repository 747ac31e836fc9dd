"""The best plans there are: with hindsight, on forecasts, or by dynamic programming. Knows no agent."""

"""Agents that remember: an LSTM or a GRU as the policy itself, learned from reward. Knows no series and no forecast."""

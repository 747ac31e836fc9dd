"""Data, forecaster, hidden states, agent, for whichever task; each step leaves one artifact."""

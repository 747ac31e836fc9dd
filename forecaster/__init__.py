"""Forecasting with recurrent networks: a series in, forecasts and hidden states out.

Knows NumPy, pandas, torch and Lightning; nothing of trading, files of sources, or Hydra. Import from the modules:
`forecaster.data.series`, `forecaster.data.features`, `forecaster.data.splits`, `forecaster.fitted`,
`forecaster.hidden_states` and `forecaster.evaluation.scores`; of several instruments `forecaster.panel_states` and
`forecaster.evaluation.cross_section`.
"""

"""Forecasting with recurrent networks: a series in, forecasts and hidden states out.

Knows NumPy, pandas, torch and Lightning; nothing of trading, files of sources, or Hydra. Import from the modules:
`forecaster.series`, `forecaster.features`, `forecaster.folds`, `forecaster.fit`, `forecaster.encode` and
`forecaster.scores`.
"""

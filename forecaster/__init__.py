"""Forecasting with recurrent networks: a table or a series in, forecasts and hidden states out.

Knows NumPy, pandas, torch and Lightning; nothing of trading, files of sources, or Hydra. `Forecaster` is the way in for
a table; beneath it stand `forecaster.data.series`, `forecaster.data.features`, `forecaster.data.splits`,
`forecaster.fitted`, `forecaster.hidden_states` and `forecaster.evaluation.scores`; of several instruments
`forecaster.panel_states` and `forecaster.evaluation.cross_section`.
"""

from forecaster.estimator import Forecaster

__all__ = ["Forecaster"]

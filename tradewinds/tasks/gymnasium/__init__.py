"""Any environment of Gymnasium: no series, no forecaster, episodes instead of bars."""

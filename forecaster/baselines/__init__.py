"""Forecasts every network has to beat, from a naive one to ARIMA. They know no network."""

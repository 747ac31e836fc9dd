"""Metrics, inference, overfitting, trials: how far a number can be believed. Knows no task and no report."""

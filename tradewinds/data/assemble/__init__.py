"""Instruments, exogenous columns and future covariates, put into one series by what was known when."""

"""Instruments, exogenous columns and columns known ahead, put into one series by what was known when."""

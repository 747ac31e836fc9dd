"""Forecasts of a whole day's prices at once, from what is known at its gate; networks are fitted anew as days come.

Knows series and their days; must not know storage units, agents, or how money is made of a forecast.
"""

"""How far a forecast was off, and intervals that hold. Knows forecasts and truths, no network."""

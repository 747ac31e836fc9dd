"""A storage unit in a day-ahead market: schedules committed at a gate closure."""

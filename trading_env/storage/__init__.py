"""A battery in a day-ahead market: its ledger, its simulator and its environments. Knows no trading account."""

"""A battery in a day-ahead market: ledger, simulator, environments, schedules and plans. Knows no trading account."""

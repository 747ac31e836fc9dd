"""Q-learning on a table (Watkins 1989). Knows discrete actions only."""

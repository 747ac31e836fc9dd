"""Deep Q-networks and their replay memories. Knows discrete actions only."""

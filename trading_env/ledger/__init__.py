"""The law of money: what a position earned, what a trade cost, what is left. Knows no action and no observation."""

"""Any algorithm of Stable-Baselines3 on our environments; the extra `sb3` is needed."""

"""What every agent shares: the loop, policies, evaluation, transitions, checkpoints. Knows no algorithm."""

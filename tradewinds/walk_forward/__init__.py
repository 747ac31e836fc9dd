"""Folds and seeds, each fitted in a process of its own, and their tests joined."""

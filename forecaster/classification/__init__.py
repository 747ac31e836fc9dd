"""Sequences told apart: cases of unequal length in, the chances of each class out. Knows no market and no file."""

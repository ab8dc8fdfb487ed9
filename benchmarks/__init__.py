"""Whole processes, side by side in one run with what a user would do by hand: `make bench`."""

"""Reward functions as contracts: written, proved, voted, executed, attested, and re-executable by anyone."""

__version__ = "0.1.0"

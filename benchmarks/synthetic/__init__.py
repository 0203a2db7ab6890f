"""Synthetic markets with the truth beside them, and what a model taught on their older sales says of the newer."""

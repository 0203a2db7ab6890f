"""Synthetic markets with known true prices, for evaluation of models on newer sales."""

"""Shapley values of a fitted model: the contribution of each feature to a prediction."""

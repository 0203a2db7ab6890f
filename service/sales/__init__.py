"""Reported sales: recording, states, features and prices, and recentring of the model in service."""

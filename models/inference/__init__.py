"""A fitted model as data, and its evaluation."""

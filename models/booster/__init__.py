"""Gradient boosting: the only package that imports LightGBM."""

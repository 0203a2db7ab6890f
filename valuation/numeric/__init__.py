"""Columns, exact mathematics, scales and rounding that every part of the valuation uses."""

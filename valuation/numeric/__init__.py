"""Columns, bit-exact mathematics, the price scale and rounding."""

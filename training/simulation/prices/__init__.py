"""Synthetic prices (合成行情): price paths, payables and published quotes."""

"""Simulate a synthetic market (合成市场): packs, records, prices and deals with known expected prices."""

"""Fleets (批量评估): Parquet in, Parquet out, any number of packs, each valued as `canzhi value` values it."""

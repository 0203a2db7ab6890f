"""The synthetic market: packs, lives, reports, prices and deals with a known truth, for judging models (合成市场)."""

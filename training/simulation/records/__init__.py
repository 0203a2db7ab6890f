"""Records of the synthetic packs (合成溯源记录): events, usage readings, late reports, and their tables."""

"""The profession: packs, traced histories, markets, money and provenance, as pure functions on columns (残值评估)."""

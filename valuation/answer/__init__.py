"""From priced packs to answers: drivers, evidence, cautions by pack, and fleets in columns."""

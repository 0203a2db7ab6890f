"""From priced packs to answers: drivers, evidence and cautions per pack, and the values of a fleet in columns."""

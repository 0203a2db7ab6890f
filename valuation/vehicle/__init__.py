"""Vehicle models (车型): energy and chemistry of a pack, estimated from make, model and year of its vehicle."""

"""Vehicles and their packs: what a make, a model and a year say of energy and chemistry (车型)."""

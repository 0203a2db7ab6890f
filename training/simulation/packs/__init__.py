"""Synthetic packs (合成电池包): vehicle models, fleet, capacity ageing, service lives, packs offered for sale."""

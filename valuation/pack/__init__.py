"""Properties of a pack fixed at production (电池本体): chemistry, vintage, nameplate and metal content."""

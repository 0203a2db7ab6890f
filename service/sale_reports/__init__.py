"""Sales as they are reported (成交上报): reviewed against the band of their pack, entered, listed, corrected."""

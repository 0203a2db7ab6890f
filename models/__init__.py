"""The statistics: from features and a structural value to a price and an honest band."""

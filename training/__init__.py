"""Training (训练): read a sales ledger, fit, evaluate and register a model; back-test and market simulation."""

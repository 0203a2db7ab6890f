"""A trained model on disk: bundle, signature, registry, promotion log, predictor, exports."""

"""Evaluation of models: metrics, replay, back-test, gate, realised coverage."""

"""Evaluation of models: held-out sales, replay, champion against challenger, gate, realised coverage."""

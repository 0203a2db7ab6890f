"""How a model is judged: metrics, replay, back-test, gate, realised coverage."""

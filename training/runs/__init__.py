"""What is recorded of a training run, and how it is repeated."""

"""The porch."""

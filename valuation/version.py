"""The version of the distribution; the top entry of CHANGELOG.md carries the same number."""

__version__ = "0.1.0"

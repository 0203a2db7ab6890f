"""Version of the distribution; the top entry of CHANGELOG.md has the same number."""

__version__ = "0.2.0"

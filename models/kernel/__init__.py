"""Evaluation of forests by a small compiled kernel, with the same bits as numpy (ADR 9)."""

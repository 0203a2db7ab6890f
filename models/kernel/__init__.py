"""Trained forests evaluated by a small compiled kernel, bit for bit as numpy evaluates them (ADR 9)."""

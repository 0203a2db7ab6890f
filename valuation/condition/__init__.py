"""Condition of a pack (电池状态): readings of health, its life in use, and the expected ageing."""

"""Conformal bands by group and date, and how reported sales recentre them."""

"""Market quotes read from files (行情导入)."""

"""The market on the valuation day (行情): quotes, their age, and payables of metals."""

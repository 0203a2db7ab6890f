"""The trace record (溯源记录): fields, objects, columns, and the cut at the valuation day."""

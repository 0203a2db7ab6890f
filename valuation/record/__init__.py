"""The traced record (溯源记录): its fields, its objects, its columns, and the cut at the valuation day."""

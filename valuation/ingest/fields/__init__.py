"""Fields as people write them: names, units, values, days and codes, read one at a time (字段)."""

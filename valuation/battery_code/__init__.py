"""Battery codes (动力蓄电池编码) under GB/T 34014: decode, check, clean up, explain, one by one and as columns."""

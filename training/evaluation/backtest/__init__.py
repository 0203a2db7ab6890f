"""Rolling-origin back-test (回测): fits at each origin, scored against baseline methods, with a report."""

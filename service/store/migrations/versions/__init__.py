"""One module a step; file names begin with the step's number."""

"""One module per migration; file names start with the number."""

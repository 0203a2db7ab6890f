"""What is kept: valuations with everything that reproduces them, and the ledger of traced histories and sales."""

"""The store: valuations with their inputs, the ledger of histories and sales, anchors, idempotency keys."""

"""Tables opened as one type, and read to packs and events (表格)."""

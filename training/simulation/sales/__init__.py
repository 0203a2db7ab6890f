"""Synthetic sales (合成成交): what buyers know and offer, deals, and what happens to a pack after its sale."""

"""The routes of a pack (利用途径): value of recycling, second life and reuse, and the reasons that close each."""

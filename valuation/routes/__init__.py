"""The routes a pack may take (利用途径): recycling, second life and reuse, what each fetches and what closes it."""

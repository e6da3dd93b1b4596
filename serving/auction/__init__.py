"""The auction's arithmetic: bids, quality and prices."""

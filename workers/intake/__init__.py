"""How a drain gets its entries: from the stream that all share, or a partition at a time; and who holds which."""

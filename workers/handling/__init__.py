"""What a drain does with its entries: which handlers run, what was done, what is left to others."""

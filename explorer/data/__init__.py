"""Data sets: what there is, and reading it into one uint8 array."""

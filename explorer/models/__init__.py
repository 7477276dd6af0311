"""Networks and their mathematics. Everything here is pure torch: no files, no threads, no Qt."""

"""Threads between the window and the library. Nothing here imports torch before its thread runs."""

"""Dates in words, read by the library dateparser."""

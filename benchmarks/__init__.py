"""Figures, one command each: recall, speed."""

"""Scores, and what may be asked of them."""

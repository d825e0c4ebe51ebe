"""Trimtab: one server to run, watch, judge, change and govern what language models do for you."""

__version__ = "0.1.0"

"""Trimtab: one server to run, watch, judge, change and govern what language models do for you."""

from typing import Any

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """``trimtab.prompt`` and ``trimtab.feedback`` are those of `trimtab.sdk`, loaded when they are asked for."""
    if name in ("prompt", "feedback"):
        from importlib import import_module

        return getattr(import_module("trimtab.sdk"), name)
    raise AttributeError(f"module 'trimtab' has no attribute {name!r}")

"""Trimtab: one server to run, watch, judge, change and govern what language models do for you."""

from typing import Any

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """``trimtab.prompt`` is `trimtab.sdk.prompt`, loaded when it is asked for."""
    if name == "prompt":
        from importlib import import_module

        return import_module("trimtab.sdk").prompt
    raise AttributeError(f"module 'trimtab' has no attribute {name!r}")

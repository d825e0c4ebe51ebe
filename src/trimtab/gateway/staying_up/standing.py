"""How a provider or a model of it has fared lately (`health.py` keeps it)."""

from typing import Literal

from msgspec import Struct

Health = Literal["unknown", "healthy", "failing"]


class Standing(Struct, frozen=True, kw_only=True):
    """``seen`` is the Unix ms of the last attempt; ``error`` what the last one failed with, empty if it did not."""

    health: Health = "unknown"
    error: str = ""
    seen: int | None = None

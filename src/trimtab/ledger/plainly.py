"""What most calls cost: by a row that is flat, with nothing of what is priced apart (compiled: docs/decisions/0019)."""

from typing import Protocol

from trimtab.ledger.types import Cost
from trimtab.llm.types import Usage


class Flat(Protocol):
    """`prices.Card`."""

    @property
    def flat(self) -> tuple[int, int] | None: ...

    @property
    def price(self) -> str: ...


def plainly(card: Flat, usage: Usage) -> Cost | None:
    """None where the row or the usage is not of that kind."""
    flat = card.flat
    if (
        flat is None
        or usage.cache_read
        or usage.cache_write
        or usage.reasoning
        or usage.audio_input
        or usage.audio_output
        or usage.image_input
        or usage.image_output
        or usage.searches
        or usage.file_searches
    ):
        return None
    read, wrote = usage.input * flat[0], usage.output * flat[1]
    return Cost(amount=read + wrote, price=card.price, parts=(read, 0, 0, wrote, 0, 0))

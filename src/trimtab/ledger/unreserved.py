"""What a call has of its limits, and what is done with that."""

from collections.abc import Sequence

from trimtab.ledger.types import Ended, LimitNote


class Unreserved:
    """What a call has of its limits where nothing is set aside for it: ``refused`` says which of them said no."""

    refused: tuple[LimitNote, ...] = ()

    def __init__(self, refused: tuple[LimitNote, ...] = ()) -> None:
        self.refused = refused

    def settle(self, attempts: Sequence[Ended]) -> None:
        """There is nothing to settle."""

    def notes(self) -> tuple[LimitNote, ...]:
        """What the record of a call keeps of it."""
        return self.refused

    async def again(self, attempts: Sequence[Ended]) -> None:
        """A further attempt has nothing to cover."""

    def hedge(self) -> bool:
        """Nothing stands against a second attempt beside the first."""
        return True

"""What a call has of its limits, and what is done with that."""

from collections.abc import Awaitable, Sequence

from trimtab.ledger.given_back import Holding
from trimtab.ledger.types import Ended, LimitNote
from trimtab.ledger.waits import nothing


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

    def holdings(self, attempt: Ended) -> tuple[Holding, ...]:  # noqa: ARG002  a reservation looks at it
        """Nothing is held of what goes on after the call."""
        return ()

    def again(self, attempts: Sequence[Ended]) -> Awaitable[None]:  # noqa: ARG002  a reservation looks at them
        """A further attempt has nothing to cover."""
        return nothing()

    def hedge(self) -> bool:
        """Nothing stands against a second attempt beside the first."""
        return True

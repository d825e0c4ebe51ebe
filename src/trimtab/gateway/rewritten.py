"""An answer that is not as its provider wrote it."""

from msgspec import Struct
from msgspec.structs import replace

from trimtab.llm.types import StopReason
from trimtab.telemetry.records import Attempt


class Guarded(Struct, frozen=True, kw_only=True):
    """An answer that guards have changed, in the client's dialect, before anything was put back into it: what is kept
    of it instead of what the provider wrote."""

    body: bytes
    dialect: str
    stop: StopReason

    def over(self, attempt: Attempt, *, capture: bool) -> Attempt:
        """What the provider was sent in another dialect stays, where it is kept; it was guarded before."""
        return replace(
            attempt,
            request=attempt.request if capture else b"",
            response=self.body if capture else b"",
            dialect=self.dialect if capture else attempt.dialect,
            stop=self.stop,
        )

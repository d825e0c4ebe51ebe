"""What is known of a foreign span on its way to its rows: how it came, what it says, what becomes of it."""

from typing import Final

from msgspec import Struct

from trimtab.ledger.types import Cost
from trimtab.telemetry.canonical import CanonicalSpan
from trimtab.telemetry.foreign.bodies import ForeignTexts
from trimtab.telemetry.foreign.spans import ForeignSpan
from trimtab.telemetry.silent import Whose

LABEL, LABELS = 500, 64
"""Characters of a label, and entries of a map or a list, that are kept."""
NOBODY: Final[Whose] = ("", "")


class Reading(Struct, frozen=True, gc=False):
    """What a span says, what it said, what that cost."""

    canonical: CanonicalSpan
    texts: ForeignTexts
    cost: Cost


class Arrival(Struct, gc=False):
    """A span as it came: from which record of the batch, whose it is, when it came; its raw JSON and that's digest;
    when it began (`mapping.came.began`). ``reading``: what it says, once it was read."""

    owner: int
    project: str
    key_id: str
    arrived_ns: int
    span: ForeignSpan
    raw: bytes
    digest: int
    start_ns: int
    reading: Reading | None = None


class Mapped(Struct, frozen=True, gc=False):
    """A span that was read: what it says, what it said, what it cost. ``leaf``: its usage counts. ``whose`` session and
    user its trace is; None where nobody said so yet and its root is still to come."""

    arrival: Arrival
    canonical: CanonicalSpan
    texts: ForeignTexts
    cost: Cost
    start_ns: int
    duration_ns: int
    leaf: bool
    whose: Whose | None = NOBODY

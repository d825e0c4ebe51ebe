"""What a process that maps tells of the foreign spans it read, to the one that decides what becomes of them.

Whose a span is, whether it came before, counts or stands for its trace is decided in one place (`mapping/traces.py`),
and that needs little of a span: the rest stays where it was read until its rows are made there (`mapping/portion.py`).
"""

from typing import TYPE_CHECKING, Final

from msgspec import Struct

from trimtab.ledger.types import Cost
from trimtab.llm.types import Message, Usage
from trimtab.telemetry.detectors import Said

if TYPE_CHECKING:
    from trimtab.telemetry.foreign.spans import ForeignSpan
    from trimtab.telemetry.mapping.known import Arrival, Reading

_FREE: Final = Cost()


class Told(Struct, array_like=True, gc=False):
    """One span. It is told by its ``portion`` and its place among that one's spans, ``at``; ``record`` is the place of
    its record. Its fields are named as in `ForeignSpan`, `CanonicalSpan` and `ForeignTexts`, so that it can be placed
    as these are. ``raw`` is there of what only adds to another span."""

    portion: int
    at: int
    record: int
    trace_id: str
    span_id: str
    parent_span_id: str
    start_ns: int
    end_ns: int
    digest: int
    raw: bytes = b""
    convention: str = ""
    mapper_version: int = 0
    kind: str = "span"
    pending: bool = False
    aggregated: bool = False
    response_id: str = ""
    session: str = ""
    user: str = ""
    feature: str = ""
    model: str = ""
    model_used: str = ""
    provider: str = ""
    usage: Usage | None = None
    amount: int | None = None
    price: str = ""
    asked: str = ""
    answered: str = ""

    @property
    def partial(self) -> bool:
        return bool(self.raw)

    @property
    def cost(self) -> Cost:
        return _FREE if self.amount is None and not self.price else Cost(amount=self.amount, price=self.price)


def told_in(span: object) -> Told | None:
    """What was told of a span; None for one that is here as a whole."""
    return span if type(span) is Told else None


def tell(place: tuple[int, int], arrival: "Arrival", reading: "Reading") -> Told:
    """A span that was read; ``place`` is its portion's number and its own there."""
    foreign, span, texts, cost = arrival.span, reading.canonical, reading.texts, reading.cost
    return Told(
        *place, arrival.owner, foreign.trace_id, foreign.span_id, foreign.parent_span_id, foreign.start_ns,
        foreign.end_ns, arrival.digest, b"", span.convention, span.mapper_version, span.kind, span.pending,
        span.aggregated, span.response_id, span.session, span.user, span.feature, span.model, span.model_used,
        span.provider, span.usage, cost.amount, cost.price, texts.asked, texts.answered,
    )  # fmt: skip


def tell_partial(place: tuple[int, int], arrival: "Arrival") -> Told:
    """What only adds to another span."""
    span: ForeignSpan = arrival.span
    ids = (span.trace_id, span.span_id, span.parent_span_id)
    return Told(*place, arrival.owner, *ids, span.start_ns, span.end_ns, arrival.digest, arrival.raw)


def lean(said: Said) -> Said:
    """As much of an answer as the detectors need that remember and say that they are `Detector.lean`."""
    if said.calls:
        return _copy(said, said.messages)
    return _copy(said, (Message(said.messages[-1].role, ()),) if said.messages else ())


def _copy(said: Said, messages: tuple[Message, ...]) -> Said:
    return Said(
        said.project, said.trace_id, said.span_id, said.session, said.model, said.feature, said.at_ns, said.stop,
        said.question, said.answer, messages, said.calls, said.refused, (), None, said.user,
    )  # fmt: skip

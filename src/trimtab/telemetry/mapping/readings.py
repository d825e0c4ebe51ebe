"""What spans say: each is read once, with its texts and its price, whoever needs it and whenever."""

from collections.abc import Callable, Sequence
from typing import Final

from trimtab.ledger.types import Cost
from trimtab.telemetry.canonical import CanonicalSpan
from trimtab.telemetry.foreign.spans import ForeignSpan
from trimtab.telemetry.foreign.texts import texts_of
from trimtab.telemetry.mapping.came import plain
from trimtab.telemetry.mapping.known import NOBODY, Arrival, Mapped, Reading
from trimtab.telemetry.mapping.prices import ForeignPrices
from trimtab.telemetry.mapping.sums import Sums
from trimtab.telemetry.mapping.usage_once import UsageNode
from trimtab.telemetry.silent import Whose

Read = Callable[[ForeignSpan], CanonicalSpan]


def entries(mapped: list[Mapped], stands: Mapped | None, sums: Sums) -> list[tuple[Mapped, Sums | None]]:
    """Each span with the sums it shows: the trace's, for the one that ``stands`` for it. A further root shows none,
    because what stands for traces in lists is added up there."""
    return [(each, sums.copy() if each is stands else None) for each in mapped]


def read_all(read: Read, prices: ForeignPrices, arrivals: Sequence[Arrival]) -> list[tuple[Arrival, Reading]]:
    """What each span says, where it was not read before. A mapper that breaks over a span costs that span its meaning,
    never its place. One step for all of them after the other: all steps for one span after the other take half as long
    again, because the code of one step stays in the processor."""
    if unread := [each for each in arrivals if each.reading is None]:
        _read_each(read, prices, unread)
    return [(each, each.reading) for each in arrivals if each.reading is not None]


def _read_each(read: Read, prices: ForeignPrices, unread: list[Arrival]) -> None:
    said: list[CanonicalSpan] = []
    for each in unread:
        try:
            said.append(read(each.span))
        except Exception as error:  # noqa: BLE001  a plug is called; the raw span is kept and can be read anew
            said.append(plain(each.span, f"{type(error).__name__}: {error}"[:200]))
    texts = [texts_of(span) for span in said]
    costs = [
        _SPENT_NOTHING if span.usage is None else prices.cost(each.project, span, each.start_ns)
        for each, span in zip(unread, said, strict=True)
    ]
    for each, span, told, cost in zip(unread, said, texts, costs, strict=True):
        each.reading = Reading(span, told, cost)


_SPENT_NOTHING: Final = Cost()


def mapped_of(arrival: Arrival, reading: Reading, leaf: bool, whose: Whose | None = NOBODY) -> Mapped:
    """A span with its texts and its price."""
    start_ns = arrival.start_ns
    duration_ns = arrival.span.end_ns - start_ns
    return Mapped(
        arrival, reading.canonical, reading.texts, reading.cost, start_ns, duration_ns if duration_ns > 0 else 0, leaf,
        whose,
    )  # fmt: skip


def node_of(arrival: Arrival, span: CanonicalSpan) -> UsageNode:
    """What decides whether a span counts (`mapping/usage_once.py`). Usage without a single token is none."""
    usage, foreign = span.usage, arrival.span
    return UsageNode(
        foreign.span_id,
        foreign.parent_span_id,
        span.kind,
        usage is not None and bool(usage.total() or usage.images or usage.searches),
        span.aggregated or span.pending,
        span.response_id,
        arrival.start_ns,
    )

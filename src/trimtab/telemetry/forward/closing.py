"""When a trace is closed, decided from what came of it and when: pure, so every process and restart decides the same.

What comes of a trace comes in arrivals: batches of its spans as the store got them. Arrivals with no pause of
``quiet_s`` between them are one burst. A burst that holds the root, or comes after it, closes the trace once it has
been quiet for ``quiet_s``; bursts before the root's wait for it, and are closed with it. If no root comes within
``root_wait_s`` of a burst (its caller's spans go elsewhere, or its process died), that burst is closed without one.

So each span belongs to exactly one closing, and a closing is named by its last arrival. The first closing of a trace is
revision 1; late spans make a second, marked as late. A span that comes again is not news.
"""

from collections.abc import Iterable

from msgspec import Struct


class Arrival(Struct, frozen=True, array_like=True):
    """Spans of one trace that came together. (``at_ns``, ``node``) names it; within a node later ones are greater.
    ``rooted``: a span without a parent is among them. They began in [low_ns, high_ns]."""

    trace_id: str
    at_ns: int
    node: str
    rooted: int
    low_ns: int
    high_ns: int
    span_ids: tuple[str, ...]

    @property
    def place(self) -> tuple[int, str]:
        return (self.at_ns, self.node)


class Closing(Struct, frozen=True, kw_only=True):
    """One delivery of a trace: its new spans. ``low_ns`` and ``high_ns`` bound where all known spans of it began;
    ``rooted`` is false where it was closed without its root."""

    trace_id: str
    at_ns: int
    node: str
    revision: int
    rooted: bool
    span_ids: tuple[str, ...]
    low_ns: int
    high_ns: int

    @property
    def place(self) -> tuple[int, str]:
        return (self.at_ns, self.node)


class _Burst(Struct):
    """Arrivals without a pause between them; ``root_ns`` is when the trace's first root came, if it came here."""

    last: Arrival
    span_ids: list[str]
    root_ns: int | None = None


def closings(arrivals: Iterable[Arrival], quiet_ns: int, root_wait_ns: int) -> list[Closing]:
    """Every closing of one trace, in order; one that is not due yet (`due_ns`) may still change."""
    known = list(arrivals)
    bursts = _bursts(known, quiet_ns)
    root = next((place for place, burst in enumerate(bursts) if burst.root_ns is not None), len(bursts))
    alone, joined = bursts[:root], []
    if root < len(bursts):
        root_ns = bursts[root].root_ns or 0
        joined = [burst for burst in alone if root_ns <= burst.last.at_ns + root_wait_ns]
        alone = alone[: len(alone) - len(joined)]
    parts = [([burst], False) for burst in alone]
    if root < len(bursts):
        parts.append(([*joined, bursts[root]], True))
        parts += [([burst], True) for burst in bursts[root + 1 :]]
    low = min((each.low_ns for each in known), default=0)
    high = max((each.high_ns for each in known), default=0)
    return [
        Closing(
            trace_id=part[-1].last.trace_id,
            at_ns=part[-1].last.at_ns,
            node=part[-1].last.node,
            revision=number,
            rooted=rooted,
            span_ids=tuple(span_id for burst in part for span_id in burst.span_ids),
            low_ns=low,
            high_ns=high,
        )
        for number, (part, rooted) in enumerate(parts, 1)
    ]


def due_ns(closing: Closing, quiet_ns: int, root_wait_ns: int) -> int:
    """From when on (Unix ns) a closing is settled."""
    return closing.at_ns + (quiet_ns if closing.rooted else root_wait_ns)


def _bursts(arrivals: Iterable[Arrival], quiet_ns: int) -> list[_Burst]:
    bursts: list[_Burst] = []
    seen: set[str] = set()
    is_rooted = False
    for arrival in sorted(arrivals, key=lambda each: each.place):
        news = [span_id for span_id in arrival.span_ids if span_id not in seen]
        if not news:
            continue
        seen.update(news)
        if not bursts or arrival.at_ns - bursts[-1].last.at_ns > quiet_ns:
            bursts.append(_Burst(arrival, []))
        burst = bursts[-1]
        burst.last = arrival
        burst.span_ids += dict.fromkeys(news)
        if arrival.rooted and not is_rooted:
            is_rooted = True
            burst.root_ns = arrival.at_ns
    return bursts

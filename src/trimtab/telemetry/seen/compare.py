"""Two traces side by side: which span of one stands for which of the other, and what differs between them.

Spans are matched from the top down: below two spans that stand for each other, children of the same kind and name are
matched in their order (the longest common subsequence), and what is left alone is shown alone. A model's span is named
by its kind only, so that the same step answered by another model is a difference and not a missing step.
"""

from decimal import Decimal
from itertools import takewhile
from typing import Final

from trimtab.telemetry.seen.graph import plain
from trimtab.telemetry.seen.views import PairRow, TraceComparison
from trimtab.telemetry.views import SpanRow, TraceDetail

MOST_PAIRS: Final = 2_000
MOST_SIBLINGS: Final = 400
"""Above this many on either side, where they do not begin or end alike, siblings are matched one by one: the table of a
subsequence grows with the square."""
NOTICEABLE: Final = 0.2
"""Share by which durations differ before it is said: two runs of the same thing never take the same time."""

_MODELS: Final = frozenset({"llm", "embedding", "reranker"})


def compare(a: TraceDetail, b: TraceDetail) -> TraceComparison:
    """Every span of both is in exactly one pair."""
    pairs: list[PairRow] = []
    below_a, below_b = _children(a.spans), _children(b.spans)
    waiting: list[tuple[SpanRow | None, SpanRow | None, int]] = _reversed(_match(below_a[""], below_b[""]), 0)
    while waiting:
        one, other, depth = waiting.pop()
        pairs.append(PairRow(depth=depth, a=one, b=other, differs=_differs(one, other)))
        under_a = below_a.get(one.span_id) if one else None
        under_b = below_b.get(other.span_id) if other else None
        if under_a or under_b:
            waiting += _reversed(_match(under_a or [], under_b or []), depth + 1)
    known = a.cost is not None and b.cost is not None
    change = Decimal(b.cost or 0) - Decimal(a.cost or 0)
    return TraceComparison(
        a=a.trace_id,
        b=b.trace_id,
        pairs=_shown(pairs),
        more=max(0, len(pairs) - MOST_PAIRS),
        differing=sum(bool(pair.differs) for pair in pairs),
        duration_change=round(b.duration - a.duration, 3),
        tokens_change=b.tokens.total - a.tokens.total,
        cost_change=plain(change) if known else None,
        only_a=sum(pair.b is None for pair in pairs),
        only_b=sum(pair.a is None for pair in pairs),
    )


def _shown(pairs: list[PairRow]) -> list[PairRow]:
    """Where there are too many: first those that differ, with all above them, then others, as they come."""
    if len(pairs) <= MOST_PAIRS:
        return pairs
    kept: set[int] = set()
    above: list[int] = []
    for number, pair in enumerate(pairs):
        del above[pair.depth :]
        above.append(number)
        if pair.differs or pair.a is None or pair.b is None:
            lacking = list(takewhile(lambda each: each not in kept, reversed(above)))
            if len(kept) + len(lacking) > MOST_PAIRS:
                break
            kept.update(lacking)
    for number in range(len(pairs)):
        if len(kept) == MOST_PAIRS:
            break
        kept.add(number)
    return [pairs[number] for number in sorted(kept)]


Pair = tuple[SpanRow | None, SpanRow | None]


def _reversed(pairs: list[Pair], depth: int) -> list[tuple[SpanRow | None, SpanRow | None, int]]:
    return [(one, other, depth) for one, other in reversed(pairs)]


def _children(spans: list[SpanRow]) -> dict[str, list[SpanRow]]:
    """By parent, in order of time; under "" those without one. A span that no root leads to (a cycle) becomes one."""
    known = {span.span_id for span in spans}
    below: dict[str, list[SpanRow]] = {"": []}
    for span in sorted(spans, key=lambda span: span.started):
        up = span.parent_span_id if span.parent_span_id in known and span.parent_span_id != span.span_id else ""
        below.setdefault(up, []).append(span)
    reached: set[str] = set()

    def reach(top: SpanRow) -> None:
        stack = [top]
        while stack:
            span = stack.pop()
            reached.add(span.span_id)
            if span.span_id in below:  # no list for each that has nothing below it: a collector would walk them all
                below[span.span_id] = [each for each in below[span.span_id] if each.span_id not in reached]
                stack += below[span.span_id]

    for top in list(below[""]):
        reach(top)
    for span in spans:
        if span.span_id not in reached:
            below[""].append(span)
            reach(span)
    return below


def _alike(a: SpanRow, b: SpanRow) -> bool:
    if a.kind != b.kind:
        return False
    return a.kind in _MODELS or a.name == b.name or bool(a.request_id and b.request_id)


def _match(a: list[SpanRow], b: list[SpanRow]) -> list[Pair]:
    """Both lists in order, alike ones side by side: of two runs of the same thing most are, from either end."""
    head = next((i for i, (one, other) in enumerate(zip(a, b, strict=False)) if not _alike(one, other)), None)
    if head is None:
        head = min(len(a), len(b))
    tail = 0
    while tail < min(len(a), len(b)) - head and _alike(a[-1 - tail], b[-1 - tail]):
        tail += 1
    ends = len(a) - tail, len(b) - tail
    return [
        *zip(a[:head], b[:head], strict=True),
        *_middle(a[head : ends[0]], b[head : ends[1]]),
        *zip(a[ends[0] :], b[ends[1] :], strict=True),
    ]


def _middle(a: list[SpanRow], b: list[SpanRow]) -> list[Pair]:
    if not a or not b:
        return [*((one, None) for one in a), *((None, other) for other in b)]
    if max(len(a), len(b)) > MOST_SIBLINGS:
        return _one_by_one(a, b)
    longest = [[0] * (len(b) + 1) for _ in range(len(a) + 1)]
    for i in range(len(a) - 1, -1, -1):
        for j in range(len(b) - 1, -1, -1):
            longest[i][j] = (
                longest[i + 1][j + 1] + 1 if _alike(a[i], b[j]) else max(longest[i + 1][j], longest[i][j + 1])
            )
    pairs: list[Pair] = []
    i = j = 0
    while i < len(a) and j < len(b):
        if _alike(a[i], b[j]):
            pairs.append((a[i], b[j]))
            i, j = i + 1, j + 1
        elif longest[i + 1][j] >= longest[i][j + 1]:
            pairs.append((a[i], None))
            i += 1
        else:
            pairs.append((None, b[j]))
            j += 1
    return [*pairs, *((one, None) for one in a[i:]), *((None, other) for other in b[j:])]


def _one_by_one(a: list[SpanRow], b: list[SpanRow]) -> list[Pair]:
    pairs: list[Pair] = []
    for one, other in zip(a, b, strict=False):
        pairs += [(one, other)] if _alike(one, other) else [(one, None), (None, other)]
    rest = min(len(a), len(b))
    return [*pairs, *((one, None) for one in a[rest:]), *((None, other) for other in b[rest:])]


def _differs(a: SpanRow | None, b: SpanRow | None) -> list[str]:
    if a is None or b is None:
        return []
    checks = (
        ("status", a.status, b.status),
        ("model", a.model, b.model),
        ("answered_by", a.model_used, b.model_used),
        ("provider", a.provider, b.provider),
        ("release", a.release, b.release),
        ("tokens", a.tokens.total, b.tokens.total),
        ("cost", a.cost, b.cost),
        ("stop", a.stop, b.stop),
        ("asked", a.input_preview, b.input_preview),
        ("answer", a.output_preview, b.output_preview),
    )
    found = [name for name, one, other in checks if one != other]
    if abs(a.duration - b.duration) > NOTICEABLE * max(a.duration, b.duration, 1.0):
        found.append("duration")
    return found

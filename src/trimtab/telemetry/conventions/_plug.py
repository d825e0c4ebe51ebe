"""What a convention offers: how it is recognised, and what it reads from a span."""

from collections.abc import Callable, Collection

from msgspec import Struct

from trimtab.telemetry.conventions._values import Found
from trimtab.telemetry.foreign.spans import ForeignSpan
from trimtab.telemetry.views import SpanKind

Reader = Callable[[ForeignSpan, Found], None]


def no_kind(_span: ForeignSpan) -> SpanKind | None:
    """Of a convention that says nothing about kinds."""
    return None


class Convention(Struct, frozen=True, kw_only=True):
    """One convention. A *family* is what stands before the first dot in an attribute's or event's name.

    A span with a name of one of ``families``, or from a scope that begins with one of ``scopes``, speaks the
    convention; ``also`` are families that it shares with others: they are read, but prove nothing. ``version`` grows
    with every change of what the mapper makes of a span, so that older rows can be found and made anew.

    Where a span speaks several, the one with the lowest ``own`` rank is its own dialect and is read first, the others
    follow by ``column``; what was found first stays. Kinds are asked for by ``kinds``, lowest first. `read` notes
    fields of `CanonicalSpan`; it may rely on ``found["kind"]`` where any convention knew it.

    An emitter's spans have the same few sets of names over and over: ``fit``, where there is one, makes a reader for
    the spans that have exactly the names it is given, in their order. It does what `read` does, and asks for nothing
    that is not there.
    """

    name: str
    version: int
    families: frozenset[str]
    own: int
    column: int
    kinds: int
    read: Reader
    fit: Callable[[Collection[str]], Reader] | None = None
    kind: Callable[[ForeignSpan], SpanKind | None] = no_kind
    also: frozenset[str] = frozenset()
    scopes: tuple[str, ...] = ()

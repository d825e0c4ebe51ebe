"""What the spans of a trace come to."""

from copy import copy
from typing import Any, Final, Protocol

from msgspec import Struct, field
from msgspec.structs import astuple

from trimtab.llm.types import Usage
from trimtab.telemetry.canonical import COUNTED
from trimtab.telemetry.mapping.known import LABEL, LABELS, Mapped

_INT64: Final = (1 << 63) - 1
_UINT16: Final = (1 << 16) - 1
_NO_USAGE: Final = Usage()


class Named(Protocol):
    """What may say whose a trace is."""

    @property
    def session(self) -> str: ...

    @property
    def user(self) -> str: ...


class Sums(Struct, eq=False):
    """What the leaves of a trace come to, and what of them stands for the trace in lists. Grows as they come."""

    buckets: list[int] = field(default_factory=lambda: [0, 0, 0, 0, 0])
    estimated: int = 0
    cost: int | None = None
    price: str = ""
    unpriced: int = 0
    model: str = ""
    model_used: str = ""
    tried: list[str] = []
    session: str = ""
    user: str = ""
    asked: str = ""
    answered: str = ""
    app: str = ""
    release: str = ""
    environment: str = ""
    feature: str = ""
    tier: str = ""

    def copy(self) -> "Sums":
        """As they are now."""
        other = copy(self)
        other.buckets, other.tried = list(self.buckets), list(self.tried)
        return other

    def values(self) -> list[Any]:
        """For `of`, in another process."""
        return list(astuple(self))

    @classmethod
    def of(cls, values: list[Any]) -> "Sums":
        if len(values) != len(cls.__struct_fields__):
            raise ValueError(f"{len(values)} sums instead of {len(cls.__struct_fields__)}")
        return cls(*values)

    def add(self, mapped: Mapped) -> None:
        """Take a span in, whatever its kind: any may name session, user and feature, leaves count."""
        span = mapped.canonical
        self.name(span)
        if span.feature and not self.feature:
            self.feature = span.feature[:LABEL]
        kind = span.kind
        if kind == "llm":
            self.asked = self.asked or mapped.texts.asked
            self.answered = mapped.texts.answered or self.answered
        if kind in COUNTED:
            self.model = self.model or span.model[:LABEL]
            self.model_used = self.model_used or span.model_used[:LABEL]
            if span.provider and span.provider not in self.tried and len(self.tried) < LABELS:
                self.tried.append(span.provider[:LABEL])
        if mapped.leaf:
            usage = span.usage or _NO_USAGE
            self.tier = self.tier or usage.tier
            self.add_counted(buckets_of(usage), int(usage.estimated), mapped.cost.amount, mapped.cost.price)

    def name(self, span: Named) -> None:
        """Whose the trace is, where this span says so."""
        if span.session and not self.session:
            self.session = span.session[:LABEL]
        if span.user and not self.user:
            self.user = span.user[:LABEL]

    def add_counted(self, buckets: tuple[int, ...], estimated: int, cost: int | None, price: str) -> None:
        """Usage that counts: exclusive buckets, and picodollars where they are known."""
        held = self.buckets
        for place, count in enumerate(buckets):
            if count:
                held[place] = min(_INT64, held[place] + count)
        self.estimated |= estimated
        if cost is None:
            self.unpriced = min(self.unpriced + 1, _UINT16)
        else:
            self.cost = min((self.cost or 0) + cost, _INT64)
            self.price = self.price or price


def buckets_of(usage: Usage) -> tuple[int, int, int, int, int]:
    """The exclusive buckets of tokens: input, read from a cache, written to one, output, reasoning; none below 0."""
    found = (usage.input, usage.cache_read, usage.cache_write, usage.output, usage.reasoning)
    if min(found) >= 0:  # nearly always
        return found
    new, read, written, answer, thought = found
    return max(0, new), max(0, read), max(0, written), max(0, answer), max(0, thought)

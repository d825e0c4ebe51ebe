"""What the spans of a trace come to."""

from typing import Any, Final, Protocol

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


class Sums:
    """What the leaves of a trace come to, and what of them stands for the trace in lists. Grows as they come."""

    def __init__(self) -> None:
        self.buckets: list[int] = [0, 0, 0, 0, 0]
        self.estimated: int = 0
        self.cost: int | None = None
        self.price: str = ""
        self.unpriced: int = 0
        self.model: str = ""
        self.model_used: str = ""
        self.tried: list[str] = []
        self.session: str = ""
        self.user: str = ""
        self.asked: str = ""
        self.answered: str = ""
        self.app: str = ""
        self.release: str = ""
        self.environment: str = ""
        self.feature: str = ""
        self.tier: str = ""

    def copy(self) -> "Sums":
        """As they are now."""
        return Sums.of(self.values())

    def values(self) -> list[Any]:
        """For `of`, also in another process."""
        return [
            list(self.buckets),
            self.estimated,
            self.cost,
            self.price,
            self.unpriced,
            self.model,
            self.model_used,
            list(self.tried),
            self.session,
            self.user,
            self.asked,
            self.answered,
            self.app,
            self.release,
            self.environment,
            self.feature,
            self.tier,
        ]

    @classmethod
    def of(cls, values: list[Any]) -> "Sums":
        """Raises `ValueError`."""
        made = cls()
        (
            made.buckets,
            made.estimated,
            made.cost,
            made.price,
            made.unpriced,
            made.model,
            made.model_used,
            made.tried,
            made.session,
            made.user,
            made.asked,
            made.answered,
            made.app,
            made.release,
            made.environment,
            made.feature,
            made.tier,
        ) = values
        return made

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
    new, read, written = max(0, usage.input), max(0, usage.cache_read), max(0, usage.cache_write)
    return new, read, written, max(0, usage.output), max(0, usage.reasoning)

"""What was there before: traces whose spans are no longer remembered, and what the store is asked about them."""

from collections.abc import Callable
from typing import Final, NamedTuple, Protocol

from trimtab.telemetry.mapping.plan import Key
from trimtab.telemetry.notes import NEAR_NS

FORGOTTEN_TRACES: Final = 100_000
"""Of traces whose spans are no longer remembered, at least so many are known to have been there (some 6 MB)."""
_EARLIER_NS: Final = 3_600_000_000_000
_PROJECTS: Final = 1_000


class Stored(NamedTuple):
    """What the store has of a trace: how many spans, and of those that were asked for, the digests of what came."""

    spans: int
    digests: dict[str, set[int]]


class Lookup(Protocol):
    """What the store has of these traces whose spans begin about [low_ns, high_ns], and of the spans that are given by
    trace. A trace that it has nothing of is missing. Blocks; raises `StoreAway`."""

    def __call__(self, project: str, spans: dict[str, list[str]], low_ns: int, high_ns: int) -> dict[str, Stored]: ...

    def newest(self, project: str, from_ns: int) -> int | None:
        """The latest start of the project's foreign spans in the store that begin about ``from_ns`` or later, and 0 for
        none of them; None where it cannot be relied on, because others write to the store as well."""
        ...

    def newest_call(self, project: str, from_ns: int) -> int | None:
        """The same of calls of our own gateway."""
        ...

    def called(self, project: str, traces: list[str], low_ns: int, high_ns: int) -> set[str]:
        """Those of the traces that the store has calls of our own gateway in, about [low_ns, high_ns]."""
        ...


class Forgotten:
    """Which traces had spans before, of those whose spans are forgotten: the last `FORGOTTEN_TRACES`, in two halves,
    the older of which is dropped when the newer is full. Two keys may look alike: then one is looked up for nothing."""

    def __init__(self) -> None:
        self._newer: set[int] = set()
        self._older: set[int] = set()
        self._newer_from_ns = 0

    def __contains__(self, key: Key) -> bool:
        name = hash(key)
        return name in self._newer or name in self._older

    def clear(self) -> None:
        self._newer, self._older = set(), set()

    def add(self, key: Key, now_ns: int) -> int:
        """Returns since when (Unix ns) every trace is here that was ever added; 0: since the beginning."""
        if not self._newer:
            self._newer_from_ns = now_ns
        self._newer.add(hash(key))
        if len(self._newer) < FORGOTTEN_TRACES:
            return 0
        dropped, self._older, self._newer = self._older, self._newer, set()
        return self._newer_from_ns if dropped else 0


class Newest:
    """How far what the store has of a project reaches, by `Lookup.newest` or `Lookup.newest_call`, as it was asked
    once: so that old spans that come into a store without any of their time, as at a move from elsewhere or right after
    a start, are not looked up each."""

    def __init__(self, ask: Callable[[str, int], int | None]) -> None:
        self._ask = ask
        self._known: dict[str, tuple[int, int | None]] = {}

    def clear(self) -> None:
        """Spans that were stored since are no longer remembered."""
        self._known.clear()

    def reaches(self, project: str, low_ns: int) -> bool:
        """Whether it can have spans about ``low_ns`` or later of which nothing is remembered. Raises `StoreAway`."""
        asked_ns, newest_ns = self._known.get(project, (low_ns + 1, 0))
        if low_ns < asked_ns:
            asked_ns = low_ns - _EARLIER_NS
            newest_ns = self._ask(project, asked_ns)
            if len(self._known) >= _PROJECTS:
                self._known.clear()
            self._known[project] = (asked_ns, newest_ns)
        return newest_ns is None or newest_ns >= low_ns - NEAR_NS

    def add(self, project: str, start_ns: int) -> None:
        """A span that will be in the store and is not remembered."""
        asked_ns, newest_ns = self._known.get(project, (0, None))
        if newest_ns is not None:
            self._known[project] = (asked_ns, max(newest_ns, start_ns))

"""Which traces calls of our own gateway are part of: their spans tell usage that foreign ones may tell as well.

What came since a moment is remembered. Of what may have come before it the store is asked, once for each trace: a
server that was started between a call and what the application tells of it would count it twice. While all that came
since the start is remembered, nothing is asked about times that no call of the project in the store reaches: to ask for
each trace took a seventh of all that was spent on spans, and most who send many send no calls.
"""

import re
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Final

from trimtab.telemetry.mapping.before import Lookup, Newest
from trimtab.telemetry.mapping.plan import Key
from trimtab.telemetry.notes import LONGEST_NS, NEAR_NS

REMEMBERED_CALLS: Final = 60_000
"""Traces with calls of ours that are remembered."""
SKEW_NS: Final = 60_000_000_000
"""So far apart may be the clocks of an application and of this server: within it of where memory begins, and of what
begins later than it came, the store is asked."""
_TRACE_ID: Final = re.compile(r"[0-9a-f]{32}")


class Called:
    """One thread at a time. ``now_ns`` is where its memory begins."""

    def __init__(self, lookup: Lookup, now_ns: Callable[[], int]) -> None:
        self._lookup = lookup
        self._now_ns = now_ns
        self._known: OrderedDict[Key, int] = OrderedDict()
        self._newest = Newest(lookup.newest_call)
        self._since_ns = self._began_ns = now_ns()

    def __contains__(self, key: Key) -> bool:
        return key in self._known

    def add(self, key: Key) -> None:
        """A call of ours came of it, or is in the store."""
        self._known[key] = self._now_ns()
        self._known.move_to_end(key)
        if len(self._known) > REMEMBERED_CALLS:
            self._since_ns = max(self._since_ns, self._known.popitem(last=False)[1])

    def is_doubtful(self, key: Key, low_ns: int, arrived_ns: int) -> bool:
        """Whether a trace with a span that began at ``low_ns`` may have had a call that is not remembered. Raises
        `StoreAway`."""
        if self._since_ns + SKEW_NS <= low_ns <= arrived_ns or key in self._known:
            return False
        return self._since_ns != self._began_ns or self._newest.reaches(key[0], low_ns)

    def look_up(self, doubtful: Iterable[tuple[Key, int, int]]) -> None:
        """Ask the store of which of these traces, each with when its spans began first and last, it has calls. Raises
        `StoreAway`."""
        asked: dict[tuple[str, bool], list[tuple[str, int, int]]] = {}
        for (project, trace_id), low, high in doubtful:
            # It may go on until our memory begins: then it is asked for no more.
            high = max(high, min(self._since_ns + SKEW_NS, low + LONGEST_NS))
            asked.setdefault((project, high - low > NEAR_NS), []).append((trace_id, low, high))
        for (project, _), some in asked.items():
            low, high = min(each[1] for each in some), max(each[2] for each in some)
            for trace_id in self._lookup.called(project, [each[0] for each in some], low, high):
                self.add((project, trace_id))


def told_before(lookup: Lookup, calls: dict[Key, int]) -> list[Key]:
    """Of which of these traces, each with when a call of ours in it began, the store has spans already. Raises
    `StoreAway`."""
    by_project: dict[str, list[Key]] = {}
    for key in calls:
        if _TRACE_ID.fullmatch(key[1]):  # people mend calls
            by_project.setdefault(key[0], []).append(key)
    found: list[Key] = []
    for project, keys in by_project.items():
        times = [calls[key] for key in keys]
        known = lookup(project, {trace_id: [] for _, trace_id in keys}, min(times), max(times))
        found += [key for key in keys if key[1] in known]
    return found

"""At most a share of calls goes up: the hardest, by what was judged lately.

A threshold of difficulty sends up whatever share of a team's calls happens to lie above it. Here the share is given,
and the threshold follows: a call goes up when it is among the hardest ``most`` of the last `REMEMBERED` and no more
than that have gone up of them. Equals are not told apart, so what everybody asks all day goes up for nobody. A worker
remembers by itself and keeps the share by itself, so all of them keep it; after a start the first ``1 / most`` calls
stay cheap.
"""

from bisect import bisect_left, insort
from collections import deque

REMEMBERED = 500
MOST_WINDOWS = 10_000
"""Of all nodes, also of routes that are gone; the oldest give way."""
Node = tuple[str, str, str]
"""Project's id, route's name, path."""


class Window:
    """The last judged calls of one node."""

    __slots__ = ("_calls", "_ordered", "_up")

    def __init__(self) -> None:
        self._calls: deque[tuple[float, bool]] = deque()
        self._ordered: list[float] = []
        self._up = 0

    def ask(self, difficulty: float, most: float) -> str:
        """Why a call so hard stays cheap; empty where it may go up."""
        count = len(self._calls) + 1
        allowed = int(most * count + 1e-9)
        if len(self._ordered) - bisect_left(self._ordered, difficulty) >= allowed:
            return f"not among the hardest {most:.3g} of the last {count}"
        return f"{most:.3g} of the last {count} have gone up" if self._up >= allowed else ""

    def note(self, difficulty: float, *, up: bool) -> None:
        self._calls.append((difficulty, up))
        insort(self._ordered, difficulty)
        self._up += up
        if len(self._calls) >= REMEMBERED:
            gone, went_up = self._calls.popleft()
            del self._ordered[bisect_left(self._ordered, gone)]
            self._up -= went_up


class Shares:
    """The windows of all nodes that have such a share. They outlive snapshots; belong to one event loop."""

    def __init__(self) -> None:
        self._windows: dict[Node, Window] = {}

    def of(self, node: Node) -> Window:
        found = self._windows.get(node)
        if found is None:
            if len(self._windows) >= MOST_WINDOWS:
                del self._windows[next(iter(self._windows))]
            found = self._windows[node] = Window()
        return found

"""A store of arrivals in memory and a receiver that a test tells what to answer: what tests of forwarding stand on."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from trimtab.governance import store as governance
from trimtab.governance.store import ProjectRow
from trimtab.telemetry.forward.closing import Arrival, Closing, closings
from trimtab.telemetry.forward.material import Scope, Whole
from trimtab.telemetry.forward.senders import Packet
from trimtab.telemetry.forward.types import Outcome
from trimtab.telemetry.views import Tokens, TraceDetail

OK = Outcome(verdict="delivered", status=200)


class Store:
    """Arrivals and traces in memory, as `Material` gives them."""

    def __init__(self) -> None:
        self.arrivals: list[Arrival] = []
        self.gone: set[str] = set()

    def come(self, at_ns: int, trace_id: str, *, rooted: bool = True, span: str = "a") -> None:
        self.arrivals.append(Arrival(trace_id, at_ns, "n", int(rooted), at_ns, at_ns, (f"{trace_id}-{span}",)))

    async def page(
        self, project: str, since_ns: int, places: Mapping[str, int], until_ns: int, limit: int
    ) -> list[Arrival]:
        found = [a for a in self.arrivals if a.at_ns <= until_ns and a.at_ns > places.get(a.node, since_ns)]
        return sorted(found, key=lambda each: each.place)[:limit]

    async def newest(self, project: str) -> int:
        return max((a.at_ns for a in self.arrivals), default=0)

    async def closings(self, scope: Scope, trace_ids: Iterable[str], low_ns: int) -> dict[str, list[Closing]]:
        return {
            trace_id: closings([a for a in self.arrivals if a.trace_id == trace_id], scope.quiet_ns, scope.root_wait_ns)
            for trace_id in trace_ids
        }

    async def matching(self, project: str, q: str, due: list[Closing]) -> set[str]:
        return {closing.trace_id for closing in due if q in closing.trace_id}

    async def traces(self, project: str, due: list[Closing], *, full: bool) -> dict[str, Whole]:
        there = {closing.trace_id for closing in due} - self.gone
        return {trace_id: self._whole(trace_id) for trace_id in there}

    def _whole(self, trace_id: str) -> Whole:
        spans = [span for a in self.arrivals if a.trace_id == trace_id for span in a.span_ids]
        detail = TraceDetail(
            trace_id=trace_id, spans=[], tokens=Tokens(), cost=None, unpriced=0, started=0.0, duration=0.0, decision=[],
            metadata={},
        )  # fmt: skip
        return Whole(detail, dict.fromkeys(spans, (0, 0)), {})


class Receiver:
    """``answer(key)`` decides; ``taken`` counts what was delivered by event id."""

    def __init__(self, answer: Callable[[str], Outcome] = lambda key: OK) -> None:
        self.answer = answer
        self.taken: Counter[str] = Counter()
        self.traces: list[str] = []
        self.asked = 0
        self.wrong = ""
        """What is wrong with its address."""

    async def look(self) -> str:
        return self.wrong

    async def send(self, packet: Packet) -> Outcome:
        self.asked += 1
        outcome = self.answer(packet.key)
        if outcome.verdict == "delivered":
            self.taken[packet.id] += 1
            self.traces.append(packet.key)
        return outcome

    async def aclose(self) -> None:
        pass


def project(conn: Any) -> None:
    if all(row.id != "p" for row in governance.projects(conn)):
        governance.add_project(conn, ProjectRow(id="p", slug="p", name="", capture_content=True, created=1))

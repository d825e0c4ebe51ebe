"""One destination's rounds: what is due is read from the store, sent, and passed over once it is settled.

Nothing waits in memory. A round takes one page of arrivals behind the destination's position; only when each closing in
it is delivered, given up or kept as an event in the catalog does the position move, in the transaction that says so. So
a crash repeats at most a page, under the same event ids, and a destination that is away for hours costs one page.

Who is to blame for a failure shows in the round: where anything got through, the destination is there, and what did not
is kept as an event and tried again by itself, until it counts as failed. Where nothing got through, the destination is
left alone for a while, and the position stays; so nobody's wrong key turns every trace into a failed event.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Final, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from trimtab.core.clock import Clock
from trimtab.core.errors import Unavailable
from trimtab.storage.database import Database
from trimtab.telemetry.forward import payload, store
from trimtab.telemetry.forward.closing import Arrival, Closing
from trimtab.telemetry.forward.material import SKEW_NS, Material, Scope, Whole
from trimtab.telemetry.forward.senders import Packet, Sender
from trimtab.telemetry.forward.store import Event, Lane, Places, State
from trimtab.telemetry.forward.types import UNREACHABLE, UNREADABLE, Destination, Outcome, filter_trouble, sampled

logger = logging.getLogger("trimtab.forward")

PAGE: Final = 500
"""Arrivals of one round and lane."""
EVENTS: Final = 50
"""Events that are tried again in one round."""
MOST_HELD: Final = 500
"""Events that may wait to be tried again: from there on the position waits, too."""
GROUP_SPANS: Final = 2_000
GROUP_FULL: Final = 200
"""Spans that are read and sent together; with their texts."""
AT_ONCE: Final = 4
BEFORE_LOOKING: Final = 16
"""Events that are sent before it is seen whether somebody is there."""
TRIES: Final = 10
"""How often an event is tried while others get through."""
MOST_FAILED: Final = 10_000
"""Failed events that are kept: from there on the position waits until somebody replays or drops some."""
REFUSED_TRIES, FAULTY_TRIES = 3, 8
"""After so many rounds in which all that was sent was refused, or met the receiver's own error, the first of it is put
aside: it may be about that one."""
FIRST_S, LONGEST_S = 1.0, 300.0
LOOKS: Final = 4
"""How often spans are looked for that are not there: their rows may be just being made anew."""
LOOKS_DOUBLED: Final = 6
"""So often the pause between looks at an address is doubled while nothing is due: to 32 s."""
LOOK_NS: Final = 60_000_000_000
"""How often it is looked whether the clock of arrivals is ahead."""
_S: Final = 1_000_000_000


class Parts(Struct, frozen=True, kw_only=True):
    """What a `Delivery` is made of. ``slug_of``: a project's name for people, by its id."""

    db: Database
    material: Material
    slug_of: Callable[[str], str]
    clock: Clock
    rng: random.Random
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep


class _Due(NamedTuple):
    """A closing to be sent; ``event`` where it was tried before and kept."""

    closing: Closing
    event: Event | None


class _Page(NamedTuple):
    """Arrivals of one lane, in order, and what of them closes a trace."""

    lane: Lane
    arrivals: list[Arrival]
    closings: list[Closing]


class _Sent(NamedTuple):
    due: _Due
    outcome: Outcome


class Delivery:
    """For one event loop; ``holder`` is whoever holds the destination in the catalog."""

    def __init__(self, parts: Parts, destination: Destination, sender: Sender, holder: str) -> None:
        self._parts = parts
        self._to = destination
        self._sender = sender
        self._holder = holder
        self._here_ns = 0
        self._last = (0, 0)
        self._looked_ns = 0
        self._unreadable = filter_trouble(destination)
        self._is_there = False
        self._scope = Scope(
            project=destination.project_id,
            quiet_ns=int(destination.quiet_s * _S),
            root_wait_ns=int(destination.root_wait_s * _S),
        )

    async def round(self) -> bool:
        """Whether there may be more to do at once. Raises `Unavailable` while catalog or store are away."""
        now, to = self._now(), self._to
        state = await self._parts.db.read(lambda conn: store.state(conn, to.project_id, to.name))
        if state is None or now < state.next_try <= now + store.FURTHEST_MS:
            return False
        if self._unreadable:
            return await self._tell(state, self._unreadable)
        if state.problem.startswith(UNREADABLE):
            state = await self._well(state)
        self._here_ns = await self._by_arrivals()
        again, pages = await self._pending(state, now)
        chosen = await self._chosen([closing for page in pages for closing in page.closings])
        run = await self._send_all([*again, *(_Due(closing, None) for closing in chosen)])
        if not run.sent and not run.missing and not any(page.arrivals for page in pages):
            return await self._look(state)
        settled = self._settled(state, pages, run, {closing.place for closing in chosen})
        after = settled.state
        done = [each.due.event.id for each in run.sent if each.due.event and each.outcome.verdict == "delivered"]
        done += [due.event.id for due in run.missing if due.event]
        if not await self._parts.db.write(lambda conn: store.settle(conn, after, self._holder, settled.events, done)):
            raise _taken()
        more = bool(run.rest) or any(len(page.arrivals) == PAGE for page in pages)
        return settled.moves and more and after.next_try <= now

    def _now(self) -> int:
        return self._parts.clock.now_ns() // 1_000_000

    # --- what is wrong before anything is sent ---

    async def _tell(self, state: State, problem: str) -> bool:
        """It stands still, and says why: once, for the next round meets the same."""
        told = _kept(problem)
        if state.problem != told or not state.tries:
            logger.warning("forwarding to %s stands still: %s", self._to.name, problem)
            since = state.waiting_since or self._now()
            await self._keep(replace(state, tries=max(1, state.tries), problem=told, waiting_since=since))
        return False

    async def _look(self, state: State) -> bool:
        """Nothing is due. Whether the address leads anywhere is not left for the first trace to find out."""
        if self._is_there:
            return False
        problem = await self._sender.look()
        self._is_there = not problem
        if self._is_there:
            if state.problem.startswith(UNREACHABLE):
                await self._well(state)
            return False
        tries = state.tries + 1
        wait = int(backoff_s(min(tries, LOOKS_DOUBLED), self._parts.rng) * 1000)
        await self._keep(
            replace(state, tries=tries, next_try=self._now() + wait, problem=_kept(f"{UNREACHABLE}{problem}"))
        )
        return False

    async def _well(self, state: State) -> State:
        return await self._keep(replace(state, tries=0, problem="", waiting_since=None))

    async def _keep(self, state: State) -> State:
        if not await self._parts.db.write(lambda conn: store.settle(conn, state, self._holder, [], [])):
            raise _taken()
        return state

    # --- what is due ---

    async def _pending(self, state: State, now: int) -> tuple[list[_Due], list[_Page]]:
        """Events to try again, and new pages; none while too many events are kept."""
        to = self._to
        events, counts = await self._parts.db.read(
            lambda conn: (
                store.due(conn, to.project_id, to.name, now, EVENTS),
                store.counted(conn, to.project_id, to.name),
            )
        )
        again = await self._again(events)
        if counts.get("retry", 0) >= MOST_HELD or counts.get("failed", 0) >= MOST_FAILED:
            return again, []
        rooted = await self._page(state, "rooted", self._scope.quiet_ns)
        rootless = await self._page(state, "rootless", self._scope.root_wait_ns)
        return again, [rooted, rootless]

    async def _by_arrivals(self) -> int:
        """What the time is by the clock of arrivals. That never goes back (`arrivals.py`): where ours did, by more than
        clocks of several machines differ, it is told by the last of them, and what has passed since that was seen."""
        now_ns, steady_ns = self._parts.clock.now_ns(), self._parts.clock.monotonic_ns()
        last_ns, seen_ns = self._last
        if not seen_ns or last_ns > now_ns + SKEW_NS or steady_ns - self._looked_ns >= LOOK_NS:
            newest_ns, self._looked_ns = await self._parts.material.newest(self._to.project_id), steady_ns
            if newest_ns != last_ns or not seen_ns:
                self._last = last_ns, seen_ns = newest_ns, steady_ns or 1
        return last_ns + steady_ns - seen_ns if last_ns > now_ns + SKEW_NS else now_ns

    async def _page(self, state: State, lane: Lane, wait_ns: int) -> _Page:
        until = self._here_ns - wait_ns - 1
        arrivals = await self._parts.material.page(
            self._to.project_id, state.since * 1_000_000, state.places.get(lane, {}), until, PAGE
        )
        if not arrivals:
            return _Page(lane, [], [])
        places = {arrival.place for arrival in arrivals}
        traces = dict.fromkeys(arrival.trace_id for arrival in arrivals)
        found = await self._parts.material.closings(self._scope, traces, arrivals[0].at_ns)
        closings = [
            closing
            for of_trace in found.values()
            for closing in of_trace
            if closing.rooted == (lane == "rooted") and closing.place in places
        ]
        return _Page(lane, arrivals, sorted(closings, key=lambda closing: closing.place))

    async def _again(self, events: Sequence[Event]) -> list[_Due]:
        if not events:
            return []
        low = min(event.at_ns for event in events)
        traces = dict.fromkeys(event.trace_id for event in events)
        found = await self._parts.material.closings(self._scope, traces, low)
        known = {closing.place: closing for of_trace in found.values() for closing in of_trace}
        return [_Due(known.get((event.at_ns, event.node)) or _unknown(event), event) for event in events]

    async def _chosen(self, due: list[Closing]) -> list[Closing]:
        """What this destination wants of it."""
        drawn = [closing for closing in due if sampled(closing.trace_id, self._to.sample)]
        fitting = await self._parts.material.matching(self._to.project_id, self._to.filter, drawn)
        return [closing for closing in drawn if closing.trace_id in fitting]

    # --- sending ---

    async def _send_all(self, due: list[_Due]) -> "_Run":
        """In order, until nobody seems to be there."""
        run = _Run([], [], [])
        for group in _groups(due, GROUP_FULL if self._to.content == "full" else GROUP_SPANS):
            if run.is_cut():
                run.rest.extend(group)
                continue
            wholes = await self._wholes([each.closing for each in group])
            there = [(each, wholes[each.closing.trace_id]) for each in group if each.closing.trace_id in wholes]
            run.missing.extend(each for each in group if each.closing.trace_id not in wholes)
            if self._to.kind == "otlp":
                await self._send_spans(there, run)
            else:
                await self._send_events(there, run)
        return run

    async def _wholes(self, closings: list[Closing]) -> dict[str, Whole]:
        """As they are in the store. A foreign trace's rows are deleted and put anew now and then, so spans that are not
        there are looked for again; those that stay away are gone."""
        full = self._to.content == "full"
        found: dict[str, Whole] = {}
        for look in range(LOOKS):
            if look:
                await self._parts.pause(0.5 * look)
            found = await self._parts.material.traces(self._to.project_id, closings, full=full)
            if all(_is_whole(closing, found.get(closing.trace_id)) for closing in closings):
                break
        return found

    async def _send_events(self, due: list[tuple[_Due, Whole]], run: "_Run") -> None:
        """Once nobody seems to be there nothing more is begun: one that hangs is waited for by few."""
        now, slug = self._now(), self._parts.slug_of(self._to.project_id)
        away = asyncio.Event()

        async def send(each: _Due, whole: Whole) -> _Sent | None:
            async with places:
                if away.is_set():
                    return None
                body = await asyncio.to_thread(payload.event, self._to, slug, each.closing, whole, now)
                packet = Packet(payload.event_id(self._to, each.closing), each.closing.trace_id, body)
                outcome = await self._sender.send(packet)
                if outcome.verdict == "away":
                    away.set()
                return _Sent(each, outcome)

        places = asyncio.Semaphore(AT_ONCE)
        for at in range(0, len(due), BEFORE_LOOKING):
            if run.is_cut():
                run.rest.extend(each for each, _ in due[at:])
                return
            some = due[at : at + BEFORE_LOOKING]
            for (each, _), sent in zip(some, await asyncio.gather(*(send(*pair) for pair in some)), strict=True):
                if sent is None:
                    run.rest.append(each)
                else:
                    run.sent.append(sent)

    async def _send_spans(self, due: list[tuple[_Due, Whole]], run: "_Run") -> None:
        """In one request; one by one where a collector does not take that, to find which it is about."""
        if len(due) > 1:
            outcome = await self._send_otlp([(each.closing, whole) for each, whole in due])
            if outcome.verdict in ("delivered", "away"):
                run.sent.extend(_Sent(each, outcome) for each, _ in due)
                return
        for place, (each, whole) in enumerate(due):
            if run.is_cut():
                run.rest.extend(other for other, _ in due[place:])
                return
            run.sent.append(_Sent(each, await self._send_parts(each, whole)))

    async def _send_parts(self, due: _Due, whole: Whole) -> Outcome:
        """A trace in as many requests as it takes."""
        closing, outcome = due.closing, Outcome(verdict="delivered")
        step = GROUP_FULL if self._to.content == "full" else GROUP_SPANS
        for at in range(0, max(1, len(closing.span_ids)), step):
            part = replace(closing, span_ids=closing.span_ids[at : at + step])
            outcome = await self._send_otlp([(part, whole)])
            if outcome.verdict != "delivered":
                break
        return outcome

    async def _send_otlp(self, traces: list[tuple[Closing, Whole]]) -> Outcome:
        body = await asyncio.to_thread(payload.otlp, traces, self._to.content)
        return await self._sender.send(Packet(payload.event_id(self._to, traces[0][0]), traces[0][0].trace_id, body))

    # --- settling ---

    def _settled(self, state: State, pages: list[_Page], run: "_Run", chosen: set[tuple[int, str]]) -> "_Settled":
        now = self._now()
        failures = [each for each in run.sent if each.outcome.verdict != "delivered"]
        told = next((each.outcome.problem for each in reversed(run.sent) if each.outcome.problem), "")
        state = replace(state, problem=_kept(told))
        delivered = len(run.sent) - len(failures)
        asked = max((each.outcome.retry_after_s for each in failures), default=0.0)
        if failures and not delivered:
            return self._left_alone(state, pages, failures, asked, chosen)
        events = [self._event(each, now) for each in failures]
        state = replace(
            state,
            tries=0,
            next_try=now + int(asked * 1000) if asked else 0,
            delivered=state.delivered + delivered,
            failed=state.failed + sum(event.state == "failed" for event in events),
            last_delivered=now if delivered else state.last_delivered,
        )
        places = {each.closing.place for each in run.rest}
        state = _moved(state, [_before(page, places) for page in pages], chosen)
        if places:
            state = replace(state, waiting_since=min(places)[0] // 1_000_000)
        return _Settled(state, events, True)

    def _left_alone(
        self, state: State, pages: list[_Page], failures: list[_Sent], asked: float, chosen: set[tuple[int, str]]
    ) -> "_Settled":
        """Nothing got through: the position stays, but for the first event where it may be about that one."""
        now, tries = self._now(), state.tries + 1
        wait = max(asked, backoff_s(tries, self._parts.rng))
        state = replace(state, tries=tries, next_try=now + int(wait * 1000))
        first = failures[0]
        enough = {"refused": REFUSED_TRIES, "faulty": FAULTY_TRIES}.get(first.outcome.verdict, tries + 1)
        if tries >= enough:
            event = self._event(first, now)
            event = event if first.outcome.verdict == "refused" else replace(event, state="retry")
            state = replace(state, failed=state.failed + (event.state == "failed"))
            cut = [_up_to(page, first.due.closing.place) for page in pages if first.due.event is None]
            passed = {arrival.place for page in cut for arrival in page.arrivals}
            left = [each.at_ns // 1_000_000 for page in pages for each in page.closings if each.place not in passed]
            state = _moved(state, cut, chosen)
            return _Settled(replace(state, waiting_since=min(left, default=state.waiting_since)), [event], True)
        waiting = [page.arrivals[0].at_ns for page in pages if page.closings]
        since = min(waiting) // 1_000_000 if waiting else now
        return _Settled(replace(state, waiting_since=min(since, state.waiting_since or since)), [], False)

    def _event(self, sent: _Sent, now: int) -> Event:
        """What is kept of a closing that did not get through while others did."""
        closing, before, outcome = sent.due.closing, sent.due.event, sent.outcome
        tries = (before.tries if before else 0) + 1
        over = outcome.verdict == "refused" or tries >= TRIES
        wait = max(outcome.retry_after_s, backoff_s(tries, self._parts.rng))
        return Event(
            id=payload.event_id(self._to, closing),
            project_id=self._to.project_id,
            name=self._to.name,
            state="failed" if over else "retry",
            trace_id=closing.trace_id,
            at_ns=closing.at_ns,
            node=closing.node,
            tries=tries,
            next_try=now + int(wait * 1000),
            status=outcome.status,
            problem=_kept(outcome.problem),
            first_tried=before.first_tried if before else now,
            last_tried=now,
        )


def _taken() -> Unavailable:
    return Unavailable("Another worker has taken up this destination.", code="forward_taken")


class _Settled(NamedTuple):
    """What is to be written of a round; ``moves``: the position does, whole pages of it."""

    state: State
    events: list[Event]
    moves: bool


class _Run(NamedTuple):
    """What came of what was sent; what is no longer there (erased, or over age); what was not sent any more."""

    sent: list[_Sent]
    missing: list[_Due]
    rest: list[_Due]

    def is_cut(self) -> bool:
        """Nobody seems to be there, or nothing is taken."""
        if any(each.outcome.verdict == "away" for each in self.sent):
            return True
        return len(self.sent) >= BEFORE_LOOKING and all(each.outcome.verdict != "delivered" for each in self.sent)


def _moved(state: State, pages: Iterable[_Page], chosen: set[tuple[int, str]]) -> State:
    """Behind these pages; what of them was not chosen is counted."""
    passed_over = state.passed_over
    places: Places = {lane: dict(nodes) for lane, nodes in state.places.items()}
    behind: list[int] = []
    for page in pages:
        nodes = places.setdefault(page.lane, {})
        for arrival in page.arrivals:
            nodes[arrival.node] = max(nodes.get(arrival.node, 0), arrival.at_ns)
        passed_over += sum(closing.place not in chosen for closing in page.closings)
        if len(page.arrivals) == PAGE:
            behind.append(page.arrivals[-1].at_ns // 1_000_000)
    return replace(state, places=places, passed_over=passed_over, waiting_since=min(behind) if behind else None)


def _kept(problem: str) -> str:
    """What a receiver said, as a catalog takes it: PostgreSQL has no NUL in its texts."""
    return problem[: store.PROBLEM].replace("\0", "\ufffd")


def backoff_s(tries: int, rng: random.Random) -> float:
    """Doubled with each try, between half and all of it, so that many that failed together do not come together."""
    longest = min(LONGEST_S, FIRST_S * 2 ** min(tries - 1, 20))
    return longest * (0.5 + rng.random() / 2)


def _before(page: _Page, places: set[tuple[int, str]]) -> _Page:
    """The part of a page before the first of these closings."""
    first = min((closing.place for closing in page.closings if closing.place in places), default=None)
    if first is None:
        return page
    return _cut(page, lambda place: place < first)


def _up_to(page: _Page, place: tuple[int, str]) -> _Page:
    """The part of a page that ends where a closing does; nothing of a page that does not hold it."""
    if all(arrival.place != place for arrival in page.arrivals):
        return _Page(page.lane, [], [])
    return _cut(page, lambda each: each <= place)


def _cut(page: _Page, within: Callable[[tuple[int, str]], bool]) -> _Page:
    arrivals = [arrival for arrival in page.arrivals if within(arrival.place)]
    return _Page(page.lane, arrivals, [closing for closing in page.closings if within(closing.place)])


def _groups(due: list[_Due], most_spans: int) -> Iterable[list[_Due]]:
    """In order, so that no group has many more spans than that. No trace stands twice in one."""
    group: list[_Due] = []
    spans = 0
    traces: set[str] = set()
    for each in due:
        size = max(1, len(each.closing.span_ids))
        if group and (spans + size > most_spans or each.closing.trace_id in traces):
            yield group
            group, spans = [], 0
            traces.clear()
        group.append(each)
        spans += size
        traces.add(each.closing.trace_id)
    if group:
        yield group


def _is_whole(closing: Closing, whole: Whole | None) -> bool:
    return whole is not None and all(span_id in whole.times for span_id in closing.span_ids)


def _unknown(event: Event) -> Closing:
    """A closing whose arrivals are gone: all of the trace that began in the month before."""
    return Closing(
        trace_id=event.trace_id,
        at_ns=event.at_ns,
        node=event.node,
        revision=1,
        rooted=True,
        span_ids=(),
        low_ns=max(0, event.at_ns - 31 * 86_400 * _S),
        high_ns=event.at_ns + 86_400 * _S,
    )

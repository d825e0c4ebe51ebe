"""Live tail: traces as they reach the store, to everybody who watches a project, from one look a second at the store.

While somebody watches a project one task asks which entry spans ended lately, which reads few numbers of few rows. Only
where some are new (or have changed) the rows themselves are asked for, once for each search that is watched. A watcher
has an address in time, ``at``: whoever comes back with it is told what ended since, so that nothing is missed between
two connections; rows may come twice, and are the same trace when they do.

Bounded: watchers of a project and in all, rows of an event, events that wait for a slow watcher (then it is told how
many it missed, and asks for the list anew), and how long a connection lives before its key is looked at again.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Final, Literal, Protocol

from msgspec import Struct

from trimtab.core.clock import Clock
from trimtab.core.errors import RateLimited, TrimtabError, Unavailable
from trimtab.telemetry.search.query import compile_query
from trimtab.telemetry.views import SpanRow, Window

logger = logging.getLogger("trimtab.telemetry.tail")

LOOK_S: Final = 1.0
BEAT_S: Final = 10.0
LONGEST_S: Final = 900.0
REACH_MS: Final = 60_000
"""A row is looked for so long after its span ended, and longer by as much as the store is behind."""
SLACK_MS: Final = 30_000
MOST_ENDED: Final = 1_000
MOST_ROWS: Final = 200
MOST_EVENTS: Final = 16
MOST_OF_PROJECT: Final = 50
MOST_IN_ALL: Final = 500


class Ended(Struct, frozen=True, array_like=True):
    """An entry span; ``mark`` changes when what is shown of it does."""

    trace_id: str
    span_id: str
    start_ns: int
    mark: int


class Source(Protocol):
    """Where rows are asked for: `reader.TelemetryReader`. Raises `Unavailable` while the store is away."""

    async def ended(self, project: str, since_ns: int, most: int, now_ns: int) -> tuple[list[Ended], int]:
        """Entry spans that ended since, the latest first, and how far the store is behind, milliseconds. Those that
        end later than ``now_ns``, by clocks that are ahead or were, come last: they would hide all others."""
        ...

    async def among(self, project: str, q: str, spans: list[Ended]) -> list[SpanRow]:
        """The rows of those of the spans that a search finds, newest first."""
        ...


class TailEvent(Struct, frozen=True, kw_only=True):
    """``at`` (Unix ms) is where a later connection goes on. ``traces`` brings rows, ``beat`` says that there is nothing
    new, ``away`` that the store does not answer, ``bye`` that this connection ends and another may follow at once.
    ``skipped``: that many were too many, so the list has a gap."""

    kind: Literal["traces", "beat", "away", "bye"]
    at: int
    rows: list[SpanRow] = []
    behind_ms: int = 0
    skipped: int = 0


class _Watcher:
    def __init__(self, q: str) -> None:
        self.q = q
        self.events: asyncio.Queue[TailEvent] = asyncio.Queue(MOST_EVENTS)
        self._missed = 0

    def tell(self, event: TailEvent) -> None:
        """Never waits: what a slow watcher has no room for is counted."""
        if self.events.full():
            self._missed += len(event.rows) + event.skipped
            return
        if self._missed:
            event = TailEvent(
                kind="traces",
                at=event.at,
                rows=event.rows,
                behind_ms=event.behind_ms,
                skipped=event.skipped + self._missed,
            )
            self._missed = 0
        self.events.put_nowait(event)


class _Followed:
    """One project that is watched: its watchers, and the task that looks."""

    def __init__(self) -> None:
        self.watchers: set[_Watcher] = set()
        self.begun = asyncio.Event()
        self.task: asyncio.Task[None] | None = None


class Tail:
    """``pause`` waits so many seconds, as `asyncio.sleep` does."""

    def __init__(self, source: Source, clock: Clock, pause: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self._source = source
        self._clock = clock
        self._pause = pause
        self._projects: dict[str, _Followed] = {}
        self._closing = asyncio.Event()

    @property
    def watching(self) -> int:
        return sum(len(followed.watchers) for followed in self._projects.values())

    def check(self, project: str, q: str) -> None:
        """Whether it may be watched. Raises `InvalidRequest` for the search, `RateLimited`, `Unavailable`."""
        compile_query(q, project, Window(start=0, end=1))
        if self._closing.is_set():
            raise Unavailable("This server is stopping.", fix="Connect again in a moment.", retry_after_s=1.0)
        followed = self._projects.get(project)
        if self.watching >= MOST_IN_ALL or (followed is not None and len(followed.watchers) >= MOST_OF_PROJECT):
            raise RateLimited(
                "Too many watch live already.",
                fix="Close another live tail, or ask for the list again and again instead.",
                code="too_many_watchers",
                retry_after_s=30.0,
            )

    async def try_search(self, project: str, q: str) -> None:
        """Whether the store takes that search: of no row, so before any is told. Raises `InvalidRequest` for words that
        are not indexed or lie encrypted, and for money in a currency that is not the project's."""
        if q.strip():
            with contextlib.suppress(Unavailable):  # which watchers are told, and waited for
                await self._source.among(project, q, [Ended("", "", 0, 0)])

    async def watch(
        self, project: str, q: str, since: int | None, may: Callable[[], bool]
    ) -> AsyncGenerator[TailEvent]:
        """Events until the connection is old, the server stops, ``may`` says no, or the search is no longer taken;
        `check` and `try_search` come first. ``since`` is the ``at`` of the last event that was heard, now if None."""
        began, steady_ns = self._now(), self._clock.monotonic_ns()
        watcher = _Watcher(q)
        followed = self._join(project, watcher)
        try:
            await followed.begun.wait()
            yield await self._since(project, q, began if since is None else since)
            while not self._closing.is_set() and may() and self._lasted_s(steady_ns) < LONGEST_S:
                try:
                    event = await asyncio.wait_for(watcher.events.get(), BEAT_S)
                except TimeoutError:
                    event = TailEvent(kind="beat", at=self._now())
                if event.kind == "bye":
                    break
                yield event
            yield TailEvent(kind="bye", at=self._now())
        finally:
            self._leave(project, followed, watcher)

    def close(self) -> None:
        """Every watcher is told, and ends; nobody else comes in. May be called again."""
        self._closing.set()
        for followed in list(self._projects.values()):
            for watcher in followed.watchers:
                with contextlib.suppress(asyncio.QueueFull):
                    watcher.events.put_nowait(TailEvent(kind="beat", at=self._now()))
            if followed.task is not None:
                followed.begun.set()
                followed.task.cancel()

    def _lasted_s(self, since_ns: int) -> float:
        return (self._clock.monotonic_ns() - since_ns) / 1e9

    def _now(self) -> int:
        return self._clock.now_ns() // 1_000_000

    def _join(self, project: str, watcher: _Watcher) -> _Followed:
        followed = self._projects.get(project)
        if followed is None:
            followed = self._projects[project] = _Followed()
            followed.task = asyncio.ensure_future(self._follow(project, followed))
        followed.watchers.add(watcher)
        return followed

    def _leave(self, project: str, followed: _Followed, watcher: _Watcher) -> None:
        followed.watchers.discard(watcher)
        if followed.watchers:
            return
        if followed.task is not None:
            followed.task.cancel()
        if self._projects.get(project) is followed:
            del self._projects[project]

    async def _since(self, project: str, q: str, since: int) -> TailEvent:
        """What ended between two connections, or between the list and its tail."""
        at = self._now()
        since = min(since, at)  # the clock was set back since
        try:
            since_ns = (since - SLACK_MS) * 1_000_000
            spans, behind = await self._source.ended(project, since_ns, MOST_ENDED, (at + SLACK_MS) * 1_000_000)
            rows = await self._source.among(project, q, spans[:MOST_ROWS]) if spans else []
        except Unavailable:
            return TailEvent(kind="away", at=since)
        skipped = max(0, len(spans) - MOST_ROWS)
        return TailEvent(kind="traces", at=at - behind, rows=rows, behind_ms=behind, skipped=skipped)

    async def _follow(self, project: str, followed: _Followed) -> None:
        """Look again and again; whatever goes wrong is told to the watchers and tried again."""
        seen: dict[tuple[str, str], int] | None = None
        reach = REACH_MS
        while True:
            at = self._now()
            try:
                spans, behind = await self._source.ended(
                    project, (at - reach) * 1_000_000, MOST_ENDED, (at + SLACK_MS) * 1_000_000
                )
                # Once the store has caught up, what it was behind with is still looked for.
                reach = max(REACH_MS + behind, reach - 1_000)
                fresh = [] if seen is None else [s for s in spans if seen.get((s.trace_id, s.span_id)) != s.mark]
                if fresh:
                    await self._tell(project, followed, fresh, at - behind, behind)
                seen = {(span.trace_id, span.span_id): span.mark for span in spans}
            except Unavailable:
                for watcher in followed.watchers:
                    watcher.tell(TailEvent(kind="away", at=at))
            except TrimtabError as error:
                logger.warning("a live tail could not be followed: %s", error.sentence())
            except Exception:  # the task's edge: who watches would wait for it for ever
                logger.exception("a live tail met a defect")
            followed.begun.set()
            await self._pause(LOOK_S)

    async def _tell(self, project: str, followed: _Followed, fresh: list[Ended], at: int, behind: int) -> None:
        by_search: dict[str, list[_Watcher]] = {}
        for watcher in followed.watchers:
            by_search.setdefault(watcher.q, []).append(watcher)
        skipped = max(0, len(fresh) - MOST_ROWS)
        for q, watchers in by_search.items():
            try:
                rows = await self._source.among(project, q, fresh[:MOST_ROWS])
            except Unavailable:
                raise
            except TrimtabError as error:  # this search's fault alone: who asks for it again is told what is wrong
                logger.info("a live tail ends: %s", error.sentence())
                for watcher in watchers:
                    watcher.tell(TailEvent(kind="bye", at=at))
                continue
            if not rows and not skipped:
                continue
            for watcher in watchers:
                watcher.tell(TailEvent(kind="traces", at=at, rows=rows, behind_ms=behind, skipped=skipped))

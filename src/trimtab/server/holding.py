"""Answers that a person must see before the user does, on the data plane: docs/holds.md.

A call is held where its client says so (``trimtab-hold: review``), or where a rule of a review queue says so. Then its
answer is gathered instead of sent on, written down in the catalog with an item for people, and only then the client
hears of it: at once with 202 and where to ask, or, where it wants to wait, when a person has decided. A client that
sends the same ``Idempotency-Key`` again gets the same hold.

It fails closed. What cannot be held (a dialect without holds, a catalog that is away) is refused rather than sent on.
"""

import asyncio
import hashlib
import re
from collections.abc import Awaitable, Callable
from typing import Any, Final, cast

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import Connection

from trimtab.core.clock import Clock
from trimtab.core.errors import InvalidRequest, NotFound, TrimtabError
from trimtab.core.ids import uuid7_hex
from trimtab.gateway.exchange import Exchange, Headers
from trimtab.gateway.holds import Holding, HoldQueue, HoldRule, risky, rules_for
from trimtab.gateway.snapshot import Snapshot
from trimtab.governance.access import Principal, Project
from trimtab.llm.dialects import Dialect
from trimtab.llm.types import Response
from trimtab.review import holds, queues
from trimtab.review.holds import Held, Hold, NewHold
from trimtab.review.items import NewItem
from trimtab.server.cycle import Handler, HotCycle
from trimtab.server.fronts.common import Door, refuse
from trimtab.server.held_answers import Rendered, has_several, read, rendered, subject_of, text, tools
from trimtab.server.review_subjects import bounded
from trimtab.storage.database import Database
from trimtab.storage.leaders import now_ms

HEADER: Final = b"trimtab-hold"
FALLBACK: Final = b"trimtab-hold-fallback"
MOST_BYTES: Final = 4 * 1024 * 1024
"""A longer answer cannot be held: it is refused."""
MOST_GATHERED: Final = 16 * 1024 * 1024
"""Of an answer that only a rule may mean, so much is gathered to look at it; a longer one is refused, too."""
LONGEST_TIMEOUT_S: Final = 30 * 86_400
LONGEST_WAIT_S: Final = 600
FIRST_LOOK_S, SLOWEST_LOOK_S = 0.05, 1.0
PRIORITY: Final = 100.0
"""Somebody waits for it: before whatever rules send."""
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


class Asked(Struct, frozen=True, kw_only=True):
    """What a call's headers say of holding it."""

    queue: str = ""
    timeout_s: int | None = None
    wait_s: int | None = None
    fallback: str | None = None


class Wanted(Struct, frozen=True, kw_only=True):
    """That a call is held, or may be: ``asked`` by its client, or by those ``rules`` that its answer fits."""

    principal: Principal
    project: Project
    model: str
    asked: Asked | None
    rules: list[tuple[HoldQueue, HoldRule]]


class Gathered:
    """An `Exchange` that gathers the answer, up to ``most`` bytes, instead of sending it on. It stands for the request
    in every other way. What becomes longer is let go of at once, and its call ends as if its client had left: nobody
    pays for the rest."""

    def __init__(self, real: HotCycle, most: int = MOST_GATHERED) -> None:
        self.real = real
        self.too_long = False
        self._most = most
        self._size = 0
        self.body = real.body
        self.path = real.path
        self.query = real.query
        self.started = False
        self.status = 0
        self.headers = b""
        self.content_type = b""
        self.stream = False
        self.chunks: list[bytes] = []

    @property
    def disconnected(self) -> bool:
        return self.real.disconnected or self.too_long

    @property
    def quiet(self) -> bool:
        return False

    @property
    def header(self) -> Headers:
        return self.real.header

    def respond(self, status: int, headers: bytes, body: bytes, content_type: bytes = b"application/json") -> None:
        self.started, self.status, self.headers, self.content_type = True, status, headers, content_type
        self.write(body)

    def start(self, status: int, headers: bytes, content_type: bytes = b"text/event-stream; charset=utf-8") -> None:
        self.started, self.status, self.headers, self.content_type = True, status, headers, content_type
        self.stream = True

    def write(self, data: bytes) -> None:
        self._size += len(data)
        if self._size > self._most:
            self.too_long = True
            self.chunks.clear()
        else:
            self.chunks.append(data)

    def finish(self, data: bytes = b"") -> None:
        self.write(data)

    def is_congested(self) -> bool:
        return self.too_long

    async def drain(self) -> None:
        if self.too_long:
            raise asyncio.CancelledError("the answer is too long to be held")

    def told(self, name: bytes) -> str:
        """A header of the answer."""
        for line in self.headers.split(b"\r\n"):
            key, _, value = line.partition(b": ")
            if key == name:
                return value.decode("latin-1")
        return ""

    def let_go(self) -> None:
        """Send on what was gathered, as it is."""
        body = b"".join(self.chunks)
        if self.stream:
            self.real.start(self.status, self.headers, self.content_type)
            self.real.finish(body)
        else:
            self.real.respond(self.status, self.headers, body, self.content_type)


class Holds:
    """For one event loop. ``snapshot`` is what is in force."""

    def __init__(self, db: Database, snapshot: Callable[[], Snapshot], clock: Clock) -> None:
        self._db = db
        self._snapshot = snapshot
        self._clock = clock
        self._door = Door(snapshot, clock)

    def around(
        self, handler: Handler, front: Dialect, model: Callable[[HotCycle], str], *, can: bool = True
    ) -> Handler:
        """The handler, but for calls that are held. ``model`` tells the name that is called; ``can`` is false where
        this front's answers cannot be held: then such calls are refused."""

        def serve(cycle: HotCycle) -> Awaitable[None]:
            if (cycle.quiet or cycle.header(HEADER) is None) and self._none():
                return handler(cycle)  # nearly every call
            return self._serve(cycle, handler, front, model, can)

        return serve

    def _none(self) -> bool:
        try:
            return not self._snapshot().holds
        except TrimtabError:
            return True  # nothing is known yet, and nothing is answered

    async def _serve(
        self, cycle: HotCycle, handler: Handler, front: Dialect, model: Callable[[HotCycle], str], can: bool
    ) -> None:
        try:
            wanted = self._wanted(cycle, model)
        except TrimtabError as error:
            refuse(cycle, front, error)
            return
        if wanted is None:
            await handler(cycle)
            return
        if not can or _grows(cycle):
            refuse(cycle, front, _cannot(wanted))
            return
        gathered = Gathered(cycle, MOST_GATHERED if wanted.asked is None else MOST_BYTES)
        try:
            await self._find(wanted)  # before it is paid for
            await _gather(gathered, handler)
            await self._answer(gathered, front, wanted)
        except TrimtabError as error:
            refuse(cycle, front, error)

    def _wanted(self, cycle: HotCycle, model: Callable[[HotCycle], str]) -> Wanted | None:
        """None where nothing holds it, or where it will be refused anyway."""
        asked = _asked(cycle.header)
        try:
            principal, project = self._door.admit(cycle)
            name = model(cycle)
        except TrimtabError:
            return None  # whoever serves the call says what is wrong with it
        rules = rules_for(self._snapshot().holds.get(project.id, ()), name)
        if not name or (asked is None and not rules):
            return None
        return Wanted(principal=principal, project=project, model=name, asked=asked, rules=rules)

    async def _answer(self, gathered: Gathered, front: Dialect, wanted: Wanted) -> None:
        body = b"".join(gathered.chunks)
        if gathered.status != 200:
            gathered.let_go()
            return
        held = Held(
            front=front.name,
            model=wanted.model,
            stream=gathered.stream,
            content_type=gathered.content_type.decode("latin-1"),
            body=body,
            request=gathered.told(b"x-request-id"),
            trace_id=gathered.told(b"trimtab-trace-id"),
            wants_usage=gathered.stream and b"include_usage" in gathered.body,
        )
        answer = read(held)
        if has_several(held):  # rules and people would see the first alone
            raise _cannot(wanted)
        queue = self._queue(wanted, answer)
        if queue is None:
            gathered.let_go()
            return
        if len(body) > MOST_BYTES:
            raise _too_long()
        hold = await self._begin(gathered, front, wanted, queue, held)
        wait_s = _first(None if wanted.asked is None else wanted.asked.wait_s, queue.holding.wait_s)
        if wait_s and hold.state == "pending":
            hold = await self._wait(hold, wait_s, gathered.real)
        _send(gathered, rendered(hold, queue.holding.waiting))

    async def _find(self, wanted: Wanted) -> None:
        """Raises `NotFound` or `InvalidRequest` where its client asks for a queue that is not there."""
        asked, project = wanted.asked, wanted.project
        if asked is None:
            return
        if asked.queue:
            await self._db.read(lambda conn: queues.queue(conn, project.id, asked.queue))
        elif not self._snapshot().holds.get(project.id):
            raise InvalidRequest(
                "There is no review queue in which answers wait.",
                fix="Give a queue of this project 'holding', or name one: 'trimtab-hold: review=QUEUE'.",
                param="trimtab-hold",
                code="hold_queue_missing",
            )

    def _queue(self, wanted: Wanted, answer: Response | None) -> HoldQueue | None:
        """Where it waits; None where no rule means such an answer. One that cannot be read waits by every rule."""
        said, called = text(answer), tools(answer)
        fitting = [queue for queue, rule in wanted.rules if answer is None or risky(rule, said, called)]
        if wanted.asked is None:
            return fitting[0] if fitting else None
        there = self._snapshot().holds.get(wanted.project.id, ())
        name = wanted.asked.queue
        if not name and (fitting or there):
            return (fitting or list(there))[0]
        found = [queue for queue in there if queue.queue == name]
        return (found or [HoldQueue(project_id=wanted.project.id, queue=name, holding=Holding())])[0]

    async def _begin(self, gathered: Gathered, front: Dialect, wanted: Wanted, queue: HoldQueue, held: Held) -> Hold:
        """Written down when this returns: no restart loses it. The same idempotency key has the same hold."""
        asked, holding = wanted.asked or Asked(), queue.holding
        hold_id = self._id(gathered.header(b"idempotency-key"), wanted)
        subject = bounded(replace(subject_of(front, gathered.body, read(held)), model=wanted.model))
        why = "asked" if wanted.asked is not None else "hold_rule"
        app, _, ref = wanted.model.partition("@")

        def write(conn: Connection) -> Hold:
            now = now_ms(conn, self._clock.now_ns() // 1_000_000)
            try:
                return holds.hold(conn, wanted.project.id, hold_id, wanted.principal.key_id)
            except NotFound:
                pass
            found = queues.queue(conn, wanted.project.id, queue.queue)
            expires = now + 1000 * _first(asked.timeout_s, holding.timeout_s)
            new = NewHold(
                id=hold_id,
                key_id=wanted.principal.key_id,
                answer=held,
                fallback=holding.fallback if asked.fallback is None else asked.fallback,
                expires=expires,
            )
            item = NewItem(
                key=hold_id, why=why, subject=subject, trace_id=held.trace_id, app=app[:64], release=ref[:16],
                priority=PRIORITY, hold=hold_id, due=expires,
            )  # fmt: skip
            return holds.begin(conn, found, new, item, now)

        return await self._db.write(write)

    def _id(self, key: bytes | None, wanted: Wanted) -> str:
        if key is None:
            return f"hold_{uuid7_hex(self._clock.now_ns())}"
        scope = b"\0".join((wanted.project.id.encode(), wanted.principal.key_id.encode(), wanted.model.encode(), key))
        return f"hold_{hashlib.blake2b(scope, digest_size=16).hexdigest()}"

    async def _wait(self, hold: Hold, wait_s: int, client: Exchange) -> Hold:
        """Until a person has decided; the client gets the fallback when that takes too long. One that has left waits
        for nothing: the hold stays, and the same idempotency key or its id finds it again."""
        end = self._clock.monotonic_ns() + wait_s * 10**9
        pause = FIRST_LOOK_S
        while self._clock.monotonic_ns() < end:
            await asyncio.sleep(min(pause, max(0.0, (end - self._clock.monotonic_ns()) / 1e9)))
            if client.disconnected:
                return hold
            pause = min(pause * 1.5, SLOWEST_LOOK_S)
            hold = await current(self._db, self._clock, hold.project_id, hold.id)
            if hold.state != "pending":
                return hold

        def give_up(conn: Connection) -> Hold:
            now = now_ms(conn, self._clock.now_ns() // 1_000_000)
            return holds.give_up(conn, hold.project_id, hold.id, now)

        return await self._db.write(give_up)


async def current(db: Database, clock: Clock, project_id: str, hold_id: str, key_id: str = "") -> Hold:
    """The hold as it is now; its time being up, it ends here. Raises `NotFound`."""

    def find(conn: Connection) -> tuple[Hold, int]:
        return holds.hold(conn, project_id, hold_id, key_id), now_ms(conn, clock.now_ns() // 1_000_000)

    found, now = await db.read(find)
    if found.state != "pending" or found.expires > now:
        return found

    def end(conn: Connection) -> Hold:
        holds.expire(conn, now, hold_id=hold_id)
        return holds.hold(conn, project_id, hold_id, key_id)

    return await db.write(end)


async def _gather(gathered: Gathered, handler: Handler) -> None:
    """Raises `InvalidRequest` for an answer that is too long."""
    try:
        await handler(cast("Any", gathered))
    except asyncio.CancelledError:
        if not gathered.too_long or gathered.real.disconnected:
            raise
    if gathered.too_long:
        raise _too_long()


def _too_long() -> InvalidRequest:
    return InvalidRequest(
        "The answer is too long to be held for review.",
        fix="Ask for a shorter one (max_tokens), or let its queue hold nothing of this model.",
        code="hold_too_long",
    )


def _first(given: int | None, otherwise: int) -> int:
    return otherwise if given is None else given


def _send(gathered: Gathered, made: Rendered) -> None:
    lines = b"".join(f"{name}: {value}\r\n".encode() for name, value in made.headers.items())
    kept = b"".join(
        line + b"\r\n" for line in gathered.headers.split(b"\r\n") if line and not line.startswith(b"retry-after")
    )
    real: Exchange = gathered.real
    if gathered.stream:
        real.start(made.status, kept + lines, made.content_type.encode())
        real.finish(made.body)
    else:
        real.respond(made.status, kept + lines, made.body, made.content_type.encode())


def _grows(cycle: HotCycle) -> bool:
    """Whether Gemini's stream is asked for as one JSON array that grows."""
    return cycle.path.endswith(b":streamGenerateContent") and b"alt=sse" not in cycle.query


def _cannot(wanted: Wanted) -> InvalidRequest:
    return InvalidRequest(
        f"Answers of {wanted.model[:80]!r} wait for a person, which this way of asking cannot.",
        fix="Call it by /v1/chat/completions, /v1/messages or generateContent, for one answer at a time: "
        "/v1/responses, Gemini's arrays and several choices ('n') are not held.",
        code="hold_unsupported",
    )


def _asked(header: Headers) -> Asked | None:
    """``trimtab-hold: review[=QUEUE][; wait=SECONDS][; timeout=SECONDS]``. Raises `InvalidRequest`."""
    given = header(HEADER)
    if given is None:
        return None
    words = [word.strip() for word in given.decode("latin-1").split(";")]
    name, _, queue = words[0].partition("=")
    numbers: dict[str, int] = {}
    bounds: dict[str, int] = {"wait": LONGEST_WAIT_S, "timeout": LONGEST_TIMEOUT_S}
    good = name.strip() == "review" and (not queue or bool(_NAME.fullmatch(queue.strip())))
    for word in words[1:]:
        key, _, value = (part.strip() for part in word.partition("="))
        good = good and key in bounds and value.isdecimal() and len(value) < 10
        if good:
            numbers[key] = int(value)
            good = (0 if key == "wait" else 1) <= numbers[key] <= bounds[key]
    if not good:
        raise InvalidRequest(
            "The header 'trimtab-hold' says something we do not know.",
            fix="Write 'review', and perhaps a queue, how long to wait (up to 600 s) and until when a person may "
            "decide (up to 30 days): 'review=QUEUE; wait=30; timeout=3600'.",
            code="bad_hold_header",
            param="trimtab-hold",
        )
    fallback = header(FALLBACK)
    return Asked(
        queue=queue.strip(),
        timeout_s=numbers.get("timeout"),
        wait_s=numbers.get("wait"),
        fallback=None if fallback is None else fallback.decode("utf-8", "replace")[:10_000],
    )

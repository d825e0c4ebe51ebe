"""Batches that were made through us: noted when they are made, booked once when they are over.

What a batch used is a record of its own, under the call that made it: in that call's trace, with its key, feature,
session, user and tags, at the rates of batches. Whoever sees that the batch is over writes it, a caller who reads it or
the duty that looks after them (`server/duties/batches.py`), and only one of all on a catalog does: the row says which
(`batch_store.py`). Limits get back what they held beyond that when the record is durable.

Who is killed on the way leaves notes as any call does, and `recovery.py` asks the same row whose the booking is. Who
had not claimed it yet has booked nothing: whoever lives asks the provider again. So it is with one that had, and is
lost with all that it noted (`give_up`). Where it comes back after all, and its record has lain in its spool, that is of
the same time and spans as the other's: one row in a store that both write to.
"""

import asyncio
import contextlib
import hashlib
import logging
import re
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, Final, cast

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import Connection

from trimtab.core.errors import Unavailable
from trimtab.gateway.call import Call
from trimtab.gateway.caller import Caller
from trimtab.gateway.carried_size import Size
from trimtab.gateway.exchange import Exchange
from trimtab.gateway.money import batch_meant
from trimtab.gateway.money import batch_store as store
from trimtab.gateway.money.batch_kinds import front_of
from trimtab.gateway.money.batch_meant import Listed
from trimtab.gateway.money.batch_store import About, Ending, Made, State
from trimtab.gateway.money.batch_told import Told, Used
from trimtab.gateway.money.books import Books
from trimtab.gateway.route import Target
from trimtab.gateway.snapshot import Snapshot
from trimtab.gateway.targets import Model, ProjectTargets, Provider
from trimtab.gateway.tried import Try
from trimtab.governance.access import Principal, Project
from trimtab.governance.sealing import Keyring
from trimtab.llm.dialects import DIALECTS, Head
from trimtab.llm.providers import PROVIDER_KINDS
from trimtab.llm.tiers import BATCH
from trimtab.llm.types import Usage
from trimtab.storage.database import Database
from trimtab.telemetry.records import Fault

logger = logging.getLogger("trimtab.batches")

CLAIM: Final = "batch:"
"""What the name of a batch begins with where a note says whose the booking is to be."""
FIRST_LOOK_MS: Final = 15_000
CLAIM_AGAIN_MS: Final = 60_000
"""A claim that is older is said again before its record is written."""
NOTE_AGAIN_S: Final = (0.2, 1.0, 5.0, 20.0, 60.0)
"""Pauses after which a batch is noted again that its provider has made, while the catalog is away."""
SNAPSHOT: Final = re.compile(r"-(?:[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{8}|[0-9]{4})")
"""What a snapshot's name has behind that of its model: ``gpt-5-mini-2025-08-07``."""
MOST_OPEN_LINE: Final = 8_192
"""Output tokens that an estimate takes for a line of a batch that sets no bound."""


class Nobody:
    """The `Exchange` of a record that no client waits for."""

    body = b""
    started = False
    disconnected = False
    quiet = True


class _Booking(Struct):
    """How far the booking of a batch has come in this process."""

    made: Made
    call: Call
    tries: list[Try]
    ending: Ending
    claimed: int = 0
    closed: bool = False
    recorded: bool = False


class Batches:
    """For one event loop. ``snapshot`` gives what is in force; ``keys`` seal what is told of people."""

    def __init__(
        self,
        db: Database,
        now_ns: Callable[[], int],
        snapshot: Callable[[], Snapshot],
        keys: Callable[[], Keyring] = Keyring,
    ) -> None:
        self.db = db
        self.keys = keys
        self.snapshot = snapshot
        self._now_ns = now_ns
        self._bookings: dict[str, _Booking] = {}
        self._under_way: dict[str, asyncio.Future[None]] = {}
        self._late: set[asyncio.Task[None]] = set()

    def now(self) -> int:
        return self._now_ns() // 1_000_000

    async def aclose(self) -> None:
        for task in [*self._late, *self._under_way.values()]:
            task.cancel()

    # --- one is made ---

    async def meant(
        self,
        call: Call,
        attempt: Try,
        size: Size | None,
        file: str,
        names: tuple[str, ...] = (),
        endpoint: str = "",
    ) -> Made | None:
        """Note that a provider is about to be asked for a batch of that file, or of what it stands for. None while the
        catalog is away: it is noted when its provider has answered."""
        total_ms = round(attempt.target.provider.timeouts.total * 1000)
        made = replace(
            self._made(call, attempt, Told(endpoint=endpoint), size, names, file),
            id=batch_meant.mark_of(call, attempt),
            state="making",
            due=self.now() + total_ms + batch_meant.LATE_MS,
        )
        try:
            await self.db.write(lambda conn: store.note(conn, made, self.keys()))
        except Unavailable as error:
            logger.warning("a batch of %s is asked for unnoted: %s", made.provider, error.sentence())
            return None
        return made

    async def unmade(self, meant: Made) -> None:
        """Its provider refused, or was never asked. What cannot be said of it now is found out by the duty."""
        with contextlib.suppress(Unavailable):
            await self.db.write(lambda conn: batch_meant.unmade(conn, meant.id))

    async def doubted(self, meant: Made, *, held: bool) -> None:
        """Nobody knows whether its provider made it: that is to be looked up soon."""
        now = self.now()
        with contextlib.suppress(Unavailable):
            await self.db.write(lambda conn: batch_meant.doubt(conn, meant, now, self.keys(), held=held))

    async def begun(
        self,
        call: Call,
        attempt: Try,
        told: Told,
        size: Size | None,
        names: tuple[str, ...] = (),
        meant: Made | None = None,
    ) -> None:
        """Note whose a batch is that its provider has made, and what limits hold for it, also where its client leaves
        meanwhile. While the catalog is away it is tried again for some minutes, beside the call: the batch is there,
        and its client is told so."""
        made = self._made(call, attempt, told, size, names, "" if meant is None else meant.about.file)
        await asyncio.shield(self._beside(self._noted(made, "" if meant is None else meant.id)))

    def _beside(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._late.add(task)
        task.add_done_callback(self._late.discard)
        return task

    async def _noted(self, made: Made, meant: str) -> None:
        try:
            await self._note(made, meant)
        except Unavailable as error:
            logger.warning("the batch %s of %s is noted later: %s", made.batch_id, made.provider, error.sentence())
            self._beside(self._note_again(made, meant))

    def _made(self, call: Call, attempt: Try, told: Told, size: Size | None, names: tuple[str, ...], file: str) -> Made:
        target, caller, now = attempt.target, call.caller, self.now()
        assert call.project is not None
        assert call.principal is not None
        held = call.reservation
        known = size is not None and (size.input or size.output or size.open)
        open_output = None if size is None else (size.output or 0) + size.open * MOST_OPEN_LINE
        about = About(
            kind=target.provider.kind,
            model=call.head.model,
            name=target.model.name,
            endpoint=(told.endpoint or "")[:100],
            key_mark=key_mark(target.provider),
            trace_id=caller.trace_id,
            span_id=call.span_id,
            feature=caller.feature,
            session=caller.session,
            user=caller.user,
            tags=caller.tags,
            works_on="" if size is None else size.model,
            names=names,
            input=size.input if known and size is not None else None,
            output=open_output if known else None,
            holds=() if held is None else held.holdings(attempt.as_attempt(now, stream=False, capture=False)),
            file=file[:200],
        )
        return Made(
            id=store.mark_of(call.project.id, target.provider.name, told.id),
            project_id=call.project.id,
            batch_id=told.id[:256],
            provider=target.provider.name,
            key_id=call.principal.key_id,
            request_id=call.request_id,
            about=about,
            status=told.status,
            made=now,
            due=now + FIRST_LOOK_MS,
        )

    async def _note(self, made: Made, meant: str) -> None:
        if not await self.db.write(lambda conn: batch_meant.become(conn, meant, made, self.keys())):
            logger.warning("a batch of %s could not be noted: its id %s is known already", made.provider, made.batch_id)

    async def _note_again(self, made: Made, meant: str) -> None:
        noted = False
        try:
            for pause_s in NOTE_AGAIN_S:
                await asyncio.sleep(pause_s)
                with contextlib.suppress(Unavailable):
                    await self._note(made, meant)
                    noted = True
                    return
        finally:  # also where the server is stopped meanwhile
            if not noted and meant:
                told = "the batch %s of %s could not be noted: the catalog is away. It is looked up when that is back"
                logger.warning(told, made.batch_id, made.provider)
            elif not noted:
                told = "the batch %s of %s could not be noted: the catalog is away. It is not booked"
                logger.error(told, made.batch_id, made.provider)

    async def found(self, meant: Made, listed: Sequence[Listed]) -> bool:
        """Whether one of these is the batch that was asked for, which then is looked after as any other. Raises
        `Unclear` where it may as well be another's."""
        now, fits = self.now(), batch_meant.matching(meant, list(listed))

        def adopt(conn: Connection) -> str:
            taken = batch_meant.known(conn, [each.id for each in fits])
            free = [each for each in fits if each.id not in taken]
            batch_meant.whose(conn, meant, free, self.keys())
            new = (batch_meant.found_as(meant, each, now) for each in free)
            return next((made.batch_id for made in new if batch_meant.become(conn, meant.id, made, self.keys())), "")

        found = await self.db.write(adopt)
        if found:
            logger.warning(
                "the batch %s of %s was made although nobody was told; it is looked after", found, meant.provider
            )
        return bool(found)

    async def never_made(self, meant: Made) -> None:
        """Its provider lists no such batch: limits get back what they held."""
        now, why = self.now(), "Its provider lists no batch of its file since it was asked for: none was made."
        ending = Ending(state="failed", status="", settlement="told", tokens=0, cost=0, why=why)
        await self.db.write(lambda conn: store.settle(conn, meant, ending, now, self.keys()))

    # --- one is looked at ---

    async def find(self, project_id: str, provider: str, batch_id: str) -> Made | None:
        """None for one that was not made through this project. Raises `Unavailable`."""
        mark = store.mark_of(project_id, provider, batch_id)
        return await self.db.read(lambda conn: store.find(conn, mark, self.keys()))

    async def hurry(self, made: Made) -> None:
        """It is over, and only its results tell what it took: the duty is to read them soon."""
        now = self.now()
        await self.db.write(lambda conn: store.hurry(conn, made.id, now))

    async def told(self, made: Made, told: Told, used: Used, books: Books) -> None:
        """It is over (`OVER`), and that is what it used by its provider's own count."""
        state = cast("State", told.status)
        await self.end(made, used, Ending(state=state, status=told.status, settlement="told"), books)

    async def lost(self, made: Made, state: State, why: str, books: Books) -> None:
        """What became of it cannot be learned: an estimate is booked where it is known how much it may have taken, and
        that it was made; and limits keep that."""
        about = made.about
        if about.input is None or not about.works_on or made.state == "making":
            ending = Ending(state=state, status=made.status, settlement="unknown", why=why)
            await self.end(made, [], ending, books)
            return
        used = Usage(input=about.input, output=about.output or 0, estimated=True, tier=BATCH)
        ending = Ending(state=state, status=made.status, settlement="estimate", why=why)
        await self.end(made, [(about.works_on, used)], ending, books)

    async def told_in_part(self, made: Made, told: Told, used: Used, why: str, books: Books) -> None:
        """It is over, and its results are fewer than it counts itself: what those tell is booked as an estimate, since
        it took more, and limits keep what they hold."""
        state = cast("State", told.status)
        ending = Ending(state=state, status=told.status, settlement="estimate", why=why)
        await self.end(made, [(model, replace(one, estimated=True)) for model, one in used], ending, books)

    async def go_on(self, books: Books) -> None:
        """End what this process has begun to book and could not: nobody else has its record, or knows of its notes.
        Raises `Unavailable`, as what `end` met does."""
        for booking in [self._bookings[each] for each in self._bookings.keys() - self._under_way.keys()]:
            try:
                await self.end(booking.made, [], booking.ending, books)
            except Unavailable:
                raise
            except Exception:  # an edge: one that is broken must not keep the others from being settled
                logger.exception("the batch %s of %s cannot be booked", booking.made.batch_id, booking.made.provider)

    async def resume(self, made: Made, is_recorded: Callable[[str], Awaitable[bool]], books: Books) -> bool:
        """Settle one that was claimed: by this process, which goes on where it was; else by one that may be dead, when
        its record is in the store; of one that used nothing there need be none. False while that is not so."""
        if made.id in self._bookings:
            await self.end(made, [], self._bookings[made.id].ending, books)
            return True
        if made.booked_by is None or (made.tokens and not await is_recorded(made.booked_by)):
            return False
        ending = Ending(
            state=made.state, status=made.status, settlement=made.settlement, tokens=made.tokens, cost=made.cost,
            why=made.why,
        )  # fmt: skip
        now = self.now()
        await self.db.write(lambda conn: store.settle(conn, made, ending, now, self.keys()))
        return True

    async def give_up(self, made: Made) -> None:
        """Whoever had claimed it has been silent for long, and has left no record: it is to be looked at anew."""
        now = self.now()
        if await self.db.write(lambda conn: store.give_up(conn, made, now)):
            logger.warning(
                "the batch %s of %s was being booked by %s, which is lost: it is booked anew",
                made.batch_id, made.provider, made.booked_by,
            )  # fmt: skip

    async def end(self, made: Made, used: Used, ending: Ending, books: Books) -> None:
        """Book it and settle it, unless another has. Whoever calls this while it is under way waits for that one.
        Raises `Unavailable`; then it is to be called again."""
        if made.settled:
            return
        running = self._under_way.get(made.id)
        if running is None:
            running = asyncio.ensure_future(self._end(made, used, ending, books))
            self._under_way[made.id] = running
            running.add_done_callback(lambda _: self._under_way.pop(made.id, None))
        await asyncio.shield(running)

    async def _end(self, made: Made, used: Used, ending: Ending, books: Books) -> None:
        booking = self._bookings.get(made.id)
        if booking is None:
            booking = self._bookings[made.id] = self._begin(made, used, ending, books)
        late = not booking.recorded and self.now() - booking.claimed >= CLAIM_AGAIN_MS
        if late and not await self._claim(made, booking, books):
            return
        if not booking.recorded:
            await self._record(booking, books)
        now, came = self.now(), booking.ending
        await self.db.write(lambda conn: store.settle(conn, made, came, now, self.keys()))
        self._bookings.pop(made.id, None)

    def _begin(self, made: Made, used: Used, ending: Ending, books: Books) -> _Booking:
        """The record that is to be written, noted so that a crash does not lose it."""
        call, tries = self._call(made, ending), list[Try]()
        targets = self.snapshot().targets.get(made.project_id, ProjectTargets())
        try:
            for model, one in used:
                attempt = Try(_target(made, targets, _asked(made, targets, model)), call.started_ns)
                attempt.span_id = _span_id(made, model, one.tier)
                attempt.response_id, attempt.model_used, attempt.status = made.batch_id, model, 200
                attempt.dialect = call.front
                books.begin(call, attempt)
                books.claim(call, attempt, one, CLAIM + made.id)
                attempt.usage, attempt.stop = one, "stop"
                tries.append(attempt)
        except Unavailable:
            books.drop(call)
            raise
        if not tries and ending.settlement == "unknown":
            attempt = Try(_target(made, targets, made.about.works_on), call.started_ns)
            attempt.span_id = _span_id(made, made.about.works_on)
            attempt.response_id, attempt.dialect = made.batch_id, call.front
            tries.append(attempt)
        if ending.settlement != "told":
            code = "batch_lost" if ending.state == "lost" else "batch_results_short"
            fault = Fault(code=code, message=ending.why, source="provider")
            call.status, call.outcome, call.fault = 502, "error", fault
            for attempt in tries:
                attempt.outcome, attempt.fault, attempt.status = "error", fault, 0
        return _Booking(made=made, call=call, tries=tries, ending=ending)

    def _call(self, made: Made, ending: Ending) -> Call:
        """A call as which it is booked, like the one that made it."""
        about = made.about
        call = Call(cast("Exchange", Nobody()), DIALECTS.get(front_of(made)), (made.ended or self.now()) * 1_000_000)
        call.span_id = _span_id(made)
        projects = self.snapshot().access.projects.values()
        known = (each for each in projects if each.id == made.project_id)
        call.project = next(known, None) or Project(id=made.project_id, slug="", capture_content=False)
        call.principal = Principal(key_id=made.key_id, role="client")
        call.head = Head(model=about.model)
        call.caller = Caller(
            trace_id=about.trace_id or call.request_id.removeprefix("req_"),
            parent_span_id=about.span_id,
            session=about.session,
            user=about.user,
            feature=about.feature,
            tags=about.tags,
            metadata={"batch": made.batch_id, "batch_status": ending.status or ending.state},
        )
        return call

    async def _claim(self, made: Made, booking: _Booking, books: Books) -> bool:
        """Whether this process books it. Its end is written down beside, for whoever finds it claimed and not settled.
        The name it is claimed by stays the same until an answer comes, so that asking again is nothing."""
        call, now, began = booking.call, self.now(), booking.call.started_ns // 1_000_000
        for attempt in booking.tries:
            books.price(call, attempt)
        costs = [attempt.cost.amount for attempt in booking.tries]
        known = [cost for cost in costs if cost is not None]
        tokens = sum(attempt.usage.total() for attempt in booking.tries if attempt.usage is not None)
        ending = booking.ending = replace(
            booking.ending,
            tokens=None if booking.ending.settlement == "unknown" else tokens,
            cost=sum(known) if len(known) == len(costs) else None,
        )

        def claim(conn: Connection) -> bool:
            mine = store.claim(conn, made.id, call.request_id, now)
            if mine:
                store.ends(conn, made.id, ending, began)
            return mine

        if not await self.db.write(claim):
            books.drop(call)
            self._bookings.pop(made.id, None)
            return False
        booking.claimed = now
        return True

    async def _record(self, booking: _Booking, books: Books) -> None:
        if booking.tries and not booking.closed:
            *earlier, last = booking.tries
            for attempt in earlier:
                booking.call.end_try(self._now_ns(), attempt)
            booking.closed = True
            await books.close(booking.call, last)
        elif booking.tries:
            await books.record(booking.call)
        booking.recorded = True


def _span_id(made: Made, *of: str) -> str:
    """The same, whoever books it."""
    return hashlib.sha256("\0".join((made.id, *of)).encode()).hexdigest()[:16]


def key_mark(provider: Provider) -> str:
    """Tells one of a provider's keys from its others, and nothing of it."""
    return hashlib.sha256(b"trimtab batch\0" + (provider.api_key or "").encode()).hexdigest()[:16]


def with_key(provider: Provider, mark: str) -> Provider:
    """The provider with the key that made a batch, where it still has it; else as it is."""
    for key in provider.api_keys:
        having = replace(provider, api_key=key)
        if key_mark(having) == mark:
            return having
    return provider


def _asked(made: Made, targets: ProjectTargets, told: str) -> str:
    """The name that the project calls a model by: vendors tell that of its snapshot, which has no price of its own."""
    names = [each.upstream for each in targets.models.values() if each.provider == made.provider]
    if told in names:
        return told
    known = (each for each in (made.about.works_on, *names) if each and told.startswith(each))
    return next((each for each in known if SNAPSHOT.fullmatch(told[len(each) :])), told)


def _target(made: Made, targets: ProjectTargets, model: str) -> Target:
    """What worked on it, with the price that the project has set on it, also where the provider is gone meanwhile."""
    name, kind = made.provider, made.about.kind
    provider = targets.providers.get(name)
    if provider is None:
        if kind not in PROVIDER_KINDS.names():  # no longer installed, or no longer to be read
            kind = "custom"
        provider = Provider(name=name, kind=kind, dialect=PROVIDER_KINDS.get(kind).dialect, base_url="")
    known = (each for each in targets.models.values() if each.provider == name)
    price = next((each.price for each in known if each.upstream == model), None)
    return Target(Model(name=made.about.name, provider=name, upstream=model, price=price), provider)

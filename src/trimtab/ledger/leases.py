"""What one worker holds of the counters: slices leased from the catalog ahead of need, so that calls rarely wait.

A slice (`held.Held`) is spent from without a lock or an await. The keeper leases more in the
background when one runs low, gives back what others want or what its window leaves over, tells how much was spent, and
shows that it lives. All of it is one kind of transaction, `limit_store.trade`, one at a time, with absolute numbers, so
that repeating one whose outcome is unknown changes nothing.

Pieces are small near the bound (a share of what is left, by how many workers there are), so that a nearly empty budget
is not stranded in a worker that does not need it; and what is left there is given back within a second when another
worker asks in vain.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import Protocol, TypeVar
from weakref import WeakValueDictionary

from sqlalchemy import Connection

from trimtab.core.clock import Clock
from trimtab.core.errors import Unavailable
from trimtab.core.ids import new_id
from trimtab.ledger import limit_store
from trimtab.ledger.held import NEVER, Counter, Held
from trimtab.ledger.journal import Journal, Journals, Remains
from trimtab.ledger.limit_store import Ask, Deal, Event, Offer, Traded
from trimtab.ledger.limits import MOST, Rule, series_of
from trimtab.ledger.windows import lasts_ns, slot_at

T = TypeVar("T")
log = logging.getLogger("trimtab.limits")

TICK_S = 1.0
WAIT_S = 6.0
"""How long a call waits for a lease before the catalog counts as away: longer than a database that is merely busy, or
cannot be reached, takes to say so (`storage.database.BUSY_S`). Then nobody waits until it is back."""
BEAT_EVERY_S = 5.0
FENCE_S = 15.0
"""A worker whose last heartbeat is older than this lends no concurrency: others may soon declare it dead."""
DEAD_AFTER_S = 45.0
"""A worker that was not heard of for so long, by the observer's own steady clock, is declared dead."""
LOOK_EVERY_S = 3.0
BLIND_S = 15.0
"""Who has not seen the others' heartbeats for so long begins to count their silence anew: the catalog was away, for
them as well."""
TELL_EVERY_S = 0.04
"""How often the others are asked for places, however many calls wait."""
IDLE_TICKS = 60
AT_HAND = 32
"""All workers together lease at least one part in so many of a bound at a time, so that each has something to go on
with while the catalog is away."""
SWEEP_EVERY_S = 3600.0
PER_TICK = 200
LARGER_WAITING = 1_000
"""As many wait to be told while the catalog is away; those beyond are told of when one comes again."""
LARGER_EVERY_S = 86_400.0
"""So often it is told anew that calls come which alone are more than a whole bound."""
GRACE_MS = 7 * 86_400_000
MS = 1_000_000
S = 1_000_000_000


class Catalog(Protocol):
    """What the keeper needs of `storage.database.Database`."""

    async def write(self, work: Callable[[Connection], T]) -> T: ...
    async def read(self, work: Callable[[Connection], T]) -> T: ...


class Keeper:
    """All that one worker holds. `start` it for the background work, and `close` it to give everything back."""

    def __init__(self, catalog: Catalog, clock: Clock, journals: Journals | None = None) -> None:
        self._catalog = catalog
        self.now = clock.now_ns
        self.mono = clock.monotonic_ns
        self._journals = journals
        self._journal = Journal()
        self.cells = self._journal.cells
        self.worker = ""
        self.workers = 1
        self._counters: WeakValueDictionary[tuple[str, str], Counter] = WeakValueDictionary()
        """Each as long as a plan or a slice has it, so that there are never two of one name."""
        self._helds: dict[int, Held] = {}
        self._pending: dict[Held, None] = {}
        self._lending: set[Held] = set()
        self._larger: list[Event] = []
        self._wake = asyncio.Event()
        self._trading = asyncio.Lock()
        self._tasks: list[asyncio.Task[None]] = []
        self._joined = False
        self._beat_at = 0
        self._due: dict[str, int] = {"sweep": self.mono() + int(SWEEP_EVERY_S * S)}
        self._clock_gap = self.now() - self.mono()
        self._silent: dict[str, tuple[int, int]] = {}
        self._saw_beats_at = 0
        self._turn = 0
        self.slots_turn = 0
        """Another number whenever a counter has another slice, or one that is on its way out: what was known of where
        counters stand must be looked up anew."""
        self.each_second: Callable[[], None] | None = None
        """The place to notice a new configuration (`adopt`) where no call does. Beside `tick`: a mistake of others must
        not cost the heartbeat, without which this worker is taken for dead."""
        self.tell_others: Callable[[], bool] | None = None
        """Asks the other workers of this machine for places that they do not use (`others_want`); false where they
        cannot be asked."""
        self.told_at_once = 1
        """How many workers there are that hear of it at once, this one included."""
        self._told_others_at = 0
        self.pause: Callable[[float], Awaitable[None]] = asyncio.sleep
        self.away = ""
        """Why the catalog could not be reached the last time; empty when it could."""

    # --- the life of it ---

    def start(self) -> None:
        loop = asyncio.get_running_loop()
        self._tasks = [
            loop.create_task(self._follow(self._pump, 0.0), name="limits-lease"),
            loop.create_task(self._follow(self.tick, TICK_S), name="limits-tick"),
            loop.create_task(self._follow(self._notice, TICK_S), name="limits-notice"),
        ]

    async def close(self) -> None:
        """Give everything back. Where the catalog is away the journal stays, for the next worker to read."""
        for task in self._tasks:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        self._tasks = []
        if not self._joined:
            self._journal.discard()
            return
        for held in self._helds.values():
            self._give(held)
        try:
            await self.trade(list(self._helds.values()))
            worker = self.worker
            await self._catalog.write(lambda conn: limit_store.recover(conn, worker, {}))
        except Unavailable as error:
            log.warning("what this worker held of limits could not be given back: %s", error.message)
            self._journal.close()
        else:
            self._journal.discard()

    async def _follow(self, step: Callable[[], Awaitable[None]], pause_s: float) -> None:
        while True:
            if pause_s:
                await asyncio.sleep(pause_s)
            try:
                await step()
            except Unavailable as error:
                self._note_away(error)
            except Exception:  # a job loop's edge: it must outlive whatever one turn meets
                log.exception("a turn of the limits' keeping failed")
                await asyncio.sleep(TICK_S)

    # --- counters ---

    def counter(self, project_id: str, rule: Rule, series: str, bucket: str) -> Counter:
        """The count of that name, made when first asked for."""
        known = self._counters.get((series, bucket))
        if known is None:
            known = self._counters[series, bucket] = Counter(self, project_id, rule, series, bucket)
        return known

    def adopt(self, rules: Iterable[tuple[str, Rule]]) -> None:
        """The configuration changed: ``rules`` are all there are, by project id. What is held of rules that are gone or
        changed is given back."""
        known = {series_of(project_id, rule): rule for project_id, rule in rules}
        for counter in self._counters.values():
            rule = known.get(counter.series)
            if counter.rule != rule:
                counter.rule = rule
                counter.piece = 0
                if counter.held is not None:
                    self._give(counter.held)

    def open(self, counter: Counter, now_ns: int) -> Held:
        """A slice for the slot that ``now_ns`` is in: the one leased ahead for it, or a new, empty one."""
        self.slots_turn += 1
        if counter.held is not None and counter.held.end <= now_ns:
            self._give(counter.held)  # what a slot leaves over is room for the next of a rolling window
        ahead, counter.next = counter.next, None
        if ahead is not None and ahead.start <= now_ns < ahead.end and not (ahead.closing or ahead.dead):
            counter.held = ahead
        else:
            counter.held = self._make(counter, now_ns)
        return counter.held

    def _make(self, counter: Counter, now_ns: int) -> Held:
        if not self.worker:
            self.worker = new_id("lw")
            self._journal = Journal() if self._journals is None else self._journals.make(self.worker)
            self.cells = self._journal.cells
        slot = slot_at(counter.window, counter.zone, now_ns)
        held = Held(counter, slot.start, slot.end, slot.since)
        held.cell = self._journal.take(held.hold)
        self._helds[held.hold] = held
        return held

    def fenced(self) -> bool:
        """Whether others may take this worker for dead, so that it must not lend what they would hand out again."""
        return self.mono() - self._beat_at > FENCE_S * S

    # --- wishes ---

    def wish(self, held: Held) -> None:
        """Lease more of it, in the background."""
        held.low = NEVER
        held.wants = True
        self._pending[held] = None
        self._wake.set()

    async def more(self, held: Held, need: int) -> None:
        """Wait until the catalog was asked for ``need`` more. Raises `Unavailable` where it cannot be."""
        if self.away:  # known already: nobody waits for it; the background work finds out when it is back
            raise Unavailable(self.away, code="limits_unavailable")
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        held.waiters.append((need, future))
        self.wish(held)
        try:
            async with asyncio.timeout(WAIT_S):
                await future
        except TimeoutError:
            error = Unavailable(f"The catalog did not answer within {WAIT_S:g} s.", code="limits_unavailable")
            self._note_away(error)
            raise error from None

    def ask_others(self) -> bool:
        """A call waits for a place. True where every other worker hears of it at once; the others do so within
        `TICK_S`, by the catalog."""
        if self.tell_others is None or self.workers > self.told_at_once:
            return False
        if self.mono() - self._told_others_at < TELL_EVERY_S * S:
            return True
        self._told_others_at = self.mono()
        return self.tell_others()

    def others_want(self) -> None:
        """Another worker's call waits for a place: give back those that are free here, and tell of those in use."""
        for held in self._helds.values():
            if held.counter.comes_back and held.total:
                self._give(held)
                self._pending[held] = None
                self._wake.set()

    def trust(self, held: Held, amount: int) -> None:
        """Take what nobody handed out: it was spent, or is lent on trust. The catalog hears of it at the next deal."""
        held.free += amount
        held.total += amount
        if held.counter.comes_back:
            held.lent += amount
            self._lending.add(held)
        self._pending[held] = None
        self._wake.set()

    def take_back(self, held: Held) -> None:
        """A call has ended while some were let in on trust: its place is nobody's. Kept, it would let in one call more
        than the bound, also when the catalog is back."""
        self._unlend(held, 1)

    def _unlend(self, held: Held, places: int) -> None:
        held.lent -= places
        if not held.lent:
            self._lending.discard(held)
        held.free -= places
        held.total -= places
        self.cells[held.cell] = held.free
        self._pending[held] = None
        self._wake.set()

    def _count_lent(self) -> None:
        """The catalog is back: who was let in on trust counts against what is free here, as far as that goes."""
        for held in [held for held in self._lending if held.free > 0]:
            self._unlend(held, min(held.lent, held.free))

    def _give(self, held: Held, keep: int = 0) -> None:
        """Give back what is free of it. The journal is lowered before anybody else can have it."""
        if held.free > keep and not held.dead:
            self.cells[held.cell] = keep
            held.total -= held.free - keep
            held.free = keep
            held.low = NEVER
            self._pending[held] = None
            self._wake.set()

    async def _pump(self) -> None:
        await self._wake.wait()
        await self.turn()

    async def turn(self) -> None:
        """One round of the background work: everything that is wished or given back now, in one transaction."""
        self._wake.clear()
        batch, self._pending = list(self._pending), {}
        if not batch:
            return
        needs: dict[Held, list[int]] = {}
        futures: list[asyncio.Future[None]] = []
        for held in batch:
            waiting = [(need, future) for need, future in held.waiters if not future.done()]
            held.waiters = []
            if waiting or held.wants:
                needs[held] = [need for need, _ in waiting]
            held.wants = False
            futures += [future for _, future in waiting]
        try:
            await self.trade(batch, needs)
        except BaseException as error:
            told = error if isinstance(error, Unavailable) else Unavailable("Limits could not be counted.")
            for future in futures:
                if not future.done():
                    future.set_exception(Unavailable(told.message, fix=told.fix, code="limits_unavailable"))
            raise
        for future in futures:
            if not future.done():
                future.set_result(None)

    def _note_away(self, error: Unavailable) -> None:
        if not self.away:
            log.warning("limits go on with what this worker holds: %s", error.message)
        self.away = error.message

    # --- trading ---

    async def trade(self, helds: list[Held], needs: dict[Held, list[int]] | None = None) -> None:
        """One transaction about these: what is spent, what goes back, what more is wanted. Raises `Unavailable`."""
        async with self._trading:
            if not self.worker:
                return
            worker, now, began = self.worker, self.now() // MS, self.mono()
            if not self._joined:
                await self._catalog.write(lambda conn: limit_store.join(conn, worker, now))
                self._joined = True
            helds = [held for held in helds if not held.dead and self._worth_telling(held, needs)]
            offers = [self._offer(held, None if needs is None else needs.get(held)) for held in helds]
            traded = await self._catalog.write(lambda conn: limit_store.trade(conn, worker, offers, now))
            self.away = ""
            self._count_lent()
            if traded is None:
                self._evicted()
            else:
                self._beat_at = began
                self._take(helds, offers, traded)

    def _worth_telling(self, held: Held, needs: dict[Held, list[int]] | None) -> bool:
        """False for one that never had anything and whose time is over: it is only forgotten."""
        if held.known or held.total or held.spent or held.open or held.free or (needs and held in needs):
            return True
        if self._is_over(held):
            self._forget(held)
            return False
        return True

    def _is_over(self, held: Held) -> bool:
        return held.closing or held.end <= self.now() or held.counter.rule is None

    def _offer(self, held: Held, needs: list[int] | None) -> Offer:
        counter, rule = held.counter, held.counter.rule
        ask = None
        if needs is not None and rule is not None and not counter.soft and not held.closing:
            ask = self._ask(counter, rule, needs)
        settled = held.known and not held.open and (counter.soft or not held.free)
        close = ask is None and settled and self._is_over(held)
        if close:
            self._close(held)
        return Offer(
            hold=held.hold,
            series=counter.series,
            bucket=counter.bucket,
            start=held.start // MS,
            since=held.since // MS,
            counts_until=(held.end + lasts_ns(counter.window)) // MS + GRACE_MS,
            total=0 if counter.soft else held.total,
            spent=_told(held),
            bound=None if rule is None else rule.bound,
            soft=counter.soft,
            comes_back=counter.comes_back,
            close=close,
            ask=ask,
            project_id=counter.project_id,
            name="" if rule is None else rule.name,
        )

    def _ask(self, counter: Counter, rule: Rule, needs: list[int]) -> Ask:
        """Pieces double while they last less than a second, and halve when they last long."""
        mono, want = self.mono(), max(1, sum(needs))
        since, counter.leased_at = mono - counter.leased_at, mono
        if counter.comes_back:
            counter.piece = max(1, rule.bound // (8 * self.workers))
        elif since < S:
            counter.piece *= 2
        elif since > 8 * S:
            counter.piece //= 2
        least = 4 * max(needs, default=1)
        if not counter.comes_back:
            least = max(least, rule.bound // (AT_HAND * self.workers))
        counter.piece = min(max(counter.piece, least), max(rule.bound, 1))
        share = 1 if self.workers <= 1 else 2 * self.workers
        need, piece = min(needs, default=1), max(counter.piece, want)
        return Ask(need=need, want=want, piece=piece, share=share, waiting=bool(needs))

    def _take(self, helds: list[Held], offers: list[Offer], traded: Traded) -> None:
        self.workers = max(1, traded.workers)
        for held, offer, deal in zip(helds, offers, traded.deals, strict=True):
            held.known = True
            held.reported = offer.spent
            if offer.close:
                self._forget(held)
            else:
                self._lend(held, offer, deal)
        served = {offer.hold for offer in offers if offer.ask is not None}
        for hold in traded.wanted:
            held = self._helds.get(hold)
            if held is not None and not held.waiters and hold not in served:
                self._give(held)

    def _lend(self, held: Held, offer: Offer, deal: Deal) -> None:
        held.total += deal.amount
        held.free += deal.amount
        if held.free > 0:
            self.cells[held.cell] = held.free
        held.told = deal.spent
        if offer.ask is not None and offer.bound is not None:
            held.room = max(0, offer.bound - deal.used)
            held.short = deal.amount < offer.ask.want
            held.others = deal.used - offer.total - deal.amount
            held.elsewhere = held.others - (deal.spent - offer.spent)
            held.frees = deal.frees
            held.wanted, held.heard = deal.wanted, deal.heard
            held.low = NEVER if held.short else held.counter.piece // 4
            if held.end <= self.now():
                self._give(held)

    def _close(self, held: Held) -> None:
        """It is on its way out: nothing more is taken from it."""
        held.closing = True
        self.slots_turn += 1

    def _forget(self, held: Held) -> None:
        self.slots_turn += 1
        self._journal.vacate(held.cell)
        held.cell, held.dead, held.lent = 0, True, 0
        self._lending.discard(held)
        self._helds.pop(held.hold, None)
        counter = held.counter
        if counter.held is held:
            counter.held = None
        if counter.next is held:
            counter.next = None

    def _evicted(self) -> None:
        """Others took this worker for dead. What it held counts as spent; calls under way end without a word."""
        log.warning("this worker was declared dead while it was away: its leases of limits are given up")
        for held in list(self._helds.values()):
            self._forget(held)
        self._journal.discard()
        self._journal = Journal()
        self.cells = self._journal.cells
        self._joined, self.worker = False, ""

    # --- now and then ---

    async def _notice(self) -> None:
        if self.each_second is not None:
            self.each_second()

    async def tick(self) -> None:
        """Once a second: close what is over, lease ahead for the next window, tell what was spent, show a heartbeat,
        and look after the dead."""
        await self.recover_dead()
        if not self.worker:
            return
        now, tell = self.now(), list[Held]()
        for held in self._some():
            self._look_at(held, now, tell)
        if tell or self.away or self.mono() - self._beat_at > BEAT_EVERY_S * S:
            await self.trade(tell)
        await self._tell_larger()
        await self._look_after_the_silent()
        await self._sweep()

    def _some(self) -> list[Held]:
        """All of them, or in turn a part of very many: the loop must not stand still for them."""
        helds = list(self._helds.values())
        most = 5 * PER_TICK
        if len(helds) <= most:
            return helds
        self._turn = (self._turn + most) % len(helds)
        return (helds[self._turn :] + helds[: self._turn])[:most]

    def _look_at(self, held: Held, now: int, tell: list[Held]) -> None:
        if held.seen == held.spent and not held.open:
            held.idle += 1
        else:
            held.seen, held.idle = held.spent, 0
        if held.idle > IDLE_TICKS:
            self._close(held)
        elif held.counter.comes_back and self.workers > 1:
            # Who has not needed a place of late leaves it to the others.
            held.busy, before = held.open, held.busy
            self._give(held, keep=max(0, before - held.open))
        if self._is_over(held):
            self._give(held)
            if len(tell) < PER_TICK:
                tell.append(held)
        elif (_told(held) != held.reported or self._asks_after_others(held)) and len(tell) < PER_TICK:
            tell.append(held)
        counter = held.counter
        soon = held.end - now < 2 * TICK_S * S
        if soon and held.spent and counter.held is held and counter.next is None and not counter.soft:
            counter.next = self._make(counter, held.end)
            self.wish(counter.next)

    def _asks_after_others(self, held: Held) -> bool:
        """Whether it has places for calls at once that others may wait for, and knows of no others."""
        return held.counter.comes_back and held.free > 0 and self.workers <= 1

    def note_larger(self, held: Held, rule: Rule, need: int) -> None:
        """A call alone needs more than the whole bound. Nothing is leased for it, so the next `tick` tells of it."""
        mono = self.mono()
        is_due = not held.larger or mono - held.larger >= LARGER_EVERY_S * S
        if is_due and len(self._larger) < LARGER_WAITING:
            held.larger = mono
            of, now = held.counter, self.now() // MS
            self._larger.append(limit_store.larger(of.project_id, rule, of.bucket, used=min(need, MOST), now=now))

    async def _tell_larger(self) -> None:
        told = self._larger[:PER_TICK]
        since = self.now() // MS - int(LARGER_EVERY_S * 1000)
        if told:
            await self._catalog.write(lambda conn: [limit_store.note_once(conn, each, since) for each in told])
            del self._larger[: len(told)]

    async def recover_dead(self) -> None:
        """Hand back what dead workers of this machine had left, as their journals say."""
        if self._journals is None or not self._is_time("journals", LOOK_EVERY_S):
            return
        for remains in await asyncio.to_thread(_dead, self._journals):
            worker, left = remains.worker, remains.left
            closed = await self._catalog.write(lambda conn, w=worker, n=left: limit_store.recover(conn, w, n))
            remains.path.unlink(missing_ok=True)
            log.info("took over the leases of the dead worker %s", worker, extra={"holds": closed})

    async def _look_after_the_silent(self) -> None:
        if not self._is_time("silent", LOOK_EVERY_S):
            return
        mono, beats = self.mono(), await self._catalog.read(limit_store.beats)
        if mono - self._saw_beats_at > BLIND_S * S:
            self._silent.clear()
        self._saw_beats_at = mono
        for worker, beat in beats.items():
            seen, since = self._silent.get(worker, (-1, mono))
            self._silent[worker] = (beat, since if seen == beat else mono)
            if worker != self.worker and seen == beat and mono - since > DEAD_AFTER_S * S:
                if await self._catalog.write(lambda conn, w=worker, b=beat: limit_store.evict(conn, w, b)):
                    log.warning("the worker %s is silent: what it held of limits counts as spent", worker)
                del self._silent[worker]
        self._silent = {worker: known for worker, known in self._silent.items() if worker in beats}

    async def _sweep(self) -> None:
        """Clear away old counters, but only while wall clock and steady clock go alike: a clock that jumped ahead must
        not clear what still counts."""
        if not self._is_time("sweep", SWEEP_EVERY_S):
            return
        mono, now = self.mono(), self.now()
        drift, self._clock_gap = abs(now - mono - self._clock_gap), now - mono
        if drift < 60 * S:
            await self._catalog.write(lambda conn: limit_store.sweep(conn, now // MS))

    def _is_time(self, what: str, every_s: float) -> bool:
        """Whether something that is done every so often is due; then it counts as done."""
        mono = self.mono()
        if mono < self._due.get(what, 0):
            return False
        self._due[what] = mono + int(every_s * S)
        return True


def _told(held: Held) -> int:
    """What is told as used of it: of concurrency the calls under way."""
    return held.open if held.counter.comes_back else held.spent


def _dead(journals: Journals) -> list[Remains]:
    return list(journals.dead())

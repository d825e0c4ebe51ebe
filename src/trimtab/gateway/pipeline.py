"""The path of one call. Read `Gateway.chat` first; each step is a method below it or a file of this room.

    admit -> peek -> caller -> route -> attempt (retry, fallback) -> relay -> settle -> record -> last byte

There is no other path: streams, whole answers, refusals, cancellations and tests all go through here and leave one
record, which is on disk before the client has its last byte.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from functools import partial
from typing import Any, cast

from trimtab.core.errors import InternalError, TrimtabError, Unavailable, UpstreamFailure, for_callers, forget_frames
from trimtab.gateway.apps.assigned import Copy
from trimtab.gateway.attempts import Attempts
from trimtab.gateway.call import REQUEST, Call, fault_of
from trimtab.gateway.call_policy import CompiledPolicy
from trimtab.gateway.caller import refuse_reserved
from trimtab.gateway.carries import Carries
from trimtab.gateway.carry import Carried, CarriedRecording
from trimtab.gateway.context import shorten
from trimtab.gateway.deadline import left_s, read_deadlines, read_priority
from trimtab.gateway.door import Door
from trimtab.gateway.exchange import Exchange, ToldFailure
from trimtab.gateway.guard_carried import also_called
from trimtab.gateway.guard_errors import put_back, withhold
from trimtab.gateway.guarding import Guarding
from trimtab.gateway.kept.cache import Cache
from trimtab.gateway.kept.cache_store import About
from trimtab.gateway.kept.idempotency import Idempotency
from trimtab.gateway.knowing import Knowing
from trimtab.gateway.money.books import Books
from trimtab.gateway.money.spending import note_refusal
from trimtab.gateway.outliving import Outliving
from trimtab.gateway.parts import Parts
from trimtab.gateway.passthrough import Carrier
from trimtab.gateway.policed import declares, govern, may_all, refuse_tools, screen
from trimtab.gateway.reading import read
from trimtab.gateway.releasing import Apps, chats_only, check_may
from trimtab.gateway.rotated import Rotated
from trimtab.gateway.route import Target, candidates
from trimtab.gateway.routing.ask import Ask, Unknown
from trimtab.gateway.routing.compile import Compiled
from trimtab.gateway.routing.plan import Plan
from trimtab.gateway.said import read_caller
from trimtab.gateway.shadow import Dropped, Shadows
from trimtab.gateway.snapshot import Snapshot
from trimtab.gateway.staying_up.gate import Gate
from trimtab.gateway.staying_up.live import Live
from trimtab.gateway.staying_up.queueing import Overloaded
from trimtab.gateway.watch import Watch
from trimtab.gateway.way import Way, Ways, targets_of
from trimtab.governance.access import Principal, Project
from trimtab.governance.admit import check_model
from trimtab.guard.run import Runner
from trimtab.ledger.refusals import REFUSALS
from trimtab.llm.dialects import Dialect

logger = logging.getLogger("trimtab.gateway")
SECOND = 1_000_000_000
SHORTENED_AT_ONCE = 64 * 1024
"""Bytes of a conversation up to which it is shortened on the event loop (some 10 ms)."""
Step = Callable[[Call], Awaitable[None]]
NOTED = (Overloaded, *REFUSALS)
"""Refusals that know of the limit which refused, for the record."""
OVERLOADED_STATUS = {"anthropic_messages": 529, "anthropic_passthrough": 529}
"""What a vendor's own clients know as "come back later", where that is not 503."""


class Gateway:
    """The data plane's one path, shared by every front dialect."""

    def __init__(self, parts: Parts) -> None:
        self._snapshot = parts.snapshot
        self._now = parts.clock.now_ns
        self._door = Door()
        self._books = Books(parts.spool, parts.prices, self._now, parts.observe, parts.notes)
        self.live = parts.live or Live()
        self.watch = Watch(self.live, self._now)
        self.gate = Gate("This server", parts.admission)
        self._attempts = Attempts(
            parts.transport, parts.endpoints, self._books, self.watch, now_ns=self._now, chance=random.random
        )
        self._carries = Carries(
            parts.transport, parts.endpoints, self._books, self.watch, now_ns=self._now, chance=random.random
        )
        self._spending = parts.spending
        self._ways = Ways()
        self._rotated = Rotated(parts.endpoints, self.watch, self._ways, *parts.remembering)
        self.guarding = Guarding(
            parts.guard_runner or Runner(), parts.guard_tools, self._books.record, self._now, parts.escalate
        )
        self.apps = Apps(parts.direct)
        self.knowing = Knowing(parts.knowledge, self._now)
        self.shadows = Shadows(self._shadow, self.gate, self._now)
        self.outliving = Outliving()
        self._cache: Cache | None = None
        self.idempotency: Idempotency | None = None
        if parts.answers is not None:
            record = self._books.record
            self._cache = Cache(parts.answers, parts.semantic, record, self._now)
            self.idempotency = Idempotency(
                parts.answers, record, self._now, owner=parts.owner, keep_s=parts.idempotency_s, regard=self._regard
            )

    @property
    def books(self) -> Books:
        return self._books

    def look(self, snapshot: Snapshot) -> None:
        """Once a second: what is in force may have changed where no call notices."""
        if self._spending is not None:
            self._spending.follow(snapshot.limits)
        self._rotated.look(snapshot)

    def chat(
        self,
        exchange: Exchange,
        front: Dialect,
        admitted: tuple[Principal, Project] | None = None,
        prepare: Callable[[Call], Awaitable[None]] | None = None,
        finish: Callable[[], Awaitable[None]] | None = None,
        *,
        unguarded: bool = False,
    ) -> Coroutine[Any, Any, None]:
        """Serve one chat call, whatever becomes of it. ``admitted``: a caller this server has already let in.
        ``prepare`` may complete the body of a call that was read, or refuse it. ``finish`` is done at the end of a call
        with an idempotency key, which may come when its client and this coroutine have gone; before its answer is
        kept. ``unguarded``: it is a guard that asks."""
        call = Call(exchange, front, self._now())
        call.unguarded = unguarded
        if admitted is not None:
            call.principal, call.project = admitted
        if prepare is None:
            return self._to_its_end(call, self._begin)
        return self._to_its_end(call, partial(self._begin_prepared, prepare=prepare, finish=finish))

    async def carry(self, exchange: Exchange, front: Dialect, carrier: Carrier) -> None:
        """Serve a call that passes through as it is: let in, limited and recorded as any other."""
        await self._to_its_end(Call(exchange, front, self._now()), partial(self._carry, carrier=carrier))

    async def _to_its_end(self, call: Call, step: Step) -> None:
        """A step of a call and, where it fails, what there is to be said and written down."""
        cancelled, failed = False, None
        try:
            try:
                await step(call)
            except TrimtabError as error:
                failed = error
            except Exception as error:
                logger.exception("a defect while serving %s", call.request_id)
                failed = defect(error)
            if failed is not None:
                forget_frames(failed)
                await self._refuse(call, failed)
        except asyncio.CancelledError as error:  # also while it is refused: its row must not be lost
            cancelled = True
            forget_frames(error)
        if cancelled:
            await self._cancelled(call)
        if call.app is not None and call.app.copy is not None:
            copy, call.app.copy = call.app.copy, None
            self.shadows.send(call, copy)

    # --- before any provider is asked ---

    # What need not be waited for is no coroutine: it is done at once, and gives what is to be waited for.

    def _begin(self, call: Call, finish: Callable[[], Awaitable[None]] | None = None) -> Awaitable[None]:
        self._let_in(call)
        return self._serve(call, finish)

    async def _begin_prepared(
        self,
        call: Call,
        prepare: Callable[[Call], Awaitable[None]],
        finish: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._let_in(call)
        await prepare(call)
        await self._serve(call, finish)

    def _serve(self, call: Call, finish: Callable[[], Awaitable[None]] | None) -> Awaitable[None]:
        if self.idempotency is not None and (key := call.exchange.header(b"idempotency-key")) is not None:
            make = self._make if finish is None else partial(self._make, finish=finish)
            return self.idempotency.serve(call, key, make)
        return self._answer(call)

    def _let_in(self, call: Call) -> None:
        if call.principal is None:
            self._admit(call)
            self._read(call)
            refuse_reserved(call.caller)
        else:
            self._read(call)

    def _admit(self, call: Call) -> None:
        call.principal, call.project = self._door.admit(self._snapshot().access, call.exchange.header, call.started_ns)

    def _read(self, call: Call) -> None:
        read(call)
        self._books.check_open()

    # --- from a readable call to an answer ---
    #
    # What may answer without a provider comes before what costs: idempotency replay, cache look-up, reserving limits,
    # the admission gate, the attempts. Each is one short step, and costs one attribute test where it is not configured;
    # what follows a call's end is in `Books`.

    async def _make(self, call: Call, finish: Callable[[], Awaitable[None]] | None = None) -> None:
        """A call that others may wait for: whoever waits is told of its end, however it ends."""
        await self._to_its_end(call, self._answer)
        if finish is not None:
            await finish()

    def snapshot(self) -> Snapshot:
        """What calls that begin now go by."""
        return self._snapshot()

    def _answer(self, call: Call) -> Awaitable[None]:
        assert call.project is not None
        snapshot = self._snapshot()
        way = self._ways.of(snapshot, call.project.id, call.head.model)
        cached = self._cache is not None and self._cache.concerns(call, way.policy)
        if way.plain and not cached and not call.caller.data_class:
            return self._ask(call, way.policy, way, snapshot)
        return self._answer_by_rules(call, way, snapshot)

    async def _answer_by_rules(self, call: Call, way: Way, snapshot: Snapshot) -> None:
        """What an app, guards, data classes and the cache have to do with a call, and then a provider's answer."""
        assert call.project is not None
        policy = way.policy
        if way.apps is not None and way.named is not None:
            policy = await self.apps.begin(call, way.named, way.apps)
        if way.guards is not None and await self._guarded(call, snapshot):
            return
        if call.app is not None and call.app.release is not None and call.app.release.knowledge:
            await self.knowing.begin(call, call.app.release)
        governed = None
        if way.governed is not None or declares(call):
            governed = govern(call, way.governed)
        look = None if self._cache is None else self._cache.look(call, policy, snapshot)
        if look is not None and governed is not None and not may_all(call, governed, _reachable(call, snapshot)):
            look = None  # an answer that is kept may be any target's
        if self._cache is None or look is None:
            await self._ask(call, policy, way, snapshot)
        elif not await self._cache.answer(call, look):
            snapshot = self._snapshot()
            await self._ask(call, policy, self._ways.of(snapshot, call.project.id, call.head.model), snapshot)
            await self._cache.keep(call, look)

    async def _guarded(self, call: Call, snapshot: Snapshot) -> bool:
        """Whether its guards stopped the call, which then has its answer."""
        assert call.project is not None
        guards = None if call.unguarded else snapshot.guards.get(call.project.id)
        return guards is not None and await self.guarding.begin(call, guards)

    async def _regard(self, call: Call, about: About, body: bytes) -> bytes:
        """An answer that was kept for an idempotency key, as it may be given now."""
        assert call.project is not None
        snapshot, project = self._snapshot(), call.project.id
        if (guards := snapshot.guards.get(project)) is None:
            return body
        also = call.front.operation == "passthrough"
        name = also_called(call.head.model, about.provider, snapshot.targets[project]) if also else ""
        return await self.guarding.again(call, guards, about, body, name)

    async def _ask(self, call: Call, policy: CompiledPolicy | None, way: Way, snapshot: Snapshot) -> None:
        """Ask a provider, since nothing that is kept will do."""
        assert call.project is not None
        project = call.project.id
        if policy is not None and policy.policy.context is not None:
            if len(call.body) > SHORTENED_AT_ONCE:
                await asyncio.to_thread(shorten, call, policy.policy.context)
            else:
                shorten(call, policy.policy.context)
        route = way.route
        if call.app is not None and call.app.release is not None:
            route = call.app.release.route
        if route is None:
            targets = way.targets or targets_of(way, snapshot, project, call.head.model)
        else:
            plan = self._decide(call, route) or await self._learn(call, route)
            targets = plan.targets
        if way.governed is not None:
            targets = screen(call, way.governed, targets)
        if way.limited and self._spending is not None:
            waiting = self._spending.reserve(call, snapshot.limits, project, targets)
            if waiting is not None:
                targets = await waiting
        entered = call.started_ns if self.gate.try_enter() else await self._enter(call)
        try:
            await self._attempts.answer(call, targets)
            if route is not None and call.plan is not None and call.plan.pins:
                route.answered(call.plan, call.attempts[-1].name, self._now())
        finally:
            self.gate.leave((self._now() - entered) / SECOND)

    async def _shadow(self, call: Call, copy: Copy) -> None:
        """A copy of a call that was answered, for the candidate of a shadow rollout. Raises `Dropped`."""
        if not self.gate.try_enter():
            raise Dropped("busy")
        dropped: list[Dropped] = []
        try:
            await self._to_its_end(call, partial(self._ask_shadow, copy=copy, dropped=dropped))
        finally:
            self.gate.leave((self._now() - call.started_ns) / SECOND)
        if dropped:
            raise dropped[0]

    async def _ask_shadow(self, call: Call, copy: Copy, dropped: list[Dropped]) -> None:
        await self.apps.enter(call, copy.release)
        route, snapshot = copy.release.route, self._snapshot()
        if snapshot.guards and await self._guarded(call, snapshot):
            return
        if copy.release.knowledge:
            await self.knowing.begin(call, copy.release)
        assert route is not None
        plan = self._decide(call, route) or await self._learn(call, route)
        targets: Sequence[Target] = plan.targets
        if snapshot.governed or declares(call):
            assert call.project is not None
            if (governed := govern(call, snapshot.governed.get(call.project.id))) is not None:
                targets = screen(call, governed, targets)
        if copy.limits is not None:
            purse = copy.limits.project_id
            if purse not in snapshot.limits or self._spending is None:
                dropped.append(Dropped("ended"))
                return
            try:
                waiting = self._spending.reserve(call, snapshot.limits, purse, targets)
                targets = targets if waiting is None else await waiting
            except REFUSALS:
                dropped.append(Dropped("budget"))
                return
        await self._attempts.answer(call, targets)

    async def _enter(self, call: Call) -> int:
        """Take one of this worker's places, in the queue if it must be; returns when (Unix ns)."""
        if self.gate.try_enter():
            return call.started_ns
        assert call.principal is not None
        await self.gate.enter(call.principal.key_id, call.priority, left_s(call, self._now()))
        return self._now()

    def _decide(self, call: Call, route: Compiled) -> Plan | None:
        """What a route makes of the call; None where it must know what the call means first (`_learn`)."""
        try:
            plan = call.plan = route.plan(asked_by(call))
        except Unknown:
            return None
        return plan

    async def _learn(self, call: Call, route: Compiled) -> Plan:
        plan = call.plan = await route.decide(asked_by(call))
        return plan

    async def _carry(self, call: Call, carrier: Carrier) -> None:
        self._admit(call)
        assert call.project is not None
        call.caller = read_caller(call.exchange, call.head, call.request_id.removeprefix(REQUEST))
        refuse_reserved(call.caller)
        read_deadlines(call)
        call.first_by_ns = call.deadline_ns  # how long a client waits for bytes says nothing while it sends a file
        read_priority(call)
        self._books.check_open()
        target = await carrier.find(call, self._snapshot().targets[call.project.id])
        apps = self._snapshot().apps.get(call.project.id)
        for name in carrier.called(call):
            if call.principal is not None and call.principal.models is not None:
                check_model(call.principal, name)
            named = None if apps is None else apps.find(name)
            if apps is not None and named is not None:
                if not carrier.reads:
                    raise chats_only(name)
                check_may(call.principal, named, apps)
        key = None if carrier.is_safe else call.exchange.header(b"idempotency-key")
        step = partial(self._carry_on, carrier=carrier, target=target)
        if self.idempotency is not None and key is not None:
            await self.idempotency.serve(call, key, self._ending(step), asked=carrier.asked(), remember=_recorded)
        elif carrier.outlives:
            await self.outliving.see_through(call, self._ending(step), _recorded)
        else:
            await step(call)

    def _ending(self, step: Step) -> Step:
        return partial(self._to_its_end, step=step)

    async def _carry_on(self, call: Call, carrier: Carrier, target: Target) -> None:
        snapshot = self._snapshot()
        assert call.project is not None
        if (guards := snapshot.guards.get(call.project.id)) is not None:
            await carrier.guard(call, target, guards, snapshot.targets[call.project.id], self.guarding)
        if snapshot.governed or declares(call):
            governed = govern(call, snapshot.governed.get(call.project.id))
            if governed is not None:
                for each in carrier.goes_to(target):
                    screen(call, governed, [each])
                refuse_tools(call, governed, carrier.tools)
        if snapshot.limits and self._spending is not None and carrier.counts:
            carrier.check_limits(snapshot.limits.get(call.project.id))
            await self._spending.reserve_carried(call, snapshot.limits, target, carrier.size)
        entered = await self._enter(call)
        try:
            await self._carries.carry(call, target, carrier)
        finally:
            self.gate.leave((self._now() - entered) / SECOND)

    # --- the end of every call ---

    async def _refuse(self, call: Call, error: TrimtabError) -> None:
        """Tell the client in its dialect what went wrong, after writing it down."""
        exchange = call.exchange
        await self._books.end_all(call, error)
        if call.guards is not None and isinstance(error, UpstreamFailure):
            await withhold(call, call.guards, error)
        if isinstance(error, Overloaded):
            error.status = OVERLOADED_STATUS.get(call.front.name, error.status)
        if isinstance(error, NOTED):
            note_refusal(call, error, self._now())
        call.status, call.outcome, call.fault = error.status, "error", fault_of(error)
        if not call.recorded and call.project is not None:
            try:
                await self._books.record(call)
            except Unavailable as full:
                error = full
        if exchange.disconnected:
            return
        error = for_callers(error)
        if call.guards is not None:
            put_back(call.guards, error)
        if exchange.started:
            told = isinstance(error, ToldFailure)
            exchange.finish(b"" if told else call.front.render_stream_error(error, call.request_id))
            return
        body = call.front.render_error(error, call.request_id)
        exchange.respond(error.status, call.answer_headers(error), body)

    async def _cancelled(self, call: Call) -> None:
        """The client left, or the server must stop: the provider's call is already cut; leave the row."""
        if call.recorded:
            return
        if not call.exchange.disconnected:
            await self._refuse(
                call, Unavailable("This server is shutting down.", fix="Try again.", code="shutting_down")
            )
            return
        await self._books.end_cancelled(call)
        if call.project is not None:
            await self._books.record(call)


def _recorded(real: Exchange) -> CarriedRecording:
    return CarriedRecording(cast("Carried", real))


def _reachable(call: Call, snapshot: Snapshot) -> list[Target]:
    """Every target that a call could come to by the name it asks for."""
    assert call.project is not None
    project, model = call.project.id, call.head.model
    route = snapshot.routes.get(project, {}).get(model)
    if call.app is not None and call.app.release is not None:
        route = call.app.release.route
    if route is not None:
        return [leaf.target for leaf in route.leaves]
    return candidates(snapshot.targets[project], model)


def asked_by(call: Call) -> Ask:
    """The facts of a call that its route may decide by."""
    assert call.principal is not None
    return Ask(
        front=call.front,
        head=call.head,
        body=call.body,
        caller=call.caller,
        key_id=call.principal.key_id,
        header=call.exchange.header,
        now_ns=call.started_ns,
        draw=random.random,
    )


def defect(error: Exception) -> InternalError:
    """A bug of ours, without its insides: those go to the log, with the same request id."""
    return InternalError(
        "Something is wrong in this server; the call was not answered.",
        fix="Please report it with the request id and the server's log.",
        code=f"internal_{type(error).__name__.lower()}"[:64],
    )

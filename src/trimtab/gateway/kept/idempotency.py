"""A call that is sent twice with the same ``Idempotency-Key`` is made once, paid once and answered twice.

The header's meaning follows Stripe's and the IETF draft (draft-ietf-httpapi-idempotency-key-header-07). A key belongs
to the virtual key that sent it. What it stands for is claimed in the store before anything is sent to a provider, so it
is exact across workers (and replicas, on PostgreSQL):

    free                        -> claim it, make the call, keep the answer (24 hours)
    answered, same request      -> the same bytes again, as a stream if they were one; ``idempotent-replayed: true``
    under way, same request     -> wait for it, here or in another worker, until the caller's own deadline
    another request             -> 422 idempotency_key_reused
    its server died meanwhile   -> 409 idempotency_outcome_unknown: it may have been paid for

A call that failed leaves its key free: an error is no answer, and the automatic retries of the official clients (they
repeat 408, 409, 429 and 5xx, unless ``x-should-retry: false``) must be able to succeed. A client that leaves does not
end its call: the answer will be there when it asks again. Only what became of a call whose server was killed cannot be
known, and is said instead of being paid for a second time; ``trimtab-idempotency: retry-unknown`` asks to do so.
"""

import asyncio
import contextlib
import hashlib
import logging
from collections.abc import Awaitable, Callable

from msgspec import Struct

from trimtab.core.errors import Conflict, InvalidRequest, Unavailable
from trimtab.core.ids import new_span_id
from trimtab.core.waiting import no_longer
from trimtab.gateway.call import NO_RETRY, Call
from trimtab.gateway.deadline import exceeded, left_s
from trimtab.gateway.exchange import Exchange
from trimtab.gateway.kept import cache_store
from trimtab.gateway.kept.answers import Answers
from trimtab.gateway.kept.cache_store import About, Claim, NewClaim
from trimtab.gateway.kept.recording import Recording, about_answer, replay
from trimtab.gateway.knowing import GROUPS, USER
from trimtab.gateway.lasting import end_all, to_its_end
from trimtab.ledger.types import Cost
from trimtab.telemetry.records import Attempt, CacheNote, Candidate

log = logging.getLogger("trimtab.idempotency")

REPLAY = Cost(amount=0, price="idempotency:replay")
LONGEST_KEY = 255
LEASE_MS = 15_000
RENEW_S = 5.0
UNDER_WAY = "the first call with this Idempotency-Key was still under way."
FIRST_LOOK_S, SLOWEST_LOOK_S = 0.02, 0.25
"""How often a waiting duplicate looks whether the first has its answer."""
STORE_S = 6.0
"""How long a call waits for the store's word on its key: longer than a database that is merely busy, or cannot be
reached, takes to say so (`storage.database.BUSY_S`)."""

Step = Callable[[Call], Awaitable[None]]


class Keyed(Struct, frozen=True):
    """A call's key as it stands in the store, and the digest of what was asked."""

    key: bytes
    fingerprint: bytes
    retry_unknown: bool


class Idempotency:
    """``owner`` names this process, unlike any other that ever uses the store. ``record`` makes a call's record
    durable; ``keep_s`` is how long an answer can be asked for again; ``regard`` gives a kept answer as it may be given
    now."""

    def __init__(
        self,
        answers: Answers,
        record: Callable[[Call], Awaitable[None]],
        now_ns: Callable[[], int],
        *,
        owner: str,
        keep_s: float,
        regard: Callable[[Call, About, bytes], Awaitable[bytes]] | None = None,
    ) -> None:
        self._answers = answers
        self._db = answers.db
        self._record = record
        self._now = now_ns
        self._owner = owner
        self._regard = regard
        self._keep_ms = int(keep_s * 1000)
        self._running: dict[bytes, asyncio.Event] = {}
        self._calls: set[asyncio.Task[None]] = set()
        self._renewing: asyncio.Task[None] | None = None

    async def serve(
        self,
        call: Call,
        given: bytes,
        make: Step,
        *,
        asked: bytes | None = None,
        remember: Callable[[Exchange], Recording] = lambda real: Recording(real, survives=True),
    ) -> None:
        """Answer a call that carries a key: by ``make`` (which handles every failure itself and leaves a record), or
        with what it was answered before. ``asked`` is what makes two calls the same, where that is not their body."""
        keyed = _keyed(call, given, asked)
        pause, unsure = FIRST_LOOK_S, "it was not known whether this Idempotency-Key was used before."
        while True:
            other = await self._claim(call, keyed, unsure)
            if other is None:
                await self._make(call, keyed, make, remember)
                return
            if other.fingerprint != keyed.fingerprint:
                raise _reused()
            if other.state == "done" and other.about is not None:
                await self._replay(call, other, other.about)
                return
            if other.state == "too_large":
                call.extra_headers += NO_RETRY
                raise _too_large(other)
            if other.lease < self._answers.now_ms():
                call.extra_headers += NO_RETRY
                raise _unknown(other)
            unsure = UNDER_WAY
            await self._wait(call, keyed.key, pause)
            pause = min(pause * 1.5, SLOWEST_LOOK_S)

    async def close(self) -> None:
        await end_all(self._calls)
        if self._renewing is not None:
            self._renewing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._renewing

    # --- inside ---

    async def _claim(self, call: Call, keyed: Keyed, unsure: str) -> Claim | None:
        """None when the call is ours to make. Raises `Unavailable` when the store is away: then nobody can know whether
        it was made before. ``unsure`` is what to say where there is no more time to find out."""
        assert call.project is not None
        now = self._answers.now_ms()
        new = NewClaim(
            key=keyed.key,
            project_id=call.project.id,
            fingerprint=keyed.fingerprint,
            owner=self._owner,
            lease=now + LEASE_MS,
            expires=now + self._keep_ms,
            request_id=call.request_id,
        )
        claiming = asyncio.ensure_future(self._db.write(lambda conn: cache_store.claim(conn, new, now)))
        left = left_s(call, self._now())
        try:
            known = await no_longer(claiming, STORE_S if left is None else min(left, STORE_S))
        except asyncio.CancelledError:
            self._undo_later(claiming, keyed)
            raise
        except TimeoutError:
            self._undo_later(claiming, keyed)
            if left is not None and left <= STORE_S:
                raise exceeded(call, unsure) from None
            raise _hangs() from None
        dead = known is not None and known.state == "running" and known.lease < now
        if known is not None and dead and keyed.retry_unknown and known.fingerprint == keyed.fingerprint:
            taken = await self._db.write(lambda conn: cache_store.take_over(conn, new, known))
            return None if taken else await self._claim(call, keyed, unsure)
        return known

    def _undo_later(self, claiming: asyncio.Future[Claim | None], keyed: Keyed) -> None:
        """Nothing was asked of a provider, so the key must not look as if it had been."""
        undoing = asyncio.get_running_loop().create_task(self._undo(claiming, keyed))
        self._calls.add(undoing)
        undoing.add_done_callback(self._calls.discard)

    async def _undo(self, claiming: asyncio.Future[Claim | None], keyed: Keyed) -> None:
        """Give a key free whose client left, or had no more time, while it was claimed."""
        try:
            if await claiming is None:
                await self._db.write(lambda conn: cache_store.release(conn, keyed.key, self._owner))
        except Unavailable as error:
            log.warning("the claim of an idempotency key could not be undone: %s", error)

    async def _make(self, call: Call, keyed: Keyed, make: Step, remember: Callable[[Exchange], Recording]) -> None:
        """Make the call in a task of its own, which its client's leaving does not end."""
        done = self._running[keyed.key] = asyncio.Event()
        real = call.exchange
        call.exchange = recording = remember(real)
        if self._renewing is None or self._renewing.done():
            self._renewing = asyncio.get_running_loop().create_task(self._renew(), name="idempotency-leases")
        await to_its_end(self._make_and_keep(call, keyed, recording, make, done), real, recording.leave, self._calls)

    async def _make_and_keep(
        self, call: Call, keyed: Keyed, recording: Recording, make: Step, done: asyncio.Event
    ) -> None:
        try:
            await make(call)
        finally:
            try:
                await self._settle(call, keyed, recording)
            except Unavailable as error:
                log.error("the answer of %s could not be kept for its idempotency key: %s", call.request_id, error)
            finally:
                self._running.pop(keyed.key, None)
                done.set()

    async def _settle(self, call: Call, keyed: Keyed, recording: Recording) -> None:
        """Keep the answer, or give the key free."""
        if call.outcome == "answer" and recording.status == 200 and call.attempts:
            body = recording.whole
            about = None if body is None else about_answer(call, recording)
            kept = b"" if body is None or call.project is None else self._answers.seal(call.project.id, body)
            await self._db.write(lambda conn: cache_store.complete(conn, keyed.key, self._owner, about, kept))
        else:
            await self._db.write(lambda conn: cache_store.release(conn, keyed.key, self._owner))

    async def _wait(self, call: Call, key: bytes, pause: float) -> None:
        """Until the first call may have ended, and no longer than this one was given."""
        left = left_s(call, self._now())
        if left == 0:
            raise exceeded(call, UNDER_WAY)
        here = self._running.get(key)
        if here is None:
            await asyncio.sleep(pause if left is None else min(pause, left))
        else:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(here.wait(), left)

    async def _replay(self, call: Call, claim: Claim, about: About) -> None:
        body = self._answers.open(claim.body)
        if body is None:
            raise _gone()
        if self._regard is not None:
            body = await self._regard(call, about, body)
        now = self._now()
        capture = call.project is not None and call.project.capture_content
        call.first_token_ns = now
        call.attempts.append(
            Attempt(
                span_id=new_span_id(),
                provider="cache",
                kind="cache",
                model=about.model,
                dialect=call.front.name,
                started_ns=call.started_ns,
                ended_ns=now,
                first_byte_ns=now,
                first_token_ns=now,
                status=200,
                stream=about.stream,
                cost=REPLAY,
                response_id=about.response_id,
                model_used=about.model_used,
                stop=about.stop,
                response=body if capture else b"",
            )
        )
        reason = f"the answer of {claim.request_id}, which had the same idempotency key"
        call.decision.append(Candidate(model=call.head.model[:512], provider="cache", verdict="chosen", reason=reason))
        call.cache = CacheNote(outcome="replay", saved=about.cost, first_request=claim.request_id)
        call.extra_headers += b"idempotent-replayed: true\r\n"
        await self._record(call)
        replay(call, about, body)

    async def _renew(self) -> None:
        """Say that this process lives while it has calls under way."""
        while self._calls:
            await asyncio.sleep(RENEW_S)
            lease = self._answers.now_ms() + LEASE_MS
            try:
                keys = list(self._running)
                await self._db.write(lambda conn, of=keys, until=lease: cache_store.renew(conn, self._owner, of, until))
            except Unavailable as error:
                log.warning("leases of idempotent calls could not be renewed: %s", error)


def _hangs() -> Unavailable:
    return Unavailable(
        f"The store of answers said nothing for {STORE_S:g} s, so it is not known whether this Idempotency-Key was "
        "used before.",
        fix="Try again shortly with the same key: nothing was asked of a provider. The operator: see that the database "
        "answers.",
        code="idempotency_unavailable",
        retry_after_s=2.0,
    )


def _gone() -> Conflict:
    return Conflict(
        "The answer to this idempotency key was encrypted with a key that has been destroyed.",
        fix="Use a new key.",
        code="idempotency_answer_gone",
    )


def _whose(call: Call) -> bytes:
    """As whom a call looks things up: what one user was answered is not given to another."""
    said = ((name, call.exchange.header(name)) for name in (USER, GROUPS))
    return b"".join(b"\0%b:%b" % (name, value) for name, value in said if value is not None)


def _keyed(call: Call, given: bytes, body: bytes | None) -> Keyed:
    if not 1 <= len(given) <= LONGEST_KEY or not given.isascii() or not given.decode().isprintable():
        raise InvalidRequest(
            f"The header 'Idempotency-Key' must have 1 to {LONGEST_KEY} printable ASCII characters.",
            fix="Use a UUID.",
            code="bad_idempotency_key",
            param="Idempotency-Key",
        )
    assert call.project is not None
    assert call.principal is not None
    said = call.exchange.header(b"trimtab-idempotency")
    if said not in (None, b"retry-unknown"):
        raise InvalidRequest(
            "The header 'trimtab-idempotency' says something we do not know.",
            fix="Leave it out, or say retry-unknown.",
            code="bad_idempotency_header",
            param="trimtab-idempotency",
        )
    scope = b"\0".join((call.project.id.encode(), call.principal.key_id.encode(), given))
    body = call.body + _whose(call) if body is None else body
    asked = call.front.name.encode() + b"\0" + call.head.model.encode() + b"\0%d\0" % call.head.stream + body
    return Keyed(
        hashlib.blake2b(scope, digest_size=24).digest(),
        hashlib.blake2b(asked, digest_size=24).digest(),
        said is not None,
    )


def _reused() -> InvalidRequest:
    return InvalidRequest(
        "This Idempotency-Key was used for another request.",
        fix="Use a new key for each request; repeat one only with the same body, to the same path, for the same user.",
        code="idempotency_key_reused",
        status=422,
        param="Idempotency-Key",
    )


def _unknown(claim: Claim) -> Conflict:
    return Conflict(
        f"The first call with this Idempotency-Key ({claim.request_id}) was under way when its server died: it may "
        "have been answered by the provider, and paid for.",
        fix="To make it again, and perhaps pay twice, use a new key or add the header "
        "'trimtab-idempotency: retry-unknown'.",
        code="idempotency_outcome_unknown",
        retryable=False,
    )


def _too_large(claim: Claim) -> Conflict:
    return Conflict(
        f"The first call with this Idempotency-Key ({claim.request_id}) was answered, but its answer was too large to "
        "keep.",
        fix="To make the call again use a new key; the first answer is in its trace.",
        code="idempotency_answer_too_large",
        retryable=False,
    )

"""What dead workers left: notes of calls under way become records, each marked as a crash and as an estimate.

A worker that is killed leaves its notes (`telemetry/spool/inflight.py`). Whoever comes after takes them up: it waits
until the store has everything that was spooled before (the call may have been recorded in the very moment before its
note was wiped), leaves out the calls that are known, and appends a record for each of the others. Only then is the file
removed, so a crash of the recovery itself leads to the same rows and to none twice.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

from trimtab.core.clock import Clock
from trimtab.core.errors import TrimtabError
from trimtab.gateway.money.batches import CLAIM
from trimtab.gateway.money.books import Spool
from trimtab.gateway.money.settle import Prices
from trimtab.gateway.snapshot import Snapshot
from trimtab.ledger.types import Cost, PriceOverride
from trimtab.llm.providers import PROVIDER_KINDS
from trimtab.llm.tiers import AUTO
from trimtab.llm.types import Usage
from trimtab.telemetry.records import AppNote, Attempt, CallRecord, Fault
from trimtab.telemetry.spool.inflight import Leftover, leftovers
from trimtab.telemetry.spool.note import Left, Note
from trimtab.telemetry.views import StoreHealth

logger = logging.getLogger("trimtab.recovery")

LOOK_S = 10.0
SETTLE_S = 2.0
"""The store's word on how far it is may be so old: it is believed from then on."""
CRASHED = Fault(
    code="server_crashed",
    message="The server died while this call was under way. What it used is an estimate.",
    source="trimtab",
)


class Store(Protocol):
    async def health(self) -> StoreHealth: ...
    async def known_requests(self, request_ids: list[str], first_ns: int, last_ns: int) -> set[str]: ...


class Parts(Struct, frozen=True, kw_only=True):
    """What a `Recovery` is made of."""

    folder: Path
    store: Store
    spool: Spool
    prices: Prices
    snapshot: Callable[[], Snapshot]
    clock: Clock
    books: Callable[[str, str, str], Awaitable[bool]]
    """Whether what a response took that was made in the background, or a batch, is a request's to book: ids of the
    project, of the response as it is noted, and of the request."""
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep


class Recovery:
    """Runs beside a worker: looks for what dead ones left, at its start and every few seconds."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def run(self) -> None:
        """Until cancelled. Whatever fails is tried again: nothing is removed before it is on record."""
        while True:
            try:
                await self.look()
            except TrimtabError as error:
                logger.info("notes of dead workers wait: %s", error.sentence())
            except Exception:  # the loop's edge: it must outlive whatever one turn meets
                logger.exception("notes of dead workers could not be read")
            await self._parts.sleep(LOOK_S)

    async def look(self) -> int:
        """Take up what there is; returns how many calls were put on record."""
        found = await asyncio.to_thread(leftovers, self._parts.folder)
        try:
            made = 0
            for each in found:
                made += await self._take_up(each)
            return made
        finally:
            for each in found:
                each.release()

    async def _take_up(self, file: Leftover) -> int:
        notes = await asyncio.to_thread(file.notes)
        missing = await self._missing(notes) if notes else []
        for record in missing:
            await self._parts.spool.append(record)
        if missing:
            logger.warning("%d calls were under way when a server died; each has a row, as an estimate", len(missing))
        await asyncio.to_thread(file.remove)
        return len(missing)

    async def _missing(self, notes: list[Left]) -> list[CallRecord]:
        await self._caught_up()
        times = [left.note.attempt_ns for left in notes]
        ids = sorted({left.note.request_id for left in notes})
        known = await self._parts.store.known_requests(ids, min(times), max(times))
        missing = [left for left in notes if left.note.request_id not in known]
        ours = [each for left in missing if (each := await self._claimed(left)) is not None]
        return records_of(ours, self._parts)

    async def _claimed(self, left: Left) -> Left | None:
        """A note without what another call has booked: of a response made in the background only one does. None of a
        batch's booking, which is nothing besides."""
        note = left.note
        if not note.claims or await self._parts.books(note.project, note.claims, note.request_id):
            return left
        if note.claims.startswith(CLAIM):
            return None
        ended = None if note.ended is None else replace(note.ended, usage=None, cost=Cost())
        return replace(left, note=replace(note, ended=ended))

    async def _caught_up(self) -> None:
        """Wait until the store has everything that was spooled before now."""
        since = self._parts.clock.now_ns() // 1_000_000
        while True:
            await self._parts.sleep(SETTLE_S)
            health = await self._parts.store.health()
            oldest = self._parts.clock.now_ns() // 1_000_000 - health.behind_ms
            if health.state == "ok" and (health.waiting == 0 or oldest > since + SETTLE_S * 1000):
                return


def records_of(notes: list[Left], parts: Parts) -> list[CallRecord]:
    """One record per call, its attempts in the order in which they were begun."""
    by_call: dict[str, list[Left]] = {}
    for left in sorted(notes, key=lambda left: left.note.attempt_ns):
        by_call.setdefault(left.note.request_id, []).append(left)
    return [_record(each, parts) for each in by_call.values()]


def _record(notes: list[Left], parts: Parts) -> CallRecord:
    attempts = tuple(left.note.ended or _attempt(left, parts) for left in notes)
    note = notes[-1].note
    return CallRecord(
        request_id=note.request_id,
        trace_id=note.trace_id,
        span_id=note.span_id,
        parent_span_id=note.parent_span_id,
        project=note.project,
        key_id=note.key_id,
        front=note.front,
        model=note.asked,
        feature=note.feature,
        session=note.session,
        user=note.user,
        tags=note.tags,
        stream=note.stream,
        started_ns=note.call_ns,
        ended_ns=max(attempt.ended_ns for attempt in attempts),
        status=0,
        outcome="crash",
        fault=CRASHED,
        capture=False,
        attempts=attempts,
        app=note.app,
        environment=note.environment,
        release=note.release,
        variant=note.variant,
        app_note=AppNote(rollout=note.rollout) if note.rollout else None,
    )


def _attempt(left: Left, parts: Parts) -> Attempt:
    """When it ended nobody knows: it is given no length. What it wrote is taken as one token for each event that had
    come; the provider may have gone on, and charged for more."""
    note = left.note
    tier = "+".join(word for word in note.tier.split("+") if word != AUTO)  # what came of it nobody read
    usage = Usage(input=note.input_tokens, output=left.events, estimated=True, tier=tier)
    return Attempt(
        span_id=note.attempt_span_id,
        provider=note.provider,
        kind=note.kind,
        model=note.model,
        name=note.name,
        dialect=note.dialect,
        started_ns=note.attempt_ns,
        ended_ns=note.attempt_ns,
        outcome="crash",
        fault=CRASHED,
        stream=note.stream,
        usage=usage,
        cost=_cost(note, usage, parts),
        tier_asked=note.tier,
    )


def _cost(note: Note, usage: Usage, parts: Parts) -> Cost:
    if note.kind not in PROVIDER_KINDS.names():
        return Cost()
    targets = parts.snapshot().targets.get(note.project)
    provider = targets.providers.get(note.provider) if targets else None
    model = targets.models.get(note.name) if targets else None
    override: PriceOverride | None = model.price if model is not None and model.upstream == note.model else None
    return parts.prices.cost(
        kind=PROVIDER_KINDS.get(note.kind),
        model=note.name,
        upstream=note.model,
        usage=usage,
        at_ns=note.attempt_ns,
        override=override,
        dated=None if provider is None else provider.prices,
    )

"""Who looks after batches that nobody reads: of all processes on one catalog the one that leads.

It asks the provider about each that was made here and is not settled, with the key that made it, seldom while the batch
works and more seldom where the provider does not answer, until it is over. Then what it used is booked and limits get
back what they held (`gateway/money/batches.py`). Where that cannot be learned any more (the provider has forgotten the
batch, its key is refused, it is no longer configured), and has not been for long, the batch is settled as an estimate,
and says why.

Nothing is in this process's memory alone: who takes over finds in the catalog what is due. That two believe to lead for
a moment does no harm; a batch is booked by one of them.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Final
from urllib.parse import urlencode

import httpx
from msgspec import Struct

from trimtab.core.clock import Clock
from trimtab.core.errors import TrimtabError, Unavailable
from trimtab.gateway.carried_where import address, look_where, own_headers, patience
from trimtab.gateway.masking import masked
from trimtab.gateway.money import batch_store as store
from trimtab.gateway.money.batch_kinds import of_messages, place_of, results_of, told_by
from trimtab.gateway.money.batch_meant import Listed, Unclear, begun_s, page_of
from trimtab.gateway.money.batch_store import Made, Trouble
from trimtab.gateway.money.batch_told import OVER, Told, Unreadable, Used, short_of, usage_told
from trimtab.gateway.money.batches import Batches, with_key
from trimtab.gateway.money.books import Books
from trimtab.gateway.targets import ProjectTargets, Provider
from trimtab.server.duties.message_batches import seek_messages
from trimtab.server.leading import Leadership
from trimtab.storage.database import Database
from trimtab.storage.turns import Turns

logger = logging.getLogger("trimtab.batches")

NAME: Final = "batches"
AT_ONCE: Final = 8
PER_TURN: Final = 100
LONGEST_TOLD: Final = 1024 * 1024
"""Bytes of what a provider says of a batch."""
HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS
LONGEST_PAGE: Final = 8 * 1024 * 1024
MOST_PAGES: Final = 50
LONGEST_REFUSAL: Final = 300
GONE: Final = frozenset((404, 410))
REFUSED: Final = frozenset((401, 403))


class Pace(Struct, frozen=True, kw_only=True):
    """Ms. A batch that has worked for so long is looked at again after an eighth of that, between ``least`` and
    ``most``; one that could not be asked about after twice as long each time. It is lost when its provider has known
    nothing of it for ``gone_for``, and in ``forgotten`` looks in a row; has refused the key for ``refused_for``, been
    in no configuration for ``missing_for``, given fewer results than it counts for ``short_for``, been taken for no
    other's for ``unclear_for`` or not answered for ``silent_for``, always the same; or however it goes on failing when
    it was made ``oldest`` ago. One that was asked for, and is in no list of its provider ``unmade_for`` after that, was
    never made. One that is claimed counts as being booked for ``claimed_for``, and who claimed it as lost for good when
    nothing was heard of it for ``claim_ends``."""

    look_s: float = 5.0
    least: int = 15_000
    most: int = 600_000
    forgotten: int = 4
    gone_for: int = HOUR_MS
    refused_for: int = 2 * DAY_MS
    missing_for: int = 2 * DAY_MS
    short_for: int = HOUR_MS
    unclear_for: int = HOUR_MS
    silent_for: int = 8 * DAY_MS
    oldest: int = 30 * DAY_MS
    unmade_for: int = HOUR_MS
    claimed_for: int = 30_000
    claim_ends: int = DAY_MS


PACE: Final = Pace()


class Failed(Exception):
    """A batch could not be asked about."""

    def __init__(self, why: str, trouble: Trouble = "silent") -> None:
        super().__init__(why)
        self.why = why
        self.trouble: Trouble = trouble


class Short(Failed):
    """It is over, and its results are fewer than it counts itself."""

    def __init__(self, why: str, told: Told, used: Used) -> None:
        super().__init__(why, "short")
        self.told, self.used = told, used


class LookingAfter:
    """Runs beside a worker. For one event loop. ``is_recorded``: whether a request's record is in the store."""

    def __init__(
        self, batches: Batches, books: Books, is_recorded: Callable[[str, int], Awaitable[bool]], clock: Clock,
        pace: Pace = PACE,
    ) -> None:  # fmt: skip
        self._batches = batches
        self._books = books
        self._is_recorded = is_recorded
        self._pace = pace
        self._leads = Leadership(batches.db, clock, NAME)
        self._turns = Turns(self.turn, "looking after batches", pace.look_s, logger)
        self._few = asyncio.Semaphore(AT_ONCE)
        self._client: httpx.AsyncClient | None = None

    async def run(self) -> None:
        """Until cancelled."""
        try:
            await self._turns.run()
        finally:
            if self._client is not None:
                await self._client.aclose()
                self._client = None

    async def leave(self) -> None:
        """Let another lead, now."""
        await self._leads.leave()

    async def turn(self) -> bool:
        """End what this process has begun to book, and what dead ones had if its record is in this one's store; where
        this one leads, look at all that are due. True where more may be."""
        await self._batches.go_on(self._books)
        now, keys = self._batches.now(), self._batches.keys()
        found = await self._batches.db.read(lambda conn: store.due(conn, now, PER_TURN, keys))
        are_due = sum(made.due <= now for made in found)
        leads = are_due > 0 and await self._leads.held()
        meant = (made for made in found if made.booked_by is not None or leads)
        await asyncio.gather(*(self._look_at(made, leads=leads) for made in meant))
        return leads and are_due == PER_TURN

    async def _look_at(self, made: Made, *, leads: bool) -> None:
        async with self._few:
            try:
                if made.booked_by is not None:
                    await self._resume(made, leads=leads)
                else:
                    await (self._seek(made) if made.state == "making" else self._look(made))
            except Failed as failed:
                await self._put_off(made, failed)
            except Unavailable:
                raise
            except TrimtabError as error:  # a token of Entra ID that cannot be had, say
                await self._put_off(made, Failed(error.sentence()))
            except Exception as error:  # an edge: one that is broken must not keep the others from being settled
                logger.exception("the batch %s of %s cannot be looked at", made.batch_id, made.provider)
                await self._put_off(made, Failed(f"It cannot be looked at: {error!r}"))

    async def _look(self, made: Made) -> None:
        provider = self._provider(made)
        told = await self._told(made, provider)
        if told.status not in OVER:
            await self._wait(made, told.status)
            return
        used = usage_told(told)
        if used is None:
            used = await self._results(made, provider, told)
        await self._batches.told(made, told, used, self._books)

    async def _seek(self, made: Made) -> None:
        """One that was asked for, and of which nobody knows whether it was made: it stands in its provider's list."""
        if not made.about.file:
            raise Failed("It names no file that it could be found by, so nobody knows whether it was made.", "gone")
        provider, undecided = self._provider(made), False
        if of_messages(made):
            try:
                asked = partial(_asked, self._http())
                listed, undecided = await seek_messages(made, provider, self._batches, asked)
            except Unreadable as error:
                raise Failed(str(error)) from None
        else:
            listed = await self._listed(provider, begun_s(made))
        try:
            if await self._batches.found(made, listed):
                return
        except Unclear as unclear:
            raise Failed(str(unclear), "unclear") from None
        if not undecided and self._batches.now() - made.made >= self._pace.unmade_for:
            await self._batches.never_made(made)
        else:
            await self._wait(made, "")

    async def _listed(self, provider: Provider, since: float) -> list[Listed]:
        """What a provider lists. As far as that is known it is newest first, so it is read on until it is older."""
        found, after = list[Listed](), ""
        for _ in range(MOST_PAGES):
            body, query = bytearray(), urlencode({"limit": 100, **({"after": after} if after else {})})
            async with _asked(self._http(), provider, "/batches", query) as pieces:
                async for piece in pieces:
                    body += piece
                    if len(body) > LONGEST_PAGE:
                        raise Failed("What the provider lists of its batches is too long.")
            try:
                page = page_of(bytes(body))
            except Unreadable as error:
                raise Failed(str(error)) from None
            found += page.data
            over = page.is_newest_first and page.data[-1].created_at < since
            if over or not page.has_more or not page.data or page.data[-1].id == after:
                return found
            after = page.data[-1].id
        raise Failed(f"The provider lists more than {len(found)} batches, and not the newest first.")

    async def _resume(self, made: Made, *, leads: bool) -> None:
        """One that somebody has begun to book, and perhaps died over. Its record comes by `recovery.py` then, to the
        store of that server, which may be another's than the leader's; so each process looks, often at first."""
        now = self._batches.now()
        since = now - made.ended
        if since < self._pace.claimed_for:
            if leads and made.due <= now:
                await self._wait(made, made.status)
            return
        if since > self._pace.most and made.due > now:
            return
        if await self._batches.resume(made, lambda request: self._is_recorded(request, made.ended), self._books):
            return
        if leads and now - max(made.claimed, made.ended) >= self._pace.claim_ends:
            await self._batches.give_up(made)
        elif leads and made.due <= now:
            raise Failed("Its booking is on its way: the record of it is not in the store yet.")

    def _provider(self, made: Made) -> Provider:
        snapshot = self._batches.snapshot()
        if all(each.id != made.project_id for each in snapshot.access.projects.values()):
            raise Failed("Its project is no longer served.", "missing")
        provider = snapshot.targets.get(made.project_id, ProjectTargets()).providers.get(made.provider)
        if provider is None:
            raise Failed(f"The provider {made.provider!r} is no longer configured.", "missing")
        return with_key(provider, made.about.key_mark)

    async def _told(self, made: Made, provider: Provider) -> Told:
        body = bytearray()
        async with _asked(self._http(), provider, place_of(made)) as pieces:
            async for piece in pieces:
                body += piece
                if len(body) > LONGEST_TOLD:
                    raise Failed("What the provider says of it is too long.")
        try:
            told = told_by(made, bytes(body))
        except Unreadable as error:
            raise Failed(str(error)) from None
        if told.id != made.batch_id:
            raise Failed("The provider tells of another batch.")
        return told

    async def _results(self, made: Made, provider: Provider, told: Told) -> Used:
        """What the lines of its results say that it used."""
        try:
            found = results_of(made, told)
        except Unreadable as error:
            raise Failed(str(error)) from None
        if found is None:
            return []  # no line came to an answer
        where, lines = found
        async with _asked(self._http(), provider, where) as pieces:
            try:
                await lines.take(pieces)
            except Unreadable as error:
                raise Failed(str(error)) from None
        if lines.unread:
            raise Failed(f"{lines.unread} lines of its results cannot be read.")
        if lines.missing:
            raise Short(short_of(lines), told, lines.used)
        return lines.used

    def _http(self) -> httpx.AsyncClient:
        """Made when first needed: most servers have no batches."""
        if self._client is None:
            self._client = httpx.AsyncClient(trust_env=False, follow_redirects=False)
        return self._client

    # --- not yet ---

    async def _wait(self, made: Made, status: str) -> None:
        now, pace = self._batches.now(), self._pace
        due = now + min(max((now - made.made) // 8, pace.least), pace.most)
        await self._batches.db.write(lambda conn: store.looked(conn, made.id, status=status, now=now, due=due))

    async def _put_off(self, made: Made, failed: Failed) -> None:
        """Ask again later, or settle it: what cannot be learned any more is an estimate."""
        now, pace, trouble = self._batches.now(), self._pace, failed.trouble
        again = made.trouble == trouble
        failures, since = (made.failures + 1, made.since) if again else (1, now)
        if made.booked_by is None and self._is_lost(trouble, failures, now - since, now - made.made):
            logger.warning("the batch %s of %s is lost: %s", made.batch_id, made.provider, failed.why)
            try:
                await self._give_up(made, failed)
            except Unavailable:
                raise
            except Exception:  # an edge, as above: it is tried again, as seldom as it is asked about
                logger.exception("the batch %s of %s cannot be settled", made.batch_id, made.provider)
            else:
                return
        due = now + min(pace.least * 2 ** min(failures, 20), 3 * pace.most)
        await self._batches.db.write(
            lambda conn: store.failed(
                conn, made.id, trouble=trouble, since=since, now=now, due=due, failures=failures, why=failed.why
            )
        )

    async def _give_up(self, made: Made, failed: Failed) -> None:
        if isinstance(failed, Short) and failed.used:
            await self._batches.told_in_part(made, failed.told, failed.used, failed.why, self._books)
        else:
            await self._batches.lost(made, "lost", failed.why, self._books)

    def _is_lost(self, trouble: Trouble, failures: int, lasts: int, age: int) -> bool:
        """A provider that answers 404 for some minutes, or was taken out of a file by mistake, loses nobody's batch."""
        pace = self._pace
        patience = {
            "gone": pace.gone_for, "refused": pace.refused_for, "missing": pace.missing_for, "short": pace.short_for,
            "unclear": pace.unclear_for,
        }  # fmt: skip
        if age >= pace.oldest:
            return True
        if trouble in ("gone", "short", "unclear") and failures < pace.forgotten:
            return False
        return lasts >= patience.get(trouble, pace.silent_for)


@asynccontextmanager
async def _asked(
    client: httpx.AsyncClient, provider: Provider, rest: str, query: str = ""
) -> AsyncGenerator[AsyncIterator[bytes]]:
    """A question to a provider, whose answer comes in pieces. Raises `Failed`."""
    request = client.build_request(
        "GET",
        address(provider, rest, query),
        headers=await own_headers(provider),
        timeout=patience(provider),
        extensions={"trace": look_where},
    )
    try:
        response = await client.send(request, stream=True)
    except httpx.HTTPError as error:
        raise Failed(f"The provider cannot be asked ({type(error).__name__}).") from None
    try:
        if response.status_code != 200:
            raise Failed(await _said(provider, response), _trouble(response.status_code))
        yield response.aiter_bytes()
    except httpx.HTTPError as error:
        raise Failed(f"The provider broke off ({type(error).__name__}).") from None
    finally:
        await response.aclose()


def _trouble(status: int) -> Trouble:
    return "gone" if status in GONE else "refused" if status in REFUSED else "silent"


async def _said(provider: Provider, response: httpx.Response) -> str:
    begun = b""
    async for piece in response.aiter_bytes():
        begun += piece
        if len(begun) > LONGEST_REFUSAL:
            break
    said = masked(begun[:LONGEST_REFUSAL], provider).decode("utf-8", "replace")
    return f"The provider answers {response.status_code}: {said}"


async def lines(db: Database, slug_of: Callable[[str], str]) -> bytes:
    """For Prometheus; the same from every worker. Nothing while the catalog is away."""
    try:
        found = await db.read(store.counts)
    except Unavailable:
        return b""
    if not found:
        return b""
    full = "trimtab_batches"
    told = [f"# HELP {full} Batches that were made through this server, by state", f"# TYPE {full} gauge"]
    for (project, state), many in sorted(_sums(found).items()):
        told.append(f'{full}{{project="{slug_of(project)}",state="{state}"}} {many}')
    failing = f"{full}_failing"
    told += [f"# HELP {failing} Open batches that could not be asked about the last time", f"# TYPE {failing} gauge"]
    for project in sorted({each[0] for each in found}):
        many = sum(each[3] for each in found if each[0] == project and each[1] in ("making", "open") and each[2])
        told.append(f'{failing}{{project="{slug_of(project)}"}} {many}')
    return ("\n".join(told) + "\n").encode()


def _sums(found: list[tuple[str, str, bool, int]]) -> dict[tuple[str, str], int]:
    sums: dict[tuple[str, str], int] = {}
    for project, state, _, many in found:
        sums[project, state] = sums.get((project, state), 0) + many
    return sums

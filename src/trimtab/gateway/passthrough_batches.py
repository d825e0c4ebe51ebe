"""Batches: whoever makes one is noted, and the first that sees it over has it booked, at the rates of batches.

A batch tells its tokens when it is over, and tells them to everybody who looks at it
(https://platform.openai.com/docs/api-reference/batch/object: ``usage``, ``model``). So a call that reads one that was
made here, and is over, has it booked before its answer is whole (`money/batches.py`), under the call that made it; its
own row is of what it did itself, which costs nothing. Where only the results tell what it took, the duty that looks
after batches reads them. A batch that was made elsewhere is not booked here.
"""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable

import httpx

from trimtab.core.errors import TrimtabError, Unavailable
from trimtab.gateway.call import Call, fault_of
from trimtab.gateway.carried_batch import input_file_of
from trimtab.gateway.carried_size import Size
from trimtab.gateway.carries import BUSY
from trimtab.gateway.carry import Carried
from trimtab.gateway.money.batch_store import Made
from trimtab.gateway.money.batch_told import OVER, Told, Unreadable, told_of, usage_told
from trimtab.gateway.money.batches import Batches, with_key
from trimtab.gateway.money.books import Books
from trimtab.gateway.passthrough import Carrier
from trimtab.gateway.route import Target
from trimtab.gateway.targets import ProjectTargets
from trimtab.gateway.tried import Try
from trimtab.ledger.reserve import NOT_ASKED, may_have_cost
from trimtab.llm.types import Usage
from trimtab.telemetry.records import Fault

logger = logging.getLogger("trimtab.batches")
MADE = "/batches"
UNTOLD = Fault(
    code="upstream_untold",
    message="The call was ended before its answer was whole. If its provider has made the batch, that is looked after.",
    source="network",
)
PATH = re.compile(r"/v1/batches(?:/([A-Za-z0-9_-]{1,200})(?:/cancel)?)?")


class BatchCarrier(Carrier):
    """Knows by ``batches`` which of them are this project's."""

    def __init__(
        self,
        carried: Carried,
        client: httpx.AsyncClient,
        now_ns: Callable[[], int],
        max_json: int,
        batches: Batches,
    ) -> None:
        super().__init__(carried, client, now_ns, max_json)
        self._batches = batches
        self._known: Made | None = None
        self._counted: Size | None = None
        self._asked: tuple[Call, Books] | None = None
        self._meant: Made | None = None

    async def find(self, call: Call, targets: ProjectTargets) -> Target:
        target = await super().find(call, targets)
        found = PATH.fullmatch(self._carried.path)
        if found is not None and found[1] and call.project is not None:
            self._known = await self._batches.find(call.project.id, target.provider.name, found[1])
        return target

    async def size(self, target: Target) -> Size:
        self._counted = await super().size(target)
        return self._counted

    @property
    def counts(self) -> bool:
        """One of ours was counted when it was made, as the most that it could come to."""
        return self._known is None

    @property
    def outlives(self) -> bool:
        """What its provider makes is there, whoever waits for the answer."""
        return self._makes

    @property
    def _makes(self) -> bool:
        return self.rest == MADE and self._carried.method == "POST"

    async def ask(self, call: Call, attempt: Try, books: Books, answered: Callable[[], None]) -> None:
        self._asked = call, books
        if self._makes:
            await self._ask_for_one(call, attempt, books, answered)
            return
        if self._known is not None:  # of several keys, only the account that made it has it
            pinned = with_key(attempt.target.provider, self._known.about.key_mark)
            attempt.target = Target(attempt.target.model, pinned)
        await super().ask(call, attempt, books, answered)

    async def _ask_for_one(self, call: Call, attempt: Try, books: Books, answered: Callable[[], None]) -> None:
        """Noted before, and looked up where its provider's answer does not come: what limits hold for it stays as long
        as nobody knows, and the note says so."""
        self._meant = await self._batches.meant(call, attempt, self._counted, input_file_of(self._begun))
        await see_noted(self._batches, self._meant, attempt, super().ask(call, attempt, books, answered))

    async def _used(self, attempt: Try, tail: bytes, *, whole: bool) -> Usage | None:
        try:
            told = told_of(tail) if whole else Told()
        except Unreadable:
            told = Told()
        attempt.response_id, attempt.model_used = told.id, told.model or ""
        if self._asked is None or not told.id:
            return None
        call, books = self._asked
        if self._makes:
            meant, self._meant = self._meant, None
            await self._batches.begun(call, attempt, told, self._counted, meant=meant)
        elif self._known is not None and told.status in OVER:
            await self._over(self._known, told, books)
        return None

    async def _over(self, made: Made, told: Told, books: Books) -> None:
        """Its reader gets it in any case: what cannot be booked now is looked after later."""
        used = usage_told(told)
        try:
            if used is not None:
                await self._batches.told(made, told, used, books)
            else:
                await self._batches.hurry(made)
        except Unavailable as error:
            logger.warning("the batch %s is booked later: %s", made.batch_id, error.sentence())


async def see_noted(batches: Batches, meant: Made | None, attempt: Try, asking: Awaitable[None]) -> None:
    """Ask for a batch that is noted as ``meant``, and say there what came of it where its answer does not come."""
    try:
        await asking
    except asyncio.CancelledError:
        attempt.fault = attempt.fault or UNTOLD
        raise
    except TrimtabError as error:
        if meant is None:
            raise
        if _is_unmade(attempt, error):
            await batches.unmade(meant)
        else:
            await batches.doubted(meant, held=may_have_cost(fault_of(error)))
        raise


def _is_unmade(attempt: Try, error: TrimtabError) -> bool:
    """Whether nothing can have been made: the provider refused, was too busy, or was not reached. Who answers with a
    defect, or breaks off, may have made it before."""
    if attempt.status:
        return 300 <= attempt.status < 500 or attempt.status in BUSY
    return error.code in NOT_ASKED or error.status < 500

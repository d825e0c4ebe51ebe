"""A batch of messages that was asked for and of which nobody was told: found among those that its provider lists.

Anthropic's batches name no file and carry no note of ours. They tell how many requests they have and when they were
made; and the results of one that is over, and no other, tell the names of its requests
(https://platform.claude.com/docs/en/api/messages/batches/list). So one that may be it is waited for until it is over.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Final
from urllib.parse import urlencode

from trimtab.gateway.money import batch_meant
from trimtab.gateway.money.batch_kinds import PLACE, Listed, MessageLines, count_in, page_of
from trimtab.gateway.money.batch_meant import MESSAGES, SKEW_S, begun_s
from trimtab.gateway.money.batch_store import Made
from trimtab.gateway.money.batch_told import Unreadable
from trimtab.gateway.money.batches import Batches
from trimtab.gateway.targets import Provider

LONGEST_PAGE: Final = 8 * 1024 * 1024
MOST_PAGES: Final = 50
PER_PAGE: Final = 100
Asked = Callable[[Provider, str, str], AbstractAsyncContextManager[AsyncIterator[bytes]]]
"""A provider, a path and a query, and the answer in pieces."""


async def seek_messages(
    made: Made, provider: Provider, batches: Batches, asked: Asked
) -> tuple[list[batch_meant.Listed], bool]:
    """Those that are it, and whether one that is not over yet may be. Raises `Unreadable`."""
    count = count_in(made.about.file)
    fits = [each for each in await _listed(made, provider, asked) if each.request_counts.total == count]
    taken = await batches.db.read(lambda conn: batch_meant.known(conn, [each.id for each in fits]))
    found, undecided = list[batch_meant.Listed](), False
    for each in fits:
        if each.id in taken:
            continue
        if not each.is_over:
            undecided = True
        elif await _is_of(made, each, provider, asked):
            found.append(
                batch_meant.Listed(id=each.id, input_file_id=made.about.file, endpoint=MESSAGES, created_at=each.at_s)
            )
    return found, undecided


async def _is_of(made: Made, listed: Listed, provider: Provider, asked: Asked) -> bool:
    lines = MessageLines()
    async with asked(provider, f"{PLACE}/{listed.id}/results", "") as pieces:
        await lines.take(pieces)
    return lines.ids.mark == made.about.file


async def _listed(made: Made, provider: Provider, asked: Asked) -> list[Listed]:
    """What a provider made while it was asked for. Names such as ``request-1`` are anybody's, and the account may be
    another's as well: what was made before, or later, is not this one."""
    since, found, after = begun_s(made), list[Listed](), ""
    until = made.made / 1000 + provider.timeouts.total + SKEW_S
    for _ in range(MOST_PAGES):
        body, query = bytearray(), urlencode({"limit": PER_PAGE, **({"after_id": after} if after else {})})
        async with asked(provider, PLACE, query) as pieces:
            async for piece in pieces:
                body += piece
                if len(body) > LONGEST_PAGE:
                    raise Unreadable("What the provider lists of its batches is too long.")
        page = page_of(bytes(body))
        found += [each for each in page.data if each.id and since <= each.at_s <= until]
        if not page.has_more or not page.data or page.data[-1].at_s < since or page.data[-1].id == after:
            return found
        after = page.data[-1].id
    raise Unreadable(f"The provider lists more than {MOST_PAGES * PER_PAGE} batches since it was asked for this one.")

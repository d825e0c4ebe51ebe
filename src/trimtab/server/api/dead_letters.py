"""Dead letters: records that could not be read or stored. They are kept, counted, and never in the way of others."""

import asyncio
import sqlite3

import msgspec

from trimtab.core.errors import InvalidRequest, Unavailable
from trimtab.server.cost_bodies import DeadLetterPage, DeadLetterView
from trimtab.server.housing import SPOOL
from trimtab.server.routes import Cursor, Deps, Limit, Operation, read_cursor, route, write_cursor
from trimtab.telemetry.drain import Rejected, dead_letters
from trimtab.telemetry.records import decode_record

TAG = "system"


@route(
    "GET",
    "/api/v1/system/dead-letters",
    "system:read",
    Operation(id="listDeadLetters", summary="Records that were set aside, and why", tag=TAG),
)
async def list_dead_letters(deps: Deps, cursor: Cursor = None, limit: Limit = 100) -> DeadLetterPage:
    """Newest first. A damaged spool file is one letter without a call; the file lies beside the others, as ``.broken``.
    Without content: what a record held stays on the disk."""
    after = read_cursor(cursor)
    if after and not after.isdecimal():
        raise InvalidRequest("This cursor was not made here.", fix="Take it from the page before.", param="cursor")
    spool = deps.settings.data_dir.absolute() / SPOOL
    try:
        found = await asyncio.to_thread(dead_letters, spool, int(after) if after else None, limit + 1)
    except sqlite3.Error as error:
        raise Unavailable(f"The dead letters cannot be read now: {error}.", fix="Try again in a moment.") from error
    more = write_cursor(str(found[limit - 1][0])) if len(found) > limit else None
    return DeadLetterPage(items=[_view(letter) for _, letter in found[:limit]], cursor=more)


def _view(letter: Rejected) -> DeadLetterView:
    request_id = project = ""
    if letter.body:
        try:
            record = decode_record(letter.body)
            request_id, project = record.request_id, record.project
        except msgspec.DecodeError:
            pass  # that is why it is here
    return DeadLetterView(
        segment=letter.segment,
        seq=letter.seq,
        at=letter.at_ms,
        reason=letter.reason,
        bytes=len(letter.body),
        request_id=request_id,
        project=project,
    )


ROUTES = (list_dead_letters,)

"""Dead letters: records that could not be read or stored, and spans that a door refused. They are kept, counted, and
never in the way of others; each can be opened, mended, sent again, or dropped."""

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from litestar.params import FromPath, JSONBody

from trimtab.core.errors import InvalidRequest, Unavailable
from trimtab.server.auditing import Deed, noted
from trimtab.server.bodies.cost import DeadLetterContent, DeadLetterPage, DeadLetterReplay, DeadLetterView
from trimtab.server.dependencies import Dependencies
from trimtab.server.housing import SPOOL
from trimtab.server.routes import CallerNow, Cursor, Deps, Limit, Operation, read_cursor, route, write_cursor
from trimtab.telemetry.letters import Letter, again, drop, kind_of, open_letter
from trimtab.telemetry.spool.drain import Rejected, dead_letters

TAG = "system"
T = TypeVar("T")


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
    spool = _spool(deps)
    try:
        found = await asyncio.to_thread(dead_letters, spool, int(after) if after else None, limit + 1)
    except sqlite3.Error as error:
        raise Unavailable(f"The dead letters cannot be read now: {error}.", fix="Try again in a moment.") from error
    more = write_cursor(str(found[limit - 1][0])) if len(found) > limit else None
    return DeadLetterPage(items=[_view(number, letter) for number, letter in found[:limit]], cursor=more)


@route(
    "GET",
    "/api/v1/system/dead-letters/{letter:int}",
    "system:read",
    Operation(id="showDeadLetter", summary="What a dead letter held", tag=TAG, errors=(404,), needs_content=True),
)
async def show_dead_letter(deps: Deps, letter: FromPath[int]) -> DeadLetterContent:
    """With content: what a client sent, prompts and answers included."""
    found = await _with_file(_opening(deps), _spool(deps), letter)
    return DeadLetterContent(letter=_view(letter, found.rejected), content=found.content, wire=found.wire)


@route(
    "POST",
    "/api/v1/system/dead-letters/{letter:int}/replay",
    "system:write",
    Operation(
        id="replayDeadLetter",
        summary="Send a dead letter again, mended or as it is",
        tag=TAG,
        errors=(404, 429),
        status=204,
        max_body=4 << 20,
    ),
)
async def replay_dead_letter(
    deps: Deps, caller: CallerNow, letter: FromPath[int], data: JSONBody[DeadLetterReplay]
) -> None:
    """The letter is gone once what stands for it is durable; what cannot be stored this time is a new letter."""
    intake = deps.intake
    if intake is None:
        raise Unavailable("This server takes no records.", fix="Ask the one that does.")
    found = await _with_file(_opening(deps), _spool(deps), letter)
    known = deps.snapshots.current.access.projects.values()
    kept = all(each.capture_content for each in known if each.id == found.project)
    body = await asyncio.to_thread(again, found, data.content, deps.clock.now_ns(), kept=kept)
    await noted(deps, caller, Deed(project=None, action="dead_letter.replayed", subject=f"dead_letter:{letter}"))
    await intake.keep_bodies([body])
    await _with_file(drop, _spool(deps), letter)


@route(
    "DELETE",
    "/api/v1/system/dead-letters/{letter:int}",
    "system:write",
    Operation(id="dropDeadLetter", summary="Drop a dead letter for good", tag=TAG, errors=(404,), status=204),
)
async def drop_dead_letter(deps: Deps, caller: CallerNow, letter: FromPath[int]) -> None:
    await _with_file(open_letter, _spool(deps), letter)
    await noted(deps, caller, Deed(project=None, action="dead_letter.dropped", subject=f"dead_letter:{letter}"))
    await _with_file(drop, _spool(deps), letter)


def _opening(deps: Dependencies) -> Callable[[Path, int], Letter]:
    return lambda spool, letter: open_letter(spool, letter, deps.keys().open_record)


def _spool(deps: Dependencies) -> Path:
    return deps.settings.data_dir.absolute() / SPOOL


async def _with_file(work: Callable[[Path, int], T], spool: Path, letter: int) -> T:
    try:
        return await asyncio.to_thread(work, spool, letter)
    except sqlite3.Error as error:
        raise Unavailable(f"The dead letters cannot be read now: {error}.", fix="Try again in a moment.") from error


def _view(number: int, letter: Rejected) -> DeadLetterView:
    kind, record = kind_of(letter.body) if letter.body else ("unreadable", None)
    return DeadLetterView(
        id=number,
        kind=kind,
        segment=letter.segment,
        seq=letter.seq,
        at=letter.at_ms,
        reason=letter.reason,
        bytes=len(letter.body),
        request_id=getattr(record, "request_id", ""),
        project=getattr(record, "project", ""),
    )


ROUTES = (list_dead_letters, show_dead_letter, replay_dead_letter, drop_dead_letter)

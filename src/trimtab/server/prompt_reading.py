"""Prompts out of the catalog, with what they include, for whoever renders or freezes them. What a template costs is
spent in a thread, never on the event loop; Jinja2 is imported with the first prompt."""

import asyncio
import contextvars
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from sqlalchemy import Connection

from trimtab.core.errors import NotFound
from trimtab.governance.access import Project
from trimtab.prompts import store
from trimtab.prompts.store import Stored
from trimtab.prompts.types import Bundle, PromptError, Reference, Source
from trimtab.server.dependencies import Dependencies

P = ParamSpec("P")
R = TypeVar("R")


async def aside(deps: Dependencies, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """In a thread, few at a time: whoever may render could else take all threads and processors from the calls. A
    thread cannot be stopped: whoever leaves meanwhile makes no room for another beside it."""
    return await in_thread(deps.templates_at_once, work, *args, **kwargs)


async def in_thread(few: asyncio.Semaphore, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """As `aside`, as many at a time as that semaphore has room for."""
    await few.acquire()
    try:
        made = contextvars.copy_context()
        running = asyncio.get_running_loop().run_in_executor(None, lambda: made.run(work, *args, **kwargs))
    except BaseException:
        few.release()
        raise
    running.add_done_callback(lambda done: _ended(done, few))
    return await asyncio.shield(running)


def _ended(work: asyncio.Future[Any], few: asyncio.Semaphore) -> None:
    few.release()
    if not work.cancelled():
        work.exception()  # seen: whoever waited may be gone


async def stored(deps: Dependencies, tenant: Project, name: str, ref: str) -> Stored:
    """By number, label or `LATEST`. Raises `NotFound`."""
    return await deps.db.read(lambda conn: store.find(conn, tenant.id, name, ref))


def source_of(found: Stored) -> Source:
    return Source(name=found.row.name, version=found.row.version, hash=found.row.hash, content=found.content)


Ahead = Callable[[Reference], Source | None]
"""What a reference will mean before the catalog is asked; None where the catalog knows."""


async def bundle_of(deps: Dependencies, tenant: Project, prompt: Source, ahead: Ahead | None = None) -> Bundle:
    """The prompt with all that it includes: read from the catalog level by level, so that no template is parsed while
    a connection is held. Raises `PromptError`."""
    from trimtab.prompts import check

    known: dict[str, Source] = {}
    waiting: list[Source] = [prompt]
    while waiting and len(known) <= check.MAX_INCLUDED:
        wanted = [each for one in waiting for each in await aside(deps, check.check, one.content)]
        fresh = {str(each): each for each in wanted if str(each) not in known}
        found = {} if ahead is None else {key: one for key, each in fresh.items() if (one := ahead(each)) is not None}
        there = {key: each for key, each in fresh.items() if key not in found}
        if there:
            found |= await deps.db.read(lambda conn, there=there: _included(conn, tenant, there))
        known |= found
        waiting = list(found.values())

    def resolve(reference: Reference) -> Source:
        included = known.get(str(reference))
        if included is None:  # we stopped looking
            raise PromptError(f"More than {check.MAX_INCLUDED} prompts are included.", fix="Include less.")
        return included

    return await aside(deps, check.gather, prompt, resolve)


def _included(conn: Connection, tenant: Project, wanted: dict[str, Reference]) -> dict[str, Source]:
    return {key: source_of(_one_included(conn, tenant, each)) for key, each in wanted.items()}


def _one_included(conn: Connection, tenant: Project, wanted: Reference) -> Stored:
    try:
        return store.find(conn, tenant.id, wanted.name, wanted.ref)
    except NotFound as error:
        raise PromptError(
            f"What is included as {str(wanted)!r} is not there. {error.message}",
            fix="Make it first, or correct the include.",
            code="prompt_include",
        ) from error

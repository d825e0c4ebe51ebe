"""Langfuse's public API, as far as its clients need it to send: https://api.reference.langfuse.com

    POST /api/public/ingestion          batches of events (SDKs up to v2, and scores of v3): 207, errors per event
    POST /api/public/otel/v1/traces     OTLP (SDKs from v3 on), answered by `server/doors/otlp.py`
    POST /api/public/scores             one score, or a list (SDKs from v5 on)
    GET  /api/public/projects           ``auth_check``
    GET  /api/public/health

The key is one of ours, in either half of ``Basic public:secret``. Prompts, datasets and reading are not offered: those
answer 501 and say so.
"""

import asyncio
from contextlib import AsyncExitStack
from typing import Any, Final, cast

from trimtab import __version__
from trimtab.core.errors import InvalidRequest, TrimtabError
from trimtab.core.ids import new_id
from trimtab.governance.access import Principal, Project
from trimtab.server import problems
from trimtab.server.dependencies import Dependencies
from trimtab.server.doors.events import Batch
from trimtab.server.doors.langfuse_events import read_batch, read_score
from trimtab.server.doors.otlp import Left, OtlpDoor
from trimtab.server.doors.taking import NotOffered, Taking, answer, as_json
from trimtab.telemetry.spool.intake import Intake

PREFIX: Final = "/api/public/"
COMPATIBLE: Final = "3.0.0"
"""The Langfuse version whose ingestion this is; clients look at the first number."""
MOST: Final = 20_000
"""Events or scores of one body: each is answered by itself. Langfuse's clients send some hundred."""


class LangfuseDoor:
    """An ASGI app for paths below `PREFIX`."""

    def __init__(self, deps: Dependencies, otlp: OtlpDoor, intake: Intake) -> None:
        self._deps = deps
        self._otlp = otlp
        self._taking = Taking(deps, otlp, intake, "nothing: Langfuse's clients send at most 3 MB")

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        request_id = new_id("req")
        try:
            async with AsyncExitStack() as answered:
                status, body = await self._serve(scope, receive, answered)
            more = dict[str, str]()
        except TrimtabError as error:
            status, body = error.status, {"message": error.sentence(), "error": error.code}
            more = problems.headers_of(error, request_id)
        except Left:
            return
        await answer(send, status, body, {**more, "x-request-id": request_id})

    async def _serve(self, scope: Any, receive: Any, answered: AsyncExitStack) -> tuple[int, Any]:
        headers = dict[bytes, bytes](scope["headers"])
        which = (scope["method"], scope["path"].removeprefix(PREFIX).strip("/"))
        if which == ("GET", "health"):
            return 200, {"status": "OK", "version": COMPATIBLE, "server": f"trimtab {__version__}"}
        principal, project = await self._otlp.caller(headers.get)
        match which:
            case ("GET", "projects"):
                return 200, {"data": [_project(project)]}
            case ("POST", "ingestion"):
                return await self._ingest(principal, project, await self._json(receive, headers, answered))
            case ("POST", "scores"):
                return await self._scores(principal, project, await self._json(receive, headers, answered))
            case _:
                raise NotOffered(
                    f"Trimtab does not offer {which[0][:10]} {PREFIX}{which[1][:80]}.",
                    fix="It takes Langfuse's traces, observations and scores; prompts, datasets and reading are not "
                    "part of it. Traces are read at /api/v1/projects/{project}/traces.",
                )

    async def _ingest(self, principal: Principal, project: Project, body: Any) -> tuple[int, Any]:
        """Answered when every event that is good is on the disk."""
        events: Any = cast("dict[str, Any]", body).get("batch") if isinstance(body, dict) else None
        if not isinstance(events, list):
            raise InvalidRequest("The body has no list 'batch'.", fix='Send {"batch": [...]}.', param="batch")
        _require_few(cast("list[Any]", events), "events")
        now_ns = self._deps.clock.now_ns()
        found = await asyncio.to_thread(read_batch, cast("list[Any]", events), now_ns, principal.key_id)
        await self._taking.keep(principal, project, now_ns, found.spans, found.unread)
        if found.scores:
            await self._deps.scores.write(project.id, found.scores)
        successes = [{"id": one, "status": 201} for one in found.taken]
        errors = [{"id": one, "status": 400, "message": why, "error": "InvalidRequest"} for one, why in found.refused]
        return 207, {"successes": successes, "errors": errors}

    async def _json(self, receive: Any, headers: dict[bytes, bytes], answered: AsyncExitStack) -> Any:
        return await self._taking.body(receive, headers, answered, as_json)

    async def _scores(self, principal: Principal, project: Project, body: Any) -> tuple[int, Any]:
        """A list is answered as Langfuse does: 202, or 207 with what was wrong; one score by its id, or as wrong."""
        now_ns = self._deps.clock.now_ns()
        if not isinstance(body, list):
            score = read_score(body, now_ns, principal.key_id)
            await self._deps.scores.write(project.id, [score])
            return 200, {"id": score.id}
        _require_few(cast("list[Any]", body), "scores")
        found, wrong = Batch(), list[dict[str, str]]()
        for one in cast("list[Any]", body):
            try:
                found.scores.append(read_score(one, now_ns, principal.key_id))
            except InvalidRequest as error:
                wrong.append({"message": error.sentence()})
        if found.scores:
            await self._deps.scores.write(project.id, found.scores)
        if not wrong:
            return 202, {"message": "Accepted"}
        return 207, {"accepted": len(found.scores), "rejected": len(wrong), "errors": wrong}


def _project(project: Project) -> dict[str, Any]:
    organization = {"id": "trimtab", "name": "Trimtab"}
    return {"id": project.id, "name": project.slug, "organization": organization, "metadata": {}}


def _require_few(events: list[Any], what: str) -> None:
    if len(events) > MOST:
        raise InvalidRequest(
            f"The body has {len(events)} {what}; {MOST} are taken at once.", fix="Send smaller batches."
        )

"""Review queues: what they ask and what sends answers to them; and what people's work there adds up to."""

import asyncio
from typing import Annotated, Any, Final

from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from msgspec import Meta
from sqlalchemy import Connection

from trimtab.core.errors import InvalidRequest
from trimtab.review import agreeing, figures, queues
from trimtab.review.agreeing import Agreement
from trimtab.review.figures import OverrideGroup, Overrides
from trimtab.review.queues import Put
from trimtab.review.types import Queue
from trimtab.server.acting import moment
from trimtab.server.actors import actor_of
from trimtab.server.bodies.review import PutQueue, QueuePage, QueueView
from trimtab.server.dependencies import Dependencies
from trimtab.server.routes import CallerNow, Cursor, Deps, Limit, Operation, Seen, Tenant, cut, route

TAG = "review"
AT = "/api/v1/projects/{project:str}/review"
_LAST: Final = 2**53
_DAYS_30: Final = 30 * 86_400_000
Time = Annotated[
    Annotated[int, Meta(ge=0, le=_LAST, description="Unix milliseconds.")] | None, QueryParameter(ge=0, le=_LAST)
]


def window(deps: Dependencies, start: int | None, end: int | None) -> tuple[int, int]:
    """The last 30 days where nothing is said. Raises `InvalidRequest`."""
    until = deps.now() + 1 if end is None else end
    since = max(0, until - _DAYS_30) if start is None else start
    if until < since:
        raise InvalidRequest("The window ends before it starts.", fix="Let start be less than end.", param="end")
    return since, until


def view(conn: Connection, found: Queue, now: int) -> QueueView:
    return QueueView(
        name=found.name,
        spec=found.spec,
        standing=queues.standing(conn, found.project_id, found.name, now),
        revision=found.revision,
        archived=found.archived,
        created=found.created,
        updated=found.updated,
    )


@route(
    "GET",
    AT + "/queues",
    "review:read",
    Operation(id="listReviewQueues", summary="Queues and what waits in them", tag=TAG, errors=(404,)),
)
async def list_queues(
    deps: Deps, tenant: Tenant, archived: FromQuery[bool] = False, cursor: Cursor = None, limit: Limit = 100
) -> QueuePage:
    def read(conn: Connection) -> QueuePage:
        found = {each.name: each for each in queues.queues(conn, tenant.id, archived=archived)}
        names, following = cut(sorted(found), cursor, limit)
        now = moment(conn, deps)
        return QueuePage(items=[view(conn, found[name], now) for name in names], cursor=following)

    return await deps.db.read(read)


@route(
    "GET",
    AT + "/queues/{queue:str}",
    "review:read",
    Operation(id="getReviewQueue", summary="A queue", tag=TAG, errors=(404,)),
)
async def get_queue(deps: Deps, tenant: Tenant, queue: FromPath[str]) -> QueueView:
    return await deps.db.read(lambda conn: view(conn, queues.queue(conn, tenant.id, queue), moment(conn, deps)))


@route(
    "PUT",
    AT + "/queues/{queue:str}",
    "review:manage",
    Operation(id="putReviewQueue", summary="Make or change a queue", tag=TAG, errors=(404, 409)),
)
async def put_queue(
    deps: Deps, caller: CallerNow, tenant: Tenant, queue: FromPath[str], data: JSONBody[PutQueue]
) -> QueueView:
    """Whole. Rules send what comes from now on; a rule that stays keeps its place."""

    def write(conn: Connection) -> QueueView:
        now = moment(conn, deps)
        wanted = Put(
            project_id=tenant.id,
            name=queue,
            spec=data.spec,
            actor=actor_of(conn, caller),
            now=now,
            expected=data.expected_revision,
        )
        return view(conn, queues.put(conn, wanted)[0], now)

    made = await deps.db.write(write)
    await deps.snapshots.changed()
    return made


@route(
    "DELETE",
    AT + "/queues/{queue:str}",
    "review:manage",
    Operation(id="archiveReviewQueue", summary="Send nothing more to a queue", tag=TAG, errors=(404, 409)),
)
async def archive_queue(
    deps: Deps, caller: CallerNow, tenant: Tenant, queue: FromPath[str], expected_revision: Seen = None
) -> QueueView:
    """What waits there may still be worked off; to put it again brings it back."""

    def write(conn: Connection) -> QueueView:
        now = moment(conn, deps)
        actor = actor_of(conn, caller)
        return view(conn, queues.archive(conn, tenant.id, queue, actor, now, expected=expected_revision), now)

    made = await deps.db.write(write)
    await deps.snapshots.changed()
    return made


@route(
    "GET",
    AT + "/overrides",
    "review:read",
    Operation(id="listOverrides", summary="How often people change answers", tag=TAG, errors=(404,)),
)
async def list_overrides(
    deps: Deps,
    tenant: Tenant,
    group_by: FromQuery[OverrideGroup] = "app",
    queue: FromQuery[str] = "",
    start: Time = None,
    end: Time = None,
) -> Overrides:
    """Of items that were decided within the window. Only ``audited``, which random rules sent, is a rate of all
    answers: other rules send the doubtful."""
    since, until = window(deps, start, end)
    return await deps.db.read(
        lambda conn: figures.overrides(conn, tenant.id, group_by, start=since, end=until, queue=queue)
    )


@route(
    "GET",
    AT + "/agreement",
    "review:read",
    Operation(id="getReviewAgreement", summary="How far reviewers agree", tag=TAG, errors=(404,)),
)
async def get_agreement(
    deps: Deps, tenant: Tenant, queue: FromQuery[str], start: Time = None, end: Time = None
) -> Agreement:
    """Of items of the queue that at least two judged within the window: Cohen's kappa and Krippendorff's alpha, by
    criterion, with intervals."""
    since, until = window(deps, start, end)

    def read(conn: Connection) -> tuple[Queue, dict[str, list[dict[str, Any]]]]:
        found = queues.queue(conn, tenant.id, queue)
        return found, figures.opinions(conn, found, start=since, end=until)

    found, said = await deps.db.read(read)
    return await asyncio.to_thread(agreeing.agreement, found, said, since, until)


ROUTES = (list_queues, get_queue, put_queue, archive_queue, list_overrides, get_agreement)

"""Scores: judgements of traces, spans and sessions, written durably and listed."""

from typing import Annotated, Final

from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter, SkipValidation
from msgspec import Meta
from msgspec.structs import replace

from trimtab.core.errors import InvalidRequest
from trimtab.governance.permissions import holds_in
from trimtab.server.bodies.score import MOST, NewScore, NewScores, Scored, ScorePage
from trimtab.server.reading import content_read
from trimtab.server.routes import CallerNow, Cursor, Deps, Limit, Operation, Tenant, read_cursor, route, write_cursor
from trimtab.telemetry.score_book import Wanted
from trimtab.telemetry.scores.types import OURS, Score, Target, check, id_for, new_score_id, told_by_program
from trimtab.telemetry.views import Window

TAG = "scores"
PEOPLE: Final = "review:write"
"""The permission of those who judge answers as people; an application's key never holds it."""
_LAST = 2**53
Time = Annotated[
    Annotated[int, Meta(ge=0, le=_LAST, description="Unix milliseconds; unbounded if left out.")] | None,
    QueryParameter(ge=0, le=_LAST),
]
_ABOUT = (
    "A search, e.g. `name:helpful value:<0.5 source:human`; keys are name, value, label, source, target, trace, span, "
)
Query = Annotated[
    str,
    Meta(description=f"{_ABOUT}span, session, evaluator, author and id.", max_length=2000),
    QueryParameter(max_length=2000),
]


@route(
    "POST",
    "/api/v1/projects/{project:str}/scores",
    "score:write",
    Operation(id="createScores", summary="Write one score or many", tag=TAG, errors=(404, 413), status=201),
)
async def create_scores(deps: Deps, tenant: Tenant, caller: CallerNow, data: JSONBody[NewScores]) -> Scored:
    """Durable when this answers; to be seen in the store within about a second. Only keys of people (those that may
    review) write as `human`: from others it is written as `user`, and `as_user` names those."""
    many = data if isinstance(data, list) else [data]
    if not 1 <= len(many) <= MOST:  # Litestar does not look at the bounds of a list within a union
        raise InvalidRequest(f"1 to {MOST} scores are written at once.", fix="Send them in several requests.")
    now = deps.clock.now_ns()
    author = caller.principal.key_id
    scores = [_score(tenant.id, one, author, now, place if many is data else None) for place, one in enumerate(many)]
    person = holds_in(caller.principal, PEOPLE, tenant)
    kept = scores if person else [replace(score, source=told_by_program(score.source)) for score in scores]
    await deps.scores.write(tenant.id, kept, person=person)
    turned = [one.id for one, before in zip(kept, scores, strict=True) if one.source != before.source]
    return Scored(ids=[score.id for score in scores], as_user=turned)


def _wanted(q: Query = "", start: Time = None, end: Time = None, invalid: FromQuery[bool] = False) -> Wanted:
    return Wanted(q=q, window=Window(start=start or 0, end=_LAST if end is None else end), invalid=invalid)


@route(
    "GET",
    "/api/v1/projects/{project:str}/scores",
    "score:read",
    Operation(id="listScores", summary="Scores, newest first", tag=TAG, errors=(404,)),
    {"wanted": _wanted},
)
async def list_scores(
    deps: Deps,
    caller: CallerNow,
    tenant: Tenant,
    wanted: NamedDependency[SkipValidation[Wanted]],
    cursor: Cursor = None,
    limit: Limit = 100,
) -> ScorePage:
    """By when the judgement was made. ``invalid`` shows those too that were taken back or superseded."""
    items, following = await deps.scores.page(tenant.id, wanted, _place(cursor), limit)
    if any(each.explanation for each in items):
        await content_read(deps, caller, tenant, "scores")
    return ScorePage(items=items, cursor=write_cursor(f"{following[0]}.{following[1]}") if following else None)


@route(
    "DELETE",
    "/api/v1/projects/{project:str}/scores/{score_id:str}",
    "score:write",
    Operation(id="invalidateScore", summary="Take a score back", tag=TAG, errors=(404,), status=204),
)
async def invalidate_score(deps: Deps, tenant: Tenant, caller: CallerNow, score_id: FromPath[str]) -> None:
    """It stays on record as no longer valid, and counts nowhere. What people or this server said is taken back by
    people only (those that may review)."""
    person = holds_in(caller.principal, PEOPLE, tenant)
    await deps.scores.invalidate(tenant.id, score_id, deps.clock.now_ns(), person=person)


def _check_evaluator(name: str) -> None:
    if name.startswith(OURS):
        raise InvalidRequest(
            f"The evaluator {name[:80]!r} is this server's own: only verdicts of review, judges and detectors write in "
            "such a name.",
            fix="Give your evaluator a name of its own; people judge in a review queue (docs/review.md).",
            param="evaluator",
        )


def _score(project: str, new: NewScore, author: str, now_ns: int, place: int | None) -> Score:
    """Raises `InvalidRequest`, which says which of many is wrong."""
    said = isinstance(new.value, bool)
    try:
        _check_evaluator(new.evaluator)
        return check(
            Score(
                id=new.id or (id_for(project, new.idempotency_key) if new.idempotency_key else new_score_id()),
                target=new.target or _target(new),
                trace_id=new.trace_id.lower(),
                span_id=new.span_id.lower(),
                session=new.session,
                name=new.name,
                value=None if new.value is None else float(new.value),
                label=new.label or (str(new.value).lower() if said else ""),
                explanation=new.explanation,
                source=new.source,
                evaluator=new.evaluator,
                evaluator_version=new.evaluator_version,
                author=new.author or author,
                at_ns=now_ns if new.at is None else new.at * 1_000_000,
                key=new.idempotency_key,
                supersedes=new.supersedes,
                version=now_ns + (place or 0),  # of two with one key in a body the later holds
            )
        )
    except InvalidRequest as error:
        if place is None:
            raise
        raise InvalidRequest(error.message, fix=error.fix, param=f"[{place}].{error.param}") from error


def _target(new: NewScore) -> Target:
    if new.span_id:
        return "span"
    return "trace" if new.trace_id or not new.session else "session"


def _place(cursor: str | None) -> tuple[int, str] | None:
    text = read_cursor(cursor)
    if not text:
        return None
    at, dot, score_id = text.partition(".")
    if not dot or not at.isdecimal() or len(at) > 19:
        raise InvalidRequest("This cursor was not made here.", fix="Take it from the page before.", param="cursor")
    return min(int(at), (1 << 63) - 1), score_id


ROUTES = (create_scores, list_scores, invalidate_score)

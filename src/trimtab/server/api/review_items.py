"""Review items: sent, claimed, judged, and made into cases."""

from typing import Annotated, Any, Final

from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter, SkipValidation
from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import Connection

from trimtab.core.errors import Conflict, Forbidden, InvalidRequest, TrimtabError
from trimtab.evaluation import cases, dataset_writes
from trimtab.evaluation.cases import Author, NewCase, NewProvenance
from trimtab.evaluation.dataset_writes import Writing
from trimtab.governance import audit
from trimtab.governance.permissions import holds_in
from trimtab.review import figures, items, queues, verdicts
from trimtab.review.items import Change, NewItem, Wanted
from trimtab.review.types import Item, Queue, State, Verdict
from trimtab.review.verdicts import Given
from trimtab.server.acting import moment
from trimtab.server.actors import actor_of
from trimtab.server.bodies.review import (
    CaseMade,
    ChangeItem,
    ItemPage,
    ItemView,
    NewVerdict,
    NextItem,
    SendToReview,
    Sent,
    TakeNext,
    ToCase,
    VerdictView,
)
from trimtab.server.dependencies import Dependencies
from trimtab.server.duties.reviewing import logger, score_verdict
from trimtab.server.reading import content_read
from trimtab.server.review_subjects import answer_of, new_item, subject_of
from trimtab.server.routes import CallerNow, Cursor, Deps, Limit, Operation, Tenant, read_cursor, route, write_cursor

TAG = "review"
AT = "/api/v1/projects/{project:str}/review"
ONE = AT + "/items/{item:str}"
# Litestar keeps the argument's name ``state`` for itself.
Only = Annotated[State | None, QueryParameter(name="state")]
_MADE: Final = ("why", "subject", "outcome", "verdicts", "mine", "blind")
_OWN: Final = [name for name in ItemView.__struct_fields__ if name not in _MADE]


def view(conn: Connection, found: Item, caller: str, *, hides: bool | None = None) -> ItemView:
    """As the caller may see it. ``hides``: whether the queue keeps scores from who has not spoken, where known."""
    if hides is None:
        hides = queues.queue(conn, found.project_id, found.queue).spec.hide_scores
    return _shown(found, verdicts.verdicts(conn, found.id), caller, hides=hides)


def _shown(found: Item, said: list[Verdict], caller: str, *, hides: bool) -> ItemView:
    blind = figures.is_blind(found, caller, [each.reviewer for each in said])
    subject = replace(found.subject, scores=()) if blind and hides else found.subject
    own: dict[str, Any] = {name: getattr(found, name) for name in _OWN}
    return ItemView(
        **own,
        why=list(found.why),
        subject=subject,
        outcome=found.outcome,
        verdicts=[] if blind else [_said(each) for each in said],
        mine=next((_said(each) for each in said if each.reviewer == caller), None),
        blind=blind,
    )


def _said(verdict: Verdict) -> VerdictView:
    return VerdictView(**{name: getattr(verdict, name) for name in VerdictView.__struct_fields__})


class _Sought(Struct, frozen=True):
    """What a list asks for; ``free``: what the caller could claim now."""

    wanted: Wanted
    free: bool


def _sought(
    queue: FromQuery[str] = "",
    only: Only = None,
    app: FromQuery[str] = "",
    trace_id: FromQuery[str] = "",
    assignee: FromQuery[str] = "",
    free: FromQuery[bool] = False,
    overdue: FromQuery[bool] = False,
) -> _Sought:
    if any("\0" in text for text in (queue, app, trace_id, assignee)):
        raise InvalidRequest("A filter cannot hold a NUL.", fix="Correct it.", param="queue")
    wanted = Wanted(queue=queue, state=only, app=app, trace_id=trace_id, assignee=assignee, overdue=overdue)
    return _Sought(wanted, free)


@route(
    "GET",
    AT + "/items",
    "review:read",
    Operation(id="listReviewItems", summary="Items, newest first", tag=TAG, errors=(404,)),
    gathered={"sought": _sought},
)
async def list_items(
    deps: Deps,
    caller: CallerNow,
    tenant: Tenant,
    sought: NamedDependency[SkipValidation[_Sought]],
    cursor: Cursor = None,
    limit: Limit = 50,
) -> ItemPage:
    """``free``: those that the caller could claim now; ``assignee`` is a key's id, or ``me``."""
    me, wanted = caller.principal.key_id, sought.wanted
    if wanted.assignee == "me":
        wanted = replace(wanted, assignee=me)
    if sought.free:
        wanted = replace(wanted, free_for=me)
    after = read_cursor(cursor)

    def read(conn: Connection) -> ItemPage:
        found = items.listed(conn, tenant.id, wanted, moment(conn, deps), after=after, limit=limit + 1)
        hides = {each.name: each.spec.hide_scores for each in queues.queues(conn, tenant.id, archived=True)}
        said = verdicts.of_items(conn, [each.id for each in found[:limit]])
        page = [_shown(each, said.get(each.id, []), me, hides=hides.get(each.queue, True)) for each in found[:limit]]
        return ItemPage(items=page, cursor=write_cursor(found[limit - 1].id) if len(found) > limit else None)

    made = await deps.db.read(read)
    await content_read(deps, caller, tenant, "reviews")
    return made


@route("GET", ONE, "review:read", Operation(id="getReviewItem", summary="An item", tag=TAG, errors=(404,)))
async def get_item(deps: Deps, caller: CallerNow, tenant: Tenant, item: FromPath[str]) -> ItemView:
    """Verdicts of others are not in it while it is open and the caller has not given theirs."""
    me = caller.principal.key_id
    made = await deps.db.read(lambda conn: view(conn, items.item(conn, tenant.id, item), me))
    await content_read(deps, caller, tenant, f"review_item:{made.id}")
    return made


@route(
    "POST",
    AT + "/items",
    "review:write",
    Operation(id="sendToReview", summary="Send traces to a queue", tag=TAG, status=201, errors=(404,)),
)
async def send_to_review(deps: Deps, caller: CallerNow, tenant: Tenant, data: JSONBody[SendToReview]) -> Sent:
    """By hand; what rules do by themselves."""
    queue = await deps.db.read(lambda conn: queues.queue(conn, tenant.id, data.queue))
    sent, known, missing = list[str](), list[str](), list[str]()
    for trace_id in dict.fromkeys(each.lower() for each in data.trace_ids):
        found = await deps.reader.trace(tenant.id, trace_id)
        row = None if found is None else answer_of(found)
        if found is None or row is None:
            missing.append(trace_id)
            continue
        subject = await subject_of(deps.reader, tenant.id, found, row)
        new = new_item(row, subject, data.reason, data.priority)

        def write(conn: Connection, new: NewItem = new, trace_id: str = trace_id) -> Item | None:
            now = moment(conn, deps)
            made = items.send(conn, queue, new, now)
            if made is not None:
                detail = {"queue": queue.name, "trace_id": trace_id, "reason": data.reason}
                actor, subject = actor_of(conn, caller), f"review_item:{made.id}"
                audit.append(conn, tenant.id, actor, "review_item.sent", subject, now=now, detail=detail)
            return made

        made = await deps.db.write(write)
        if made is None:
            known.append(trace_id)
        else:
            sent.append(made.id)
    return Sent(items=sent, known=known, missing=missing)


@route(
    "POST",
    AT + "/next",
    "review:write",
    Operation(id="takeNextItem", summary="Claim what is most urgent", tag=TAG, errors=(404,)),
)
async def take_next(deps: Deps, caller: CallerNow, tenant: Tenant, data: JSONBody[TakeNext]) -> NextItem:
    """Theirs until the queue's lease is over. Asked again before, the same item."""
    me = caller.principal.key_id

    def write(conn: Connection) -> NextItem:
        queue = queues.queue(conn, tenant.id, data.queue)
        found = items.next_for(conn, queue, me, moment(conn, deps))
        return NextItem(item=None if found is None else view(conn, found, me, hides=queue.spec.hide_scores))

    made = await deps.db.write(write)
    if made.item is not None:
        await content_read(deps, caller, tenant, f"review_item:{made.item.id}")
    return made


@route(
    "POST",
    ONE + "/claim",
    "review:write",
    Operation(id="claimReviewItem", summary="Keep others off it", tag=TAG, errors=(404, 409)),
)
async def claim_item(deps: Deps, caller: CallerNow, tenant: Tenant, item: FromPath[str]) -> ItemView:
    """For the queue's lease; claimed again it begins anew."""
    me = caller.principal.key_id

    def write(conn: Connection) -> ItemView:
        found = items.item(conn, tenant.id, item)
        queue = queues.queue(conn, tenant.id, found.queue)
        return view(conn, items.claim(conn, queue, found, me, moment(conn, deps)), me)

    made = await deps.db.write(write)
    await content_read(deps, caller, tenant, f"review_item:{made.id}")
    return made


@route(
    "POST",
    ONE + "/release",
    "review:write",
    Operation(id="releaseReviewItem", summary="Give a claim back", tag=TAG, errors=(404,)),
)
async def release_item(deps: Deps, caller: CallerNow, tenant: Tenant, item: FromPath[str]) -> ItemView:
    me = caller.principal.key_id
    return await deps.db.write(lambda conn: view(conn, items.release(conn, items.item(conn, tenant.id, item), me), me))


@route(
    "POST",
    ONE + "/assign",
    "review:write",
    Operation(id="assignReviewItem", summary="Assign it, ask for more opinions, drop it", tag=TAG, errors=(404, 409)),
)
async def assign_item(
    deps: Deps, caller: CallerNow, tenant: Tenant, item: FromPath[str], data: JSONBody[ChangeItem]
) -> ItemView:
    """An item that is assigned can be claimed by that key alone. By who works the queue, or runs it."""
    wanted = Change(assignee=data.assignee, needed=data.needed, priority=data.priority, drop=data.drop)

    def write(conn: Connection) -> ItemView:
        found = items.item(conn, tenant.id, item)
        if not holds_in(caller.principal, "review:manage", tenant):
            items.may_work(queues.queue(conn, tenant.id, found.queue), caller.principal.key_id)
        made = items.change(conn, found, wanted, actor_of(conn, caller), moment(conn, deps))
        return view(conn, made, caller.principal.key_id)

    return await deps.db.write(write)


@route(
    "POST",
    ONE + "/verdicts",
    "review:write",
    Operation(id="giveVerdict", summary="Approve, correct, reject or skip", tag=TAG, errors=(404, 409), status=201),
)
async def give_verdict(
    deps: Deps, caller: CallerNow, tenant: Tenant, item: FromPath[str], data: JSONBody[NewVerdict]
) -> ItemView:
    """It becomes scores of source ``human``; a held answer is released by it. Where two disagree, a third is asked."""
    me = caller.principal.key_id

    def write(conn: Connection) -> tuple[ItemView, Verdict]:
        now = moment(conn, deps)
        found = items.item(conn, tenant.id, item)
        queue = queues.queue(conn, tenant.id, found.queue)
        given = Given(
            item=found,
            actor=actor_of(conn, caller),
            decision=data.decision,
            answers=data.answers,
            correction=data.correction,
            note=data.note,
            seconds=data.seconds,
            second_opinion=data.second_opinion,
            now=now,
        )
        made, verdict = verdicts.give(conn, queue, given)
        return view(conn, made, me), verdict

    shown, verdict = await deps.db.write(write)
    await _score(deps, verdict)
    return shown


async def _score(deps: Dependencies, verdict: Verdict) -> None:
    """The verdict stands; what cannot be written of it now the leader writes later."""
    try:
        await score_verdict(deps.db, deps.scores, verdict, deps.clock.now_ns())
    except TrimtabError as error:
        logger.warning("the scores of a verdict on %s are written later: %s", verdict.item, error.message)


@route(
    "POST",
    ONE + "/to-case",
    "review:write",
    Operation(id="makeCaseOfItem", summary="Make a case of it", tag=TAG, errors=(404, 409), status=201),
)
async def make_case(
    deps: Deps, caller: CallerNow, tenant: Tenant, item: FromPath[str], data: JSONBody[ToCase]
) -> CaseMade:
    """With one call into a dataset that is there: the input as it was, and what people say a good answer is. Made again
    of the same item it is the same case. It needs `dataset:write`, or that the item's queue names the dataset."""
    writes_any = holds_in(caller.principal, "dataset:write", tenant)

    def write(conn: Connection) -> CaseMade:
        now = moment(conn, deps)
        found = items.item(conn, tenant.id, item)
        if not writes_any:
            _require_named(queues.queue(conn, tenant.id, found.queue), data.dataset)
        actor = actor_of(conn, caller)
        new = _case(found, data)
        case = cases.made(new, Author(id=actor.id, name=actor.name, at=now))
        message = data.message or f"From the review of {found.id}"
        writing = Writing(project_id=tenant.id, dataset=data.dataset, actor=actor, now=now, message=message)
        written = dataset_writes.write(conn, writing, put=[case])
        version = 0 if written.version is None else written.version.number
        return CaseMade(dataset=data.dataset, version=version, case_id=case.id, created=written.created)

    return await deps.db.write(write)


def _require_named(queue: Queue, dataset: str) -> None:
    if dataset not in queue.spec.datasets:
        named = ", ".join(queue.spec.datasets)
        raise Forbidden(
            f"Reviewers of {queue.name!r} put no cases into {dataset[:64]!r}"
            + (f", but into {named}." if named else ": the queue names no dataset."),
            fix="Let whoever manages the queue add it to its 'datasets', or use a key that may write datasets.",
            code="dataset_not_of_queue",
            param="dataset",
        )


def _case(found: Item, data: ToCase) -> NewCase:
    """Raises `Conflict` where nothing tells what a good answer is, `InvalidRequest` where nothing was asked."""
    subject, outcome = found.subject, found.outcome
    expected = data.expected
    if expected is None and outcome is not None and outcome.decision == "correct":
        expected = outcome.correction
    if expected is None and outcome is not None and outcome.decision == "approve":
        expected = subject.answer
    if expected is None and (outcome is None or outcome.decision != "reject"):
        raise Conflict(
            "Nobody has said yet what a good answer is.",
            fix="Correct or approve the answer first, or give 'expected'.",
            code="not_reviewed",
        )
    messages = list(subject.messages)
    if not messages and not subject.input:
        raise InvalidRequest("What was asked is not known: no content is kept.", fix="Write the case by hand.")
    return NewCase(
        id=f"review-{found.id.removeprefix('item_')}",
        input={"messages": messages} if len(messages) > 1 or not subject.input else subject.input,
        expected=expected,
        context=subject.sources or None,
        tags=tuple(data.tags),
        split=data.split,
        group=subject.session or subject.user,
        metadata={"app": found.app, "release": found.release, "queue": found.queue},
        provenance=NewProvenance(origin="review", source=found.trace_id or found.id, span_id=found.span_id),
    )


ROUTES = (
    list_items,
    get_item,
    send_to_review,
    take_next,
    claim_item,
    release_item,
    assign_item,
    give_verdict,
    make_case,
)

"""What users say of the answers they got: taken on the data plane, summed up for people."""

from typing import Annotated, Any

from litestar import Request
from litestar.params import FromQuery, JSONBody, QueryParameter
from msgspec import Meta

from trimtab.core.errors import InvalidRequest
from trimtab.server.bodies.feedback import MOST, Feedbacks, Taken
from trimtab.server.data_plane import project_asked
from trimtab.server.routes import CallerNow, Deps, Operation, Tenant, route
from trimtab.telemetry.feedback import Origin
from trimtab.telemetry.scores.feedback_summary import FeedbackGroup, FeedbackSummary
from trimtab.telemetry.views import Window

TAG = "feedback"
_LAST = 2**53
_DAYS_30 = 30 * 86_400_000
Time = Annotated[
    Annotated[int, Meta(ge=0, le=_LAST, description="Unix milliseconds.")] | None, QueryParameter(ge=0, le=_LAST)
]
Query = Annotated[
    str,
    Meta(description="Which answers: a search as of traces, e.g. `app:support release:r12`.", max_length=2000),
    QueryParameter(max_length=2000),
]


@route(
    "POST",
    "/v1/feedback",
    "feedback:write",
    Operation(id="giveFeedback", summary="Say what a user thinks of an answer", tag=TAG, status=201, errors=(404, 413)),
)
async def give_feedback(
    deps: Deps, caller: CallerNow, request: Request[Any, Any, Any], data: JSONBody[Feedbacks]
) -> Taken:
    """Durable when this answers; the answer it is of need not have reached the store. A key of the whole instance
    names the project in the header ``trimtab-project``."""
    many = data if isinstance(data, list) else [data]
    if not 1 <= len(many) <= MOST:  # Litestar does not look at the bounds of a list within a union
        raise InvalidRequest(f"1 to {MOST} are taken at once.", fix="Send them in several requests.")
    project = await project_asked(deps, caller.principal, request, "feedback:write")
    origin = Origin(project.id, caller.principal.key_id, deps.clock.now_ns())
    return Taken(ids=await deps.feedback.write(many, origin))


@route(
    "GET",
    "/api/v1/projects/{project:str}/feedback/summary",
    "score:read",
    Operation(id="summarizeFeedback", summary="What users think, and how many say", tag=TAG, errors=(404,)),
)
async def summarize_feedback(
    deps: Deps,
    tenant: Tenant,
    q: Query = "",
    start: Time = None,
    end: Time = None,
    group_by: FromQuery[FeedbackGroup] = "app",
) -> FeedbackSummary:
    """Of answers that began within the window, the last 30 days if left out: who answered, and what the mean of it is
    worth."""
    until = deps.now() if end is None else end
    window = Window(start=max(0, until - _DAYS_30) if start is None else start, end=until)
    if window.end < window.start:
        raise InvalidRequest("The window ends before it starts.", fix="Let start be less than end.", param="end")
    return await deps.feedback.summarize(tenant.id, q, window, group_by)


ROUTES = (give_feedback, summarize_feedback)

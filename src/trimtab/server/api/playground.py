"""The playground: several models asked side by side, as events of one stream; and what a span was asked, to ask it
again."""

from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any, Final, cast

import msgspec
from litestar import Response
from litestar.params import FromPath, JSONBody
from litestar.response import Stream

from trimtab.core.errors import InvalidRequest, NotFound, TrimtabError
from trimtab.governance.access import Project
from trimtab.prompts import canonical, file
from trimtab.prompts.types import PromptError, Source
from trimtab.server.bodies.playground import (
    PlaygroundAdds,
    PlaygroundBegin,
    PlaygroundContext,
    PlaygroundDelta,
    PlaygroundEnd,
    PlaygroundPrompt,
    PlaygroundRun,
)
from trimtab.server.dependencies import Dependencies
from trimtab.server.playground import Question, Told
from trimtab.server.prompt_reading import aside, bundle_of, source_of, stored
from trimtab.server.reading import content_read
from trimtab.server.routes import CallerNow, Deps, Operation, Tenant, route
from trimtab.server.span_context import NOT_ASKED_AGAIN, Context, context_of

TAG = "playground"
BASE = "/api/v1/projects/{project:str}/playground"
MAX_BODY: Final = 16 << 20
"""Bytes: messages may hold pictures."""
EVENTS: Final = {PlaygroundBegin: b"begin", PlaygroundDelta: b"delta", PlaygroundEnd: b"end"}


@route(
    "POST",
    BASE + "/runs",
    "model:call",
    Operation(
        id="runPlayground",
        summary="Ask several models side by side, as server-sent events",
        tag=TAG,
        errors=(404, 413),
        media_type="text/event-stream",
        max_body=MAX_BODY,
        events=(PlaygroundBegin, PlaygroundDelta, PlaygroundEnd),
    ),
)
async def run_playground(deps: Deps, tenant: Tenant, caller: CallerNow, data: JSONBody[PlaygroundRun]) -> Response[str]:
    """Each model's answer is a call as any other: with this key, its limits, a trace (feature ``playground``) and a
    cost. Events ``begin``, ``delta`` and ``end`` name it by ``run``, its place in ``models``. Closing the connection
    ends the calls that are under way."""
    questions = await _questions(deps, tenant, data)
    told = deps.play(tenant, caller.principal, questions)
    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    return cast("Response[str]", Stream(_events(told), media_type="text/event-stream", headers=headers))


async def _events(told: AsyncGenerator[Told | None]) -> AsyncIterator[bytes]:
    try:
        async for one in told:
            if one is None:
                yield b": still here\n\n"
            else:
                yield b"event: %s\ndata: %s\n\n" % (EVENTS[type(one)], msgspec.json.encode(one))
    finally:
        await told.aclose()


async def _questions(deps: Dependencies, tenant: Project, data: PlaygroundRun) -> list[Question]:
    """The body for each model. Raises `InvalidRequest` for what no model could be asked."""
    for name in NOT_ASKED_AGAIN:
        if name in data.parameters:
            raise InvalidRequest(f"{name!r} is no parameter here.", fix="Give it by itself.", param="parameters")
    if data.parameters.get("n", 1) != 1:
        raise InvalidRequest("Only one answer of each model is shown.", fix="Name the model twice.", param="n")
    messages, tools, schema, parameters = data.messages, data.tools, data.output_schema, data.parameters
    prompt = ""
    if data.prompt is not None:
        prompt, made = await _rendered(deps, tenant, data.prompt)
        messages = [*made.messages, *messages]
        tools = tools or made.tools
        schema = made.output_schema if schema is None else schema
        parameters = {**made.parameters, **parameters}
    body: dict[str, Any] = {**parameters, "messages": messages, "stream": True}
    body["stream_options"] = {"include_usage": True}
    if tools:
        body["tools"] = tools
    if schema is not None and "response_format" not in body:
        shape = {"name": "answer", "schema": schema, "strict": True}
        body["response_format"] = {"type": "json_schema", "json_schema": shape}
    if data.like and not _is_app(deps, tenant, data.like):
        raise InvalidRequest(f"{data.like[:80]!r} is no app's release.", fix="Write e.g. support@r12.", param="like")
    return [_question(deps, tenant, model, body, data, prompt) for model in data.models]


def _question(
    deps: Dependencies, tenant: Project, model: str, body: dict[str, Any], data: PlaygroundRun, prompt: str
) -> Question:
    """Variables go to apps alone, and to what is asked like one: a provider would refuse a field that it does not
    know."""
    app = _is_app(deps, tenant, model)
    like = "" if app else data.like
    more = {"variables": data.variables} if data.variables and (app or like) else {}
    return Question(model, msgspec.json.encode({"model": model, **body, **more}), like, prompt)


async def _rendered(deps: Dependencies, tenant: Project, wanted: PlaygroundPrompt) -> tuple[str, Any]:
    """Under which name it is recorded (``support@3``; ``@0`` for what is not saved), and what it says."""
    from trimtab.prompts.render import Compiled

    if wanted.file is None:
        source = source_of(await stored(deps, tenant, wanted.name, wanted.ref))
    else:
        read = await aside(deps, file.read, wanted.file, canonical.check_name(wanted.name))
        if read.name != wanted.name:
            raise PromptError(f"The file names the prompt {read.name!r}, not {wanted.name!r}.", fix="Use its name.")
        source = Source(name=read.name, version=0, hash=canonical.content_hash(read.content), content=read.content)
    bundle = await bundle_of(deps, tenant, source)
    said = await aside(deps, lambda: Compiled(bundle).render(wanted.variables))
    return f"{source.name}@{source.version}", said


@route(
    "GET",
    BASE + "/spans/{trace_id:str}/{span_id:str}",
    "trace:read",
    Operation(
        id="openSpanInPlayground",
        summary="What a span was asked, to ask it again",
        tag=TAG,
        errors=(404,),
        needs_content=True,
    ),
)
async def open_span(
    deps: Deps, caller: CallerNow, tenant: Tenant, trace_id: FromPath[str], span_id: FromPath[str]
) -> PlaygroundContext:
    """The exact messages, tools and parameters, whatever dialect they came in. 404 with the code ``no_content`` where
    the content was not kept."""
    io = await deps.reader.span_io(tenant.id, trace_id, span_id)
    if io is None:
        raise NotFound(f"There is no span {span_id[:64]!r} in that trace.", fix="Take the ids from the trace.")
    await content_read(deps, caller, tenant, "traces", io.trace_id)
    found = context_of(io)
    model = await _called(deps, tenant, io.trace_id, io.span_id, found)
    notes = found.notes
    if _is_app(deps, tenant, model):
        notes = [*notes, f"{model} adds its prompt to these messages, and does so for every model beside it."]
    return PlaygroundContext(
        trace_id=io.trace_id,
        span_id=io.span_id,
        model=model,
        callable=_is_callable(deps, tenant, model),
        messages=found.messages,
        tools=found.tools,
        parameters=found.parameters,
        variables=found.variables,
        notes=notes,
        adds=await _adds(deps, tenant, model, found),
    )


async def _adds(deps: Dependencies, tenant: Project, model: str, found: Context) -> PlaygroundAdds | None:
    """What the app's release that answered put over the call; None for what is none, or cannot be used any more."""
    if deps.lay is None or not _is_app(deps, tenant, model):
        return None
    given = {"variables": found.variables} if found.variables else {}
    mark = {"role": "user", "content": "mark"}
    body = {**found.parameters, **({"tools": found.tools} if found.tools else {}), "messages": [mark], **given}
    try:
        laid = await deps.lay(tenant, model, msgspec.json.encode({"model": model, **body}))
    except TrimtabError:
        return None  # the notes say by what name it is called, and a run says what is wrong with it
    messages = laid.pop("messages")
    place = messages.index(mark) if mark in messages else len(messages)
    shape: dict[str, Any] = laid.pop("response_format", None) or {}
    wrapped: dict[str, Any] = shape.get("json_schema") or {}
    schema: dict[str, Any] | None = wrapped.get("schema")
    tools = laid.pop("tools", [])
    for name in ("model", "stream", "stream_options"):
        laid.pop(name, None)
    return PlaygroundAdds(
        before=messages[:place],
        after=messages[place + 1 :],
        parameters=laid,
        tools=tools,
        output_schema=schema,
    )


async def _called(deps: Dependencies, tenant: Project, trace_id: str, span_id: str, found: Context) -> str:
    """By what name the span's model can be called here: what its body says, unless that is a provider's own id. Of an
    app the very release that answered, which may not run anywhere any more."""
    app = _is_app(deps, tenant, found.model)
    if not app and _is_callable(deps, tenant, found.model):
        return found.model
    trace = await deps.reader.trace(tenant.id, trace_id)
    span = None if trace is None else next((row for row in trace.spans if row.span_id == span_id), None)
    if span is None:
        return found.model
    if app:
        return f"{span.app}@{span.release}" if span.app and span.release else found.model
    upstream = found.model or span.model_used or span.model
    names = (span.model, f"{span.provider}/{upstream}")
    return next((name for name in names if _is_callable(deps, tenant, name)), upstream)


def _is_callable(deps: Dependencies, tenant: Project, name: str) -> bool:
    now = deps.snapshots.current
    targets = now.targets[tenant.id]
    provider, slash, upstream = name.partition("/")
    by_provider = bool(slash and upstream and provider in targets.providers)
    known = name in targets.models or name in now.routes.get(tenant.id, {})
    return by_provider or known or _is_app(deps, tenant, name)


def _is_app(deps: Dependencies, tenant: Project, name: str) -> bool:
    """``support``, ``support@staging`` or ``support@r12``."""
    apps = deps.snapshots.current.apps.get(tenant.id)
    return apps is not None and name.partition("@")[0] in apps.newest


ROUTES = (run_playground, open_span)

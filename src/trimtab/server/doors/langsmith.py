"""LangSmith's API, as far as its clients need it to send, at the address itself: https://api.smith.langchain.com/redoc

    GET    /info                 what this server takes, by which clients choose how they send
    POST   /runs/multipart       runs and feedback, each in parts, mostly compressed: 202
    POST   /runs/batch           ``{"post": [...], "patch": [...]}``: 202
    POST   /runs, PATCH /runs/x  one run
    POST   /feedback             one score; PATCH and DELETE ``/feedback/x`` change it and take it back
    GET    /sessions             the key's project, as a project of LangSmith's

The key is one of ours, in ``x-api-key``. Reading runs, datasets, prompts and queues is not offered: those answer 501
and say so. In a batch a bad run costs itself alone: it is a dead letter, and the answer names it.
"""

import asyncio
import uuid
from bisect import bisect_left
from contextlib import AsyncExitStack
from operator import itemgetter
from typing import Any, Final, cast

from msgspec.structs import replace

from trimtab import __version__
from trimtab.core.errors import InvalidRequest, NotFound, TrimtabError
from trimtab.core.ids import new_id
from trimtab.governance.access import Principal, Project
from trimtab.server import problems
from trimtab.server.dependencies import Dependencies
from trimtab.server.doors.events import Batch, Body, UnfitSpan, an_object, as_label, needed, trace_id_of
from trimtab.server.doors.langsmith_runs import (
    Home,
    read_changed,
    read_feedback,
    read_run,
    run_id_of,
    score_id_of,
)
from trimtab.server.doors.multipart import Part, boundary_of, parts_of
from trimtab.server.doors.otlp import Left, OtlpDoor
from trimtab.server.doors.taking import MAX_BODY, NotOffered, Taking, answer, as_json
from trimtab.server.unpack import unpack
from trimtab.telemetry.foreign.spans import ForeignSpan
from trimtab.telemetry.spool.intake import Intake

COMPATIBLE: Final = "0.12.0"
"""The LangSmith version whose ingestion this is: from 0.8.10 on clients send feedback among the runs, and from 0.16 on
they would read by ways that are not offered here."""
MOST: Final = 20_000
"""Runs of one body: each is answered by itself. LangSmith's clients send a hundred."""
BATCH_BYTES: Final = 20 << 20
HOMES: Final = 20_000
"""Runs whose traces are remembered, the latest, for what is told of a run without its trace."""
PAUSES_S: Final = (0.1, 0.2, 0.4, 0.8, 1.6)
"""After each the store is asked again for a run that is told of without its trace: a worker's spool is there within a
second or so."""
_OPEN: Final = ("info", "runs", "feedback", "sessions", "settings", "datasets", "examples", "commits", "repos",
                "annotation-queues", "feedback-configs")  # fmt: skip
_FIELDS: Final = frozenset(("inputs", "outputs", "events", "extra", "error", "serialized"))
_SPAN_OF_TIME_NS: Final = 86_400_000_000_000
_WHY: Final = f"nothing: LangSmith's clients send at most {BATCH_BYTES >> 20} MB, as GET /info tells them"


def opens(path: str) -> bool:
    return path[1:].partition("/")[0] in _OPEN


class _Given:
    """Runs and feedback of one body, each with its name in it."""

    def __init__(self) -> None:
        self.runs: list[tuple[str, Any, bool]] = []
        self.feedback: list[tuple[str, Any]] = []
        self.wrong: list[tuple[str, str, Any]] = []


class LangSmithDoor:
    """An ASGI app for the paths that `opens` knows."""

    def __init__(self, deps: Dependencies, otlp: OtlpDoor, intake: Intake) -> None:
        self._deps = deps
        self._otlp = otlp
        self._taking = Taking(deps, otlp, intake, _WHY)
        self._homes: dict[tuple[str, str], str] = {}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        request_id = new_id("req")
        more = {"x-request-id": request_id}
        try:
            async with AsyncExitStack() as answered:
                status, body = await self._serve(scope, receive, answered)
        except TrimtabError as error:
            status, body = error.status, {"detail": error.sentence(), "error": error.code}
            more |= problems.headers_of(error, request_id)
        except Left:
            return
        await answer(send, status, body, more)

    async def _serve(self, scope: Any, receive: Any, answered: AsyncExitStack) -> tuple[int, Any]:
        headers = dict[bytes, bytes](scope["headers"])
        method, *path = scope["method"], *scope["path"].strip("/").split("/")
        if (method, path) == ("GET", ["info"]):
            return 200, _info()
        principal, project = await self._otlp.caller(headers.get)
        match method, *path:
            case ("POST", "runs", "multipart"):
                given = await self._taking.body(receive, headers, answered, lambda body: _of_parts(body, headers))
                return await self._take(principal, project, given)
            case ("POST", "runs", "batch"):
                given = await self._taking.body(receive, headers, answered, _of_batch)
                return await self._take(principal, project, given)
            case ("POST", "runs"):
                run = await self._taking.body(receive, headers, answered, as_json)
                return await self._take_one(principal, project, run, update=False)
            case ("PATCH", "runs", run_id):
                run = an_object(await self._taking.body(receive, headers, answered, as_json), "a run")
                return await self._take_one(principal, project, {**run, "id": run_id}, update=True)
            case ("POST", "feedback"):
                said = await self._taking.body(receive, headers, answered, as_json)
                return await self._feedback(principal, project, said)
            case ("PATCH", "feedback", feedback_id):
                change = await self._taking.body(receive, headers, answered, as_json)
                return await self._change(project, feedback_id, an_object(change, "a feedback"))
            case ("DELETE", "feedback", feedback_id):
                now_ns = self._deps.clock.now_ns()
                await self._deps.scores.invalidate(
                    project.id, score_id_of(project.id, feedback_id), now_ns, person=False
                )
                return 200, {"message": "The feedback counts no more."}
            case ("GET", "sessions"):
                return 200, [_session(project)]
            case ("GET", "sessions", session) if session == _session(project)["id"]:
                return 200, _session(project)
            case _:
                raise NotOffered(
                    f"Trimtab does not offer {method[:10]} /{'/'.join(path)[:80]}.",
                    fix="It takes LangSmith's runs and feedback; reading them, datasets, prompts and queues are not "
                    "part of it. Traces are read at /api/v1/projects/{project}/traces.",
                )

    # --- runs ------------------------------------------------------------------------------------------------------

    async def _take(self, principal: Principal, project: Project, given: _Given) -> tuple[int, Any]:
        """Answered when everything that is good is on the disk."""
        now_ns = self._deps.clock.now_ns()
        found = Batch()
        for name, why, event in given.wrong:
            found.refuse(name, why, event, None)
        homes = await asyncio.to_thread(_add_runs, found, given.runs, now_ns, self._home_of(project))
        self._remember(project, homes)
        judged: list[tuple[str, Any, str]] = []
        for name, said in given.feedback:
            try:
                judged.append((name, said, await self._trace_of_feedback(project, an_object(said, "a feedback"))))
            except (InvalidRequest, NotFound) as error:
                found.refuse(name, error.sentence(), said, None)
        if judged:
            await asyncio.to_thread(_add_feedback, found, judged, now_ns, principal.key_id, project.id)
        await self._taking.keep(principal, project, now_ns, found.spans, found.unread)
        if found.scores:
            await self._deps.scores.write(project.id, found.scores)
        errors = [{"id": one, "detail": why} for one, why in found.refused]
        if errors and not found.taken:
            raise InvalidRequest(
                f"Nothing of it could be kept: {errors[0]['detail']}",
                fix="The dead letters of the project have what was sent.",
                status=422,
            )
        return 202, {"message": f"{len(found.taken)} taken, {len(errors)} refused", "errors": errors}

    async def _take_one(self, principal: Principal, project: Project, run: Any, *, update: bool) -> tuple[int, Any]:
        run = an_object(run, "a run")
        given = _Given()
        is_first = not update and not run.get("parent_run_id")  # its trace is its own: nothing is to be asked
        placed = run if is_first else await self._placed(project, run)
        given.runs.append((as_label(run.get("id")), placed, update))
        await self._take(principal, project, given)
        return 202, {"message": "Accepted"}

    async def _placed(self, project: Project, run: Body) -> Body:
        """The run with its trace, where it says nothing of that and the run itself, or its parent, is known."""
        if run.get("trace_id") or run.get("dotted_order"):
            return run
        known_by = as_label(run.get("parent_run_id")) or needed(run, "id")
        trace = await self._awaited_trace_of(project, known_by)
        return run if trace is None else {**run, "trace_id": trace}

    def _home_of(self, project: Project) -> Home:
        return lambda run_id: self._homes.get((project.id, run_id.lower()), run_id)

    def _remember(self, project: Project, homes: dict[str, str]) -> None:
        for run_id, trace in homes.items():
            self._homes.pop((project.id, run_id), None)  # it is among the latest again
            while len(self._homes) >= HOMES:
                del self._homes[next(iter(self._homes))]
            self._homes[(project.id, run_id)] = trace

    async def _trace_of(self, project: Project, run_id: str) -> str | None:
        """The trace of a run that came lately, or is stored; None where neither knows it."""
        known = self._homes.get((project.id, run_id.lower()))
        if known is not None:
            return known
        start_ns, end_ns = _when(run_id, self._deps.clock.now_ns())
        return await self._deps.recorded.trace_of(project.id, run_id_of(run_id), start_ns, end_ns)

    async def _awaited_trace_of(self, project: Project, run_id: str) -> str | None:
        """The same of a run that another worker may have taken just now: it is in the store a moment later."""
        trace = await self._trace_of(project, run_id)
        for pause in PAUSES_S:
            if trace is not None:
                break
            await asyncio.sleep(pause)
            trace = await self._trace_of(project, run_id)
        return trace

    # --- feedback --------------------------------------------------------------------------------------------------

    async def _trace_of_feedback(self, project: Project, said: Body, *, wait: bool = False) -> str:
        """As it says, else as its run is known. Raises `NotFound`: clients then try again, for the run may be on its
        way."""
        if trace := as_label(said.get("trace_id")):
            return trace
        run_id = as_label(said.get("run_id"))
        if not run_id:
            return ""
        trace = await (self._awaited_trace_of if wait else self._trace_of)(project, run_id)
        if trace is None:
            raise NotFound(
                f"There is no run {run_id[:64]!r} in this project.",
                fix="If it was sent just now, it may still be on its way: try again in a second, or give 'trace_id'.",
                param="run_id",
            )
        return run_id if trace_id_of(run_id) == trace else trace

    async def _feedback(self, principal: Principal, project: Project, said: Any) -> tuple[int, Any]:
        said = an_object(said, "a feedback")
        trace = await self._trace_of_feedback(project, said, wait=True)
        score = read_feedback(said, self._deps.clock.now_ns(), principal.key_id, project.id, trace)
        await self._deps.scores.write(project.id, [score])
        return 200, {name: said.get(name) for name in ("id", "run_id", "trace_id", "key", "score", "value", "comment")}

    async def _change(self, project: Project, feedback_id: str, change: Body) -> tuple[int, Any]:
        """Only what is given changes."""
        score_id = score_id_of(project.id, feedback_id)
        found = await self._deps.scores.find(project.id, score_id)
        if found is None or not found.valid:
            raise NotFound(
                f"There is no feedback {feedback_id[:64]!r} in this project.",
                fix="If it was written just now, it may still be on its way: try again in a second.",
            )
        changed = read_changed(found, change, self._deps.clock.now_ns())
        await self._deps.scores.write(project.id, [replace(changed, id=score_id)])
        return 200, {"id": feedback_id}


def _add_runs(found: Batch, runs: list[tuple[str, Any, bool]], now_ns: int, known: Home) -> dict[str, str]:
    """The traces of those that were taken, by their runs' ids. For a thread: calls go on meanwhile."""
    homes: dict[str, str] = {}

    def home(run_id: str) -> str:
        return homes.get(run_id.lower()) or known(run_id)

    for name, run, update in runs:
        span = _add_run(found, name, run, now_ns, home, update=update)
        if span is not None:
            homes[cast("Body", run)["id"].lower()] = span.trace_id
    return homes


def _add_run(found: Batch, name: str, run: Any, now_ns: int, home: Home, *, update: bool) -> ForeignSpan | None:
    """Each by itself: a bad one costs itself alone."""
    try:
        span = read_run(run, now_ns, home, update=update)
    except InvalidRequest as error:
        found.refuse(name, error.sentence(), run, error.span if isinstance(error, UnfitSpan) else None)
    except RecursionError:
        found.refuse(name, "The run is nested too deeply. Send less deep values, or send them as text.", run, None)
    else:
        found.spans.append(span)
        found.taken.append(name)
        return span
    return None


def _add_feedback(found: Batch, judged: list[tuple[str, Any, str]], now_ns: int, author: str, project: str) -> None:
    """Each with the trace that it is on."""
    for name, said, trace in judged:
        try:
            found.scores.append(read_feedback(said, now_ns, author, project, trace))
        except InvalidRequest as error:
            found.refuse(name, error.sentence(), said, None)
        else:
            found.taken.append(name)


def _when(run_id: str, now_ns: int) -> tuple[int, int]:
    """Between which moments a run of that id began: a UUIDv7 tells it, and others do not."""
    digits = run_id.replace("-", "")
    if len(digits) == 32 and digits[12] == "7":
        try:
            about_ns = int(digits[:12], 16) * 1_000_000
        except ValueError:
            about_ns = 0
        if 0 < about_ns < now_ns + _SPAN_OF_TIME_NS:
            return about_ns - _SPAN_OF_TIME_NS, about_ns + _SPAN_OF_TIME_NS
    return 0, now_ns + _SPAN_OF_TIME_NS


# --- bodies ----------------------------------------------------------------------------------------------------------


def _of_batch(body: bytes) -> _Given:
    told = an_object(as_json(body), "The body")
    given = _Given()
    for name, update in (("post", False), ("patch", True)):
        runs = told.get(name)
        if runs is None:
            continue
        if not isinstance(runs, list):
            raise InvalidRequest(f"{name!r} is no list.", fix='Send {"post": [...], "patch": [...]}.', param=name)
        for run in cast("list[dict[str, Any] | None]", runs):
            run_id = as_label(run.get("id")) if isinstance(run, dict) else ""
            given.runs.append((run_id, run, update))
    return _few(given)


def _of_parts(body: bytes, headers: dict[bytes, bytes]) -> _Given:
    """``post.ID`` and ``patch.ID`` are runs, with their larger fields in parts of their own (``post.ID.inputs``);
    ``feedback.ID`` is feedback; of ``attachment.ID.NAME`` only what it is and its size are kept."""
    boundary = boundary_of(headers.get(b"content-type", b"").decode("latin-1"))
    given = _Given()
    runs: dict[tuple[str, str], list[_Told]] = {}
    later: list[tuple[int, Part, list[str]]] = []
    room = MAX_BODY
    for at, part in enumerate(parts_of(body, boundary)):
        kind, *rest = part.name.split(".", 2)
        content = part.content
        try:
            if part.encoding:
                content = unpack(content, part.encoding, max(0, room), _WHY)
            room -= len(content)
            if kind in ("post", "patch") and len(rest) == 1:
                run = {"id": rest[0], **an_object(as_json(content), "a run")}
                runs.setdefault((kind, rest[0]), []).append((at, run))
                given.runs.append((rest[0], run, kind == "patch"))
            elif kind == "feedback" and len(rest) == 1:
                given.feedback.append((rest[0], {"id": rest[0], **an_object(as_json(content), "a feedback")}))
            elif kind in ("post", "patch", "attachment") and len(rest) == 2:
                later.append((at, part._replace(content=content), [kind, *rest]))
            else:
                raise InvalidRequest(f"There is no part of the name {part.name[:80]!r}.", fix="Name it post.ID.")
        except InvalidRequest as error:
            given.wrong.append((part.name, error.sentence(), {"name": part.name, "content": _shown(content)}))
    for at, part, name in later:
        _put_field(given, runs, at, part, name)
    return _few(given)


_Told = tuple[int, Body]
"""A telling of a run, and where in the body it stands. A body may tell a run several times under one name."""


def _put_field(given: _Given, runs: dict[tuple[str, str], list[_Told]], at: int, part: Part, name: list[str]) -> None:
    """A field of a run into the run, where it was told last before the field; what belongs to none is refused."""
    kind, run_id, field = name
    try:
        told = next((runs[(one, run_id)] for one in (kind, "post", "patch") if (one, run_id) in runs), None)
        if told is None:
            raise InvalidRequest(f"The part {part.name[:80]!r} is of no run in this body.", fix="Send its run, too.")
        run = told[max(0, bisect_left(told, at, key=itemgetter(0)) - 1)][1]
        if kind == "attachment":
            kept = cast("Body", run.setdefault("attachments", {}))
            kept[field] = f"{part.kind or 'unknown'}, {len(part.content)} bytes, not kept"
        elif field in _FIELDS:
            run[field] = as_json(part.content)
        else:
            raise InvalidRequest(
                f"A run has no field {field[:80]!r}.", fix=f"Use one of: {', '.join(sorted(_FIELDS))}."
            )
    except InvalidRequest as error:
        given.wrong.append((part.name, error.sentence(), {"name": part.name, "content": _shown(part.content)}))


def _shown(content: bytes) -> str:
    return content.decode("utf-8", "replace")


def _few(given: _Given) -> _Given:
    many = len(given.runs) + len(given.feedback) + len(given.wrong)
    if many > MOST:
        raise InvalidRequest(f"The body has {many} runs; {MOST} are taken at once.", fix="Send smaller batches.")
    return given


# --- what the server says of itself ----------------------------------------------------------------------------------


def _info() -> Body:
    config = {
        "use_multipart_endpoint": True,
        "scale_up_qsize_trigger": 1000,
        "scale_up_nthreads_limit": 4,
        "scale_down_nempty_trigger": 4,
        "size_limit": 100,
        "size_limit_bytes": BATCH_BYTES,
    }
    return {
        "version": COMPATIBLE,
        "server": f"trimtab {__version__}",
        "license_expiration_time": None,
        "batch_ingest_config": config,
        "instance_flags": {"zstd_compression_enabled": True, "gzip_body_enabled": True},
    }


def _session(project: Project) -> Body:
    """Our project as one of LangSmith's, whose ids are UUIDs."""
    return {
        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"trimtab:{project.id}")),
        "tenant_id": str(uuid.uuid5(uuid.NAMESPACE_URL, "trimtab")),
        "name": project.slug,
        "start_time": "2024-01-01T00:00:00+00:00",
        "reference_dataset_id": None,
    }

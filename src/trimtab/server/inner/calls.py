"""Calls that this server makes itself, through the live path: what experiments ask of releases, and what judges ask of
models.

They are calls as any other: let in, limited, routed, recorded and paid for. What tells them apart is their feature
(`EXPERIMENT`, `JUDGING`), under which costs and traces can be looked at or left out, and their low priority: where
calls have to wait, users go first.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, Final, Literal

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from trimtab.core.errors import NotFound, TrimtabError
from trimtab.gateway.call import Call
from trimtab.gateway.pipeline import Gateway
from trimtab.governance.access import Principal, Project
from trimtab.llm.dialects import DIALECTS
from trimtab.llm.types import Refusal, Text, ToolCall, Vectors
from trimtab.server.probe import LocalExchange
from trimtab.telemetry.records import Attempt

EXPERIMENT: Final = "trimtab.experiment"
JUDGING: Final = "trimtab.judge"
OURS: Final = "trimtab."
"""What the feature of every call begins with that this server makes itself: nothing of it is anybody's traffic."""
NOBODY: Final = "trimtab"
"""The key of calls that nobody's key asked for (schedules, online scoring)."""
FRONT: Final = "openai_chat"
VECTORS: Final = "openai_embeddings"
GRACE_S: Final = 5.0
MS: Final = 1_000_000
_UNSAFE: Final = re.compile(r"[^\x20-\x7e]")

Priority = Literal["high", "normal", "low"]


class InnerCaller(Struct, frozen=True, kw_only=True):
    """On whose behalf. ``key_id``: the key that asked for it; limits of that key hold. ``metadata`` and ``tags`` stand
    on the call's trace."""

    project_id: str
    feature: str
    key_id: str = NOBODY
    tags: tuple[str, ...] = ()
    metadata: dict[str, str] = {}
    session: str = ""
    priority: Priority = "low"


class InnerError(Struct, frozen=True, kw_only=True):
    """Why there is no answer. ``retry``: the same call may succeed later."""

    message: str
    code: str
    status: int
    retry: bool


class InnerAnswer(Struct, frozen=True, kw_only=True):
    """What came of a call: an answer, or an ``error``. ``cost`` is picodollars over all its attempts, null if one of
    them is of unknown price; 0 for what was ``replayed`` for an idempotency key. Tokens are null where nobody counted.
    Times are ms. ``cached``: no provider was asked; ``saved`` is what the answer cost when it was made, null if that
    is unknown. ``system`` is the system prompt as the model had it: a release's with the client's. ``context`` are the
    passages of an app's knowledge that it was given, null where it has none."""

    text: str
    tool_calls: tuple[ToolCall, ...]
    stop: str
    model_used: str
    trace_id: str
    span_id: str
    request_id: str
    latency_ms: float
    ttft_ms: float | None
    cost: int | None
    input_tokens: int | None
    output_tokens: int | None
    cached: bool
    replayed: bool
    saved: int | None = None
    system: str = ""
    context: tuple[str, ...] | None = None
    documents: tuple[tuple[str, str], ...] = ()
    error: InnerError | None = None

    def raised(self) -> "InnerAnswer":
        """Itself, or what went wrong as a `TrimtabError`."""
        if self.error is None:
            return self
        raise TrimtabError(
            self.error.message, code=self.error.code, status=self.error.status, retryable=self.error.retry
        )


class InnerCalls:
    """``projects`` are those of the snapshot in force. One of these serves a whole process."""

    def __init__(self, gateway: Gateway, projects: Callable[[], Iterable[Project]], now_ns: Callable[[], int]) -> None:
        self._gateway = gateway
        self._projects = projects
        self._now = now_ns
        self._calls: set[asyncio.Task[None]] = set()

    async def call(
        self,
        caller: InnerCaller,
        body: dict[str, Any],
        *,
        idempotency_key: str = "",
        deadline_s: float | None = None,
        headers: Mapping[bytes, bytes] | None = None,
        unguarded: bool = False,
    ) -> InnerAnswer:
        """Make one chat completion call; ``body`` is OpenAI's, not streamed. Whatever goes wrong with it is in the
        answer; raises `NotFound` for a project there is not. With an ``idempotency_key``, what was answered before is
        answered again and not paid again. ``headers`` are further
        ones, in lower case. ``unguarded``: it is a guard that asks. Whoever stops waiting cuts the call off: it is
        recorded as cancelled."""
        told = _headers(caller, idempotency_key, deadline_s) | dict(headers or {})
        exchange = LocalExchange(msgspec.json.encode(body), told)
        seen: list[Call] = []

        async def see(call: Call) -> None:
            seen.append(call)

        began = self._now()
        await self._served(caller, exchange, FRONT, see, unguarded=unguarded)
        return _answer(exchange, seen[0] if seen else None, (self._now() - began) / MS)

    async def vectors(
        self, caller: InnerCaller, model: str, texts: Sequence[str], *, deadline_s: float | None = None
    ) -> list[tuple[float, ...]]:
        """One vector for each text, of a model of the project. The texts stand on no trace: they are somebody's
        documents, and are erased where those are. Raises `NotFound` for a project there is not, and whatever went wrong
        with the call as a `TrimtabError`."""
        told = _headers(caller, "", deadline_s)
        exchange = LocalExchange(msgspec.json.encode({"model": model, "input": list(texts)}), told)
        seen: list[Call] = []

        async def see(call: Call) -> None:
            seen.append(call)

        await self._served(caller, exchange, VECTORS, see, capture=False)
        if exchange.status != 200:
            error = _error(exchange, seen[0] if seen else None)
            raise TrimtabError(error.message, code=error.code, status=error.status, retryable=error.retry)
        result = DIALECTS.get(VECTORS).parse_response(exchange.answer).result
        made = result.vectors if isinstance(result, Vectors) else ()
        if len(made) != len(texts):
            raise TrimtabError(
                f"{model} gave {len(made)} vectors for {len(texts)} texts.", code="vectors_missing", status=502
            )
        return list(made)

    async def _served(
        self,
        caller: InnerCaller,
        exchange: LocalExchange,
        front: str,
        see: Callable[[Call], Awaitable[None]],
        *,
        unguarded: bool = False,
        capture: bool = True,
    ) -> None:
        project = self._project(caller.project_id)
        if not capture:
            project = replace(project, capture_content=False)
        principal = Principal(key_id=caller.key_id, role="editor", project=project)  # releases by their number
        serving = self._gateway.chat(
            exchange, DIALECTS.get(front), admitted=(principal, project), prepare=see, unguarded=unguarded
        )
        task = asyncio.ensure_future(serving)
        self._calls.add(task)
        task.add_done_callback(self._calls.discard)
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            exchange.disconnected = True
            task.cancel()
            raise

    async def aclose(self) -> None:
        """Wait for the calls under way; what takes longer than `GRACE_S` is cut, and recorded so."""
        if self._calls:
            _, left = await asyncio.wait(self._calls, timeout=GRACE_S)
            for task in left:
                task.cancel()
            if left:
                await asyncio.wait(left)

    def _project(self, project_id: str) -> Project:
        for project in self._projects():
            if project.id == project_id:
                return project
        raise NotFound(f"There is no project {project_id[:80]!r} here.", fix="It was removed: stop what asks for it.")


def _headers(caller: InnerCaller, idempotency_key: str, deadline_s: float | None) -> dict[bytes, bytes]:
    told: dict[bytes, bytes] = {
        b"trimtab-feature": caller.feature.encode(),
        b"trimtab-priority": caller.priority.encode(),
        b"user-agent": b"trimtab",
    }
    if caller.tags:
        told[b"trimtab-tags"] = ",".join(_UNSAFE.sub("?", tag).replace(",", ";") for tag in caller.tags).encode()
    if caller.metadata:
        told[b"trimtab-metadata"] = msgspec.json.encode(caller.metadata)
    if caller.session:
        told[b"trimtab-session"] = caller.session.encode()
    if idempotency_key:
        told[b"idempotency-key"] = idempotency_key.encode()
    if deadline_s is not None:
        told[b"trimtab-deadline"] = f"{deadline_s:g}".encode()
    return told


def _answer(exchange: LocalExchange, call: Call | None, latency_ms: float) -> InnerAnswer:
    attempts: list[Attempt] = [] if call is None else call.attempts
    last = attempts[-1] if attempts else None
    usage = None if last is None else last.usage
    first = 0 if call is None else call.first_token_ns
    text, tools, model, error = "", (), "", None
    if exchange.status == 200:
        try:
            said = DIALECTS.get(FRONT).parse_response(exchange.answer)
        except TrimtabError as broken:
            error = InnerError(message=broken.sentence(), code=broken.code, status=broken.status, retry=False)
        else:
            text = "".join(part.text for part in said.parts if isinstance(part, Text | Refusal))
            tools = tuple(part for part in said.parts if isinstance(part, ToolCall))
            model = said.model
    else:
        error = _error(exchange, call)
    return InnerAnswer(
        text=text,
        tool_calls=tools,
        stop="" if last is None else last.stop,
        model_used=model,
        trace_id=exchange.answer_header(b"trimtab-trace-id"),
        span_id="" if call is None else call.span_id,
        request_id=exchange.answer_header(b"x-request-id"),
        latency_ms=latency_ms,
        ttft_ms=(first - call.started_ns) / MS if call is not None and first else None,
        cost=cost_of(attempts),
        input_tokens=None if usage is None else usage.input + usage.cache_read + usage.cache_write,
        output_tokens=None if usage is None else usage.output + usage.reasoning,
        cached=call is not None and call.cache is not None and call.cache.outcome in ("hit", "replay"),
        replayed=exchange.answer_header(b"idempotent-replayed") == "true",
        saved=None if call is None or call.cache is None else call.cache.saved,
        system="" if call is None else _system(call.body),
        context=None if call is None or call.known is None else call.known.texts,
        documents=() if call is None or call.known is None else call.known.documents,
        error=error,
    )


def _system(body: bytes) -> str:
    """What the system and developer messages of a request say that was read before."""
    said = msgspec.json.decode(body, type=_Said).messages
    texts = [each.content for each in said if each.role in ("system", "developer") and isinstance(each.content, str)]
    return "\n\n".join(texts)


def _error(exchange: LocalExchange, call: Call | None) -> InnerError:
    if not exchange.answer:
        return InnerError(message="The call ended without an answer.", code="no_answer", status=500, retry=True)
    told = msgspec.json.decode(exchange.answer, type=_Refused).error
    status = exchange.status
    fault = None if call is None else call.fault
    return InnerError(
        message=told.message if fault is None else fault.message,
        code=(told.code or told.type) if fault is None else fault.code,
        status=status,
        retry=(status in (408, 429) or status >= 500) and exchange.answer_header(b"x-should-retry") != "false",
    )


def cost_of(attempts: Iterable[Attempt]) -> int | None:
    """Picodollars of all attempts; null where one of them used tokens of no known price."""
    total = 0
    for attempt in attempts:
        if attempt.cost.amount is None and attempt.usage is not None:
            return None
        total += attempt.cost.amount or 0
    return total


class _Message(Struct):
    role: str = ""
    content: Any = None


class _Said(Struct):
    messages: list[_Message] = []


class _Error(Struct):
    message: str
    type: str = ""
    code: str | None = None


class _Refused(Struct):
    error: _Error

"""Several models asked the same question side by side, through the live path: each is a call as any other, with the
caller's own key, its limits, its trace and its cost; only what goes out is told as events of one stream."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Any, Literal

import msgspec
from msgspec import Struct

from trimtab.core.errors import NotFound, TrimtabError
from trimtab.gateway.apps.types import Ready
from trimtab.gateway.call import Call
from trimtab.gateway.knowing import Knowing
from trimtab.gateway.pipeline import Gateway
from trimtab.gateway.releasing import Asked
from trimtab.governance.access import Principal, Project
from trimtab.llm.dialects import DIALECTS, Dialect
from trimtab.llm.types import BlockGrow, BlockOpen, Delta, Part, Reasoning, Refusal, Text, ToolCall
from trimtab.server.bodies.playground import PlaygroundBegin, PlaygroundDelta, PlaygroundEnd
from trimtab.telemetry.records import Attempt
from trimtab.telemetry.units import dollars

FRONT = "openai_chat"
FEATURE = b"playground"
MOST_WAITING = 256
"""Events that wait for a slow reader; then the providers' streams wait too."""
READER_STALL_S = 120.0
"""A reader that has not read for so long counts as gone."""
GRACE_S = 5.0
MS = 1_000_000

Told = PlaygroundBegin | PlaygroundDelta | PlaygroundEnd


class Question(Struct, frozen=True):
    """``body`` is a streamed chat completion request for ``model``. With ``like``, an app's release (``support@r12``),
    it is asked with that put over it, as the release itself is. ``prompt`` is what stands in it already,
    ``name@version``."""

    model: str
    body: bytes
    like: str = ""
    prompt: str = ""


class Playground:
    def __init__(self, gateway: Gateway, now_ns: Callable[[], int]) -> None:
        self._gateway = gateway
        self._now = now_ns
        self._calls: set[asyncio.Task[None]] = set()

    async def run(
        self, project: Project, principal: Principal, questions: Sequence[Question]
    ) -> AsyncGenerator[Told | None]:
        """Everything the calls have to tell, as it comes; one ends with its `PlaygroundEnd`. None after ten seconds of
        silence. Whoever stops reading (``aclose``) cuts what is under way: it is recorded as cancelled."""
        waiting = _Waiting()
        knowing = self._gateway.knowing
        exchanges = [_Exchange(number, one, waiting, knowing) for number, one in enumerate(questions)]
        for exchange in exchanges:
            self._start(exchange, project, principal)
        left = len(exchanges)
        try:
            while left:
                told = await waiting.next()
                left -= isinstance(told, PlaygroundEnd)
                yield told
        finally:
            for exchange in exchanges:
                exchange.leave()

    async def aclose(self) -> None:
        """Wait for the calls that are under way; what takes longer than `GRACE_S` is cut, and recorded so."""
        if self._calls:
            _, left = await asyncio.wait(self._calls, timeout=GRACE_S)
            for task in left:
                task.cancel()
            if left:
                await asyncio.wait(left)

    def _start(self, exchange: "_Exchange", project: Project, principal: Principal) -> None:
        task = asyncio.ensure_future(self._call(exchange, project, principal))
        exchange.task = task
        # Kept here: a reader that leaves does not wait for the row of what it has cut off.
        self._calls.add(task)
        task.add_done_callback(self._calls.discard)

    async def _call(self, exchange: "_Exchange", project: Project, principal: Principal) -> None:
        began = self._now()
        if exchange.question.like:
            try:
                exchange.body = await self._like(exchange, project, principal)
            except TrimtabError as error:
                exchange.refuse(error)
                exchange.end(began, self._now())
                return
        await self._gateway.chat(exchange, exchange.front, admitted=(principal, project), prepare=exchange.begin)
        exchange.end(began, self._now())

    async def _like(self, exchange: "_Exchange", project: Project, principal: Principal) -> bytes:
        """The question with the release over it that it is asked like. Raises `TrimtabError`."""
        asked = exchange.question
        release, body = await self.laid(project, asked.like, asked.body, principal)
        exchange.release = release
        exchange.prompt = "" if release.prompt is None else release.prompt.name
        return msgspec.json.encode({**body, "model": asked.model})

    async def lay(self, project: Project, like: str, body: bytes) -> dict[str, Any]:
        """That body with a release over it, for whoever may see the release. Raises `TrimtabError`."""
        return (await self.laid(project, like, body, None))[1]

    async def laid(
        self, project: Project, like: str, body: bytes, principal: Principal | None
    ) -> tuple[Ready, dict[str, Any]]:
        """An app's release, and a chat completion's body with that over it; without a ``principal`` nobody's rights are
        asked for. Raises `TrimtabError`."""
        apps = self._gateway.snapshot().apps.get(project.id)
        named = None if apps is None else apps.find(like)
        if apps is None or named is None:
            raise NotFound(f"There is no app {like[:80]!r} here.", fix="Take it out of 'like'.", param="like")
        front = DIALECTS.get(FRONT)
        asked = Asked(principal=principal)
        release, made = await self._gateway.apps.counted(front, project.id, named, apps, body, asked)
        return release, msgspec.json.decode(made, type=dict[str, Any])


class _Waiting:
    """What was told and not yet read, of all calls together."""

    def __init__(self) -> None:
        self._told: asyncio.Queue[Told] = asyncio.Queue()
        self._room = asyncio.Event()

    def tell(self, told: Told) -> None:
        self._told.put_nowait(told)

    async def next(self) -> Told | None:
        try:
            async with asyncio.timeout(10):
                told = await self._told.get()
        except TimeoutError:
            return None
        if not self.is_full():
            self._room.set()
        return told

    def is_full(self) -> bool:
        return self._told.qsize() > MOST_WAITING

    async def room(self) -> None:
        """Raises `TimeoutError` where nobody reads any more."""
        async with asyncio.timeout(READER_STALL_S):
            while self.is_full():
                self._room.clear()
                await self._room.wait()


class _Exchange:
    """An `Exchange` whose answer is read here and told as events."""

    def __init__(self, run: int, question: Question, waiting: _Waiting, knowing: Knowing) -> None:
        self.front: Dialect = DIALECTS.get(FRONT)
        self.body = question.body
        self.question = question
        self.prompt = question.prompt
        self.release: Ready | None = None
        """The one it is asked like: what that looks things up in is looked in here, too."""
        self._knowing = knowing
        self.started = False
        self.disconnected = False
        self.task: asyncio.Task[None] | None = None
        self._run = run
        self._model = question.model
        self._waiting = waiting
        self._call: Call | None = None
        self._splitter = self.front.splitter()
        self._decoder = self.front.stream_decoder()
        self._kinds: dict[int, Literal["text", "reasoning", "refusal", "tool_call", "opaque"]] = {}
        self._status = 0
        self._refusal = b""

    # --- what the gateway does with it ---

    @property
    def quiet(self) -> bool:
        return False

    def header(self, name: bytes, /) -> bytes | None:
        return FEATURE if name == b"trimtab-feature" else None

    def respond(self, status: int, headers: bytes, body: bytes, content_type: bytes = b"application/json") -> None:
        del headers, content_type
        self.started, self._status = True, status
        if status != 200:
            self._refusal = body
            return
        for index, part in enumerate(self.front.parse_response(body).parts):
            self._tell_part(index, part)

    def start(self, status: int, headers: bytes, content_type: bytes = b"text/event-stream; charset=utf-8") -> None:
        del headers, content_type
        self.started, self._status = True, status

    def write(self, data: bytes) -> None:
        if data and not self.disconnected and (block := self._splitter.feed(data)):
            for delta in self._decoder.feed(block):
                self._tell(delta)

    def finish(self, data: bytes = b"") -> None:
        self.write(data)

    def is_congested(self) -> bool:
        return self._waiting.is_full()

    async def drain(self) -> None:
        try:
            await self._waiting.room()
        except TimeoutError:
            self.leave()
            await asyncio.sleep(0)  # where the cancellation arrives

    async def begin(self, call: Call) -> None:
        self._call = call
        call.prompt = self.prompt
        self._waiting.tell(
            PlaygroundBegin(run=self._run, model=self._model, trace_id=call.caller.trace_id, span_id=call.span_id)
        )
        if self.release is not None and self.release.knowledge:
            await self._knowing.begin(call, self.release)

    # --- what we do with it ---

    def refuse(self, error: TrimtabError) -> None:
        """No model can be asked this."""
        self._status, self._refusal = error.status, self.front.render_error(error, "")

    def leave(self) -> None:
        """Nobody reads any more."""
        if self.task is not None and not self.task.done():
            self.disconnected = True
            self.task.cancel()

    def end(self, began_ns: int, ended_ns: int) -> None:
        if self.disconnected:
            return
        call = self._call
        attempts: list[Attempt] = [] if call is None else call.attempts
        last = attempts[-1] if attempts else None
        first = 0 if call is None else call.first_token_ns
        words, code, status = self._trouble()
        cache = None if call is None else call.cache
        self._waiting.tell(
            PlaygroundEnd(
                run=self._run,
                ok=not words,
                status=status,
                error=words,
                error_code=code,
                trace_id="" if call is None else call.caller.trace_id,
                span_id="" if call is None else call.span_id,
                provider="" if last is None else last.provider,
                model_used="" if last is None else last.model_used,
                attempts=len(attempts),
                usage=None if last is None else last.usage,
                cost=_cost(attempts),
                duration=round((ended_ns - began_ns) / MS, 3),
                first_token=round((first - began_ns) / MS, 3) if first else None,
                stop="" if last is None else last.stop,
                cached=cache is not None and cache.outcome in ("hit", "replay"),
            )
        )

    def _trouble(self) -> tuple[str, str, int]:
        """What went wrong in words, its code and status; empty words where nothing did."""
        fault = None if self._call is None else self._call.fault
        if fault is not None:
            return fault.message, fault.code, fault.status
        if self._status == 200:
            return "", "", 200
        if not self._refusal:
            return "The call ended without an answer.", "no_answer", 500
        told = msgspec.json.decode(self._refusal, type=_Refused).error  # refused before it was read
        return told.message, told.code or told.type, self._status

    def _tell(self, delta: Delta) -> None:
        match delta:
            case BlockOpen():
                self._kinds[delta.index] = delta.kind
                if delta.kind == "tool_call":
                    self._say(delta.index, "", delta.id, delta.name)
            case BlockGrow() if delta.text:
                self._say(delta.index, delta.text)
            case _:
                pass

    def _tell_part(self, index: int, part: Part) -> None:
        match part:
            case Text():
                self._kinds[index] = "text"
                self._say(index, part.text)
            case Reasoning():
                self._kinds[index] = "reasoning"
                self._say(index, part.text)
            case Refusal():
                self._kinds[index] = "refusal"
                self._say(index, part.text)
            case ToolCall():
                self._kinds[index] = "tool_call"
                self._say(index, part.arguments, part.id, part.name)
            case _:
                self._kinds[index] = "opaque"
                self._say(index, msgspec.json.encode(part).decode())

    def _say(self, index: int, text: str, call_id: str = "", name: str = "") -> None:
        kind = self._kinds.get(index, "text")
        self._waiting.tell(PlaygroundDelta(run=self._run, index=index, kind=kind, text=text, id=call_id, name=name))


class _Error(Struct):
    message: str
    type: str = ""
    code: str | None = None


class _Refused(Struct):
    error: _Error


def _cost(attempts: Sequence[Attempt]) -> str | None:
    """Of all attempts; null where one of them used tokens of no known price. An answer from the cache cost nothing."""
    total = 0
    for attempt in attempts:
        if attempt.cost.amount is None and attempt.usage is not None:
            return None
        total += attempt.cost.amount or 0
    return dollars(total)

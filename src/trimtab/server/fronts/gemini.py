"""Gemini's endpoints: the path says which model is called and how. https://ai.google.dev/api/generate-content

``POST /v1beta/models/MODEL:generateContent``, ``:streamGenerateContent`` (server-sent events with ``alt=sse``, else one
JSON array that grows), ``:countTokens``, ``:batchEmbedContents`` and ``:embedContent``, which is a batch of one.
"""

import msgspec
from msgspec import Raw

from trimtab.core.errors import InvalidRequest, NotFound, TrimtabError
from trimtab.gateway.counting import TokenCounter
from trimtab.gateway.exchange import Exchange
from trimtab.gateway.pipeline import Gateway
from trimtab.governance.access import Principal, Project
from trimtab.llm import sse
from trimtab.llm.dialects import DIALECTS
from trimtab.llm.dialects._reading import BROKEN
from trimtab.llm.dialects.gemini.framing import framed
from trimtab.server.cycle import HotCycle
from trimtab.server.fronts.around import Around
from trimtab.server.fronts.common import BATCHED_ELSEWHERE, Door, asked_by, refuse, rest_of
from trimtab.server.fronts.counts import told_by

JSON = b"application/json; charset=utf-8"
_BATCHES = ("batchGenerateContent", "asyncBatchEmbedContent")
"""https://ai.google.dev/api/batch-api"""


def model_in_path(cycle: HotCycle) -> str:
    """Which model the path calls; empty where no answer is asked for that a person could hold back. Raises
    `InvalidRequest` for a stream that is no stream of events."""
    start = cycle.path[: cycle.path.index(b"/models/") + len(b"/models/")]
    model, _, verb = rest_of(cycle, start).rpartition(":")
    return model if verb in ("generateContent", "streamGenerateContent") else ""


class GeminiFront:
    def __init__(self, gateway: Gateway, door: Door, counter: TokenCounter) -> None:
        self._gateway = gateway
        self._door = door
        self._counter = counter
        self._dialect = DIALECTS.get("gemini")
        self._vectors = DIALECTS.get("gemini_embeddings")

    async def serve(self, cycle: HotCycle) -> None:
        start = cycle.path[: cycle.path.index(b"/models/") + len(b"/models/")]
        model, _, verb = rest_of(cycle, start).rpartition(":")
        try:
            admitted = self._door.admit(cycle)
            if verb == "countTokens":
                await self._count(cycle, model, admitted)
                return
            if model and verb in ("embedContent", "batchEmbedContents"):
                await self._embed(cycle, model, admitted, alone=verb == "embedContent")
                return
            if model and verb in _BATCHES:
                raise NotFound("Google's batches are not offered here.", fix=BATCHED_ELSEWHERE, code="not_offered")
            if not model or verb not in ("generateContent", "streamGenerateContent"):
                raise NotFound(
                    f"There is no method {verb[:50]!r} of a model here.",
                    fix="Use generateContent, streamGenerateContent, countTokens, embedContent or batchEmbedContents.",
                    code="method_not_found",
                )
        except TrimtabError as error:
            refuse(cycle, self._dialect, error)
            return
        streams = verb == "streamGenerateContent"
        cycle.body = framed(cycle.body, model, stream=streams)
        answers = GrowingArray(cycle) if streams and b"alt=sse" not in cycle.query else cycle
        await self._gateway.chat(answers, self._dialect, admitted)

    async def _embed(self, cycle: HotCycle, model: str, admitted: tuple[Principal, Project], *, alone: bool) -> None:
        body = _batch_of_one(cycle.body) if alone else cycle.body
        cycle.body = framed(body, model, stream=False)
        await self._gateway.chat(OneVector(cycle) if alone else cycle, self._vectors, admitted)

    async def _count(self, cycle: HotCycle, model: str, admitted: tuple[Principal, Project]) -> None:
        principal, project = admitted
        body = framed(_call_in(cycle.body), model, stream=False)
        count = await self._counter.count(self._dialect, project, model, body, asked_by(cycle, principal))
        details = [{"modality": "TEXT", "tokenCount": count.tokens}]
        told = {"totalTokens": count.tokens, "promptTokensDetails": details}
        cycle.respond(200, told_by(count), msgspec.json.encode(told))


def _batch_of_one(body: bytes) -> bytes:
    """What is no JSON object is left as it is, for the reader to complain of."""
    stripped = body.strip()
    return b'{"requests":[%b]}' % stripped if stripped.startswith(b"{") and stripped.endswith(b"}") else body


def _call_in(body: bytes) -> bytes:
    """The call that shall be counted: the body itself, or what it wraps. Raises `InvalidRequest`."""
    try:
        fields = msgspec.json.decode(body, type=dict[str, Raw])
    except BROKEN:
        raise InvalidRequest("The body is not a JSON object.") from None
    wrapped = fields.get("generateContentRequest") or fields.get("generate_content_request")
    return body if wrapped is None else bytes(wrapped)


class OneVector(Around):
    """An `Exchange` that answers ``embedContent``: of the one vector of a batch."""

    __slots__ = ()

    def respond(self, status: int, headers: bytes, body: bytes, content_type: bytes = b"application/json") -> None:
        if status == 200:
            fields = msgspec.json.decode(body, type=dict[str, Raw])
            first = msgspec.json.decode(fields.pop("embeddings", b"[]"), type=list[Raw])[:1]
            body = msgspec.json.encode(dict(zip(("embedding",), first, strict=False)) | fields)
        super().respond(status, headers, body, content_type)


class GrowingArray(Around):
    """An `Exchange` whose stream is a JSON array: each event's data is one element of it."""

    __slots__ = ("_first",)

    def __init__(self, exchange: Exchange) -> None:
        super().__init__(exchange)
        self._first = True

    @property
    def quiet(self) -> bool:
        return False

    def start(self, status: int, headers: bytes, content_type: bytes = JSON) -> None:  # noqa: ARG002 - never events
        super().start(status, headers, JSON)

    def write(self, data: bytes) -> None:
        self._exchange.write(self._elements(data))

    def finish(self, data: bytes = b"") -> None:
        last = self._elements(data)
        self._exchange.finish(last + (b"[]" if self._first else b"]"))

    def _elements(self, block: bytes) -> bytes:
        out = b""
        for data in sse.events(block):
            out += (b"[" if self._first else b",\r\n") + data
            self._first = False
        return out

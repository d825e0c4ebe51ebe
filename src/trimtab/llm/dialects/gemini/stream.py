"""A streamed answer, read and written: each event is an answer with what is new of it.

https://ai.google.dev/api/generate-content#method:-models.streamgeneratecontent
"""

from typing import Any, Literal

import msgspec
from msgspec import Raw, Struct, field

from trimtab.llm import sse
from trimtab.llm.dialects import Head
from trimtab.llm.dialects._errors import words_of
from trimtab.llm.dialects._reading import BROKEN, encode, read_event
from trimtab.llm.dialects._signatures import signed_by
from trimtab.llm.dialects.gemini.hot import a_list, an_object, ending, text
from trimtab.llm.dialects.gemini.parts import NAME, Writer
from trimtab.llm.dialects.gemini.response import chunk
from trimtab.llm.dialects.gemini.stops import finish_reason, stop_of
from trimtab.llm.dialects.gemini.usage import queries_in, usage_of, with_searches
from trimtab.llm.types import (
    BlockClose,
    BlockGrow,
    BlockOpen,
    Delta,
    Failed,
    Finish,
    Part,
    Reasoning,
    Refusal,
    Start,
    Text,
    ToolCall,
    Usage,
)

Flow = Literal["text", "reasoning"]


class _Call(Struct):
    args: Raw = Raw(b"{}")


class _Part(Struct):
    call: _Call | None = field(default=None, name="functionCall")


class _Content(Struct):
    parts: list[_Part] = []


class _Candidate(Struct):
    content: _Content | None = None


class _Chunk(Struct):
    candidates: list[_Candidate] = []


_decode_calls = msgspec.json.Decoder(_Chunk).decode


def _arguments(data: bytes) -> list[str]:
    """The arguments of a chunk's calls, as the model spelled them; fewer than there are where they cannot be read."""
    try:
        candidates = _decode_calls(data).candidates
    except BROKEN:
        return []
    parts = candidates[0].content.parts if candidates and candidates[0].content is not None else []
    return [bytes(part.call.args).decode("utf-8") for part in parts if part.call is not None]


class GeminiStreamDecoder:
    """Chunks to deltas: texts and thoughts flow one after the other, calls come whole. The chunk with the reason to
    finish is the last one."""

    def __init__(self) -> None:
        self._started = False
        self._over = False
        self._next = 0
        self._flow: tuple[Flow, int] | None = None
        self._calls = 0
        self._usage: Usage | None = None
        self._queries: set[str] = set()
        self._model = ""

    def feed(self, block: bytes) -> list[Delta]:
        out: list[Delta] = []
        for data in sse.events(block):
            if self._over:
                break
            try:
                out += self._chunk(an_object(read_event(data)), data)
            except BROKEN:  # no JSON; or a part too deep to be written down again
                out += self._chunk({}, data)
        return out

    def close(self) -> list[Delta]:
        if self._over:
            return []
        return self._fail("The provider ended its stream in the middle of an answer.", "upstream_stream_cut")

    def _fail(self, message: str, code: str) -> list[Delta]:
        self._over = True
        return [Failed(message=message, code=code)]

    def _chunk(self, told: dict[str, Any], data: bytes) -> list[Delta]:
        if not told:
            return self._fail("The provider sent a stream event that is not a JSON object.", "upstream_garbage")
        if told.get("error"):
            message, code, _ = words_of(told)
            return self._fail(message, code or "upstream_stream_error")
        out: list[Delta] = []
        if not self._started:
            self._started = True
            out.append(Start(id=text(told.get("responseId")), model=text(told.get("modelVersion"))))
        self._model = self._model or text(told.get("modelVersion"))
        self._queries |= queries_in(told.get("candidates"))
        self._usage = with_searches(usage_of(told.get("usageMetadata")) or self._usage, self._queries, self._model)
        candidates = a_list(told.get("candidates"))
        first = an_object(candidates[0]) if candidates else {}
        written = _arguments(data) if b'"functionCall"' in data else []
        for part in a_list(an_object(first.get("content")).get("parts")):
            out += self._part(an_object(part), written)
        word, _ = ending(told)
        return out + self._finish(word) if word else out

    # --- parts ---

    def _part(self, part: dict[str, Any], written: list[str]) -> list[Delta]:
        signed = text(part.get("thoughtSignature"))
        said = part.get("text")
        if isinstance(said, str):
            flow: Flow = "reasoning" if part.get("thought") is True else "text"
            if flow == "reasoning":
                return self._grow(flow, said) + self._sign(signed)
            return self._sign(signed) + self._grow(flow, said)
        out = self._sign(signed)
        if not isinstance(part.get("functionCall"), dict):
            return out if set(part) <= {"thoughtSignature", "thought"} else out + self._opaque(part)
        return out + self._call(an_object(part["functionCall"]), written)

    def _grow(self, flow: Flow, more: str) -> list[Delta]:
        if not more:
            return []
        out: list[Delta] = []
        if self._flow is None or self._flow[0] != flow:
            out += self._end_flow()
            self._flow = (flow, self._take())
            out.append(BlockOpen(index=self._flow[1], kind=flow))
        out.append(BlockGrow(index=self._flow[1], text=more))
        return out

    def _sign(self, signed: str) -> list[Delta]:
        """A signature ends the thought under way, or is one of its own."""
        if not signed:
            return []
        out: list[Delta] = []
        if self._flow is None or self._flow[0] != "reasoning":
            out += self._end_flow()
            self._flow = ("reasoning", self._take())
            out.append(BlockOpen(index=self._flow[1], kind="reasoning"))
        out.append(BlockGrow(index=self._flow[1], signature=signed_by(NAME, signed)))
        return out + self._end_flow()

    def _call(self, call: dict[str, Any], written: list[str]) -> list[Delta]:
        out = self._end_flow()
        index = self._take()
        given = text(call.get("id")) or f"call_{self._calls}"
        self._calls += 1
        arguments = written.pop(0) if written else encode(an_object(call.get("args"))).decode("utf-8")
        out.append(BlockOpen(index=index, kind="tool_call", id=given, name=text(call.get("name"))))
        return [*out, BlockGrow(index=index, text=arguments), BlockClose(index=index)]

    def _opaque(self, part: dict[str, Any]) -> list[Delta]:
        out = self._end_flow()
        index = self._take()
        out.append(BlockOpen(index=index, kind="opaque", dialect=NAME, raw=Raw(encode(part))))
        return [*out, BlockClose(index=index)]

    def _end_flow(self) -> list[Delta]:
        if self._flow is None:
            return []
        index, self._flow = self._flow[1], None
        return [BlockClose(index=index)]

    def _finish(self, word: str) -> list[Delta]:
        self._over = True
        stop = stop_of(word, called=self._calls > 0)
        return [*self._end_flow(), Finish(stop=stop, stop_raw=word, usage=self._usage)]

    def _take(self) -> int:
        index = self._next
        self._next += 1
        return index


class GeminiStreamEncoder:
    """Deltas to chunks. A call is told when it is whole; a signature waits for the part it stands on."""

    def __init__(self, head: Head) -> None:
        self._tail: dict[str, Any] = {"modelVersion": head.model, "responseId": ""}
        self._usage: Usage | None = None
        self._writer = Writer(provider=False)
        self._open: dict[int, BlockOpen] = {}
        self._arguments: dict[int, list[str]] = {}
        self._refused = False

    def feed(self, delta: Delta) -> bytes:
        match delta:
            case BlockGrow():
                opened = self._open.get(delta.index)
                return b"" if opened is None else self._grow(opened, delta)
            case BlockOpen():
                return self._begin(delta)
            case BlockClose():
                opened = self._open.pop(delta.index, None)
                return b"" if opened is None else self._close(opened)
            case Start():
                self._tail = {"modelVersion": delta.model, "responseId": delta.id}
                self._usage = delta.usage
                return b""
            case Finish():
                return self._finish(delta)
            case Failed():
                error = {"code": 500, "message": delta.message, "status": "INTERNAL"}
                return b"data: " + encode({"error": error}) + b"\n\n"

    def _begin(self, opened: BlockOpen) -> bytes:
        self._refused = self._refused or opened.kind == "refusal"
        if opened.kind == "opaque":
            from_here = opened.dialect == NAME
            return self._event([*self._writer.rest(), opened.raw]) if from_here else b""
        self._open[opened.index] = opened
        if opened.redacted is not None:
            return self._write(Reasoning(redacted=opened.redacted))
        return b""

    def _grow(self, opened: BlockOpen, grown: BlockGrow) -> bytes:
        out = b""
        if grown.text:
            match opened.kind:
                case "text":
                    out = self._write(Text(grown.text))
                case "refusal":
                    out = self._write(Refusal(grown.text))
                case "reasoning":
                    out = self._write(Reasoning(text=grown.text))
                case _:
                    self._arguments.setdefault(opened.index, []).append(grown.text)
        if grown.signature is not None:
            out += self._write(Reasoning(signature=grown.signature))
        return out

    def _close(self, opened: BlockOpen) -> bytes:
        if opened.kind != "tool_call":
            return b""
        arguments = "".join(self._arguments.pop(opened.index, ()))
        return self._write(ToolCall(opened.id, opened.name, arguments))

    def _finish(self, finish: Finish) -> bytes:
        out = b"".join(self._close(opened) for opened in self._open.values())
        self._open.clear()
        word = finish_reason(finish.stop, finish.stop_raw, refused_in_words=self._refused)
        last = self._writer.rest() or [{"text": ""}]
        return out + self._event(last, word, finish.usage or self._usage)

    def _write(self, part: Part) -> bytes:
        parts = self._writer.write(part)
        return self._event(parts) if parts else b""

    def _event(self, parts: list[Any], word: str | None = None, usage: Usage | None = None) -> bytes:
        return b"data: " + encode(chunk(parts, word, usage) | self._tail) + b"\n\n"

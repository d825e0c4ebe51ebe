"""A streamed chat completion, read and written. https://platform.openai.com/docs/api-reference/chat-streaming"""

from typing import Any, Literal, cast

import msgspec
from msgspec import Struct

from trimtab.llm import sse
from trimtab.llm.dialects import Head
from trimtab.llm.dialects._errors import words_of
from trimtab.llm.dialects._reading import BROKEN, count, encode, read_event
from trimtab.llm.dialects._tolerant import a_text, objects
from trimtab.llm.dialects.openai_chat.hot import error_in
from trimtab.llm.dialects.openai_chat.stops import finish_reason, settled_stop
from trimtab.llm.dialects.openai_chat.thoughts import Details
from trimtab.llm.dialects.openai_chat.usage import render_usage, usage_of
from trimtab.llm.tiers import tier_of
from trimtab.llm.types import (
    BlockClose,
    BlockGrow,
    BlockOpen,
    Delta,
    Failed,
    Finish,
    Part,
    Refusal,
    Start,
    ToolCall,
    Usage,
)

Flow = Literal["text", "reasoning", "refusal"]
_FLOWS: tuple[tuple[str, Flow], ...] = (
    ("reasoning_content", "reasoning"),  # DeepSeek, vLLM and others
    ("reasoning", "reasoning"),  # OpenRouter, Groq; some send both, then the first one counts
    ("content", "text"),
    ("refusal", "refusal"),
)


class _PlainDelta(Struct, forbid_unknown_fields=True):
    content: str
    role: str | None = None
    refusal: None = None
    tool_calls: None = None
    reasoning_content: None = None
    reasoning: None = None


class _PlainChoice(Struct):
    delta: _PlainDelta
    index: Literal[0] = 0
    finish_reason: None = None


class _PlainChunk(Struct):
    """A chunk with a piece of text and nothing else that would have to be noted: nearly every one of a stream."""

    choices: tuple[_PlainChoice]
    usage: None = None
    error: None = None


_plain_chunk = msgspec.json.Decoder(_PlainChunk)


class OpenAIStreamDecoder:
    """Chunks to deltas: text, reasoning and refusal flow one after the other; tool calls may grow side by side, so they
    stay open until the end."""

    def __init__(self) -> None:
        self._started = False
        self._over = False
        self._next = 0
        self._flow: tuple[Flow, int] | None = None
        self._calls: dict[int, tuple[int, str]] = {}
        """The wire's index of a call -> (its block, its id)."""
        self._open_calls: list[int] = []
        self._word: str | None = None
        self._usage: Usage | None = None
        self._tier = ""
        self._said: set[str] = set()
        self._details = Details()

    def feed(self, block: bytes) -> list[Delta]:
        out: list[Delta] = []
        for data in sse.events(block):
            if self._over:
                break
            if self._flow is not None and self._flow[0] == "text" and self._plain(data, out):
                continue
            if data.strip() == b"[DONE]":
                out += self._finish()
            else:
                try:
                    out += self._chunk(_object(read_event(data)))
                except BROKEN:  # no JSON; or arguments too deep to be written down again
                    out += self._chunk({})
        return out

    def close(self) -> list[Delta]:
        if self._over:
            return []
        if self._word:  # some servers leave "[DONE]" out
            return self._finish()
        self._over = True
        return [Failed(message="The provider ended its stream in the middle of an answer.", code="upstream_stream_cut")]

    def _plain(self, data: bytes, out: list[Delta]) -> bool:
        """More text of the block that is open: read without the care that anything else needs (a fifth of the time)."""
        try:
            text = _plain_chunk.decode(data).choices[0].delta.content
        except BROKEN:
            return False
        if text and self._flow is not None:
            out.append(BlockGrow(index=self._flow[1], text=text))
        return True

    def _chunk(self, chunk: dict[str, Any]) -> list[Delta]:
        if not chunk:
            return self._fail("The provider sent a stream event that is not a JSON object.", "upstream_garbage")
        wrong = error_in(chunk)
        if wrong:
            message, code, _ = words_of(chunk if chunk.get("error") else wrong)
            return self._fail(message, code or "upstream_stream_error")
        out: list[Delta] = []
        choices = chunk.get("choices")
        # Azure's first chunk has what its filter found in the prompt, and neither an id, a model nor a choice
        if not self._started and (choices or chunk.get("id")):
            self._started = True
            created = count(chunk.get("created"))
            out.append(Start(id=_text(chunk.get("id")), model=_text(chunk.get("model")), created=created))
        self._tier = tier_of(chunk.get("service_tier")) or self._tier
        self._usage = usage_of(chunk.get("usage"), self._tier) or self._usage
        for each in cast("list[Any]", choices) if isinstance(choices, list) else []:
            choice = _object(each)
            if choice.get("index", 0) == 0:  # one answer is all that another dialect could show
                out += self._delta(_object(choice.get("delta")))
                self._word = _text(choice.get("finish_reason")) or self._word
                self._usage = usage_of(choice.get("usage"), self._tier) or self._usage  # Moonshot
        return out

    def _fail(self, message: str, code: str) -> list[Delta]:
        self._over = True
        return [Failed(message=message, code=code)]

    def _delta(self, delta: dict[str, Any]) -> list[Delta]:
        out: list[Delta] = []
        if "reasoning_details" in delta:
            self._details.add(delta["reasoning_details"])
        seen: set[Flow] = set()
        for name, flow in _FLOWS:
            text = _text(delta.get(name))
            if text and flow not in seen:
                seen.add(flow)
                out += self._grow(flow, text)
        for chunk in objects(delta.get("content")):  # Mistral's thinking models answer in chunks of content
            thought = "".join(a_text(each.get("text")) for each in objects(chunk.get("thinking")))
            out += self._grow("reasoning", thought) if thought else []
            text = a_text(chunk.get("text"))
            out += self._grow("text", text) if text else []
        calls = delta.get("tool_calls")
        for position, call in enumerate(cast("list[Any]", calls) if isinstance(calls, list) else []):
            out += self._call(position, _object(call))
        return out

    def _grow(self, flow: Flow, text: str) -> list[Delta]:
        out: list[Delta] = []
        if self._flow is None or self._flow[0] != flow:
            out += self._end_flow()
            self._flow = (flow, self._take())
            self._said.add(flow)
            out.append(BlockOpen(index=self._flow[1], kind=flow))
        out.append(BlockGrow(index=self._flow[1], text=text))
        return out

    def _call(self, position: int, call: dict[str, Any]) -> list[Delta]:
        out: list[Delta] = []
        function = _object(call.get("function"))
        told = call.get("index")
        index = told if isinstance(told, int) else position
        given = _text(call.get("id"))
        known = self._calls.get(index)
        # a second id under one index is a second call: some compatible servers never count up
        if known is None or (given and known[1] and given != known[1]):
            out += self._end_flow()
            block = self._take()
            known = self._calls[index] = (block, given or f"call_{len(self._open_calls)}")
            self._open_calls.append(block)
            self._said.add("tool_call")
            out.append(BlockOpen(index=block, kind="tool_call", id=known[1], name=_text(function.get("name"))))
        arguments = function.get("arguments")
        text = arguments if isinstance(arguments, str) else _dump(arguments)
        if text:
            out.append(BlockGrow(index=known[0], text=text))
        return out

    def _end_flow(self) -> list[Delta]:
        if self._flow is None:
            return []
        (flow, index), self._flow = self._flow, None
        signature = self._details.signature() if flow == "reasoning" else None
        signed: list[Delta] = [] if signature is None else [BlockGrow(index=index, signature=signature)]
        return [*signed, BlockClose(index=index)]

    def _rest_of_thoughts(self) -> list[Delta]:
        """What was signed after the thought had ended (Google's models sign calls), as a thought without words."""
        signature = self._details.signature()
        if signature is None:
            return []
        index = self._take()
        opened = BlockOpen(index=index, kind="reasoning")
        return [opened, BlockGrow(index=index, signature=signature), BlockClose(index=index)]

    def _finish(self) -> list[Delta]:
        out: list[Delta] = [] if self._started else [Start(id="", model="")]
        self._over = True
        out += self._end_flow()
        out += [BlockClose(index=index) for index in self._open_calls]
        out += self._rest_of_thoughts()
        said: list[Part] = [ToolCall("", "", "")] if "tool_call" in self._said else []
        said += [Refusal("")] if "refusal" in self._said else []
        out.append(Finish(stop=settled_stop(self._word, said), stop_raw=self._word, usage=self._usage))
        return out

    def _take(self) -> int:
        index = self._next
        self._next += 1
        return index


class OpenAIStreamEncoder:
    """Deltas to chunks. With ``include_usage`` every chunk carries ``usage``, null but in the last, as OpenAI's do."""

    def __init__(self, head: Head) -> None:
        self._wants_usage = head.wants_usage
        self._head: dict[str, Any] = {}
        self._usage: Usage | None = None
        self._kinds: dict[int, str] = {}
        self._calls: dict[int, int] = {}
        self._refused = False
        self._set_head(Start(id="", model=head.model))

    def _set_head(self, start: Start) -> None:
        kind = "chat.completion.chunk"
        self._head = {"id": start.id, "object": kind, "created": start.created, "model": start.model}
        self._usage = start.usage

    def feed(self, delta: Delta) -> bytes:
        match delta:
            case Start():
                self._set_head(delta)
                return self._chunk({"role": "assistant", "content": "", "refusal": None})
            case BlockOpen():
                return self._open(delta)
            case BlockGrow():
                return self._grow(delta)
            case BlockClose():
                return b""
            case Finish():
                return self._finish(delta)
            case Failed():
                error = {"message": delta.message, "type": "server_error", "param": None, "code": delta.code or None}
                return _event({"error": error})

    def _open(self, opened: BlockOpen) -> bytes:
        self._kinds[opened.index] = opened.kind
        self._refused = self._refused or opened.kind == "refusal"
        if opened.kind != "tool_call":
            return b""
        position = self._calls[opened.index] = len(self._calls)
        function = {"name": opened.name, "arguments": ""}
        return self._chunk(
            {"tool_calls": [{"index": position, "id": opened.id, "type": "function", "function": function}]}
        )

    def _grow(self, grown: BlockGrow) -> bytes:
        if not grown.text:
            return b""  # a signature has no place here
        match self._kinds.get(grown.index):
            case "text":
                return self._chunk({"content": grown.text})
            case "reasoning":
                return self._chunk({"reasoning_content": grown.text})
            case "refusal":
                return self._chunk({"refusal": grown.text})
            case "tool_call":
                call = {"index": self._calls[grown.index], "function": {"arguments": grown.text}}
                return self._chunk({"tool_calls": [call]})
            case _:
                return b""

    def _finish(self, finish: Finish) -> bytes:
        out = self._chunk({}, finish_reason(finish.stop, refused_in_words=self._refused))
        usage = finish.usage or self._usage
        if self._wants_usage and usage is not None:
            out += _event(self._head | {"choices": [], "usage": render_usage(usage)})
        return out + b"data: [DONE]\n\n"

    def _chunk(self, delta: dict[str, Any], finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        told: dict[str, Any] = self._head | {"choices": [choice]}
        if self._wants_usage:
            told["usage"] = None
        return _event(told)


def _event(told: dict[str, Any]) -> bytes:
    return b"data: " + encode(told) + b"\n\n"


def _object(value: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _dump(value: Any) -> str:
    return "" if value is None else encode(value).decode("utf-8")

"""A streamed message, read and written. https://docs.claude.com/en/docs/build-with-claude/streaming"""

from typing import Any, cast

import msgspec
from msgspec import Raw

from trimtab.llm import sse
from trimtab.llm.dialects import Head
from trimtab.llm.dialects._errors import words_of
from trimtab.llm.dialects._reading import BROKEN, encode, read_event
from trimtab.llm.dialects.anthropic_messages.blocks import NAME
from trimtab.llm.dialects.anthropic_messages.stops import stop_of, stop_reason
from trimtab.llm.dialects.anthropic_messages.usage import merged, render_usage, usage_of
from trimtab.llm.types import BlockClose, BlockGrow, BlockOpen, Delta, Failed, Finish, Start, Usage


class _Open:
    """A block of the wire that has begun: our index for it, its first JSON, and the argument text so far."""

    __slots__ = ("arguments", "first", "index", "kind", "opened")

    def __init__(self, kind: str, first: dict[str, Any]) -> None:
        self.kind = kind
        self.first = first
        self.index = -1
        self.opened = False
        self.arguments: list[str] = []


_PLAIN = {"text": "text", "thinking": "reasoning", "redacted_thinking": "reasoning", "tool_use": "tool_call"}


class AnthropicStreamDecoder:
    """Events to deltas. A block only this dialect understands is held until it is whole; an empty text is none."""

    def __init__(self) -> None:
        self._over = False
        self._next = 0
        self._blocks: dict[int, _Open] = {}
        self._told: dict[str, Any] = {}
        self._word: str | None = None

    def feed(self, block: bytes) -> list[Delta]:
        out: list[Delta] = []
        for data in sse.events(block):
            if self._over:
                break
            try:
                out += self._event(_object(read_event(data)))
            except BROKEN:  # no JSON; or an opaque block too deep to be written down again
                out += self._event({})
        return out

    def close(self) -> list[Delta]:
        if self._over:
            return []
        if self._word:  # all but the closing event came
            return self._finish()
        return self._fail("The provider ended its stream in the middle of an answer.", "upstream_stream_cut")

    def _fail(self, message: str, code: str) -> list[Delta]:
        self._over = True
        return [Failed(message=message, code=code)]

    def _event(self, event: dict[str, Any]) -> list[Delta]:
        if not event:
            return self._fail("The provider sent a stream event that is not a JSON object.", "upstream_garbage")
        match event.get("type"):
            case "content_block_delta":
                return self._grow(event)
            case "content_block_start":
                return self._begin(event)
            case "content_block_stop":
                return self._end(event)
            case "message_start":
                message = _object(event.get("message"))
                self._told = merged(self._told, message.get("usage"))
                return [Start(id=_text(message.get("id")), model=_text(message.get("model")), usage=self._usage())]
            case "message_delta":
                self._word = _text(_object(event.get("delta")).get("stop_reason")) or self._word
                self._told = merged(self._told, event.get("usage"))
                return []
            case "message_stop":
                return self._finish()
            case "error":
                message, code, _ = words_of(event)
                return self._fail(message, code or "upstream_stream_error")
            case _:  # ping, and what is new since
                return []

    def _usage(self) -> Usage | None:
        return usage_of(self._told)

    # --- blocks ---

    def _begin(self, event: dict[str, Any]) -> list[Delta]:
        first = _object(event.get("content_block"))
        kind = _text(first.get("type"))
        block = self._blocks[_index(event)] = _Open(kind, first)
        match kind:
            case "tool_use":
                return self._open(block)
            case "thinking":
                out = self._open(block)
                return out + self._text(block, _text(first.get("thinking")))
            case "redacted_thinking":
                return self._open(block)
            case "text":
                return self._text(block, _text(first.get("text")))
            case _:
                return []

    def _open(self, block: _Open) -> list[Delta]:
        if block.opened:
            return []
        block.opened = True
        block.index = self._next
        self._next += 1
        first = block.first
        match block.kind:
            case "tool_use":
                opened = BlockOpen(
                    index=block.index, kind="tool_call", id=_text(first.get("id")), name=_text(first.get("name"))
                )
            case "thinking":
                opened = BlockOpen(index=block.index, kind="reasoning")
            case "redacted_thinking":
                opened = BlockOpen(index=block.index, kind="reasoning", redacted=_text(first.get("data")))
            case "text":
                opened = BlockOpen(index=block.index, kind="text")
            case _:
                opened = BlockOpen(index=block.index, kind="opaque", dialect=NAME, raw=Raw(encode(first)))
        return [opened]

    def _text(self, block: _Open, text: str) -> list[Delta]:
        return [*self._open(block), BlockGrow(index=block.index, text=text)] if text else []

    def _grow(self, event: dict[str, Any]) -> list[Delta]:
        block = self._blocks.get(_index(event))
        if block is None:
            return self._fail("The provider's stream adds to a block that it never began.", "upstream_garbage")
        delta = _object(event.get("delta"))
        match delta.get("type"):
            case "text_delta" if block.kind == "text":
                return self._text(block, _text(delta.get("text")))
            case "thinking_delta" if block.kind == "thinking":
                return self._text(block, _text(delta.get("thinking")))
            case "signature_delta" if block.kind == "thinking":
                signature = _text(delta.get("signature"))
                return [BlockGrow(index=block.index, signature=signature)] if signature else []
            case "input_json_delta":
                text = _text(delta.get("partial_json"))
                block.arguments.append(text)
                return self._text(block, text) if block.kind == "tool_use" else []
            case "compaction_delta" if block.kind not in _PLAIN:
                told = {name: value for name, value in delta.items() if name != "type" and value is not None}
                block.first = block.first | told
                return []
            case _:  # citations, and what is new since
                return []

    def _end(self, event: dict[str, Any]) -> list[Delta]:
        block = self._blocks.pop(_index(event), None)
        return [] if block is None else self._close(block)

    def _close(self, block: _Open) -> list[Delta]:
        arguments = "".join(block.arguments)
        out: list[Delta] = []
        if block.kind == "tool_use" and not arguments:
            # nothing came in fragments: the input is what the block began with, mostly {}
            out += self._text(block, encode(_object(block.first.get("input"))).decode("utf-8"))
        elif block.kind not in _PLAIN:
            if arguments:
                block.first = block.first | {"input": _json(arguments)}
            out += self._open(block)
        elif block.kind == "thinking" and block.first.get("signature"):
            out.append(BlockGrow(index=block.index, signature=_text(block.first.get("signature"))))
        if block.opened:
            out.append(BlockClose(index=block.index))
        return out

    def _finish(self) -> list[Delta]:
        self._over = True
        out: list[Delta] = []
        for block in self._blocks.values():
            out += self._close(block)
        self._blocks.clear()
        out.append(Finish(stop=stop_of(self._word), stop_raw=self._word, usage=self._usage()))
        return out


class AnthropicStreamEncoder:
    """Deltas to events. On this wire one block follows the other, so deltas of a block that opens while another still
    grows wait until that one has closed."""

    def __init__(self, head: Head) -> None:
        self._model = head.model
        self._usage: Usage | None = None
        self._started = False
        self._next = 0
        self._now: int | None = None
        """The block (our index) that is open on the wire."""
        self._kinds: dict[int, str] = {}
        self._waiting: list[BlockOpen | BlockGrow | BlockClose] = []

    def feed(self, delta: Delta) -> bytes:
        match delta:
            case BlockOpen() | BlockGrow() | BlockClose():
                return self._block(delta)
            case Start():
                return self._start(delta)
            case Finish():
                return self._finish(delta)
            case Failed():
                error = {"type": "api_error", "message": delta.message}
                return _event("error", {"error": error})

    def _start(self, start: Start) -> bytes:
        self._started = True
        self._usage = start.usage
        message: dict[str, Any] = {
            "id": start.id,
            "type": "message",
            "role": "assistant",
            "model": start.model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": render_usage(start.usage),
        }
        return _event("message_start", {"message": message})

    def _block(self, delta: BlockOpen | BlockGrow | BlockClose) -> bytes:
        if self._now is None and isinstance(delta, BlockOpen):
            return self._write(delta)
        if delta.index != self._now:
            self._waiting.append(delta)
            return b""
        out = self._write(delta)
        return out + self._catch_up() if self._now is None else out

    def _catch_up(self) -> bytes:
        """Write what waited, block by block, as far as blocks are closed."""
        out = b""
        while self._now is None and self._waiting:
            index = self._waiting[0].index
            turn = [delta for delta in self._waiting if delta.index == index]
            self._waiting = [delta for delta in self._waiting if delta.index != index]
            out += b"".join(self._write(delta) for delta in turn)
        return out

    def _write(self, delta: BlockOpen | BlockGrow | BlockClose) -> bytes:
        match delta:
            case BlockOpen():
                self._kinds[delta.index] = delta.kind
                self._now = delta.index
                return self._open(delta)
            case BlockGrow():
                return self._grow(delta)
            case BlockClose():
                self._now = None
                shown = self._kinds.pop(delta.index, "hidden") != "hidden"
                if not shown:
                    return b""
                self._next += 1
                return _event("content_block_stop", {"index": self._next - 1})

    def _open(self, opened: BlockOpen) -> bytes:
        block: Any
        match opened.kind:
            case "text" | "refusal":
                block = {"type": "text", "text": ""}
            case "tool_call":
                block = {"type": "tool_use", "id": opened.id, "name": opened.name, "input": {}}
            case "reasoning" if opened.redacted is not None:
                block = {"type": "redacted_thinking", "data": opened.redacted}
            case "reasoning":
                block = {"type": "thinking", "thinking": "", "signature": ""}
            case "opaque":
                if opened.dialect != NAME:
                    self._kinds[opened.index] = "hidden"  # the client could not read it
                    return b""
                block = opened.raw
        return _event("content_block_start", {"index": self._next, "content_block": block})

    def _grow(self, grown: BlockGrow) -> bytes:
        out = b""
        if grown.text:
            match self._kinds.get(grown.index):
                case "text" | "refusal":
                    out += self._delta({"type": "text_delta", "text": grown.text})
                case "reasoning":
                    out += self._delta({"type": "thinking_delta", "thinking": grown.text})
                case "tool_call":
                    out += self._delta({"type": "input_json_delta", "partial_json": grown.text})
                case _:
                    pass
        if grown.signature is not None:
            out += self._delta({"type": "signature_delta", "signature": grown.signature})
        return out

    def _delta(self, delta: dict[str, Any]) -> bytes:
        return _event("content_block_delta", {"index": self._next, "delta": delta})

    def _finish(self, finish: Finish) -> bytes:
        out = b"" if self._started else self._start(Start(id="", model=self._model))
        if self._now is not None:
            out += self._write(BlockClose(index=self._now)) + self._catch_up()
        while self._now is not None:  # a block that waited and was never closed
            out += self._write(BlockClose(index=self._now)) + self._catch_up()
        # the input side is told here as well: a provider of another dialect tells it only at its end
        usage = render_usage(finish.usage or self._usage)
        delta = {"stop_reason": stop_reason(finish.stop, finish.stop_raw), "stop_sequence": None}
        return out + _event("message_delta", {"delta": delta, "usage": usage}) + _event("message_stop", {})


def _event(name: str, fields: dict[str, Any]) -> bytes:
    return b"event: " + name.encode() + b"\ndata: " + encode({"type": name} | fields) + b"\n\n"


def _index(event: dict[str, Any]) -> int:
    found = event.get("index")
    return found if isinstance(found, int) else 0


def _json(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except BROKEN:
        return {"INVALID_JSON": text}


def _object(value: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""

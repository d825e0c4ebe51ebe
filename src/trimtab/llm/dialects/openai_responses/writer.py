"""A streamed response, written. ``openai.types.responses.ResponseStreamEvent``

Each event has the next ``sequence_number``; items grow side by side, each under its own ``output_index``.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from trimtab.llm.dialects import Head
from trimtab.llm.dialects._reading import encode
from trimtab.llm.dialects.openai_responses.items import NAME, Wire, item_id_of, shown_item
from trimtab.llm.dialects.openai_responses.response import closed, envelope
from trimtab.llm.dialects.openai_responses.stops import ending
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


class _Growing:
    """An item of the answer under way."""

    __slots__ = ("at", "begun", "item_id", "opened", "signature", "text")

    def __init__(self, opened: BlockOpen, at: int, item_id: str) -> None:
        self.opened = opened
        self.at = at
        self.item_id = item_id
        self.begun = False
        """Whether its content (a text part, a summary) has been announced."""
        self.text: list[str] = []
        self.signature: str | None = None

    def part(self) -> Part:
        whole = "".join(self.text)
        opened = self.opened
        match opened.kind:
            case "refusal":
                return Refusal(whole)
            case "tool_call":
                return ToolCall(opened.id, opened.name, whole)
            case "reasoning":
                return Reasoning(text=whole, signature=self.signature, redacted=opened.redacted)
            case _:
                return Text(whole)


class ResponsesStreamEncoder:
    def __init__(self, head: Head) -> None:
        self._head = head
        self._number = 0
        self._start: Start | None = None
        self._usage: Usage | None = None
        self._growing: dict[int, _Growing] = {}
        self._items: list[Any] = []
        self._refused = False

    def feed(self, delta: Delta) -> bytes:
        match delta:
            case BlockGrow():
                item = self._growing.get(delta.index)
                return b"" if item is None else self._grow(item, delta)
            case BlockOpen():
                return self._open(delta)
            case BlockClose():
                item = self._growing.pop(delta.index, None)
                return b"" if item is None else self._close(item)
            case Start():
                return self._begin(delta)
            case Finish():
                return self._finish(delta)
            case Failed():
                error = {"type": "server_error", "code": delta.code or None, "message": delta.message, "param": None}
                flat = {name: error[name] for name in ("code", "message", "param")}
                return self._event("error", flat | {"error": error})

    # --- the answer ---

    def _begin(self, start: Start) -> bytes:
        self._start = start
        self._usage = start.usage
        response = self._envelope("in_progress")
        return self._event("response.created", {"response": response}) + self._event(
            "response.in_progress", {"response": response}
        )

    def _envelope(self, status: str) -> Wire:
        start = self._start or Start(id="", model=self._head.model)
        return envelope(start.id, start.model, start.created, status) | {"metadata": self._head.metadata}

    def _finish(self, finish: Finish) -> bytes:
        out = b"" if self._start is not None else self._begin(Start(id="", model=self._head.model))
        for item in self._growing.values():
            out += self._close(item)
        self._growing.clear()
        status, reason = ending(finish.stop, refused_in_words=self._refused)
        response = closed(self._envelope(status), self._items, reason, finish.usage or self._usage)
        return out + self._event(f"response.{status}", {"response": response})

    # --- items ---

    def _open(self, opened: BlockOpen) -> bytes:
        out = b"" if self._start is not None else self._begin(Start(id="", model=self._head.model))
        at = len(self._items)
        if opened.kind == "opaque":
            if opened.dialect != NAME:
                return out  # the client could not read it
            self._items.append(opened.raw)
            told = {"output_index": at, "item": opened.raw}
            return (
                out + self._event("response.output_item.added", told) + self._event("response.output_item.done", told)
            )
        self._refused = self._refused or opened.kind == "refusal"
        response_id = "" if self._start is None else self._start.id
        item = self._growing[opened.index] = _Growing(opened, at, item_id_of(response_id, opened.kind, at))
        shown: Any = shown_item(item.part(), item.item_id, "in_progress")
        if opened.kind in ("text", "refusal"):
            shown["content"] = []
        self._items.append(shown)
        return out + self._event("response.output_item.added", {"output_index": at, "item": shown})

    def _grow(self, item: _Growing, grown: BlockGrow) -> bytes:
        if grown.signature is not None:
            item.signature = grown.signature
        if not grown.text:
            return b""
        item.text.append(grown.text)
        where = self._where(item)
        match item.opened.kind:
            case "text":
                told: Wire = where | {"content_index": 0, "delta": grown.text, "logprobs": []}
                return self._announce(item) + self._event("response.output_text.delta", told)
            case "refusal":
                told = where | {"content_index": 0, "delta": grown.text}
                return self._announce(item) + self._event("response.refusal.delta", told)
            case "reasoning":
                told = where | {"summary_index": 0, "delta": grown.text}
                return self._announce(item) + self._event("response.reasoning_summary_text.delta", told)
            case _:
                return self._event("response.function_call_arguments.delta", where | {"delta": grown.text})

    def _announce(self, item: _Growing) -> bytes:
        """The content part, before its first text."""
        if item.begun:
            return b""
        item.begun = True
        where = self._where(item)
        match item.opened.kind:
            case "text":
                part: Wire = {"type": "output_text", "text": "", "annotations": [], "logprobs": []}
                return self._event("response.content_part.added", where | {"content_index": 0, "part": part})
            case "refusal":
                part = {"type": "refusal", "refusal": ""}
                return self._event("response.content_part.added", where | {"content_index": 0, "part": part})
            case _:
                part = {"type": "summary_text", "text": ""}
                return self._event("response.reasoning_summary_part.added", where | {"summary_index": 0, "part": part})

    def _close(self, item: _Growing) -> bytes:
        whole = "".join(item.text)
        done: Any = shown_item(item.part(), item.item_id)
        self._items[item.at] = done
        where = self._where(item)
        out = b""
        match item.opened.kind:
            case "text":
                out += self._announce(item)
                out += self._event(
                    "response.output_text.done", where | {"content_index": 0, "text": whole, "logprobs": []}
                )
                part = done["content"][0]
                out += self._event("response.content_part.done", where | {"content_index": 0, "part": part})
            case "refusal":
                out += self._announce(item)
                out += self._event("response.refusal.done", where | {"content_index": 0, "refusal": whole})
                part = done["content"][0]
                out += self._event("response.content_part.done", where | {"content_index": 0, "part": part})
            case "reasoning" if item.begun:
                part = {"type": "summary_text", "text": whole}
                out += self._event("response.reasoning_summary_text.done", where | {"summary_index": 0, "text": whole})
                out += self._event("response.reasoning_summary_part.done", where | {"summary_index": 0, "part": part})
            case "tool_call":
                told = where | {"name": item.opened.name, "arguments": whole}
                out += self._event("response.function_call_arguments.done", told)
            case _:
                pass
        return out + self._event("response.output_item.done", {"output_index": item.at, "item": done})

    @staticmethod
    def _where(item: _Growing) -> Wire:
        return {"item_id": item.item_id, "output_index": item.at}

    def _event(self, name: str, told: Wire) -> bytes:
        numbered = {"type": name, "sequence_number": self._number} | told
        self._number += 1
        return b"event: " + name.encode() + b"\ndata: " + encode(numbered) + b"\n\n"


def final_event(block: bytes) -> tuple[bytes, Callable[[Any], bytes], dict[str, Any], bytes] | None:
    """The response in the last event of a stream, out of the bytes that hold it: what stands before the event, a
    function that writes the event with another response in it, the response, and what stands after. None where there
    is no such event."""
    for name in (b"response.completed", b"response.incomplete"):
        start = block.rfind(b"event: " + name + b"\ndata: ")
        if start >= 0:
            head, _, rest = block[start:].partition(b"\ndata: ")
            data, mark, after = rest.partition(b"\n\n")
            event = msgspec.json.decode(data)

            def write(response: Any, event: dict[str, Any] = event, head: bytes = head) -> bytes:
                return head + b"\ndata: " + encode(event | {"response": response}) + b"\n\n"

            return (block[:start], write, event["response"], after) if mark else None
    return None

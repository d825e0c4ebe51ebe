"""A streamed Converse answer. https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html"""

from typing import Any

import msgspec
from msgspec import Raw

from trimtab.llm.dialects._errors import words_of
from trimtab.llm.dialects._reading import BROKEN, encode
from trimtab.llm.dialects._tolerant import a_text, an_object
from trimtab.llm.dialects.bedrock_converse.render import NAME
from trimtab.llm.dialects.bedrock_converse.stops import stop_of
from trimtab.llm.dialects.bedrock_converse.usage import usage_of
from trimtab.llm.eventstream import Message, messages
from trimtab.llm.types import BlockClose, BlockGrow, BlockOpen, Delta, Failed, Finish, Start, Usage


class ConverseStreamDecoder:
    """Messages to deltas. Only tool calls say that they begin; text and thinking begin with their first piece."""

    def __init__(self) -> None:
        self._started = False
        self._over = False
        self._next = 0
        self._open: dict[int, tuple[int, str]] = {}
        """The wire's index of an open block -> (ours, its kind)."""
        self._word: str | None = None
        self._stopped = False
        self._usage: Usage | None = None

    def feed(self, block: bytes) -> list[Delta]:
        out: list[Delta] = []
        for message in messages(block):
            if self._over:
                break
            try:
                out += self._message(message)
            except BROKEN:  # no JSON; or a block too deep to be written down again
                out += self._fail("The provider sent a stream event that is not a JSON object.", "upstream_garbage")
        return out

    def close(self) -> list[Delta]:
        if self._over:
            return []
        if self._stopped:  # the stop reason came, and the numbers that should follow did not
            return self._finish()
        return self._fail("The provider ended its stream in the middle of an answer.", "upstream_stream_cut")

    def _fail(self, message: str, code: str) -> list[Delta]:
        self._over = True
        return [Failed(message=message, code=code)]

    def _message(self, message: Message) -> list[Delta]:
        headers = message.headers
        if headers.get(":message-type") == "error":
            code = headers.get(":error-code", "")
            return self._fail(headers.get(":error-message") or code or "The provider failed.", code)
        event: Any = msgspec.json.decode(message.payload) if message.payload else {}
        if headers.get(":message-type") == "exception":
            code = headers.get(":exception-type", "")
            words = words_of(event)[0] if event else f"The provider sent {code or 'an exception'} and said nothing."
            return self._fail(words, code or "upstream_stream_error")
        if not isinstance(event, dict):
            return self._fail("The provider sent a stream event that is not a JSON object.", "upstream_garbage")
        return self._event(headers.get(":event-type", ""), an_object(event))

    def _event(self, kind: str, event: dict[str, Any]) -> list[Delta]:
        match kind:
            case "contentBlockDelta":
                return self._start() + self._grow(_index(event), an_object(event.get("delta")))
            case "contentBlockStart":
                return self._start() + self._begin(_index(event), an_object(event.get("start")))
            case "contentBlockStop":
                return self._end(_index(event))
            case "messageStart":
                return self._start()
            case "messageStop":
                self._word = a_text(event.get("stopReason")) or None
                self._stopped = True
                return []
            case "metadata":
                self._usage = usage_of(event.get("usage"), event.get("serviceTier")) or self._usage
                return self._finish() if self._stopped else []
            case _:  # what is new since
                return []

    def _start(self) -> list[Delta]:
        if self._started:
            return []
        self._started = True
        return [Start(id="", model="")]

    # --- blocks ---

    def _begin(self, index: int, start: dict[str, Any]) -> list[Delta]:
        if "toolUse" in start:
            use = an_object(start["toolUse"])
            opened = BlockOpen(
                index=self._next, kind="tool_call", id=a_text(use.get("toolUseId")), name=a_text(use.get("name"))
            )
            return self._take(index, opened)
        if not start:
            return []
        return self._take(index, BlockOpen(index=self._next, kind="opaque", dialect=NAME, raw=Raw(encode(start))))

    def _grow(self, index: int, delta: dict[str, Any]) -> list[Delta]:
        if isinstance(delta.get("text"), str):
            return self._flow(index, "text", BlockGrow(index=0, text=delta["text"]))
        if "toolUse" in delta:
            known = self._open.get(index)
            if known is None or known[1] != "tool_call":
                return self._fail("The provider's stream adds to a tool call that it never began.", "upstream_garbage")
            text = a_text(an_object(delta["toolUse"]).get("input"))
            return [BlockGrow(index=known[0], text=text)] if text else []
        if "reasoningContent" in delta:
            return self._think(index, an_object(delta["reasoningContent"]))
        return []  # citations, and what is new since

    def _think(self, index: int, thought: dict[str, Any]) -> list[Delta]:
        if isinstance(thought.get("redactedContent"), str):
            out = self._end(index)
            opened = BlockOpen(index=self._next, kind="reasoning", redacted=thought["redactedContent"])
            return out + self._take(index, opened)
        signature = a_text(thought.get("signature")) or None
        return self._flow(index, "reasoning", BlockGrow(index=0, text=a_text(thought.get("text")), signature=signature))

    def _flow(self, index: int, kind: Any, grown: BlockGrow) -> list[Delta]:
        """Text or thinking: opens its block with the first piece that says anything."""
        if not grown.text and grown.signature is None:
            return []
        out: list[Delta] = []
        known = self._open.get(index)
        if known is None or known[1] != kind:
            out += self._end(index)
            out += self._take(index, BlockOpen(index=self._next, kind=kind))
            known = self._open[index]
        out.append(BlockGrow(index=known[0], text=grown.text, signature=grown.signature))
        return out

    def _take(self, index: int, opened: BlockOpen) -> list[Delta]:
        self._open[index] = (opened.index, opened.kind)
        self._next += 1
        return [opened]

    def _end(self, index: int) -> list[Delta]:
        known = self._open.pop(index, None)
        return [] if known is None else [BlockClose(index=known[0])]

    def _finish(self) -> list[Delta]:
        self._over = True
        out = self._start()
        for index in list(self._open):
            out += self._end(index)
        out.append(Finish(stop=stop_of(self._word), stop_raw=self._word, usage=self._usage))
        return out


def _index(event: dict[str, Any]) -> int:
    told = event.get("contentBlockIndex")
    return told if isinstance(told, int) else 0

"""A streamed Cohere answer. https://docs.cohere.com/v2/docs/streaming"""

from typing import Any, Literal

from trimtab.llm import sse
from trimtab.llm.dialects._errors import words_of
from trimtab.llm.dialects._reading import BROKEN, read_event
from trimtab.llm.dialects._tolerant import a_list, a_text, an_object
from trimtab.llm.dialects.cohere_chat.render import NAME
from trimtab.llm.dialects.cohere_chat.response import citation_part, stop_of, usage_of
from trimtab.llm.types import BlockClose, BlockGrow, BlockOpen, Delta, Failed, Finish, Start

Flow = Literal["text", "reasoning"]


class CohereStreamDecoder:
    """Events to deltas. One block is open at a time; citations are held until the end, for they speak of text that has
    been said."""

    def __init__(self) -> None:
        self._started = False
        self._over = False
        self._next = 0
        self._open: tuple[str, int] | None = None
        """The kind of the open block and our index for it."""
        self._calls = 0
        self._citations: list[Any] = []

    def feed(self, block: bytes) -> list[Delta]:
        out: list[Delta] = []
        for data in sse.events(block):
            if self._over:
                break
            if data.strip() in (b"", b"[DONE]"):
                continue
            try:
                event: Any = read_event(data)
                if isinstance(event, dict):
                    out += self._event(an_object(event))
                    continue
            except BROKEN:  # no JSON; or a citation too deep to be written down again
                pass
            out += self._fail("The provider sent a stream event that is not a JSON object.", "upstream_garbage")
        return out

    def close(self) -> list[Delta]:
        if self._over:
            return []
        return self._fail("The provider ended its stream in the middle of an answer.", "upstream_stream_cut")

    def _fail(self, message: str, code: str) -> list[Delta]:
        self._over = True
        return [Failed(message=message, code=code)]

    def _event(self, event: dict[str, Any]) -> list[Delta]:
        delta = an_object(event.get("delta"))
        message = an_object(delta.get("message"))
        match event.get("type"):
            case "content-delta" | "content-start":
                return self._content(an_object(message.get("content")))
            case "tool-plan-delta":
                return self._flow("reasoning", a_text(message.get("tool_plan")))
            case "tool-call-start":
                return self._call(an_object(message.get("tool_calls")))
            case "tool-call-delta":
                return self._arguments(an_object(an_object(message.get("tool_calls")).get("function")))
            case "content-end" | "tool-call-end":
                return self._end()
            case "citation-start":
                told = message.get("citations")
                self._citations += a_list(told) or ([told] if told else [])
                return []
            case "message-start":
                return self._start(a_text(event.get("id")))
            case "message-end":
                return self._finish(delta)
            case _ if "type" not in event and ("message" in event or "error" in event):
                return self._fail(words_of(event)[0], "upstream_stream_error")
            case _:  # citation-end, debug, and what is new since
                return []

    def _start(self, name: str = "") -> list[Delta]:
        if self._started:
            return []
        self._started = True
        return [Start(id=name, model="")]

    def _content(self, content: dict[str, Any]) -> list[Delta]:
        return self._flow("reasoning", a_text(content.get("thinking"))) + self._flow(
            "text", a_text(content.get("text"))
        )

    def _flow(self, kind: Flow, text: str) -> list[Delta]:
        if not text:
            return []
        out = self._start()
        if self._open is None or self._open[0] != kind:
            out += self._take(BlockOpen(index=self._next, kind=kind))
        assert self._open is not None
        return [*out, BlockGrow(index=self._open[1], text=text)]

    def _call(self, call: dict[str, Any]) -> list[Delta]:
        function = an_object(call.get("function"))
        name = a_text(call.get("id")) or f"call_{self._calls}"
        self._calls += 1
        opened = BlockOpen(index=self._next, kind="tool_call", id=name, name=a_text(function.get("name")))
        return self._start() + self._take(opened) + self._arguments(function)

    def _arguments(self, function: dict[str, Any]) -> list[Delta]:
        text = a_text(function.get("arguments"))
        if not text:
            return []
        if self._open is None or self._open[0] != "tool_call":
            return self._fail("The provider's stream adds to a tool call that it never began.", "upstream_garbage")
        return [BlockGrow(index=self._open[1], text=text)]

    def _take(self, opened: BlockOpen) -> list[Delta]:
        out = self._end()
        self._open = (opened.kind, opened.index)
        self._next += 1
        return [*out, opened]

    def _end(self) -> list[Delta]:
        if self._open is None:
            return []
        index, self._open = self._open[1], None
        return [BlockClose(index=index)]

    def _finish(self, delta: dict[str, Any]) -> list[Delta]:
        if wrong := a_text(delta.get("error")):
            return self._fail(wrong, "upstream_stream_error")
        out = self._start() + self._end()
        for each in self._citations:
            raw = citation_part(each).raw
            out += self._take(BlockOpen(index=self._next, kind="opaque", dialect=NAME, raw=raw)) + self._end()
        self._over = True
        word = a_text(delta.get("finish_reason")) or None
        out.append(Finish(stop=stop_of(word), stop_raw=word, usage=usage_of(delta.get("usage"))))
        return out

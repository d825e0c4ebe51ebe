"""A streamed response, read. ``openai.types.responses.ResponseStreamEvent``"""

from typing import Any

from msgspec import Raw

from trimtab.llm import sse
from trimtab.llm.dialects._errors import words_of
from trimtab.llm.dialects._reading import BROKEN, count, encode, read_event
from trimtab.llm.dialects._signatures import signed_by
from trimtab.llm.dialects.openai_responses.hot import a_list, an_object, kinds_in, text, word_in
from trimtab.llm.dialects.openai_responses.items import NAME
from trimtab.llm.dialects.openai_responses.stops import stop_of
from trimtab.llm.dialects.openai_responses.usage import searches_in, usage_of, with_searches
from trimtab.llm.tiers import tier_of
from trimtab.llm.types import BlockClose, BlockGrow, BlockOpen, Delta, Failed, Finish, Start

_BEGUN = ("response.created", "response.in_progress", "response.queued")
_ENDED = ("response.completed", "response.incomplete")


class _Item:
    """An item of the wire under way: our blocks for it, by the index of its content (a thought has one block)."""

    __slots__ = ("blocks", "first", "flow", "grown", "kind", "last_part")

    def __init__(self, kind: str, first: dict[str, Any]) -> None:
        self.kind = kind
        self.first = first
        self.blocks: dict[int, int] = {}
        self.grown: set[int] = set()
        self.flow = ""
        """Of a thought: whether its summary or its own text is what is read."""
        self.last_part = 0


class ResponsesStreamDecoder:
    """Events to deltas. An item only this dialect understands opens and closes when it is done."""

    def __init__(self) -> None:
        self._started = False
        self._over = False
        self._next = 0
        self._items: dict[int, _Item] = {}
        self._seen = False

    def feed(self, block: bytes) -> list[Delta]:
        out: list[Delta] = []
        for data in sse.events(block):
            if self._over:
                break
            try:
                out += self._event(an_object(read_event(data)), data)
            except BROKEN:  # no JSON; or an item too deep to be written down again
                out += self._event({}, data)
        return out

    def close(self) -> list[Delta]:
        if self._over:
            return []
        return self._fail("The provider ended its stream in the middle of an answer.", "upstream_stream_cut")

    def _fail(self, message: str, code: str) -> list[Delta]:
        self._over = True
        return [Failed(message=message, code=code)]

    def _event(self, event: dict[str, Any], data: bytes) -> list[Delta]:
        if not event:
            if data.strip() == b"[DONE]":  # some compatible servers end as Chat Completions do
                return []
            return self._fail("The provider sent a stream event that is not a JSON object.", "upstream_garbage")
        kind = text(event.get("type"))
        if kind in _BEGUN:
            return self._start(an_object(event.get("response")))
        if kind in _ENDED:
            return self._finish(an_object(event.get("response")))
        if kind == "response.failed" or kind == "error" or (not kind and event.get("error")):
            message, code, _ = words_of(an_object(event.get("response")) if kind == "response.failed" else event)
            return self._fail(message, code or "upstream_stream_error")
        return self._of_item(kind, event)

    def _start(self, response: dict[str, Any]) -> list[Delta]:
        if self._started:
            return []
        self._started = True
        created = count(response.get("created_at"))
        return [Start(id=text(response.get("id")), model=text(response.get("model")), created=created)]

    # --- items ---

    def _of_item(self, kind: str, event: dict[str, Any]) -> list[Delta]:
        index = _index(event, "output_index")
        if kind == "response.output_item.added":
            return self._begin(index, an_object(event.get("item")))
        if kind == "response.output_item.done":
            return self._end(index, an_object(event.get("item")))
        item = self._items.get(index)
        if item is None:
            return []
        delta = text(event.get("delta"))
        match kind:
            case "response.output_text.delta":
                return self._grow(item, _index(event, "content_index"), "text", delta)
            case "response.refusal.delta":
                return self._grow(item, _index(event, "content_index"), "refusal", delta)
            case "response.function_call_arguments.delta" if item.kind == "function_call":
                return self._grow(item, 0, "tool_call", delta)
            case "response.reasoning_summary_text.delta":
                return self._think(item, "summary", _index(event, "summary_index"), delta)
            case "response.reasoning_text.delta":
                return self._think(item, "content", _index(event, "content_index"), delta)
            case _:
                return []

    def _begin(self, index: int, first: dict[str, Any]) -> list[Delta]:
        self._seen = True
        item = self._items[index] = _Item(text(first.get("type")), first)
        return self._open(item, 0, "tool_call") if item.kind == "function_call" else []

    def _open(self, item: _Item, at: int, kind: Any) -> list[Delta]:
        if at in item.blocks:
            return []
        block = item.blocks[at] = self._next
        self._next += 1
        first = item.first if kind == "tool_call" else {}
        return [BlockOpen(index=block, kind=kind, id=text(first.get("call_id")), name=text(first.get("name")))]

    def _grow(self, item: _Item, at: int, kind: str, more: str) -> list[Delta]:
        if not more:
            return []
        item.grown.add(at)
        return [*self._open(item, at, kind), BlockGrow(index=item.blocks[at], text=more)]

    def _think(self, item: _Item, flow: str, at: int, more: str) -> list[Delta]:
        if not more or (item.flow or flow) != flow:
            return []
        item.flow = flow
        if 0 in item.grown and at != item.last_part:
            more = "\n\n" + more
        item.last_part = at
        return self._grow(item, 0, "reasoning", more)

    def _end(self, index: int, whole: dict[str, Any]) -> list[Delta]:
        item = self._items.pop(index, None)
        if item is None:
            self._seen = True
            item = _Item(text(whole.get("type")), whole)
        out = self._rest(item, whole)
        return out + [BlockClose(index=block) for block in item.blocks.values()]

    def _rest(self, item: _Item, whole: dict[str, Any]) -> list[Delta]:
        """What an item says only now that it is done: servers need not send deltas of it."""
        out: list[Delta] = []
        match item.kind:
            case "message":
                for at, part in enumerate(map(an_object, a_list(whole.get("content")))):
                    refusal = part.get("type") == "refusal"
                    said = text(part.get("refusal" if refusal else "text"))
                    if at not in item.grown:
                        out += self._grow(item, at, "refusal" if refusal else "text", said)
            case "function_call":
                item.first = whole or item.first
                out += self._open(item, 0, "tool_call")
                if 0 not in item.grown:
                    out += self._grow(item, 0, "tool_call", text(whole.get("arguments")))
            case "reasoning":
                out += self._rest_of_thought(item, whole)
            case _:
                block, self._next = self._next, self._next + 1
                out.append(BlockOpen(index=block, kind="opaque", dialect=NAME, raw=Raw(encode(whole or item.first))))
                out.append(BlockClose(index=block))
        return out

    def _rest_of_thought(self, item: _Item, whole: dict[str, Any]) -> list[Delta]:
        out: list[Delta] = []
        if 0 not in item.grown:
            parts = a_list(whole.get("summary")) or a_list(whole.get("content"))
            out += self._grow(item, 0, "reasoning", "\n\n".join(text(an_object(part).get("text")) for part in parts))
        signed = text(whole.get("encrypted_content"))
        if signed:
            out += self._open(item, 0, "reasoning")
            out.append(BlockGrow(index=item.blocks[0], signature=signed_by(NAME, signed)))
        return out

    # --- the end ---

    def _finish(self, response: dict[str, Any]) -> list[Delta]:
        out = self._start(response)
        if not self._seen:  # a server that streams nothing but its end
            for index, item in enumerate(a_list(response.get("output"))):
                out += self._end(index, an_object(item))
        for item in self._items.values():
            out += [BlockClose(index=block) for block in item.blocks.values()]
        self._items.clear()
        self._over = True
        word = word_in(response)
        stop = stop_of(word, kinds_in(response))
        usage = usage_of(response.get("usage"), tier_of(response.get("service_tier")))
        usage = with_searches(usage, searches_in(response.get("output")))
        out.append(Finish(stop=stop, stop_raw=word, usage=usage))
        return out


def _index(event: dict[str, Any], name: str) -> int:
    found = event.get(name)
    return found if isinstance(found, int) and not isinstance(found, bool) else 0

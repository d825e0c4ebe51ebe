"""Anthropic's content blocks and our parts. https://docs.claude.com/en/api/messages"""

from typing import Any

from msgspec import Raw
from msgspec.structs import replace

from trimtab.core.errors import Unsupported
from trimtab.llm.dialects._caching import cache_control, ttl_in
from trimtab.llm.dialects._documents import anthropic_block
from trimtab.llm.dialects._reading import Cursor
from trimtab.llm.dialects._signatures import is_marked
from trimtab.llm.dialects._tools import plain_id, tool_input
from trimtab.llm.types import Image, Opaque, Part, Reasoning, Refusal, Text, ToolCall, ToolResult

NAME = "anthropic_messages"
Wire = dict[str, Any]


def parts_of(content: Cursor) -> tuple[Part, ...]:
    """``content``: a string, or a list of blocks."""
    if content.kind == "string":
        return (Text(content.text()),)
    if content.kind != "array":
        raise content.fail("must be a string or a list of content blocks")
    return tuple(part_of(each) for each in content.items())


def part_of(cursor: Cursor) -> Part:
    fields = cursor.fields()
    match fields.need("type").text():
        case "text":
            return Text(fields.need("text").text(), ttl_in(fields))
        case "image":
            return _image_of(cursor)
        case "tool_use":
            value = fields.need("input")
            value.fields()
            arguments = bytes(value.opaque()).decode("utf-8")  # the model's own spelling, numbers and all
            return ToolCall(fields.need("id").text(), fields.need("name").text(), arguments)
        case "tool_result":
            content = fields.get("content")
            parts = () if content is None else parts_of(content)
            if parts and isinstance(parts[-1], Text) and (ttl := ttl_in(fields)):
                parts = (*parts[:-1], replace(parts[-1], cache=ttl))
            return ToolResult(fields.need("tool_use_id").text(), parts, fields.boolean("is_error") or False)
        case "thinking":
            return Reasoning(text=fields.need("thinking").text(), signature=fields.text("signature") or None)
        case "redacted_thinking":
            return Reasoning(redacted=fields.need("data").text())
        case _:  # documents, search results, server tools, and what is new since
            return Opaque(NAME, cursor.opaque())


def _image_of(cursor: Cursor) -> Part:
    source = cursor.fields().need("source").fields()
    match source.need("type").text():
        case "base64":
            return Image(data=source.need("data").text(), media_type=source.need("media_type").text())
        case "url":
            return Image(url=source.need("url").text())
        case _:  # a file of Anthropic's own store
            return Opaque(NAME, cursor.opaque())


def block_of(part: Part, *, own: bool) -> Wire | Raw | None:
    """The block of a part; None for what would be empty or would be refused, and says nothing. ``own``: of a client of
    this dialect, which says what it means."""
    match part:
        case Text() | Refusal():
            block: Wire = {"type": "text", "text": part.text}
            if isinstance(part, Text) and part.cache:
                block["cache_control"] = cache_control(part.cache)
            return block if part.text.strip() or (own and part.text) else None
        case Image():
            return {"type": "image", "source": _source(part)}
        case ToolCall():
            given = tool_input(part.arguments)
            return {"type": "tool_use", "id": plain_id(part.id), "name": part.name, "input": given}
        case ToolResult():
            return _tool_result(part, own=own)
        case Reasoning():
            return _thinking(part)
        case Opaque() if part.dialect == NAME:
            return part.raw
        case Opaque():
            return anthropic_block(part)


def _source(image: Image) -> Wire:
    if image.url is not None:
        return {"type": "url", "url": image.url}
    return {"type": "base64", "media_type": image.media_type or "image/png", "data": image.data or ""}


def _thinking(part: Reasoning) -> Wire | None:
    if part.redacted is not None:
        return {"type": "redacted_thinking", "data": part.redacted}
    if part.signature is None or is_marked(part.signature):
        return None  # another vendor's thoughts: Anthropic takes back only those it has signed
    return {"type": "thinking", "thinking": part.text, "signature": part.signature}


def _tool_result(part: ToolResult, *, own: bool) -> Wire:
    wire: Wire = {"type": "tool_result", "tool_use_id": plain_id(part.call_id)}
    inner: list[Wire | Raw] = []
    for each in part.parts:
        if not isinstance(each, Text | Image | Opaque):
            raise Unsupported(f"A {type(each).__name__} part has no place in a tool's result.", param="messages")
        block = block_of(each, own=own)
        if block is not None:
            inner.append(block)
    if inner:
        wire["content"] = inner
    if part.is_error:
        wire["is_error"] = True
    return wire

"""OpenAI's content parts and tool calls, and ours."""

import re
from typing import Any

from trimtab.llm.dialects._caching import ttl_in
from trimtab.llm.dialects._reading import Cursor, Fields
from trimtab.llm.types import Image, Opaque, Part, Reasoning, Refusal, Text, ToolCall

NAME = "openai_chat"

_DATA_URL = re.compile(r"data:([\w.+-]+/[\w.+-]+);base64,(.*)", re.DOTALL)


def parts_of(content: Cursor) -> tuple[Part, ...]:
    """``content``: a string, or a list of parts."""
    if content.kind == "string":
        return (Text(content.text()),)
    if content.kind != "array":
        raise content.fail("must be a string or a list of parts")
    return tuple(part_of(each) for each in content.items())


def part_of(cursor: Cursor) -> Part:
    fields = cursor.fields()
    match fields.need("type").text():
        case "text":
            return Text(fields.need("text").text(), ttl_in(fields))
        case "refusal":
            return Refusal(fields.need("refusal").text())
        case "image_url":
            image = fields.need("image_url").fields()
            return _image_of(image.need("url").text(), image.text("detail"))
        case "thinking" if (thought := fields.get("thinking")) is not None and thought.kind == "array":
            return Reasoning(text="".join(each.fields().text("text") or "" for each in thought.items()))  # Mistral's
        case _:  # audio, files, and what is new since
            return Opaque(NAME, cursor.opaque())


def _image_of(url: str, detail: str | None) -> Image:
    inline = _DATA_URL.fullmatch(url)
    if inline is None:
        return Image(url=url, detail=detail)
    return Image(data=inline.group(2), media_type=inline.group(1), detail=detail)


def image_part(image: Image) -> dict[str, Any]:
    url = image.url if image.url is not None else f"data:{image.media_type or 'image/png'};base64,{image.data or ''}"
    told = {"url": url} if image.detail is None else {"url": url, "detail": image.detail}
    return {"type": "image_url", "image_url": told}


def call_of(cursor: Cursor, fallback_id: str | None = None) -> Part:
    """One entry of ``tool_calls``. ``fallback_id`` serves servers that give none; without it an id is demanded."""
    fields = cursor.fields()
    kind = fields.text("type")
    if kind not in (None, "function"):
        return Opaque(NAME, cursor.opaque())
    function = fields.need("function").fields()
    return ToolCall(
        id=fields.text("id") or fallback_id or fields.need("id").text(),
        name=function.need("name").text(),
        arguments=_arguments(function),
    )


def _arguments(function: Fields) -> str:
    arguments = function.get("arguments")
    if arguments is None:
        return ""
    # text by the reference; Ollama and others give the object itself
    return arguments.text() if arguments.kind == "string" else bytes(arguments.opaque()).decode("utf-8")


def tool_call(call: ToolCall) -> dict[str, Any]:
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}

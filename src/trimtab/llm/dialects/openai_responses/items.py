"""The items of Responses and our parts. ``openai.types.responses.ResponseInputItem`` and ``ResponseOutputItem``."""

import re
from typing import Any

from msgspec import Raw

from trimtab.core.errors import Unsupported
from trimtab.llm.dialects._documents import responses_part
from trimtab.llm.dialects._reading import Cursor, Fields
from trimtab.llm.dialects._signatures import for_client, from_client, own_signature
from trimtab.llm.types import Image, Opaque, Part, Reasoning, Refusal, Text, ToolCall

NAME = "openai_responses"
Wire = dict[str, Any]

_DATA_URL = re.compile(r"data:([\w.+-]+/[\w.+-]+);base64,(.*)", re.DOTALL)


# --- read ---


def content_of(content: Cursor) -> tuple[Part, ...]:
    """What a message or a tool's output holds: a string, or a list of content parts."""
    if content.kind == "string":
        return (Text(content.text()),)
    if content.kind != "array":
        raise content.fail("must be a string or a list of parts")
    return tuple(_content_part(each) for each in content.items())


def _content_part(cursor: Cursor) -> Part:
    fields = cursor.fields()
    match fields.need("type").text():
        case "input_text" | "output_text" | "text":
            return Text(fields.need("text").text())
        case "refusal":
            return Refusal(fields.need("refusal").text())
        case "input_image" if fields.get("image_url") is not None:
            return _image_of(fields.need("image_url").text(), fields.text("detail"))
        case _:  # files, images of OpenAI's own store, and what is new since
            return Opaque(NAME, cursor.opaque())


def _image_of(url: str, detail: str | None) -> Image:
    inline = _DATA_URL.fullmatch(url)
    if inline is None:
        return Image(url=url, detail=detail)
    return Image(data=inline.group(2), media_type=inline.group(1), detail=detail)


def call_of(fields: Fields) -> ToolCall:
    arguments = fields.get("arguments")
    text = "" if arguments is None else arguments.text()
    return ToolCall(fields.need("call_id").text(), fields.need("name").text(), text)


def reasoning_of(fields: Fields) -> Reasoning:
    """The summary where there is one, else the thought itself (open models' servers show it)."""
    texts = [part.fields().text("text") or "" for part in fields.items("summary")]
    if not texts:
        texts = [part.fields().text("text") or "" for part in fields.items("content")]
    signed = fields.text("encrypted_content")
    signature, redacted = from_client(NAME, signed) if signed else (None, None)
    return Reasoning(text="\n\n".join(texts), signature=signature, redacted=redacted)


# --- written for a provider ---


def content_part(part: Part, *, spoken: bool = False) -> Wire | Raw:
    """One part of a message's content; ``spoken``: by the model."""
    match part:
        case Text():
            return {"type": "output_text" if spoken else "input_text", "text": part.text}
        case Refusal() if spoken:
            return {"type": "refusal", "refusal": part.text}
        case Refusal():
            return {"type": "input_text", "text": part.text}
        case Image():
            return image_part(part)
        case Opaque() if part.dialect == NAME:
            return part.raw
        case Opaque():
            return responses_part(part)
        case _:
            raise Unsupported(f"A {type(part).__name__} part has no place in this message.", param="messages")


def image_part(image: Image) -> Wire:
    url = image.url if image.url is not None else f"data:{image.media_type or 'image/png'};base64,{image.data or ''}"
    wire: Wire = {"type": "input_image", "image_url": url}
    return wire if image.detail is None else wire | {"detail": image.detail}


def sent_reasoning(part: Reasoning, *, own: bool) -> Wire | None:
    """A thought as its provider takes it back; None for one that is not its own."""
    signed = own_signature(NAME, part.signature)
    if signed is None and not (own and part.signature is None and part.redacted is None):
        return None
    summary = [{"type": "summary_text", "text": part.text}] if part.text else []
    wire: Wire = {"type": "reasoning", "summary": summary}
    return wire if signed is None else wire | {"encrypted_content": signed}


# --- written for a client ---


def shown_item(part: Part, item_id: str, status: str = "completed") -> Wire | Raw | None:
    """An item of an answer; None for what a client of this dialect could not read."""
    match part:
        case Text():
            content: Wire = {"type": "output_text", "text": part.text, "annotations": [], "logprobs": []}
            return message_item(item_id, [content], status)
        case Refusal():
            return message_item(item_id, [{"type": "refusal", "refusal": part.text}], status)
        case ToolCall():
            return call_item(part, item_id, status)
        case Reasoning():
            return reasoning_item(part, item_id)
        case Opaque() if part.dialect == NAME:
            return part.raw
        case _:
            return None


def message_item(item_id: str, content: list[Wire], status: str) -> Wire:
    return {"id": item_id, "type": "message", "status": status, "role": "assistant", "content": content}


def call_item(call: ToolCall, item_id: str, status: str) -> Wire:
    return {
        "id": item_id,
        "type": "function_call",
        "status": status,
        "call_id": call.id,
        "name": call.name,
        "arguments": call.arguments,
    }


def reasoning_item(part: Reasoning, item_id: str) -> Wire:
    summary = [{"type": "summary_text", "text": part.text}] if part.text else []
    signed = for_client(NAME, part.signature, part.redacted)
    return {"id": item_id, "type": "reasoning", "summary": summary, "encrypted_content": signed}


_PREFIXES = {"text": "msg", "refusal": "msg", "tool_call": "fc", "reasoning": "rs", "opaque": "item"}


def item_id_of(response_id: str, kind: str, index: int) -> str:
    """Ids of items are made of the answer's: the same answer has the same ones however it is shown."""
    return f"{_PREFIXES[kind]}_{response_id.removeprefix('resp_')}_{index}"


def kind_of(part: Part) -> str:
    match part:
        case Text():
            return "text"
        case Refusal():
            return "refusal"
        case ToolCall():
            return "tool_call"
        case Reasoning():
            return "reasoning"
        case _:
            return "opaque"

"""Google's content parts and ours. https://ai.google.dev/api/caching#Part

A thought's signature stands on the part that follows the thought (a call, a text, or an empty text), and Google's newer
models refuse a call that comes back without it: https://ai.google.dev/gemini-api/docs/thought-signatures. Here it is
a `Reasoning` part before that part, so that it travels through clients of every dialect that keeps thoughts.

Requests may spell members in lowerCamelCase or in snake_case, as protobuf's JSON allows: `either` reads both.
"""

import mimetypes
import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

import msgspec
from msgspec import Raw
from msgspec.structs import replace

from trimtab.core.errors import Unsupported
from trimtab.llm.dialects._crossing import foreign
from trimtab.llm.dialects._documents import gemini_part, plain_base64
from trimtab.llm.dialects._reading import BROKEN, Cursor, Fields
from trimtab.llm.dialects._signatures import for_client, from_base64, from_client, own_signature, to_base64
from trimtab.llm.types import Image, Opaque, Part, Reasoning, Refusal, Text, ToolCall, ToolResult

NAME = "gemini"
Wire = dict[str, Any]

UNSIGNED = "skip_thought_signature_validator"
"""What Google documents to send with a call that another vendor's model made."""
_UNSIGNED = (UNSIGNED, "context_engineering_is_the_way_to_go")
_CAPITAL = re.compile(r"[A-Z]")
_OWN_HOSTS = ("googleapis.com", "youtube.com", "youtu.be")
_PICTURES = ("image/png", "image/jpeg", "image/webp", "image/heic", "image/heif")
_OUTPUT = re.compile(r"output(_\d+)?")


def either(fields: Fields, name: str) -> Cursor | None:
    """The member ``name`` (in camel case), however it is spelled."""
    found = fields.get(name)
    return fields.get(_CAPITAL.sub(lambda letter: "_" + letter[0].lower(), name)) if found is None else found


def text_at(fields: Fields, name: str) -> str | None:
    found = either(fields, name)
    return None if found is None else found.text()


class Calls:
    """The calls of a conversation so far. Google's ids are optional: a call without one gets its number, and a response
    without one answers the first open call of its name."""

    def __init__(self) -> None:
        self._count = 0
        self._open: list[tuple[str, str]] = []

    def opened(self, given: str | None, name: str) -> str:
        call_id = given or f"call_{self._count}"
        self._count += 1
        self._open.append((call_id, name))
        return call_id

    def answered(self, given: str | None, name: str) -> str:
        found = next((each for each in self._open if given in (None, "", each[0]) and each[1] == name), None)
        if found is None:
            return given or f"call_of_{name}"
        self._open.remove(found)
        return given or found[0]


# --- read ---


def parts_of(items: Iterable[Cursor], calls: Calls, *, client: bool) -> list[Part]:
    """Parts of one content. ``client``: it comes from a client, who may hand back what other vendors signed; else it is
    an answer, whose texts that follow each other are one, as they are in a stream."""
    found: list[Part] = []
    for cursor in items:
        fields = cursor.fields()
        signed = text_at(fields, "thoughtSignature")
        part = _part_of(cursor, fields, calls)
        if signed and signed not in _UNSIGNED:
            _sign(found, part, signed, client=client)
        elif part is not None and client:
            found.append(part)
        elif part is not None:
            join(found, part)
    return found


def _sign(found: list[Part], part: Part | None, signed: str, *, client: bool) -> None:
    """Put the signature where it belongs: into the thought before the part, or into one of its own."""
    signature, redacted = from_client(NAME, from_base64(signed)) if client else (f"{NAME}:{signed}", None)
    mark = Reasoning(signature=signature, redacted=redacted)
    if isinstance(part, Reasoning):
        if client:
            found.append(part)
        else:
            join(found, part)
        part = None
    last = found[-1] if found else None
    if redacted is None and isinstance(last, Reasoning) and last.signature is None and last.redacted is None:
        found[-1] = Reasoning(text=last.text, signature=signature)
    else:
        found.append(mark)
    if part is not None and part != Text(""):
        found.append(part)


def join(found: list[Part], part: Part) -> None:
    """Add a part; a text or thought grows the one before it."""
    last = found[-1] if found else None
    match part:
        case Text(text=""):
            pass
        case Text() if isinstance(last, Text):
            found[-1] = Text(last.text + part.text)
        case Reasoning() if isinstance(last, Reasoning) and last.signature is None and last.redacted is None:
            found[-1] = Reasoning(text=last.text + part.text)
        case _:
            found.append(part)


def _part_of(cursor: Cursor, fields: Fields, calls: Calls) -> Part | None:
    text = fields.get("text")
    if text is not None:
        return Reasoning(text=text.text()) if fields.boolean("thought") else Text(text.text())
    inline = either(fields, "inlineData")
    if inline is not None:
        return _inline(cursor, inline.fields())
    linked = either(fields, "fileData")
    if linked is not None:
        return _linked(cursor, linked.fields())
    call = either(fields, "functionCall")
    if call is not None:
        return _call_of(call.fields(), calls)
    result = either(fields, "functionResponse")
    if result is not None:
        return _result_of(result.fields(), calls)
    if set(fields) <= {"thoughtSignature", "thought_signature", "thought"}:
        return None
    return Opaque(NAME, cursor.opaque())  # code and its result, and what is new since


def _inline(cursor: Cursor, blob: Fields) -> Part:
    kind = text_at(blob, "mimeType") or ""
    data = blob.need("data").text()
    if kind.startswith("image/"):
        return Image(data=plain_base64(data), media_type=kind)
    return Opaque(NAME, cursor.opaque())


def _linked(cursor: Cursor, file: Fields) -> Part:
    """A picture on the open web is anyone's; a file in Google's store, a film or a document is not."""
    found = either(file, "fileUri")
    uri = file.need("fileUri").text() if found is None else found.text()
    kind = text_at(file, "mimeType") or mimetypes.guess_type(uri)[0]
    try:
        parts = urlsplit(uri)
        host, scheme = parts.hostname or "", parts.scheme
    except ValueError:
        host, scheme = "", ""
    open_web = scheme in ("http", "https") and not host.endswith(_OWN_HOSTS)
    if open_web and (kind is None or kind.startswith("image/")):
        return Image(url=uri)
    return Opaque(NAME, cursor.opaque())


def _call_of(call: Fields, calls: Calls) -> ToolCall:
    name = call.need("name").text()
    arguments = call.get("args")
    if arguments is None:
        written = "{}"
    else:
        arguments.fields()
        written = bytes(arguments.opaque()).decode("utf-8")
    return ToolCall(calls.opened(call.text("id"), name), name, written)


def _result_of(result: Fields, calls: Calls) -> ToolResult:
    name = result.need("name").text()
    call_id = calls.answered(result.text("id"), name)
    told = result.get("response")
    texts, failed = ([], False) if told is None else _told(told)
    shown = parts_of(result.items("parts"), calls, client=True)
    return ToolResult(call_id, (*texts, *shown), failed)


def _told(response: Cursor) -> tuple[list[Part], bool]:
    """What a function gave back, and whether that is an error. Google leaves the object's members open but for
    ``output`` and ``error``; its SDK says ``result``. Anything else is JSON text."""
    fields = response.fields()
    names = list(fields)
    strings = all((member := fields.get(name)) is not None and member.kind == "string" for name in names)
    if names and strings:
        if names == ["error"]:
            return [Text(fields.need("error").text())], True
        if names == ["result"] or all(_OUTPUT.fullmatch(name) for name in names):
            return [Text(fields.need(name).text()) for name in names], False
    if not names:
        return [], False
    return [Text(bytes(response.opaque()).decode("utf-8"))], False


# --- written ---


def arguments_of(text: str) -> Wire | Raw:
    """``args`` must be an object, but arguments may be cut off or wrong, and the model must see what it wrote."""
    if not text.strip():
        return {}
    try:
        value: Any = msgspec.json.decode(text)
    except BROKEN:
        value = None
    return Raw(text.encode("utf-8")) if isinstance(value, dict) else {"INVALID_JSON": text}


def call_wire(call: ToolCall) -> Wire:
    return {"functionCall": {"id": call.id, "name": call.name, "args": arguments_of(call.arguments)}}


def media_wire(image: Image) -> Wire:
    if image.url is None:
        return {"inlineData": {"mimeType": image.media_type or "image/png", "data": image.data or ""}}
    kind = mimetypes.guess_type(image.url)[0]
    told: Wire = {"fileUri": image.url}
    return {"fileData": told if kind is None else told | {"mimeType": kind}}


def taken_media(image: Image) -> Wire:
    """A picture of another dialect's client. Raises `Unsupported` for kinds that Google does not read:
    https://ai.google.dev/gemini-api/docs/image-understanding#supported-formats"""
    kind = image.media_type if image.url is None else mimetypes.guess_type(image.url)[0]
    if kind == "image/jpg":  # https://github.com/CherryHQ/cherry-studio/pull/3088
        kind = "image/jpeg"
    if kind is not None and kind not in _PICTURES:
        raise Unsupported(
            f"Pictures of the type {kind[:80]!r} are not taken by this provider.",
            fix="Send a PNG, JPEG or WebP, or call a model of another provider.",
            param="messages",
        )
    return media_wire(image if image.url is not None else replace(image, media_type=kind))


def result_wire(part: ToolResult, name: str, *, own: bool) -> Wire:
    """``own``: the call came in this dialect; else documents that are texts are told as such."""
    texts = [each.text for each in part.parts if isinstance(each, Text)]
    media = [each for each in part.parts if not isinstance(each, Text)]
    if not own:
        written = [gemini_part(each) for each in media if isinstance(each, Opaque) and each.dialect != NAME]
        texts += [each["text"] for each in written if "text" in each]
    if part.is_error:
        response: Wire = {"error": "\n".join(texts)}
    else:
        response = {"output" if not at else f"output_{at + 1}": text for at, text in enumerate(texts)}
    wire: Wire = {"id": part.call_id, "name": name, "response": response}
    shown: list[Wire | Raw] = []
    for each in media:
        match each:
            case Image():
                shown.append(media_wire(each) if own else taken_media(each))
            case Opaque() if each.dialect == NAME:
                shown.append(each.raw)
            case Opaque():
                document = gemini_part(each)
                shown += [] if "text" in document else [document]
            case _:
                raise Unsupported(f"A {type(each).__name__} part has no place in a tool's result.", param="messages")
    return {"functionResponse": wire | {"parts": shown} if shown else wire}


class Writer:
    """Writes the model's parts one after the other; a signature waits for the part it stands on. ``provider``: for a
    provider, which takes back only its own signatures and thoughts; else for a client."""

    def __init__(self, *, provider: bool, own: bool = False) -> None:
        self._provider = provider
        self._own = own
        self._waiting: str | None = None
        self.called = False

    def write(self, part: Part) -> list[Wire | Raw]:
        """What goes on the wire for the next part; nothing for what has no place."""
        match part:
            case Text() | Refusal():
                return [self._signed({"text": part.text})] if part.text else []
            case ToolCall():
                return [self._call(part)]
            case Reasoning():
                return self._thought(part)
            case Opaque() if part.dialect == NAME:
                return [*self.rest(), part.raw]
            case Opaque() if self._provider:
                raise foreign(part)
            case Image() if self._provider:
                return [self._signed(media_wire(part))]
            case ToolResult() if self._provider:
                raise Unsupported("A tool's result has no place in the model's message.", param="messages")
            case _:
                return []

    def rest(self) -> list[Wire | Raw]:
        """A signature that still waits, on an empty text."""
        return [] if self._waiting is None else [self._signed({"text": ""})]

    def _call(self, call: ToolCall) -> Wire:
        wire = self._signed(call_wire(call))
        if self._provider and not self._own and not self.called and "thoughtSignature" not in wire:
            wire["thoughtSignature"] = UNSIGNED
        self.called = True
        return wire

    def _thought(self, part: Reasoning) -> list[Wire | Raw]:
        if self._provider:
            signed = own_signature(NAME, part.signature)
            plain = self._own and part.signature is None and part.redacted is None
            if signed is None and not plain:
                return []
        else:
            marked = for_client(NAME, part.signature, part.redacted)
            signed = None if marked is None else to_base64(marked)
        out = self.rest()
        if part.text:
            out.append({"text": part.text, "thought": True})
        self._waiting = signed
        return out

    def _signed(self, wire: Wire) -> Wire:
        if self._waiting is not None:
            wire["thoughtSignature"], self._waiting = self._waiting, None
        return wire

"""What stands in a vendor's block: its words, files of text among them, and what nobody here can read.

    Opaque --leaves--> Leaf ("written" as the client sent it, "text" as a guard reads it) | its kind ("image", ...)

A file of text (text, JSON, CSV, XML, YAML and the like) that came along as a data URL or in Base64 is read as text, and
written again as it came where something is taken out of it. Pictures, sound, films, other files, and whatever lies
elsewhere and is only pointed to, are not read: each is told, so that nobody believes that it was.
"""

import base64
import binascii
import mimetypes
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, cast
from urllib.parse import quote, unquote_to_bytes

import msgspec
from msgspec import Struct

from trimtab.llm.types import Image, Opaque, Part

_NO_TEXT: Final = frozenset(
    (
        "id", "type", "status", "media_type", "mimeType", "mime_type", "signature", "encrypted_content",
        "encrypted_index", "thoughtSignature", "thought_signature", "image_url",
    )
)  # fmt: skip
"""Fields of vendors' blocks that hold no words."""
_TEXT_MEDIA: Final = re.compile(
    r"text/.+|application/(?:(?:.+\+)?(?:json|xml|yaml)|x-(?:ndjson|yaml|sh|python|javascript)|ndjson|jsonl?|csv|"
    r"javascript|typescript|sql|toml|x-httpd-php)"
)
_TEXT_NAMES: Final = re.compile(r".*\.(?:txt|md|markdown|csv|tsv|json|jsonl|ndjson|xml|ya?ml|toml|ini|log|html?|sql)")
_DATA_URL: Final = re.compile(r"data:([^,]*),", re.IGNORECASE)
_BASE64: Final = re.compile(r"[A-Za-z0-9+/_=\s-]{16,}")
_ELSEWHERE: Final = ("file_id", "file_url", "fileUri", "file_uri")
_PICTURES: Final = frozenset(("image_generation_call", "computer_screenshot", "input_image", "image"))
_decode: Final = msgspec.json.Decoder().decode


class Leaf(Struct, frozen=True):
    """A text in a block. ``prefix``, ``packed`` and ``codec`` say how it is ``written``, where that is not as it is."""

    written: str
    text: str
    prefix: str = ""
    packed: bool = False
    codec: str = "utf-8"

    @property
    def is_file(self) -> bool:
        return self.packed or bool(self.prefix)

    def again(self, text: str) -> str:
        """Another text, written as this one was."""
        if not self.is_file:
            return text
        data = text.encode(self.codec, "surrogatepass")
        return self.prefix + (base64.b64encode(data).decode() if self.packed else quote(data))


def leaves(part: Opaque) -> list[Leaf | str]:
    """Its texts, in order; what cannot be read by its kind: image, audio, video or file."""
    return list(_leaves(_decode(part.raw)))


def unread(part: Part) -> list[str]:
    """What of a part cannot be read, by kind."""
    if isinstance(part, Image):
        return ["image"]
    return [each for each in leaves(part) if isinstance(each, str)] if isinstance(part, Opaque) else []


def read(leaf: str) -> Leaf | None:
    """A string of a body that is a file of text in Base64 or a data URL; None for any other."""
    if found := _DATA_URL.match(leaf):
        return _of_url(leaf, found)
    return _unpacked(leaf) if _BASE64.fullmatch(leaf) else None


def _leaves(value: Any) -> Iterator[Leaf | str]:
    if isinstance(value, list):
        for each in cast("list[Any]", value):
            yield from [Leaf(each, each)] if isinstance(each, str) else _leaves(each)
    elif isinstance(value, dict):
        yield from _of_fields(cast("dict[str, Any]", value))


def _of_fields(fields: dict[str, Any]) -> Iterator[Leaf | str]:
    kind = fields.get("type")
    if kind in _PICTURES:
        yield "image"
        return
    if kind == "url" or any(isinstance(fields.get(name), str) for name in _ELSEWHERE):
        yield kind_of(_media_of(fields))
    for name, each in fields.items():
        if name in ("input_audio", "audio") and isinstance(each, dict):
            yield "audio"
        elif name == "image_url":
            yield "image"
        elif name in _NO_TEXT or name.endswith(("_id", "Id", "ID")):
            continue
        elif not isinstance(each, str):
            yield from _leaves(each)
        elif name == "file_data" or (name == "data" and kind != "text"):
            yield _file(each, fields)
        else:
            yield Leaf(each, each)


def _file(data: str, fields: Mapping[str, Any]) -> Leaf | str:
    """A file that came along: its text, or its kind."""
    if found := _DATA_URL.match(data):
        return _of_url(data, found) or kind_of(found[1])
    media = _media_of(fields)
    if not _is_text(media) and (media or not _TEXT_NAMES.fullmatch(str(fields.get("filename", "")).lower())):
        return kind_of(media)
    return _unpacked(data) or kind_of(media)


def _of_url(url: str, found: re.Match[str]) -> Leaf | None:
    media, data = found[1], url[found.end() :]
    if not _is_text(media or "text/plain"):
        return None
    if media.lower().replace(" ", "").endswith(";base64"):
        leaf = _unpacked(data)
        return None if leaf is None else Leaf(url, leaf.text, prefix=found[0], packed=True, codec=leaf.codec)
    return text_of(unquote_to_bytes(data), url, prefix=found[0], packed=False)


def _unpacked(data: str) -> Leaf | None:
    """Base64, with or without its end, as either alphabet writes it."""
    plain = "".join(data.split()).translate({45: 43, 95: 47}).rstrip("=")
    try:
        unpacked = base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None
    return text_of(unpacked, data, prefix="", packed=True)


def text_of(data: bytes, written: str = "", *, prefix: str = "", packed: bool = False) -> Leaf | None:
    """UTF-8, or UTF-16 that says so; None for what is no text."""
    codec = "utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8"
    try:
        text = data.decode(codec).removeprefix("\ufeff")
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else Leaf(written, text, prefix=prefix, packed=packed, codec=codec)


def _media_of(fields: Mapping[str, Any]) -> str:
    for name in ("media_type", "mimeType", "mime_type"):
        if isinstance(found := fields.get(name), str):
            return found
    return mimetypes.guess_type(str(fields.get("filename", "")))[0] or ""


def _is_text(media: str) -> bool:
    return _TEXT_MEDIA.fullmatch(media.partition(";")[0].strip().lower()) is not None


def kind_of(media: str) -> str:
    """What a media type is of: image, audio, video, else file."""
    kind = media.partition("/")[0].strip().lower()
    return kind if kind in ("image", "audio", "video") else "file"

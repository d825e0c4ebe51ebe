"""The words in what passes through, and what nobody here can read of it: bodies and answers of pictures and sound.

    body | answer --asked | answered--> Texts (pieces, unread) --written--> the same bytes with other texts

Nothing is known of these bodies but their shape: a JSON object, a form (RFC 7578), a stream of events, a plain text.
So every text in them counts, whatever its field is called, but short words in fields that set something (``size``), and
what holds a picture or a sound. Texts of one field in a list (the segments of a transcript) are one text in parts.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, cast

import msgspec
from msgspec import Struct

from trimtab.core.errors import InvalidRequest
from trimtab.gateway.guard_files import Leaf, kind_of, read, text_of
from trimtab.gateway.guard_texts import encoded
from trimtab.guard.parts import joined, split
from trimtab.guard.types import Piece, Stage, Unread

_SETTINGS: Final = frozenset(
    (
        "model", "size", "quality", "style", "response_format", "background", "moderation", "output_format",
        "input_fidelity", "voice", "stream_format", "user", "type", "id", "object", "language", "task", "purpose",
        "include", "chunking_strategy", "timestamp_granularities", "aspect_ratio", "resolution", "format", "stream",
        "n", "seed", "temperature", "speed", "partial_images", "output_compression", "mime_type", "sequence_number",
    )
)  # fmt: skip
_SET: Final = re.compile(r"[A-Za-z0-9._:/+-]{0,64}")
"""What such a field holds; anything else in it is words."""
_MEDIA: Final = frozenset(
    (
        "image", "images", "image_url", "image_b64", "image_base64", "image_prompt", "input_image", "mask", "mask_url",
        "reference_images", "audio", "audio_url", "file", "files", "file_id", "video", "b64_json", "url",
        "known_speaker_references",
    )
)  # fmt: skip
_DATA_URL: Final = re.compile(r"data:[\w.+/-]*(?:;[\w.+=-]*)*?;base64,[A-Za-z0-9+/_-]*={0,2}", re.IGNORECASE | re.ASCII)
"""A file in a field that holds words otherwise: nothing but a file, so that no words hide behind its first letters."""
_OF_WORDS: Final = frozenset(("tokens", "logprobs"))
"""Fields that say the words of a transcript once more: nothing of them is left where a text was changed."""
_DISPOSITION: Final = re.compile(rb"form-data((?:\s*;\s*[a-z*]+=(?:\"[^\"\r\n]*\"|[^\s;\"]+))*)\s*;?\s*", re.IGNORECASE)
_NAMED: Final = re.compile(rb";\s*([a-z*]+)=(?:\"([^\"\r\n]*)\"|([^\s;\"]+))", re.IGNORECASE)
_PLAIN: Final = (b"", b"7bit", b"8bit", b"binary")
_CHARSET: Final = re.compile(rb"charset=\"?([^\s;\"]+)", re.IGNORECASE)
_UTF8: Final = (b"utf-8", b"utf8", b"us-ascii", b"ascii")
_LINE: Final = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
"""A line of an event stream: what else Unicode takes for the end of one may stand within JSON."""
_NOT_READ: Final = (msgspec.MsgspecError, ValueError, RecursionError)
"""What is raised for JSON that is none, not UTF-8, or nested too deeply."""
_decode: Final = msgspec.json.Decoder().decode

Write = Callable[[str], None]


class _Found(Struct, frozen=True):
    """A text, by which field it is in, and where it is put back."""

    field: str
    text: str
    write: Write
    file: Leaf | None = None


class Texts:
    """``pieces`` are to be looked at; `written` gives the bytes with others in their places."""

    def __init__(
        self, found: Sequence[_Found], stage: Stage, role: str, unread: Sequence[Unread], made: Callable[[bool], bytes]
    ) -> None:
        self._fields: dict[str, list[_Found]] = {}
        for each in found:
            self._fields.setdefault(each.field if each.file is None else f"{each.field}!{id(each)}", []).append(each)
        self._made = made
        self.unread = tuple(unread)
        self.pieces = tuple(
            _piece(group, stage, role, str(at)) for at, group in enumerate(self._fields.values())
        )  # a place says nothing of what the client called its fields

    def written(self, pieces: Sequence[Piece]) -> bytes:
        """The bytes with the texts of these pieces, which are as many as there were."""
        changed = False
        for group, before, after in zip(self._fields.values(), self.pieces, pieces, strict=True):
            if before.text == after.text:
                continue
            changed = True
            for each, text in zip(group, split(after.text, after.cuts), strict=True):
                each.write(text if each.file is None else each.file.again(text))
        return self._made(changed)

    def each(self, change: Callable[[str], str]) -> bytes:
        """The bytes with each of its texts changed by itself."""
        for found in (each for group in self._fields.values() for each in group if each.file is None):
            found.write(change(found.text))
        return self._made(False)


def _piece(group: Sequence[_Found], stage: Stage, role: str, place: str) -> Piece:
    if group[0].file is not None:
        return Piece(stage="retrieved", text=group[0].text, role=role, place=place + "!")
    text, cuts = joined([each.text for each in group])
    return Piece(stage=stage, text=text, role=role, place=place, cuts=cuts)


# --- what is asked ---


def asked_json(body: bytes, family: str) -> Texts:
    """Raises `InvalidRequest` for what is nested too deeply to be looked at, or has a number beyond all bounds."""
    try:
        value: Any = _decode(body)
    except (msgspec.MsgspecError, ValueError) as error:
        raise InvalidRequest(
            f"The body cannot be read: {error}.", fix="Send numbers that a double can hold, and UTF-8."
        ) from None
    found, unread = _walked(value, family)
    return Texts(found, "input", "user", [_seen("input", each) for each in unread], lambda _: encoded(value))


def asked_form(body: bytes, boundary: bytes, family: str) -> Texts:
    """Raises `InvalidRequest` for a form that another reader might read otherwise."""
    found: list[_Found] = []
    unread: list[Unread] = []
    changes: dict[int, bytes] = {}
    parts = _parts(body, boundary)

    def put(at: int, codec: str) -> Write:
        def write(text: str) -> None:
            changes[at] = text.encode(codec)

        return write

    for at, part in enumerate(parts):
        data, field = body[part.start : part.end], part.field.removesuffix("[]")
        if part.is_file:
            text = text_of(data)
            if text is None:
                unread.append(_seen("input", _family_kind(family, part.media)))
            elif text.text and field not in _MEDIA:  # a name of a file makes no file of a prompt
                found.append(_Found(field, text.text, put(at, text.codec)))
            elif text.text:
                leaf = Leaf("", text.text)
                found.append(_Found(field, text.text, put(at, text.codec), leaf))
            continue
        said = _utf8(data, part)
        if _is_set(field, said):
            continue
        leaf = _file(field, said)
        if leaf is None:
            found.append(_Found(field, said, put(at, "utf-8")))
        elif isinstance(leaf, Leaf):
            found.append(_Found(field, leaf.text, put(at, "utf-8"), leaf))
        else:
            unread.append(_seen("input", leaf or _family_kind(family, "")))

    def made(_: bool) -> bytes:
        out: list[bytes] = []
        last = 0
        for at, data in sorted(changes.items()):
            out += [body[last : parts[at].start], data]
            last = parts[at].end
        return b"".join((*out, body[last:]))

    return Texts(found, "input", "user", unread, made)


def nothing_read(stage: Stage, kind: str, role: str = "user") -> Texts:
    """A body that is no text, or is not looked at as one."""
    return Texts((), stage, role, [Unread(stage=stage, what=kind, role=role)], lambda _: b"")


# --- what is answered ---


def answered(kind: str, body: bytes, family: str) -> Texts | None:
    """Of an answer of that content type; None for one that cannot be read as text."""
    if "json" in kind or body[:1] == b"{":
        try:
            return _answered_json(body, family)
        except (*_NOT_READ, InvalidRequest):
            pass  # JSON by its own word only: a text like any other
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return None
    if "event-stream" in kind:
        return _answered_events(text, family)
    if "\0" in text:
        return None
    said = [text]

    def write(other: str) -> None:
        said[0] = other

    found = [_Found("text", text, write)] if text else []
    return Texts(found, "output", "assistant", (), lambda _: said[0].encode())


def _answered_json(body: bytes, family: str) -> Texts:
    whole: list[Any] = [_decode(body)]  # in a list, so that a body that is one string can be another
    found, _ = _walked(whole, family)

    def made(changed: bool) -> bytes:
        return encoded(_silent(whole[0]) if changed else whole[0])

    return Texts(found, "output", "assistant", (), made)


def _answered_events(text: str, family: str) -> Texts:
    """Server-sent events, whose data is JSON: texts of one kind of event are one text."""
    blocks: list[str | tuple[str, Any]] = []
    found: list[_Found] = []

    def plain(at: int) -> Write:
        def write(other: str) -> None:
            blocks[at] = other

        return write

    for line in _LINE.findall(text):
        bare = line.rstrip("\r\n")
        data = bare.removeprefix("data:").strip() if bare.startswith("data:") else ""
        if (value := _event(data)) is not None:
            blocks.append((line[len(bare) :], value))
            sort = str(value.get("type", ""))
            found += [msgspec.structs.replace(each, field=f"{sort} {each.field}") for each in _walked(value, family)[0]]
            continue
        blocks.append(line)
        if bare and data != "[DONE]" and not bare.startswith("event:"):
            found.append(_Found("", line, plain(len(blocks) - 1)))

    def made(changed: bool) -> bytes:
        lines = [
            each
            if isinstance(each, str)
            else f"data: {encoded(_silent(each[1]) if changed else each[1]).decode()}{each[0]}"
            for each in blocks
        ]
        return "".join(lines).encode()

    return Texts(found, "output", "assistant", (), made)


def _event(data: str) -> dict[str, Any] | None:
    if not data.startswith("{"):
        return None
    try:
        return cast("dict[str, Any]", _decode(data))
    except _NOT_READ:
        return None


def _silent(value: Any) -> Any:
    """Without the fields that say words once more."""
    if isinstance(value, dict):
        told = cast("dict[str, Any]", value)
        return {name: _no_words(each) if name in _OF_WORDS else _silent(each) for name, each in told.items()}
    return [_silent(each) for each in cast("list[Any]", value)] if isinstance(value, list) else value


def _no_words(value: Any) -> Any:
    return cast("list[Any]", []) if isinstance(value, list) else _silent(value)


# --- JSON ---


def _walked(value: Any, family: str) -> tuple[list[_Found], list[str]]:
    """Its texts, and the kinds of what cannot be read."""
    found: list[_Found] = []
    unread: list[str] = []
    try:
        for field, name, text, write in _strings(value, "", "", _never):
            if _is_set(name, text):
                continue
            leaf = _file(name, text)
            if leaf is None:
                found.append(_Found(field, text, write))
            elif isinstance(leaf, Leaf):
                found.append(_Found(field, leaf.text, write, leaf))
            else:
                unread.append(leaf or _family_kind(family, ""))
    except RecursionError:
        raise InvalidRequest(
            "The body is nested more deeply than guards can look.",
            fix="Nest what is asked less deeply: some hundred levels are read.",
            code="guard_unsupported",
        ) from None
    return found, unread


def _strings(value: Any, field: str, name: str, write: Write) -> Iterator[tuple[str, str, str, Write]]:
    """Each string with its field (by names alone, so that those of a list are of one), that field's last name, and what
    puts another string there."""
    if isinstance(value, str):
        if value:
            yield field, name, value, write
    elif isinstance(value, dict):
        told = cast("dict[str, Any]", value)
        for key, each in told.items():
            inner = name if name in _MEDIA else key
            yield from _strings(
                each, f"{field}.{key}", inner, lambda text, told=told, key=key: told.update({key: text})
            )
    elif isinstance(value, list):
        items = cast("list[Any]", value)
        for at, each in enumerate(items):
            yield from _strings(each, field, name, lambda text, items=items, at=at: items.__setitem__(at, text))


def _never(text: str) -> None:
    raise AssertionError(f"a body that is one string of {len(text)} characters")


def _is_set(name: str, text: str) -> bool:
    return name in _SETTINGS and _SET.fullmatch(text) is not None


def _file(name: str, text: str) -> Leaf | str | None:
    """A file of text that came along; its kind (empty: the family's) where it cannot be read; None for words."""
    if name in _MEDIA:
        return read(text) or (kind_of(text[5:].partition(",")[0]) if text[:5].lower() == "data:" else "")
    if _DATA_URL.fullmatch(text) is None:
        return None
    return read(text) or kind_of(text[5:].partition(",")[0])


def _family_kind(family: str, media: str) -> str:
    return {"images": "image", "audio": "audio"}.get(family) or kind_of(media)


def _seen(stage: Stage, kind: str) -> Unread:
    return Unread(stage=stage, what=kind, role="user")


# --- forms ---


class _Part(Struct, frozen=True):
    """A field of a form: its value's place in the body."""

    field: str
    is_file: bool
    media: str
    charset: bytes
    start: int
    end: int


def _parts(body: bytes, boundary: bytes) -> list[_Part]:
    if not body.startswith(boundary):
        raise _unclear("it does not begin with its boundary")
    parts: list[_Part] = []
    at = len(boundary)
    between = b"\r\n" + boundary
    while body[at : at + 2] == b"\r\n":
        head_end, end = body.find(b"\r\n\r\n", at), body.find(between, at)
        if not 0 <= head_end < end:
            raise _unclear("a field of it has no end")
        parts.append(_part(body[at + 2 : head_end], head_end + 4, end))
        at = end + len(between)
    if body[at : at + 2] != b"--" or body[at + 2 :].strip():
        raise _unclear("something stands behind its end, or behind a boundary")
    return parts


def _part(head: bytes, start: int, end: int) -> _Part:
    lines: dict[bytes, bytes] = {}
    for line in head.split(b"\r\n"):
        name, colon, value = line.partition(b":")
        if not colon or name.lower() in lines or line[:1].isspace():
            raise _unclear("a header of one of its fields is none, or is said twice")
        lines[name.lower()] = value.strip()
    disposition = lines.get(b"content-disposition", b"")
    told = [(key.lower(), quoted or bare) for key, quoted, bare in _NAMED.findall(disposition)]
    names = [value for key, value in told if key == b"name"]
    if _DISPOSITION.fullmatch(disposition) is None or len(names) != 1 or b"\\" in names[0]:
        raise _unclear("one of its fields has no name, or more than one")
    if lines.get(b"content-transfer-encoding", b"").lower() not in _PLAIN:
        raise _unclear("one of its fields is packed (Content-Transfer-Encoding)")
    media = lines.get(b"content-type", b"")
    charset = _CHARSET.search(media)
    return _Part(
        field=names[0].decode("utf-8", "replace"),
        is_file=any(key.startswith(b"filename") for key, _ in told),
        media=media.decode("latin-1"),
        charset=b"" if charset is None else charset[1].lower(),
        start=start,
        end=end,
    )


def _utf8(data: bytes, part: _Part) -> str:
    if part.charset and part.charset not in _UTF8:
        raise _unclear(f"its field {part.field[:40]!r} is not in UTF-8")
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise _unclear(f"its field {part.field[:40]!r} is not in UTF-8") from None


def _unclear(why: str) -> InvalidRequest:
    return InvalidRequest(
        f"Guards look at this form, and it may be read in more than one way: {why}.",
        fix="Send it as RFC 7578 has it, its texts in UTF-8; the official clients do.",
        code="guard_unsupported",
    )

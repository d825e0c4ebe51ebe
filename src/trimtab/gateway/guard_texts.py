"""What of a call guards look at, and the call with other texts in those places.

    Request --pieces_of--> (Piece, ...) --a chain--> (Piece, ...) --put_back--> Request --rewritten--> the client's body

The texts of one message are one, however its sender cut them into parts: a guard sees them together, and what it takes
out is taken out of the parts.

A body is rewritten in place, so whatever guards do not look at arrives as it was sent. What comes of it is read again
and compared, so that nothing a guard has taken out can go on standing somewhere else in it.

**What was retrieved.** A client that puts found documents into its messages marks them, so that guards know whose words
they are: as a message whose ``name`` is ``retrieved``, or between ``<retrieved>`` and ``</retrieved>``, or ``<document
...>`` and ``</document>``, anywhere in a text.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, cast

import msgspec
from msgspec.structs import replace

from trimtab.core.errors import TrimtabError
from trimtab.gateway.guard_files import Leaf, leaves, read, unread
from trimtab.guard.parts import joined, sliced, split
from trimtab.guard.run import Swap
from trimtab.guard.types import Piece, Stage, Subject, Unread
from trimtab.llm.dialects import Dialect, Quirks
from trimtab.llm.types import Message, Opaque, Part, Reasoning, Refusal, Request, Response, Text, ToolCall, ToolResult

RETRIEVED: Final = "retrieved"
_MARKED: Final = re.compile(r"(<(retrieved|document)\b[^<>]{0,500}>)(.*?)(</\2\s*>)", re.DOTALL | re.IGNORECASE)
_GEMINI_FILES: Final = ("inlineData", "inline_data", "fileData", "file_data")
_FILES: Final = ("document", "search_result", "file", "input_file")
"""What was given a model to read, by the type of its block; Gemini's have none."""
_SHORT: Final = 4
"""Characters below which a text that was taken out is not looked for in the rest of a kept body."""
_SPOKEN: Final = (Unread(stage="output", what="audio", role="assistant"),)
_decode: Final = msgspec.json.Decoder().decode
_encode: Final = msgspec.json.Encoder().encode
_QUIRKS: Final = Quirks()


# --- what is asked ---


def said_once(body: bytes) -> bytes:
    """The body with each member of an object once, as it is read here (the last counts, RFC 8259 4): a second one of
    the same name would be sent, and looked at by nobody."""
    return encoded(_decode(body))


def encoded(value: Any) -> bytes:
    try:
        return _encode(value)
    except OverflowError:  # whole numbers beyond 64 bits
        return json.dumps(value, ensure_ascii=False).encode()


def pieces_of(request: Request) -> tuple[Piece, ...]:
    """Every text of the conversation, each with its place."""
    return tuple(_pieces(request))


def _pieces(request: Request) -> Iterator[Piece]:
    called = {
        part.id: part.name for each in request.messages for part in each.parts if isinstance(part, ToolCall) and part.id
    }
    for number, message in enumerate(request.messages):
        texts = _places(message.parts)
        for place, part in enumerate(message.parts):
            if not isinstance(part, Text | Refusal):
                yield from _of_part(part, message, f"{number}.{place}", called)
            elif place == texts[0]:
                where = "+".join(f"{number}.{each}" for each in texts)
                text, cuts = joined([_said(message.parts[each]) for each in texts])
                yield from _of_text(text, message.role, where, _stage_of(message), cuts)


def _places(parts: Sequence[Part]) -> list[int]:
    """Which of the parts are words of their sender: they are read as one text, whatever stands between them."""
    return [place for place, part in enumerate(parts) if isinstance(part, Text | Refusal)]


def _said(part: Part) -> str:
    assert isinstance(part, Text | Refusal)
    return part.text


def _of_part(part: Part, message: Message, place: str, called: Mapping[str, str]) -> Iterator[Piece]:
    role = message.role
    match part:
        case Reasoning():
            yield Piece(stage="input", text=part.text, role=role, place=place)
        case ToolCall():
            yield Piece(stage="input", text=part.arguments, role=role, place=place, tool=part.name)
        case ToolResult():
            tool = called.get(part.call_id, "")
            if texts := _places(part.parts):
                where = "+".join(f"{place}.{each}" for each in texts)
                text, cuts = joined([_said(part.parts[each]) for each in texts])
                yield Piece(stage="tool_result", text=text, role="tool", place=where, tool=tool, cuts=cuts)
            for number, inner in enumerate(part.parts):
                if isinstance(inner, Opaque):
                    yield from _of_opaque(inner, "tool", f"{place}.{number}", "tool_result")
        case Opaque():
            yield from _of_opaque(part, role, place, None)
        case _:
            pass


def _of_opaque(part: Opaque, role: str, place: str, stage: Stage | None) -> Iterator[Piece]:
    """The texts of a block that only its vendor understands (documents, files, outputs of custom tools). They can be
    looked at, and replaced where the provider speaks the same dialect."""
    stage = _stage_of_block(part) if stage is None else stage
    for number, leaf in enumerate(_texts_of(part)):
        yield Piece(stage=stage, text=leaf.text, role=role, place=f"{place}!{number}")


def _texts_of(part: Opaque) -> list[Leaf]:
    return [each for each in leaves(part) if isinstance(each, Leaf)]


def _stage_of_block(part: Opaque) -> Stage:
    fields = _decode(part.raw)
    if not isinstance(fields, dict):
        return "input"
    kind = str(cast("dict[str, Any]", fields).get("type", ""))
    if kind in _FILES or any(name in fields for name in _GEMINI_FILES):
        return "retrieved"
    return "tool_result" if kind.endswith(("_output", "_result", "_call")) else "input"


def unread_of(request: Request) -> tuple[Unread, ...]:
    """What nobody here can read of what is asked: pictures, sound, files that are no text, and what lies elsewhere."""
    found: list[Unread] = []
    for message in request.messages:
        for part in message.parts:
            if isinstance(part, ToolResult):
                kinds = [kind for inner in part.parts for kind in unread(inner)]
                found += [Unread(stage="tool_result", what=kind, role="tool") for kind in kinds]
            elif kinds := unread(part):
                stage = _stage_of_block(part) if isinstance(part, Opaque) else _stage_of(message)
                found += [Unread(stage=stage, what=kind, role=message.role) for kind in kinds]
    return tuple(found)


def is_spoken(request: Request) -> bool:
    """Whether the answer is to come as sound, with its words beside it (OpenAI's ``modalities``)."""
    return request.dialect == "openai_chat" and any(name in ("modalities", "audio") for name in request.binding)


def answer_unread(parts: Sequence[Part]) -> tuple[Unread, ...]:
    """What of an answer nobody here can read: pictures, sound, files."""
    return tuple(Unread(stage="output", what=kind, role="assistant") for part in parts for kind in unread(part))


def _stage_of(message: Message) -> Stage:
    if message.role == "tool":
        return "tool_result"
    return "retrieved" if message.name == RETRIEVED else "input"


def _of_text(text: str, role: str, place: str, stage: Stage, cuts: tuple[int, ...]) -> Iterator[Piece]:
    """One piece, or, where a text holds marked documents, one after the other."""
    if stage != "input" or "</" not in text:
        yield Piece(stage=stage, text=text, role=role, place=place, cuts=cuts)
        return
    at = 0

    def piece(stage: Stage, start: int, end: int, behind: str) -> Piece:
        own = sliced(cuts, start, end, last=end == len(text) and behind.endswith("end")) if cuts else ()
        return Piece(stage=stage, text=text[start:end], role=role, place=f"{place}{behind}", cuts=own)

    for number, found in enumerate(_MARKED.finditer(text)):
        yield piece("input", at, found.start(3), f"#{2 * number}")
        yield piece("retrieved", found.start(3), found.end(3), f"#{2 * number + 1}")
        at = found.end(3)
    yield (
        piece("input", at, len(text), "#end")
        if at
        else Piece(stage=stage, text=text, role=role, place=place, cuts=cuts)
    )


def subject_of(request: Request, pieces: tuple[Piece, ...]) -> Subject:
    users = [_text_of(each) for each in request.messages if each.role == "user"]
    shape = request.response_format
    return Subject(
        pieces=pieces,
        system="\n\n".join(_text_of(each) for each in request.messages if each.role in ("system", "developer")),
        question=users[-1] if users else "",
        context=tuple(each.text for each in pieces if each.stage in ("retrieved", "tool_result") and each.text),
        unread=unread_of(request) + (_SPOKEN if is_spoken(request) else ()),
        schema=None if shape is None else shape.schema,
    )


def _text_of(message: Message) -> str:
    return "\n".join(part.text for part in message.parts if isinstance(part, Text))


def put_back(request: Request, pieces: Sequence[Piece]) -> Request:
    """The request with the texts of these pieces in their places."""
    texts = _joined(pieces)
    return replace(
        request,
        messages=tuple(
            replace(
                message,
                parts=tuple(_with(part, f"{number}.{place}", texts) for place, part in enumerate(message.parts)),
            )
            for number, message in enumerate(request.messages)
        ),
    )


def _joined(pieces: Sequence[Piece]) -> dict[str, str]:
    """The texts of all parts, by their places."""
    whole: dict[str, tuple[str, tuple[int, ...]]] = {}
    for piece in pieces:
        place = piece.place.partition("#")[0]
        text, cuts = whole.get(place, ("", ()))
        whole[place] = (text + piece.text, (*cuts, *(len(text) + cut for cut in piece.cuts)))
    return {
        place: part
        for places, (text, cuts) in whole.items()
        for place, part in zip(places.split("+"), split(text, cuts), strict=True)
    }


def _with(part: Part, place: str, texts: Mapping[str, str]) -> Part:
    if isinstance(part, ToolResult):
        return replace(
            part, parts=tuple(_with(inner, f"{place}.{number}", texts) for number, inner in enumerate(part.parts))
        )
    text = texts.get(place)
    if text is None:
        return part
    match part:
        case Text() | Refusal() if part.text != text:
            return replace(part, text=text)
        case Reasoning() if part.text != text:
            return replace(part, text=text, signature=None)  # it was signed for the words it had
        case ToolCall() if part.arguments != text:
            return replace(part, arguments=text)
        case _:
            return part


def rewritten(front: Dialect, body: bytes, before: Sequence[Piece], after: Sequence[Piece]) -> bytes | None:
    """The client's body with the texts of ``after`` where those of ``before`` stood; None where that cannot be done
    for sure. All else stays as it was."""
    old, new = _joined(before), _joined(after)
    files = _files_of(front.parse_request(body))
    swapped: dict[str, str] = {}
    for place, text in old.items():
        file = files.get(place)
        was, now = (text, new[place]) if file is None else (file.written, _again(file, new[place]))
        if text and swapped.setdefault(was, now) != now:
            return _rendered(front, body, after)  # one text, to be replaced here and not there
    changes = {text: other for text, other in swapped.items() if text != other}
    made = _encode(_leaves(_decode(body), lambda leaf: changes.get(leaf, leaf)))
    return made if _says(front, made, new) else _rendered(front, body, after)


def _files_of(request: Request) -> dict[str, Leaf]:
    """The files of text, by their places."""
    return {
        f"{at}!{number}": leaf
        for first, message in enumerate(request.messages)
        for second, part in enumerate(message.parts)
        for at, each in [
            (f"{first}.{second}", part),
            *((f"{first}.{second}.{third}", inner) for third, inner in enumerate(getattr(part, "parts", ()))),
        ]
        if isinstance(each, Opaque)
        for number, leaf in enumerate(_texts_of(each))
        if leaf.is_file
    }


def _again(file: Leaf, text: str) -> str:
    return file.written if text == file.text else file.again(text)


def _rendered(front: Dialect, body: bytes, after: Sequence[Piece]) -> bytes | None:
    """The conversation written anew in the client's own dialect; every other field as the client sent it."""
    new = _joined(after)
    try:
        made = front.render_request(put_back(front.parse_request(body), after), "-", _QUIRKS)
    except TrimtabError:
        return None
    given, fresh = cast("dict[str, Any]", _decode(body)), cast("dict[str, Any]", _decode(made))
    for name in ("messages", "input", "contents", "system", "instructions", "systemInstruction", "system_instruction"):
        given.pop(name, None)
        if name in fresh:
            given[name] = fresh[name]
    whole = _encode(given)
    return whole if _says(front, whole, new) else None


def _says(front: Dialect, body: bytes, texts: Mapping[str, str]) -> bool:
    try:
        found = _joined(pieces_of(front.parse_request(body)))
    except TrimtabError:
        return False
    return {place: text for place, text in found.items() if text} == {
        place: text for place, text in texts.items() if text
    }


def _leaves(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {name: _leaves(each, change) for name, each in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        return [_leaves(each, change) for each in cast("list[Any]", value)]
    return value


def without(body: bytes, swaps: Sequence[Swap]) -> bytes:
    """A body that is kept, with everything that guards took out of the call taken out of all its texts."""
    inorder = sorted(
        {(each.text, each.instead) for each in swaps if len(each.text) >= _SHORT}, key=lambda it: -len(it[0])
    )

    def taken_out(text: str) -> str:
        for each, instead in inorder:
            if each in text:
                text = text.replace(each, instead)
        return text

    def change(leaf: str) -> str:
        made = taken_out(leaf)
        file = read(leaf) if made == leaf else None
        return made if file is None else _again(file, taken_out(file.text))

    return _encode(_leaves(_decode(body), change))


# --- what is answered ---


def answer_pieces(parts: Sequence[Part]) -> tuple[Piece, ...]:
    """Text, refusals and thoughts at `output`; the arguments of tool calls at `tool_arguments`."""
    found: list[Piece] = []
    if texts := _places(parts):
        text, cuts = joined([_said(parts[each]) for each in texts])
        where = "+".join(map(str, texts))
        found.append(Piece(stage="output", text=text, role="assistant", place=where, cuts=cuts))
    for number, part in enumerate(parts):
        match part:
            case Reasoning():
                found.append(Piece(stage="output", text=part.text, role="assistant", place=str(number)))
            case ToolCall():
                found.append(
                    Piece(
                        stage="tool_arguments",
                        text=part.arguments,
                        role="assistant",
                        place=str(number),
                        tool=part.name,
                    )
                )
            case _:
                pass
    return tuple(found)


def answer_with(response: Response, pieces: Sequence[Piece]) -> Response:
    texts = _joined(pieces)
    return replace(response, parts=tuple(_with(part, str(at), texts) for at, part in enumerate(response.parts)))


def restored(response: Response, put: Callable[[str], str], put_json: Callable[[str], str]) -> Response:
    """The answer with what stand-ins in it stand for: in texts, and within the strings of tool arguments."""
    parts: list[Part] = []
    for part in response.parts:
        match part:
            case Text() | Refusal():
                parts.append(replace(part, text=put(part.text)))
            case ToolCall():
                parts.append(replace(part, arguments=put_json(part.arguments)))
            case _:
                parts.append(part)
    return replace(response, parts=tuple(parts))

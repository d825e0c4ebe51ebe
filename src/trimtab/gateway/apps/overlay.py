"""A release put over a client's call: its messages before the client's own, its parameters, tools and schema over them.

It works on the client's own JSON, so whatever it does not touch arrives as it was sent. The release wins where both say
something: a value is replaced, an object that holds several things (``text``, ``generationConfig``) is merged member by
member, tools of other names stay. What the client had said otherwise is told by name, for the record.
"""

from typing import Any, Final, TypeGuard

import msgspec
from msgspec import Raw, Struct

from trimtab.core.errors import InvalidRequest, TrimtabError, Unsupported
from trimtab.gateway.apps.fronts import (
    ANTHROPIC,
    CHAT,
    GEMINI,
    LISTS,
    RESPONSES,
    SYSTEMS,
    TOUCHY,
    Json,
    Settings,
    Spoken,
    as_request,
    settings,
    spoken,
    unsaid,
)
from trimtab.gateway.apps.prompt import Said
from trimtab.llm.dialects import Dialect
from trimtab.llm.types import Request

_MERGED: Final = {
    CHAT: frozenset[str](),
    RESPONSES: frozenset(("text", "reasoning")),
    ANTHROPIC: frozenset(("output_config",)),
    GEMINI: frozenset(("generationConfig",)),
}
"""Objects that hold several things, by dialect; every other field is replaced whole."""
_SCHEMAS: Final = ("responseSchema", "responseJsonSchema")
"""Gemini's two ways to give one schema."""
_BOUNDS: Final = ("max_tokens", "max_completion_tokens")
"""Chat's two names of one bound."""
_fields = msgspec.json.Decoder(dict[str, Raw]).decode
_items = msgspec.json.Decoder(list[Raw]).decode
_value = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode
_BROKEN = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


class Laid(Struct, frozen=True):
    """The body with the release over it, which of the client's fields gave way, and what of the release its dialect
    could not say."""

    body: bytes
    overridden: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()


class Overlay:
    """What a release says beside its prompt, ready for each front. ``label`` names it for errors. Raises
    `InvalidRequest` when made, for parameters and tools that cannot be."""

    def __init__(self, label: str, parameters: Json, tools: tuple[Json, ...], schema: Json | None) -> None:
        self._label = label
        self._plain, self._request = as_request(parameters, tools, schema)
        self.touchy = frozenset(self._plain) & TOUCHY
        """Which of its parameters some models refuse."""
        self._settings: dict[str, Settings] = {}
        self._spoken: dict[str, tuple[Said, Spoken]] = {}

    def lay(self, front: Dialect, fields: dict[str, Raw], said: Said | None) -> Laid:
        """``fields`` are the client's body without what is ours. Raises `TrimtabError` in words for the client."""
        if front.name == ANTHROPIC and not _is_null(fields.get("thread")):
            raise Unsupported(
                "A conversation of an app cannot be held by Anthropic: its release may change from call to call.",
                fix="Send the whole conversation, without `thread`.",
                param="thread",
            )
        made = self._settings_for(front)
        overridden = list[str]()
        if said is not None:
            _speak(front.name, fields, self._spoken_for(front, said))
        if front.name == GEMINI:
            _camel(fields, [*made.fields, "systemInstruction"])
        for name, value in made.fields.items():
            if name in _MERGED[front.name]:
                fields[name] = _merged(name, fields.get(name), value, overridden)
            else:
                _replace(front.name, name, value, fields, overridden)
        if made.tools:
            fields["tools"] = _tools(front.name, made, fields.get("tools"), overridden)
        return Laid(_encode(fields), tuple(overridden), made.left_out)

    @property
    def request(self) -> Request:
        """Its parameters, tools and schema, without messages."""
        return self._request

    def parameter(self, name: str) -> Any:
        """By the name that Chat Completions has for it."""
        return self._plain.get(name)

    def _settings_for(self, front: Dialect) -> Settings:
        made = self._settings.get(front.name)
        if made is None:
            try:
                made = self._settings[front.name] = settings(front, self._plain, self._request)
            except TrimtabError as error:
                raise unsaid(front, self._label, error) from error
        return made

    def _spoken_for(self, front: Dialect, said: Said) -> Spoken:
        known = self._spoken.get(front.name)
        if known is not None and known[0] is said:  # a prompt that always says the same
            return known[1]
        try:
            made = spoken(front, said)
        except InvalidRequest:
            raise
        except TrimtabError as error:
            raise unsaid(front, self._label, error) from error
        self._spoken[front.name] = (said, made)
        return made


# --- messages ---


def _speak(front: str, fields: dict[str, Raw], said: Spoken) -> None:
    before, after = said.before, said.after
    if front == RESPONSES and _goes_on(fields):
        before = ()  # its provider has them already, from the first call; instructions are given anew each time
    if before or after:
        name = LISTS[front]
        items = _conversation(front, name, fields.get(name))
        fields[name] = Raw(_encode([*before, *items, *after]))
    if said.text:
        theirs = _text("instructions", fields.get("instructions"))
        fields["instructions"] = Raw(_encode(f"{said.text}\n\n{theirs}" if theirs else said.text))
    elif said.system:
        _put_above(front, fields, said.system)


def _goes_on(fields: dict[str, Raw]) -> bool:
    return any(not _is_null(fields.get(name)) for name in ("previous_response_id", "conversation"))


def _conversation(front: str, name: str, given: Raw | None) -> list[Raw]:
    if _is_null(given):
        return []
    assert given is not None
    data = bytes(given).strip()
    if front == RESPONSES and data.startswith(b'"'):
        return [Raw(b'{"role":"user","content":%b}' % data)]
    return _list(name, data)


def _put_above(front: str, fields: dict[str, Raw], ours: tuple[Raw, ...]) -> None:
    name = SYSTEMS[front]
    if front == GEMINI:
        _camel(fields, [name])
        theirs = _object(name, fields.get(name))
        parts = _list(f"{name}.parts", bytes(theirs["parts"]).strip()) if "parts" in theirs else []
        fields[name] = Raw(_encode({**theirs, "parts": [*ours, *parts]}))
        return
    given = fields.get(name)
    if _is_null(given):
        fields[name] = Raw(_encode(ours))
        return
    assert given is not None
    data = bytes(given).strip()
    blocks = [Raw(b'{"type":"text","text":%b}' % data)] if data.startswith(b'"') else _list(name, data)
    fields[name] = Raw(_encode([*ours, *blocks]))


# --- fields ---


def _replace(front: str, name: str, value: Raw, fields: dict[str, Raw], overridden: list[str]) -> None:
    if front == CHAT and name in _BOUNDS:
        given = [known for known in _BOUNDS if not _is_null(fields.get(known))]
        if any(not _same(fields[known], value) for known in given):
            overridden.append(given[0])
        for known in _BOUNDS:
            fields.pop(known, None)
        fields[given[0] if given else name] = value  # as the client called it: its provider knows that name
        return
    given = fields.get(name)
    if given is not None and not _is_null(given) and not _same(given, value):
        overridden.append(name)
    fields[name] = value


def _merged(name: str, given: Raw | None, ours: Raw, overridden: list[str]) -> Raw:
    theirs = _object(name, given)
    mine = _fields(ours)
    if name == "generationConfig":
        _camel(theirs, list(mine))
        if any(schema in mine for schema in _SCHEMAS):
            _camel(theirs, list(_SCHEMAS))
            for schema in _SCHEMAS:
                if schema in theirs and schema not in mine:
                    del theirs[schema]
                    overridden.append(f"{name}.{schema}")
    for member, value in mine.items():
        if not _is_null(theirs.get(member)) and not _same(theirs[member], value):
            overridden.append(f"{name}.{member}")
        theirs[member] = value
    return Raw(_encode(theirs))


def _camel(fields: dict[str, Raw], names: list[str]) -> None:
    """Google takes both ``generation_config`` and ``generationConfig``, but not both at once: the release's names."""
    for name in names:
        other = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
        if other != name and other in fields:
            fields.setdefault(name, fields.pop(other))


def _tools(front: str, ours: Settings, given: Raw | None, overridden: list[str]) -> Raw:
    """The release's tools, then those of the client's that have other names."""
    if _is_null(given):
        return Raw(_encode(ours.tools))
    assert given is not None
    kept: list[Raw] = []
    for item in _list("tools", bytes(given).strip()):
        left = _declared(item, ours, overridden) if front == GEMINI else _other(front, item, ours, overridden)
        if left is not None:
            kept.append(left)
    return Raw(_encode([*ours.tools, *kept]))


def _other(front: str, item: Raw, ours: Settings, overridden: list[str]) -> Raw | None:
    tool = _object("tools", item)
    if front == CHAT and "function" in tool:
        tool = _object("tools", tool["function"])
    name = _text("tools", tool.get("name"))
    if name not in ours.names:
        return item
    overridden.append(f"tools.{name}")
    return None


def _declared(item: Raw, ours: Settings, overridden: list[str]) -> Raw | None:
    """Gemini's list of functions in one tool, without those of the release's names."""
    tool = _object("tools", item)
    _camel(tool, ["functionDeclarations"])
    if "functionDeclarations" not in tool:
        return item
    kept: list[Raw] = []
    for function in _list("tools", bytes(tool["functionDeclarations"]).strip()):
        name = _text("tools", _object("tools", function).get("name"))
        if name in ours.names:
            overridden.append(f"tools.{name}")
        else:
            kept.append(function)
    if kept:
        return Raw(_encode({**tool, "functionDeclarations": kept}))
    del tool["functionDeclarations"]
    return Raw(_encode(tool)) if tool else None


# --- reading ---


def read_fields(body: bytes) -> dict[str, Raw]:
    """A body's members. Raises `InvalidRequest`."""
    try:
        return _fields(body)
    except _BROKEN:
        raise InvalidRequest("The body is not a JSON object that can be read.") from None


def _is_null(raw: Raw | None) -> bool:
    return raw is None or bytes(raw).strip() == b"null"


def _object(where: str, raw: Raw | None) -> dict[str, Raw]:
    if _is_null(raw):
        return {}
    assert raw is not None
    try:
        return _fields(raw)
    except _BROKEN:
        raise InvalidRequest(f"`{where}` must be an object.", param=where) from None


def _list(where: str, data: bytes) -> list[Raw]:
    try:
        return _items(data)
    except _BROKEN:
        raise InvalidRequest(f"`{where}` must be a list.", param=where) from None


def _text(where: str, raw: Raw | None) -> str:
    if _is_null(raw):
        return ""
    assert raw is not None
    value = _read(where, raw)
    if not _is_text(value):
        raise InvalidRequest(f"`{where}` must be text.", param=where)
    return value


def _read(where: str, raw: Raw) -> Any:
    try:
        return _value(raw)
    except _BROKEN:
        raise InvalidRequest(f"`{where}` is not JSON that can be read.", param=where) from None


def _is_text(value: Any) -> TypeGuard[str]:
    return isinstance(value, str)


def _same(one: Raw, other: Raw) -> bool:
    return _read("", one) == _value(other)

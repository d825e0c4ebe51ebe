"""Reading JSON that others wrote, one value at a time, so that every complaint names the place (``messages[2].role``).

The hot path decodes with typed structs and comes here only when that failed, to say why. A `Cursor` keeps its value as
raw bytes until someone asks what it is, so numbers, tool arguments and parts we do not know travel on byte for byte.
"""

import math
from collections.abc import Callable
from typing import Any, Literal, TypeVar

import msgspec
from msgspec import Raw

from trimtab.core.errors import InvalidRequest, TrimtabError, UpstreamFailure
from trimtab.core.half_characters import whole_characters
from trimtab.llm.tiers import tier_of

T = TypeVar("T")
BROKEN = (msgspec.MsgspecError, ValueError, RecursionError, OverflowError)
"""What the JSON decoder raises on bytes that are not good JSON (RecursionError: nested too deep)."""

Kind = Literal["object", "array", "string", "number", "boolean", "null"]
Refuse = Callable[[str, str], TrimtabError]
"""Makes the error for a place and what is wrong there."""

_KINDS: dict[int, Kind] = {
    ord("{"): "object",
    ord("["): "array",
    ord('"'): "string",
    ord("t"): "boolean",
    ord("f"): "boolean",
    ord("n"): "null",
    **dict.fromkeys(b"-0123456789", "number"),
}
_NAMES: dict[Kind, str] = {
    "object": "an object",
    "array": "a list",
    "string": "a string",
    "number": "a number",
    "boolean": "true or false",
    "null": "null",
}

_fields = msgspec.json.Decoder(dict[str, Raw]).decode
_items = msgspec.json.Decoder(list[Raw]).decode
_string = msgspec.json.Decoder(str).decode
_integer = msgspec.json.Decoder(int).decode
_number = msgspec.json.Decoder(float).decode
_anything = msgspec.json.Decoder(Any).decode
encode = msgspec.json.encode


def refuse_request(where: str, wrong: str) -> TrimtabError:
    """A client's body is wrong at ``where`` (``""``: as a whole)."""
    return InvalidRequest(f"`{where}` {wrong}." if where else f"The body {wrong}.", param=where or None)


def refuse_answer(where: str, wrong: str) -> TrimtabError:
    """A provider's answer cannot be read."""
    place = f"`{where}` {wrong}" if where else f"it {wrong}"
    return UpstreamFailure(f"The provider's answer cannot be read: {place}.", code="upstream_garbage")


class Cursor:
    """One JSON value and where it stands. Every reader raises what ``refuse`` makes, and nothing else."""

    __slots__ = ("raw", "refuse", "where")

    def __init__(self, raw: Raw | bytes, where: str, refuse: Refuse) -> None:
        self.raw = bytes(raw).strip()  # JSON's blanks are a part of what is stripped; what is left starts the value
        self.where = where
        self.refuse = refuse

    def fail(self, wrong: str) -> TrimtabError:
        return self.refuse(self.where, wrong)

    @property
    def kind(self) -> Kind:
        found = _KINDS.get(self.raw[0]) if self.raw else None
        if found is None:
            raise self.fail("is not JSON")
        return found

    @property
    def is_null(self) -> bool:
        return self.raw == b"null"

    def fields(self) -> "Fields":
        """The members of an object."""
        return Fields(self._read(_fields, "object"), self)

    def items(self) -> "list[Cursor]":
        """The elements of a list."""
        raws = self._read(_items, "array")
        return [Cursor(raw, f"{self.where}[{index}]", self.refuse) for index, raw in enumerate(raws)]

    def text(self) -> str:
        return self._read(_string, "string")

    def boolean(self) -> bool:
        if self.kind != "boolean" or self.raw not in (b"true", b"false"):
            raise self.fail(self._must("boolean"))
        return self.raw == b"true"

    def integer(self, low: int | None = None, high: int | None = None) -> int:
        """A whole number; ``1.0`` is not one. Bounds are inclusive."""
        if self.kind != "number":
            raise self.fail(f"must be a whole number, not {_NAMES[self.kind]}")
        try:
            value = _integer(self.raw)
        except BROKEN:
            raise self.fail("must be a whole number that fits 64 bits") from None
        if (low is not None and value < low) or (high is not None and value > high):
            raise self.fail(f"must be {_bounds(low, high)}")
        return value

    def number(self, low: float | None = None, high: float | None = None) -> float:
        value = self._read(_number, "number")
        if (low is not None and value < low) or (high is not None and value > high):
            raise self.fail(f"must be {_bounds(low, high)}")
        return value

    def anything(self) -> Any:
        """The value as plain Python objects."""
        try:
            return _anything(self.raw)
        except RecursionError:
            raise self.fail("is nested too deep") from None
        except BROKEN:
            raise self.fail("is not JSON that can be read") from None

    def opaque(self) -> Raw:
        """The value's own bytes, checked to be JSON through and through."""
        self.anything()
        return Raw(self.raw)

    def _read(self, decode: Callable[[bytes], T], kind: Kind) -> T:
        if self.kind != kind:
            raise self.fail(self._must(kind))
        try:
            return decode(self.raw)
        except RecursionError:
            raise self.fail("is nested too deep") from None
        except BROKEN:
            raise self.fail("is not JSON that can be read") from None

    def _must(self, kind: Kind) -> str:
        return f"must be {_NAMES[kind]}, not {_NAMES[self.kind]}"


class Fields:
    """An object's members by name. A member that is null counts as absent: no wire format here tells them apart."""

    __slots__ = ("_raws", "_refuse", "where")

    def __init__(self, raws: dict[str, Raw], owner: Cursor) -> None:
        self._raws = raws
        self._refuse = owner.refuse
        self.where = owner.where

    def __iter__(self):
        return iter(self._raws)

    def place(self, name: str) -> str:
        return f"{self.where}.{name}" if self.where else name

    def get(self, name: str) -> Cursor | None:
        raw = self._raws.get(name)
        if raw is None:
            return None
        cursor = Cursor(raw, self.place(name), self._refuse)
        return None if cursor.is_null else cursor

    def need(self, name: str) -> Cursor:
        cursor = self.get(name)
        if cursor is None:
            raise self._refuse(self.place(name), "is missing")
        return cursor

    def raw(self, name: str) -> Raw:
        """A member's own bytes, checked to be JSON."""
        return Cursor(self._raws[name], self.place(name), self._refuse).opaque()

    def fail(self, name: str, wrong: str) -> TrimtabError:
        return self._refuse(self.place(name), wrong)

    def text(self, name: str) -> str | None:
        cursor = self.get(name)
        return None if cursor is None else cursor.text()

    def boolean(self, name: str) -> bool | None:
        cursor = self.get(name)
        return None if cursor is None else cursor.boolean()

    def integer(self, name: str, low: int | None = None, high: int | None = None) -> int | None:
        cursor = self.get(name)
        return None if cursor is None else cursor.integer(low, high)

    def number(self, name: str, low: float | None = None, high: float | None = None) -> float | None:
        cursor = self.get(name)
        return None if cursor is None else cursor.number(low, high)

    def items(self, name: str) -> list[Cursor]:
        cursor = self.get(name)
        return [] if cursor is None else cursor.items()

    def schema(self, name: str) -> dict[str, Any] | None:
        """An object taken as it is (a JSON schema)."""
        cursor = self.get(name)
        if cursor is None:
            return None
        cursor.fields()
        return cursor.anything()


def read_event(data: bytes) -> Any:
    """The JSON of a provider's stream event. Raises `BROKEN`."""
    try:
        return _anything(data)
    except BROKEN:
        mended = whole_characters(data)
        if mended == data:
            raise
        return _anything(mended)


def root(body: bytes, refuse: Refuse) -> Fields:
    """The top-level object of a body."""
    return _readable(body, refuse)[0]


def _readable(body: bytes, refuse: Refuse) -> tuple[Fields, Cursor]:
    """The top-level object of a body; a provider's half characters are no reason to throw its answer away."""
    try:
        body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise refuse("", f"is not UTF-8 (byte {error.start})") from None
    if not body.strip():
        raise refuse("", "is empty")
    cursor = Cursor(body, "", refuse)
    if cursor.kind != "object":
        raise cursor.fail(f"must be a JSON object, not {_NAMES[cursor.kind]}")
    try:
        return Fields(_fields(body), cursor), cursor
    except RecursionError:
        raise refuse("", "is nested too deep") from None
    except BROKEN as error:
        mended = whole_characters(body)
        if mended != body:
            if refuse is refuse_answer:
                return _readable(mended, refuse)
            raise refuse(
                "", "holds half a character (a surrogate alone, as \\ud83d): cut texts between characters"
            ) from None
        raise refuse("", f"is not valid JSON ({_json_fault(error)})") from None


def loose(body: bytes, refuse: Refuse) -> dict[str, Any]:
    """The top-level object of a body as plain Python objects, for readers that take what they can."""
    return _readable(body, refuse)[1].anything()


def encode_request(body: dict[str, Any]) -> bytes:
    """A request's body. What could just be read may be too deep to write: the writer starts further down the stack."""
    try:
        return encode(body)
    except RecursionError:
        raise refuse_request("", "is nested too deep") from None


def count(value: Any) -> int:
    """A token count as a provider may write it: what is no count is 0, and none is negative or beyond belief."""
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
        return 0
    return int(max(0, min(value, MOST_COUNTED)))


def choices_of(value: Any) -> int:
    """How many answers a request asks for, as the most lenient provider reads it: some take ``"3"`` and ``3.0``. What
    is no sensible number is the provider's to refuse, and is one."""
    if type(value) is int:
        return min(max(1, value), MOST_CHOICES)
    try:
        read = float(value) if isinstance(value, (str, float)) else 1.0
    except ValueError:
        return 1
    return math.ceil(min(read, MOST_CHOICES)) if read > 1 else 1


MOST_CHOICES = 100_000
"""More than any provider gives: OpenAI's bound of ``n`` is 128, vLLM's 16,384."""
MOST_COUNTED = 10**12
"""No call has a million million tokens; beyond it a number is a defect and would break the sums of the books."""


def clean(text: str) -> str:
    """The text without lone surrogates, which no JSON encoder takes."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _bounds(low: float | None, high: float | None) -> str:
    if low is None:
        return f"at most {high}"
    return f"at least {low}" if high is None else f"between {low} and {high}"


def _json_fault(error: BaseException) -> str:
    text = str(error)
    return (
        text.split(": ", 1)[-1] if isinstance(error, msgspec.DecodeError) else "a number or string in it cannot be read"
    )


def tier_in(fields: Fields) -> str:
    """What an answer says of the tier that it was made in (`service_tier`), whatever else stands there."""
    told = fields.get("service_tier")
    return "" if told is None else tier_of(told.anything())

"""Filters and the paths of PATCH: RFC 7644, sections 3.4.2.2 (figure 1) and 3.5.2 (figure 7). Pure.

Read by a small parser of its own into values, and judged over a resource as JSON. The packages that do this on PyPI
bring a parser generator or a model library that takes longer to load than the server takes to start.
"""

import re
from collections.abc import Callable
from typing import Any, Final, Literal, cast

import msgspec
from msgspec import Struct

from trimtab.core.errors import InvalidRequest
from trimtab.governance.scim.schemas import Kind, invalid

LONGEST: Final = 4_000
"""Characters of a filter or path."""
DEEPEST: Final = 20
"""Brackets within brackets."""
_TOKEN: Final = re.compile(r'\s*(?:(?P<text>"(?:[^"\\]|\\.)*")|(?P<mark>[()\[\]])|(?P<word>[^\s()\[\]"]+))', re.DOTALL)
_NAME: Final = re.compile(r"[A-Za-z$][A-Za-z0-9_$-]*")
_NUMBER: Final = re.compile(r"-?\d{1,18}(?:\.\d{1,18})?(?:[eE][+-]?\d{1,3})?")

Operator = Literal["eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"]
_OPERATORS: Final = ("eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le")
Value = str | int | float | bool | None


class Path(Struct, frozen=True):
    """``schema`` is a URN, or empty; ``part`` the name of a part of a complex attribute, or empty."""

    schema: str
    name: str
    part: str = ""

    def __str__(self) -> str:
        return f"{self.schema}{':' if self.schema else ''}{self.name}{'.' if self.part else ''}{self.part}"


class Compare(Struct, frozen=True, tag=True):
    path: Path
    op: Operator
    value: Value


class Present(Struct, frozen=True, tag=True):
    path: Path


class Both(Struct, frozen=True, tag=True):
    left: "Filter"
    right: "Filter"


class Either(Struct, frozen=True, tag=True):
    left: "Filter"
    right: "Filter"


class Not(Struct, frozen=True, tag=True):
    inner: "Filter"


class Within(Struct, frozen=True, tag=True):
    """``emails[type eq "work" and ...]``: one value for which all of it holds."""

    path: Path
    inner: "Filter"


Filter = Compare | Present | Both | Either | Not | Within


class Target(Struct, frozen=True):
    """What a PATCH operation is about: ``emails[type eq "work"].value``."""

    path: Path
    which: Filter | None = None


def parse(text: str, kind: Kind) -> Filter:
    """A filter. Raises `InvalidRequest` (``invalidFilter``) that says what was expected where."""
    reader = _Reader(text, kind, "invalidFilter")
    found = reader.either(0)
    reader.end()
    return found


def parse_target(text: str, kind: Kind) -> Target:
    """The path of a PATCH operation. Raises `InvalidRequest` (``invalidPath``)."""
    reader = _Reader(text, kind, "invalidPath")
    if kind.extension is not None and text.strip().lower() == kind.extension.id.lower():
        return Target(Path(kind.extension.id, ""))
    path = reader.path(reader.word("an attribute"))
    which = reader.bracketed(0) if reader.peek() == "[" else None
    if which is not None and (after := reader.peek()):
        if not after.startswith(".") or path.part:
            raise reader.wrong("the end, or '.' and a part of the attribute")
        reader.take()
        path = Path(path.schema, path.name, reader.name(after[1:]))
    reader.end()
    return Target(path, which)


class _Reader:
    """Tokens, one after the other."""

    def __init__(self, text: str, kind: Kind, code: str) -> None:
        self._text, self._kind, self._code = text, kind, code
        if len(text) > LONGEST:
            raise invalid(f"A filter or path is of at most {LONGEST} characters.", code)
        self._tokens: list[str] = []
        self._at = 0
        place = 0
        rest = text.rstrip()
        while place < len(rest):
            found = _TOKEN.match(rest, place)
            if found is None:
                raise invalid(f"A quoted text does not end, at character {place + 1} of {text[:200]!r}.", code)
            self._tokens.append(found.group(found.lastgroup or 0))
            place = found.end()

    def wrong(self, expected: str) -> InvalidRequest:
        found = repr(self.peek()[:40]) if self._at < len(self._tokens) else "the end"
        return invalid(
            f"Expected {expected}, found {found}, in {self._text[:200]!r}.",
            self._code,
            'A filter is, for example, userName eq "ada@example.com".',
        )

    def peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def take(self) -> str:
        found = self.peek()
        self._at += 1
        return found

    def word(self, expected: str) -> str:
        found = self.peek()
        if not found or found[0] in '"()[]':
            raise self.wrong(expected)
        return self.take()

    def end(self) -> None:
        if self._at < len(self._tokens):
            raise self.wrong("the end")

    def _is(self, word: str) -> bool:
        return self.peek().lower() == word

    def either(self, depth: int) -> Filter:
        found = self._both(depth)
        while self._is("or"):
            self.take()
            found = Either(found, self._both(depth))
        return found

    def _both(self, depth: int) -> Filter:
        found = self._term(depth)
        while self._is("and"):
            self.take()
            found = Both(found, self._term(depth))
        return found

    def _term(self, depth: int) -> Filter:
        if depth > DEEPEST:
            raise invalid(f"A filter nests at most {DEEPEST} deep.", self._code)
        if self._is("not") and self._at + 1 < len(self._tokens) and self._tokens[self._at + 1] == "(":
            self.take()
            return Not(self._grouped(depth))
        if self.peek() == "(":
            return self._grouped(depth)
        path = self.path(self.word("an attribute"))
        if self.peek() == "[":
            return Within(path, self.bracketed(depth))
        op = self.word("an operator").lower()
        if op == "pr":
            return Present(path)
        if op not in _OPERATORS:
            self._at -= 1
            raise self.wrong(f"one of {', '.join(_OPERATORS)} and pr")
        return Compare(path, op, self._value())

    def _grouped(self, depth: int) -> Filter:
        self.take()
        found = self.either(depth + 1)
        if self.peek() != ")":
            raise self.wrong("')'")
        self.take()
        return found

    def bracketed(self, depth: int) -> Filter:
        self.take()
        found = self.either(depth + 1)
        if self.peek() != "]":
            raise self.wrong("']'")
        self.take()
        return found

    def _value(self) -> Value:
        found = self.peek()
        if found.startswith('"'):
            try:
                text: Any = msgspec.json.decode(found)
            except (msgspec.DecodeError, ValueError):
                raise self.wrong("a text as JSON writes it") from None
            if "\0" in text:
                raise self.wrong("a text without a NUL")
            self.take()
            return text
        lower = found.lower()
        if lower in ("true", "false", "null"):
            self.take()
            return None if lower == "null" else lower == "true"
        if not _NUMBER.fullmatch(found):
            raise self.wrong("a value: a text in quotes, a number, true, false or null")
        self.take()
        return float(found) if any(mark in found for mark in ".eE") else int(found)

    def path(self, word: str) -> Path:
        schema = ""
        if word.lower().startswith("urn:"):
            schema, _, word = word.rpartition(":")
        name, _, part = word.partition(".")
        return Path(schema, self.name(name), self.name(part) if part else "")

    def name(self, text: str) -> str:
        if not _NAME.fullmatch(text):
            raise invalid(f"{text[:80]!r} is no attribute's name, in {self._text[:200]!r}.", self._code)
        return text


def matches(found: Filter, resource: dict[str, Any], kind: Kind) -> bool:
    """Whether it holds of a resource as clients see it."""
    return _holds(found, resource, lambda path: _exact(kind, path))


def matches_value(found: Filter, value: dict[str, Any], kind: Kind, within: Path) -> bool:
    """Whether it holds of one value of an attribute that has many; ``within`` is that attribute."""
    return _holds(found, value, lambda path: _exact(kind, Path(within.schema, within.name, path.name)))


def _exact(kind: Kind, path: Path) -> bool:
    attribute = kind.attribute(path.schema, path.name)
    part = attribute.part(path.part or "value") if attribute is not None and attribute.parts else attribute
    return part is not None and part.exact


def _holds(found: Filter, resource: dict[str, Any], exact: Callable[[Path], bool]) -> bool:
    match found:
        case Both():
            return _holds(found.left, resource, exact) and _holds(found.right, resource, exact)
        case Either():
            return _holds(found.left, resource, exact) or _holds(found.right, resource, exact)
        case Not():
            return not _holds(found.inner, resource, exact)
        case Present():
            return any(each not in (None, "") for each in _values(resource, found.path))
        case Within():
            inner = found.path

            def of_part(path: Path) -> bool:
                return exact(Path(inner.schema, inner.name, path.name))

            items = _raw(resource, inner)
            return any(
                _holds(found.inner, cast("dict[str, Any]", each), of_part) for each in items if isinstance(each, dict)
            )
        case Compare():
            values = _values(resource, found.path)
            if found.value is None:
                return (not values) == (found.op == "eq")
            if found.op == "ne":
                return not any(_compared(each, "eq", found.value, exact=exact(found.path)) for each in values)
            return any(_compared(each, found.op, found.value, exact=exact(found.path)) for each in values)


def _raw(resource: dict[str, Any], path: Path) -> list[Any]:
    """The values at a path, complex ones whole."""
    inner = got(resource, path.schema) if path.schema else None
    held = cast("dict[str, Any]", inner) if isinstance(inner, dict) else resource
    value = got(held, path.name)
    if value is None:
        return []
    return cast("list[Any]", value) if isinstance(value, list) else [value]


def _values(resource: dict[str, Any], path: Path) -> list[Any]:
    """The simple values at a path; of complex ones their part, or their ``value``."""
    found: list[Any] = []
    for each in _raw(resource, path):
        value = got(cast("dict[str, Any]", each), path.part or "value") if isinstance(each, dict) else each
        if isinstance(each, dict) and not path.part and value is None:
            found.append(True)  # a complex value without one of its own: it is there
        elif value is not None:
            found.append(value)
    return found


def got(held: dict[str, Any], name: str) -> Any:
    """A member by its name in any case."""
    if name in held:
        return held[name]
    lower = name.lower()
    return next((value for key, value in held.items() if key.lower() == lower), None)


def _compared(held: Any, op: Operator, wanted: Value, *, exact: bool) -> bool:
    if isinstance(held, bool) and isinstance(wanted, str):
        held = str(held).lower()
    if isinstance(held, str) and isinstance(wanted, str):
        return _texts(held if exact else held.lower(), op, wanted if exact else wanted.lower())
    if op == "eq":
        return type(held) is type(wanted) and held == wanted
    if isinstance(held, bool) or isinstance(wanted, bool):
        return False
    if isinstance(held, int | float) and isinstance(wanted, int | float):
        return {"gt": held > wanted, "ge": held >= wanted, "lt": held < wanted, "le": held <= wanted}.get(op, False)
    return False


def _texts(held: str, op: Operator, wanted: str) -> bool:
    match op:
        case "eq":
            return held == wanted
        case "co":
            return wanted in held
        case "sw":
            return held.startswith(wanted)
        case "ew":
            return held.endswith(wanted)
        case "gt":
            return held > wanted
        case "ge":
            return held >= wanted
        case "lt":
            return held < wanted
        case "le":
            return held <= wanted
        case "ne":
            return held != wanted


def equal_to(found: Filter, name: str) -> str | None:
    """The text that an attribute must be equal to for the filter to hold at all: by it an index can be asked first. Of
    an attribute with many values, one of them: ``members``, ``members.value`` and ``members[value eq ...]``."""
    if isinstance(found, Both):
        return equal_to(found.left, name) or equal_to(found.right, name)
    if isinstance(found, Within) and name.lower().startswith(f"{found.path}.".lower()):
        return equal_to(found.inner, name[len(str(found.path)) + 1 :])
    if isinstance(found, Compare) and found.op == "eq" and str(found.path).lower() == name.lower():
        return found.value if isinstance(found.value, str) else None
    return None


def names(found: Filter, name: str) -> bool:
    """Whether an attribute is looked at, in any schema."""
    match found:
        case Both() | Either():
            return names(found.left, name) or names(found.right, name)
        case Not():
            return names(found.inner, name)
        case Compare() | Present() | Within():
            return found.path.name.lower() == name.lower()


def terms(found: Filter) -> int:
    """How many comparisons it is made of."""
    match found:
        case Both() | Either():
            return terms(found.left) + terms(found.right)
        case Not() | Within():
            return terms(found.inner)
        case Compare() | Present():
            return 1


def implied(found: Filter) -> dict[str, Value] | None:
    """The parts a value must have for the filter to hold of it, where it is of ``eq`` and ``and`` alone; None for
    others. A new value is made of these where a PATCH names one that is not there yet, as Entra ID expects."""
    if isinstance(found, Compare) and found.op == "eq" and not found.path.part:
        return {found.path.name: found.value}
    if isinstance(found, Both):
        left, right = implied(found.left), implied(found.right)
        return None if left is None or right is None else left | right
    return None

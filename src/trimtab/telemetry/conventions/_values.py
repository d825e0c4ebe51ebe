"""Values of attributes as the types that are wanted. What has another shape counts as not said: nothing here raises.

Content comes as a structured value, as JSON in a string, or as JSON in a string in JSON (some emitters encode twice).
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final, TypeGuard, cast

import msgspec

Attributes = dict[str, Any]
Found = dict[str, Any]
"""Fields of a `CanonicalSpan` by name, as they are found: what is there first stays."""

LABEL: Final = 500
"""Characters that are kept of a label."""
LABELS: Final = 64
"""Entries that are kept of tags and metadata."""
TOKENS: Final = (1 << 53) - 1
"""A larger number is read as this one: it would not add up in 64 bits. No call has nearly as many
(`llm.types.MOST_TOKENS`)."""
MONEY: Final = (1 << 62) - 1
"""No call costs more picodollars (4.6 million dollars)."""

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode
_STARTS: Final = frozenset('[{"')


def parsed(value: Any) -> Any:
    """``value``, or what its JSON text says: once, and once more where that is a string of JSON again. A text that is
    no JSON list, object or string is itself."""
    if type(value) is not str:
        return value
    once = _once(value)
    return _once(once) if type(once) is str and once is not value else once


def _once(text: str) -> Any:
    head = text[:1]
    if head not in _STARTS:
        head = text.lstrip()[:1]
        if head not in _STARTS:
            return text
    if not head:
        return text
    try:
        return _decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return text


def label(value: Any) -> str:
    """A short text; numbers as digits, else ""."""
    if type(value) is str:
        return value if len(value) <= LABEL else value[:LABEL]
    if type(value) is bool:
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)[:LABEL]
    return ""


def text_of_value(value: Any) -> str:
    """Any value as a text: a string is itself, None is "", anything else its JSON."""
    if type(value) is str:
        return value
    if value is None:
        return ""
    try:
        return _encode(value).decode()
    except (TypeError, ValueError, OverflowError, RecursionError):
        return str(value)


def count(value: Any) -> int | None:
    """A number of tokens in [0, `TOKENS`]; None where there is none. Takes digits in a string, too."""
    if type(value) is int:
        return 0 if value < 0 else min(value, TOKENS)
    if type(value) is float and value == value:
        return max(0, int(value)) if abs(value) <= TOKENS else TOKENS if value > 0 else 0
    if type(value) is str and value.isascii() and value.isdecimal():
        return min(int(value), TOKENS) if len(value) <= 16 else TOKENS if value.strip("0") else 0
    return None


def number(value: Any) -> float | None:
    """A finite number, also as text; a bool is none."""
    if type(value) is int:
        return float(value) if abs(value) <= TOKENS else None
    if type(value) is str and 0 < len(value) <= 40:
        try:
            value = float(value)
        except ValueError:
            return None
    if type(value) is float and value == value and abs(value) != float("inf"):
        return value
    return None


def picodollars(value: Any) -> int | None:
    """US dollars to whole picodollars; None where it is no amount in [0, `MONEY`]."""
    if type(value) not in (int, float, str):
        return None
    try:
        amount = Decimal(str(value)[:40]) * 1_000_000_000_000
    except InvalidOperation:
        return None
    if not amount.is_finite() or amount < 0 or amount > MONEY:
        return None
    return int(amount.to_integral_value())


def nanoseconds(value: Any) -> int | None:
    """An ISO date in Unix nanoseconds."""
    if type(value) is not str:
        return None
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        return None
    if at.tzinfo is None:
        return None
    return int(at.timestamp() * 1_000_000) * 1_000


def is_object(value: Any) -> TypeGuard[dict[str, Any]]:
    return type(value) is dict


def is_list(value: Any) -> TypeGuard[list[Any]]:
    return type(value) is list


def mapping(value: Any) -> dict[str, Any]:
    """An object, also as JSON text; else an empty one."""
    value = parsed(value)
    return cast("dict[str, Any]", value) if type(value) is dict else {}


def sequence(value: Any) -> list[Any]:
    """A list, also as JSON text; else an empty one."""
    value = parsed(value)
    return cast("list[Any]", value) if type(value) is list else []


def tags(value: Any) -> tuple[str, ...]:
    """Labels from a list (also as JSON), or from a text with commas."""
    value = parsed(value)
    if type(value) is str:
        value = value.split(",", LABELS)
    if type(value) is not list:
        return ()
    found = (label(each).strip() for each in cast("list[Any]", value)[:LABELS])
    return tuple(each for each in dict.fromkeys(found) if each)


def entries(pairs: Iterable[tuple[str, Any]]) -> dict[str, str]:
    """Metadata: names and short texts, at most `LABELS`; what is no text is JSON."""
    found: dict[str, str] = {}
    for name, value in pairs:
        if value is None:
            continue
        found[name[:LABEL]] = text_of_value(value)[:LABEL]
        if len(found) >= LABELS:
            break
    return found


def under(attributes: Mapping[str, Any], prefix: str) -> list[tuple[str, Any]]:
    """What stands below ``prefix`` (which ends in a dot), without it, in their order; at most `LABELS`."""
    cut = len(prefix)
    found = [(name[cut:], value) for name, value in attributes.items() if name.startswith(prefix)]
    return found[:LABELS]


def first(attributes: Mapping[str, Any], names: Iterable[str]) -> Any:
    """The first value that is there and says something."""
    for name in names:
        value = attributes.get(name)
        if value is not None and value != "":
            return value
    return None


def put(found: Found, name: str, value: Any) -> None:
    """Note a field that says something, unless it was noted before."""
    if value and name not in found:
        found[name] = value


def present(names: Collection[str], wanted: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Of pairs of a field and an attribute, those whose attribute is among ``names``."""
    return tuple(pair for pair in wanted if pair[1] in names)


def put_labels(found: Found, attributes: Mapping[str, Any], names: Iterable[tuple[str, str]]) -> None:
    """For each (field, attribute): the short text, unless the field was noted before."""
    for field, name in names:
        value = attributes.get(name)
        if value is not None and field not in found:
            if type(value) is not str or len(value) > LABEL:
                value = label(value)
            if value:
                found[field] = value


def put_content(found: Found, name: str, value: Any) -> None:
    """Note an untyped input or output; 0 and false say something, an empty text does not."""
    if value is not None and value != "" and name not in found:
        found[name] = parsed(value)

"""What a traced call's arguments and results become: JSON text of bounded size, with secrets left out.

Nothing here raises, and nothing is walked through further than the bounds say: a traced function may be handed a list
of a million rows. Masking comes first, so what a mask takes away is never rendered; a mask that fails takes everything
away.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final, cast

import msgspec

Mask = Callable[[str, Any], Any]
"""From the name of an argument (``return`` for a result) and its value to what may be kept of it."""

MAX_CHARS: Final = 16_000
MAX_ITEMS: Final = 100
MAX_DEPTH: Final = 6
HIDDEN: Final = "[hidden]"
UNMASKED: Final = "[left out: the mask failed]"

_SECRETS: Final = (
    "password",
    "passwd",
    "secret",
    "token",
    "api_key",
    "apikey",
    "authorization",
    "credential",
    "private_key",
)
_PLAIN: Final = (int, float, bool, type(None))
_encode = msgspec.json.Encoder().encode


@lru_cache(4096)
def is_secret(name: str) -> bool:
    """Whether an argument or a key of that name holds what no trace should."""
    lower = name.lower().replace("-", "_")
    return any(word in lower for word in _SECRETS) and not lower.endswith("tokens")


class Capture:
    """``max_chars`` bounds the JSON of one side of a call. ``mask`` sees each argument and result before it is kept."""

    def __init__(self, mask: Mask | None = None, max_chars: int = MAX_CHARS) -> None:
        self._mask = mask
        self.max_chars = max_chars

    def arguments(self, names: tuple[str, ...], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str:
        """Arguments by name: a JSON object. Those beyond the known names are ``args``."""
        given: dict[str, Any] = dict(zip(names, args, strict=False))
        if len(args) > len(names):
            given["args"] = args[len(names) :]
        given.update(kwargs)
        given.pop("", None)  # where a method's `self` stood
        return self.text({name: self._kept(name, value) for name, value in given.items()})

    def result(self, value: Any) -> str:
        return self.text(self._kept("return", value))

    def value(self, name: str, value: Any) -> str:
        return self.text(self._kept(name, value))

    def _kept(self, name: str, value: Any) -> Any:
        if is_secret(name):
            return HIDDEN
        if self._mask is None:
            return value
        try:
            return self._mask(name, value)
        except Exception:  # noqa: BLE001  the application's code, and what it meant to hide must not be shown
            return UNMASKED

    def text(self, value: Any) -> str:
        """A value as JSON, cut where it is too long: then the text says so and is no JSON any more."""
        if type(value) is str and len(value) > self.max_chars:
            value = value[: self.max_chars]
        try:
            text = _encode(plain(value, self.max_chars)).decode()
        except Exception:  # noqa: BLE001  a value of the application that cannot be shown must not break its call
            text = _encode(f"[a {type(value).__name__} that cannot be shown]").decode()
        return text if len(text) <= self.max_chars else f"{text[: self.max_chars]}... [cut at {self.max_chars}]"


def plain(value: Any, room: int, depth: int = 0) -> Any:
    """A value as JSON can hold it, within the bounds: numbers, text, lists, objects by their fields, else their
    repr."""
    kind = cast("Any", type(value))
    if kind is str:
        return value if len(value) <= room else f"{value[:room]}... [{len(value)} characters]"
    if kind in _PLAIN:
        return value if kind is not float or value - value == 0 else str(value)
    if depth >= MAX_DEPTH:
        return _shown(value)
    if kind is dict or isinstance(value, Mapping):
        return _mapping(cast("Mapping[Any, Any]", value), room, depth)
    if isinstance(value, list | tuple | set | frozenset):
        return _items(cast("list[Any]", value), room, depth)
    if isinstance(value, bytes | bytearray | memoryview):
        return f"[{len(cast('bytes', value))} bytes]"
    fields = _fields(value)
    return _shown(value) if fields is None else _mapping(fields, room, depth)


def _mapping(value: Mapping[Any, Any], room: int, depth: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for number, (key, inner) in enumerate(value.items()):
        if number == MAX_ITEMS:
            found["..."] = f"{len(value) - MAX_ITEMS} more"
            break
        name = key if type(key) is str else str(key)[:200]
        found[name] = HIDDEN if is_secret(name) else plain(inner, room, depth + 1)
    return found


def _items(value: Any, room: int, depth: int) -> list[Any]:
    found: list[Any] = []
    for number, inner in enumerate(value):
        if number == MAX_ITEMS:
            found.append(f"... {len(value) - MAX_ITEMS} more")
            break
        found.append(plain(inner, room, depth + 1))
    return found


def _fields(value: Any) -> dict[str, Any] | None:
    """The fields of a struct, a dataclass or a pydantic model; None for anything else."""
    kind = cast("Any", type(value))
    names = (
        getattr(kind, "__struct_fields__", None)
        or getattr(kind, "__dataclass_fields__", None)
        or getattr(kind, "model_fields", None)
    )
    if not names or not isinstance(names, tuple | dict):
        return None
    return {name: getattr(value, name, None) for name in cast("tuple[str, ...]", names)}


def _shown(value: Any) -> str:
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001  the application's own repr
        text = f"a {value.__class__.__name__}"
    return text if len(text) <= 500 else f"{text[:500]}..."

"""What a dialect must refuse when a call comes to it from another one: wishes only the source dialect can grant."""

from collections.abc import Callable
from typing import Any, cast

import msgspec
from msgspec import Raw

from trimtab.core.errors import Unsupported
from trimtab.llm.dialects._reading import BROKEN, Fields
from trimtab.llm.types import Opaque, Request

_PLAIN_TOOL = {"anthropic_messages": "custom"}
"""What a dialect calls a tool that is a function with a schema, if not ``function``."""


def binding(
    fields: Fields, extra: dict[str, Raw], deciding: dict[str, Callable[[Any], bool]], translated: set[str]
) -> tuple[str, ...]:
    """The names of the extras no other dialect may drop: those that ``deciding`` says so of, and what stands under a
    translated name and yet could not be translated."""
    found: list[str] = []
    for name in extra:
        cursor = fields.get(name)
        decides = deciding.get(name)
        if name in translated or (cursor is not None and decides is not None and decides(cursor.anything())):
            found.append(name)
    return tuple(found)


def refuse_binding(request: Request, dialect: str) -> None:
    """Raises `Unsupported` if the call depends on a field that only its own dialect knows."""
    if request.dialect != dialect and request.binding:
        name = request.binding[0]
        kinds = _kinds(request.extra.get(name), _PLAIN_TOOL.get(request.dialect, "function"))
        raise Unsupported(
            f"`{name}`{kinds} cannot be translated: only {request.dialect} providers understand it.",
            fix=f"Leave `{name}` out, or call a model of a provider that speaks {request.dialect}.",
            param=name,
        )


def _kinds(raw: Raw | None, plain: str) -> str:
    """`` of type 'web_search'`` for a list of tools, so that one can see which of them it is; else ``""``."""
    try:
        value: Any = None if raw is None else msgspec.json.decode(raw)
    except BROKEN:
        return ""
    items = cast("list[Any]", value) if isinstance(value, list) else []
    types = (cast("dict[str, Any]", item).get("type") for item in items if isinstance(item, dict))
    special = dict.fromkeys(t for t in types if isinstance(t, str) and t != plain)
    return f" of type {', '.join(repr(kind[:60]) for kind in list(special)[:5])}" if special else ""


def foreign(part: Opaque) -> Unsupported:
    """The refusal of a part that only another dialect understands."""
    return Unsupported(
        f"A part of type {opaque_type(part)!r} cannot be translated: only {part.dialect} providers understand it.",
        fix=f"Leave it out, or call a model of a provider that speaks {part.dialect}.",
        param="messages",
    )


def opaque_type(part: Opaque) -> str:
    """The ``type`` an opaque part gives itself, else ``""``."""
    found = opaque_fields(part).get("type")
    return found if isinstance(found, str) else ""


def opaque_fields(part: Opaque) -> dict[str, Any]:
    try:
        value: Any = msgspec.json.decode(part.raw)
    except BROKEN:  # an opaque part made by hand
        return {}
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}

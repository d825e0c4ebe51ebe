"""What a dialect must refuse when a call comes to it from another one: wishes only the source dialect can grant."""

from collections.abc import Callable
from typing import Any, cast

import msgspec
from msgspec import Raw

from trimtab.core.errors import Unsupported
from trimtab.llm.dialects._reading import BROKEN, Fields
from trimtab.llm.types import Opaque, Request


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
        raise Unsupported(
            f"`{name}` cannot be translated: only {request.dialect} providers understand it.",
            fix=f"Leave `{name}` out, or call a model of a provider that speaks {request.dialect}.",
            param=name,
        )


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

"""Reading what providers say without complaint: what is not of the expected kind counts as not said."""

from typing import Any, cast


def an_object(value: Any) -> dict[str, Any]:
    """The value if it is a JSON object, else an empty one."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def a_list(value: Any) -> list[Any]:
    """The value if it is a JSON list, else an empty one."""
    return cast("list[Any]", value) if isinstance(value, list) else []


def objects(value: Any) -> list[dict[str, Any]]:
    """The objects of a JSON list."""
    return [cast("dict[str, Any]", each) for each in a_list(value) if isinstance(each, dict)]


def a_text(value: Any) -> str:
    """The value if it is text, else ``""``."""
    return value if isinstance(value, str) else ""

"""What a person could read in a message's parts, and the line of it that lists show."""

from collections.abc import Iterable
from typing import Final, cast

from trimtab.llm.types import Part, Reasoning, Refusal, Text, ToolCall, ToolResult

PREVIEW: Final = 200
"""Characters of that line."""


def preview(text: str) -> str:
    """The first 200 characters on one line."""
    head = text[: PREVIEW + 50]
    plain = "  " not in head and head.isprintable()  # of all white space only the blank can be printed
    line = head.strip(" ") if plain else " ".join(head.split())
    if len(line) < PREVIEW and len(text) > PREVIEW + 50:  # much white space
        line = " ".join(text[: PREVIEW * 20].split())
    return line[:PREVIEW]


def text_of(parts: Iterable[Part]) -> str:
    """Everything a person could read in the parts; images and opaque parts have no text."""
    found: list[str] = []
    for part in parts:
        kind = type(part)
        if kind is Text or kind is Reasoning or kind is Refusal:
            found.append(cast("Text", part).text)
        elif isinstance(part, ToolCall):
            found.append(f"{part.name}({part.arguments})")
        elif isinstance(part, ToolResult):
            found.append(text_of(part.parts))
    return found[0] if len(found) == 1 else "\n".join(found)

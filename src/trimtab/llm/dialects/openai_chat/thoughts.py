"""OpenRouter's ``reasoning_details``: thoughts with what their makers signed, which go back unchanged.

https://openrouter.ai/docs/guides/best-practices/reasoning-tokens and ``openrouter.components.ReasoningDetailUnion``:
texts with a signature (Anthropic's models), and encrypted data (OpenAI's and Google's, which refuse a call of a tool
that comes back without). In a stream they come in pieces by their index. Here they travel as one signature of this
dialect.
"""

from typing import Any

import msgspec

from trimtab.llm.dialects._reading import BROKEN, encode
from trimtab.llm.dialects._signatures import signed_by
from trimtab.llm.dialects._tolerant import a_list, objects

Wire = dict[str, Any]
_GROWS = ("text", "summary", "data")
NAME = "openai_chat"


class Details:
    """The entries so far, each with its pieces put together."""

    def __init__(self) -> None:
        self._entries: dict[tuple[Any, Any], Wire] = {}

    def add(self, told: Any) -> None:
        for at, piece in enumerate(objects(told)):
            key = (piece.get("index", at), piece.get("type"))
            if key not in self._entries:
                self._entries[key] = dict(piece)
                continue
            known = self._entries[key]
            for name, value in piece.items():
                grows = name in _GROWS and isinstance(value, str) and isinstance(known.get(name), str)
                if grows:
                    known[name] += value
                elif value is not None:
                    known[name] = value

    def signature(self) -> str | None:
        """What travels, once; None where nothing of it is signed: then the text says it all."""
        entries = list(self._entries.values())
        self._entries = {}
        if not any(entry.get("signature") or entry.get("data") for entry in entries):
            return None
        return signed_by(NAME, encode(entries).decode("utf-8"))


def signature_of(told: Any) -> str | None:
    """The same of a whole answer."""
    details = Details()
    details.add(told)
    return details.signature()


def details_of(signed: str) -> list[Wire]:
    """The entries again; none where a client handed back something else."""
    try:
        return objects(a_list(msgspec.json.decode(signed)))
    except BROKEN:
        return []

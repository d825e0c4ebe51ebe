"""What the checks ask, and how they look at what comes back."""

import json
from typing import Any, cast

from trimtab.cli.conformance.client import Answer
from trimtab.cli.conformance.suite import Fails
from trimtab.llm.types import Message, Request, Role, Text, Tool, ToolCall

BOUND = 1024
"""Tokens an ordinary answer may have: thinking models spend some before they speak."""

WEATHER = Tool(
    name="get_weather",
    description="The weather in a city now.",
    parameters={
        "type": "object",
        "properties": {"city": {"type": "string", "description": "The city's name."}},
        "required": ["city"],
        "additionalProperties": False,
    },
)


def said(role: Role, text: str) -> Message:
    return Message(role, (Text(text),))


def asking(text: str, *before: Message, **more: Any) -> Request:
    """A request that ends with the user's ``text``. Temperature is left out: some models refuse it."""
    fields: dict[str, Any] = {"model": "", "max_tokens": BOUND} | more
    return Request(messages=(*before, said("user", text)), **fields)


def must_hold(answer: Answer, word: str, why: str) -> str:
    """The evidence that ``word`` is in the answer, in whatever case; else `Fails`."""
    if word.casefold() not in answer.text.casefold():
        raise Fails(f"{why} The answer should hold {word!r}: {quoted(answer.text)}")
    return f"answered {quoted(answer.text)}"


def calls(answer: Answer) -> list[ToolCall]:
    return [part for part in answer.response.parts if isinstance(part, ToolCall)]


def arguments(call: ToolCall) -> dict[str, Any]:
    """The call's arguments as an object; `Fails` for what is none."""
    try:
        value: Any = json.loads(call.arguments or "{}")
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise Fails(f"The arguments of {call.name} are no JSON object: {quoted(call.arguments)}")
    return cast("dict[str, Any]", value)


def quoted(text: str) -> str:
    line = " ".join(text.split())
    return repr(line if len(line) <= 160 else line[:120] + " … " + line[-39:])

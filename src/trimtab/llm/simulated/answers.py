"""What a simulated model says: the same to the same request, always."""

import base64
import json
import re
from typing import Any, Literal, cast

from msgspec import Struct

from trimtab.llm.simulated.scenario import Scenario

End = Literal["stop", "stop_sequence", "length", "tool_calls"]
_WORDS = (
    "tides",
    "turn",
    "the",
    "small",
    "tab",
    "and",
    "the",
    "tab",
    "turns",
    "the",
    "great",
    "rudder",
    "🌊",
    "naïvely",
)
_DEEPEST_SAMPLE = 12
_QUOTED = re.compile(r"(?<!\w)'(\w+)'")
_NUMBERS = re.compile(r"the numbers from (\d{1,6}) to (\d{1,6})")
_WORD = re.compile(r"The word is (\w+)")
_MOST_NUMBERS = 5000
_ORDERED = re.compile(r"the word ([A-Z]+) and right after it, without a space, the number (\d+)")
_ABOUT_ITSELF = re.compile(r"\b(?:your (?:instructions|configuration|prompt|system message)|above this line)\b")


class Ask(Struct, frozen=True, kw_only=True):
    """What of a request decides the answer, in no vendor's words. ``tools`` are (name, schema) pairs; ``system`` and
    ``before`` are the texts of the system prompt and of the messages before the last; ``tool_text`` is what the tools
    gave; ``colour`` is that of a picture beside the last text."""

    last_text: str
    prompt_tokens: int
    answers_tool: bool = False
    tools: tuple[tuple[str, dict[str, Any]], ...] = ()
    tool_mode: Literal["auto", "none", "required"] = "auto"
    tool_name: str | None = None
    schema: dict[str, Any] | None = None
    json_object: bool = False
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    system: str = ""
    before: str = ""
    tool_text: str = ""
    colour: str = ""
    parallel: bool = True


class Said(Struct, frozen=True, kw_only=True):
    """An answer: text in pieces (one token each), or tool calls as (name, arguments) pairs."""

    pieces: tuple[str, ...] = ()
    calls: tuple[tuple[str, str], ...] = ()
    end: End = "stop"
    stopped_by: str | None = None
    output_tokens: int = 0


def answer(ask: Ask, scenario: Scenario) -> Said:
    tool = _tool_to_call(ask)
    if tool is not None:
        return _call(ask, tool, scenario)
    pieces, stopped_by = _text(ask, scenario)
    end: End = "stop_sequence" if stopped_by is not None else "stop"
    bound = None if scenario.defect == "ignores_bound" else ask.max_tokens
    if bound is not None and len(pieces) > bound:
        pieces, end, stopped_by = pieces[:bound], "length", None
    return Said(pieces=pieces, end=end, stopped_by=stopped_by, output_tokens=len(pieces))


def an_object(value: Any) -> dict[str, Any]:
    """The value if it is a JSON object, else an empty one."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def objects(value: Any) -> list[dict[str, Any]]:
    """The objects of a JSON list."""
    return (
        [cast("dict[str, Any]", v) for v in cast("list[Any]", value) if isinstance(v, dict)]
        if isinstance(value, list)
        else []
    )


def count(text: str) -> int:
    """Tokens of a text as these models count them: its words."""
    return len(pieces_of(text))


def pieces_of(text: str) -> tuple[str, ...]:
    """A text in tokens; joined they are the text."""
    return tuple(re.findall(r"\s*\S+|\s+$", text))


def sample(schema: Any, depth: int = 0) -> Any:
    """A value that fits a JSON schema of the kinds that structured outputs allow."""
    if not isinstance(schema, dict) or depth > _DEEPEST_SAMPLE:
        return None
    known = cast("dict[str, Any]", schema)
    for name in ("const", "default"):
        if name in known:
            return known[name]
    if known.get("enum"):
        return known["enum"][0]
    for name in ("anyOf", "oneOf", "allOf"):
        if known.get(name):
            return sample(known[name][0], depth + 1)
    kind = known.get("type")
    if isinstance(kind, list):
        kind = next(iter(cast("list[Any]", kind)), None)
    match kind:
        case "string":
            return "tide"
        case "integer":
            return max(1, int(known.get("minimum", 1)))
        case "number":
            return max(1.5, float(known.get("minimum", 1.5)))
        case "boolean":
            return True
        case "null":
            return None
        case "array":
            return [sample(known.get("items", {"type": "string"}), depth + 1)]
        case _:
            properties = cast("dict[str, Any]", known.get("properties") or {})
            return {name: sample(inner, depth + 1) for name, inner in properties.items()}


def _tool_to_call(ask: Ask) -> tuple[str, dict[str, Any]] | None:
    """Called when it must be, or when the user names the tool; never again once its result is there."""
    if not ask.tools or ask.tool_mode == "none":
        return None
    if ask.tool_name is not None:
        return next((tool for tool in ask.tools if tool[0] == ask.tool_name), None)
    if ask.tool_mode == "required":
        return ask.tools[0]
    if ask.answers_tool:
        return None
    return next((tool for tool in ask.tools if tool[0] in ask.last_text), None)


def _call(ask: Ask, tool: tuple[str, dict[str, Any]], scenario: Scenario) -> Said:
    """One call, or as many as there are 'quoted' words in the question, each with its word for every text it needs."""
    name, schema = tool
    if scenario.arguments is not None:
        texts = [scenario.arguments]
    else:
        quoted = _QUOTED.findall(ask.last_text) or [None]
        one = not ask.parallel or scenario.defect == "one_call"
        values = [sample(schema) if word is None else _worded(sample(schema), word) for word in quoted]
        texts = [json.dumps(value, ensure_ascii=False) for value in (values[:1] if one else values)]
    calls = tuple((name, text) for text in texts * max(1, scenario.calls))
    return Said(calls=calls, end="tool_calls", output_tokens=sum(1 + count(a) for _, a in calls))


def _worded(value: Any, word: str) -> Any:
    if not isinstance(value, dict):
        return value
    return {name: word if isinstance(v, str) else v for name, v in cast("dict[str, Any]", value).items()}


def _text(ask: Ask, scenario: Scenario) -> tuple[tuple[str, ...], str | None]:
    if scenario.fault == "huge":
        return ("x" * scenario.bytes,), None
    if scenario.text is not None:
        text = scenario.text
    elif ask.schema is not None or ask.json_object:
        value = sample(ask.schema or {"properties": {"answer": {"type": "string"}}})
        if scenario.defect == "loose_schema" and isinstance(value, dict):
            value.popitem()
        text = json.dumps(value, ensure_ascii=False)
    elif scenario.tokens is not None:
        numbered = (_WORDS[index % len(_WORDS)] for index in range(scenario.tokens))
        text = " ".join(numbered)
    else:
        text = _thought_of(ask, scenario)
    if scenario.defect == "garbles":
        text = text.encode().decode("latin-1")
    marks = () if scenario.defect == "ignores_stop" else ask.stop
    found = [(at, mark) for mark in marks if mark and (at := text.find(mark)) >= 0]
    stopped_by = min(found)[1] if found else None
    if found:
        text = text[: min(found)[0]]
    return pieces_of(text), stopped_by


def _obeyed(ask: Ask) -> str:
    """What somebody ordered, in the question or in what a tool gave; empty where nobody did."""
    ordered = _ORDERED.search(ask.tool_text if ask.answers_tool else ask.last_text)
    if ordered:
        return f"{ordered[1]}{ordered[2]}"
    return ask.system if _ABOUT_ITSELF.search(ask.last_text) else ""


def _thought_of(ask: Ask, scenario: Scenario) -> str:
    """The little that these models understand: tools' results, counting, colours, and a word they were told."""
    asked, defect = ask.last_text, scenario.defect
    if scenario.gullible and (done := _obeyed(ask)):
        return done
    if ask.answers_tool and ask.tool_text and defect != "ignores_results":
        return f"The tool says: {ask.tool_text}"
    numbers = _NUMBERS.search(asked)
    if numbers:
        first, last = int(numbers[1]), min(int(numbers[2]), int(numbers[1]) + _MOST_NUMBERS)
        last = last // 2 if defect == "ends_early" else last
        return " ".join(str(number) for number in range(first, last + 1))
    if ask.colour and "colour" in asked:
        return "green" if defect == "blind" else ask.colour
    known = ("" if defect == "ignores_system" else ask.system) + "\n" + ("" if defect == "forgets" else ask.before)
    word = _WORD.search(known)
    if word and "the word?" in asked:
        return word[1]
    return f"You asked: {asked or 'nothing'} The small tab turns the great rudder — naïvely said. 🌊"


def is_base64(data: Any) -> bool:
    """Whether a vendor could read it: the alphabet for URLs is another."""
    try:
        return bool(base64.b64decode(data, validate=True)) if isinstance(data, str) else False
    except ValueError:
        return False

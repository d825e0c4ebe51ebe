"""What changed between two versions, in the words of a prompt: messages line by line, and each field by itself."""

from collections.abc import Mapping
from difflib import SequenceMatcher
from typing import Any, Literal, cast

import msgspec
from msgspec import UNSET, Struct

from trimtab.prompts.canonical import variable_fields
from trimtab.prompts.lines import Line, compare
from trimtab.prompts.types import Content, Message

What = Literal["added", "removed", "changed"]


class Change(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """``where`` names the field (``variables.customer.default``); ``words`` says it to people. ``before`` and ``after``
    are JSON, left out where there was or is nothing."""

    what: What
    where: str
    words: str
    before: Any = UNSET
    after: Any = UNSET


class MessageChange(Struct, frozen=True, kw_only=True):
    """``before`` and ``after`` number the message in each version from 1, None where it is not in it; ``lines`` are
    all lines of both."""

    what: What
    words: str
    before: int | None
    after: int | None
    lines: list[Line] = []


class Difference(Struct, frozen=True, kw_only=True):
    """Both empty for two contents of one hash."""

    changes: list[Change] = []
    messages: list[MessageChange] = []

    @property
    def empty(self) -> bool:
        return not self.changes and not self.messages


def diff(before: Content, after: Content) -> Difference:
    """Of two normal forms."""
    changes = [
        *_text("description", before.description, after.description),
        *_variables(before, after),
        *_each("parameters", "parameter", before.parameters, after.parameters),
        *_tools(before, after),
        *_schema(before, after),
        *_each("policy", "policy rule", before.policy, after.policy),
        *_each("metadata", "metadata", before.metadata, after.metadata),
    ]
    return Difference(changes=changes, messages=_messages(before.messages, after.messages))


def aligned(before: tuple[Message, ...], after: tuple[Message, ...]) -> list[tuple[int | None, int | None]]:
    """Which message became which: the same ones first, then, between those, in order by role."""
    found: list[tuple[int | None, int | None]] = []
    matcher = SequenceMatcher(None, [_key(each) for each in before], [_key(each) for each in after], autojunk=False)
    for _, i1, i2, j1, j2 in matcher.get_opcodes():
        left, right = list(range(i1, i2)), list(range(j1, j2))
        while left or right:
            if left and right and before[left[0]].title == after[right[0]].title:
                found.append((left.pop(0), right.pop(0)))
            elif left and not any(before[left[0]].title == after[at].title for at in right):
                found.append((left.pop(0), None))
            elif right:
                found.append((None, right.pop(0)))
            else:
                found.append((left.pop(0), None))
    return found


def _key(message: Message) -> tuple[str, str]:
    return message.title, message.text


def _lines_of(number: int) -> str:
    return "1 line" if number == 1 else f"{number} lines"


def _messages(before: tuple[Message, ...], after: tuple[Message, ...]) -> list[MessageChange]:
    found: list[MessageChange] = []
    for i, j in aligned(before, after):
        old = None if i is None else before[i]
        new = None if j is None else after[j]
        if old == new:
            continue
        lines = compare(_lines(old), _lines(new))
        plus = sum(line.mark == "added" for line in lines)
        minus = sum(line.mark == "removed" for line in lines)
        title = (new or old or Message()).title
        what: What = "added" if old is None else "removed" if new is None else "changed"
        verb = {
            "added": "is new",
            "removed": "is gone",
            "changed": f"changed: {_lines_of(plus)} added, {minus} removed",
        }[what]
        number = (j if j is not None else i or 0) + 1
        found.append(
            MessageChange(
                what=what,
                words=f"message {number} ({title}) {verb}",
                before=None if i is None else i + 1,
                after=None if j is None else j + 1,
                lines=lines,
            )
        )
    return found


def _lines(message: Message | None) -> list[str]:
    return message.text.split("\n") if message is not None and not message.messages else []


def _text(where: str, before: str, after: str) -> list[Change]:
    if before == after:
        return []
    return [Change(what="changed", where=where, words=f"the {where} changed", before=before, after=after)]


def _same(before: Any, after: Any) -> bool:
    """Order within objects counts: models and templates see it."""
    return msgspec.json.encode(before) == msgspec.json.encode(after)


def _each(where: str, word: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    found: list[Change] = []
    for key in sorted({*before, *after}):
        place = f"{where}.{key}"
        if key not in before:
            words = f"{word} {key!r} is new: {_short(after[key])}"
            found.append(Change(what="added", where=place, words=words, after=after[key]))
        elif key not in after:
            words = f"{word} {key!r} is gone; it was {_short(before[key])}"
            found.append(Change(what="removed", where=place, words=words, before=before[key]))
        elif not _same(before[key], after[key]):
            words = f"{word} {key!r} went from {_short(before[key])} to {_short(after[key])}"
            found.append(Change(what="changed", where=place, words=words, before=before[key], after=after[key]))
    if not found and list(before) != list(after) and where in ("tools", "policy", "metadata"):
        found.append(Change(what="changed", where=where, words=f"the order of {where} changed"))
    return found


def _short(value: Any) -> str:
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= 80 else f"{text[:77]}..."


def _variables(before: Content, after: Content) -> list[Change]:
    found: list[Change] = []
    for name in sorted({*before.variables, *after.variables}):
        old, new = before.variables.get(name), after.variables.get(name)
        if old is not None and new is not None and _same(variable_fields(old), variable_fields(new)):
            continue
        where = f"variables.{name}"
        if old is None or new is None:
            state = "is new" if old is None else "is gone"
            extra = " and must be given" if new is not None and new.required else ""
            made: What = "added" if old is None else "removed"
            found.append(
                Change(
                    what=made,
                    where=where,
                    words=f"variable {name!r} {state}{extra}",
                    before=UNSET if old is None else variable_fields(old),
                    after=UNSET if new is None else variable_fields(new),
                )
            )
            continue
        found += _each(where, f"variable {name!r}:", variable_fields(old), variable_fields(new))
    return found


def _tool_name(tool: Mapping[str, Any], number: int) -> str:
    function = tool.get("function")
    inner = cast("Mapping[str, Any]", function) if isinstance(function, dict) else tool
    name = inner.get("name")
    return name if isinstance(name, str) else f"#{number}"


def _tools(before: Content, after: Content) -> list[Change]:
    if _same(before.tools, after.tools):
        return []
    old = {_tool_name(tool, number): tool for number, tool in enumerate(before.tools, 1)}
    new = {_tool_name(tool, number): tool for number, tool in enumerate(after.tools, 1)}
    if len(old) < len(before.tools) or len(new) < len(after.tools):
        words = "the tools changed"
        return [Change(what="changed", where="tools", words=words, before=before.tools, after=after.tools)]
    return _each("tools", "tool", old, new)


def _schema(before: Content, after: Content) -> list[Change]:
    old, new = before.output_schema, after.output_schema
    if old is UNSET and new is UNSET:
        return []
    if old is not UNSET and new is not UNSET and _same(old, new):
        return []
    what: What = "added" if old is UNSET else "removed" if new is UNSET else "changed"
    verb = {"added": "is new", "removed": "is gone", "changed": "changed"}[what]
    return [Change(what=what, where="output_schema", words=f"the output schema {verb}", before=old, after=new)]

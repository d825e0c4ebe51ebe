"""Messages -> the system instruction and the contents of a call, as Google takes them.

- No part is empty: https://github.com/router-for-me/CLIProxyAPI/issues/1292
- The turn that answers calls follows theirs and holds their responses alone, as many as there are calls
  (https://github.com/anomalyco/opencode/pull/43479, https://github.com/google-gemini/gemini-cli/pull/16137), here in
  the order of the calls, which tells them apart where there are no ids. What else is said with them is a turn after it:
  two turns of the user's may follow each other (https://github.com/google/adk-go/pull/1302).
- Only models from 3 on are shown pictures within a response (https://github.com/google-gemini/gemini-cli/issues/19436),
  and none by an address: those are in the turn after it.
- A conversation does not begin with a call: https://github.com/google-gemini/gemini-cli/issues/11814
"""

import re
from typing import Any, cast

from msgspec import Raw, Struct

from trimtab.core.errors import InvalidRequest, Unsupported
from trimtab.llm.dialects import Quirks
from trimtab.llm.dialects._crossing import foreign
from trimtab.llm.dialects._documents import gemini_part
from trimtab.llm.dialects.gemini.parts import NAME, Wire, Writer, media_wire, result_wire, taken_media
from trimtab.llm.dialects.gemini.taken import GO_ON, shows_media_in_results
from trimtab.llm.types import Image, Message, Opaque, Part, Refusal, Request, Text, ToolCall, ToolResult

Given = Wire | Raw
_SHOWN_IN_RESULTS = ("image/png", "image/jpeg", "image/webp", "application/pdf", "text/plain")
"""https://ai.google.dev/gemini-api/docs/function-calling#multimodal"""


def conversation(request: Request, model: str, quirks: Quirks, *, own: bool) -> tuple[list[Given], list[Wire]]:
    """All system messages go into the one instruction. ``own``: the call came in this dialect."""
    system: list[Given] = []
    talk = _Talk(model, own=own)
    for message in request.messages:
        if message.role in ("system", "developer"):
            system += [_system_part(part) for part in message.parts if part != Text("")]
        elif message.role == "assistant":
            talk.say(message)
        else:
            talk.ask(message)
    contents = talk.contents()
    if quirks.calls_without_ids and re.search(quirks.calls_without_ids, model):
        _drop_ids(contents)
    return system, contents


def _system_part(part: Part) -> Given:
    if isinstance(part, Opaque) and part.dialect == NAME:
        return part.raw
    if isinstance(part, Opaque):
        raise foreign(part)
    if not isinstance(part, Text | Refusal):
        raise Unsupported("A system message may hold only text for this provider.", param="messages")
    return {"text": part.text}


class _Turn(Struct):
    """``answers`` are the responses of a turn that holds nothing else, each with the place of its call."""

    role: str
    parts: list[Given]
    answers: list[tuple[int, Given]] | None = None

    def wire(self) -> Wire:
        if self.answers is None:
            return {"role": self.role, "parts": self.parts}
        return {"role": self.role, "parts": [part for _, part in sorted(self.answers, key=lambda each: each[0])]}


class _Talk:
    """The turns so far, and the calls of the model's last one."""

    def __init__(self, model: str, *, own: bool) -> None:
        self._own = own
        self._nested = own or shows_media_in_results(model)
        self._turns: list[_Turn] = []
        self._names: dict[str, str] = {}
        self._calls: list[str] = []
        self._answers: _Turn | None = None

    def say(self, message: Message) -> None:
        writer = Writer(provider=True, own=self._own)
        parts: list[Given] = []
        for part in message.parts:
            parts += writer.write(part)
        parts += writer.rest()
        if not parts:
            return
        if self._turns and self._turns[-1].role == "model":
            self._turns[-1].parts.extend(parts)
        else:
            self._turns.append(_Turn("model", parts))
            self._calls, self._answers = [], None
        called = {part.id: part.name for part in message.parts if isinstance(part, ToolCall)}
        self._names |= called
        self._calls += called

    def ask(self, message: Message) -> None:
        for part in message.parts:
            match part:
                case Text(text="") | Refusal(text=""):
                    pass
                case Text() | Refusal():
                    self._tell({"text": part.text})
                case ToolResult():
                    self._answer(part)
                case Image():
                    self._tell(media_wire(part) if self._own else taken_media(part))
                case Opaque() if part.dialect == NAME:
                    self._tell(part.raw)
                case Opaque():
                    self._tell(gemini_part(part))
                case _:
                    raise Unsupported(f"A {type(part).__name__} part has no place in this message.", param="messages")

    def contents(self) -> list[Wire]:
        if not self._turns:
            raise InvalidRequest(
                "A call of this provider needs a message that is not a system message and not empty.", param="messages"
            )
        first = self._turns[0]
        begins = first.role == "model" and any(
            isinstance(part, dict) and "functionCall" in part for part in first.parts
        )
        opening = [_Turn("user", [{"text": GO_ON}])] if begins and not self._own else []
        return [turn.wire() for turn in [*opening, *self._turns]]

    def _tell(self, part: Given) -> None:
        last = self._turns[-1] if self._turns else None
        if last is not None and last.role == "user" and last.answers is None:
            last.parts.append(part)
        else:
            self._turns.append(_Turn("user", [part]))

    def _answer(self, result: ToolResult) -> None:
        shown = [part for part in result.parts if not isinstance(part, Text) and not self._may_be_nested(part)]
        within = ToolResult(result.call_id, tuple(part for part in result.parts if part not in shown), result.is_error)
        # the function's name is demanded here, and other dialects answer by the call's id alone
        wire = result_wire(within, self._names.get(result.call_id) or result.call_id, own=self._own)
        known = result.call_id in self._calls
        place = self._calls.index(result.call_id) if known else len(self._calls)
        turn = self._answers
        if turn is None or turn.answers is None or not (known or turn is self._turns[-1]):
            turn = self._answers = _Turn("user", [], [])
            after = max((at + 1 for at, each in enumerate(self._turns) if each.role == "model"), default=0)
            self._turns.insert(after if known else len(self._turns), turn)
        cast("list[tuple[int, Given]]", turn.answers).append((place, wire))
        if shown:
            self._tell({"text": f"What the call {result.call_id} of {wire['functionResponse']['name']} gave back:"})
            self.ask(Message("user", tuple(shown)))

    def _may_be_nested(self, part: Part) -> bool:
        """Whether a response may hold it: from another dialect, what came along and Google reads there."""
        if self._own or not isinstance(part, Image | Opaque):
            return True
        if not self._nested:
            return False
        wire: Any = taken_media(part) if isinstance(part, Image) else part.raw
        if isinstance(part, Opaque) and part.dialect != NAME:
            wire = gemini_part(part)
            if "text" in wire:  # a document that is told in words is one of the response's texts
                return True
        return isinstance(wire, dict) and cast("Wire", wire).get("inlineData", {}).get("mimeType") in _SHOWN_IN_RESULTS


def _drop_ids(contents: list[Wire]) -> None:
    for content in contents:
        for part in content["parts"]:
            for name in ("functionCall", "functionResponse"):
                if isinstance(part, dict) and name in part:
                    cast("Wire", part)[name].pop("id", None)

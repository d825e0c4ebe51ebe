"""Conversations made shorter before they are sent, where a policy says so: cap, compress, drop, deduplicate, in this
order: a note stands for a text only where that is read in full above it.

It works on the client's own JSON, whose dialect's list of messages it finds by its name, so that every field it does
not touch survives. What it leaves is always a valid conversation of the same dialect: only whole turns go (a turn
begins where the user speaks, and holds the calls of tools and their results that follow), never a system or developer
message, never the last turns, and never a turn whose tool calls are answered outside of it. What was changed is written
on the call's record (`ContextNote`), in estimated tokens: no tokeniser is asked.
"""

from collections import Counter
from collections.abc import Callable
from typing import Any, TypeGuard, cast

import msgspec

from trimtab.gateway.call import Call
from trimtab.gateway.call_policy import ContextPolicy
from trimtab.gateway.digest import digest
from trimtab.ledger.estimate import estimate_tokens
from trimtab.llm.dialects._reading import BROKEN
from trimtab.telemetry.records import ContextNote

FIELDS = ("messages", "input", "contents")
"""Where dialects keep the conversation: OpenAI, Anthropic and Cohere; OpenAI's Responses; Gemini."""
SHORTEST_REPEATED = 200
"""Characters of a text that is worth a note in its place."""
NOTE_TOKENS = 16
"""What a note takes at most: a text that is longer by less is left as it is."""
OVERHEAD = 4
"""Tokens that a message costs beside its text, by estimate."""

Item = dict[str, Any]
Edit = Callable[[str], str]

_decode = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_encode = msgspec.json.Encoder().encode


def shorten(call: Call, policy: ContextPolicy) -> None:
    """Replace the call's body by a shorter one where the policy finds something to shorten, and note what was done. A
    body it cannot read is left to its dialect to judge."""
    found = shortened(call.body, policy)
    if found is None:
        return
    body, call.context = found
    if call.context.changes:
        call.original = call.original or call.body
        call.body = body


def shortened(body: bytes, policy: ContextPolicy) -> tuple[bytes, ContextNote] | None:
    """The shorter body and what was changed (nothing, where nothing was too long); None for what is no conversation."""
    try:
        fields = _decode(body)
        field = next(name for name in FIELDS if name in fields)
        items = msgspec.json.decode(fields[field])
    except (*BROKEN, StopIteration):
        return None
    if not _is_list(items) or not all(_is_object(item) for item in items):
        return None
    conversation = _Conversation(
        cast("list[Item]", items), sum(_plain_tokens(fields.get(n)) for n in ("system", "instructions", "tools"))
    )
    before = conversation.tokens()
    changes: list[str] = []
    if policy.tool_result_tokens is not None:
        changes += conversation.cap(policy.tool_result_tokens)
    if policy.old_turn_tokens is not None:
        changes += conversation.compress(policy.old_turn_tokens, policy.keep_turns)
    if policy.max_tokens is not None:
        changes += conversation.drop(policy.max_tokens, policy.keep_turns, repeats=policy.deduplicate)
    if policy.deduplicate:
        changes += conversation.deduplicate()
    note = ContextNote(before=before, after=conversation.tokens(), changes=tuple(changes))
    if not changes:
        return body, note
    return _encode({**fields, field: msgspec.Raw(_encode(conversation.items))}), note


class _Conversation:
    """The messages while they are edited. ``beside`` is what system prompt and tools take, in tokens."""

    def __init__(self, items: list[Item], beside: int) -> None:
        self.items = items
        self._beside = beside

    def tokens(self) -> int:
        return self._beside + sum(map(_tokens, self.items))

    def cap(self, most: int) -> list[str]:
        """Of each tool result longer than ``most`` tokens keep two thirds of that from its beginning and one from its
        end."""
        cut: list[int] = []

        def shorten_text(text: str) -> str:
            tokens = estimate_tokens(text)
            if tokens <= most + NOTE_TOKENS:
                return text
            kept = len(text) * most // tokens
            head, tail = kept * 2 // 3, kept - kept * 2 // 3
            cut.append(tokens - most)
            return f"{text[:head]}\n[... about {tokens - most} tokens left out ...]\n{text[len(text) - tail :]}"

        self.items = [_edit_results(item, shorten_text) for item in self.items]
        return [f"cut {len(cut)} tool results by about {sum(cut)} tokens"] if cut else []

    def deduplicate(self) -> list[str]:
        """Put a note where a long text of the user or of a tool stands again: what is read first stays, so that the
        beginning of the conversation stays the same from call to call and a provider's prompt cache still hits."""
        seen: set[str] = set()
        again: list[int] = []

        def note(text: str) -> str:
            if len(text) < SHORTEST_REPEATED:
                return text
            if text not in seen:
                seen.add(text)
                return text
            again.append(estimate_tokens(text))
            return _note_of(text)

        self.items = [item if _role(item) in _NEVER_REPEATED else _edit_texts(item, note) for item in self.items]
        return [f"replaced {len(again)} repeated texts of about {sum(again)} tokens by notes"] if again else []

    def compress(self, most: int, keep_turns: int) -> list[str]:
        """Of each message of user or assistant before the last ``keep_turns`` turns that is longer than ``most`` tokens
        keep its most telling sentences."""
        starts = [index for index, item in enumerate(self.items) if _begins_turn(item)]
        if len(starts) <= keep_turns:
            return []
        saved: list[int] = []

        def compress_text(text: str) -> str:
            tokens = estimate_tokens(text)
            if tokens <= most + NOTE_TOKENS:
                return text
            shorter = digest(text, most)
            saved.append(tokens - estimate_tokens(shorter))
            return shorter

        for index in range(starts[0], starts[-keep_turns]):
            item = self.items[index]
            if _role(item) in ("user", "assistant", "model") and not any(map(_is_sealed, _parts(item))):
                self.items[index] = {
                    **item,
                    **{name: _edited(item[name], compress_text) for name in ("content", "parts") if name in item},
                }
        return [f"compressed {len(saved)} messages of older turns by about {sum(saved)} tokens"] if saved else []

    def drop(self, most: int, keep_turns: int, *, repeats: bool) -> list[str]:
        """Drop the oldest turns until the estimate is at most ``most`` or only ``keep_turns`` are left. ``repeats``: of
        texts that stand in it several times, all but the first will be notes."""
        starts = [index for index, item in enumerate(self.items) if _begins_turn(item)]
        texts = [_long_texts(item) if repeats else [] for item in self.items]
        times = Counter(text for found in texts for text in found)
        total = self.tokens() - sum((count - 1) * _saved_by_note(text) for text, count in times.items() if count > 1)
        gone: set[int] = set()
        tool_ids = [_tool_ids(item) for item in self.items]
        holders = Counter(each for ids in tool_ids for each in ids)
        turns = 0
        for number in range(len(starts) - keep_turns):
            if total <= most:
                break
            turn = range(starts[number], starts[number + 1])
            leaving = [index for index in turn if _role(self.items[index]) not in ("system", "developer")]
            ids = Counter(each for index in leaving for each in tool_ids[index])
            if any(holders[each] > times for each, times in ids.items()):
                break  # a later turn answers one of its calls
            holders.subtract(ids)
            gone.update(leaving)
            for index in leaving:
                total -= _tokens(self.items[index])
                for text in texts[index]:
                    times[text] -= 1
                    total += _saved_by_note(text) if times[text] else 0  # the next one stands in full from now on
            turns += 1
        self.items = [item for index, item in enumerate(self.items) if index not in gone]
        return [f"dropped the {turns} oldest turns ({len(gone)} messages)"] if turns else []


# --- texts that stand again ---

_NEVER_REPEATED = ("assistant", "model", "system", "developer")
"""Whose words are left alone: the model's own, and what it is told to be."""


def _note_of(text: str) -> str:
    return f"[The same text as above, which begins: {' '.join(text[:80].split())} ...]"


def _saved_by_note(text: str) -> int:
    return estimate_tokens(text) - estimate_tokens(_note_of(text))


def _long_texts(item: Item) -> list[str]:
    """The texts of a message that a note could stand for."""
    found: list[str] = []

    def look(text: str) -> str:
        if len(text) >= SHORTEST_REPEATED:
            found.append(text)
        return text

    if _role(item) not in _NEVER_REPEATED:
        _edit_texts(item, look)
    return found


# --- what a message is, in each dialect ---


def _role(item: Item) -> str:
    role = item.get("role")
    return role if isinstance(role, str) else ""


def _parts(item: Item) -> list[Item]:
    """Its parts that are objects: OpenAI's and Anthropic's ``content``, Gemini's ``parts``."""
    found = item.get("parts", item.get("content"))
    return [part for part in found if _is_object(part)] if _is_list(found) else []


def _begins_turn(item: Item) -> bool:
    """The user speaks: a user's message that is not (also) the results of tools."""
    return _role(item) == "user" and not any(_is_result(part) for part in _parts(item))


def _is_sealed(part: Item) -> bool:
    """A provider signed this message's parts: it would refuse them changed."""
    return "signature" in part or "thoughtSignature" in part or "encrypted_content" in part


def _is_result(part: Item) -> bool:
    kind = part.get("type")
    return (isinstance(kind, str) and kind.endswith(("tool_result", "_output"))) or "functionResponse" in part


def _tool_ids(item: Item) -> set[str]:
    """The ids of tool calls it makes or answers."""
    found: set[str] = set()
    calls: list[Any] = item["tool_calls"] if _is_list(item.get("tool_calls")) else []
    for place, each in enumerate((item, *calls, *_parts(item))):
        if not _is_object(each):
            continue
        named = [each.get("functionCall"), each.get("functionResponse")]
        values = [each.get("tool_call_id"), each.get("tool_use_id"), each.get("call_id")]
        values += [part.get("id") for part in named if _is_object(part)]
        if 0 < place <= len(calls) or str(each.get("type")).endswith("tool_use"):
            values.append(each.get("id"))
        found.update(value for value in values if isinstance(value, str))
    return found


def _edit_results(item: Item, edit: Edit) -> Item:
    """The texts of tool results, wherever the dialect keeps them, through ``edit``."""
    if _role(item) == "tool" and "content" in item:
        return {**item, "content": _edited(item["content"], edit)}
    if str(item.get("type")).endswith("_call_output") and "output" in item:
        return {**item, "output": _edited(item["output"], edit)}
    name = "parts" if _is_list(item.get("parts")) else "content"
    if not any(_is_result(part) for part in _parts(item)):
        return item
    return {**item, name: [_edit_result(part, edit) if _is_object(part) else part for part in item[name]]}


def _edit_result(part: Item, edit: Edit) -> Item:
    if not _is_result(part):
        return part
    if _is_object(answer := part.get("functionResponse")):
        given = answer.get("response")
        return {**part, "functionResponse": {**answer, "response": _edited_json(given, edit)}} if given else part
    return {**part, "content": _edited(part["content"], edit)} if "content" in part else part


def _edited_json(value: Any, edit: Edit) -> Any:
    """Every text in a JSON value, however deep."""
    if isinstance(value, str):
        return edit(value)
    if _is_list(value):
        return [_edited_json(each, edit) for each in value]
    if _is_object(value):
        return {key: _edited_json(each, edit) for key, each in value.items()}
    return value


def _edit_texts(item: Item, edit: Edit) -> Item:
    """All texts of a message through ``edit``, those of tool results included."""
    item = _edit_results(item, edit)
    if _role(item) == "tool":
        return item
    for name in ("content", "parts"):
        if name in item:
            item = {**item, name: _edited(item[name], edit)}
    return item


def _edited(content: Any, edit: Edit) -> Any:
    """A text, or the text parts of a list."""
    if isinstance(content, str):
        return edit(content)
    if not _is_list(content):
        return content
    return [
        {**part, "text": edit(part["text"])} if _is_object(part) and isinstance(part.get("text"), str) else part
        for part in content
    ]


def _tokens(item: Item) -> int:
    return OVERHEAD + sum(map(estimate_tokens, _strings(item)))


def _plain_tokens(raw: msgspec.Raw | None) -> int:
    return 0 if raw is None else estimate_tokens(bytes(raw).decode("utf-8", "replace"))


_BINARY = frozenset(("data", "url", "image_url", "file_data", "signature", "encrypted_content", "thoughtSignature"))


def _strings(value: Any) -> list[str]:
    """Every text in a message but what is no text: images, files, signatures."""
    if isinstance(value, str):
        return [value]
    if _is_list(value):
        return [text for each in value for text in _strings(each)]
    if _is_object(value):
        return [text for key, each in value.items() if key not in _BINARY for text in _strings(each)]
    return []


def _is_object(value: Any) -> TypeGuard[Item]:
    return type(value) is dict


def _is_list(value: Any) -> TypeGuard[list[Any]]:
    return type(value) is list

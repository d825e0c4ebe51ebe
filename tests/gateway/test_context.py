"""Conversations made shorter: what goes, what never goes, and that what is left is a conversation."""

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import msgspec
from harness import PRICE, provider, running
from hypothesis import given
from hypothesis import strategies as st
from upstream import WHOLE, answers, upstream

from trimtab.gateway.call_policy import CallPolicy, ContextPolicy
from trimtab.gateway.context import shortened
from trimtab.gateway.targets import Model
from trimtab.llm.dialects import DIALECTS
from trimtab.llm.types import ToolCall, ToolResult

Item = dict[str, Any]
LONG = "All of this stands in the manual. " * 20


def said(role: str, text: str) -> Item:
    return {"role": role, "content": text}


def openai_turn(number: int, text: str, tools: int) -> list[Item]:
    calls: list[Item] = [
        {"id": f"c{number}.{k}", "type": "function", "function": {"name": "f", "arguments": "{}"}} for k in range(tools)
    ]
    results = [{"role": "tool", "tool_call_id": call["id"], "content": text} for call in calls]
    asked = [{"role": "assistant", "content": None, "tool_calls": calls}] if calls else []
    return [said("user", text), *asked, *results, said("assistant", "fine")]


def anthropic_turn(number: int, text: str, tools: int) -> list[Item]:
    calls: list[Item] = [{"type": "tool_use", "id": f"c{number}.{k}", "name": "f", "input": {}} for k in range(tools)]
    results: list[Item] = [{"type": "tool_result", "tool_use_id": call["id"], "content": text} for call in calls]
    used: list[Item] = [{"role": "assistant", "content": calls}, {"role": "user", "content": results}] if calls else []
    return [said("user", text), *used, said("assistant", "fine")]


TEXTS = st.one_of(st.text(max_size=20), st.sampled_from([LONG, "word " * 200, "Ж" * 400]))
TURNS = st.lists(st.tuples(TEXTS, st.integers(0, 3)), min_size=1, max_size=8)
POLICIES = st.builds(
    ContextPolicy,
    max_tokens=st.none() | st.integers(64, 2000),
    keep_turns=st.integers(1, 4),
    deduplicate=st.booleans(),
    tool_result_tokens=st.none() | st.integers(16, 200),
    old_turn_tokens=st.none() | st.integers(16, 200),
)
FRONTS = {"openai_chat": openai_turn, "anthropic_messages": anthropic_turn}


def body_of(front: str, turns: list[tuple[str, int]]) -> bytes:
    items = [item for number, (text, tools) in enumerate(turns) for item in FRONTS[front](number, text or "?", tools)]
    items.append(said("user", "and now?"))
    extra = {"system": "be kind", "max_tokens": 100} if front == "anthropic_messages" else {}
    if front == "openai_chat":
        items.insert(0, said("system", "be kind"))
        items.insert(len(items) // 2, said("developer", "be brief"))
    return json.dumps({"model": "m", "messages": items, "x_unknown": [1, {"a": 2}], **extra}).encode()


@given(st.sampled_from(sorted(FRONTS)), TURNS, POLICIES)
def test_what_is_left_is_always_a_valid_conversation(
    front: str, turns: list[tuple[str, int]], policy: ContextPolicy
) -> None:
    body = body_of(front, turns)
    found = shortened(body, policy)
    assert found is not None
    after, note = found
    request = DIALECTS.get(front).parse_request(after)
    calls = [part.id for m in request.messages for part in m.parts if isinstance(part, ToolCall)]
    results = [part.call_id for m in request.messages for part in m.parts if isinstance(part, ToolResult)]
    assert calls == results
    asked, left = json.loads(body), json.loads(after)
    standing = ("system", "developer")
    assert [m for m in left["messages"] if m["role"] in standing] == [
        m for m in asked["messages"] if m["role"] in standing
    ]
    assert next(m for m in left["messages"] if m["role"] not in standing)["role"] == "user"
    assert left["messages"][-1] == said("user", "and now?")
    assert {**asked, "messages": 0} == {**left, "messages": 0}
    assert note.after <= note.before
    assert (note.changes == ()) == (after is body)


@given(TURNS, st.integers(64, 600), st.integers(1, 4))
def test_turns_are_dropped_from_the_oldest_on_until_it_fits_and_no_further(
    turns: list[tuple[str, int]], most: int, keep: int
) -> None:
    body = body_of("anthropic_messages", turns)
    found = shortened(body, ContextPolicy(max_tokens=most, keep_turns=keep))
    assert found is not None
    after, note = found
    before_items, items = json.loads(body)["messages"], json.loads(after)["messages"]
    assert before_items[len(before_items) - len(items) :] == items
    starts = [m for m in items if m["role"] == "user" and isinstance(m["content"], str)]
    assert note.after <= most or len(starts) <= keep
    if note.changes:
        assert note.before > most
        assert len(starts) >= keep


def test_a_call_that_a_later_turn_answers_keeps_its_turn() -> None:
    late = [
        {"role": "user", "content": LONG},
        {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"},
        {"role": "user", "content": LONG},
        {"type": "function_call_output", "call_id": "c1", "output": "42"},
        {"role": "user", "content": "and now?"},
    ]
    body = json.dumps({"model": "m", "input": late}).encode()
    found = shortened(body, ContextPolicy(max_tokens=64, keep_turns=1))
    assert found is not None
    assert found[0] is body


def test_a_conversation_of_many_small_turns_with_tools_takes_no_longer_than_it_is_long() -> None:
    """One client's conversation must not hold up everybody's streams."""

    def agent(turns: int) -> bytes:
        messages: list[dict[str, Any]] = []
        for turn in range(turns):
            call = {"id": f"c{turn}", "type": "function", "function": {"name": "f", "arguments": "{}"}}
            messages += [
                {"role": "user", "content": "go on"},
                {"role": "assistant", "tool_calls": [call]},
                {"role": "tool", "tool_call_id": f"c{turn}", "content": "done"},
            ]
        return json.dumps({"model": "m", "messages": messages}).encode()

    policy = ContextPolicy(max_tokens=100, keep_turns=1)
    began = time.process_time()
    found = shortened(agent(6000), policy)
    assert time.process_time() - began < 5, "comparing each turn with all others takes minutes"
    assert found is not None
    assert found[1].after <= 100
    assert len(json.loads(found[0])["messages"]) % 3 == 0


def test_a_repeated_document_stands_once_and_results_keep_their_ends() -> None:
    items = [said("user", LONG), said("assistant", LONG), said("user", LONG)]
    items += openai_turn(1, "begin " + "middle " * 400 + "end", 1)
    found = shortened(
        json.dumps({"model": "m", "messages": items}).encode(), ContextPolicy(deduplicate=True, tool_result_tokens=50)
    )
    assert found is not None
    left = json.loads(found[0])["messages"]
    assert [m["content"] == LONG for m in left[:3]] == [True, True, False]
    assert left[2]["content"].startswith("[The same text as above, which begins: All of this stands")
    result = next(m for m in left if m["role"] == "tool")["content"]
    assert result.startswith("begin middle")
    assert result.endswith("middle end")
    assert "tokens left out" in result
    assert found[1].changes == (
        "cut 1 tool results by about 653 tokens",
        "replaced 1 repeated texts of about 170 tokens by notes",
    )


def test_a_note_stands_only_where_its_text_is_read_in_full_above_it() -> None:
    """What a note stood for was dropped, or compressed, with the turn that had it first: the question went out without
    its document."""
    document = " ".join(f"Clause {n} says what holds for case {n * 7}." for n in range(60))
    chat = [said("user", document), said("assistant", "fine"), said("user", "thanks"), said("assistant", "welcome")]
    body = json.dumps({"model": "m", "messages": [*chat, said("user", document)]}).encode()
    enough = shortened(body, ContextPolicy(deduplicate=True, max_tokens=700, keep_turns=1))
    assert enough is not None
    assert [change.partition(" ")[0] for change in enough[1].changes] == ["replaced"], "with a note it is short enough"
    for policy in (
        ContextPolicy(deduplicate=True, max_tokens=640, keep_turns=1),
        ContextPolicy(deduplicate=True, old_turn_tokens=50, keep_turns=1),
    ):
        found = shortened(body, policy)
        assert found is not None
        assert json.loads(found[0])["messages"][-1] == said("user", document)
        assert found[1].after < found[1].before


@given(TURNS, POLICIES)
def test_whatever_is_dropped_and_compressed_no_note_stands_without_its_text(
    turns: list[tuple[str, int]], policy: ContextPolicy
) -> None:
    found = shortened(body_of("openai_chat", turns), msgspec.structs.replace(policy, deduplicate=True))
    assert found is not None
    above: list[str] = []
    for message in json.loads(found[0])["messages"]:
        text = message.get("content") or ""
        if text.startswith("[The same text as above, which begins: "):
            begins = text.removeprefix("[The same text as above, which begins: ").removesuffix(" ...]")
            assert any(" ".join(each[:80].split()) == begins for each in above)
        elif len(text) >= 200:
            above.append(text)


def test_texts_deep_in_geminis_results_and_in_results_of_custom_tools_are_capped() -> None:
    deep = {"functionResponse": {"name": "f", "response": {"hits": [{"text": "word " * 400}], "total": 1}}}
    for body in (
        {"contents": [{"role": "user", "parts": [deep]}]},
        {"input": [{"type": "custom_tool_call_output", "call_id": "c", "output": "word " * 400}]},
    ):
        found = shortened(json.dumps(body).encode(), ContextPolicy(tool_result_tokens=50))
        assert found is not None
        assert found[1].after < 100 < found[1].before
        assert json.loads(found[0]) != body


def test_geminis_contents_are_shortened_too() -> None:
    turn: list[Item] = [
        {"role": "user", "parts": [{"text": LONG}]},
        {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {}}}]},
        {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {"result": LONG}}}]},
        {"role": "model", "parts": [{"text": "fine"}]},
    ]
    contents = [*turn, *turn, {"role": "user", "parts": [{"text": "and now?"}]}]
    found = shortened(json.dumps({"contents": contents}).encode(), ContextPolicy(max_tokens=400, keep_turns=1))
    assert found is not None
    assert json.loads(found[0])["contents"] == contents[4:]
    capped = shortened(json.dumps({"contents": contents}).encode(), ContextPolicy(tool_result_tokens=20))
    assert capped is not None
    assert "left out" in json.loads(capped[0])["contents"][2]["parts"][0]["functionResponse"]["response"]["result"]


def test_what_is_no_conversation_is_left_to_its_dialect() -> None:
    policy = ContextPolicy(max_tokens=64)
    for body in (b"", b"[]", b'{"messages": 3}', b'{"messages": ["a"]}', b'{"input": "text"}', b'{"query": "q"}'):
        assert shortened(body, policy) is None


def test_the_provider_gets_the_short_one_and_the_record_has_both_and_the_saving(tmp_path: Path) -> None:
    async def main() -> None:
        fast = Model(name="fast", provider="lab", upstream="up-1", price=PRICE)
        policies = {"fast": CallPolicy(context=ContextPolicy(max_tokens=100, keep_turns=1))}
        items = [*openai_turn(1, LONG, 1), said("user", "and now?")]
        async with (
            upstream(answers(WHOLE)) as up,
            running([provider("lab", up.port)], [fast], policies=policies) as g,
        ):
            await g.chat({"model": "fast", "messages": items})
            assert up.requests[0][1]["messages"] == items[-1:]
            record = await g.spool.one()
            assert json.loads(record.request)["messages"] == items
            assert json.loads(record.attempts[0].request)["messages"] == items[-1:]
            assert record.context is not None
            assert record.context.after < 100 < record.context.before
            assert record.context.changes == ("dropped the 1 oldest turns (4 messages)",)

    asyncio.run(main())


STORY = " ".join(f"Sentence {n} is about the {('refund', 'weather')[n % 3 == 0]}." for n in range(60))


def test_long_messages_of_older_turns_are_compressed_and_the_last_turns_stay_as_they_are() -> None:
    messages = [
        said("system", STORY),
        said("user", STORY),
        {"role": "assistant", "content": [{"type": "text", "text": STORY}, {"type": "image_url", "image_url": STORY}]},
        {"role": "assistant", "content": [{"type": "thinking", "signature": "s"}, {"type": "text", "text": STORY}]},
        said("user", STORY),
    ]
    policy = ContextPolicy(old_turn_tokens=50, keep_turns=1)
    found = shortened(json.dumps({"model": "m", "messages": messages}).encode(), policy)
    assert found is not None
    system, asked, answered, sealed, last = json.loads(found[0])["messages"]
    assert [system, sealed, last] == [messages[0], messages[3], messages[4]]
    assert asked["content"].startswith("Sentence 0 is about the weather.")
    assert "[...]" in asked["content"]
    assert len(asked["content"]) < 300
    assert answered["content"] == [{"type": "text", "text": asked["content"]}, messages[2]["content"][1]]  # pyright: ignore[reportIndexIssue]
    assert found[1].changes[0].startswith("compressed 2 messages of older turns")
    again = shortened(found[0], policy)
    assert again is not None
    assert again[1].changes == (), "what is short stays the same bytes"

"""An answer that streams in blocks, on its way through guards: what begins in one block and ends in the next, and the
order of what the client gets."""

import asyncio
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct

from trimtab.core.errors import InvalidRequest
from trimtab.gateway.call import Call
from trimtab.gateway.guard_stream import AnswerGuard
from trimtab.gateway.guarded import ProjectGuards
from trimtab.gateway.guarding import CallGuards, Guarding
from trimtab.guard.refusals import Refusals
from trimtab.guard.run import Runner
from trimtab.guard.spec import Ready, chain
from trimtab.guard.types import Action, Finding, GuardSpec, Look, Subject, Tools
from trimtab.llm.dialects import DIALECTS, Head
from trimtab.llm.fold import Fold
from trimtab.llm.types import (
    BlockClose,
    BlockGrow,
    BlockOpen,
    Delta,
    Finish,
    Part,
    Reasoning,
    Response,
    Start,
    Text,
    ToolCall,
    Usage,
)

WINDOW = 24
SECRET = re.compile(r"<[a-z]{1,20}>")


class Brackets:
    """Finds ``<word>``."""

    name, version, about, needs, threshold, window, seam, options = "b", "1", "", "cpu", 0.5, WINDOW, None, Struct
    stages: tuple[Any, ...] = ("tool_arguments", "output")
    actions: tuple[Any, ...] = ("redact", "block")

    def made(self, options: Any) -> Any:
        return options

    def look(self, subject: Subject, ready: Any, tools: Tools) -> Look:
        del ready, tools
        found = [
            Finding(piece=at, start=match.start(), end=match.end(), kind="b", instead="[x]")
            for at, piece in enumerate(subject.pieces)
            for match in SECRET.finditer(piece.text)
        ]
        return Look(score=1.0 if found else 0.0, findings=tuple(found))


class Client:
    """The client's side of an exchange."""

    body = b"{}"
    started = False

    def header(self, name: bytes, /) -> bytes | None:
        del name
        return None


def guarded(action: Action, stages: tuple[Any, ...] = ("output",)) -> tuple[AnswerGuard, Call, CallGuards]:
    spec = GuardSpec(kind="brackets", action=action, stages=stages)
    plug: Any = Brackets()
    found = chain(
        [Ready(name="b", version=1, spec=spec, plug=plug, made=None, threshold=0.5, stages=stages, detector="1")]
    )
    assert found is not None
    front = DIALECTS.get("anthropic_messages")
    client: Any = Client()
    call = Call(client, front, 1)
    call.head = Head(model="m", stream=True)

    async def record(call: Call) -> None:
        raise InvalidRequest(call.request_id)

    own: Any = Guarding(Runner(), lambda project: Tools(), record, lambda: 1)
    guards = call.guards = CallGuards(found, Runner(), Tools(), ProjectGuards((), Refusals()), own)
    return AnswerGuard(guards, call), call, guards


def events(deltas: list[Delta], call: Call) -> list[bytes]:
    encoder = call.front.stream_encoder(call.head)
    return [block for block in map(encoder.feed, deltas) if block]


def through(deltas: list[Delta], action: Action, stages: tuple[Any, ...] = ("output",)) -> tuple[list[Delta], Any]:
    """What the client reads, and what stands in the record."""

    async def main() -> tuple[list[Delta], Any]:
        guard, call, guards = guarded(action, stages)
        out = [await guard.feed(block) for block in events(deltas, call)]
        out.append(await guard.end())
        attempt: Any = type("A", (), {"guarded": None, "span_id": "1"})()
        guard.note(attempt)
        decoder = call.front.stream_decoder()
        return [each for block in out for each in decoder.feed(block)] + decoder.close(), (guards, attempt.guarded)

    return asyncio.run(main())


def answer(*parts: Part, size: int = 5) -> list[Delta]:
    made: list[Delta] = [Start(id="msg_1", model="m", usage=Usage(input=1))]
    for index, part in enumerate(parts):
        match part:
            case Text():
                made.append(BlockOpen(index=index, kind="text"))
                text = part.text
            case Reasoning():
                made.append(BlockOpen(index=index, kind="reasoning"))
                text = part.text
            case ToolCall():
                made.append(BlockOpen(index=index, kind="tool_call", id=part.id, name=part.name))
                text = part.arguments
            case _:
                raise AssertionError(part)
        made += [BlockGrow(index=index, text=text[at : at + size]) for at in range(0, len(text), size)]
        made.append(BlockClose(index=index))
    return [*made, Finish(stop="stop", usage=Usage(input=1, output=2))]


def read(deltas: list[Delta]) -> Response:
    whole = Fold()
    for each in deltas:
        whole.feed(each)
    return whole.response()


WEATHER = ToolCall("call_1", "weather", '{"city": "Paris"}')


def test_what_begins_in_one_block_and_ends_in_the_next_does_not_leave() -> None:
    parts = (Text("The word is <sword"), WEATHER, Text("fish> and that is it."))
    got, (guards, kept) = through(answer(*parts), "redact")
    assert read(got).parts == (Text("The word is [x]"), WEATHER, Text(" and that is it."))
    assert [(each.action, each.found) for each in guards.verdicts] == [("redact", {"b": 1})]
    assert b"sword" not in kept.body
    assert b"fish" not in kept.body
    assert {each.text for each in guards.swaps} == {"<swordfish>", "<sword", "fish>"}


def test_and_where_it_is_blocked_what_stood_before_it_is_all_that_left() -> None:
    parts = (Text("Well. " * 20 + "<sword"), WEATHER, Text("fish>"))
    got, (guards, _) = through(answer(*parts), "block")
    whole = read(got)
    assert whole.stop == "refusal"
    assert "sword" not in str(whole.parts)
    assert not any(isinstance(each, ToolCall) for each in whole.parts), "it came behind what was held"
    assert guards.verdicts[-1].action == "block"
    opened = [each.index for each in got if isinstance(each, BlockOpen)]
    assert opened == [each.index for each in got if isinstance(each, BlockClose)], "each that was begun is ended"


def test_what_was_said_before_a_tool_call_that_is_stopped_is_given() -> None:
    parts = (Text("I look it up."), ToolCall("call_1", "weather", '{"city": "<paris>"}'))
    got, _ = through(answer(*parts), "block", ("output", "tool_arguments"))
    whole = read(got)
    assert whole.stop == "refusal"
    assert isinstance(whole.parts[0], Text)
    assert whole.parts[0].text == "I look it up."
    assert "<paris>" not in str(whole.parts)


@pytest.mark.parametrize("action", ["redact", "block"])
def test_a_stream_that_ends_in_the_middle_of_what_is_held_lets_nothing_of_it_out(action: Action) -> None:
    async def main() -> None:
        guard, call, _ = guarded(action)
        deltas = answer(Text("Well. " * 20 + "<swordfish> and"))[:-8]
        out = b"".join([await guard.feed(block) for block in events(deltas, call)])
        attempt: Any = type("A", (), {"guarded": None, "span_id": "1"})()
        guard.note(attempt)  # the provider went away: nobody calls `end`
        assert b"Well." in out
        assert b"sword" not in out + attempt.guarded.body

    asyncio.run(main())


texts = st.lists(st.text("ab ", max_size=30) | st.integers(1, 20).map(lambda size: f"<{'s' * size}>"), max_size=6)
part = st.one_of(
    texts.map("".join).map(lambda text: Text(f"a{text}")),
    texts.map("".join).map(lambda text: Reasoning(text=f"a{text}")),
    st.just(WEATHER),
)


@settings(max_examples=150)
@given(st.lists(part, min_size=1, max_size=7), st.integers(1, 40))
def test_blocks_arrive_in_order_with_what_was_found_in_all_of_them_taken_out(parts: list[Part], size: int) -> None:
    got, _ = through(answer(*parts, size=size), "redact")
    found = read(got).parts
    assert len(found) == len(parts)
    words = "".join(each.text for each in parts if isinstance(each, Text))
    left = "".join(each.text for each in found if isinstance(each, Text))
    assert left == SECRET.sub("[x]", words)
    for was, now in zip(parts, found, strict=True):
        assert type(was) is type(now)
        if isinstance(was, Reasoning) and isinstance(now, Reasoning):
            assert now.text == SECRET.sub("[x]", was.text)
        elif isinstance(was, ToolCall):
            assert now == was
    order = [each.index for each in got if isinstance(each, BlockOpen | BlockClose)]
    assert order == [index for at in range(len(parts)) for index in (at, at)]
    spoken = [each.index for each in got if isinstance(each, BlockGrow)]
    assert spoken == sorted(spoken)

"""What is taken out of a conversation is in none of its texts, however they were cut, marked and repeated."""

import asyncio
import re
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from trimtab.gateway.guard_texts import pieces_of, rewritten
from trimtab.guard.run import Runner
from trimtab.guard.spec import chain, ready
from trimtab.guard.types import GuardSpec, Subject, Tools
from trimtab.llm.dialects import DIALECTS

FRONT = DIALECTS.get("openai_chat")
AWS = "AKIA" + "IOSFODNN7EXAMPLQ"
ALONE = re.compile(rf"(?<!\w){AWS}(?!\w)")
WORDS = (
    "my ",
    "key",
    " ",
    "\n",
    AWS,
    f" {AWS[:9]}",
    AWS[9:],
    "<document>",
    "</document>",
    "<retrieved>",
    "é",
    "user",
    "",
)
texts = st.lists(st.sampled_from(WORDS), min_size=1, max_size=5).map("".join)
part = st.one_of(
    texts.map(lambda text: {"type": "text", "text": text}),
    st.just({"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}),
)
message = st.one_of(
    st.fixed_dictionaries(
        {"role": st.just("user"), "content": st.one_of(texts, st.lists(part, min_size=1, max_size=5))}
    ),
    st.fixed_dictionaries({"role": st.just("assistant"), "content": texts}),
)
bodies = st.lists(message, min_size=1, max_size=4).map(lambda told: {"model": "m", "messages": told, "user": "user"})


def guarded(body: bytes) -> tuple[Any, Any, bytes | None]:
    made = chain([ready("g", 1, GuardSpec(kind="secrets", action="redact"))])
    assert made is not None
    pieces = pieces_of(FRONT.parse_request(body))
    ran = asyncio.run(Runner().run(made, Subject(pieces=pieces), Tools()))
    return pieces, ran, rewritten(FRONT, body, pieces, ran.pieces)


def sides(body: bytes) -> list[list[str]]:
    """The texts of each message's parts."""
    return [
        [each["text"] for each in told["content"] if each["type"] == "text"]
        if isinstance(told["content"], list)
        else [told["content"]]
        for told in msgspec.json.decode(body)["messages"]
    ]


@settings(max_examples=25, deadline=None)
@given(bodies)
def test_no_text_that_goes_on_has_what_was_taken_out_and_each_part_is_where_it_was(body: dict[str, Any]) -> None:
    sent = msgspec.json.encode(body)
    _, ran, made = guarded(sent)
    assert made is not None
    if not ran.swaps:
        assert sides(made) == sides(sent)
    assert [len(each) for each in sides(made)] == [len(each) for each in sides(sent)]
    written = "".join(piece.text for piece in pieces_of(FRONT.parse_request(made)))
    assert written == "".join(piece.text for piece in ran.pieces)
    assert not any(ALONE.search(piece.text) for piece in ran.pieces)
    assert msgspec.json.decode(made)["user"] == "user"


def test_a_message_of_many_parts_is_read_and_written_back() -> None:
    told: list[dict[str, Any]] = [{"type": "text", "text": f"part {number} "} for number in range(5_000)]
    marked = (f"<document>{AWS[:9]}", f"{AWS[9:]}</document>")
    told[2_500:2_500] = [{"type": "text", "text": text} for text in marked]
    pieces, ran, made = guarded(msgspec.json.encode({"model": "m", "messages": [{"role": "user", "content": told}]}))
    assert [piece.stage for piece in pieces] == ["input", "retrieved", "input"]
    assert len(ran.swaps) == 3
    assert made is not None
    (after,) = sides(made)
    assert (len(after), after[2_499], after[2_502]) == (5_002, "part 2499 ", "part 2500 ")
    assert AWS[9:] not in made.decode()

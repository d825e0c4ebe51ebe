"""The leak bound of streams: of what is found within the window nothing leaves, however the text is cut."""

import asyncio
import re
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct
from msgspec.structs import replace

from trimtab.guard.run import Runner
from trimtab.guard.spec import Ready
from trimtab.guard.stream import HoldBack, Share
from trimtab.guard.types import Action, Finding, GuardSpec, Look, Stage, Subject, Tools

WINDOW = 24
SECRET = re.compile(r"<[a-z]{1,30}>")
"""From 3 to 32 characters: some longer than the window."""


class Brackets:
    """Finds what stands between angle brackets."""

    name = "brackets"
    version = "1"
    about = ""
    needs = "cpu"
    stages: tuple[Stage, ...] = ("output",)
    actions: tuple[Action, ...] = ("redact", "block")
    threshold = 0.5
    window = WINDOW
    seam = None
    options = Struct

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


def guard(action: Action) -> Ready:
    spec = GuardSpec(kind="brackets", action=action)
    plug: Any = Brackets()
    return Ready(name="b", version=1, spec=spec, plug=plug, made=None, threshold=0.5, stages=("output",), detector="1")


async def through(pieces: list[str], action: Action) -> tuple[list[str], HoldBack]:
    hold = HoldBack(Runner(), (guard(action),), Subject(pieces=()), Tools(), "output")
    out = [text_of(await hold.grow(piece)) for piece in pieces]
    return [*out, text_of(await hold.end())], hold


def text_of(shares: list[Share]) -> str:
    return "".join(each.text for each in shares)


words = st.text("ab ", max_size=40) | st.integers(1, WINDOW - 2).map(lambda size: f"<{'s' * size}>") | st.just("<")


def cut(text: str, sizes: list[int]) -> list[str]:
    pieces: list[str] = []
    for size in sizes:
        pieces.append(text[:size])
        text = text[size:]
    return [*pieces, text]


@given(st.lists(words, max_size=20).map("".join), st.lists(st.integers(1, 12), max_size=80))
def test_what_is_found_within_the_window_is_taken_out_whole_and_nothing_else_is(text: str, sizes: list[int]) -> None:
    out, hold = asyncio.run(through(cut(text, sizes), "redact"))
    assert "".join(out) == SECRET.sub("[x]", text)
    assert hold.changed == bool(SECRET.search(text))
    if hold.changed:
        assert hold.verdicts["b"].found == {"b": len(SECRET.findall(text))}


@given(st.lists(words, max_size=20).map("".join), st.lists(st.integers(1, 12), max_size=80))
def test_a_block_lets_nothing_out_that_begins_with_what_was_found(text: str, sizes: list[int]) -> None:
    out, hold = asyncio.run(through(cut(text, sizes), "block"))
    found = SECRET.search(text)
    if found is None:
        assert ("".join(out), hold.stopped) == (text, None)
    else:
        assert hold.stopped is not None
        assert text[: found.start()].startswith("".join(out))


@given(st.text("ab<> ", max_size=300), st.integers(1, 9))
def test_no_more_is_held_than_the_window_a_stride_and_a_piece(text: str, size: int) -> None:
    """Where nothing is found: what waits is bounded whatever is written."""

    async def main() -> None:
        hold = HoldBack(Runner(), (guard("redact"),), Subject(pieces=()), Tools(), "output")
        came = gone = 0
        for at in range(0, len(text), size):
            piece = text[at : at + size].replace("<", " ")
            came += len(piece)
            gone += len(text_of(await hold.grow(piece)))
            assert came - gone < WINDOW + hold.stride

    asyncio.run(main())


def test_the_tokens_that_waited_are_counted() -> None:
    _, hold = asyncio.run(through(["abcd"] * 40, "redact"))
    assert hold.arrived == 40
    assert WINDOW // 4 <= hold.held <= (WINDOW + hold.stride) // 4 + 1


def test_a_finding_that_goes_on_is_not_looked_at_again_for_each_piece():
    looks: list[int] = []

    class All(Brackets):
        def look(self, subject: Subject, ready: Any, tools: Tools) -> Look:
            looks.append(len(subject.pieces[0].text))
            return Look(score=1.0, findings=(Finding(piece=0, start=0, end=looks[-1], kind="b", instead="[x]"),))

    async def main() -> None:
        plug: Any = All()
        hold = HoldBack(Runner(), (replace(guard("redact"), plug=plug),), Subject(pieces=()), Tools(), "output")
        out = [text_of(await hold.grow("ab ")) for _ in range(4_000)]
        assert "".join([*out, text_of(await hold.end())]) == "[x]"
        assert sum(looks) < 5 * 12_000

    asyncio.run(main())

"""A chain over a subject: order, thresholds, modes, redaction, what is not looked at."""

import asyncio
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from trimtab.guard.run import AT_ONCE, Runner, merged, without
from trimtab.guard.spec import Ready, chain
from trimtab.guard.types import Finding, GuardSpec, Look, Piece, Subject, Tools


class Words:
    """Finds the words of its options; remembers what it was shown."""

    version, about, needs, threshold, window, seam, options = "1", "", "cpu", 0.5, 16, None, Struct
    stages: Any = ("input", "tool_result")
    actions: Any = ("flag", "redact", "block")

    def __init__(self, name: str, word: str, score: float = 1.0) -> None:
        self.name = name
        self._word = word
        self._score = score
        self.seen: list[tuple[str, ...]] = []

    def made(self, options: Any) -> Any:
        return options

    def look(self, subject: Subject, ready: Any, tools: Tools) -> Any:
        self.seen.append(tuple(piece.text for piece in subject.pieces))
        found = [
            Finding(piece=at, start=place, end=place + len(self._word), kind=self.name, score=self._score)
            for at, piece in enumerate(subject.pieces)
            if (place := piece.text.find(self._word)) >= 0
        ]
        return Look(score=self._score if found else 0.0, findings=tuple(found))


def guard(plug: Any, **spec: Any) -> Ready:
    return Ready(
        name=plug.name, version=1, spec=GuardSpec(kind="x", **spec), plug=plug, made=None, threshold=0.5,
        stages=plug.stages, detector="1",
    )  # fmt: skip


def ran(guards: list[Ready], *pieces: Piece) -> Any:
    made = chain(guards)
    assert made is not None
    return asyncio.run(Runner().run(made, Subject(pieces=pieces), Tools()))


class Noting(Words):
    """Notes down how often it had to work something out."""

    made_of: tuple[str, ...] = ()

    def look(self, subject: Subject, ready: Any, tools: Tools) -> Any:
        assert tools.notes is not None
        for piece in subject.pieces:
            assert tools.notes.once("length", piece.text, self._length) == len(piece.text)
        return super().look(subject, ready, tools)

    def _length(self, text: str) -> int:
        self.made_of = (*self.made_of, text)
        return len(text)


def said(text: str, role: str = "user") -> Piece:
    return Piece(stage="input", text=text, role=role)


def test_each_sees_what_those_before_it_left_and_the_first_that_stops_is_the_last() -> None:
    first, second, third = Words("a", "one"), Words("b", "two"), Words("c", "three")
    guards = [
        guard(third, order=30, action="block"),
        guard(second, order=20, action="block"),
        guard(first, order=10, action="redact"),
    ]
    found = ran(guards, said("one two three"))
    assert [each.guard for each in found.verdicts] == ["a", "b"]
    assert (found.stopped.guard, found.pieces[0].text) == ("b", "[A] two three")
    assert (second.seen, third.seen) == ([("[A] two three",)], [])


def test_shadow_and_a_score_below_the_threshold_change_nothing() -> None:
    guards = [guard(Words("a", "one"), action="block", mode="shadow"), guard(Words("b", "one", 0.4), action="block")]
    found = ran(guards, said("one"))
    assert [(each.action, each.mode) for each in found.verdicts] == [("block", "shadow"), ("allow", "enforce")]
    assert (found.stopped, found.swaps) == (None, ())


def test_only_the_roles_and_stages_that_are_meant_are_looked_at() -> None:
    plug = Words("a", "one")
    tool = Piece(stage="tool_result", text="one", role="tool")
    ran([guard(plug, roles=("user",), action="flag")], said("one", "system"), said("one two"), tool)
    assert plug.seen == [("one two",), ("one",)]


def test_a_long_text_is_looked_at_in_a_thread_and_given_up_in_time() -> None:
    import threading

    class Slow(Words):
        def look(self, subject: Subject, ready: Any, tools: Tools) -> Any:
            where.append(threading.current_thread().name)
            go_on.wait(60)
            return Look()

    where: list[str] = []
    go_on = threading.Event()
    runner = Runner()
    made = chain([guard(Slow("slow", ""), action="block", timeout_ms=20)])
    assert made is not None

    async def main() -> None:
        found = await runner.run(made, Subject(pieces=(said("x" * (AT_ONCE + 1)),)), Tools())
        go_on.set()
        await runner.aclose()
        assert found.stopped is not None
        assert found.stopped.failed == "It took longer than 20 ms."

    asyncio.run(main())
    assert where[0].startswith("guard")


def test_a_finding_that_cannot_be_is_a_guard_that_cannot_tell() -> None:
    class Wrong(Words):
        def look(self, subject: Subject, ready: Any, tools: Tools) -> Any:
            return Look(score=1.0, findings=(Finding(piece=0, start=0, end=99, kind="x"),))

    (verdict,) = ran([guard(Wrong("w", ""), action="redact")], said("short")).verdicts
    assert (verdict.action, verdict.failed) == ("block", "It found something outside of its text.")


spans = st.tuples(st.integers(0, 20), st.integers(1, 8)).map(lambda at: (at[0], at[0] + at[1]))


@given(st.lists(spans, max_size=8))
def test_redaction_takes_out_every_found_character_and_no_other(found: list[tuple[int, int]]) -> None:
    text = "".join(chr(ord("a") + at) for at in range(26)) + "ABCD"
    findings = [Finding(piece=0, start=start, end=end, kind="k", instead="#") for start, end in found]
    gone = {at for start, end in found for at in range(start, end)}
    kept = without(text, findings).replace("#", "").replace("[K]", "")
    assert kept == "".join(letter for at, letter in enumerate(text) if at not in gone)
    inorder = merged(findings)
    assert all(one.end <= other.start for one, other in pairwise(inorder))


def test_what_a_guard_worked_out_is_there_for_those_behind_it_and_gone_with_the_run() -> None:
    first, takes, last = Noting("a", "one"), Noting("b", "two"), Noting("c", "three")
    guards = [guard(first), guard(takes, action="redact"), guard(last)]
    for _ in range(2):
        ran(guards, said("one"), said("or two"))
    assert first.made_of == ("one", "or two") * 2
    assert takes.made_of == ()
    assert last.made_of == ("or [B]",) * 2

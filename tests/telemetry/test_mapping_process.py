"""Other processes that map: the rows are those that one process makes, whatever becomes of the others."""

import ast
import os
import signal
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mapping_ways import Mapper, all_away, asked_first, one_each, start, two_away
from ways import NOW, span

from patience import PATIENCE_S
from trimtab.governance import secrets
from trimtab.governance.data_key import DataKey, wrap
from trimtab.governance.sealing import Keys
from trimtab.ledger.overrides import DatedPrice, Rates
from trimtab.telemetry import price_file
from trimtab.telemetry.foreign.spans import ForeignBatch, ForeignEvent, ForeignSpan
from trimtab.telemetry.mapping import came as foreign_came
from trimtab.telemetry.mapping import pool as mapping_pool
from trimtab.telemetry.mapping.pool import Helper, Helpers
from trimtab.telemetry.mapping.process import MAKE, READ
from trimtab.telemetry.rows import SPAN_RAW

ANSWERS = (
    "The parcel is on its way and will be with you on Tuesday, said the carrier this morning.",
    "I'm sorry, but I can't help with that.",
    "",
    "Das Paket ist auf dem Weg und wird am Dienstag bei Ihnen sein, sagt der Bote, und es ist nicht schwer.",
)
QUESTIONS = ("Where is the parcel that I sent to you?", "Where is that parcel that I sent to you?", "Hello")


@pytest.fixture(scope="module")
def helpers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Helpers]:
    made = start(tmp_path_factory.mktemp("mapping"), 2)
    yield made
    made.close()


@st.composite
def foreign(draw: st.DrawFn) -> ForeignSpan:
    """A span of a few traces; ids repeat, so some come twice, some with news."""
    trace, number = draw(st.integers(1, 3)), draw(st.integers(1, 6))
    if draw(st.integers(0, 9)) == 0:
        event = ForeignEvent("gen_ai.client.inference.operation.details", NOW + 3, {"user.id": "somebody"})
        return ForeignSpan(
            trace_id=f"{trace:032x}", span_id=f"{number:016x}", start_ns=NOW, end_ns=0, events=(event,), partial=True
        )
    parent = draw(st.integers(0, number - 1))
    attributes: dict[str, Any] = {}
    if draw(st.booleans()):  # else nobody says whose it is, or another span of the trace
        attributes = {"session.id": f"s{draw(st.integers(0, 1))}", "user.id": f"u{draw(st.integers(0, 1))}"}
    if draw(st.booleans()):
        parts: list[Any] = [{"type": "text", "content": draw(st.sampled_from(ANSWERS))}]
        said = {"role": "assistant", "parts": parts}
        if draw(st.booleans()):
            call = {"type": "tool_call", "id": "c", "name": "lookup", "arguments": {"order": draw(st.integers(0, 1))}}
            parts[:] = [call]
        asked: list[Any] = [{"type": "text", "content": draw(st.sampled_from(QUESTIONS))}]
        if draw(st.booleans()):  # a part that is kept as its JSON
            asked.append({"type": "odd", "content": draw(st.sampled_from(("x", "ل" * 90, None)))})
        question = {"role": "user", "parts": asked}
        attributes |= {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": draw(st.sampled_from(("openai", "nobody"))),
            "gen_ai.request.model": "gpt-4o-mini",
            "gen_ai.usage.input_tokens": draw(st.integers(0, 2)),
            "gen_ai.usage.output_tokens": 7,
            "gen_ai.response.id": draw(st.sampled_from(("", "r1", "r2"))),
            "gen_ai.input.messages": [question],
            "gen_ai.output.messages": [said],
            "gen_ai.response.finish_reasons": [draw(st.sampled_from(("stop", "length")))],
        }
    failed = draw(st.integers(0, 4)) == 0
    return span(number, parent, trace=f"{trace:032x}", attributes=attributes, status_code=2 if failed else 0)


BATCHES = st.lists(st.lists(foreign(), min_size=1, max_size=12), min_size=1, max_size=4)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=BATCHES, portion=st.sampled_from((1, 2_500, 1 << 20)))
def test_other_processes_make_the_rows_that_one_makes(
    batches: list[list[ForeignSpan]],
    portion: int,
    helpers: Helpers,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Spans of every kind, in any order, some twice, some with news, over portions and batches."""
    monkeypatch.setattr(foreign_came, "PORTION_BYTES", portion)
    alone, helped = Mapper(tmp_path), Mapper(tmp_path, helpers)
    for spans in batches:
        records = one_each("p", NOW, spans)
        assert helped(*records) == alone(*records)
    assert helped.undone == 0
    assert helpers.lost == 0


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=BATCHES)
def test_the_rows_are_the_same_when_every_portion_goes_away(
    batches: list[list[ForeignSpan]], helpers: Helpers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    all_away(monkeypatch)
    monkeypatch.setattr(foreign_came, "PORTION_BYTES", 2_500)
    alone, helped = Mapper(tmp_path), Mapper(tmp_path, helpers)
    for spans in batches:
        records = one_each("p", NOW, spans)
        assert helped(*records) == alone(*records)
    assert (helped.undone, helpers.lost) == (0, 0)


@pytest.mark.parametrize("slow", [READ, MAKE])
def test_who_is_busy_gets_no_more_and_what_nobody_had_time_for_is_mapped_here(
    slow: int, expected: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that never has answered by the time it is looked at: it is given two portions, and the third is not waited
    for."""
    two_away(monkeypatch)
    monkeypatch.setattr(foreign_came, "PORTION_BYTES", 2_000)
    helpers = start(tmp_path)
    asked = asked_first(monkeypatch, lambda helper: None, -1)
    has_answered = Helper.has_answered

    def late(helper: Helper) -> bool:
        return helper.awaited[0][0] != slow and has_answered(helper) if helper.awaited else False

    monkeypatch.setattr(Helper, "has_answered", late)
    subject = Mapper(tmp_path, helpers)
    assert subject(*some(12)) == expected
    assert (subject.undone, helpers.lost) == (0, 0)
    assert 2 <= asked.count(READ) < 6, "six portions, some of them here"
    assert asked.count(MAKE) >= asked.count(READ), "a trace that is cut between two portions is decided with the second"
    helpers.close()


def some(count: int) -> list[ForeignBatch]:
    """Records whose traces are cut between portions, with answers that repeat each other."""
    said = [{"role": "assistant", "parts": [{"type": "text", "content": ANSWERS[0]}]}]
    found: list[ForeignSpan] = []
    for number in range(1, count + 1):
        attributes: dict[str, Any] = {
            "gen_ai.operation.name": "chat",
            "gen_ai.request.model": "gpt-4o-mini",
            "gen_ai.provider.name": "openai",
            "gen_ai.usage.input_tokens": number,
            "gen_ai.input.messages": [{"role": "user", "parts": [{"type": "text", "content": f"{number}?"}]}],
            "gen_ai.output.messages": said,
            "gen_ai.conversation.id": "one",
        }
        at = 0 if number % 3 == 1 else number - 1
        found.append(span(number, at, trace=f"{(number + 2) // 3:032x}", attributes=attributes))
    return one_each("p", NOW, found)


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(foreign_came, "PORTION_BYTES", 2_000)
        return Mapper(tmp_path_factory.mktemp("alone"))(*some(12))


@pytest.mark.parametrize("at", range(0, 12, 2))
def test_what_a_process_had_that_is_killed_is_mapped_by_who_asked_it(
    at: int, expected: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether it was asked to read or to make rows, and however much of that it has answered."""
    all_away(monkeypatch)
    monkeypatch.setattr(foreign_came, "PORTION_BYTES", 2_000)
    helpers = start(tmp_path)
    asked = asked_first(monkeypatch, lambda helper: os.kill(helper.pid, signal.SIGKILL), at)
    assert Mapper(tmp_path, helpers)(*some(12)) == expected
    assert len(asked) >= at
    assert (helpers.lost, len(helpers)) == (1, 0)
    assert helpers.ready(backlog=True) == []
    assert len(helpers) == 0, "the next one is not started at once"


def test_a_process_that_hangs_is_ended_and_its_work_done_here(
    expected: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    all_away(monkeypatch)
    monkeypatch.setattr(foreign_came, "PORTION_BYTES", 2_000)
    helpers = start(tmp_path)
    [pid] = helpers.pids
    asked_first(monkeypatch, lambda helper: os.kill(helper.pid, signal.SIGSTOP), 5)
    monkeypatch.setattr(mapping_pool, "WITHIN_S", 0.3)
    assert Mapper(tmp_path, helpers)(*some(12)) == expected
    assert helpers.lost == 1
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_process_that_fails_twice_is_lost_once(tmp_path: Path) -> None:
    """What it said before it died may turn out to be nonsense after that."""
    helpers = start(tmp_path)
    [helper] = helpers.ready(backlog=False)
    helpers.fail(helper, "it died")
    helpers.fail(helper, "it tells nonsense")
    assert (helpers.lost, len(helpers)) == (1, 0)


def nothing(body: bytes) -> bytes:
    del body
    return b""


def half(body: bytes) -> bytes:
    return body[: len(body) // 2]


def never(body: bytes) -> bytes:
    """What no message begins with."""
    return b"\xc1" * len(body)


def other(body: bytes) -> bytes:
    """Numbers that are not those that were told."""
    return bytes(each ^ 1 if 0 < each < 0x7F else each for each in body)


@pytest.mark.parametrize("spoil", [nothing, half, other, never])
@pytest.mark.parametrize("at", [0, 4, 7])
def test_a_process_that_answers_nonsense_is_ended_and_its_work_done_here(
    spoil: Any, at: int, expected: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    all_away(monkeypatch)
    monkeypatch.setattr(foreign_came, "PORTION_BYTES", 2_000)
    helpers = start(tmp_path)
    answered = 0
    answer = Helper.answer

    def spoiling(helper: Helper) -> tuple[int, int, bytes | None]:
        nonlocal answered
        kind, number, body = answer(helper)
        answered += 1
        return kind, number, spoil(body) if answered > at and body is not None else body

    monkeypatch.setattr(Helper, "answer", spoiling)
    assert Mapper(tmp_path, helpers)(*some(12)) == expected
    assert helpers.lost == 1


@pytest.mark.parametrize(("kind", "lost"), [(READ, 0), (MAKE, 1)])
def test_an_answer_without_what_was_asked_for_is_not_believed(
    kind: int, lost: int, expected: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    all_away(monkeypatch)
    monkeypatch.setattr(foreign_came, "PORTION_BYTES", 2_000)
    helpers = start(tmp_path)
    answer = Helper.answer

    def emptied(helper: Helper) -> tuple[int, int, bytes | None]:
        told = answer(helper)
        return (*told[:2], b"\x92\x90\x90") if told[0] == kind else told

    monkeypatch.setattr(Helper, "answer", emptied)
    assert Mapper(tmp_path, helpers)(*some(12)) == expected
    assert helpers.lost == lost
    helpers.close()


def test_what_a_process_cannot_do_is_done_here_and_it_goes_on(
    expected: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    all_away(monkeypatch)
    monkeypatch.setattr(foreign_came, "PORTION_BYTES", 2_000)
    helpers = start(tmp_path)
    ask, asked = Helper.ask, {READ: 0, MAKE: 0}

    def spoiling(helper: Helper, kind: int, number: int, body: bytes) -> None:
        asked[kind] += 1
        ask(helper, kind, number, b"\xc1" if asked[kind] % 2 == 0 else body)

    monkeypatch.setattr(Helper, "ask", spoiling)
    subject = Mapper(tmp_path, helpers)
    assert subject(*some(12)) == expected
    assert subject.undone > 0
    assert (helpers.lost, len(helpers)) == (0, 1)
    helpers.close()


def keys_of(folder: Path, projects: Sequence[str]) -> Keys:
    """The data keys of some projects, in their file."""
    keys, box = Keys(folder, lambda: secrets.load(folder, None)), secrets.load(folder, None)
    ids = {f"{number:016x}": project for number, project in enumerate(projects)}
    keys.put(
        DataKey(id=key, project_id=project, state="active", wrapped=wrap(box, project, key, b"k" * 32), created=1)
        for key, project in ids.items()
    )
    return keys


def test_what_is_of_an_encrypted_project_is_sealed_there_as_it_is_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(foreign_came, "PORTION_BYTES", 2_000)
    helpers = start(tmp_path)  # before there were keys: they are looked for with each portion
    keys = keys_of(tmp_path, ["p"])
    subject = Mapper(tmp_path, helpers, keys.look)
    found = subject(*some(12))
    assert (subject.undone, helpers.lost) == (0, 0)
    assert len(found["spans"]) == len(found["span_raw"]) == len(found["span_io"]) == 12
    for table in ("spans", "span_raw", "span_io", "ledger"):
        assert not [line for line in found[table] if "carrier" in line], table
    sealed = ast.literal_eval(found["span_raw"][0])[1][SPAN_RAW.index("raw")]
    assert "carrier" in keys.ring.open_text(sealed)
    helpers.close()


def test_a_process_that_lacks_a_key_leaves_what_it_would_have_left_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(foreign_came, "PORTION_BYTES", 2_000)
    keys = keys_of(tmp_path, ["p"])
    (tmp_path / "data-keys.json").unlink()
    helpers = start(tmp_path)
    found = Mapper(tmp_path, helpers, lambda: keys.ring)(*some(12))
    assert len(found["spans"]) == 12
    for table in ("spans", "span_raw", "span_io", "ledger"):
        assert not [line for line in found[table] if "carrier" in line], table
    assert helpers.lost == 0
    helpers.close()


def test_a_new_price_holds_for_what_is_read_after_it(tmp_path: Path) -> None:
    helpers = start(tmp_path)
    subject = Mapper(tmp_path, helpers)
    row = DatedPrice(id="own", provider="openai", model="gpt-4o-mini", rates=Rates(input="7", output="9"))
    first, second = some(2)
    assert "override:own" not in str(subject(first)["ledger"])
    price_file.write(tmp_path, {"p": (row,)})
    assert "override:own" in str(subject(second)["ledger"])
    helpers.close()


def test_they_are_ended_when_the_backlog_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    helpers = start(tmp_path)
    [pid] = helpers.pids
    helpers.rest()
    assert len(helpers) == 1, "not at once"
    monkeypatch.setattr(mapping_pool, "REST_S", -1.0)
    helpers.rest()
    assert len(helpers) == 0
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert (helpers.ready(backlog=False), len(helpers), helpers.lost) == ([], 0, 0)


def test_one_whose_parent_dies_ends_by_itself(tmp_path: Path) -> None:
    helpers = start(tmp_path)
    [helper] = helpers.ready(backlog=False)
    helper._handing.close()  # pyright: ignore[reportPrivateUsage]
    deadline = time.monotonic() + PATIENCE_S
    while helper._process.poll() is None:  # pyright: ignore[reportPrivateUsage]
        assert time.monotonic() < deadline, "it lives on"
        time.sleep(0.01)


def test_where_there_are_to_be_none_there_are_none(tmp_path: Path) -> None:
    helpers = Helpers(tmp_path, 0)
    assert (helpers.ready(backlog=True), len(helpers)) == ([], 0)

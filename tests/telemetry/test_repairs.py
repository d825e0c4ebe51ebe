"""Traces made anew: one that cannot be costs one trace, is tried again later and later, and is told."""

import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from trimtab.telemetry.mapping.plan import Key
from trimtab.telemetry.mapping.repairs import FIRST_REST_MS, GIVE_UP, LONGEST_REST_MS, Repairs
from trimtab.telemetry.notes import Note
from trimtab.telemetry.spool import barrier
from trimtab.telemetry.spool.drain import SpoolReader
from trimtab.telemetry.stores import StoreAway, StoreRefused

NOW = 1_790_000_000_000


def note(number: int) -> Note:
    return Note("p", f"{number:032x}", NOW - 1000 + number, 1, 2)


class Remakes:
    """Raises where a trace is among those that it fails for."""

    def __init__(self) -> None:
        self.bad: set[str] = set()
        self.error: Exception = StoreRefused("Code: 6. it does not parse")
        self.calls: list[list[str]] = []
        self.made: list[str] = []

    def rewrite(self, notes: Iterable[Note]) -> list[Key]:
        names = [each.trace_id for each in notes]
        self.calls.append(names)
        if self.bad & set(names):
            raise self.error
        self.made += names
        return [("p", name) for name in names]


class Home:
    def __init__(self, folder: Path) -> None:
        self.spool = SpoolReader(folder)
        self.remakes = Remakes()
        self.rootless: list[Key] = []
        self.repairs = Repairs(self.spool, self.remakes, self.rootless.append, _nothing)

    def due(self) -> dict[str, int]:
        return {each.trace_id: each.due_ms for each in self.spool.noted(1 << 62, 10_000)}


def _nothing(_: str) -> None: ...


@pytest.fixture
def home(tmp_path: Path) -> Any:
    subject = Home(tmp_path)
    yield subject
    subject.spool.close()


@pytest.mark.parametrize("error", [StoreRefused("Code: 6. it does not parse"), RecursionError("too deep")])
def test_one_that_fails_is_found_and_all_others_are_made(home: Home, error: Exception) -> None:
    home.spool.note([note(number) for number in range(1, 101)])
    home.remakes.bad, home.remakes.error = {f"{37:032x}"}, error
    assert home.repairs.make(NOW) == 100
    assert sorted(home.remakes.made) == sorted(f"{number:032x}" for number in range(1, 101) if number != 37)
    assert home.due() == {f"{37:032x}": NOW + FIRST_REST_MS}
    assert home.repairs.unmade == 1
    assert f"{37:032x}" in home.repairs.detail
    assert str(error).split()[-1].rstrip(".") in home.repairs.detail
    assert len(home.rootless) == 99


def test_it_is_tried_again_later_and_later_and_alone_until_it_goes_well(home: Home) -> None:
    home.remakes.bad = {f"{1:032x}"}
    home.spool.note([note(1)])
    now = NOW
    rests: list[int] = []
    for _ in range(10):
        home.repairs.make(now)
        [due] = home.due().values()
        rests.append(due - now)
        now = due
    assert rests[:3] == [FIRST_REST_MS, 2 * FIRST_REST_MS, 4 * FIRST_REST_MS]
    assert rests[-1] == LONGEST_REST_MS
    home.remakes.calls.clear()
    home.spool.note([note(2), note(3)])
    home.repairs.make(now)
    assert home.remakes.calls == [[f"{2:032x}", f"{3:032x}"], [f"{1:032x}"]]
    home.remakes.bad.clear()
    home.repairs.make(now + LONGEST_REST_MS)
    assert (home.due(), home.repairs.unmade, home.repairs.detail) == ({}, 0, "")


def test_a_store_that_refuses_everything_is_not_asked_for_each(home: Home) -> None:
    notes = [note(number) for number in range(1, 401)]
    home.spool.note(notes)
    home.remakes.bad = {each.trace_id for each in notes}
    home.repairs.make(NOW)
    assert len(home.remakes.calls) < 8 * GIVE_UP
    assert set(home.due().values()) == {NOW + FIRST_REST_MS}
    home.remakes.bad.clear()
    home.repairs.make(NOW + FIRST_REST_MS)
    assert (home.due(), home.repairs.unmade) == ({}, 0)


@pytest.mark.parametrize("error", [StoreAway("gone"), OSError(28, "No space left on device")])
def test_a_store_that_is_away_and_a_full_disk_are_no_traces_fault(home: Home, error: Exception) -> None:
    home.spool.note([note(1)])
    home.remakes.bad, home.remakes.error = {f"{1:032x}"}, error
    with pytest.raises(type(error)):
        home.repairs.make(NOW)
    assert home.repairs.unmade == 0
    assert home.due() == {f"{1:032x}": note(1).due_ms}


def test_who_goes_first_is_let_go_and_what_was_in_hand_is_made_all_the_same(home: Home) -> None:
    folder = home.spool.directory
    home.spool.note([note(number) for number in range(1, 4)])
    home.remakes.bad, home.remakes.error = {note(1).trace_id}, StoreAway("away")
    with pytest.raises(StoreAway):
        home.repairs.make(NOW)
    assert {trace for _, trace, _ in barrier.rewriting(folder)} == {note(number).trace_id for number in range(1, 4)}
    barrier.go_first(folder, "one")
    barrier.go_first(folder, "other")
    home.spool.note([note(4)])
    home.remakes.bad = set()
    assert home.repairs.make(NOW) == 3, "their rows may be away: whoever goes first waits for them"
    assert barrier.rewriting(folder) == frozenset()
    assert home.repairs.make(NOW) == 0
    barrier.went_first(folder, "one")
    assert home.repairs.make(NOW) == 0
    barrier.went_first(folder, "other")
    assert home.repairs.make(NOW) == 1
    assert home.due() == {}


def test_who_says_that_it_goes_first_when_traces_are_just_taken_has_them_put_back(home: Home) -> None:
    """It says so, and then looks what is in hand; they are taken, and then it is looked who goes first."""
    home.spool.note([note(1)])
    take = home.spool.take

    def taken(notes: Iterable[Note]) -> list[Note]:
        found = take(notes)
        barrier.go_first(home.spool.directory, "one")
        return found

    home.spool.take = taken
    assert home.repairs.make(NOW) == 0
    assert barrier.rewriting(home.spool.directory) == frozenset()
    assert not home.remakes.calls


def test_who_went_first_and_died_holds_nothing_up_for_long(home: Home) -> None:
    home.spool.note([note(1)])
    barrier.go_first(home.spool.directory, "one")
    long_ago = time.time() - barrier.FIRST_S - 1
    os.utime(home.spool.directory / f"one{barrier.FIRST_SUFFIX}", (long_ago, long_ago))
    assert home.repairs.make(NOW) == 1


def test_what_was_in_hand_and_is_noted_no_longer_is_let_go(home: Home) -> None:
    home.spool.take([note(7)])
    assert home.repairs.make(NOW) == 0
    assert barrier.rewriting(home.spool.directory) == frozenset()

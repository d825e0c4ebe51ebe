"""Traces made anew: one that cannot be costs one trace, is tried again later and later, and is told."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from trimtab.telemetry.mapping.plan import Key
from trimtab.telemetry.mapping.repairs import FIRST_REST_MS, GIVE_UP, LONGEST_REST_MS, Repairs
from trimtab.telemetry.notes import Note
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

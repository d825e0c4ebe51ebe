"""Foreign spans mapped with and without the help of other processes, and no store."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import pytest

from patience import PATIENCE_S
from trimtab.governance.sealing import Keyring
from trimtab.storage.blobs import FolderBlobs
from trimtab.telemetry.conventions import canonical
from trimtab.telemetry.detectors import Detectors
from trimtab.telemetry.foreign.spans import ForeignBatch
from trimtab.telemetry.mapping import away as mapping_away
from trimtab.telemetry.mapping.away import Hands
from trimtab.telemetry.mapping.before import Stored
from trimtab.telemetry.mapping.plan import Plan
from trimtab.telemetry.mapping.pool import Helper, Helpers
from trimtab.telemetry.mapping.prices import ForeignPrices
from trimtab.telemetry.mapping.rows import ForeignRows
from trimtab.telemetry.mapping.traces import ForeignTraces
from trimtab.telemetry.process import hands_of
from trimtab.telemetry.rows import Rows
from trimtab.telemetry.silent import Silent


class Nothing:
    """A store that has none of the traces."""

    def __call__(self, project: str, spans: dict[str, list[str]], low_ns: int, high_ns: int) -> dict[str, Stored]:
        del project, spans, low_ns, high_ns
        return {}

    def newest(self, project: str, from_ns: int) -> int | None:
        del project, from_ns
        return 0

    def newest_call(self, project: str, from_ns: int) -> int | None:
        del project, from_ns
        return 0

    def called(self, project: str, traces: list[str], low_ns: int, high_ns: int) -> set[str]:
        del project, traces, low_ns, high_ns
        return set()


class Mapper:
    """One process's memory of traces and of what detectors saw; ``helpers`` may map for it."""

    def __init__(
        self, folder: Path, helpers: Helpers | None = None, keys: Callable[[], Keyring] = Keyring,
        prices: ForeignPrices | None = None,
    ) -> None:  # fmt: skip
        prices = prices or ForeignPrices()
        silent = Silent(Detectors())
        self._rows = ForeignRows(FolderBlobs(folder / "blobs"), silent, keys)
        self._traces = ForeignTraces(canonical, Nothing(), prices, lambda: 0)
        self._hands: Hands | None = None
        if helpers is not None:
            made = hands_of(folder, 1, silent, prices, keys)
            assert made is not None
            self._hands = Hands(helpers, made._by, silent)  # pyright: ignore[reportPrivateUsage]
        self.undone = 0
        """How much of what was decided had to be done here."""

    def __call__(self, *records: ForeignBatch) -> dict[str, Any]:
        """What one batch comes to."""
        rows = Rows()
        away = None if self._hands is None else self._hands.batch(backlog=False)
        assert (away is None) == (self._hands is None)

        def portion(plan: Plan) -> None:
            plan.rows(rows, self._rows, away)
            rows.seal()
            if away is not None:
                away.flush()

        plan = self._traces.plan(list(enumerate(records)), (), portion, away)
        if away is not None:
            away.collect(rows, plan)
            away.close()
            self.undone += len(away._undone)  # pyright: ignore[reportPrivateUsage]
        return told(rows, plan)


def told(rows: Rows, plan: Plan) -> dict[str, Any]:
    """Rows in an order that follows from them, notes but for when they are due, what was broken."""
    found: dict[str, Any] = {}
    for table in rows.tables():
        width, values = len(table.columns), table.unsealed()
        assert len(values) == width * len(table.owners)
        lines = [
            repr((owner, [_plain(each) for each in values[at * width : (at + 1) * width]]))
            for at, owner in enumerate(table.owners)
        ]
        found[table.name] = sorted(lines)
    found["notes"] = sorted((each.project, each.trace_id, each.low_ns, each.high_ns) for each in plan.notes)
    found["settled"], found["broken"] = sorted(plan.settled), sorted(plan.broken)
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_plain(each) for each in cast("list[Any]", value)]
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def start(folder: Path, count: int = 1) -> Helpers:
    """Helpers that are ready."""
    helpers = Helpers(folder, count)
    deadline = time.monotonic() + PATIENCE_S
    while len(helpers.ready(backlog=True)) < count:
        assert time.monotonic() < deadline, "no mapping process came up"
        time.sleep(0.02)
    return helpers


def all_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every portion is handed out, however busy who gets it is: what is asked then does not depend on how fast they
    answer."""
    monkeypatch.setattr(mapping_away, "BUSY", 1 << 30)


def two_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has two portions gets no third."""
    monkeypatch.setattr(mapping_away, "BUSY", 2)


def asked_first(monkeypatch: pytest.MonkeyPatch, act: Callable[[Helper], None], at: int) -> list[int]:
    """``act`` on a helper right before it is asked something for the ``at``-th time. Returns what was asked."""
    asked: list[int] = []
    ask = Helper.ask

    def acting(helper: Helper, kind: int, number: int, body: bytes) -> None:
        if len(asked) == at:
            act(helper)
        asked.append(kind)
        ask(helper, kind, number, body)

    monkeypatch.setattr(Helper, "ask", acting)
    return asked


def one_each(project: str, arrived_ns: int, spans: Sequence[Any]) -> list[ForeignBatch]:
    return [ForeignBatch(project=project, arrived_ns=arrived_ns, key_id="k", spans=(each,)) for each in spans]

"""A batch of foreign spans whose insert ends in between: sent again, it brings the rest, whatever is there already."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from msgspec.structs import replace
from ways import Way, chat, span

from trimtab.telemetry.pace import Pace
from trimtab.telemetry.stores import Store, StoreAway

TABLES = ("span_io", "span_raw", "ledger", "spans")


class Cut:
    """The store, which is away once rows have come to one table: before or after they are in."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.at = ""
        self.taken = False

    def insert(self, table: str, *rest: Any, **named: Any) -> None:
        if table == self.at and not self.taken:
            self.at = ""
            raise StoreAway("It went away.")
        self._store.insert(table, *rest, **named)
        if table == self.at:
            self.at = ""
            raise StoreAway("It went away.")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


@pytest.fixture
def cut(engine: Store) -> Cut:
    return Cut(engine)


@pytest.fixture
def way(tmp_path: Path, cut: Cut) -> Iterator[Way]:
    way = Way(tmp_path, cast("Store", cut))
    yield way
    way.close()


def said(number: int, parent: int = 0) -> Any:
    made = chat(number, parent)
    texts = {"gen_ai.input.messages": f'[{{"role":"user","parts":[{{"type":"text","content":"question {number}"}}]}}]'}
    return replace(made, attributes={**made.attributes, **texts})


@pytest.mark.parametrize("backlog", [False, True], ids=["few", "backlog"])
@pytest.mark.parametrize("taken", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("known", [False, True], ids=["new trace", "known trace"])
@pytest.mark.parametrize("restarted", [False, True], ids=["goes on", "restarted"])
def test_a_batch_that_is_cut_off_is_whole_once_it_was_sent_again(
    way: Way, cut: Cut, backlog: bool, taken: bool, table: str, known: bool, restarted: bool
) -> None:
    if backlog:
        way.writer._pace = Pace(backlog=1)  # pyright: ignore[reportPrivateUsage]
    if known:
        way.send(span(1), said(2, 1))
    cut.at, cut.taken = table, taken
    with contextlib.suppress(StoreAway):
        way.send(*([] if known else [span(1), said(2, 1)]), said(3, 1), said(4, 1))
    assert cut.at == "", "the store was asked to take these"
    if restarted:
        way.restart()
    way.writer.drain_once()
    way.writer.drain_once()
    way.rewrite(60_000)
    assert [row[0][-1] for row in way.rows()] == ["1", "2", "3", "4"]
    assert [row[0][-1] for row in way.rows("span_id", "span_io")] == ["2", "3", "4"]
    assert [row[0][-1] for row in way.rows("span_id", "span_raw")] == ["1", "2", "3", "4"]
    assert way.counted() == 300
    assert way.entry() == ("0000000000000001", 300)

"""What datasets may take of a server's memory: no whole cases for a sample, and one Parquet process at a time."""

import asyncio
import threading

import pytest

from trimtab.core.errors import InvalidRequest
from trimtab.evaluation import likeness
from trimtab.evaluation.types import Case, Provenance
from trimtab.server.api import dataset_making
from trimtab.server.api.dataset_making import briefly
from trimtab.server.dependencies import PARQUET_AT_ONCE
from trimtab.server.prompt_reading import in_thread


def test_a_sample_is_drawn_by_the_beginnings_of_inputs_and_only_of_so_many(monkeypatch: pytest.MonkeyPatch) -> None:
    long = Case(id="a", input="x" * 100_000, expected="y" * 100_000)
    traced = Case(id="b", input="Hello", provenance=Provenance(origin="trace", source="t1"))
    first, second = briefly([long, traced], with_text=True)
    assert (len(first.text), first.trace, second.text, second.trace) == (likeness.MAX_CHARACTERS, "", "Hello", "t1")
    assert [each.text for each in briefly([long, traced], with_text=False)] == ["", ""]
    monkeypatch.setattr(dataset_making, "MOST_CHARACTERS", 20_004)
    many = [long, traced, long]
    with pytest.raises(InvalidRequest, match="more than 20,004 characters together"):
        briefly(many, with_text=True)
    assert len(briefly(many, with_text=False)) == 3


def test_one_parquet_file_is_worked_on_at_a_time_also_where_a_client_leaves() -> None:
    inside, most, gate, begun = 0, 0, threading.Event(), threading.Event()
    lock = threading.Lock()

    def work() -> None:
        nonlocal inside, most
        with lock:
            inside += 1
            most = max(most, inside)
        begun.set()
        gate.wait(60)
        with lock:
            inside -= 1

    async def story() -> None:
        few = asyncio.Semaphore(PARQUET_AT_ONCE)
        tasks = [asyncio.ensure_future(in_thread(few, work)) for _ in range(4)]
        assert await asyncio.to_thread(begun.wait, 60)
        tasks[0].cancel()  # its thread goes on, and makes no room for another
        await asyncio.wait([tasks[0]])
        for _ in range(20):
            await asyncio.sleep(0)
        assert inside == 1
        gate.set()
        await asyncio.gather(*tasks[1:])

    asyncio.run(story())
    assert (most, inside) == (1, 0)

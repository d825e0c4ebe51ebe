"""What a batch may use at most, read off its input file however it is cut on its way."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.gateway import carried_batch
from trimtab.gateway.carried_batch import Uncountable, bound_of
from trimtab.gateway.carried_size import Size
from trimtab.ledger.worst import most_input


def line(url: str = "/v1/chat/completions", **body: Any) -> bytes:
    return msgspec.json.encode({"custom_id": "1", "method": "POST", "url": url, "body": {"model": "m", **body}})


def bound(pieces: Iterable[bytes]) -> Size:
    async def passing() -> AsyncIterator[bytes]:
        for piece in pieces:
            yield piece

    return asyncio.run(bound_of(passing()))


@pytest.mark.parametrize(
    ("asked", "output", "left_open"),
    [
        (line(max_tokens=10, n=3), 30, 0),
        (line(n=2), 0, 2),
        (line("/v1/embeddings", input=["a", "b"]), 0, 0),
        (line("/v1/completions", prompt="a", max_tokens=10, best_of=4), 40, 0),
        (line("/v1/completions", prompt=["a", "b", "c"], max_tokens=10), 30, 0),
        (line("/v1/completions", prompt=[[1, 2], [3]], max_tokens=10), 20, 0),
        (line("/v1/completions", prompt=[1, 2, 3], max_tokens=10), 10, 0),
        (line("/v1/completions", prompt=["a", "b"]), 0, 2),
    ],
)
def test_each_answer_that_a_line_asks_for_counts(asked: bytes, output: int, left_open: int) -> None:
    read = len(asked)
    assert bound([asked]) == Size(input=read, output=output, open=left_open, model="m", longest=read)


@given(st.lists(st.integers(1, 99), min_size=1, max_size=6), st.integers(1, 50))
def test_a_file_counts_the_same_however_it_is_cut(bounds: list[int], step: int) -> None:
    text = b"\n".join(line(max_tokens=each) for each in bounds) + b"\n"
    found = bound(text[at : at + step] for at in range(0, len(text), step))
    assert (found, found.output) == (bound([text]), sum(bounds))


def test_a_file_that_is_not_cut_into_lines_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(carried_batch, "LONGEST_LINE", 1000)
    with pytest.raises(Uncountable, match="longer"):
        bound(b"x" * 100 for _ in range(11))


def test_a_large_line_is_counted_beside_the_event_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    threads, counted = list[int](), most_input

    def noting(asked: bytes) -> int:
        threads.append(threading.get_ident())
        return counted(asked)

    monkeypatch.setattr(carried_batch, "most_input", noting)
    large = line(max_tokens=5, messages="the tide " * 50_000)
    found = bound([line(max_tokens=1) + b"\n" + large + b"\n", line(max_tokens=2)])
    assert (found.output, found.longest) == (8, len(large))
    assert [thread == threading.get_ident() for thread in threads] == [True, False, True]

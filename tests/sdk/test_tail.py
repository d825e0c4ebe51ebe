"""`Client.tail`: each trace once, and no gap between two connections."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

import msgspec
import pytest

from trimtab.core.errors import InvalidRequest, RateLimited, TrimtabError
from trimtab.sdk.connection import Connection, Unreachable
from trimtab.sdk.tail import tail
from trimtab.telemetry.fakes import span_row


def event(at: int, *numbers: int, kind: str = "traces", skipped: int = 0) -> list[str]:
    """As the server writes it, the newest row first."""
    rows = [span_row(f"{number:032x}", f"{number:016x}", started=float(number)) for number in numbers]
    data = msgspec.json.encode({"rows": rows, "behind_ms": 0, "skipped": skipped}).decode()
    return [f"id: {at}", f"event: {kind}", f"data: {data}", ""]


class Answers(Connection):
    """Each connection answers with the next of the given; an error in them breaks it off."""

    def __init__(self, *answers: list[str | TrimtabError]) -> None:
        super().__init__("http://nowhere", None)
        self._answers = list(answers)
        self.asked: list[dict[str, Any]] = []

    def lines(self, where: str, *, query: Any = None) -> Iterator[str]:
        self.asked.append({"where": where, **query})
        for line in self._answers.pop(0):
            if isinstance(line, TrimtabError):
                raise line
            yield line


def test_each_trace_comes_once_in_order_and_a_new_connection_goes_on_where_the_last_ended() -> None:
    gone = Unreachable("gone", fix="")
    http = Answers(
        ["retry: 1000", "", *event(100, 2, 1), *event(110, kind="beat"), *event(120, 3, 2), gone],
        [RateLimited("many", retry_after_s=7.0)],
        [gone],
        [*event(130, 5, 4, 3, skipped=9)],
    )
    waited: list[float] = []
    missed: list[int] = []
    rows = list(islice(tail(http, "p/q", "status:error", None, missed.append, waited.append), 5))
    assert [int(row.trace_id, 16) for row in rows] == [1, 2, 3, 4, 5]
    assert [asked["since"] for asked in http.asked] == [None, 120, 120, 120]
    assert {(asked["where"], asked["q"]) for asked in http.asked} == {
        ("/api/v1/projects/p%2Fq/traces/live", "status:error")
    }
    assert waited[1] == 7.0
    assert len(waited) == 3
    assert missed == [9]


def test_a_server_that_is_away_for_days_is_waited_for() -> None:
    gone = Unreachable("gone", fix="")
    http = Answers(event(100, 1), *([gone] for _ in range(2_000)), event(200, 2))  # type: ignore[arg-type]
    waited: list[float] = []
    rows = list(islice(tail(http, "p", "", None, None, waited.append), 2))
    assert [int(row.trace_id, 16) for row in rows] == [1, 2]
    assert max(waited) <= 15.0


@pytest.mark.parametrize("wrong", [Unreachable("nobody", fix=""), InvalidRequest("no such key", fix="", param="q")])
def test_what_waiting_does_not_mend_is_raised(wrong: TrimtabError) -> None:
    with pytest.raises(type(wrong)):
        next(tail(Answers([wrong]), "p", "", 5, None, lambda seconds: None))

"""Which mappers have read foreign traces, as the console asks for it."""

from typing import TYPE_CHECKING, Any

import pytest
from house import House

from trimtab.telemetry.conventions import versions
from trimtab.telemetry.remap import ComesTo, ReadBy, TooMuch

if TYPE_CHECKING:
    from house import Run

P = "/api/v1/projects/default/remap"


class Store:
    """Answers each question by what it asks for."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []

    async def ask(self, line: Any, sql: str, params: Any, *_: Any, **__: Any) -> list[Any]:
        self.asked.append(params)
        known: dict[Any, list[Any]] = {
            ReadBy: [
                ReadBy("langsmith", versions()["langsmith"] - 1, 5, 2),
                ReadBy("otel", versions()["otel"], 3, 3),
                ReadBy("gone", 7, 1, 1),
            ],
            TooMuch: [TooMuch("a" * 32, 60_000, 9)],
            ComesTo: [ComesTo(9, 2, 1, 0, 15, 250_000_000_000, 1)],
        }
        return known.get(line, [(3,)])


def test_what_an_older_mapper_read_is_told_with_what_it_comes_to(run: "Run") -> None:
    store = Store()

    async def story(house: House) -> None:
        told = await house.admin.get(P, params={"start": 1_000, "end": 2_000})
        assert told.status_code == 200, told.text
        found = told.json()
        assert (found["start"], found["end"], found["stale"], found["waiting"]) == (1_000, 2_000, 3, 0)
        now = versions()
        assert [(each["convention"], each["current"], each["stale"], each["spans"]) for each in found["readers"]] == [
            ("langsmith", now["langsmith"], True, 5),
            ("otel", now["otel"], False, 3),
            ("gone", None, True, 1),
        ]
        assert found["left"] == [{"trace_id": "a" * 32, "spans": 60_000, "bytes": 9}]
        assert (found["comes_to"]["cost"], found["comes_to"]["unpriced"]) == ("0.25", 1)
        assert all(params["from"] == 1_000 * 10**6 for params in store.asked)
        month = (await house.admin.get(P)).json()
        assert month["end"] - month["start"] == 30 * 86_400_000
        assert (await house.admin.get(P, params={"start": 2, "end": 1})).status_code == 400

    run(story, asker=store)


@pytest.mark.parametrize("start", ["-1", "x", str(1 << 60)])
def test_a_time_that_is_none_is_refused(run: "Run", start: str) -> None:
    async def story(house: House) -> None:
        assert (await house.admin.get(P, params={"start": start})).status_code == 400

    run(story)

"""Live tail over HTTP: server-sent events of one project, for whoever may read its traces, until the server leaves."""

import asyncio
import json
import time
from typing import Any

import httpx
from house import House, Run

from trimtab.telemetry.fakes import span_row


def events(body: str) -> list[tuple[str, int, dict[str, Any]]]:
    """Kind, id and data of each event."""
    found: list[tuple[str, int, dict[str, Any]]] = []
    for block in body.strip().split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.split("\n"))
        if "event" in lines:
            found.append((lines["event"], int(lines["id"]), json.loads(lines["data"])))
    return found


async def _heard(house: House, client: httpx.AsyncClient, path: str, **headers: str) -> httpx.Response:
    """What is told until the server leaves, which it does as soon as somebody watches."""
    asked = asyncio.ensure_future(client.get(path, headers=headers))
    while house.deps.tail.watching == 0 and not asked.done():  # noqa: ASYNC110  nothing tells that somebody watches
        await asyncio.sleep(0.001)
    house.deps.tail.close()
    return await asked


PATH = "/api/v1/projects/default/traces/live"


def test_traces_are_told_as_events_from_where_somebody_left_off(run: Run) -> None:
    async def story(house: House) -> None:
        project = house.holder.current.access.projects["default"].id
        now = time.time_ns() // 1_000_000
        house.reader.add(project, span_row("ab" * 16, "cd" * 8, started=float(now - 60_000)))
        house.reader.add("another", span_row("ef" * 16, "ef" * 8, started=float(now - 60_000)))
        answer = await _heard(house, house.admin, PATH, **{"last-event-id": str(now - 70_000)})
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["cache-control"] == "no-store"
        assert answer.text.startswith("retry: 1000\n\n")
        told = events(answer.text)
        assert told[0][0] == "traces"
        assert [row["trace_id"] for row in told[0][2]["rows"]] == ["ab" * 16]
        assert told[0][1] >= now
        assert told[-1][0] == "bye"

    run(story)


def test_a_search_that_does_not_parse_and_a_stranger_are_refused_before_anything_is_told(run: Run) -> None:
    async def story(house: House) -> None:
        wrong = await house.admin.get(f"{PATH}?q=colour:red")
        assert (wrong.status_code, wrong.json()["param"]) == (400, "q")
        assert (await house.client().get(PATH)).status_code == 401
        assert (await house.admin.get(PATH.replace("default", "nowhere"))).status_code == 404
        house.deps.tail.close()
        assert (await house.admin.get(PATH)).status_code == 503

    run(story)

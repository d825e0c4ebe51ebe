"""A tool and an agent have one name, whatever their spans are called, wherever they are counted, found or offered."""

import asyncio
from typing import Any

import pytest
from ways import NOW, Way, span

from trimtab.telemetry.questions import Search
from trimtab.telemetry.reader import TelemetryReader
from trimtab.telemetry.search.aggregate import Aggregation
from trimtab.telemetry.seen.questions import Seen
from trimtab.telemetry.views import Window

DAY = Window(start=NOW // 1_000_000 - 86_400_000, end=NOW // 1_000_000 + 86_400_000)
AGENT = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "forecaster"}
TOOL = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "get_weather"}

SEARCHES = ("tool:get_weather", "tool:get_*", 'tool:"running tool"', "agent:forecaster", 'agent:"agent run"', "-tool:*")


def sent(way: Way) -> None:
    """Four runs of one tool, one of which failed, in three traces, by emitters with four ways to name its span."""
    for number, (agent, tool, more) in enumerate(
        (
            ("invoke_agent forecaster", "execute_tool get_weather", TOOL),
            ("agent run", "running tool", TOOL),
            ("invoke_agent forecaster", "get_weather", {"openinference.span.kind": "TOOL"}),
        )
    ):
        trace = f"{number + 1:032x}"
        way.send(
            span(10 * number + 1, trace=trace, name=agent, attributes=AGENT),
            span(10 * number + 2, 10 * number + 1, trace=trace, name=tool, attributes=more),
        )
    nameless = {"gen_ai.operation.name": "execute_tool"}
    way.send(span(9, 1, trace=f"{1:032x}", name="execute_tool get_weather", attributes=nameless, status_code=2))


async def asked(socket: Any, project: str) -> dict[str, Any]:
    reader = TelemetryReader(socket)
    search = Search(reader)
    found: dict[str, Any] = {"tools": (await Seen(reader).tools(project, "", DAY)).items}
    for key in ("tool", "agent"):
        grouped = await search.aggregate(
            project, "", DAY, Aggregation(metrics=["count"], group_by=[key], of="spans", interval="none")
        )
        found[key] = {group.group[0]: group.values[0] for group in grouped.groups if group.group[0]}
        offers = await search.complete(project, f"{key}:", len(key) + 1, DAY, "traces")
        found[f"{key} offered"] = {item.label: item.count for item in offers.items if item.count}
    for q in SEARCHES:
        found[q] = len((await reader.traces(project, q, DAY, None, 50)).rows)
    await reader.aclose()
    return found


@pytest.fixture
def found(way: Way, served: Any) -> dict[str, Any]:
    sent(way)
    return asyncio.run(asked(served.socket, way.name))


def test_each_run_of_a_tool_counts_whatever_its_span_is_called(found: dict[str, Any]) -> None:
    assert [(row.tool, row.runs, row.failed, row.traces) for row in found["tools"]] == [("get_weather", 4, 1, 3)]
    assert found["tool"] == found["tool offered"] == {"get_weather": 4}


def test_an_agent_is_known_by_its_name(found: dict[str, Any]) -> None:
    assert found["agent"] == found["agent offered"] == {"forecaster": 3}


def test_a_search_finds_them_by_that_name_and_by_what_their_spans_are_called(found: dict[str, Any]) -> None:
    assert (found["tool:get_weather"], found["tool:get_*"], found['tool:"running tool"'], found["-tool:*"]) == (
        3,
        3,
        1,
        0,
    )
    assert (found["agent:forecaster"], found['agent:"agent run"']) == (3, 1)

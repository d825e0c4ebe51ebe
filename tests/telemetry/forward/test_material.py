"""From a real store: what came when, page by page and node by node, of one project only; whole traces with texts."""

import asyncio
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest
from makings import T0, answer, attempt, project, record, request
from msgspec.structs import replace

from trimtab.storage.blobs import FolderBlobs
from trimtab.telemetry.calls.mapper import CallMapper
from trimtab.telemetry.forward import arrivals
from trimtab.telemetry.forward import material as forward_material
from trimtab.telemetry.forward.arrivals import ArrivalLog, ForwardFile, node_id, write
from trimtab.telemetry.forward.closing import Closing
from trimtab.telemetry.forward.material import LEFT_OUT, SKEW_NS, Material, Scope
from trimtab.telemetry.reader import TelemetryReader
from trimtab.telemetry.rows import Rows, encode
from trimtab.telemetry.stores import Store

S = 1_000_000_000
DAY_NS = 86_400 * S
NOW = time.time_ns()
"""Arrivals of long ago are forgotten by the store; spans may be of any time."""


class Node:
    """A data folder whose telemetry process writes calls, at times that a test gives."""

    def __init__(self, engine: Store, folder: Path, blobs: FolderBlobs) -> None:
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self.now = NOW
        self.steady = S
        self._engine = engine
        self._blobs = blobs
        self.log = ArrivalLog(engine, folder, lambda: self.now, lambda: self.steady)

    def call(self, owner: str, number: int, feature: str = "", text: str = "hello") -> str:
        """Store one call; its trace id."""
        rows = Rows()
        key = f"{abs(hash((owner, number))):016x}"[:16]
        made = attempt(number, span_id=f"a{key[1:]}", started_ns=T0, ended_ns=T0 + 5, response=answer("well"))
        call = record(
            number, project=owner, started_ns=T0, ended_ns=T0 + 5, request=request(text), attempts=(made,),
            trace_id=key * 2, span_id=f"b{key[1:]}", feature=feature,
        )  # fmt: skip
        CallMapper(self._blobs).add(rows, number, call)
        self.log.add(rows)
        self.log.stamp(rows.arrivals)
        for table in rows.tables():
            if table.owners:
                self._engine.insert(table.name, table.columns, encode(table.values), f"{owner}:{number}:{table.name}")
        return call.trace_id


def asked(socket: Path, body: Any) -> Any:
    async def whole() -> Any:
        reader = TelemetryReader(socket)
        try:
            return await body(Material(reader))
        finally:
            await reader.aclose()

    story: Coroutine[Any, Any, Any] = whole()
    return asyncio.run(story)


def test_the_clock_of_arrivals_goes_on_where_it_was_when_ours_is_set_back(
    engine: Store, blobs: FolderBlobs, served: Any, tmp_path: Path
) -> None:
    owner = project()
    node = Node(engine, tmp_path / "one", blobs)
    write(node.folder, frozenset((owner,)))
    node.now += DAY_NS
    traces = [node.call(owner, 1)]
    node.now -= DAY_NS
    node.steady += 30 * S
    traces.append(node.call(owner, 2))
    node.now += 31 * S
    node.steady += S
    traces.append(node.call(owner, 3))

    async def body(material: Material) -> None:
        found = await material.page(owner, 0, {}, 1 << 62, 10)
        assert [each.trace_id for each in found] == traces
        assert [each.at_ns - NOW - DAY_NS for each in found] == [0, 30 * S, 31 * S]
        assert await material.newest(owner) == found[-1].at_ns
        assert await material.newest(project()) == 0

    asked(served.socket, body)


def test_arrivals_are_noted_for_projects_that_forward_and_in_order_whatever_the_clock_does(
    engine: Store, blobs: FolderBlobs, served: Any, tmp_path: Path
) -> None:
    ours, theirs, silent = project(), project(), project()
    node = Node(engine, tmp_path / "one", blobs)
    node.call(ours, 1)  # before anybody forwards
    write(node.folder, frozenset((ours, theirs)))
    traces = [node.call(ours, number) for number in (2, 3)]
    node.now -= 5 * S
    traces.append(node.call(ours, 4))
    node.call(theirs, 5)
    node.call(silent, 6)
    again = Node(engine, node.folder, blobs)  # a process that was started again, by a clock that went back
    again.now -= 60 * S
    traces.append(again.call(ours, 7))

    async def story(material: Material) -> None:
        found = await material.page(ours, NOW - S, {}, NOW + 100 * S, 100)
        assert [each.trace_id for each in found] == traces
        assert [each.at_ns for each in found] == sorted({each.at_ns for each in found})
        assert {each.node for each in found} == {node_id(node.folder)}
        assert all(each.rooted for each in found)
        place = {found[1].node: found[1].at_ns}
        rest = await material.page(ours, NOW - S, place, NOW + 100 * S, 100)
        assert [each.trace_id for each in rest] == traces[2:]
        assert await material.page(ours, NOW - S, place, found[1].at_ns, 100) == []
        assert len(await material.page(ours, NOW - S, {}, NOW + 100 * S, 2)) == 2
        assert await material.page(silent, 0, {}, NOW + 100 * S, 100) == []
        scope = Scope(project=theirs, quiet_ns=S, root_wait_ns=S)
        assert await material.closings(scope, traces, NOW) == {}, "another project's arrivals"
        [closing] = (await material.closings(Scope(project=ours, quiet_ns=S, root_wait_ns=S), traces[:1], NOW))[
            traces[0]
        ]
        assert (closing.revision, closing.rooted, len(closing.span_ids)) == (1, True, 2)

    asked(served.socket, story)


def test_each_node_has_its_own_place_and_a_new_one_is_seen(
    engine: Store, blobs: FolderBlobs, served: Any, tmp_path: Path
) -> None:
    ours = project()
    nodes = [Node(engine, tmp_path / name, blobs) for name in ("m", "n", "o")]
    for node in nodes:
        write(node.folder, frozenset((ours,)))
    nodes[1].now += S
    nodes[2].now += 3 * SKEW_NS
    first, second, late = (node.call(ours, number) for number, node in enumerate(nodes))

    async def story(material: Material) -> None:
        seen = {node_id(nodes[1].folder): NOW + S}
        found = await material.page(ours, NOW - S, seen, NOW + 10 * S, 100)
        assert [each.trace_id for each in found] == [first]
        seen = {node_id(node.folder): NOW + S for node in nodes[:2]}
        found = await material.page(ours, NOW - S, seen, NOW + 4 * SKEW_NS, 100)
        assert [each.trace_id for each in found] == [late]
        assert second not in {each.trace_id for each in found}

    asked(served.socket, story)


def test_a_trace_is_read_whole_with_its_texts_and_found_by_a_search(
    engine: Store, blobs: FolderBlobs, served: Any, tmp_path: Path
) -> None:
    ours, theirs = project(), project()
    node = Node(engine, tmp_path / "one", blobs)
    large = "a long text " * 9_000
    shop, chat = node.call(ours, 1, "shop", large), node.call(ours, 2, "chat")
    due = [closing(shop), closing(chat), closing("f" * 32)]

    async def story(material: Material) -> None:
        assert await material.matching(ours, "feature:shop", due) == {shop}
        assert await material.matching(ours, "", due) == {shop, chat, "f" * 32}
        assert await material.matching(theirs, "feature:shop", due) == set()
        found = await material.traces(ours, due, full=True)
        assert set(found) == {shop, chat}
        assert len(found[shop].detail.spans) == 2
        assert set(found[shop].times) == {span.span_id for span in found[shop].detail.spans}
        for span in found[shop].detail.spans:
            message = found[shop].texts[span.span_id].input[-1]
            assert message.parts[0]["text"] == large
        assert all(not whole.texts for whole in (await material.traces(ours, due, full=False)).values())
        assert await material.traces(theirs, due, full=True) == {}

    asked(served.socket, story)


def test_texts_are_read_up_to_a_bound_the_new_spans_first(
    engine: Store, blobs: FolderBlobs, served: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A trace may hold any number of them, and all of it is in memory at once."""
    ours = project()
    node = Node(engine, tmp_path / "one", blobs)
    large = "a long text " * 9_000
    traces = sorted(node.call(ours, number, text=large) for number in (1, 2, 3))
    monkeypatch.setattr(forward_material, "TEXT_BYTES", 150_000)
    monkeypatch.setattr(forward_material, "TEXTS_AT_ONCE", 2)

    async def story(material: Material) -> None:
        whole = await material.traces(ours, [closing(each) for each in traces], full=False)
        news = tuple(span.span_id for span in whole[traces[2]].detail.spans)
        due = [closing(traces[0]), closing(traces[1]), replace(closing(traces[2]), span_ids=news)]
        found = await material.traces(ours, due, full=True)
        told = {trace_id: [io.note for io in each.texts.values()] for trace_id, each in found.items()}
        assert [len(notes) for notes in told.values()] == [2, 2, 2], "each span has texts, or says why not"
        assert told[traces[2]] == ["", ""]
        assert told[traces[0]] == told[traces[1]] == [LEFT_OUT] * 2

    asked(served.socket, story)


def closing(trace_id: str) -> Closing:
    return Closing(
        trace_id=trace_id, at_ns=T0, node="n", revision=1, rooted=True, span_ids=(), low_ns=T0 - S, high_ns=T0 + S
    )


def test_a_file_that_cannot_be_read_forwards_everything_and_none_forwards_nothing(tmp_path: Path) -> None:
    file = ForwardFile(tmp_path)
    assert file.wanted() == frozenset()
    write(tmp_path, frozenset(("p",)))
    assert file.wanted() == {"p"}
    (tmp_path / arrivals.FILE).write_text("{broken")
    assert file.wanted() is None
    write(tmp_path, frozenset())
    assert file.wanted() == frozenset()


def test_a_folder_keeps_its_id(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert node_id(tmp_path / "a") == node_id(tmp_path / "a") != node_id(tmp_path / "b")
    assert [each.name for each in (tmp_path / "a").iterdir()] == [arrivals.NODE_FILE]

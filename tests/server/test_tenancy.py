"""No query, export, facet or search ever answers with another project's row, whatever is asked.

All operations are those of the API's description, and what they are sent is drawn (`tenants.py`)."""

import asyncio
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from tenants import CANARY, READING, THEIRS, VALUES, Asked, Operation, World, make_world, operations, requests, same

from trimtab.storage.blobs import FolderBlobs
from trimtab.telemetry.stores import Store

SETTINGS = settings(
    max_examples=200,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
ALL = operations()
READS = [each for each in ALL if each.reads]
TOLD_OF = ("listAudit", "exportAudit", "verifyAudit", "getEvidence")
OURS_TO_CHANGE = [each for each in ALL if not each.reads and each.of("path")]


def test_every_parameter_of_every_operation_has_values_that_are_tried() -> None:
    unknown: dict[str, str] = {}
    for each in ALL:
        for parameter in each.parameters:
            schema = parameter["schema"]
            plain = schema.get("type") == "boolean" or "enum" in schema
            if parameter["name"] not in VALUES and parameter["name"] != "project" and not plain:
                unknown[parameter["name"]] = each.id
    assert not unknown, f"give them values in VALUES of tests/server/tenants.py: {unknown}"
    sent = {each.id for each in ALL if each.method == "POST" and each.permission.endswith(":read")}
    assert sent <= READING.keys(), f"give them a body in READING of tests/server/tenants.py: {sent - READING.keys()}"
    assert READING.keys() <= {each.id for each in ALL}, "what is no more"


def test_what_a_project_is_told_depends_on_no_other_project(
    tmp_path: Path, served: Any, engine: Store, blobs: FolderBlobs
) -> None:
    """Asked before anything of another is there, and after: the same. Ids and cursors of the other open nothing."""
    with asyncio.Runner() as runner:
        world = runner.run(make_world(tmp_path, served.socket, engine, blobs))
        try:
            _story(runner, world)
        finally:
            runner.run(world.house.close())


def _story(runner: asyncio.Runner, world: World) -> None:
    runner.run(world.fill(world.ours, ""))
    mine, my_cursors = runner.run(world.ids(world.ours, ALL))
    asked: dict[Asked, tuple[int, str]] = {}

    def ask(each: Asked) -> None:
        answer = runner.run(world.ask(each, world.ours))
        asked[each] = (answer.status_code, same(answer))

    _drawn(READS, {"*": sorted(mine), "cursor": sorted(my_cursors)}, ask)
    assert sum(status == 200 for status, _ in asked.values()) > len(asked) / 3, "most of it is refused"

    runner.run(world.fill(THEIRS, CANARY))
    theirs, their_cursors = runner.run(world.ids(THEIRS, ALL))
    theirs -= mine
    assert len(theirs) > 5
    for each, (status, text) in asked.items():
        answer = runner.run(world.ask(each, world.ours))
        assert CANARY not in answer.text, each
        if each.id in TOLD_OF:  # a report that was asked for in between has left an entry of its own there
            told = [one for one in theirs if one in answer.text and one not in str(each)]
            assert (answer.status_code, told) == (status, []), each
        else:
            assert (answer.status_code, same(answer)) == (status, text), each
    before = _state(runner, world)

    def foreign(each: Asked) -> None:
        answer = runner.run(world.ask(each, world.ours))
        assert CANARY not in answer.text, each
        sent = str(each)
        assert not [one for one in theirs if one in answer.text and one not in sent], each

    _drawn(READS, {"*": sorted(theirs), "cursor": sorted(their_cursors)}, foreign)

    def change(each: Asked) -> None:
        if any(one in each.path for one in theirs):
            answer = runner.run(world.ask(each, world.ours))
            # what is put under a name that is somebody else's id is a thing of ours, made anew
            assert answer.status_code >= 400 or each.method == "PUT", each
            assert CANARY not in answer.text, each

    _drawn(OURS_TO_CHANGE, {"*": sorted(theirs)}, change)
    assert _state(runner, world) == before, "something of the other project was changed"

    key = runner.run(
        world.house.admin.post(f"/api/v1/projects/{world.ours}/keys", json={"name": "k", "role": "editor"})
    )
    assert key.status_code == 201, key.text
    bound = world.house.client(key.json()["secret"])

    def other_door(each: Asked) -> None:
        answer = runner.run(world.ask(each, THEIRS, bound))
        assert answer.status_code in (400, 403, 404, 415), each
        assert CANARY not in answer.text, each

    _drawn(ALL, {"*": sorted(theirs)}, other_door)
    assert _state(runner, world) == before, "something of the other project was changed"


def _drawn(these: list[Operation], more: dict[str, list[str]], each: Any) -> None:
    SETTINGS(given(requests(these, more))(each))()


def _state(runner: asyncio.Runner, world: World) -> dict[str, str]:
    """What the other project's lists tell, but for those that tell who asked: the audit log, and reports of it."""
    lists = [each for each in ALL if each.method == "GET" and not each.of("path") and each.id not in TOLD_OF]
    return {each.id: same(runner.run(world.ask(Asked(each.id, each.method, each.path, ()), THEIRS))) for each in lists}

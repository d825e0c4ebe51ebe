"""Whoever had a turn longest ago is next, and nobody holds the door with statements of their own."""

import asyncio
from typing import Any, cast

import pytest

from trimtab.core.errors import RateLimited
from trimtab.telemetry.sql.door import SqlDoor
from trimtab.telemetry.sql.turns import MOST, OF_ONE, OF_PROJECT, Asker, Full, Turns, asker_in

LONG_S = 60.0


def order(*asked: str) -> list[str]:
    """In which order statements run that are asked in this one, while another (of ``asked[0]``) runs: ``a1`` is of the
    key 1 in project a."""

    async def story() -> list[str]:
        turns, ran = Turns(), list[str]()

        async def one(name: str) -> None:
            await turns.take(Asker(name[0], name), LONG_S)
            ran.append(name)
            await asyncio.sleep(0)
            turns.give()

        await turns.take(Asker(asked[0][0], asked[0]), LONG_S)
        waiting = [asyncio.create_task(one(name)) for name in asked]
        await asyncio.sleep(0)
        turns.give()
        await asyncio.gather(*waiting)
        return ran

    return asyncio.run(story())


def test_keys_of_a_project_take_turns() -> None:
    assert order("a1", "a1", "a2", "a3") == ["a2", "a3", "a1", "a1"]
    assert order("a1", "a2", "a2", "a3") == ["a2", "a3", "a1", "a2"]


def test_a_project_with_many_keys_is_one_project() -> None:
    assert order("a1", "a2", "a3", "a4", "b1", "b1") == ["b1", "a2", "b1", "a3", "a4", "a1"]


def test_who_gives_up_leaves_the_turn_to_others() -> None:
    async def story() -> None:
        turns, [one, other] = Turns(), [Asker("a", "1"), Asker("a", "2")]
        await turns.take(one, LONG_S)
        with pytest.raises(TimeoutError):
            await turns.take(other, 0.01)
        cancelled = asyncio.create_task(turns.take(other, LONG_S))
        await asyncio.sleep(0)
        turns.give()  # it is given the turn, and goes before it has taken it
        cancelled.cancel()
        with pytest.raises(asyncio.CancelledError):
            await cancelled
        await turns.take(one, 0.01)

    asyncio.run(story())


def test_of_one_key_a_few_wait_and_others_still_come_in() -> None:
    async def story() -> None:
        turns = Turns()
        held = [asyncio.create_task(turns.take(Asker("a", "1"), LONG_S)) for _ in range(OF_ONE)]
        await asyncio.sleep(0)
        with pytest.raises(Full) as caught:
            await turns.take(Asker("a", "1"), LONG_S)
        assert caught.value.own
        other = asyncio.create_task(turns.take(Asker("a", "2"), LONG_S))
        await asyncio.sleep(0)
        turns.give()
        await other
        for task in held:
            task.cancel()

    asyncio.run(story())


def test_a_project_with_many_keys_leaves_room_for_others() -> None:
    async def story() -> None:
        turns, held = Turns(), list[asyncio.Task[None]]()
        for number in range(OF_PROJECT):
            held.append(asyncio.create_task(turns.take(Asker("a", f"{number}"), LONG_S)))
            await asyncio.sleep(0)
        with pytest.raises(Full) as caught:
            await turns.take(Asker("a", "one more"), LONG_S)
        assert not caught.value.own
        for number in range(MOST - OF_PROJECT):
            held.append(asyncio.create_task(turns.take(Asker("b", f"{number}"), LONG_S)))
            await asyncio.sleep(0)
        with pytest.raises(Full):
            await turns.take(Asker("c", "1"), LONG_S)
        for task in held:
            task.cancel()

    asyncio.run(story())


def test_who_holds_the_door_is_told_so_and_somebody_else_is_answered() -> None:
    async def story() -> list[Any]:
        go_on = asyncio.Event()

        class Engine:
            async def ask(self, line: type[Any], sql: str, *_: Any, persons: Asker | None = None) -> list[Any]:
                if persons is None:
                    return []
                if "mine" in sql:
                    await go_on.wait()
                return [["n"], ["UInt8"], [1]]

        class Unlooked(SqlDoor):
            async def _look(self, text: str, params: Any) -> None:
                return

        door = Unlooked(cast("Any", Engine()))
        mine = [asyncio.create_task(door.run("p", "SELECT 'mine'", key="key_1")) for _ in range(OF_ONE)]
        await asyncio.sleep(0)
        with pytest.raises(RateLimited, match="of this key") as caught:
            await door.run("p", "SELECT 'mine'", key="key_1")
        assert f"{OF_ONE} statements" in (caught.value.fix or "")
        theirs = asyncio.create_task(door.run("p", "SELECT 'theirs'", key="key_2"))
        await asyncio.sleep(0)
        ended: list[str] = []
        for name, task in (("mine", mine[0]), ("theirs", theirs), ("mine", mine[1])):
            task.add_done_callback(lambda _, name=name: ended.append(name))
        go_on.set()
        await asyncio.gather(theirs, *mine)
        return ended

    assert asyncio.run(story()) == ["mine", "theirs", "mine"]


def test_who_asks_is_the_same_on_both_sides_of_the_socket() -> None:
    for asker in (Asker("prj_1", "key_1"), Asker("prj_1"), Asker("p/1 ü", "k\r\nx: 1/2")):
        assert asker_in(asker.written()) == asker
        assert asker.written().isascii()
        assert asker.written().isprintable()

"""Threads for prompts go round among the keys that wait for one."""

import asyncio

import pytest

from trimtab.core.errors import Unavailable
from trimtab.gateway.apps.rendering import MOST_OF_ONE, Renderers


async def waiting(line: Renderers, who: str, order: list[str]) -> None:
    await line.enter(who)
    order.append(who)


def test_whoever_asks_seldom_does_not_wait_behind_a_crowd() -> None:
    async def story() -> None:
        line, order = Renderers(1), list[str]()
        await line.enter("crowd")
        tasks = [asyncio.create_task(waiting(line, who, order)) for who in ("crowd", "crowd", "crowd", "ada", "bob")]
        await asyncio.sleep(0)
        tasks[1].cancel()
        await asyncio.sleep(0)
        for _ in range(4):
            line.leave()
            await asyncio.sleep(0)
        assert order == ["crowd", "ada", "bob", "crowd"]
        line.leave()
        await line.enter("ada")

    asyncio.run(story())


def test_of_one_key_only_so_many_wait_and_others_still_may() -> None:
    async def story() -> None:
        line, order = Renderers(1), list[str]()
        await line.enter("crowd")
        tasks = [asyncio.create_task(waiting(line, "crowd", order)) for _ in range(MOST_OF_ONE)]
        await asyncio.sleep(0)
        with pytest.raises(Unavailable) as refused:
            await line.enter("crowd")
        assert (refused.value.code, refused.value.retry_after_s) == ("prompts_busy", 1.0)
        tasks.append(asyncio.create_task(waiting(line, "ada", order)))
        await asyncio.sleep(0)
        for _ in tasks:
            line.leave()
        await asyncio.gather(*tasks)
        assert order[1] == "ada"

    asyncio.run(story())


def test_whoever_leaves_just_as_its_turn_comes_gives_it_to_the_next() -> None:
    async def story() -> None:
        line, order = Renderers(1), list[str]()
        await line.enter("a")
        first, second = (asyncio.create_task(waiting(line, who, order)) for who in ("a", "b"))
        await asyncio.sleep(0)
        line.leave()
        first.cancel()
        await asyncio.wait([first, second])
        assert (order, first.cancelled()) == (["b"], True)

    asyncio.run(story())

"""After a key is changed nothing that the gateway remembers has the old one, although nobody called meanwhile."""

import asyncio
import gc
import types
from typing import Any

import pytest
from harness import PRICE, Running, provider, running
from msgspec.structs import replace
from upstream import DONE, STOP, USAGE, WHOLE, Upstream, answers, delta, streams, upstream

from trimtab.gateway.targets import Model, ProjectTargets, Provider

ASK: dict[str, Any] = {"model": "fast", "messages": [{"role": "user", "content": "hello"}]}
FAST = Model(name="fast", provider="lab", upstream="up-1", price=PRICE)
OLD, NEW = "sk-old-0123456789", "sk-new-0123456789"
NOT_OURS = (types.ModuleType, types.FunctionType, types.CoroutineType, type, asyncio.Future, asyncio.AbstractEventLoop)


def remembered(root: object, secret: str) -> list[str]:
    """What is reachable from ``root`` and says the secret."""
    seen: set[int] = set()
    found: list[str] = []
    ahead: list[object] = [root]
    while ahead:
        at = ahead.pop()
        if id(at) in seen or isinstance(at, NOT_OURS):
            continue
        seen.add(id(at))
        said = at if isinstance(at, str) else bytes(at).decode("latin-1") if isinstance(at, (bytes, bytearray)) else ""
        if secret in said:
            found.append(said)
        ahead += gc.get_referents(at)
    return found


def declare(g: Running, *providers: Provider) -> None:
    now = g.force[0]
    g.force[0] = replace(
        now,
        version=now.version + 1,
        targets={"prj_1": ProjectTargets(providers={each.name: each for each in providers}, models={"fast": FAST})},
    )


async def called(g: Running) -> None:
    """In every way that something of a provider is remembered for."""
    for more in ({}, {"stream": True}, {"model": "lab/raw"}):
        assert (await g.chat({**ASK, **more})).status_code == 200
    g.spool.records.clear()


def world(up: Upstream, **keys: Any) -> Provider:
    return provider("lab", up.port, **keys)


def scripts() -> list[Any]:
    return [answers(WHOLE), streams(delta("good"), STOP, USAGE, DONE), answers(WHOLE)]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"api_key": OLD}, {"api_key": NEW}),
        ({"api_key": OLD}, None),
        ({"api_key": NEW, "headers": {"x-key": OLD}}, {"api_key": NEW, "headers": {"x-key": NEW}}),
        ({"api_key": OLD, "api_keys": (OLD, OLD + "b")}, {"api_key": NEW, "api_keys": (NEW, NEW + "b")}),
        ({"api_key": OLD, "api_keys": (OLD, OLD + "b")}, None),
    ],
)
def test_a_key_that_was_changed_is_remembered_nowhere(before: dict[str, Any], after: dict[str, Any] | None) -> None:
    async def main() -> None:
        async with upstream(*scripts() * 2) as up, running([world(up, **before)], [FAST]) as g:
            await called(g)
            assert remembered(g.gateway, OLD)
            declare(g, *([] if after is None else [world(up, **after)]))
            assert remembered(g.gateway, OLD)
            g.gateway.look(g.force[0])
            assert remembered([g.gateway, g.force], OLD) == []
            if after is not None:
                await called(g)
                assert remembered(g.gateway, NEW)

    asyncio.run(main())


def test_what_is_in_force_stays_and_what_a_call_of_before_puts_back_goes_a_minute_later() -> None:
    async def main() -> None:
        async with upstream(*scripts() * 2) as up, running([world(up, api_keys=("k1-0123", "k2-0123"))], [FAST]) as g:
            await called(g)
            endpoints = g.gateway._rotated.endpoints  # pyright: ignore[reportPrivateUsage]
            kept = dict(endpoints.ready)
            assert len(kept) >= 2
            g.gateway.look(g.force[0])
            assert endpoints.ready == kept
            before = g.force[0]
            declare(g, world(up, api_key=NEW))
            g.gateway.look(g.force[0])
            now, g.force[0] = g.force[0], before
            await called(g)  # as if they had begun before
            g.force[0] = now
            assert remembered(g.gateway, "k1-0123")
            del before, kept
            for _ in range(60):
                g.gateway.look(now)
            assert remembered(g.gateway, "k1-0123") == []

    asyncio.run(main())

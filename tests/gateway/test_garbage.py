"""A call that has come to nothing leaves nothing behind that only the collector finds: it would keep its body, of which
there may be many megabytes, until the next of its rare turns."""

import asyncio
import gc
from collections.abc import Generator
from typing import Any

import pytest
from harness import PRICE, Running, provider, running
from upstream import WHOLE, Script, answers, hangs_up, upstream

from trimtab.gateway.call import Call
from trimtab.gateway.targets import Model

ASK: dict[str, Any] = {"model": "fast", "messages": [{"role": "user", "content": "hello"}]}
FIRST = Model(name="fast", provider="lab", upstream="up-1", fallback=("slow",), price=PRICE)
SECOND = Model(name="slow", provider="spare", upstream="up-2", price=PRICE)
MANY = 10


@pytest.fixture
def no_collector() -> Generator[None]:
    gc.disable()
    yield
    gc.enable()


def collections() -> int:
    return sum(each["collections"] for each in gc.get_stats())


def young() -> int:
    """Calls that came after the last collection. All that there is, which is millions of things behind thousands of
    tests, takes a second to go through."""
    return sum(type(each) is Call for each in gc.get_objects(generation=0))


async def kept(g: Running, ask: dict[str, Any], status: int) -> int:
    assert (await g.chat(ask)).status_code == status
    gc.collect(0)
    before = collections()
    for _ in range(MANY):
        assert (await g.chat(ask)).status_code == status
    assert collections() == before, "what is older now is not seen"
    return young()


@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize(
    ("first", "ask", "status"),
    [
        (answers({"error": {"message": "no", "type": "invalid_request_error"}}, 400), ASK, 400),
        (answers({"error": {"message": "no"}}, 500), ASK, 200),
        (hangs_up(), ASK, 200),
        (answers(WHOLE), {**ASK, "model": "none"}, 404),
        (answers(WHOLE), ASK, 200),
    ],
    ids=["refused", "another answers", "hangs up", "no such model", "answered"],
)
def test_a_call_that_failed_is_gone_when_it_is_over(first: Script, ask: dict[str, Any], status: int) -> None:
    async def main() -> None:
        async with upstream(first) as one, upstream(answers(WHOLE)) as two:
            providers = [provider("lab", one.port), provider("spare", two.port)]
            async with running(providers, [FIRST, SECOND]) as g:
                assert await kept(g, ask, status) <= 1

    asyncio.run(main())

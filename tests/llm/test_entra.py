"""Tokens of Entra ID: asked for once, renewed before they end, and what is told where there are none."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from patience import PATIENCE_S
from trimtab.core.errors import UpstreamFailure, UpstreamRejected
from trimtab.gateway.staying_up.resilience import class_of
from trimtab.llm.entra import CLOUDS, EntraTokens, Source, source_of
from trimtab.llm.providers import PROVIDER_KINDS
from trimtab.llm.renewed import AGAIN_S, EARLY_S, LAST_S

SOURCE = Source("contoso.onmicrosoft.com", "app", "geheim")


class Authority:
    """Gives numbered tokens that hold an hour; ``answer`` in their place."""

    def __init__(self) -> None:
        self.asked = 0
        self.now = 1000.0
        self.answer: tuple[int, bytes] | None = None
        self.open = asyncio.Event()
        self.open.set()

    async def __call__(self, source: Source) -> tuple[int, bytes]:
        self.asked += 1
        number = self.asked
        await self.open.wait()
        if self.answer is not None:
            if self.answer[0] == 0:
                raise ConnectionError("ConnectError")
            return self.answer
        return 200, json.dumps({"access_token": f"t{number}-{source.client}", "expires_in": "3600"}).encode()


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not holds():  # noqa: ASYNC110
            await asyncio.sleep(0.001)


def story(work: Any) -> None:
    async def main() -> None:
        authority = Authority()
        await work(authority, EntraTokens(authority, lambda: authority.now))

    asyncio.run(main())


def test_a_token_is_asked_for_once_however_many_calls_wait_for_it() -> None:
    async def work(authority: Authority, tokens: EntraTokens) -> None:
        authority.open.clear()
        waiting = [asyncio.ensure_future(tokens.ready(SOURCE)) for _ in range(50)]
        await until(lambda: authority.asked > 0)
        waiting[0].cancel()  # a client that leaves takes nobody's token with it
        authority.open.set()
        done = await asyncio.gather(*waiting, return_exceptions=True)
        assert [type(each) for each in done] == [asyncio.CancelledError, *[type(None)] * 49]
        assert (authority.asked, tokens.header(SOURCE)) == (1, "Bearer t1-app")
        await tokens.ready(Source("contoso.onmicrosoft.com", "other", "geheim"))
        assert authority.asked == 2

    story(work)


def test_a_token_is_renewed_before_it_ends_beside_the_calls_and_none_is_sent_that_ends() -> None:
    async def work(authority: Authority, tokens: EntraTokens) -> None:
        await tokens.ready(SOURCE)
        authority.now += 3600 - EARLY_S - 1
        await tokens.ready(SOURCE)
        assert authority.asked == 1
        authority.now += 2
        authority.open.clear()
        await tokens.ready(SOURCE)  # does not wait
        await tokens.ready(SOURCE)
        assert tokens.header(SOURCE) == "Bearer t1-app"
        authority.open.set()
        await until(lambda: tokens.header(SOURCE) != "Bearer t1-app")
        assert (authority.asked, tokens.header(SOURCE)) == (2, "Bearer t2-app")
        authority.now += 3600 - LAST_S + 1
        await tokens.ready(SOURCE)
        assert tokens.header(SOURCE) == "Bearer t3-app"

    story(work)


def test_while_the_old_token_holds_a_failure_stops_no_call_and_is_not_repeated_at_once() -> None:
    async def work(authority: Authority, tokens: EntraTokens) -> None:
        await tokens.ready(SOURCE)
        authority.now += 3600 - EARLY_S + 1
        authority.answer = (503, b"busy")
        for _ in range(5):
            await tokens.ready(SOURCE)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        assert (authority.asked, tokens.header(SOURCE)) == (2, "Bearer t1-app")
        authority.now += AGAIN_S
        authority.answer = None
        await tokens.ready(SOURCE)
        await until(lambda: tokens.header(SOURCE) != "Bearer t1-app")
        assert authority.asked == 3

    story(work)


def test_a_token_that_ends_soon_is_not_asked_for_anew_by_each_call() -> None:
    """A machine's metadata give the same one until a new one is due."""

    async def work(authority: Authority, tokens: EntraTokens) -> None:
        authority.answer = 200, json.dumps({"access_token": "soon", "expires_in": EARLY_S - 1}).encode()
        for _ in range(5):
            await tokens.ready(SOURCE)
            for _ in range(3):
                await asyncio.sleep(0)
        assert (authority.asked, tokens.header(SOURCE)) == (1, "Bearer soon")
        authority.now += AGAIN_S
        await tokens.ready(SOURCE)
        await until(lambda: authority.asked == 2)

    story(work)


@pytest.mark.parametrize(
    ("answer", "failure", "words"),
    [
        ((0, b""), "connection", "cannot be reached (ConnectError)"),
        ((503, b"<html>"), "connection", "status 503"),
        ((200, b"{}"), "connection", "status 200 and no token"),
        ((200, b'{"access_token": "a\\r\\nx: y", "expires_in": 1}'), "connection", "no token"),
        ((200, b'{"access_token": "\xff"}'), "connection", "no token"),
        (
            (401, b'{"error": "invalid_client", "error_description": "AADSTS7000215: Invalid secret.\\r\\nTrace"}'),
            "key",
            "AADSTS7000215: Invalid secret.",
        ),
        ((400, b"no json"), "key", "status 400"),
    ],
)  # fmt: skip
def test_who_gets_no_token_is_told_why_and_other_targets_are_asked(
    answer: tuple[int, bytes], failure: str, words: str
) -> None:
    async def work(authority: Authority, tokens: EntraTokens) -> None:
        authority.answer = answer
        with pytest.raises(UpstreamFailure) as raised:
            await tokens.ready(SOURCE)
        assert class_of(raised.value) == failure
        assert words in raised.value.message
        assert "Trace" not in raised.value.message
        assert "geheim" not in raised.value.sentence()
        authority.answer = None
        await tokens.ready(SOURCE)

    story(work)


@pytest.mark.parametrize(
    "source", [Source("a/b", "app", "s"), Source("..", "app", "s"), Source("t", "app", "s", "mars")]
)
def test_a_tenant_or_cloud_that_is_none_is_asked_nowhere(source: Source) -> None:
    async def work(authority: Authority, tokens: EntraTokens) -> None:
        with pytest.raises(UpstreamRejected):
            await tokens.ready(source)
        assert authority.asked == 0

    story(work)


def test_a_provider_with_a_key_or_without_all_of_it_shows_no_token() -> None:
    options = {"tenant_id": "t", "client_id": "c", "client_secret": "s"}
    assert source_of(options, None) == Source("t", "c", "s")
    assert source_of(options | {"cloud": "us"}, "") == Source("t", "c", "s", "us")
    assert source_of(options, "key") is None
    assert source_of(options | {"client_secret": ""}, None) is None
    for name in ("azure", "azure_deployments"):
        kind = PROVIDER_KINDS.get(name)
        assert set(kind.key_options) <= {option.name for option in kind.options}
        assert [option.name for option in kind.options if option.secret] == ["client_secret"]
    assert all(authority.startswith("https://") for authority, _ in CLOUDS.values())

"""Azure by tokens of Entra ID, on the wire: chat, what passes through, and a token that cannot be had."""

import asyncio
from typing import Any

import pytest
from harness import PRICE, provider, running
from msgspec.structs import replace
from upstream import WHOLE, answers, upstream

from patience import PATIENCE_S
from trimtab.gateway import carried_where, endpoints, masking
from trimtab.gateway.carried_where import own_headers
from trimtab.gateway.staying_up.health import HealthBoard
from trimtab.gateway.targets import Model
from trimtab.llm import google
from trimtab.llm.entra import EntraTokens, Source
from trimtab.llm.renewed import Renewed
from trimtab.telemetry.records import Attempt

ASK: dict[str, Any] = {"model": "fast", "messages": [{"role": "user", "content": "hello"}]}
SLOW = Model(name="slow", provider="spare", upstream="up-2", price=PRICE)
FAST = Model(name="fast", provider="lab", upstream="up-1", fallback=("slow",), price=PRICE)
OPTIONS = {"tenant_id": "contoso", "client_id": "app", "client_secret": "geheim"}


def test_calls_show_the_token_in_force_and_one_that_cannot_be_had_goes_on_to_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[Source] = []
    now = [0.0]
    refuse = [False]

    async def authority(source: Source) -> tuple[int, bytes]:
        asked.append(source)
        if refuse[0]:
            return 401, b'{"error": "invalid_client"}'
        return 200, b'{"access_token": "t%d", "expires_in": 3600}' % len(asked)

    monkeypatch.setattr(endpoints, "TOKENS", EntraTokens(authority, lambda: now[0]))

    async def main() -> None:
        async with upstream(answers(WHOLE)) as azure, upstream(answers(WHOLE)) as spare:
            lab = replace(provider("lab", azure.port), kind="azure", api_key=None, api_keys=(), options=OPTIONS)
            async with running([lab, provider("spare", spare.port)], [FAST, SLOW]) as g:
                for _ in range(3):
                    assert (await g.chat(ASK)).status_code == 200
                now[0] = 4000.0
                assert (await g.chat(ASK)).status_code == 200
                shown = [headers.get("authorization") for headers, _ in azure.requests]
                assert shown == ["Bearer t1"] * 3 + ["Bearer t2"]
                assert not any("api-key" in headers for headers, _ in azure.requests)
                now[0], refuse[0] = 8000.0, True
                assert (await g.chat(ASK)).status_code == 200
                assert (len(azure.requests), len(spare.requests)) == (4, 1)
                first = g.spool.records[-1].attempts[0]
                assert first.fault is not None
                assert (first.fault.code, first.cost.amount) == ("provider_key_refused", None)
                assert "geheim" not in repr(g.spool.records)

    asyncio.run(main())


def test_a_call_waits_for_a_token_no_longer_than_its_caller_does(monkeypatch: pytest.MonkeyPatch) -> None:
    async def authority(_source: Source) -> tuple[int, bytes]:
        await asyncio.Event().wait()  # hangs
        raise AssertionError

    monkeypatch.setattr(endpoints, "TOKENS", EntraTokens(authority))

    async def main() -> None:
        async with upstream(answers(WHOLE)) as azure, asyncio.timeout(PATIENCE_S):
            lab = replace(provider("lab", azure.port), kind="azure", api_key=None, api_keys=(), options=OPTIONS)
            async with running([lab], [FAST]) as g:
                attempts: list[Attempt] = []
                while not attempts:  # a busy machine may come to ask too late
                    answer = await g.chat(ASK, trimtab_deadline="0.3")
                    assert (answer.status_code, answer.json()["error"]["code"]) == (504, "deadline_exceeded")
                    attempts += g.spool.records[-1].attempts
                fault, board = attempts[0].fault, HealthBoard()
                assert fault is not None
                assert (fault.code, attempts[0].usage, azure.requests) == ("upstream_timeout_connect", None, [])
                board.observe(g.spool.records[-1])
                assert board.provider("prj_1", "lab").health == "unknown", "the caller's own bound says nothing of it"

    asyncio.run(main())


def test_a_token_that_comes_back_in_a_refusal_is_told_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    async def authority(_source: Source) -> tuple[int, bytes]:
        return 200, b'{"access_token": "eyJ0eXAi.secret", "expires_in": 3600}'

    tokens = EntraTokens(authority)
    monkeypatch.setattr(endpoints, "TOKENS", tokens)
    monkeypatch.setattr(masking, "TOKENS", tokens)

    async def main() -> None:
        words = {"error": {"code": "403", "message": "Bearer eyJ0eXAi.secret may not do that."}}
        async with upstream(answers(words, 403)) as azure:
            lab = replace(provider("lab", azure.port), kind="azure", api_key=None, api_keys=(), options=OPTIONS)
            async with running([lab], [FAST]) as g:
                told = (await g.chat(ASK)).text
                assert "Bearer [hidden] may not do that." in told
                assert "eyJ0eXAi" not in told + repr(g.spool.records)

    asyncio.run(main())


def test_what_passes_through_shows_the_token_too_and_no_other_kind_shows_any(monkeypatch: pytest.MonkeyPatch) -> None:
    async def authority(source: Source) -> tuple[int, bytes]:
        return 200, b'{"access_token": "%b", "expires_in": 3600}' % source.client.encode()

    async def main() -> None:
        monkeypatch.setattr(carried_where, "TOKENS", EntraTokens(authority))
        lab = replace(provider("lab", 1), kind="azure", api_key=None, api_keys=(), options=OPTIONS)
        assert (await own_headers(lab))["authorization"] == "Bearer app"
        keyed = await own_headers(replace(lab, api_key="k1"))
        assert (keyed["api-key"], "authorization" in keyed) == ("k1", False)
        assert "authorization" not in await own_headers(replace(lab, kind="custom"))

    asyncio.run(main())


def test_vertex_is_shown_a_token_which_is_told_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    async def token(account: google.Account) -> tuple[str, float]:
        return f"ya29.{account.email}", 3600.0

    monkeypatch.setattr(google, "TOKENS", Renewed[google.Account, str](token))
    options = {"project": "p", "client_email": "me@p", "private_key": "geheim"}

    async def main() -> None:
        parts = {"content": {"role": "model", "parts": [{"text": "hi"}]}, "finishReason": "STOP"}
        words = {"error": {"code": 403, "message": "ya29.me@p may not", "status": "PERMISSION_DENIED"}}
        async with upstream(answers({"candidates": [parts]}), answers(words, 403)) as vertex:
            lab = provider("lab", vertex.port, "gemini")
            lab = replace(lab, kind="vertex_project", api_key=None, api_keys=(), options=options)
            async with running([lab], [FAST]) as g:
                assert (await g.chat(ASK)).status_code == 200
                told = (await g.chat(ASK)).text
                assert "[hidden] may not" in told
                assert "ya29" not in told + repr(g.spool.records)
                assert [headers.get("authorization") for headers, _ in vertex.requests] == ["Bearer ya29.me@p"] * 2

    asyncio.run(main())

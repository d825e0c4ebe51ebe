"""Refusals that say more than their status: which go on to the next target, and which speak against a key."""

import asyncio
from typing import Any

import pytest
from harness import PRICE, provider, running
from msgspec.structs import replace
from upstream import DONE, STOP, WHOLE, answers, delta, event, streams, upstream

from trimtab.gateway.staying_up import told_limits
from trimtab.gateway.staying_up.health import HealthBoard
from trimtab.gateway.targets import Model

ASK: dict[str, Any] = {"model": "fast", "messages": [{"role": "user", "content": "hello"}]}
SLOW = Model(name="slow", provider="spare", upstream="up-2", price=PRICE)
FAST_THEN_SLOW = Model(name="fast", provider="lab", upstream="up-1", fallback=("slow",), price=PRICE)


def test_a_prompt_too_long_for_one_target_is_answered_by_the_next_and_speaks_against_neither() -> None:
    too_long = answers({"error": {"message": "exceeds the available context size (1024 tokens)", "code": 400}}, 400)

    async def main() -> None:
        async with (
            upstream(too_long) as first,
            upstream(answers(WHOLE)) as second,
            running([provider("lab", first.port), provider("spare", second.port)], [FAST_THEN_SLOW, SLOW]) as g,
        ):
            assert (await g.chat(ASK)).status_code == 200
            assert [a.provider for a in (await g.spool.one()).attempts] == ["lab", "spare"]
            assert (await g.chat(ASK)).status_code == 200
            assert (len(first.requests), len(second.requests)) == (2, 2), "it was set aside, or asked twice in one call"

    asyncio.run(main())


def test_what_is_said_within_a_stream_before_its_first_token_is_as_good_as_a_status() -> None:
    said = {
        "error": {"message": "Your input exceeds the context window of this model.", "type": "invalid_request_error"}
    }
    late = streams(event(said), DONE)

    async def main() -> None:
        async with (
            upstream(late) as first,
            upstream(streams(delta("good"), STOP, DONE), late) as second,
            running([provider("lab", first.port), provider("spare", second.port)], [FAST_THEN_SLOW, SLOW]) as g,
        ):
            assert (await g.chat(ASK | {"stream": True})).status_code == 200
            assert (len(first.requests), len(second.requests)) == (1, 1), "it was asked again where no repeat helps"
            refused = await g.chat(ASK | {"stream": True})
            assert (refused.status_code, refused.json()["error"]["code"]) == (400, "context_length_exceeded")

    asyncio.run(main())


@pytest.mark.parametrize("code", ["1301", 1301])
def test_what_a_filter_says_by_a_number_within_a_stream_is_carried_to_no_other(code: Any) -> None:
    """Z.ai's: its words are Chinese, or say no more than that the system found something."""
    flagged = streams(event({"error": {"code": code, "message": "系统检测到输入或生成内容可能包含敏感内容"}}), DONE)

    async def main() -> None:
        async with (
            upstream(flagged, streams(delta("good"), STOP, DONE)) as first,
            upstream() as second,
            running([provider("lab", first.port), provider("spare", second.port)], [FAST_THEN_SLOW, SLOW]) as g,
        ):
            refused = await g.chat(ASK | {"stream": True})
            assert (refused.status_code, refused.json()["error"]["code"]) == (400, "content_filter")
            assert (await g.chat(ASK | {"stream": True})).status_code == 200
            assert (len(first.requests), len(second.requests)) == (2, 0)

    asyncio.run(main())


@pytest.mark.parametrize("said", [{"code": "1302"}, {"code": 429}, {"code": 429, "status": "RESOURCE_EXHAUSTED"}])
def test_a_rate_limit_that_is_told_within_a_stream_goes_on_to_the_next(
    said: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By Z.ai's number, or by the status that it would have had: OpenRouter's, vLLM's, Google's."""
    monkeypatch.setattr(told_limits, "UNTOLD_NS", told_limits.LONGEST_UNTOLD_NS)  # it says nothing of when to come back
    limited = streams(event({"error": {**said, "message": "并发数过高"}}), DONE)

    async def main() -> None:
        async with (
            upstream(limited) as first,
            upstream(streams(delta("good"), STOP, DONE)) as second,
            running([provider("lab", first.port), provider("spare", second.port)], [FAST_THEN_SLOW, SLOW]) as g,
        ):
            for _ in range(2):
                assert "good" in (await g.chat(ASK | {"stream": True})).text
            [one, _] = g.spool.records[0].attempts
            assert one.fault is not None
            assert (one.fault.status, one.fault.code) == (429, "rate_limited")
            assert (len(first.requests), len(second.requests)) == (1, 2), "it was asked again within its limit"

    asyncio.run(main())


def test_what_a_providers_filter_refused_is_carried_to_no_other_and_its_key_goes_on() -> None:
    flagged = answers({"error": {"code": 403, "message": "Your input was flagged for violence."}}, 403)

    async def main() -> None:
        async with (
            upstream(flagged, answers(WHOLE)) as first,
            upstream() as second,
            running([provider("lab", first.port), provider("spare", second.port)], [FAST_THEN_SLOW, SLOW]) as g,
        ):
            refused = await g.chat(ASK)
            assert (refused.status_code, refused.json()["error"]["code"]) == (403, "content_filter")
            assert refused.json()["error"]["message"] == "Your input was flagged for violence."
            assert (await g.chat(ASK)).status_code == 200
            assert (len(first.requests), len(second.requests)) == (2, 0)

    asyncio.run(main())


@pytest.mark.parametrize(
    "said",
    [
        {"code": "model_not_found", "message": "Project `proj_1` does not have access to model `up-1`."},
        {"code": "arrearage", "message": "Access denied, please make sure your account is in good standing."},
    ],
)
def test_what_our_account_may_not_do_is_told_as_ours_and_not_as_the_clients(said: dict[str, str]) -> None:
    async def main() -> None:
        async with (
            upstream(answers({"error": said}, 403)) as up,
            running([provider("lab", up.port)], [replace(FAST_THEN_SLOW, fallback=())]) as g,
        ):
            told = (await g.chat(ASK)).json()["error"]
            assert told["code"] == said["code"]
            assert told["message"].startswith("The provider 'lab' refused this server's key: ")

    asyncio.run(main())


def test_a_key_without_money_gives_way_to_the_next_target_at_once() -> None:
    broke = answers({"type": "error", "error": {"message": "Your credit balance is too low to access the API."}}, 400)

    async def main() -> None:
        async with (
            upstream(broke) as first,
            upstream(answers(WHOLE)) as second,
            running([provider("lab", first.port), provider("spare", second.port)], [FAST_THEN_SLOW, SLOW]) as g,
        ):
            assert [(await g.chat(ASK)).status_code for _ in range(2)] == [200, 200]
            assert (len(first.requests), len(second.requests)) == (1, 2)

    asyncio.run(main())


def test_what_a_filter_says_within_a_stream_is_carried_to_no_other() -> None:
    said = {"error": {"message": "Invalid prompt: your prompt was flagged as potentially violating our usage policy."}}

    async def main() -> None:
        async with (
            upstream(streams(event(said), DONE)) as first,
            upstream() as second,
            running([provider("lab", first.port), provider("spare", second.port)], [FAST_THEN_SLOW, SLOW]) as g,
        ):
            refused = await g.chat(ASK | {"stream": True})
            assert (refused.status_code, refused.json()["error"]["code"]) == (400, "content_filter")
            assert (len(first.requests), len(second.requests)) == (1, 0)
            board = HealthBoard()
            record = await g.spool.one()
            board.observe(record)
            assert board.provider(record.project, "lab").health == "unknown", "what a caller wrote speaks against it"

    asyncio.run(main())


def test_a_refusal_of_our_key_beside_a_status_of_200_is_told_as_that_and_does_not_repeat_the_key() -> None:
    key = "sk-of-the-operator"
    wrong = {"error": {"code": 401, "message": f"No such key: {key}"}}

    async def main() -> None:
        async with (
            upstream(answers(wrong)) as first,
            running([replace(provider("lab", first.port), api_key=key)], [replace(FAST_THEN_SLOW, fallback=())]) as g,
        ):
            refused = await g.chat(ASK)
            told = refused.json()["error"]
            assert "refused this server's key" in told["message"]
            assert "[hidden]" in told["message"]
            assert key not in refused.text

    asyncio.run(main())

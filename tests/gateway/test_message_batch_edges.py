"""Batches of messages where bytes, figures and providers are not as one would have them."""

import asyncio
import gc
import json
import threading
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import anthropic
import pytest
from message_worlds import Messages, messages, request
from msgspec.structs import replace
from test_looking_after import AT_ONCE, TOKENS

from patience import PATIENCE_S
from trimtab.gateway import carried_messages
from trimtab.gateway.carried_messages import Making, Names
from trimtab.gateway.carried_requests import Room
from trimtab.gateway.money.batch_kinds import messages_told
from trimtab.gateway.passthrough_messages import MessageBatchCarrier
from trimtab.gateway.targets import Provider
from trimtab.ledger.worst import most_input
from trimtab.llm.simulated.anthropic_batches import Answer, Asked


def test_a_name_in_its_body_that_is_no_utf8_is_no_defect(tmp_path: Path) -> None:
    async def main() -> None:
        async with messages(tmp_path) as w:
            told = await w.g.client.post("/v1/messages/batches", content=b'{"\xff": [1]}')
            assert (told.status_code, told.json()["error"]["type"]) == (400, "invalid_request_error")
            assert "`requests` is missing or empty" in told.json()["error"]["message"]

    asyncio.run(main())


def test_what_is_wrong_with_a_requests_tools_is_told_with_its_place(tmp_path: Path) -> None:
    async def main() -> None:
        async with messages(tmp_path) as w:
            told = await w.g.client.post(
                "/v1/messages/batches", json={"requests": [request(0), request(1, tools=["search"])]}
            )
            error = told.json()["error"]
            assert (told.status_code, error["details"]["param"]) == (400, "requests[1].params.tools")
            assert w.app.calls == []

    asyncio.run(main())


@pytest.mark.parametrize("limit", ["000001" + "9" * 5000, "0000001", "1001", "-1", "0"])
def test_a_length_of_a_page_that_none_can_have_is_refused(tmp_path: Path, limit: str) -> None:
    async def main() -> None:
        async with messages(tmp_path) as w:
            told = await w.g.client.get(f"/v1/messages/batches?limit={limit}")
            assert (told.status_code, told.json()["error"]["type"]) == (400, "invalid_request_error")
            assert "`limit` must be between 1 and 1000" in told.json()["error"]["message"]

    asyncio.run(main())


def test_many_small_requests_hold_nobody_else_up() -> None:
    """A piece of a body may have some thousand requests, and many pieces may have come already."""
    target = SimpleNamespace(model=SimpleNamespace(upstream="claude-haiku-4-5"), provider=SimpleNamespace(quirks=None))
    names = SimpleNamespace(found={"m": target}, of={"m": target}.__getitem__)
    body = json.dumps({"requests": [request(at) for at in range(20_000)]}).encode()
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    async def pieces() -> AsyncIterator[bytes]:
        for at in range(0, len(body), 256 * 1024):
            yield body[at : at + 256 * 1024]

    async def main() -> float:
        beside = asyncio.ensure_future(others())
        begun = time.thread_time()
        await Making(cast("Names", names), 1 << 20, Room()).read(pieces())
        beside.cancel()
        return time.thread_time() - begun

    took = asyncio.run(main())
    assert turns > took / 0.02, "others have their turn every 20 ms at least"


def test_a_large_request_is_looked_at_beside_the_event_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    target = SimpleNamespace(model=SimpleNamespace(upstream="claude-haiku-4-5"), provider=SimpleNamespace(quirks=None))
    names = SimpleNamespace(found={"m": target}, of={"m": target}.__getitem__)
    picture = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "QUJD" * 500_000}}
    large = request(1, messages=[{"role": "user", "content": [picture, {"type": "text", "text": "the tide"}]}])
    body = json.dumps({"requests": [request(0), large, request(2)]}).encode()
    threads, looked_at = list[int](), most_input

    def noting(params: bytes) -> int:
        threads.append(threading.get_ident())
        return looked_at(params)

    monkeypatch.setattr(carried_messages, "most_input", noting)

    async def pieces() -> AsyncIterator[bytes]:
        for at in range(0, len(body), 64 * 1024):
            yield body[at : at + 64 * 1024]

    async def main() -> bytes:
        making = Making(cast("Names", names), 1 << 25, Room())
        await making.read(pieces())
        assert making.size(lambda _: None).input < 20_000, "a picture is not counted by its bytes"
        return b"".join([piece async for piece in making.kept.pieces()])

    sent = json.loads(asyncio.run(main()))["requests"]
    here = threading.get_ident()
    assert [thread == here for thread in threads] == [True, False, True]
    assert [each["custom_id"] for each in sent] == ["call-0", "call-1", "call-2"]
    assert sent[1]["params"]["messages"] == large["params"]["messages"]


BUSY = b'{"type":"error","error":{"type":"api_error","message":"busy"}}'


def failing(w: Messages, status: int, fits: Callable[[Asked], bool]) -> list[str]:
    """The provider answers so from now on; what was asked of it."""
    batches, seen = w.app.message_batches, list[str]()
    answer = batches.answer

    def instead(asked: Asked) -> Answer:
        seen.append(f"{asked.method} {asked.path}")
        if not fits(asked):
            return answer(asked)
        return status, "application/json", BUSY

    cast("Any", batches).answer = instead
    return seen


@pytest.mark.parametrize("status", [429, 500, 529])
def test_a_batch_that_its_provider_does_not_tell_of_now_is_not_deleted(tmp_path: Path, status: int) -> None:
    async def main() -> None:
        async with messages(tmp_path, TOKENS) as w:
            name = await w.batch()
            assert (await w.client().messages.batches.retrieve(name)).processing_status == "ended"
            assert not (await w.row()).settled
            seen = failing(w, status, lambda asked: asked.method == "GET")
            with pytest.raises(anthropic.APIStatusError, match="not deleted"):
                await w.client().messages.batches.delete(name)
            assert not [each for each in seen if each.startswith("DELETE")]
            del cast("Any", w.app.message_batches).answer
            await w.client().messages.batches.delete(name)
            row = await w.row()
            assert (row.settlement, bool(row.tokens)) == ("told", True)
            assert await w.counted(TOKENS) == (row.tokens, row.tokens)

    asyncio.run(main())


def test_a_batch_that_says_nothing_of_what_became_of_it_is_read_and_not_taken_for_free() -> None:
    ended = {"id": "msgbatch_1", "processing_status": "ended"}
    assert messages_told(json.dumps(ended).encode()).output_file_id
    none = ended | {"request_counts": {"succeeded": 0, "errored": 3}}
    assert messages_told(json.dumps(none).encode()).output_file_id is None


def test_a_batch_whose_server_stops_meanwhile_keeps_what_limits_hold(tmp_path: Path) -> None:
    async def main() -> None:
        async with messages(tmp_path, TOKENS) as w:
            w.app.scenario = replace(w.app.scenario, fault="stall")
            making = asyncio.ensure_future(
                w.g.client.post("/v1/messages/batches", json={"requests": [request(1)]}, timeout=PATIENCE_S)
            )
            async with asyncio.timeout(PATIENCE_S):
                while not w.app.calls:  # noqa: ASYNC110  it has no event
                    await asyncio.sleep(0.01)
            held = await w.counted(TOKENS)
            making.cancel()
            await asyncio.wait([making])
            await w.g.gateway.outliving.close()
            assert await w.counted(TOKENS) == (held[0], held[0])

    asyncio.run(main())


def test_large_batches_leave_their_room_when_they_are_done(tmp_path: Path) -> None:
    """At once, and not when what is no longer needed is looked for."""

    async def main() -> None:
        async with messages(tmp_path) as w:
            for each in (request(1), request(1, "nowhere")):
                body = {"requests": [*(request(at + 9, system="s" * 500_000) for at in range(12)), each]}
                told = await w.g.client.post("/v1/messages/batches", content=json.dumps(body))
                assert told.status_code == (200 if each["params"]["model"] == "m" else 404)
            rooms = [each for each in gc.get_objects() if isinstance(each, Room)]
            assert rooms
            assert {each._left for each in rooms} == {1 << 30}  # pyright: ignore[reportPrivateUsage]

    gc.disable()
    try:
        asyncio.run(main())
    finally:
        gc.enable()


def test_a_batch_of_which_nobody_was_told_is_in_no_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has no id: its provider would be asked for all that the account has."""

    async def main() -> None:
        async with messages(tmp_path) as w:
            with pytest.raises(anthropic.APIError):
                await w.batch(wishes="answer=reset")
            assert [row.state for row in await w.rows()] == ["making"]
            known = await w.batch([request(at) for at in range(9)])
            asked = list[str]()
            get = MessageBatchCarrier._get  # pyright: ignore[reportPrivateUsage]

            async def noting(carrier: MessageBatchCarrier, provider: Provider, rest: str) -> tuple[int, bytes]:
                asked.append(rest)
                return await get(carrier, provider, rest)

            monkeypatch.setattr(MessageBatchCarrier, "_get", noting)
            listed = await w.client().messages.batches.list()
            assert [each.id for each in listed.data] == [known]
            assert asked == [f"/messages/batches/{known}"]

    asyncio.run(main())


def test_a_batch_that_was_made_later_is_not_taken_for_one_whose_answer_did_not_come(tmp_path: Path) -> None:
    """Names such as ``call-1`` are anybody's, and so may be the account."""

    async def main() -> None:
        async with messages(tmp_path) as w:
            with pytest.raises(anthropic.APIError):
                await w.batch(wishes="answer=reset")
            (name,) = w.app.message_batches.names
            told = w.app.message_batches._batches[name].told  # pyright: ignore[reportPrivateUsage]
            late = datetime.now(UTC) + timedelta(hours=2)
            told["created_at"] = late.isoformat().replace("+00:00", "Z")
            duty = w.duty(replace(AT_ONCE, unmade_for=0))
            for _ in range(3):
                await w.due_now()
                await duty.turn()
            (row,) = await w.rows()
            assert (row.state, row.batch_id, row.tokens) == ("failed", "", 0)

    asyncio.run(main())

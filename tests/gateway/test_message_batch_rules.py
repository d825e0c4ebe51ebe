"""Batches of messages where guards, policies, routes and keys stand, and where something goes away meanwhile."""

import asyncio
import gc
import json
from pathlib import Path
from typing import Any

import anthropic
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kept import store as kept_answers
from message_worlds import Messages, messages, request
from msgspec.structs import replace
from test_guarding import guard, secrets
from test_looking_after import TOKENS, booked
from test_policed import engine

from patience import PATIENCE_S
from trimtab.core.errors import TooLarge, Unavailable
from trimtab.gateway.carried_requests import Kept, Requests, Room
from trimtab.gateway.money import batches as money_batches
from trimtab.gateway.policed import Governed, Stated
from trimtab.gateway.targets import Model
from trimtab.guard.types import GuardSpec

BLOCK = secrets(action="block")
GUARDED: list[tuple[GuardSpec, bool]] = [
    (BLOCK, False),
    (replace(BLOCK, applies_to=("m",)), False),
    (replace(BLOCK, applies_to=("haiku",)), True),
    (replace(BLOCK, on_failure="open"), True),
    (replace(BLOCK, mode="shadow"), True),
    (replace(BLOCK, action="flag"), True),
]


@pytest.mark.parametrize(("spec", "passes"), GUARDED)
def test_a_batch_passes_only_where_no_guard_of_what_it_asks_is_gone_round(
    tmp_path: Path, spec: GuardSpec, passes: bool
) -> None:
    async def main() -> None:
        async with messages(tmp_path) as w:
            before = await w.batch()
            await w.client().messages.batches.retrieve(before)
            guard(w.g, spec)
            asked = len(w.app.calls)
            if passes:
                await w.batch()
                assert [line async for line in await w.client().messages.batches.results(before)]
                return
            with pytest.raises(anthropic.PermissionDeniedError, match=r"g0.*nobody looks at its requests"):
                await w.batch()
            assert len(w.app.calls) == asked
            told = await w.g.client.get(f"/v1/messages/batches/{before}/results")
            assert (told.status_code, "nobody looks at its results" in told.text) == (403, True)
            assert (await w.client().messages.batches.retrieve(before)).id == before
            assert len(w.app.calls) == asked + 1

    asyncio.run(main())


def test_a_policy_forbids_a_model_or_a_tool_of_any_request(tmp_path: Path) -> None:
    rules = engine(
        '@id("no-m") forbid(principal, action == Action::"call_model", resource == Model::"m");'
        '@id("no-shell") forbid(principal, action == Action::"call_tool", resource == Tool::"shell");'
    )
    shell = {"name": "shell", "input_schema": {"type": "object"}}

    async def main() -> None:
        async with messages(tmp_path) as w:
            w.g.force[0] = replace(w.g.force[0], governed={"prj_1": Governed(Stated(slug="default"), rules)})
            with pytest.raises(anthropic.PermissionDeniedError, match="no-m"):
                await w.batch([request(0, "haiku"), request(1, "m")])
            with pytest.raises(anthropic.PermissionDeniedError, match=r"offers the tool 'shell'.*no-shell"):
                await w.batch([request(0, "haiku"), request(1, "haiku", tools=[shell])])
            assert w.app.calls == []
            await w.batch([request(0, "haiku", tools=[shell | {"name": "lamp"}])])

    asyncio.run(main())


def test_a_route_and_a_fallback_are_the_first_of_theirs_that_has_batches(tmp_path: Path) -> None:
    models = [Model(name="steady", provider="gone", upstream="gpt", fallback=("haiku",))]
    routes = {"swift": {"tree": {"node": "weights", "of": [{"weight": 1, "use": "haiku"}, {"weight": 1, "use": "m"}]}}}

    async def main() -> None:
        async with messages(tmp_path, more=models, routes=routes) as w:
            name = await w.batch([request(0, "steady"), request(1, "swift"), request(2, "m")])
            sent = [each["params"]["model"] for each in w.app.message_batches.made(name)]
            assert sent == ["claude-haiku-4-5", "claude-haiku-4-5", "claude-sonnet-4-5"]
            assert (await w.row()).about.names == ("steady", "swift", "m")

    asyncio.run(main())


def test_a_header_names_the_provider_of_all_requests(tmp_path: Path) -> None:
    async def main() -> None:
        async with messages(tmp_path) as w:
            await w.batch(headers={"trimtab-provider": "sim"})
            with pytest.raises(anthropic.NotFoundError, match="no provider 'nowhere'"):
                await w.batch(headers={"trimtab-provider": "nowhere"})
            lab = replace(w.g.force[0].targets["prj_1"].providers["sim"], name="lab")
            now = w.g.force[0].targets["prj_1"]
            targets = {**w.g.force[0].targets, "prj_1": replace(now, providers={**now.providers, "lab": lab})}
            w.g.force[0] = replace(w.g.force[0], targets=targets)
            with pytest.raises(anthropic.BadRequestError, match="the provider 'lab' has none for it"):
                await w.batch(headers={"trimtab-provider": "lab"})
            await w.batch([request(0, "lab/claude-haiku-4-5")], headers={"trimtab-provider": "lab"})
            assert {row.provider for row in await w.rows()} == {"sim", "lab"}
            assert len([each async for each in w.client().messages.batches.list()]) == 2

    asyncio.run(main())


def test_a_key_of_its_client_makes_one_batch_of_two_calls(tmp_path: Path) -> None:
    async def main() -> None:
        async with kept_answers(tmp_path) as kept, messages(tmp_path, answers=kept) as w:
            once = {"idempotency-key": "k"}
            names = {await w.batch(headers=once) for _ in range(2)}
            assert len(names) == len(w.app.calls) == 1
            with pytest.raises(anthropic.UnprocessableEntityError):
                await w.batch([request(7)], headers=once)

    asyncio.run(main())


def test_a_reader_who_leaves_has_nothing_booked_and_the_duty_does(tmp_path: Path) -> None:
    async def main() -> None:
        async with messages(tmp_path, TOKENS) as w:
            name = await w.batch(
                [request(at, "sim/claude-haiku-4-5?tokens=3000", max_tokens=3000) for at in range(200)]
            )
            await w.client().messages.batches.retrieve(name)
            async with w.g.client.stream("GET", f"/v1/messages/batches/{name}/results") as response:
                await anext(response.aiter_raw(64))
            row = await w.settled(w.duty())
            ((_, attempt),) = booked(w.g)
            assert row.tokens == attempt.usage.total()
            assert attempt.usage.output == 200 * 3000

    asyncio.run(main())


@pytest.mark.promise
def test_readers_of_results_who_delete_and_duties_at_once_book_a_batch_once(tmp_path: Path) -> None:
    async def main() -> None:
        async with messages(tmp_path, TOKENS) as w:
            name = await w.batch()
            batches = w.client().messages.batches

            async def read() -> None:
                async for _ in await batches.results(name):
                    pass

            await batches.retrieve(name)
            duties = [w.duty() for _ in range(3)]
            readers = [read() for _ in range(5)]
            done = await asyncio.gather(
                *readers, *(duty.turn() for duty in duties), batches.delete(name), return_exceptions=True
            )
            assert {type(each) for each in done if isinstance(each, Exception)} <= {anthropic.NotFoundError}
            row = await w.settled(w.duty())
            ((_, attempt),) = booked(w.g)
            assert (row.settlement, row.tokens) == ("told", attempt.usage.total())
            assert await w.counted(TOKENS) == (row.tokens, row.tokens)

    asyncio.run(main())


def test_while_the_catalog_is_away_a_batch_is_made_and_noted_later_and_nobody_sees_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        async with messages(tmp_path) as w:
            monkeypatch.setattr(money_batches, "NOTE_AGAIN_S", (0.02,) * 3000)
            write, read, away = w.db.write, w.db.read, [True]

            def behind(real: Any) -> Any:
                async def ask(*args: Any, **more: Any) -> Any:
                    if away[0]:
                        raise Unavailable("The catalog is away.")
                    return await real(*args, **more)

                return ask

            monkeypatch.setattr(w.db, "write", behind(write))
            monkeypatch.setattr(w.db, "read", behind(read))
            name = await w.batch()
            with pytest.raises(anthropic.APIStatusError) as refused:
                await w.client().messages.batches.retrieve(name)
            assert refused.value.status_code == 503
            away[0] = False
            async with asyncio.timeout(PATIENCE_S):
                while not await w.rows():  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            row = await w.settled(w.duty())
            assert row.batch_id == name

    asyncio.run(main())


def test_results_that_cannot_be_read_are_passed_on_and_not_booked_as_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        async with messages(tmp_path) as w:
            name = await w.batch()
            await w.client().messages.batches.retrieve(name)
            kept = w.app.message_batches
            real = kept.answer
            strange = b'{"custom_id": "call-0", "outcome": {"kind": "done"}}\n'

            def otherwise(asked: Any) -> Any:
                return (200, "application/x-jsonl", strange) if asked.path.endswith("/results") else real(asked)

            monkeypatch.setattr(kept, "answer", otherwise)
            told = await w.g.client.get(f"/v1/messages/batches/{name}/results")
            assert told.content == strange
            duty = w.duty()
            await duty.turn()
            row = await w.row()
            assert (row.settled, booked(w.g)) == (0, [])
            assert "cannot be read" in row.why
            monkeypatch.setattr(kept, "answer", real)
            assert (await w.settled(duty)).settlement == "told"

    asyncio.run(main())


async def status_of(w: Messages, method: str, path: str, content: bytes = b"") -> int:
    return (await w.g.client.request(method, f"/v1/messages/batches{path}", content=content)).status_code


def test_what_there_is_not_is_told_as_anthropic_does(tmp_path: Path) -> None:
    async def main() -> None:
        async with messages(tmp_path) as w:
            for method, path in (("PUT", ""), ("DELETE", ""), ("POST", "/x"), ("POST", "/x/results"), ("GET", "/x/y")):
                assert await status_of(w, method, path) == 404
            for query in ("limit=0", "limit=1001", "limit=x", "after_id=a&before_id=b", "after_id=unknown", "a=&" * 40):
                assert await status_of(w, "GET", f"?{query}") == 400, query
            assert await status_of(w, "POST", "/x/cancel", b"x" * 70_000) == 413
            name = await w.batch(wishes="looks=9")
            assert await status_of(w, "GET", f"/{name}/results") == 404
            key = {"authorization": "Bearer tt_nobody", "anthropic-version": "2023-06-01"}
            told = await w.g.client.get("/v1/messages/batches", headers=key)
            assert (told.status_code, told.json()["error"]["type"]) == (401, "authentication_error")

    asyncio.run(main())


@pytest.mark.parametrize("verb", ["batchGenerateContent", "asyncBatchEmbedContent"])
def test_googles_batches_are_refused_by_their_name_with_the_way_out(tmp_path: Path, verb: str) -> None:
    async def main() -> None:
        async with messages(tmp_path) as w:
            told = await w.g.client.post(f"/v1beta/models/m:{verb}", json={})
            assert told.status_code == 404
            error = told.json()["error"]
            assert error["status"] == "NOT_FOUND"
            assert error["message"].startswith("Google's batches are not offered here.")
            assert "/v1/messages/batches" in error["message"]

    asyncio.run(main())


# --- its body, as it comes ---

values = st.recursive(
    st.none() | st.integers() | st.text(alphabet='ab"\\{}[]é\n ', max_size=12),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(alphabet='r"\\{[', max_size=4), inner, max_size=3)
    ),
    max_leaves=12,
)
members = st.dictionaries(st.text(alphabet='c"\\]', max_size=4), values, max_size=3)


@given(st.lists(members | values, max_size=6), members, st.booleans(), st.lists(st.integers(1, 40), min_size=1))
def test_requests_are_found_however_a_body_is_cut(
    listed: list[Any], beside: dict[str, Any], escaped: bool, cuts: list[int]
) -> None:
    key = '"re\\u0071uests"' if escaped else '"requests"'
    rest = "".join(f", {json.dumps(name)}: {json.dumps(value)}" for name, value in beside.items() if name != "requests")
    body = f'{{ "first": "[{{", {key}: {json.dumps(listed)}{rest} }}'.encode()
    found, at, reader = list[tuple[bytes, bool]](), 0, Requests(1 << 20)
    for number in range(len(body)):
        step = cuts[number % len(cuts)]
        found += reader.feed(body[at : at + step])
        at += step
        if at >= len(body):
            break
    assert reader.whole
    assert b"".join(part for part, _ in found) == body
    wanted: list[Any] = [each for each in listed if isinstance(each, dict)]
    assert [json.loads(part) for part, is_request in found if is_request] == wanted


def test_a_request_that_is_too_large_is_refused_before_all_of_it_has_come() -> None:
    reader = Requests(1000)
    assert reader.feed(b'{"requests": [{"a": "' + b"x" * 900) == [(b'{"requests": [', False)]
    with pytest.raises(TooLarge, match="TRIMTAB_MAX_BODY_MB"):
        reader.feed(b"x" * 200)


@pytest.mark.parametrize("size", [10, 3_000_000])
def test_what_is_kept_comes_back_as_often_as_it_is_asked_for(tmp_path: Path, size: int) -> None:
    async def main() -> None:
        kept, parts = Kept(Room(tmp_path)), [bytes([at]) * size for at in range(5)]
        for part in parts:
            await kept.add(part)
        for _ in range(2):
            assert b"".join([piece async for piece in kept.pieces()]) == b"".join(parts)
        assert kept.size == 5 * size

    asyncio.run(main())
    assert list(tmp_path.iterdir()) == [], "its file has no name"


def test_large_bodies_have_room_together_and_give_it_back_when_they_are_gone(tmp_path: Path) -> None:
    room = Room(tmp_path, most=20_000_000)

    async def keep(size: int) -> Kept:
        kept = Kept(room)
        for _ in range(size):
            await kept.add(bytes(5_000_000))
        return kept

    async def main() -> None:
        one = await keep(3)
        with pytest.raises(Unavailable, match="at once"):
            await keep(2)
        gc.collect()  # what was raised has the frames that had it
        two = await keep(1)
        del one, two
        await keep(4)

    asyncio.run(main())

"""Anthropic's batches of messages by its own client: let in, limited, seen by their project alone, and booked once."""

import asyncio
import json
from pathlib import Path
from typing import Any

import anthropic
import pytest
from harness import KEY
from message_worlds import Messages, messages, request
from msgspec.structs import replace
from test_looking_after import MONEY, SOFT, TOKENS, booked

from trimtab.gateway.money import batch_store as store
from trimtab.gateway.targets import Model, Provider
from trimtab.governance.access import Principal, Project, digest
from trimtab.ledger.limits import PICO, Rule
from trimtab.llm.types import Usage

LABELS = {"trimtab-feature": "nightly", "trimtab-user": "ann", "trimtab-tags": "a,b", "trimtab-session": "s1"}


async def made(w: Messages) -> Any:
    return await w.row()


def test_anthropics_own_client_makes_reads_lists_and_deletes_a_batch(tmp_path: Path) -> None:
    async def main() -> None:
        async with messages(tmp_path) as w:
            batches = w.client().messages.batches
            name = await w.batch(wishes="looks=2", headers={"anthropic-beta": "some-beta-2026"})
            assert name.startswith("msgbatch_")
            sent = w.app.calls[0]
            assert sent.headers["x-api-key"] == "k"
            assert sent.headers["anthropic-version"] == w.client().default_headers["anthropic-version"]
            assert sent.headers["anthropic-beta"] == "some-beta-2026"
            working = await batches.retrieve(name)
            assert (working.processing_status, working.request_counts.processing) == ("in_progress", 4)
            assert working.results_url is None
            with pytest.raises(anthropic.AnthropicError, match="finished processing"):
                await batches.results((await w.client().messages.batches.retrieve(await w.batch(wishes="looks=9"))).id)
            ended = await batches.retrieve(name)
            assert (ended.processing_status, ended.request_counts.succeeded) == ("ended", 4)
            assert ended.results_url == f"http://127.0.0.1:{w.g.port}/v1/messages/batches/{name}/results"
            seen = [line async for line in await batches.results(name)]
            assert [line.custom_id for line in seen] == ["call-3", "call-2", "call-1", "call-0"]
            assert {line.result.type for line in seen} == {"succeeded"}
            listed = [each.id async for each in batches.list(limit=1)]
            assert (len(listed), listed[-1]) == (2, name)
            assert [each.id for each in (await batches.list(before_id=name)).data] == listed[:1]
            gone = await batches.delete(name)
            assert (gone.id, gone.type) == (name, "message_batch_deleted")
            assert [each.id async for each in batches.list()] == listed[:1]
            with pytest.raises(anthropic.NotFoundError):
                await batches.retrieve(name)
            canceled = await batches.cancel(listed[0])
            assert canceled.processing_status == "canceling"
            assert (await batches.retrieve(listed[0])).request_counts.canceled == 2

    asyncio.run(main())


def test_its_blocking_client_does_as_well(tmp_path: Path) -> None:
    def talk(port: int) -> list[str]:
        client = anthropic.Anthropic(base_url=f"http://127.0.0.1:{port}", api_key=KEY, max_retries=0)
        asked: Any = [request(1), request(2)]
        batch = client.messages.batches.create(requests=asked)
        assert client.messages.batches.retrieve(batch.id).processing_status == "ended"
        found = [line.custom_id for line in client.messages.batches.results(batch.id)]
        assert [each.id for each in client.messages.batches.list()] == [batch.id]
        assert client.beta.messages.batches.retrieve(batch.id).id == batch.id
        client.messages.batches.delete(batch.id)
        return found

    async def main() -> None:
        async with messages(tmp_path) as w:
            assert await asyncio.to_thread(talk, w.g.port) == ["call-2", "call-1"]

    asyncio.run(main())


@pytest.mark.promise
@pytest.mark.parametrize("reader", ["duty", "client"])
def test_a_batch_is_booked_once_by_its_results_and_limits_get_the_rest_back(tmp_path: Path, reader: str) -> None:
    async def main() -> None:
        async with messages(tmp_path, TOKENS, MONEY, SOFT) as w:
            name = await w.batch(wishes="repeat=true", headers=LABELS)
            most = await w.counted(TOKENS)
            assert most[0] == most[1] > 4 * 50, "the most that it can come to"
            if reader == "client":
                await w.client().messages.batches.retrieve(name)
                assert booked(w.g) == []
                for _ in range(2):
                    assert len([line async for line in await w.client().messages.batches.results(name)]) == 8
                row = await w.row()
                assert row.settled
            row = await w.settled(w.duty())
            assert (row.state, row.settlement, row.why) == ("completed", "told", "")
            ((record, attempt),) = booked(w.g)
            maker = next(each for each in w.g.spool.records if each.request_id == row.request_id)
            assert (record.trace_id, record.parent_span_id) == (maker.trace_id, maker.span_id)
            assert (record.front, record.model, record.key_id) == ("anthropic_passthrough", "m", maker.key_id)
            assert (record.feature, record.user, record.session, record.tags) == ("nightly", "ann", "s1", ("a", "b"))
            used = attempt.usage
            assert (attempt.model, attempt.response_id, used.tier) == ("claude-sonnet-4-5", name, "batch")
            assert used.total() == row.tokens
            assert attempt.cost.amount == row.cost == (used.input + 2 * (used.output + used.reasoning)) * 1_000_000
            assert await w.counted(TOKENS) == (row.tokens, row.tokens)
            assert await w.counted(MONEY) == (row.cost, row.cost)
            assert (await w.counted(SOFT))[1] == row.tokens

    asyncio.run(main())


ENDS = {"ended": "completed", "expired": "expired", "canceled": "cancelled"}


@pytest.mark.parametrize(("end", "state"), ENDS.items())
def test_only_what_succeeded_costs_and_at_half_the_price_of_the_book(tmp_path: Path, end: str, state: str) -> None:
    async def main() -> None:
        async with messages(tmp_path) as w:
            asked = [request(at, "haiku") for at in range(6)]
            asked[1] = request(1, "sim/claude-haiku-4-5?fault=500")
            await w.batch(asked, wishes=f"end={end}")
            row = await w.settled(w.duty())
            assert row.state == state
            answered = 5 if end == "ended" else 2
            ((_, attempt),) = booked(w.g)
            assert attempt.usage.total() == row.tokens
            assert attempt.usage.output == answered * ONE.output
            assert attempt.cost.price.endswith("anthropic/claude-haiku-4-5@batch")
            # half of 1 and 5 dollars a million tokens: https://platform.claude.com/docs/en/about-claude/pricing
            assert attempt.cost.amount == attempt.usage.input * 500_000 + attempt.usage.output * 2_500_000

    asyncio.run(main())


ONE = Usage(input=6, output=16)
"""What the simulated Anthropic says of an answer to `request`."""


def test_a_call_that_is_dearer_for_its_length_is_booked_at_that_and_the_others_are_not(tmp_path: Path) -> None:
    async def main() -> None:
        async with messages(tmp_path) as w:
            long = request(9, "sim/claude-haiku-4-5?cached=210000")
            await w.batch([*(request(at, "haiku") for at in range(3)), long])
            row = await w.settled(w.duty())
            tiers = {attempt.usage.tier: attempt for _, attempt in booked(w.g)}
            assert set(tiers) == {"batch", "batch+over-200k"}
            assert tiers["batch"].usage.output == 3 * ONE.output
            assert tiers["batch+over-200k"].usage.cache_read == 210_000
            assert row.cost == sum(attempt.cost.amount for attempt in tiers.values())

    asyncio.run(main())


def test_a_batch_of_which_nothing_succeeded_costs_nothing(tmp_path: Path) -> None:
    async def main() -> None:
        async with messages(tmp_path, TOKENS) as w:
            name = await w.batch([request(at, "sim/claude-haiku-4-5?fault=529") for at in range(3)])
            ended = await w.client().messages.batches.retrieve(name)
            assert ended.request_counts.errored == 3
            row = await w.row()
            assert (row.state, row.tokens, row.cost, bool(row.settled)) == ("failed", 0, 0, True)
            assert booked(w.g) == []
            assert await w.counted(TOKENS) == (0, 0)

    asyncio.run(main())


def test_what_was_read_from_a_cache_and_thought_counts_at_its_own_rate(tmp_path: Path) -> None:
    async def main() -> None:
        async with messages(tmp_path) as w:
            more: Any = {"thinking": {"type": "enabled", "budget_tokens": 1024}, "max_tokens": 2000}
            await w.batch([request(1, "sim/claude-haiku-4-5?cached=4000&reasoning=30", **more)])
            await w.settled(w.duty())
            ((_, attempt),) = booked(w.g)
            used = attempt.usage
            assert (used.cache_read, used.reasoning > 0) == (4000, True)
            tokens = used.input * 500_000 + used.cache_read * 50_000 + (used.output + used.reasoning) * 2_500_000
            assert attempt.cost.amount == tokens

    asyncio.run(main())


def test_a_batch_is_one_projects_alone(tmp_path: Path) -> None:
    async def main() -> None:
        async with messages(tmp_path) as w:
            ours = await w.batch()
            snapshot = w.g.force[0]
            other = Principal(key_id="key_9", role="client", project=Project(id="prj_2", slug="other"))
            bound = Principal(
                key_id="key_8", role="client", project=snapshot.access.projects["default"], models=("haiku",)
            )
            access = replace(
                snapshot.access, keys={**snapshot.access.keys, digest("tt_other"): other, digest("tt_haiku"): bound}
            )
            targets = {**snapshot.targets, "prj_2": snapshot.targets["prj_1"]}
            w.g.force[0] = replace(snapshot, access=access, targets=targets)
            foreign = w.client("tt_other").messages.batches
            asked = len(w.app.calls)
            for step in (foreign.retrieve, foreign.cancel, foreign.delete, foreign.results):
                with pytest.raises(anthropic.NotFoundError, match="no batch of messages"):
                    await step(ours)
            assert (await foreign.list()).data == []
            assert len(w.app.calls) == asked, "its provider is not even asked"
            narrow = w.client("tt_haiku").messages.batches
            assert (await narrow.list()).data == []
            with pytest.raises(anthropic.PermissionDeniedError, match="may not call 'm'"):
                await narrow.retrieve(ours)
            with pytest.raises(anthropic.PermissionDeniedError, match="may not call 'm'"):
                await narrow.create(requests=[request(1, "haiku"), request(2, "m")])  # pyright: ignore[reportArgumentType]
            assert len(w.app.calls) == asked

    asyncio.run(main())


async def refused(w: Messages, body: Any, **headers: str) -> Any:
    told = await w.g.client.post(
        "/v1/messages/batches", content=body if isinstance(body, bytes) else json.dumps(body), headers=headers
    )
    assert told.json()["type"] == "error", told.text
    return told.status_code, told.json()["error"]


LONE: list[tuple[Any, str]] = [
    (b"nothing", "no JSON object"),
    (b"[]", "one JSON object"),
    (b'{"requests": [', "cut off"),
    ({}, "`requests` is missing or empty"),
    ({"requests": []}, "`requests` is missing or empty"),
    ({"requests": [{"custom_id": "a"}]}, "`requests[0].params` must be a JSON object"),
    ({"requests": [request(0), {"custom_id": "a", "params": {"model": "m"}}]}, "`requests[1].params.max_tokens`"),
    ({"requests": [request(0, "nowhere")]}, "no model 'nowhere'"),
    ({"requests": [request(0, "gpt")]}, "cannot be called in a batch of messages"),
    ({"requests": [request(0, "m"), request(1, "far")]}, "two providers"),
    ({"requests": [request(at, f"sim/claude-{at}") for at in range(101)]}, "more than 100 models"),
]


@pytest.mark.parametrize(("body", "words"), LONE, ids=[words for _, words in LONE])
def test_what_is_wrong_is_told_in_anthropics_words_before_anybody_is_asked(
    tmp_path: Path, body: Any, words: str
) -> None:
    others = [
        Provider(name="lab", kind="openai", dialect="openai_chat", base_url="", api_key="k"),
        Provider(name="away", kind="anthropic", dialect="anthropic_messages", base_url="", api_key="k"),
    ]
    models = [
        Model(name="gpt", provider="lab", upstream="gpt-5-mini"),
        Model(name="far", provider="away", upstream="claude-haiku-4-5"),
    ]

    async def main() -> None:
        async with messages(tmp_path, providers=others, more=models) as w:
            status, error = await refused(w, body)
            assert status == (404 if "nowhere" in words else 400)
            assert error["type"] in ("invalid_request_error", "not_found_error")
            assert words in error["message"]
            assert w.app.calls == []
            assert await w.rows() == []

    asyncio.run(main())


def test_requests_that_a_limit_has_no_room_for_are_refused_all_together(tmp_path: Path) -> None:
    few = Rule(name="few", measure="money", bound=PICO // 100, window="day")

    async def main() -> None:
        async with messages(tmp_path, few) as w:
            many = [request(at, max_tokens=1200) for at in range(3)]
            status, error = await refused(w, {"requests": [*many, *many]})
            assert (status, error["details"]["error_code"]) == (400, "larger_than_limit")
            assert await w.counted(few) == (0, 0)
            await w.batch(many)
            held = await w.counted(few)
            status, error = await refused(w, {"requests": many})
            assert (status, error["type"]) == (402, "billing_error")
            assert await w.counted(few) == held
            assert len(w.app.calls) == 1

    asyncio.run(main())


def test_what_is_held_is_the_sum_of_what_each_request_can_come_to(tmp_path: Path) -> None:
    money = Rule(name="money", measure="money", bound=1000 * PICO, window="day")

    async def main() -> None:
        async with messages(tmp_path, money, price=None) as w:
            asked = [request(at, "sim/claude-sonnet-4-5", max_tokens=100, system="s" * 90_000) for at in range(4)]
            await w.batch(asked)
            read = sum(len(json.dumps(each["params"], separators=(",", ":"))) for each in asked)
            # batches' rates of prompts below 200,000 tokens, of which writing to a cache for an hour is the dearest
            dearest = 3_000_000
            assert (await w.counted(money))[0] == pytest.approx(read * dearest + 400 * 7_500_000, rel=0.02)

    asyncio.run(main())


def test_a_batch_of_several_models_is_held_at_the_dearest_and_booked_at_each_ones_price(tmp_path: Path) -> None:
    money = Rule(name="money", measure="money", bound=1000 * PICO, window="day")
    by_model = replace(money, name="each", per=("model",))

    async def main() -> None:
        async with messages(tmp_path, money) as w:
            both = [request(0, "m"), request(1, "haiku")]
            await w.batch(both)
            row = await w.settled(w.duty())
            costs = {attempt.model: attempt.cost.amount for _, attempt in booked(w.g)}
            assert set(costs) == {"claude-sonnet-4-5", "claude-haiku-4-5"}
            assert row.cost == sum(costs.values())
            assert row.about.names == ("m", "haiku")
            assert await w.counted(money) == (row.cost, row.cost)
        folder = tmp_path / "two"
        folder.mkdir()
        async with messages(folder, by_model) as w:
            status, error = await refused(w, {"requests": both})
            assert (status, error["details"]["error_code"]) == (400, "limit_by_model")
            assert "a batch for each model" in error["message"]
            await w.batch([request(0, "haiku")])

    asyncio.run(main())


def test_a_batch_is_booked_before_it_is_deleted_and_stays_where_that_cannot_be(tmp_path: Path) -> None:
    async def main() -> None:
        async with messages(tmp_path) as w:
            batches = w.client().messages.batches
            name, working = await w.batch(), await w.batch(wishes="looks=9")
            await batches.delete(name)
            row = next(each for each in await w.rows() if each.batch_id == name)
            assert (row.status, bool(row.settled)) == ("deleted", True)
            assert [attempt.response_id for _, attempt in booked(w.g)] == [name]
            with pytest.raises(anthropic.BadRequestError, match="has not finished processing"):
                await batches.delete(working)
            archived = await w.batch(wishes="end=archived")
            with pytest.raises(anthropic.InternalServerError, match="not booked yet"):
                await batches.delete(archived)
            assert {each.id async for each in batches.list()} == {working, archived}

    asyncio.run(main())


def test_of_several_keys_each_batch_is_asked_about_with_the_one_that_made_it(tmp_path: Path) -> None:
    async def main() -> None:
        async with messages(tmp_path, keys=("k1", "k2")) as w:
            now = w.g.force[0]
            sim = now.targets["prj_1"].providers["sim"]

            def having(*keys: str) -> None:
                one = replace(sim, api_key=keys[0], api_keys=keys if len(keys) > 1 else ())
                targets = replace(now.targets["prj_1"], providers={"sim": one})
                w.g.force[0] = replace(now, targets={**now.targets, "prj_1": targets})

            names = list[str]()
            for keys in (("k2",), ("k1",), ("k1", "k2")):
                having(*keys)
                names.append(await w.batch())
            for name in names:
                await w.client().messages.batches.retrieve(name)
            assert [each.id async for each in w.client().messages.batches.list()] == names[::-1]
            for _ in range(3):
                await w.db.write(lambda conn: conn.execute(store.BATCHES.update().values(due=0)))
                await w.duty().turn()
            assert {row.settlement for row in await w.rows()} == {"told"}

    asyncio.run(main())


def test_a_provider_that_has_forgotten_a_batch_leaves_an_estimate(tmp_path: Path) -> None:
    async def main() -> None:
        async with messages(tmp_path) as w:
            await w.batch(wishes="end=forgotten")
            row = await w.settled(w.duty())
            assert (row.state, row.settlement) == ("lost", "estimate")
            assert "404" in row.why
            assert row.cost

    asyncio.run(main())


def test_a_large_batch_waits_in_a_file_and_is_sent_again_from_it(tmp_path: Path) -> None:
    async def main() -> None:
        async with messages(tmp_path) as w:
            asked = [request(at, system="the tide turns " * 1000) for at in range(600)]
            w.app.scenario = replace(w.app.scenario, fault="529")
            first = await w.g.client.post("/v1/messages/batches", json={"requests": asked})
            assert first.status_code == 529
            asked_before = len(w.app.calls)
            assert asked_before >= 1
            w.app.scenario = replace(w.app.scenario, fault="none")
            name = await w.batch(asked)
            seen = await w.client().messages.batches.retrieve(name)
            assert seen.request_counts.succeeded == 600
            sent = w.app.message_batches
            assert next(iter(sent.made(name)))["params"]["model"] == "claude-sonnet-4-5"

    asyncio.run(main())

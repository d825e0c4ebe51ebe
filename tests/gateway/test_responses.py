"""OpenAI's own client speaks Responses through the gateway, to providers of every dialect."""

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import openai
import pydantic
import pytest
from harness import KEY, Running, provider
from kept import gateway, store
from openai.types.responses import Response
from upstream import DONE, STOP, USAGE, WHOLE, Script, Upstream, answers, delta, streams
from upstream import upstream as upstream_of
from vendors import BREAKS, UPSTREAMS, Vendors, a_project, sqlite, vendors

from patience import PATIENCE_S
from trimtab.core.errors import Unavailable
from trimtab.gateway.kept.conversations import DAY_MS
from trimtab.gateway.opened import answer_id
from trimtab.gateway.targets import Model
from trimtab.llm.types import Usage
from trimtab.storage.database import Database

OTHERS = tuple(name for name in UPSTREAMS if name != "openai_responses")
TOOL: Any = {
    "type": "function",
    "name": "weather",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    "strict": None,
}


class Place(pydantic.BaseModel):
    city: str
    days: int


def client(g: Vendors, key: str = KEY) -> Any:
    return openai.AsyncOpenAI(base_url=f"http://127.0.0.1:{g.port}/v1", api_key=key, max_retries=0)


def told(usage: Any) -> tuple[int, int, int]:
    return usage.input_tokens, usage.input_tokens_details.cached_tokens, usage.output_tokens


def booked(usage: Usage | None) -> tuple[int, int, int]:
    assert usage is not None
    read = usage.input + usage.cache_read + usage.cache_write
    return read, usage.cache_read, usage.output + usage.reasoning


@pytest.mark.parametrize("upstream", UPSTREAMS)
def test_it_talks_to_every_provider_whole_and_streamed(upstream: str) -> None:
    async def main() -> None:
        async with vendors(upstream, "text=grüße aus 🌊 trimtab&cached=3&fault=split") as g:
            ask: Any = {"model": "m", "instructions": "Be brief.", "input": "Hello", "max_output_tokens": 50}
            whole: Response = await client(g).responses.create(**ask)
            assert whole.output_text == "grüße aus 🌊 trimtab"
            assert (whole.status, whole.object) == ("completed", "response")
            assert whole.created_at > 1_500_000_000
            kinds: list[str] = []
            async with client(g).responses.stream(**ask) as stream:
                async for event in stream:
                    assert event.sequence_number == len(kinds)
                    kinds.append(event.type)
                final = await stream.get_final_response()
            assert final.output_text == "grüße aus 🌊 trimtab"
            assert kinds[:2] == ["response.created", "response.in_progress"]
            assert kinds[-1] == "response.completed"
            assert "response.output_text.delta" in kinds
            for answer, record in zip((whole, final), g.spool.records, strict=True):
                assert told(answer.usage) == booked(record.attempts[0].usage)
                assert told(answer.usage)[1] == 3
                assert record.front == "openai_responses"

    asyncio.run(main())


@pytest.mark.parametrize("upstream", UPSTREAMS)
def test_structured_outputs_are_parsed(upstream: str) -> None:
    async def main() -> None:
        async with vendors(upstream) as g:
            ask: Any = {"model": "m", "input": "Where?", "text_format": Place}
            whole = await client(g).responses.parse(**ask)
            assert whole.output_parsed == Place(city="tide", days=1)
            async with client(g).responses.stream(**ask) as stream:
                assert (await stream.get_final_response()).output_parsed == Place(city="tide", days=1)

    asyncio.run(main())


@pytest.mark.parametrize("upstream", UPSTREAMS)
@pytest.mark.parametrize("kept", [True, False])
def test_tools_are_called_and_answered_with_the_conversation_kept_here_or_by_the_client(
    tmp_path: Path, upstream: str, kept: bool
) -> None:
    """With thoughts: Anthropic and Gemini demand theirs back, signed."""

    async def main() -> None:
        async with vendors(upstream, "calls=2", url=sqlite(tmp_path)) as g:
            ours = client(g)
            ask: Any = {"model": "m", "tools": [TOOL], "reasoning": {"effort": "low"}}
            question: list[Any] = [{"role": "user", "content": "the weather, please"}]
            async with ours.responses.stream(**ask, input=question, store=kept) as stream:
                first = await stream.get_final_response()
            calls = [item for item in first.output if item.type == "function_call"]
            assert [(call.name, json.loads(call.arguments)) for call in calls] == [("weather", {"city": "tide"})] * 2
            assert len({call.call_id for call in calls}) == 2
            results: list[Any] = [
                {"type": "function_call_output", "call_id": call.call_id, "output": "rain"} for call in calls
            ]
            if kept:
                second: Response = await ours.responses.create(**ask, input=results, previous_response_id=first.id)
                assert second.previous_response_id == first.id
            else:
                said = [item.model_dump(exclude_none=True, exclude={"parsed_arguments"}) for item in first.output]
                given: Any = [*question, *said, *results]
                second = await ours.responses.create(**ask, input=given, store=False)
            assert second.output_text
            assert [record.outcome for record in g.spool.records] == ["answer", "answer"]

    asyncio.run(main())


@pytest.mark.parametrize(
    ("upstream", "fault", "kind"),
    [
        ("openai_responses", "400", openai.BadRequestError),
        ("openai_chat", "401", openai.AuthenticationError),
        ("anthropic_messages", "404", openai.NotFoundError),
        ("gemini", "400", openai.BadRequestError),
    ],
)
def test_a_providers_error_is_the_clients_own_kind_of_error(upstream: str, fault: str, kind: type[Exception]) -> None:
    async def main() -> None:
        async with vendors(upstream, f"fault={fault}") as g:
            with pytest.raises(kind):
                await client(g).responses.create(model="m", input="Hello")

    asyncio.run(main())


@pytest.mark.parametrize(("upstream", "fault"), BREAKS)
def test_a_stream_that_breaks_raises_and_never_looks_whole(upstream: str, fault: str) -> None:
    async def main() -> None:
        async with vendors(upstream, f"fault={fault}&after=7&tokens=20") as g:
            with pytest.raises(openai.APIError):
                async for _ in await client(g).responses.create(model="m", input="Hello", stream=True):
                    pass
            assert (await g.spool.one()).outcome == "error"

    asyncio.run(main())


@pytest.mark.parametrize("upstream", UPSTREAMS)
def test_an_answer_cut_by_its_bound_is_incomplete(upstream: str) -> None:
    async def main() -> None:
        async with vendors(upstream, "tokens=30") as g:
            answer = await client(g).responses.create(model="m", input="Hello there", max_output_tokens=16)
            assert answer.status == "incomplete"
            assert answer.incomplete_details is not None
            assert answer.incomplete_details.reason == "max_output_tokens"

    asyncio.run(main())


# --- conversations ---


@pytest.mark.parametrize("upstream", OTHERS)
def test_a_conversation_goes_on_by_its_id(catalog_url: str, upstream: str) -> None:
    async def main() -> None:
        async with vendors(upstream, url=catalog_url) as g:
            ours = client(g)
            first = await ours.responses.create(model="m", input="My name is Ada.", metadata={"a": "b"})
            second = await ours.responses.create(
                model="m", input="And what is yours?", previous_response_id=first.id, instructions="Be kind."
            )
            third = await ours.responses.create(model="m", input="Well.", previous_response_id=second.id, stream=True)
            last = [event async for event in third][-1]
            assert last.type == "response.completed"
            assert last.response.previous_response_id == second.id
            asked = json.dumps(g.told.calls[-1].body, ensure_ascii=False)
            places = [asked.index(text) for text in ("My name is Ada.", "And what is yours?", "Well.")]
            assert places == sorted(places)
            assert first.output_text[:20] in asked
            assert "Be kind." not in asked, "instructions belong to one call"
            found = await ours.responses.retrieve(first.id)
            assert (found.output_text, found.metadata, found.status) == (first.output_text, {"a": "b"}, "completed")
            items = await ours.responses.input_items.list(second.id)
            assert [item.content[0].text for item in items.data] == ["And what is yours?"]
            await ours.responses.delete(first.id)
            with pytest.raises(openai.NotFoundError):
                await ours.responses.retrieve(first.id)
            with pytest.raises(openai.BadRequestError, match="not found") as caught:
                await ours.responses.create(model="m", input="?", previous_response_id=second.id)
            assert caught.value.code == "previous_response_not_found"

    asyncio.run(main())


def test_the_id_leads_to_the_request_and_back(tmp_path: Path) -> None:
    async def main() -> None:
        async with vendors("anthropic_messages", url=sqlite(tmp_path)) as g:
            answer = await g.client.post("/v1/responses", json={"model": "m", "input": "hi"})
            request_id = answer.headers["x-request-id"]
            assert answer.json()["id"] == "resp_" + request_id.removeprefix("req_")
            assert g.spool.records[0].request_id == request_id

    asyncio.run(main())


def test_another_key_of_the_project_finds_nothing(tmp_path: Path) -> None:
    async def main() -> None:
        async with vendors("openai_chat", url=sqlite(tmp_path)) as g:
            mine, theirs = client(g), client(g, "tt_second")
            first = await mine.responses.create(model="m", input="a secret")
            for attempt in (theirs.responses.retrieve(first.id), theirs.responses.delete(first.id)):
                with pytest.raises(openai.NotFoundError):
                    await attempt
            with pytest.raises(openai.BadRequestError, match="not found"):
                await theirs.responses.create(model="m", input="go on", previous_response_id=first.id)
            assert (await mine.responses.retrieve(first.id)).id == first.id

    asyncio.run(main())


@pytest.mark.parametrize(("store", "capture"), [(False, True), (True, False)])
def test_what_may_not_be_kept_is_not(tmp_path: Path, store: bool, capture: bool) -> None:
    async def main() -> None:
        async with vendors("openai_chat", url=sqlite(tmp_path), capture=capture) as g:
            ours = client(g)
            first = await ours.responses.create(model="m", input="hush", store=store)
            assert first.model_dump()["store"] is False
            with pytest.raises(openai.NotFoundError):
                await ours.responses.retrieve(first.id)
            words = "capture_content is off" if store else "store: false"
            with pytest.raises(openai.BadRequestError, match=words):
                await ours.responses.create(model="m", input="go on", previous_response_id=first.id)
            assert b"hush" not in (tmp_path / "catalog.sqlite").read_bytes()

    asyncio.run(main())


def test_a_provider_that_speaks_responses_keeps_its_own_ids(tmp_path: Path) -> None:
    async def main() -> None:
        async with vendors("openai_responses", url=sqlite(tmp_path)) as g:
            ours = client(g)
            first = await ours.responses.create(model="m", input="Hello")
            await ours.responses.create(model="m", input="go on", previous_response_id=first.id)
            assert g.told.calls[-1].body["previous_response_id"] == first.id
            assert g.told.calls[-1].body["input"] == "go on"
            assert (await ours.responses.retrieve(first.id)).id == first.id

    asyncio.run(main())


@pytest.mark.parametrize("upstream", OTHERS)
def test_an_id_of_another_maker_is_refused_where_nobody_knows_it(tmp_path: Path, upstream: str) -> None:
    async def main() -> None:
        async with vendors(upstream, url=sqlite(tmp_path)) as g:
            with pytest.raises(openai.BadRequestError, match="only openai_responses providers understand it") as caught:
                await client(g).responses.create(model="m", input="x", previous_response_id="resp_" + "0" * 48)
            assert caught.value.param == "previous_response_id"
            assert not g.told.calls

    asyncio.run(main())


def test_the_answer_is_given_although_the_catalog_is_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(*_: Any) -> None:
        raise Unavailable("The catalog is away.")

    async def main() -> None:
        async with vendors("openai_chat", url=sqlite(tmp_path)) as g:
            monkeypatch.setattr(Database, "write", away)
            answer = await client(g).responses.create(model="m", input="Hello")
            assert answer.output_text
            assert answer.model_dump()["store"] is False

    asyncio.run(main())


@pytest.mark.parametrize("stream", [True, False])
def test_a_defect_in_keeping_takes_no_answer_from_a_client(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stream: bool
) -> None:
    async def broken(*_: Any) -> None:
        raise KeyError("a defect")

    async def main() -> None:
        async with vendors("openai_chat", url=sqlite(tmp_path)) as g:
            monkeypatch.setattr(Database, "write", broken)
            answer = await g.client.post("/v1/responses", json={"model": "m", "input": "hi", "stream": stream})
            assert answer.status_code == 200
            assert '"status":"completed"' in answer.text

    asyncio.run(main())


def test_an_answer_that_is_gone_on_from_lives_as_long_as_what_came_of_it(tmp_path: Path) -> None:
    import sqlite3

    async def main() -> None:
        async with vendors("openai_chat", url=sqlite(tmp_path)) as g:
            ours = client(g)
            first = await ours.responses.create(model="m", input="one")
            database = sqlite3.connect(tmp_path / "catalog.sqlite")
            database.execute("UPDATE responses SET expires = expires - ?", (29 * DAY_MS,))
            database.commit()
            second = await ours.responses.create(model="m", input="two", previous_response_id=first.id)
            lives = dict(database.execute("SELECT id, expires FROM responses").fetchall())
            assert lives[first.id] == lives[second.id]
            database.execute("UPDATE responses SET expires = 1")
            database.commit()
            with pytest.raises(openai.NotFoundError):
                await ours.responses.retrieve(second.id)
            await ours.responses.create(model="m", input="three")
            assert database.execute("SELECT count(*) FROM responses").fetchone() == (1,)
            database.close()

    asyncio.run(main())


# --- what only some providers have ---


def test_built_in_tools_pass_where_the_provider_has_them() -> None:
    async def main() -> None:
        async with vendors("openai_responses") as g:
            answer = await client(g).responses.create(model="m", input="news?", tools=[{"type": "web_search"}])
            assert [item.type for item in answer.output] == ["web_search_call", "message"]

    asyncio.run(main())


@pytest.mark.parametrize("upstream", OTHERS)
def test_built_in_tools_are_refused_where_it_has_not(upstream: str) -> None:
    async def main() -> None:
        async with vendors(upstream) as g:
            with pytest.raises(openai.BadRequestError, match="Leave `tools` out, or call a model") as caught:
                await client(g).responses.create(model="m", input="news?", tools=[{"type": "web_search"}])
            assert (caught.value.code, caught.value.param) == ("unsupported", "tools")
            assert not g.told.calls

    asyncio.run(main())


def test_an_openai_provider_is_spoken_to_in_the_clients_own_dialect() -> None:
    from trimtab.gateway.targets import Provider, dialect_for
    from trimtab.llm.dialects import DIALECTS

    there = Provider(name="o", kind="openai", dialect="openai_chat", base_url="http://x/v1")
    for front in ("openai_responses", "openai_chat"):
        assert dialect_for(there, DIALECTS.get(front)).name == front
    assert dialect_for(there, DIALECTS.get("anthropic_messages")).name == "openai_chat"


@pytest.mark.parametrize("path", ["/v1/responses/resp_x", "/v1/responses/resp_x/input_items", "/v1/responses/../../x"])
def test_what_is_not_there_is_not_found(tmp_path: Path, path: str) -> None:
    async def main() -> None:
        async with vendors("openai_chat", url=sqlite(tmp_path)) as g:
            answer = await g.client.get(path)
            assert answer.status_code == 404

    asyncio.run(main())


@pytest.mark.parametrize(
    "fields",
    [
        {"store": "yes"},
        {"previous_response_id": 7},
        {"previous_response_id": "resp_" + "f" * 32, "store": None},
        {"previous_response_id": ""},
        {"metadata": {"a": "\ud800"}},
        {"input": "\ud800"},
        {"input": [["x"]]},
    ],
)
def test_odd_wishes_for_a_conversation_are_refused_or_served_and_nothing_worse(
    tmp_path: Path, fields: dict[str, Any]
) -> None:
    async def main() -> None:
        async with vendors("openai_chat", url=sqlite(tmp_path)) as g:
            body = json.dumps({"model": "m", "input": "x"} | fields).encode()
            answer = await g.client.post("/v1/responses", content=body)
            assert answer.status_code in (200, 400)
            assert len(g.spool.records) == 1

    asyncio.run(main())


@pytest.mark.parametrize("stream", [True, False])
def test_an_idempotency_key_gives_the_same_answer_with_its_conversation(tmp_path: Path, stream: bool) -> None:
    async def main() -> None:
        (tmp_path / "answers").mkdir()
        async with (
            store(tmp_path / "answers") as answers,
            vendors("openai_chat", url=sqlite(tmp_path), answers=answers) as g,
        ):
            body = {"model": "m", "input": "once", "stream": stream, "metadata": {"a": "b"}}
            first, second = [
                await g.client.post("/v1/responses", json=body, headers={"idempotency-key": "k"}) for _ in range(2)
            ]
            assert first.text == second.text
            assert '"store":true' in first.text
            assert len(g.told.calls) == 1

    asyncio.run(main())


def late(body: dict[str, Any]) -> Script:
    """A whole answer, when it is told to go on."""
    answer = answers(body)

    async def script(up: Upstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await up.go_on.wait()
        await answer(up, reader, writer)

    return script


@pytest.mark.parametrize("stream", [True, False])
def test_a_keyed_answer_whose_client_left_can_be_gone_on_from(tmp_path: Path, stream: bool) -> None:
    """The call goes on to its end for its key; so must its conversation, or the answer would lead nowhere."""
    script = streams(delta(), delta("he"), "wait", delta("llo"), STOP, USAGE, DONE) if stream else late(WHOLE)
    models = [Model(name="m", provider="lab", upstream="up-1")]

    async def main() -> None:
        db = Database.open(sqlite(tmp_path))
        await db.write(a_project)
        async with (
            upstream_of(script, answers(WHOLE)) as up,
            gateway(tmp_path, [provider("lab", up.port)], models, db=db) as (g, _),
        ):
            body = {"model": "m", "input": "Who are you?", "stream": stream}
            asking = asyncio.ensure_future(post(g, body, **{"idempotency-key": "k"}))
            async with asyncio.timeout(PATIENCE_S):
                while not up.requests:  # noqa: ASYNC110
                    await asyncio.sleep(0.005)
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
            up.go_on.set()
            again = await post(g, body, **{"idempotency-key": "k"})
            assert again.headers["idempotent-replayed"] == "true"
            assert '"store":true' in again.text
            first = g.spool.records[0]
            assert first.outcome == "answer"
            on = await post(g, {"model": "m", "input": "And?", "previous_response_id": answer_id(first.request_id)})
            assert on.status_code == 200, on.text
            asked = up.requests[1][1]["messages"]
            assert [each["role"] for each in asked] == ["user", "assistant", "user"]
        await db.close()

    async def post(g: Running, body: dict[str, Any], **headers: str) -> httpx.Response:
        return await g.client.post("/v1/responses", json=body, headers=headers)

    asyncio.run(main())

"""Google's own client speaks Gemini through the gateway, to providers of every dialect."""

import asyncio
import json
from typing import Any

import pydantic
import pytest
from google import genai
from google.genai import errors, types
from harness import KEY
from vendors import BREAKS, UPSTREAMS, Vendors, vendors

from trimtab.llm.types import Usage

OTHERS = tuple(name for name in UPSTREAMS if name != "gemini")
TOOL: Any = {"type": "OBJECT", "properties": {"city": {"type": "STRING"}}, "required": ["city"]}
HI = {"contents": [{"parts": [{"text": "Hello"}]}]}

ONLY_GEMINIS: list[tuple[dict[str, Any], str]] = [
    ({"generationConfig": {"candidateCount": 2}}, "generationConfig.candidateCount"),
    ({"tools": [{"googleSearch": {}}]}, "tools[].googleSearch"),
    ({"cachedContent": "cachedContents/x"}, "cachedContent"),
]


class Place(pydantic.BaseModel):
    city: str
    days: int


def client(g: Vendors, key: str = KEY) -> Any:
    options = types.HttpOptions(base_url=f"http://127.0.0.1:{g.port}", retry_options=types.HttpRetryOptions(attempts=1))
    return genai.Client(api_key=key, http_options=options)


def told(answer: types.GenerateContentResponse) -> tuple[int, int, int]:
    usage = answer.usage_metadata
    assert usage is not None
    written = (usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0)
    return usage.prompt_token_count or 0, usage.cached_content_token_count or 0, written


def booked(usage: Usage | None) -> tuple[int, int, int]:
    assert usage is not None
    read = usage.input + usage.cache_read + usage.cache_write
    return read, usage.cache_read, usage.output + usage.reasoning


def called_once(answer: types.GenerateContentResponse) -> str:
    """The name under which an answer was finished."""
    assert answer.candidates
    reason = answer.candidates[0].finish_reason
    assert reason is not None
    return reason.value


@pytest.mark.parametrize("upstream", UPSTREAMS)
def test_it_talks_to_every_provider_whole_and_streamed(upstream: str) -> None:
    async def main() -> None:
        async with vendors(upstream, "text=grüße aus 🌊 trimtab&cached=3&fault=split") as g:
            config = types.GenerateContentConfig(system_instruction="Be brief.", max_output_tokens=50)
            ask: Any = {"model": "m", "contents": "Hello", "config": config}
            models = client(g).aio.models
            whole: types.GenerateContentResponse = await models.generate_content(**ask)
            assert whole.text == "grüße aus 🌊 trimtab"
            assert called_once(whole) == "STOP"
            chunks: list[types.GenerateContentResponse] = [
                chunk async for chunk in await models.generate_content_stream(**ask)
            ]
            assert "".join(chunk.text or "" for chunk in chunks) == "grüße aus 🌊 trimtab"
            assert len(chunks) > 2
            assert called_once(chunks[-1]) == "STOP"
            for answer, record in zip((whole, chunks[-1]), g.spool.records, strict=True):
                assert told(answer) == booked(record.attempts[0].usage)
                assert told(answer)[1] == 3
                assert (record.front, record.model) == ("gemini", "m")

    asyncio.run(main())


@pytest.mark.parametrize("upstream", UPSTREAMS)
def test_functions_are_called_and_answered(upstream: str) -> None:
    """Ids of calls are optional here, names of responses are not; signatures travel with the content."""

    async def main() -> None:
        async with vendors(upstream, "calls=2") as g:
            weather = types.FunctionDeclaration(name="weather", parameters=types.Schema.model_validate(TOOL))
            tools: Any = [types.Tool(function_declarations=[weather])]
            config = types.GenerateContentConfig(
                tools=tools, automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True)
            )
            asked = types.UserContent("the weather, please")
            models = client(g).aio.models
            ask: Any = {"model": "m", "config": config}
            stream = await models.generate_content_stream(**ask, contents=[asked])
            parts: list[Any] = []
            async for chunk in stream:
                parts += chunk.candidates[0].content.parts or []
            calls: list[Any] = [part.function_call for part in parts if part.function_call]
            assert [(call.name, call.args) for call in calls] == [("weather", {"city": "tide"})] * 2
            results = [types.Part.from_function_response(name="weather", response={"result": "rain"}) for _ in calls]
            said = types.ModelContent([part for part in parts if not part.text or part.thought_signature])
            second = await models.generate_content(**ask, contents=[asked, said, types.UserContent(results)])
            assert second.text
            assert [record.outcome for record in g.spool.records] == ["answer", "answer"]

    asyncio.run(main())


@pytest.mark.parametrize("upstream", UPSTREAMS)
def test_structured_outputs_are_parsed(upstream: str) -> None:
    async def main() -> None:
        async with vendors(upstream) as g:
            config = types.GenerateContentConfig(response_mime_type="application/json", response_schema=Place)
            answer = await client(g).aio.models.generate_content(model="m", contents="Where?", config=config)
            assert answer.parsed == Place(city="tide", days=1)

    asyncio.run(main())


@pytest.mark.parametrize("upstream", ["anthropic_messages", "gemini"])
def test_thoughts_are_shown_apart_and_counted_apart(upstream: str) -> None:
    async def main() -> None:
        async with vendors(upstream, "reasoning=7") as g:
            thinking = types.ThinkingConfig(thinking_budget=1024, include_thoughts=True)
            config = types.GenerateContentConfig(thinking_config=thinking)
            answer: Any = await client(g).aio.models.generate_content(model="m", contents="Hello", config=config)
            thoughts: list[str] = [part.text for part in answer.candidates[0].content.parts if part.thought]
            assert thoughts == ["The tab is small; the rudder is great."]
            assert answer.usage_metadata.thoughts_token_count == 7

    asyncio.run(main())


@pytest.mark.parametrize(
    ("upstream", "fault", "status"),
    [
        ("gemini", "400", "INVALID_ARGUMENT"),
        ("openai_chat", "404", "NOT_FOUND"),
        ("anthropic_messages", "400", "INVALID_ARGUMENT"),
        ("openai_responses", "404", "NOT_FOUND"),
    ],
)
def test_a_providers_error_has_googles_shape(upstream: str, fault: str, status: str) -> None:
    async def main() -> None:
        async with vendors(upstream, f"fault={fault}") as g:
            with pytest.raises(errors.ClientError) as caught:
                await client(g).aio.models.generate_content(model="m", contents="Hello")
            assert (caught.value.code, caught.value.status) == (int(fault), status)
            assert caught.value.message

    asyncio.run(main())


@pytest.mark.parametrize(("upstream", "fault"), BREAKS)
def test_a_stream_that_breaks_raises_and_never_looks_whole(upstream: str, fault: str) -> None:
    """Google's client takes any end of a stream for its end: only the error event tells."""

    async def main() -> None:
        async with vendors(upstream, f"fault={fault}&after=7&tokens=20") as g:
            with pytest.raises(errors.APIError):
                async for _ in await client(g).aio.models.generate_content_stream(model="m", contents="Hello"):
                    pass
            assert (await g.spool.one()).outcome == "error"

    asyncio.run(main())


@pytest.mark.parametrize("upstream", ["gemini", "openai_chat"])
def test_without_server_sent_events_a_stream_is_one_array_that_grows(upstream: str) -> None:
    async def main() -> None:
        async with vendors(upstream, "text=one two three") as g:
            answer = await g.client.post("/v1beta/models/m:streamGenerateContent", json=HI)
            assert answer.headers["content-type"].startswith("application/json")
            chunks = json.loads(answer.text)
            parts = [part for chunk in chunks for part in chunk["candidates"][0]["content"]["parts"]]
            assert "".join(part["text"] for part in parts) == "one two three"
            assert chunks[-1]["candidates"][0]["finishReason"] == "STOP"
            broken = await g.client.post("/v1beta/models/m:streamGenerateContent", json={"contents": []})
            assert broken.status_code == 400

    asyncio.run(main())


@pytest.mark.parametrize("how", ["header", "query", "bearer"])
def test_a_key_may_be_shown_in_each_of_googles_ways(how: str) -> None:
    async def main() -> None:
        async with vendors("gemini") as g:
            headers = {"header": {"x-goog-api-key": KEY}, "bearer": {"authorization": f"Bearer {KEY}"}}.get(how, {})
            params = {"key": KEY} if how == "query" else {}
            g.client.headers.pop("authorization")
            path = "/v1beta/models/m:generateContent"
            assert (await g.client.post(path, json=HI, headers=headers, params=params)).status_code == 200
            refused = await g.client.post(path, json=HI)
            assert (refused.status_code, refused.json()["error"]["status"]) == (401, "UNAUTHENTICATED")
            assert KEY not in json.dumps(g.told.calls[0].headers)

    asyncio.run(main())


def test_what_the_client_sent_reaches_a_provider_of_its_own_dialect_byte_for_byte() -> None:
    async def main() -> None:
        async with vendors("gemini") as g:
            body = b'{ "contents" : [{"parts":[{"text":"\\u00fc \xc3\xbc"}]}], "generation_config":{"top_k": 3.0} }'
            answer = await g.client.post("/v1beta/models/m:generateContent", content=body)
            assert answer.status_code == 200
            assert g.told.calls[0].body == json.loads(body)
            assert g.told.calls[0].path.endswith("/models/gemini-3-flash:generateContent")

    asyncio.run(main())


@pytest.mark.parametrize("upstream", OTHERS)
@pytest.mark.parametrize(("fields", "words"), ONLY_GEMINIS)
def test_what_only_gemini_has_is_refused_elsewhere_with_a_way_out(
    upstream: str, fields: dict[str, Any], words: str
) -> None:
    async def main() -> None:
        async with vendors(upstream) as g:
            answer = await g.client.post("/v1beta/models/m:generateContent", json=HI | fields)
            error = answer.json()["error"]
            assert (error["code"], error["status"]) == (400, "INVALID_ARGUMENT")
            assert error["message"].startswith(f"`{words}` cannot be translated: only gemini providers understand it.")
            assert "Leave" in error["message"]
            assert not g.told.calls

    asyncio.run(main())


def test_a_model_or_a_method_that_is_not_there_is_not_found() -> None:
    async def main() -> None:
        async with vendors("gemini") as g:
            for path in ("/v1beta/models/nobody:generateContent", "/v1beta/models/m:embedContents"):
                answer = await g.client.post(path, json=HI)
                assert (answer.status_code, answer.json()["error"]["status"]) == (404, "NOT_FOUND")

    asyncio.run(main())


@pytest.mark.parametrize("name", ["sim/gemini-3-flash", "sim%2Fgemini-3-flash", "sim/gemini%2D3-flash"])
def test_a_path_may_name_any_model_of_a_provider(name: str) -> None:
    async def main() -> None:
        async with vendors("gemini") as g:
            answer = await g.client.post(f"/v1beta/models/{name}:generateContent", json=HI)
            assert answer.status_code == 200
            assert g.spool.records[0].model == "sim/gemini-3-flash"
            assert g.told.calls[0].model == "gemini-3-flash"

    asyncio.run(main())


def test_paths_that_only_begin_alike_go_the_ordinary_way() -> None:
    async def main() -> None:
        async with vendors("gemini") as g:
            for method, path in (("GET", "/v1beta/other"), ("PUT", "/v1beta/models/m"), ("POST", "/v1beta/models")):
                answer = await g.client.request(method, path)
                assert (answer.status_code, answer.text) == (404, "the other way")

    asyncio.run(main())


# --- models and counts, for every client ---


def test_models_are_listed_and_read_in_each_clients_shape() -> None:
    import anthropic
    import openai

    async def main() -> None:
        async with vendors("openai_chat") as g:
            google = client(g).aio.models
            assert [model.name async for model in await google.list()] == ["models/m"]
            found = await google.get(model="m")
            assert (found.name, found.display_name) == ("models/m", "m")
            theirs = anthropic.AsyncAnthropic(base_url=f"http://127.0.0.1:{g.port}", api_key=KEY, max_retries=0)
            assert (await theirs.models.retrieve("m")).display_name == "m"
            ours = openai.AsyncOpenAI(base_url=f"http://127.0.0.1:{g.port}/v1", api_key=KEY, max_retries=0)
            assert (await ours.models.retrieve("m")).owned_by == "sim"
            assert (await ours.models.retrieve("sim/anything")).id == "sim/anything"
            with pytest.raises(openai.NotFoundError):
                await ours.models.retrieve("nobody")
            with pytest.raises(anthropic.NotFoundError):
                await theirs.models.retrieve("nobody")
            with pytest.raises(errors.ClientError):
                await google.get(model="nobody")

    asyncio.run(main())


@pytest.mark.parametrize("upstream", UPSTREAMS)
def test_tokens_are_counted_by_the_provider_or_estimated_and_it_is_said_which(upstream: str) -> None:
    import anthropic
    import openai

    async def main() -> None:
        async with vendors(upstream) as g:
            words = "How many words are in this sentence of mine"
            theirs = anthropic.AsyncAnthropic(base_url=f"http://127.0.0.1:{g.port}", api_key=KEY, max_retries=0)
            messages: Any = [{"role": "user", "content": words}]
            raw = await theirs.messages.with_raw_response.count_tokens(model="m", messages=messages, system="Be brief.")
            counts = [(await raw.parse()).input_tokens]
            whose = raw.headers["trimtab-token-count"]
            ours = openai.AsyncOpenAI(base_url=f"http://127.0.0.1:{g.port}/v1", api_key=KEY, max_retries=0)
            counted = await ours.responses.input_tokens.count(model="m", input=words, instructions="Be brief.")
            counts.append(counted.input_tokens)
            google = await client(g).aio.models.count_tokens(model="m", contents=words)
            counts.append(google.total_tokens or 0)
            if upstream == "openai_chat":
                assert whose == "estimate"
                assert counts == [14, 14, 11]
            else:
                assert whose == "provider"
                assert all(9 <= count <= 18 for count in counts)
            assert not g.spool.records

    asyncio.run(main())


@pytest.mark.parametrize("path", ["/v1/messages/count_tokens", "/v1/responses/input_tokens"])
@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"model":7}', b'{"model":"m"}', b"\xff", b'{"model":"x","input":"y"}']
)
def test_a_bad_question_for_a_count_is_refused(path: str, body: bytes) -> None:
    async def main() -> None:
        async with vendors("gemini") as g:
            answer = await g.client.post(path, content=body)
            assert answer.status_code in (400, 404)
            assert answer.json()["error"]["message"]

    asyncio.run(main())

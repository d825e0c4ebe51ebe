"""Every kind of provider end to end: the vendors' own ways of auth and address, and what others than chat can do."""

import asyncio
import base64
import struct
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import openai
import pytest
import uvicorn
from google import genai
from google.genai import types
from harness import KEY, PRICE, Running, running
from upstream import answers, upstream
from vendors import a_project

from trimtab.gateway import endpoints, masking
from trimtab.gateway.provider_options import default_base_url, with_defaults
from trimtab.gateway.targets import Model, Provider, Timeouts
from trimtab.llm import aws
from trimtab.llm.providers import PROVIDER_KINDS
from trimtab.llm.renewed import Renewed
from trimtab.llm.sigv4 import Credentials
from trimtab.llm.simulated.app import SimulatedProviders
from trimtab.llm.simulated.scenario import Scenario
from trimtab.llm.simulated.tasks import vector_of
from trimtab.server.hot import HotServer
from trimtab.server.up import listen
from trimtab.storage.database import Database

PATHS = {"bedrock": "", "cohere": "/v2", "gemini": "/v1beta", "azure": "/openai/v1", "azure_deployments": "/openai"}
AWS = {"region": "eu-west-1", "access_key_id": "k", "secret_access_key": "s", "session_token": "t"}


@asynccontextmanager
async def vendor(
    kind: str, upstream: str, *, key: str | None = "k", price: Any = None, url: str = "", path: str = "", **options: str
) -> AsyncGenerator[tuple[Running, SimulatedProviders]]:
    """A gateway whose model ``m`` is ``upstream`` of a simulated provider of that kind, which knows the key ``k``. With
    the ``url`` of a catalog what is kept or awaited is noted there. ``path`` is another than the kind's."""
    listener = listen("127.0.0.1", 0)
    ready = asyncio.Event()
    app = SimulatedProviders(api_key="k")
    simulated = HotServer(uvicorn.Config(app, lifespan="off", log_config=None), ready.set)
    serving = asyncio.ensure_future(simulated.serve(sockets=[listener]))
    await ready.wait()
    row = PROVIDER_KINDS.get(kind)
    there = Provider(
        name="sim",
        kind=kind,
        dialect=row.dialect,
        base_url=f"http://127.0.0.1:{listener.getsockname()[1]}{path or PATHS.get(kind, '/v1')}",
        api_key=key,
        options=with_defaults(row, options),
        quirks=row.quirks,
        timeouts=Timeouts(connect=30, first_token=30, idle=30, total=120),
    )
    db = Database.open(url) if url else None
    if db is not None:
        await db.write(a_project)
    async with running([there], [Model(name="m", provider="sim", upstream=upstream, price=price)], db=db) as g:
        yield g, app
    simulated.should_exit = True
    await serving
    if db is not None:
        await db.close()


def client(g: Running) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(base_url=f"http://127.0.0.1:{g.port}/v1", api_key=KEY, max_retries=0)


CHATS: list[tuple[str, str, str | None, dict[str, str]]] = [
    ("bedrock", "amazon.nova-lite-v1:0", None, AWS),
    ("bedrock", "eu.anthropic.claude-haiku-4-5-20251001-v1:0", "k", {"region": "eu-west-1"}),
    ("cohere", "command-a-03-2025", "k", {}),
    ("mistral", "mistral-small-latest", "k", {}),
    ("azure", "my-deployment", "k", {}),
    ("azure_deployments", "my-deployment", "k", {}),
    ("groq", "openai/gpt-oss-120b", "k", {}),
]


@pytest.mark.parametrize(("kind", "model", "key", "options"), CHATS, ids=[f"{c[0]}-{c[2]}" for c in CHATS])
def test_a_client_of_openai_talks_to_every_kind(
    kind: str, model: str, key: str | None, options: dict[str, str]
) -> None:
    async def main() -> None:
        path = "/mistral/v1" if kind == "mistral" else ""  # its chat is refused more than OpenAI's
        async with vendor(kind, f"{model}?text=the tide — 🌊", key=key, price=PRICE, path=path, **options) as (g, app):
            messages: Any = [{"role": "developer", "content": "Be brief."}, {"role": "user", "content": "Hello"}]
            whole = await client(g).chat.completions.create(model="m", messages=messages, max_tokens=50, user="u")
            assert whole.choices[0].message.content == "the tide — 🌊"
            assert (whole.id, whole.model) != ("", "")
            text = ""
            stream = await client(g).chat.completions.create(model="m", messages=messages, stream=True)
            async for chunk in stream:
                text += (chunk.choices[0].delta.content or "") if chunk.choices else ""
            assert text == "the tide — 🌊"
            assert [call.status for call in app.calls] == [200, 200]
            if not PROVIDER_KINDS.get(kind).quirks.developer_role:
                assert "developer" not in str(app.calls[0].body.get("messages"))
            assert {call.model for call in app.calls} == {model}
            for record in g.spool.records:
                [attempt] = record.attempts
                assert (attempt.kind, attempt.dialect) == (kind, PROVIDER_KINDS.get(kind).dialect)
                assert attempt.usage is not None
                assert attempt.cost.amount

    asyncio.run(main())


def test_bedrock_is_asked_with_the_credentials_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aws, "CREDENTIALS", kept := Renewed[str, Credentials](aws.find))
    for module in (endpoints, masking):
        monkeypatch.setattr(module, "CREDENTIALS", kept)
    for name, value in (("ACCESS_KEY_ID", "k"), ("SECRET_ACCESS_KEY", "very-secret"), ("SESSION_TOKEN", "session-1")):
        monkeypatch.setenv(f"AWS_{name}", value)

    async def main() -> None:
        options = {"region": "eu-west-1", "identity": "machine"}
        async with vendor("bedrock", "amazon.nova-lite-v1:0", key=None, **options) as (g, app):
            body = {"model": "m", "messages": [{"role": "user", "content": "Hello"}]}
            for stream in (False, True):
                assert (await g.chat(body | {"stream": stream})).status_code == 200
            assert [call.headers["x-amz-security-token"] for call in app.calls] == ["session-1"] * 2
            app.scenario = Scenario(fault="403", message="no very-secret of session-1 may do that")
            told = (await g.chat(body)).text
            assert "no [hidden] of [hidden] may do that" in told
            assert "very-secret" not in told + repr(g.spool.records)

    asyncio.run(main())


def test_a_wrong_key_of_ours_is_told_as_ours_whatever_the_vendor() -> None:
    wrong = AWS | {"access_key_id": "other", "secret_access_key": "x" * 20}

    async def main() -> None:
        async with vendor("bedrock", "m", key=None, **wrong) as (g, _):
            answer = await g.chat({"model": "m", "messages": [{"role": "user", "content": "Hi"}]})
            assert "refused this server's key" in answer.json()["error"]["message"]
            assert answer.json()["error"]["code"] == "UnrecognizedClientException"
            assert "x" * 20 not in answer.text

    asyncio.run(main())


def test_azure_names_its_api_version_and_its_deployment() -> None:
    async def main() -> None:
        async with vendor("azure_deployments", "gpt 4o", api_version="2025-01-01-preview") as (g, app):
            answer = await g.chat({"model": "m", "messages": [{"role": "user", "content": "Hi"}]})
            assert answer.status_code == 200
            [call] = app.calls
            assert (call.model, call.query) == ("gpt 4o", "api-version=2025-01-01-preview")
            assert call.headers["api-key"] == "k"
            assert "authorization" not in call.headers

    asyncio.run(main())


def test_what_azures_filter_found_reaches_clients_of_openai() -> None:
    found = {"code": "ResponsibleAIPolicyViolation", "content_filter_result": {"hate": {"filtered": True}}}
    body = {"error": {"message": "filtered", "code": "content_filter", "param": "prompt", "innererror": found}}

    async def main() -> None:
        async with upstream(answers(body, status=400)) as up:
            azure = Provider(
                name="a", kind="azure", dialect="openai_chat", base_url=f"http://127.0.0.1:{up.port}", api_key="k"
            )
            async with running([azure], [Model(name="m", provider="a", upstream="d")]) as g:
                answer = await g.chat({"model": "m", "messages": [{"role": "user", "content": "Hi"}]})
                error = answer.json()["error"]
                assert (answer.status_code, error["code"], error["innererror"]) == (400, "content_filter", found)

    asyncio.run(main())


def test_mistral_gets_only_what_it_knows() -> None:
    async def main() -> None:
        async with vendor("mistral", "mistral-small-latest") as (g, app):
            call = {"id": "call_abc_1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
            body: dict[str, Any] = {
                "model": "m",
                "messages": [
                    {"role": "user", "content": "Hi"},
                    {"role": "assistant", "content": None, "tool_calls": [call]},
                    {"role": "tool", "tool_call_id": "call_abc_1", "content": "waves"},
                ],
                "seed": 7,
                "user": "u",
                "max_completion_tokens": 9,
                "x_new": 1,
            }
            assert (await g.chat(body)).status_code == 200
            sent = app.calls[0].body
            assert (sent["random_seed"], sent["max_tokens"], sent["x_new"]) == (7, 9, 1)
            assert not {"seed", "user", "max_completion_tokens", "stream_options"} & sent.keys()
            short = sent["messages"][1]["tool_calls"][0]["id"]
            assert (len(short), short.isalnum()) == (9, True)
            assert sent["messages"][2]["tool_call_id"] == short

    asyncio.run(main())


VECTORS = [
    ("openai", "text-embedding-3-small"),
    ("cohere", "embed-v4.0"),
    ("gemini", "gemini-embedding-001"),
    ("mistral", "mistral-embed"),
    ("custom", "text-embedding-3-small"),
]


@pytest.mark.parametrize(("kind", "model"), VECTORS)
def test_vectors_come_from_every_kind_that_has_them(kind: str, model: str) -> None:
    async def main() -> None:
        async with vendor(kind, model, price=PRICE) as (g, app):
            texts = ["the tide", "turns"]
            told = await client(g).embeddings.create(model="m", input=texts, dimensions=8)  # its client asks for base64
            assert [each.embedding for each in told.data] == [vector_of(text, 8) for text in texts]
            assert [each.index for each in told.data] == [0, 1]
            plain = await g.client.post(
                "/v1/embeddings", json={"model": "m", "input": "tide", "encoding_format": "float"}
            )
            assert plain.json()["data"][0]["embedding"] == vector_of("tide")
            packed = await g.client.post(
                "/v1/embeddings", json={"model": "m", "input": "tide", "encoding_format": "base64"}
            )
            data = base64.b64decode(packed.json()["data"][0]["embedding"])
            assert list(struct.unpack(f"<{len(data) // 4}f", data)) == vector_of("tide")
            assert all(call.status == 200 for call in app.calls)
            for record in g.spool.records:
                [attempt] = record.attempts
                assert attempt.usage is not None
                assert attempt.usage.input > 0
                assert attempt.usage.output == 0
                assert attempt.usage.estimated == (kind == "gemini")
                assert attempt.cost.amount == attempt.usage.input * 1_000_000  # at 1 dollar per million
            assert g.spool.records[0].front == "openai_embeddings"

    asyncio.run(main())


@pytest.mark.parametrize(("kind", "model"), VECTORS)
def test_googles_client_has_vectors_of_every_kind_that_has_them(kind: str, model: str) -> None:
    async def main() -> None:
        async with vendor(kind, model, price=PRICE) as (g, app):
            options = types.HttpOptions(base_url=f"http://127.0.0.1:{g.port}")
            google: Any = genai.Client(api_key=KEY, http_options=options)
            texts = ["the tide", "turns"]
            config = types.EmbedContentConfig(task_type="RETRIEVAL_QUERY", output_dimensionality=8)
            told = await google.aio.models.embed_content(model="m", contents=texts, config=config)
            assert [each.values for each in told.embeddings] == [vector_of(text, 8) for text in texts]
            alone = await g.client.post(
                "/v1beta/models/m:embedContent", json={"content": {"parts": [{"text": "tide"}]}}
            )
            assert alone.json()["embedding"] == {"values": vector_of("tide")}
            assert "embeddings" not in alone.json()
            refused = await g.client.post("/v1beta/models/m:embedContent", json={"content": "tide"})
            assert (refused.status_code, refused.json()["error"]["status"]) == (400, "INVALID_ARGUMENT")
            assert [call.status for call in app.calls][:2] == [200, 200]
            for record in g.spool.records[:2]:
                [attempt] = record.attempts
                assert attempt.usage is not None
                assert attempt.usage.input > 0
                assert (record.front, attempt.usage.estimated) == ("gemini_embeddings", kind == "gemini")

    asyncio.run(main())


def test_vectors_of_a_vendor_without_them_are_refused() -> None:
    async def main() -> None:
        async with vendor("groq", "m") as (g, app):
            answer = await g.client.post("/v1/embeddings", json={"model": "m", "input": "tide"})
            assert answer.status_code == 400
            assert answer.json()["error"]["code"] == "operation_unsupported"
            assert not app.calls
            record = await g.spool.one()
            assert record.outcome == "error"

    asyncio.run(main())


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({"input": "x"}, "model"),
        ({"model": "m"}, "input"),
        ({"model": "m", "input": []}, "input"),
        ({"model": "m", "input": [1.5]}, "input"),
        ({"model": "m", "input": {"a": 1}}, "input"),
        ({"model": "m", "input": "x", "encoding_format": 7}, "encoding_format"),
    ],
)
def test_a_bad_wish_for_vectors_is_told_where(body: dict[str, Any], where: str) -> None:
    async def main() -> None:
        async with vendor("cohere", "embed-v4.0") as (g, app):
            answer = await g.client.post("/v1/embeddings", json=body)
            assert answer.status_code == 400
            assert answer.json()["error"]["param"].startswith(where)
            assert not app.calls

    asyncio.run(main())


DOCUMENTS = ["a small tab", "the great tide turns the tab", "nothing here"]


@pytest.mark.parametrize(("kind", "path"), [("cohere", "/v1/rerank"), ("cohere", "/v2/rerank"), ("vllm", "/v2/rerank")])
def test_documents_are_ranked_by_every_kind_that_can(kind: str, path: str) -> None:
    async def main() -> None:
        async with vendor(kind, "rerank-v3.5") as (g, _):
            body = {"model": "m", "query": "the tide turns", "documents": DOCUMENTS, "top_n": 2}
            answer = await g.client.post(path, json=body)
            results = answer.json()["results"]
            assert [each["index"] for each in results] == [1, 0]
            assert results[0]["relevance_score"] == 1.0
            record = await g.spool.one()
            usage = record.attempts[0].usage
            assert usage is not None
            assert (usage.searches, usage.input > 0) == ((1, False) if kind == "cohere" else (0, True))
            # charged by the search unit, which no row prices: unknown, not zero; one's own machine has no price
            assert record.attempts[0].cost.amount == (None if kind == "cohere" else 0)

    asyncio.run(main())


@pytest.mark.parametrize("kind", ["cohere", "vllm"])
@pytest.mark.parametrize("wanted", [True, False, None])
def test_version_1_of_reranking_is_granted_by_providers_of_other_versions(kind: str, wanted: bool | None) -> None:
    async def main() -> None:
        async with vendor(kind, "rerank-v3.5") as (g, app):
            given: list[Any] = [DOCUMENTS[0], {"text": DOCUMENTS[1], "page": 7}, DOCUMENTS[2]]
            body: dict[str, Any] = {"model": "m", "query": "the tide turns", "documents": given, "top_n": 2}
            if wanted is not None:
                body["return_documents"] = wanted
            answer = await g.client.post("/v1/rerank", json=body)
            results = answer.json()["results"]
            assert [each["index"] for each in results] == [1, 0]
            back = [given[1], {"text": given[0]}] if wanted else [None, None]
            assert [each.get("document") for each in results] == back
            assert app.calls[0].body["documents"] == DOCUMENTS
            unreadable = await g.client.post("/v1/rerank", json=body | {"documents": [{"page": 7}, 5]})
            assert unreadable.status_code == 400

    asyncio.run(main())


def test_a_bad_wish_for_a_ranking_is_told_in_coheres_shape() -> None:
    async def main() -> None:
        async with vendor("cohere", "rerank-v3.5") as (g, app):
            for body in ({"model": "m", "query": "q"}, {"model": "m", "query": 1, "documents": ["a"]}, {"query": "q"}):
                answer = await g.client.post("/v2/rerank", json=body)
                assert answer.status_code == 400
                assert answer.json()["message"]
            limited = await g.client.post("/v2/rerank", json={"model": "gone", "query": "q", "documents": ["a"]})
            assert (limited.status_code, limited.json()["code"]) == (404, "model_not_found")
            assert not app.calls

    asyncio.run(main())


def test_the_address_of_a_kind_is_made_of_its_options() -> None:
    bedrock = PROVIDER_KINDS.get("bedrock")
    assert default_base_url(bedrock, {"region": "eu-west-1"}) == "https://bedrock-runtime.eu-west-1.amazonaws.com"

"""What passes through as it is: OpenAI's own client for images, audio, files, batches, against a simulated provider."""

import asyncio
import hashlib
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import openai
import pytest
import uvicorn
from harness import KEY, Running, running
from msgspec import structs

from catalogs import laid
from patience import PATIENCE_S
from trimtab.core.clock import SystemClock
from trimtab.gateway.money.spending import Spending
from trimtab.gateway.policy import Policy
from trimtab.gateway.targets import Model, Provider, Timeouts
from trimtab.ledger.leases import Keeper
from trimtab.ledger.limit_plan import ProjectLimits
from trimtab.ledger.limits import Rule
from trimtab.ledger.prices import PriceBook
from trimtab.ledger.reserve import Limiter
from trimtab.ledger.types import PriceOverride
from trimtab.llm.providers import PROVIDER_KINDS
from trimtab.llm.simulated.app import SimulatedProviders
from trimtab.llm.simulated.openai_media import SPEECH
from trimtab.llm.simulated.scenario import Scenario
from trimtab.server.hot import HotServer
from trimtab.server.up import listen
from trimtab.storage.database import Database

SECRET = "sk-provider-secret"
MODELS = [
    Model(name="painter", provider="sim", upstream="gpt-image-1", price=PriceOverride(input=5.0, output=40.0)),
    Model(name="ears", provider="sim", upstream="gpt-4o-transcribe", price=PriceOverride(input=6.0, output=10.0)),
    Model(name="chatty", provider="mute", upstream="sonar"),
]


@asynccontextmanager
async def media(
    *more: Provider, key: str = SECRET, fault: str = "none", wait: float = 60, **parts: Any
) -> AsyncGenerator[tuple[Running, SimulatedProviders]]:
    """A gateway whose provider ``sim`` has everything, and whose ``mute`` has nothing of it."""
    listener = listen("127.0.0.1", 0)
    ready = asyncio.Event()
    app = SimulatedProviders(Scenario(fault=fault), api_key=SECRET)
    simulated = HotServer(uvicorn.Config(app, lifespan="off", log_config=None), ready.set)
    serving = asyncio.ensure_future(simulated.serve(sockets=[listener]))
    await ready.wait()
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
    bounds = Timeouts(connect=30, first_token=wait, idle=wait, total=120)
    soon = Policy(backoff_ms=1, max_backoff_ms=2, limit_wait_s=0.01)
    sim = Provider(
        name="sim",
        kind="openai",
        dialect="openai_chat",
        base_url=url,
        api_key=key,
        timeouts=bounds,
        resilience=soon,
    )
    mute = Provider(name="mute", kind="perplexity", dialect="openai_chat", base_url=url, api_key="k")
    async with running([sim, mute, *more], MODELS, max_body=1 << 16, **parts) as g:
        yield g, app
    simulated.should_exit = True
    await serving


def client(g: Running) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(base_url=f"http://127.0.0.1:{g.port}/v1", api_key=KEY, max_retries=0)


def test_images_are_made_priced_and_renamed() -> None:
    async def main() -> None:
        async with media() as (g, app):
            told = await client(g).images.generate(model="painter", prompt="a small tab", n=2)
            assert told.data is not None
            raw = await g.client.get("/v1/files")
            assert raw.headers["x-request-id"].startswith("req_")
            assert len(told.data) == 2
            assert app.calls[0].body["model"] == "gpt-image-1"
            assert app.calls[0].headers["authorization"] == f"Bearer {SECRET}"
            assert KEY not in str(app.calls[0].headers)
            record = g.spool.records[0]
            [attempt] = record.attempts
            assert (record.front, record.model, attempt.model) == ("openai_passthrough", "painter", "gpt-image-1")
            assert attempt.usage is not None
            assert (attempt.usage.input, attempt.usage.output) == (12, 272)
            assert attempt.cost.amount == (12 * 5 + 272 * 40) * 1_000_000
            assert json.loads(record.request)["prompt"] == "a small tab"

    asyncio.run(main())


def test_speech_is_heard_and_written() -> None:
    async def main() -> None:
        async with media() as (g, app):
            heard = await client(g).audio.transcriptions.create(model="ears", file=("a.wav", b"RIFF" * 9999))
            assert heard.text == "the tide turns"
            assert app.calls[0].body["model"] == "gpt-4o-transcribe"
            said = await client(g).audio.speech.create(model="tts-1", voice="alloy", input="the tide")
            assert said.content == SPEECH
            assert said.response.headers["content-type"] == "audio/mpeg"
            first, second = g.spool.records
            usage = first.attempts[0].usage
            assert usage is not None
            assert (usage.input, usage.audio_input, usage.output) == (14, 14, 5)
            assert (second.model, second.attempts[0].usage, second.attempts[0].cost.amount) == ("tts-1", None, None)
            assert second.metadata["bytes_received"] == str(len(SPEECH))
            assert second.attempts[0].response == b""

    asyncio.run(main())


def test_files_and_batches_are_kept_by_the_provider() -> None:
    async def main() -> None:
        async with media() as (g, app):
            made = await client(g).files.create(file=("b.jsonl", b'{"custom_id":"1"}\n' * 100), purpose="batch")
            assert made.id == "file-1"
            batch = await client(g).batches.create(
                input_file_id=made.id, endpoint="/v1/chat/completions", completion_window="24h"
            )
            assert batch.id.startswith("batch_")
            assert (batch.status, batch.input_file_id) == ("validating", "file-1")
            assert (await client(g).files.content("file-1")).content == b"content of file-1" * 1000
            assert (await client(g).files.delete("file-1")).deleted
            assert (await client(g).files.list(purpose="batch")).data == []
            assert [call.path for call in app.calls] == [
                "/v1/files",
                "/v1/batches",
                "/v1/files/file-1/content",
                "/v1/files/file-1",
                "/v1/files",
            ]
            assert [record.model for record in g.spool.records] == ["files", "batches", "files", "files", "files"]
            assert {record.outcome for record in g.spool.records} == {"answer"}

    asyncio.run(main())


def test_a_large_file_flows_through_and_arrives_as_it_was() -> None:
    size, piece = 8 << 20, bytes(range(256)) * 256

    async def body() -> AsyncIterator[bytes]:
        yield b'--XX\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nbatch\r\n'
        yield b'--XX\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n'
        for _ in range(size // len(piece)):
            yield piece
        yield b"\r\n--XX--\r\n"

    async def main() -> None:
        whole = hashlib.sha256()
        total = 0
        async for each in body():
            whole.update(each)
            total += len(each)
        async with media() as (g, _):
            headers = {"content-type": "multipart/form-data; boundary=XX"}
            answer = await g.client.post("/v1/files", content=body(), headers=headers)  # chunked: no length is told
            assert answer.json()["bytes"] == total > 100 * (1 << 16)  # far above what a whole body may have
            assert answer.json()["filename"] == whole.hexdigest()
            record = await g.spool.one()
            assert record.metadata["bytes_sent"] == str(total)

    asyncio.run(main())


def test_it_goes_where_it_is_told_or_where_it_can() -> None:
    other = Provider(name="other", kind="custom", dialect="openai_chat", base_url="http://127.0.0.1:9/v1")

    async def main() -> None:
        async with media(other) as (g, app):
            several = await g.client.get("/v1/files")
            assert several.status_code == 400
            assert "trimtab-provider: other, sim" in several.json()["error"]["message"]
            assert (await g.client.get("/v1/files", headers={"trimtab-provider": "sim"})).status_code == 200
            gone = await g.client.get("/v1/files", headers={"trimtab-provider": "nobody"})
            assert gone.status_code == 404
            mute = await g.client.get("/v1/files", headers={"trimtab-provider": "mute"})
            assert (mute.status_code, mute.json()["error"]["code"]) == (400, "unsupported")
            named = await g.client.post("/v1/images/generations", json={"model": "chatty", "prompt": "x"})
            assert named.status_code == 400
            raw = await g.client.post("/v1/images/generations", json={"model": "sim/gpt-image-1", "prompt": "x"})
            assert raw.status_code == 200
            assert app.calls[-1].body["model"] == "gpt-image-1"
            away = await g.client.get("/v1/files", headers={"trimtab-provider": "other"})
            assert (away.status_code, away.json()["error"]["code"]) == (502, "upstream_unreachable")

    asyncio.run(main())


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/files/%2e%2e/secrets", 404),
        ("GET", "/v1/files/a b", 404),
        ("PUT", "/v1/files/x", 404),
        ("GET", "/v1/images", 404),
    ],
)
def test_what_is_not_of_the_api_does_not_pass(method: str, path: str, status: int) -> None:
    async def main() -> None:
        async with media() as (g, app):
            answer = await g.client.request(method, path)
            assert answer.status_code == status
            assert not [call for call in app.calls if ".." in call.path or call.path.endswith("models")]

    asyncio.run(main())


def test_refusals_are_told_in_openais_shape_without_our_secrets() -> None:
    async def main() -> None:
        async with media() as (g, _):
            with pytest.raises(openai.NotFoundError) as missing:
                await client(g).files.retrieve("file-9")
            assert "No such thing" in missing.value.message
            with pytest.raises(openai.InternalServerError):
                await client(g).images.generate(model="painter", prompt="fault=500")
            big = await g.client.post("/v1/images/generations", json={"model": "painter", "prompt": "x" * (1 << 17)})
            assert big.status_code == 413
            wrong = await g.client.post(
                "/v1/images/generations", content=b"{", headers={"content-type": "application/json"}
            )
            assert wrong.status_code == 400
            anonymous = await g.client.get("/v1/files", headers={"authorization": "Bearer tt_nobody"})
            assert (anonymous.status_code, len(g.spool.records)) == (401, 4)
            assert [r.status for r in g.spool.records] == [404, 500, 413, 400]
        async with media(key="sk-wrong-provider-secret") as (g, _):
            with pytest.raises(openai.AuthenticationError) as refused:
                await client(g).files.list()
            assert "refused this server's key" in refused.value.message
            assert "sk-wrong-provider-secret" not in refused.value.message

    asyncio.run(main())


@pytest.mark.parametrize(
    ("fault", "status", "words"),
    [
        ("reset", 502, "broke off before it answered"),
        ("stall", 504, "did not answer in time"),
        ("html", 502, "502 Bad Gateway"),
        ("503", 503, "overloaded"),
        ("429", 429, "Rate limit"),
    ],
)
def test_a_provider_that_fails_is_told_and_written_down(fault: str, status: int, words: str) -> None:
    async def main() -> None:
        async with media(fault=fault, wait=0.3) as (g, _):
            answer = await g.client.post("/v1/images/generations", json={"model": "painter", "prompt": "x"})
            assert (answer.status_code, words in answer.json()["error"]["message"]) == (status, True), answer.text
            record = await g.spool.one()
            assert (record.outcome, record.attempts[0].outcome, record.attempts[0].usage) == ("error", "error", None)

    asyncio.run(main())


def test_no_query_and_no_header_hurts() -> None:
    lines = [
        b"GET /v1/files?%ff\xff\x80=1&a=%0d%0ax HTTP/1.1",
        b"GET /v1/files?a=" + b"x" * 50_000 + b" HTTP/1.1",
        b"GET /v1/files HTTP/1.1\r\naccept: \xfcber",
        b"POST /v1/files HTTP/1.1\r\ncontent-type: multipart/form-data; boundary=\xff\r\ncontent-length: 2",
        b"POST /v1/batches HTTP/1.1\r\ncontent-type: application/json\r\ncontent-length: 2",
    ]

    async def main() -> None:
        async with media() as (g, _):
            for line in lines:
                reader, writer = await asyncio.open_connection("127.0.0.1", g.port)
                head = b"%b\r\nhost: x\r\nauthorization: Bearer %b\r\nconnection: close\r\n\r\n" % (line, KEY.encode())
                writer.write(head + b"{}")
                status = int((await reader.readline()).split()[1])
                assert status < 500, line[:40]
                writer.close()

    asyncio.run(main())


def test_a_client_that_leaves_while_it_sends_leaves_a_row() -> None:
    async def main() -> None:
        async with media() as (g, _):
            reader, writer = await asyncio.open_connection("127.0.0.1", g.port)
            writer.write(
                b"POST /v1/files HTTP/1.1\r\nhost: x\r\nauthorization: Bearer %b\r\ncontent-length: 1000000\r\n"
                b"content-type: multipart/form-data; boundary=XX\r\n\r\n--XX\r\n" % KEY.encode() + b"x" * 70_000
            )
            await writer.drain()
            async with asyncio.timeout(PATIENCE_S):
                while not any(state.in_flight for _, state in g.gateway.live.each()):  # noqa: ASYNC110
                    await asyncio.sleep(0.005)
            writer.transport.abort()
            record = await g.spool.one()
            assert (record.outcome, record.status) == ("cancel", 499)
            del reader

    asyncio.run(main())


def test_what_passes_through_falls_under_limits(tmp_path: Path) -> None:
    rule = Rule(name="three", measure="requests", bound=3, window="day", headers=True)

    async def main() -> None:
        db = Database.open(laid(tmp_path))
        keeper = Keeper(db, SystemClock())
        keeper.start()
        spending = Spending(Limiter(keeper), PriceBook(), SystemClock())
        async with media(spending=spending) as (g, app):
            limits = {"prj_1": ProjectLimits(project_id="prj_1", rules=(rule,))}
            g.force[0] = structs.replace(g.force[0], limits=limits)
            statuses = [(await g.client.get("/v1/files")).status_code for _ in range(5)]
            assert statuses == [200, 200, 200, 429, 429]
            assert len(app.calls) == 3
            assert [len(record.attempts) for record in g.spool.records] == [1, 1, 1, 0, 0]
        await keeper.close()
        await db.close()

    asyncio.run(main())


def test_what_names_no_model_is_not_free_where_money_is_limited(tmp_path: Path) -> None:
    """A provider has a default model for pictures, and a batch may hold thousands of calls."""
    rule = Rule(name="dollar", measure="money", bound=10**12, window="day")
    batch = {"input_file_id": "file-1", "endpoint": "/v1/chat/completions", "completion_window": "24h"}

    async def main() -> None:
        db = Database.open(laid(tmp_path))
        keeper = Keeper(db, SystemClock())
        keeper.start()
        spending = Spending(Limiter(keeper), PriceBook(), SystemClock())
        async with media(spending=spending) as (g, app):
            limits = {"prj_1": ProjectLimits(project_id="prj_1", rules=(rule,))}
            g.force[0] = structs.replace(g.force[0], limits=limits)
            refused = await g.client.post("/v1/images/generations", json={"prompt": "a tab"})
            assert (refused.status_code, refused.json()["error"]["code"]) == (400, "price_unknown")
            assert app.calls == []
            refused = await g.client.post("/v1/batches", json=batch)  # its file is no JSON lines
            assert (refused.status_code, refused.json()["error"]["code"]) == (400, "batch_uncountable")
            assert [call.path for call in app.calls] == ["/v1/files/file-1/content"]
            assert (await g.client.get("/v1/files")).status_code == 200
            assert (await g.client.post("/v1/batches/batch_1/cancel")).status_code != 400
            rule_that_lets_pass = structs.replace(rule, unknown_price="ignore")
            limits = {"prj_1": ProjectLimits(project_id="prj_1", rules=(rule_that_lets_pass,))}
            g.force[0] = structs.replace(g.force[0], limits=limits)
            assert (await g.client.post("/v1/batches", json=batch)).status_code == 200
            assert (await g.client.post("/v1/images/generations", json={"prompt": "a tab"})).status_code == 200
            assert b'"model"' not in app.calls[-1].body, "the provider's own default stays its own"
        await keeper.close()
        await db.close()

    asyncio.run(main())


def test_every_kind_that_passes_something_on_has_an_address() -> None:
    for kind in PROVIDER_KINDS.all().values():
        assert not kind.passes or kind.base_url or kind.name == "custom"
        assert kind.dialect


def answers_kept(records: list[Any]) -> int:
    return sum(len(attempt.response) for record in records for attempt in record.attempts)


def test_what_is_too_large_to_keep_is_not_kept() -> None:
    async def main() -> None:
        async with media() as (g, _):
            await client(g).images.generate(model="painter", prompt="many", n=20_000)
            record = await g.spool.one()
            usage = record.attempts[0].usage
            assert usage is not None
            # read from the end of the answer; all of it was drawn, which many a book prices apart
            assert (usage.input, usage.output, usage.image_output) == (12, 272, 272)
            assert int(record.metadata["bytes_received"]) > 600_000
            assert answers_kept([record]) <= 256 * 1024

    asyncio.run(main())

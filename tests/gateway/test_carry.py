"""What passes through, asked again where that may help, reserved for and remembered; over real sockets."""

import asyncio
import gzip
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from harness import KEY, Running, provider, running
from kept import store
from limiting import left_over, limited
from msgspec.structs import replace
from test_passthrough import media
from upstream import Script, answers, hangs_up, streams, upstream

from catalogs import laid
from patience import PATIENCE_S
from trimtab.core.clock import SystemClock
from trimtab.gateway.money.spending import Spending
from trimtab.gateway.targets import Model, Timeouts
from trimtab.ledger.leases import Keeper
from trimtab.ledger.limit_plan import ProjectLimits
from trimtab.ledger.limits import PICO, Rule
from trimtab.ledger.prices import PriceBook
from trimtab.ledger.reserve import Limiter
from trimtab.ledger.types import PriceOverride
from trimtab.llm.simulated.openai_media import SPEECH
from trimtab.llm.types import Usage
from trimtab.storage.database import Database

PICTURE = {"created": 1, "data": [{"url": "u"}], "usage": {"input_tokens": 12, "output_tokens": 272}}
BATCH = {"id": "batch_1", "object": "batch", "status": "validating"}
OVERLOADED = answers({"error": {"message": "busy"}}, 503)
LIMITED = answers({"error": {"message": "slow down"}}, 429)
FORM = {"content-type": "multipart/form-data; boundary=XX"}
LAB_MODELS = [
    Model(name="painter", provider="lab", upstream="gpt-image-1", price=PriceOverride(input=5.0, output=40.0))
]


def form(**fields: str) -> bytes:
    parts = [f'--XX\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{v}\r\n' for name, v in fields.items()]
    file = '--XX\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n' + "x" * 1000
    return "".join([*parts, file, "\r\n--XX--\r\n"]).encode()


@asynccontextmanager
async def counted(tmp_path: Path, *rules: Rule, **more: Any) -> AsyncGenerator[tuple[Running, Keeper, list[Any]]]:
    db = Database.open(laid(tmp_path))
    await db.prepare()
    keeper = Keeper(db, SystemClock())
    keeper.start()
    async with media(spending=Spending(Limiter(keeper), PriceBook(), SystemClock()), **more) as (g, app):
        g.force[0] = replace(g.force[0], limits={"prj_1": ProjectLimits(project_id="prj_1", rules=rules)})
        yield g, keeper, app.calls
    await keeper.close()
    await db.close()


async def draw(g: Running, **more: Any) -> httpx.Response:
    headers = more.pop("headers", {})
    asked = {"model": "painter", "prompt": "a small tab", **more}
    return await g.client.post("/v1/images/generations", json=asked, headers=headers)


def test_the_most_that_pictures_can_cost_is_reserved_and_settled_after(tmp_path: Path) -> None:
    dollar = Rule(name="dollar", measure="money", bound=PICO, window="day")

    async def main() -> None:
        async with counted(tmp_path, dollar) as (g, keeper, calls):
            assert (await draw(g, n=2)).status_code == 200
            [note] = (await g.spool.one()).limits
            assert note.reserved >= 2 * 6_240 * 40 * 1_000_000
            assert note.used == (12 * 5 + 272 * 40) * 1_000_000
            for asked in ({"n": 5}, {"n": 5, "quality": None}, {"n": 40, "quality": "medium"}):
                refused = await draw(g, **asked)
                assert (refused.status_code, refused.json()["error"]["code"]) == (400, "larger_than_limit")
            assert (await draw(g, n=5, quality="low")).status_code == 200
            assert len(calls) == 2
            assert left_over(keeper)[0] == 0

    asyncio.run(main())


def test_several_pictures_at_once_keep_a_budget_that_each_alone_would_keep(tmp_path: Path) -> None:
    rule = Rule(name="some", measure="money", bound=4 * PICO // 10, window="day")

    async def main() -> None:
        async with (
            upstream(streams("hang")) as up,
            limited([rule], [provider("lab", up.port)], tmp_path, LAB_MODELS) as (g, keeper),
        ):
            asking = [asyncio.ensure_future(draw(g)) for _ in range(5)]  # each may cost a quarter of a dollar
            async with asyncio.timeout(PATIENCE_S):
                while sum(task.done() for task in asking) < 4 or not up.requests:  # noqa: ASYNC110
                    await asyncio.sleep(0.005)
            refused = [task.result().json()["error"]["code"] for task in asking if task.done()]
            assert refused == ["insufficient_quota"] * 4
            for task in asking:
                task.cancel()
            await asyncio.gather(*asking, return_exceptions=True)
            async with asyncio.timeout(PATIENCE_S):
                while len(g.spool.records) < 5:  # noqa: ASYNC110
                    await asyncio.sleep(0.005)
            [cut] = [record for record in g.spool.records if record.outcome == "cancel"]
            assert cut.limits[0].used == cut.limits[0].reserved > 0, "nobody knows what it cost, so all of it counts"
            assert len(up.requests) == 1
            assert left_over(keeper)[0] == 0

    asyncio.run(main())


def test_speech_whose_use_nobody_tells_counts_as_it_may_have_been(tmp_path: Path) -> None:
    tokens = Rule(name="tokens", measure="tokens", bound=10_000, window="day")

    async def main() -> None:
        async with counted(tmp_path, tokens) as (g, _, _calls):
            said = await g.client.post(
                "/v1/audio/speech", json={"model": "tts-1", "voice": "alloy", "input": "the tide"}
            )
            assert said.content == SPEECH
            heard = await g.client.post("/v1/audio/transcriptions", content=form(model="ears"), headers=FORM)
            assert heard.status_code == 200
            assert (await g.client.get("/v1/files")).status_code == 200
            spoken, written, listed = (record.limits[0] for record in g.spool.records)
            assert spoken.used == spoken.reserved > 8 * len("the tide")
            assert written.reserved > 8_192
            assert written.used == 14 + 5
            assert (listed.reserved, listed.used) == (0, 0)

    asyncio.run(main())


REPEATS = [
    ("/v1/images/generations", OVERLOADED, True),
    ("/v1/images/generations", hangs_up(), True),
    ("/v1/batches", OVERLOADED, True),
    ("/v1/batches", hangs_up(), False),
]


@pytest.mark.parametrize(("path", "first", "again"), REPEATS)
def test_it_is_asked_again_where_that_makes_nothing_twice(path: str, first: Script, *, again: bool) -> None:
    async def main() -> None:
        async with (
            upstream(first, answers(PICTURE if "images" in path else BATCH)) as up,
            running([provider("lab", up.port)], LAB_MODELS) as g,
        ):
            told = await g.client.post(path, json={"model": "painter", "prompt": "x", "input_file_id": "f"})
            record = await g.spool.one()
            outcomes = [attempt.outcome for attempt in record.attempts]
            if again:
                assert (told.status_code, outcomes) == (200, ["error", "answer"])
                assert [line.verdict for line in record.decision] == ["failed", "chosen"]
                assert up.requests[0][1] == up.requests[1][1]
            else:
                assert (told.status_code, outcomes) == (502, ["error"])
                assert len(up.requests) == 1

    asyncio.run(main())


def test_reading_is_repeated_and_a_body_that_has_flowed_is_not() -> None:
    async def flowing() -> AsyncGenerator[bytes]:
        yield form(purpose="batch")
        yield b"x" * 100_000

    async def main() -> None:
        listed = answers({"object": "list", "data": []})
        async with (
            upstream(hangs_up(), listed, OVERLOADED, OVERLOADED, listed) as up,
            running([provider("lab", up.port)], LAB_MODELS) as g,
        ):
            assert (await g.client.get("/v1/files")).status_code == 200
            length = {"content-length": str(len(form(purpose="batch")) + 100_000)}
            large = await g.client.post("/v1/files", content=flowing(), headers={**FORM, **length})
            assert large.status_code == 503
            small = await g.client.post("/v1/files", content=form(purpose="batch"), headers=FORM)
            assert small.status_code == 200
            assert [len(record.attempts) for record in g.spool.records] == [2, 1, 2]

    asyncio.run(main())


def test_a_picture_that_comes_in_events_is_priced_as_one() -> None:
    """OpenAI's last event tells what the model wrote, all of which is the picture."""
    used = {"input_tokens": 50, "output_tokens": 4160, "input_tokens_details": {"text_tokens": 50, "image_tokens": 0}}
    drawn = json.dumps({"type": "image_generation.completed", "b64_json": "iVBO", "usage": used})
    drawing = streams(f"event: image_generation.completed\ndata: {drawn}\n\n")

    async def main() -> None:
        models = [Model(name="painter", provider="lab", upstream="gpt-image-1.5")]
        async with upstream(drawing) as up, running([replace(provider("lab", up.port), kind="openai")], models) as g:
            assert (await draw(g)).status_code == 200
            (attempt,) = (await g.spool.one()).attempts
            assert attempt.usage == Usage(input=50, output=4160, image_output=4160)
            assert attempt.cost.amount == (50 * 5 + 4160 * 32) * 1_000_000

    asyncio.run(main())


def test_a_second_key_is_used_where_the_first_is_at_its_limit() -> None:
    async def main() -> None:
        async with upstream(LIMITED, answers(PICTURE)) as up:
            lab = provider("lab", up.port, api_key="k-one", api_keys=("k-one", "k-two"))
            async with running([lab], LAB_MODELS) as g:
                assert (await draw(g)).status_code == 200
                assert [headers["authorization"] for headers, _ in up.requests] == ["Bearer k-one", "Bearer k-two"]

    asyncio.run(main())


def test_a_deadline_ends_it(tmp_path: Path) -> None:
    async def main() -> None:
        async with media(fault="stall", wait=60) as (g, _):
            for deadline in ("300ms", "3s", "20s"):  # until a busy machine comes to ask in time
                late = await draw(g, headers={"trimtab-deadline": deadline})
                assert (late.status_code, late.json()["error"]["code"]) == (504, "deadline_exceeded")
                if g.spool.records[-1].attempts:
                    break
            assert g.spool.records[-1].attempts[0].outcome == "error"
            wrong = await draw(g, headers={"trimtab-deadline": "-1"})
            assert (wrong.status_code, wrong.json()["error"]["code"]) == (400, "invalid_deadline")

    asyncio.run(main())


def test_a_key_gives_the_first_answer_again(tmp_path: Path) -> None:
    once = {"idempotency-key": "k"}

    async def main() -> None:
        async with store(tmp_path) as kept, media(answers=kept) as (g, app):
            first, second = [await draw(g, headers=once) for _ in range(2)]
            assert first.status_code == 200
            assert (second.content, second.headers["idempotent-replayed"]) == (first.content, "true")
            assert second.headers["content-type"] == first.headers["content-type"]
            other = await draw(g, n=2, headers=once)
            assert (other.status_code, other.json()["error"]["code"]) == (422, "idempotency_key_reused")
            elsewhere = await g.client.post("/v1/images/edits", json={"model": "painter"}, headers=once)
            assert elsewhere.status_code == 422
            for _ in range(2):
                asked, headers = {"model": "tts-1", "input": "tide"}, {"idempotency-key": "s"}
                said = await g.client.post("/v1/audio/speech", json=asked, headers=headers)
                assert (said.content, said.headers["content-type"]) == (SPEECH, "audio/mpeg")
            marks = ("XX", "YY")  # another boundary each time, as clients have it
            for mark in marks:
                sent = form(purpose="batch").replace(b"XX", mark.encode())
                headers = {"content-type": f"multipart/form-data; boundary={mark}", "idempotency-key": "f"}
                assert (await g.client.post("/v1/files", content=sent, headers=headers)).json()["id"] == "file-1"
            headers = {**FORM, "idempotency-key": "f"}
            other = await g.client.post("/v1/files", content=form(purpose="catch"), headers=headers)
            assert other.status_code == 422, "another form of the same length is another call"
            assert len(app.calls) == 3
            for _ in range(2):
                assert (await g.client.get("/v1/files", headers=once)).status_code == 200
            assert len(app.calls) == 5, "what only reads needs no key"
            costs = [record.attempts[0].cost.price for record in g.spool.records if record.attempts]
            assert costs.count("idempotency:replay") == 3

    asyncio.run(main())


def test_a_keyed_call_goes_on_when_its_client_has_left_and_its_answer_is_there(tmp_path: Path) -> None:
    async def slow(up: Any, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await up.go_on.wait()
        await answers(PICTURE)(up, reader, writer)

    async def main() -> None:
        async with (
            store(tmp_path) as kept,
            upstream(slow) as up,
            running([provider("lab", up.port)], LAB_MODELS, answers=kept) as g,
        ):
            asking = asyncio.ensure_future(draw(g, headers={"idempotency-key": "k"}))
            async with asyncio.timeout(PATIENCE_S):
                while not up.requests:  # noqa: ASYNC110
                    await asyncio.sleep(0.005)
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
            up.go_on.set()
            again = await draw(g, headers={"idempotency-key": "k"})
            assert again.json() == PICTURE
            assert len(up.requests) == 1
            assert [record.outcome for record in g.spool.records] == ["answer", "answer"]

    asyncio.run(main())


def test_a_client_that_leaves_while_it_sends_ends_its_keyed_call_and_frees_the_key(tmp_path: Path) -> None:
    async def main() -> None:
        async with store(tmp_path) as kept, media(answers=kept) as (g, _):
            _, writer = await asyncio.open_connection("127.0.0.1", g.port)
            head = b"POST /v1/files HTTP/1.1\r\nhost: x\r\nauthorization: Bearer %b\r\ncontent-length: 1000000\r\n"
            head += b"idempotency-key: k\r\ncontent-type: multipart/form-data; boundary=XX\r\n\r\n--XX\r\n"
            writer.write(head % KEY.encode() + b"x" * 70_000)
            await writer.drain()
            while not g.gateway.gate.running:  # noqa: ASYNC110
                await asyncio.sleep(0.005)
            writer.transport.abort()
            record = await g.spool.one()
            assert (record.outcome, record.status) == ("cancel", 499)
            headers = {**FORM, "idempotency-key": "k"}
            assert (await g.client.post("/v1/files", content=form(purpose="x"), headers=headers)).status_code == 200

    asyncio.run(main())


def test_a_client_that_leaves_during_the_answer_leaves_a_row() -> None:
    async def endless(up: Any, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: audio/mpeg\r\ncontent-length: 1000000000\r\n\r\n" + b"x" * 100_000
        )
        await writer.drain()
        await reader.read(1)
        raise ConnectionResetError

    async def main() -> None:
        async with upstream(endless) as up, running([provider("lab", up.port)], LAB_MODELS) as g:
            async with g.client.stream("POST", "/v1/audio/speech", json={"model": "painter", "input": "x"}) as told:
                async for _ in told.aiter_raw():
                    break
            record = await g.spool.one()
            assert (record.outcome, record.attempts[0].outcome) == ("cancel", "cancel")
            async with asyncio.timeout(PATIENCE_S):
                await up.left.wait()

    asyncio.run(main())


def test_a_refusal_that_would_unpack_to_gigabytes_is_not_unpacked() -> None:
    bomb = gzip.compress(b'{"error":{"message":"' + b"x" * 50_000_000 + b'"}}')
    packed = answers(bomb, 400, "content-encoding: gzip\r\n")

    async def main() -> None:
        async with upstream(packed) as up, running([provider("lab", up.port)], LAB_MODELS) as g:
            told = await draw(g)
            assert told.status_code == 400
            assert "compressed" in told.json()["error"]["message"]
            assert (await g.spool.one()).outcome == "error"

    asyncio.run(main())


def test_an_answer_that_tells_two_lengths_is_passed_on_by_the_one_that_counts() -> None:
    async def both(up: Any, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 5\r\n"
        writer.write(head + b"transfer-encoding: chunked\r\n\r\n" + b'c\r\n{"data": []}\r\n0\r\n\r\n')

    async def main() -> None:
        async with upstream(both) as up, running([provider("lab", up.port)], LAB_MODELS) as g:
            told = await draw(g)
            assert (told.status_code, "content-length" in told.headers) == (200, False)
            assert (await g.spool.one()).outcome == "answer"

    asyncio.run(main())


def test_a_provider_that_goes_on_saying_continue_is_given_up() -> None:
    async def forever(up: Any, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            await writer.drain()
            await asyncio.sleep(0.01)

    async def main() -> None:
        async with upstream(forever) as up:
            bounds = Timeouts(connect=5, first_token=5, idle=5, total=0.5)
            async with running([provider("lab", up.port, timeouts=bounds)], LAB_MODELS) as g:
                told = await draw(g)
                assert (told.status_code, told.json()["error"]["code"]) == (504, "upstream_timeout")

    asyncio.run(main())


# --- the bound of what is not in the request itself ---

LINES = (
    b'{"custom_id":"a","url":"/v1/chat/completions","body":{"model":"gpt-4o-mini","max_tokens":100,"n":2}}\n'
    b'{"custom_id":"b","url":"/v1/chat/completions","body":{"model":"gpt-4o-mini"}}\r\n\n'
    b'{"custom_id":"c","url":"/v1/embeddings","body":{"model":"gpt-4o-mini","input":"tide"}}'
)
WANTED = {"input_file_id": "file-1", "endpoint": "/v1/chat/completions", "completion_window": "24h"}
MOST = 10_000
"""Output tokens that the limits of these tests reckon with where a call sets no bound."""


def test_a_batch_counts_as_all_that_its_file_asks_for(tmp_path: Path) -> None:
    tokens = Rule(name="tokens", measure="tokens", bound=1_000_000, window="day", max_output=MOST)
    money = Rule(name="money", measure="money", bound=PICO, window="day", max_output=MOST)

    async def main() -> None:
        async with upstream(answers(LINES), answers(BATCH)) as up:
            lab = replace(provider("lab", up.port, api_key="sk-x"), kind="openai")
            async with limited([tokens, money], [lab], tmp_path, LAB_MODELS) as (g, keeper):
                made = await g.client.post("/v1/batches", json=WANTED)
                assert (made.status_code, made.json()["id"]) == (200, "batch_1")
                assert [headers["authorization"] for headers, _ in up.requests] == ["Bearer sk-x"] * 2
                read = len(LINES) - LINES.count(b"\n")
                in_all, cost = (await g.spool.one()).limits
                assert (in_all.reserved, in_all.used) == (read + 2 * 100 + MOST,) * 2, "nobody knows what it will use"
                assert 0 < read * 75_000 + (200 + MOST) * 300_000 <= cost.reserved == cost.used, (
                    "half of the standard rates"
                )
                assert left_over(keeper)[0] == 0

    asyncio.run(main())


def test_a_batch_is_reserved_at_the_price_that_is_set_on_its_model(tmp_path: Path) -> None:
    money = Rule(name="money", measure="money", bound=1000 * PICO, window="day", max_output=MOST)
    dear = Model(name="mini", provider="lab", upstream="gpt-4o-mini", price=PriceOverride(input=10.0, output=100.0))

    async def main() -> None:
        async with upstream(answers(LINES), answers(BATCH)) as up:
            lab = replace(provider("lab", up.port), kind="openai")
            async with limited([money], [lab], tmp_path, [dear]) as (g, _):
                assert (await g.client.post("/v1/batches", json=WANTED)).status_code == 200
                (cost,) = (await g.spool.one()).limits
                assert cost.reserved >= (200 + MOST) * 100_000_000

    asyncio.run(main())


def test_a_batch_larger_than_a_limit_is_never_made(tmp_path: Path) -> None:
    tokens = Rule(name="tokens", measure="tokens", bound=MOST, window="day", max_output=MOST)

    async def main() -> None:
        lines = b"".join(b'{"url":"/v1/responses","body":{"max_output_tokens":90,"n":%d}}\n' % n for n in (10, 100))
        script = [answers(lines), answers({"error": {"message": "no such file"}}, 404), answers(b"[1]"), answers(BATCH)]
        async with (
            upstream(*script) as up,
            limited([tokens], [provider("lab", up.port)], tmp_path, LAB_MODELS) as (g, _),
        ):
            told = [await g.client.post("/v1/batches", json=WANTED) for _ in range(3)]
            codes = [(each.status_code, each.json()["error"]["code"]) for each in told]
            assert codes == [(400, "larger_than_limit"), (400, "batch_uncountable"), (400, "batch_uncountable")]
            elsewhere = await g.client.post("/v1/batches", json={**WANTED, "input_file_id": "../models"})
            assert elsewhere.json()["error"]["code"] == "batch_uncountable"
            assert len(up.requests) == 3, "and no batch"
            inline = await g.client.post("/v1/batches", json={"requests": ["tide"]})
            assert inline.json()["error"]["code"] == "larger_than_limit"

    asyncio.run(main())


def test_a_batch_is_not_read_where_no_limit_asks_for_its_size(tmp_path: Path) -> None:
    calls = Rule(name="calls", measure="requests", bound=10, window="day")

    async def main() -> None:
        async with (
            upstream(answers(BATCH)) as up,
            limited([calls], [provider("lab", up.port)], tmp_path, LAB_MODELS) as (g, _),
        ):
            assert (await g.client.post("/v1/batches", json=WANTED)).status_code == 200
            assert [body for _, body in up.requests] == [WANTED]

    asyncio.run(main())


def pictures(**late: str) -> AsyncGenerator[bytes]:
    """A form that names its model, then sends a picture, then wishes for more; nobody says how long it is."""

    async def flowing() -> AsyncGenerator[bytes]:
        whole = form(model="painter")
        head, field = whole.rindex(b"--XX--"), b'Content-Disposition: form-data; name="%b"\r\n\r\n%b\r\n'
        yield whole[:head]
        yield b"".join(b"--XX\r\n" + field % (name.encode(), value.encode()) for name, value in late.items())[:40]
        yield b"".join(b"--XX\r\n" + field % (name.encode(), value.encode()) for name, value in late.items())[40:]
        yield whole[head:]

    return flowing()


def test_what_a_form_wishes_for_behind_its_file_is_covered_or_refused_before_it_is_whole(tmp_path: Path) -> None:
    dollars = Rule(name="dollars", measure="money", bound=5 * PICO, window="day")

    async def main() -> None:
        async with counted(tmp_path, dollars) as (g, keeper, calls):
            path = "/v1/images/generations"
            made = [await g.client.post(path, content=pictures(n=n), headers=FORM) for n in ("1", "3")]
            assert [len(each.json()["data"]) for each in made] == [1, 3]
            one, three = (record.limits[0].reserved for record in g.spool.records)
            assert three >= one + 2 * 6_240 * 40 * 1_000_000
            refused = await g.client.post(path, content=pictures(quality="low", n="50"), headers=FORM)
            assert (refused.status_code, refused.json()["error"]["code"]) == (400, "limit_reached")
            assert "before the file" in refused.json()["error"]["message"]
            async with asyncio.timeout(PATIENCE_S):
                while len(calls) < 3 or not calls[2].cancelled:  # noqa: ASYNC110
                    await asyncio.sleep(0.005)
            assert [call.finished for call in calls] == [True, True, False], "it never had the whole form"
            assert left_over(keeper)[0] == 0

    asyncio.run(main())


def test_two_uploads_of_unknown_length_with_one_key_are_told_apart_by_how_they_begin(tmp_path: Path) -> None:
    async def main() -> None:
        async with store(tmp_path) as kept, media(answers=kept) as (g, app):
            headers = {**FORM, "idempotency-key": "k"}

            async def sent(word: bytes) -> AsyncGenerator[bytes]:
                yield form(model="painter", purpose="x")[:-10]
                yield word * 40_000

            told = [
                await g.client.post("/v1/files", content=sent(word), headers=headers) for word in (b"ab", b"ab", b"cd")
            ]
            assert [each.status_code for each in told] == [200, 200, 422]
            assert len(app.calls) == 1

    asyncio.run(main())


def test_a_provider_has_its_time_in_all_from_the_end_of_an_upload() -> None:
    """What flows may take as long as it takes; then the provider that says nothing is not waited for for ever."""

    async def main() -> None:
        async def silent(up: Any, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(1)
            raise ConnectionResetError

        async with upstream(silent) as up:
            lab = provider("lab", up.port, timeouts=Timeouts(connect=30, first_token=90, idle=90, total=0.2))
            async with running([lab], LAB_MODELS) as g:
                length = {"content-length": str(len(form(model="painter")) + 100_000)}

                async def flowing() -> AsyncGenerator[bytes]:
                    yield form(model="painter")
                    await asyncio.sleep(0.4)  # longer than the provider has
                    yield b"x" * 100_000

                late = await g.client.post("/v1/audio/transcriptions", content=flowing(), headers={**FORM, **length})
                assert late.status_code == 504
                assert len(up.requests) == 1, "it had all of it"

    asyncio.run(main())

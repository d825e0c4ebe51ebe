"""Guard services over real sockets, answering well and ill, and by API: what is kept, and where a secret goes."""

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest
from house import House, Run

from patience import PATIENCE_S
from trimtab.core.errors import InvalidRequest
from trimtab.gateway.snapshot import Snapshot
from trimtab.governance.access import AccessTable
from trimtab.governance.secrets import SecretBox
from trimtab.guard.run import Runner
from trimtab.guard.services import Service, context_of
from trimtab.guard.spec import chain, ready
from trimtab.guard.types import GuardSpec, Piece, Subject, Tools, Verdict
from trimtab.llm.transport import Transport
from trimtab.server.inner.guard_services import MOST_ANSWER, GuardServices, check_service

AT = "/api/v1/projects/default"
BOX = SecretBox(b"k" * 32)


class Outside:
    """A service. ``requests`` are heads and bodies, ``left`` counts clients that hung up before their answer."""

    def __init__(self) -> None:
        self.port = 0
        self.requests: list[tuple[str, Any]] = []
        self.asked = asyncio.Event()
        self.left = asyncio.Event()


@asynccontextmanager
async def outside(answer: Callable[[Outside, asyncio.StreamWriter], Awaitable[None]]) -> AsyncGenerator[Outside]:
    made = Outside()
    tasks: set[asyncio.Task[Any]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                length = next(line for line in head.lower().split("\r\n") if line.startswith("content-length"))
                body = await reader.readexactly(int(length.split(":")[1]))
                made.requests.append((head, json.loads(body)))
                made.asked.set()
                leaving = asyncio.ensure_future(reader.read(1))
                answering = asyncio.ensure_future(answer(made, writer))
                await asyncio.wait((leaving, answering), return_when=asyncio.FIRST_COMPLETED)
                if not answering.done():
                    answering.cancel()
                    made.left.set()
                leaving.cancel()
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def says(body: bytes, status: str = "200 OK", more: str = "") -> Callable[[Outside, asyncio.StreamWriter], Any]:
    async def answer(_: Outside, writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 {status}\r\ncontent-length: {len(body)}\r\n{more}\r\n".encode() + body)

    return answer


async def never(_: Outside, __: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


async def endless(_: Outside, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")
        await writer.drain()


async def asked(port: int, kind: str = "http", text: str = "Ada says hello", **more: Any) -> tuple[Verdict, str]:
    """The verdict of a guard that asks the service at that port, and the text as it may go on."""
    transport = Transport()
    sealed = BOX.seal("Bearer s3cret", context_of("p", "out"))
    row = Service(project_id="p", name="out", url=f"http://127.0.0.1:{port}/look", sealed=sealed)
    empty = Snapshot(version=1, access=AccessTable(keys={}, projects={}), guard_services={("p", "out"): row})
    services = GuardServices(transport, lambda: empty, BOX)
    spec = msgspec.convert({"kind": kind, "options": {"service": "out"}, "action": "redact", **more}, GuardSpec)
    made = chain([ready("g", 1, spec)])
    assert made is not None
    tools = Tools(reach=services.reach("p"), pseudonym=lambda kind, text: f"{kind}_0000000000")
    try:
        ran = await Runner().run(made, Subject(pieces=(Piece(stage="input", text=text, role="user"),)), tools)
    finally:
        await transport.aclose()
    return ran.verdicts[0], ran.pieces[0].text


def test_a_service_is_asked_with_its_secret_and_what_it_finds_is_taken_out() -> None:
    async def main() -> None:
        found = {"score": 0.9, "label": "person", "findings": [{"text": 0, "start": 0, "end": 3, "kind": "Name"}]}
        async with outside(says(json.dumps(found).encode())) as out:
            verdict, text = await asked(out.port)
            assert (verdict.action, verdict.label, verdict.found, text) == (
                "redact", "person", {"name": 1}, "[NAME] says hello",
            )  # fmt: skip
            head, body = out.requests[0]
            assert head.startswith("POST /look HTTP/1.1")
            assert "authorization: Bearer s3cret" in head
            texts = [{"text": "Ada says hello", "role": "user", "tool": ""}]
            assert body == {"version": 1, "stage": "input", "texts": texts, "whole": True}

    asyncio.run(main())


def test_presidios_own_service_is_asked_as_it_wants_to_be() -> None:
    async def main() -> None:
        found = [{"analysis_explanation": None, "entity_type": "PERSON", "start": 0, "end": 3, "score": 0.85}]
        async with outside(says(json.dumps(found).encode())) as out:
            verdict, text = await asked(out.port, kind="presidio")
            assert (verdict.score, text) == (0.85, "[PERSON] says hello")
            assert out.requests[0][1] == {"text": "Ada says hello", "language": "en"}

    asyncio.run(main())


HOSTILE: list[tuple[Any, str]] = [
    (says(b'{"score": 7}'), "no verdict"),
    (says(b'{"score": "NaN"}'), "no verdict"),
    (says(b"[" * 100_000), "no verdict"),
    (says(b"\xff\xfe"), "no verdict"),
    (says(b""), "no verdict"),
    (says(b'{"score": 1, "findings": [{"text": 9, "start": 0, "end": 1}]}'), "not given"),
    (says(b'{"score": 1, "findings": [{"text": -1, "start": 0, "end": 1}]}'), "no verdict"),
    (says(b'{"score": 1, "findings": [{"start": 2, "end": 99999999999999999999}]}'), "outside of its text"),
    (says(b'{"score": 1, "findings": [{"start": -3, "end": 2}]}'), "outside of its text"),
    (says(b"{}", "500 Oh"), "answered 500"),
    (says(b"", "307 Elsewhere", "location: http://169.254.169.254/\r\n"), "answered 307"),
    (says(b"x" * (MOST_ANSWER + 1)), "answered more than"),
    (endless, "answered more than"),
]


@pytest.mark.parametrize("kind", ["http", "presidio"])
def test_whatever_a_hostile_service_answers_the_guard_could_not_tell(kind: str) -> None:
    async def main() -> None:
        for answer, why in HOSTILE:
            async with outside(answer) as out:
                verdict, text = await asked(out.port, kind)
                assert (verdict.action, text) == ("block", "Ada says hello"), why
                assert kind == "presidio" or why in verdict.failed, verdict.failed
                assert verdict.failed
                assert "Ada" not in verdict.failed

    asyncio.run(main())


def test_a_service_that_never_answers_holds_a_call_no_longer_than_its_timeout_and_is_hung_up_on() -> None:
    async def main() -> None:
        async with outside(never) as out:
            verdict, _ = await asked(out.port, timeout_ms=50)
            assert verdict.failed == "It took longer than 50 ms."
            assert verdict.action == "block"
            open_, _ = await asked(out.port, timeout_ms=50, on_failure="open")
            assert open_.action == "allow"
            await asyncio.wait_for(out.left.wait(), PATIENCE_S)

    asyncio.run(main())


def test_a_call_that_is_cancelled_hangs_up_on_the_service() -> None:
    async def main() -> None:
        async with outside(never) as out:
            call = asyncio.ensure_future(asked(out.port, timeout_ms=60_000))
            await asyncio.wait_for(out.asked.wait(), PATIENCE_S)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            await asyncio.wait_for(out.left.wait(), PATIENCE_S)

    asyncio.run(main())


def test_one_that_is_not_there_or_not_running_is_told_by_its_name() -> None:
    async def main() -> None:
        async with outside(never) as out:
            port = out.port
        verdict, _ = await asked(port)
        assert verdict.failed.startswith("The guard service 'out': No connection to 127.0.0.1")
        verdict, _ = await asked(0)
        assert verdict.action == "block"

    asyncio.run(main())


def test_more_text_than_may_leave_is_not_sent() -> None:
    async def main() -> None:
        async with outside(says(b'{"score": 0}')) as out:
            verdict, _ = await asked(out.port, text="x" * 200_001)
            assert "up to 200,000" in verdict.failed
            assert out.requests == []

    asyncio.run(main())


@pytest.mark.parametrize(
    ("url", "header", "secret"),
    [
        ("http://169.254.169.254/latest", "authorization", ""),
        ("http://[fd00:ec2::254]/", "authorization", ""),
        ("file:///etc/passwd", "authorization", ""),
        ("http://a:b@example.com/", "authorization", ""),
        ("http://example.com/?key=1", "authorization", ""),
        ("http://example.com/", "content-length", "1"),
        ("http://example.com/", "x y", "1"),
        ("http://example.com/", "authorization", "a\r\nx: y"),
    ],
)
def test_what_is_no_service_or_no_header_is_refused(url: str, header: str, secret: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        check_service(url, header, secret)
    assert refused.value.fix
    assert secret.strip() in ("", "1") or secret not in refused.value.sentence()


def test_a_service_is_kept_without_showing_its_secret_and_goes_to_no_other_origin_with_it(run: Run) -> None:
    async def story(house: House) -> None:
        at = f"{AT}/guard-services/moderation"
        body = {"url": "https://guards.example.com/look", "header": "X-Key", "secret": "topsecret-0123456789"}
        made = await house.admin.put(at, json=body)
        assert made.status_code == 200, made.text
        assert (made.json()["header"], made.json()["secret_hint"]) == ("x-key", "6789")
        assert "topsecret" not in made.text
        rows = house.holder.current.guard_services
        assert [(key[1], row.url) for key, row in rows.items()] == [("moderation", body["url"])]
        assert all("topsecret" not in row.sealed for row in rows.values())
        elsewhere = await house.admin.put(at, json={"url": "https://evil.example.com/look", "header": "x-key"})
        assert (elsewhere.status_code, elsewhere.json()["param"]) == (400, "secret")
        moved = await house.admin.put(at, json={"url": "https://guards.example.com/look/v2", "header": "x-key"})
        assert moved.json()["secret_hint"] == "6789"
        spec = {"kind": "http", "action": "block", "options": {"service": "none"}}
        push = f"{AT}/guards/outside/versions"
        assert (await house.admin.post(push, json={"spec": spec})).status_code == 404
        spec["options"] = {"service": "moderation"}
        assert (await house.admin.post(push, json={"spec": spec})).status_code == 201
        assert [each["name"] for each in (await house.admin.get(f"{AT}/guard-services")).json()["items"]] == [
            "moderation"
        ]
        assert (await house.admin.delete(at)).status_code == 204
        assert house.holder.current.guard_services == {}
        assert (await house.admin.delete(at)).status_code == 404
        trail = (await house.admin.get(f"{AT}/audit", params={"subject": "guard-service:moderation"})).json()["items"]
        assert [each["action"] for each in trail] == [
            "guard_service.removed", "guard_service.changed", "secret.kept_back", "guard_service.changed",
        ]  # fmt: skip
        assert "topsecret" not in json.dumps(trail)

    run(story)

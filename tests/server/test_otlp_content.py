"""Doors for foreign spans of a project that keeps no content: what was said is nowhere, not even in the spool."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import msgspec
from house import ADMIN, House
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from trimtab.server.app import create_app
from trimtab.server.doors import Doors
from trimtab.server.doors.otlp import OtlpDoor
from trimtab.telemetry.foreign.protobuf import all_spans
from trimtab.telemetry.foreign.spans import ForeignBatch, ForeignSpan, RefusedSpan
from trimtab.telemetry.kinds import decode_any, encode_any
from trimtab.telemetry.spool.drain import Spooled, SpoolReader
from trimtab.telemetry.spool.intake import Intake

if TYPE_CHECKING:
    from house import Run

NOW = 1_750_000_000_000_000_000
SECRET = "the parrot is green"
SAID = [{"role": "user", "parts": [{"type": "text", "content": SECRET}]}]
HEADERS = {"authorization": f"Bearer {ADMIN}"}


class Kept(Intake):
    """Keeps what it is given in a list."""

    def __init__(self) -> None:
        super().__init__(_no_spool, 1)
        self.bodies: list[bytes] = []

    def require_room(self) -> None:
        """There is always room."""

    async def keep_bodies(self, bodies: Sequence[bytes]) -> None:
        self.bodies += bodies

    def spans(self) -> list[ForeignSpan]:
        batches = [each for each in map(decode_any, self.bodies) if isinstance(each, ForeignBatch)]
        return [span for batch in batches for span in all_spans(batch)]


def _no_spool() -> Any:
    raise AssertionError("no spool is opened here")


def as_json(span_id: str, **fields: Any) -> dict[str, Any]:
    attributes = {"gen_ai.operation.name": "chat", "gen_ai.input.messages": json.dumps(SAID)}
    return {
        "traceId": "a" * 32,
        "spanId": span_id,
        "name": "chat",
        "startTimeUnixNano": str(NOW),
        "endTimeUnixNano": str(NOW + 1000),
        "attributes": [{"key": name, "value": {"stringValue": value}} for name, value in attributes.items()]
        + [{"key": "gen_ai.usage.input_tokens", "value": {"intValue": "7"}}],
        **fields,
    }


def test_what_was_said_comes_through_no_door_of_a_project_that_keeps_no_content(run: "Run") -> None:
    async def story(house: House) -> None:
        kept = Kept()
        otlp = OtlpDoor(house.deps, kept)
        made = await house.admin.patch("/api/v1/projects/default", json={"capture_content": False})
        assert made.status_code == 200
        app = create_app(house.deps, None, Doors(house.deps, otlp, kept), house.app.api)
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://t", headers=HEADERS) as client:
            await _tell(client)
        assert SECRET.encode() not in b"".join(kept.bodies)
        by_id = {span.span_id: span for span in kept.spans()}
        assert {"1" * 16, "2" * 16, "3" * 16} < set(by_id)
        for number in ("1", "2"):
            assert by_id[number * 16].attributes["gen_ai.usage.input_tokens"] == 7
        assert all(span.attributes["trimtab.content"] == "off" for span in by_id.values())
        letters = [each for each in map(decode_any, kept.bodies) if isinstance(each, RefusedSpan)]
        assert len(letters) == 3
        assert {msgspec.json.decode(each.span)["span_id"] for each in letters if each.span} == {"4" * 16, "5" * 16}
        await otlp.aclose()

    run(story)


async def _tell(client: httpx.AsyncClient) -> None:
    """A good span and a bad one as JSON and protobuf, one that cannot be parsed, an event as a log record, and a
    batch of Langfuse's."""
    wrong = {"startTimeUnixNano": "5"}

    def group(*spans: dict[str, Any]) -> dict[str, Any]:
        return {"resourceSpans": [{"scopeSpans": [{"scope": {"name": "lib"}, "spans": list(spans)}]}]}

    sent = await client.post("/v1/traces", json=group(as_json("1" * 16), as_json("4" * 16, **wrong)))
    assert sent.json()["partialSuccess"]["rejectedSpans"] == "1", sent.text
    body = ExportTraceServiceRequest()
    spans = body.resource_spans.add().scope_spans.add().spans
    for number, start in ((2, NOW), (5, 5), (6, NOW)):
        span = spans.add(trace_id=b"\xaa" * 16, span_id=bytes.fromhex(str(number) * 16), start_time_unix_nano=start)
        for name, value in (("gen_ai.input.messages", json.dumps(SAID)), ("gen_ai.operation.name", "chat")):
            span.attributes.add(key=name).value.string_value = value
        span.attributes.add(key="gen_ai.usage.input_tokens").value.int_value = 7
    spans[2].name = "BROKEN"
    wire = body.SerializeToString().replace(b"BROKEN", b"\xff\xfeOKEN")
    binary = {"content-type": "application/x-protobuf"}
    assert (await client.post("/v1/traces", content=wire, headers=binary)).status_code == 200
    record = {
        "traceId": "a" * 32,
        "spanId": "3" * 16,
        "timeUnixNano": str(NOW),
        "eventName": "gen_ai.user.message",
        "body": {"kvlistValue": {"values": [{"key": "content", "value": {"stringValue": SECRET}}]}},
    }
    logs = {"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]}
    assert (await client.post("/v1/logs", json=logs)).json() == {}
    told = {"id": "g", "traceId": "t", "name": "say", "input": SECRET, "output": {"text": SECRET}, "model": "gpt-4o"}
    event = {"id": "e1", "type": "generation-create", "timestamp": "2025-06-15T15:06:00Z", "body": told}
    answer = await client.post("/api/public/ingestion", json={"batch": [event]})
    assert answer.json()["errors"] == []


def test_a_letter_from_before_is_sent_again_without_what_was_said(run: "Run", tmp_path: Path) -> None:
    async def story(house: House) -> None:
        kept = Kept()
        object.__setattr__(house.deps, "intake", kept)
        project = (await house.admin.patch("/api/v1/projects/default", json={"capture_content": False})).json()["id"]
        span = ForeignSpan(
            trace_id="a" * 32, span_id="b" * 16, start_ns=5, end_ns=6, attributes={"input.value": SECRET, "team": "red"}
        )
        refused = RefusedSpan(project=project, arrived_ns=NOW, reason="too early", span=msgspec.json.encode(span))
        reader = SpoolReader(house.folder / "spool")
        reader.reject(Spooled("w0~1", 1, 1000, encode_any(refused)), "too early")
        at = "/api/v1/system/dead-letters/1"
        shown = (await house.admin.get(at)).json()["content"]
        mended = {**shown, "start_ns": NOW, "end_ns": NOW}
        assert (await house.admin.post(f"{at}/replay", json={"content": mended})).status_code == 204
        (sent,) = kept.spans()
        assert sent.attributes == {"team": "red", "trimtab.content": "off"}
        reader.close()

    run(story)

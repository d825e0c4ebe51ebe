"""Dead letters are listed with their reasons, page by page, without what they held."""

import time
from collections.abc import Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any

import msgspec
from house import House

from trimtab.telemetry.foreign.spans import ForeignBatch, ForeignSpan, RefusedSpan
from trimtab.telemetry.kinds import decode_any, encode_any
from trimtab.telemetry.otlp.logs import take_logs, take_metrics
from trimtab.telemetry.otlp.sink import Origin, Sink
from trimtab.telemetry.otlp.traces import take_json
from trimtab.telemetry.records import CallRecord
from trimtab.telemetry.remap import RemapBatch, RemapTrace
from trimtab.telemetry.scores.types import Score, ScoreBatch
from trimtab.telemetry.spool.drain import Spooled, SpoolReader
from trimtab.telemetry.spool.intake import Intake

if TYPE_CHECKING:
    from house import Run

AT = "/api/v1/system/dead-letters"


def test_dead_letters_are_listed_newest_first_and_page_by_page(run: "Run") -> None:
    async def story(house: House) -> None:
        admin = house.admin
        assert (await admin.get(AT)).json() == {"items": [], "cursor": None}
        reader = SpoolReader(house.folder / "spool")
        for number in range(5):
            reader.reject(Spooled("w0~1", number, 1000 + number, b"secret words"), f"reason {number}")
        seen: list[dict[str, Any]] = []
        cursor: str | None = None
        for _ in range(5):
            page = (await admin.get(AT, params={"limit": 2, **({"cursor": cursor} if cursor else {})})).json()
            seen += page["items"]
            cursor = page["cursor"]
            if cursor is None:
                break
        reader.close()
        assert [letter["reason"] for letter in seen] == [f"reason {number}" for number in (4, 3, 2, 1, 0)]
        assert seen[0] == {
            "id": 5, "kind": "unreadable", "segment": "w0~1", "seq": 4, "at": 1004, "reason": "reason 4", "bytes": 12,
            "request_id": "", "project": "",
        }  # fmt: skip
        assert "secret" not in str(seen)
        assert (await admin.get(AT, params={"cursor": "eHg"})).status_code == 400

    run(story)


def test_a_refused_span_is_shown_mended_and_sent_again(run: "Run") -> None:
    async def story(house: House) -> None:
        kept: list[bytes] = []
        intake = FakeIntake(kept)
        object.__setattr__(house.deps, "intake", intake)
        now = house.deps.clock.now_ns()
        span = ForeignSpan(trace_id="a" * 32, span_id="b" * 16, name="chat", start_ns=5, end_ns=now)
        refused = RefusedSpan(project="p1", arrived_ns=now, reason="too early", span=msgspec.json.encode(span))
        reader = SpoolReader(house.folder / "spool")
        reader.reject(Spooled("w0~1", 1, 1000, encode_any(refused)), "too early")
        admin = house.admin
        shown = (await admin.get(f"{AT}/1")).json()
        assert (shown["letter"]["kind"], shown["letter"]["project"]) == ("span", "p1")
        assert shown["content"]["start_ns"] == 5
        again = await admin.post(f"{AT}/1/replay", json={})
        assert again.status_code == 400
        assert "before the year 2000" in again.json()["detail"]
        mended = {**shown["content"], "start_ns": now - 1000}
        assert (await admin.post(f"{AT}/1/replay", json={"content": mended})).status_code == 204
        batch = decode_any(kept[0])
        assert (batch.project, batch.spans[0].start_ns, batch.spans[0].name) == ("p1", now - 1000, "chat")
        assert reader.rejected_count() == 0
        assert (await admin.get("/api/v1/audit")).json()["items"][0]["action"] == "dead_letter.replayed"
        assert (await admin.get(f"{AT}/1")).status_code == 404
        reader.close()

    run(story)


def test_what_came_as_json_and_could_not_be_read_is_shown_mended_and_sent_again(run: "Run") -> None:
    async def story(house: House) -> None:
        kept: list[bytes] = []
        object.__setattr__(house.deps, "intake", FakeIntake(kept))
        now = house.deps.clock.now_ns()
        ids = {"traceId": "A" * 32, "spanId": "b" * 16}
        wrong = [{"key": "n", "value": {"intValue": 1 << 64}}, {"key": "http.request.header.cookie", "value": "c=1"}]
        span = {**ids, "name": "chat", "startTimeUnixNano": now, "endTimeUnixNano": now, "attributes": wrong}
        record = {**ids, "eventName": "gen_ai.choice", "timeUnixNano": now, "attributes": wrong}
        logs = {"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]}
        traces = {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}
        event = {"id": "e1", "type": "span-create", "body": {"startTime": "never"}}
        origin = Origin("p1", "key_1", now)
        letters = [
            *take_json(msgspec.json.encode(traces), origin).letters,
            *take_logs(msgspec.json.encode(logs), origin, json=True).letters,
            RefusedSpan(project="p1", arrived_ns=now, reason="no time", wire=msgspec.json.encode(event)),
        ]
        reader = SpoolReader(house.folder / "spool")
        for number, letter in enumerate(letters):
            reader.reject(Spooled("w0~1", number, 1000, encode_any(letter)), letter.reason)
        for number, came in ((1, span), (2, record)):
            shown = (await house.admin.get(f"{AT}/{number}")).json()
            # As it came, but for the credential in it.
            hidden = [wrong[0], {**wrong[1], "value": {"stringValue": "[hidden]"}}]
            assert (shown["content"], shown["wire"]) == ({**came, "attributes": hidden}, "")
            again = await house.admin.post(f"{AT}/{number}/replay", json={})
            assert (again.status_code, "out of range" in again.json()["detail"]) == (400, True)
            mended = {**shown["content"], "attributes": [{"key": "n", "value": {"intValue": 7}}, wrong[1]]}
            unnamed = {**mended, "spanId": ""}
            assert (await house.admin.post(f"{AT}/{number}/replay", json={"content": unnamed})).status_code == 400
            assert (await house.admin.post(f"{AT}/{number}/replay", json={"content": mended})).status_code == 204
        assert (await house.admin.get(f"{AT}/3")).json()["content"] == event
        refused = await house.admin.post(f"{AT}/3/replay", json={})
        assert (refused.status_code, "Write it as a span of OTLP's JSON" in refused.text) == (400, True)
        assert (
            await house.admin.post(f"{AT}/3/replay", json={"content": {**span, "attributes": []}})
        ).status_code == 204
        first, second, _ = (decode_any(body).spans[0] for body in kept)
        assert (first.trace_id, first.name, first.partial) == ("a" * 32, "chat", False)
        assert (second.partial, second.events[0].name) == (True, "gen_ai.choice")
        assert first.attributes == second.events[0].attributes == {"n": 7, "http.request.header.cookie": "[hidden]"}
        assert reader.rejected_count() == 0
        reader.close()

    run(story)


def test_what_was_refused_is_called_what_it_was(run: "Run") -> None:
    """Letters that were written before they said so are spans. Metrics are not kept, so none are sent again."""

    async def story(house: House) -> None:
        kept: list[bytes] = []
        object.__setattr__(house.deps, "intake", FakeIntake(kept))
        now = house.deps.clock.now_ns()
        origin = Origin("p1", "key_1", now)
        bodies = {
            "metrics": {"resourceMetrics": [{"scopeMetrics": [{"metrics": 7}]}]},
            "logs": {"resourceLogs": [{"scopeLogs": 7}]},
            "spans": {"resourceSpans": [{"scopeSpans": 7}]},
        }
        events = Sink(origin, 0, "events")
        events.refuse("no time", wire=b"{}")
        letters = [
            *take_metrics(msgspec.json.encode(bodies["metrics"]), origin, json=True).letters,
            *take_logs(msgspec.json.encode(bodies["logs"]), origin, json=True).letters,
            *take_json(msgspec.json.encode(bodies["spans"]), origin).letters,
            *events.letters,
        ]
        reader = SpoolReader(house.folder / "spool")
        for number, letter in enumerate(letters):
            reader.reject(Spooled("w0~1", number, 1000, encode_any(letter)), letter.reason)
        listed = (await house.admin.get(AT)).json()["items"]
        assert [each["kind"] for each in reversed(listed)] == ["metrics", "log_record", "span", "event"]
        refused = await house.admin.post(f"{AT}/1/replay", json={})
        assert (refused.status_code, refused.json()["fix"]) == (400, "Drop it.")
        assert "Metrics are accepted and not kept" in refused.json()["detail"]
        for number in (2, 3, 4):
            refused = await house.admin.post(f"{AT}/{number}/replay", json={})
            assert (refused.status_code, "This is no span" in refused.json()["detail"]) == (400, True)
        assert kept == []
        reader.close()

    run(story)


def test_a_mended_span_keeps_the_resource_and_the_scope_that_it_came_with(run: "Run") -> None:
    """By its service it is found, and by its scope it is known who made it, and so how to read it."""

    async def story(house: House) -> None:
        kept: list[bytes] = []
        object.__setattr__(house.deps, "intake", FakeIntake(kept))
        now = house.deps.clock.now_ns()
        span = {"traceId": "a" * 32, "spanId": "b" * 16, "name": 7, "startTimeUnixNano": now, "endTimeUnixNano": now}
        service = [{"key": "service.name", "value": {"stringValue": "shop"}}]
        large = [{"key": "k", "value": {"stringValue": "x" * 70_000}}]

        def request(attributes: object, *spans: object) -> bytes:
            scope = {"scope": {"name": "openinference.langchain", "version": "1"}, "spans": spans}
            return msgspec.json.encode(
                {"resourceSpans": [{"resource": {"attributes": attributes}, "scopeSpans": [scope]}]}
            )

        origin = Origin("p1", "key_1", now)
        letters = [
            letter
            for body in (request(service, span), request("none", {**span, "name": "n"}), request(large, span))
            for letter in take_json(body, origin).letters
        ]
        reader = SpoolReader(house.folder / "spool")
        for number, letter in enumerate(letters):
            reader.reject(Spooled("w0~1", number, 1000, encode_any(letter)), letter.reason)
        first, second, third = [(await house.admin.get(f"{AT}/{number}")).json()["content"] for number in (1, 2, 3)]
        assert first == msgspec.json.decode(request(service, span))
        assert third == span, "a letter has no room for what was around it"
        first["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["name"] = "mended"
        second["resourceSpans"][0]["resource"]["attributes"] = service
        for number, content in ((1, first), (2, second)):
            two = {"resourceSpans": content["resourceSpans"] * 2}
            refused = await house.admin.post(f"{AT}/{number}/replay", json={"content": two})
            assert (refused.status_code, "it holds 2 spans" in refused.text) == (400, True)
            assert (await house.admin.post(f"{AT}/{number}/replay", json={"content": content})).status_code == 204
        for body, name in zip(kept, ("mended", "n"), strict=True):
            [back] = decode_any(body).spans
            assert (back.name, back.resource) == (name, {"service.name": "shop"})
            assert (back.scope_name, back.scope_version) == ("openinference.langchain", "1")
        reader.close()

    run(story)


def test_a_letter_that_cannot_be_read_is_shown_as_bytes_and_can_only_be_dropped(run: "Run") -> None:
    async def story(house: House) -> None:
        object.__setattr__(house.deps, "intake", FakeIntake([]))
        reader = SpoolReader(house.folder / "spool")
        reader.reject(Spooled("w0~1", 1, 1000, b"\xff\xff"), "no record")
        admin = house.admin
        assert (await admin.get(f"{AT}/1")).json()["wire"] == "//8="
        assert (await admin.post(f"{AT}/1/replay", json={})).status_code == 400
        assert (await admin.post(f"{AT}/1/replay", json={"content": {"a": 1}})).status_code == 400
        assert (await admin.delete(f"{AT}/1")).status_code == 204
        for nowhere in ("1", "0", "-1", str(1 << 70)):
            assert (await admin.delete(f"{AT}/{nowhere}")).status_code == 404
            assert (await admin.get(f"{AT}/{nowhere}")).status_code == 404
        assert (await admin.get(AT)).json()["items"] == []
        reader.close()

    run(story)


def test_what_a_person_mends_is_held_to_what_the_doors_ask(run: "Run") -> None:
    """The writer puts ids into its questions: one that is none would stop it for good."""

    async def story(house: House) -> None:
        kept: list[bytes] = []
        object.__setattr__(house.deps, "intake", FakeIntake(kept))
        now = house.deps.clock.now_ns()
        span = ForeignSpan(trace_id="a" * 32, span_id="b" * 16, name="chat", start_ns=now, end_ns=now)
        score = Score(id="s", trace_id="t", name="n", value=1.0, at_ns=now, version=now)
        letters = (
            ForeignBatch(project="p1", arrived_ns=now, spans=(span,)),
            RemapBatch(project="p1", asked_ns=now, traces=(RemapTrace("a" * 32, now, now),)),
            ScoreBatch(project="p1", scores=(score,)),
        )
        reader = SpoolReader(house.folder / "spool")
        for number, record in enumerate(letters):
            reader.reject(Spooled("w0~1", number, 1000, encode_any(record)), "the store did not like it")
        spoilt = (("spans", "trace_id", "a' OR 1"), ("traces", 0, "a' OR 1"), ("scores", "name", ""))
        for number, (field, name, value) in enumerate(spoilt, 1):
            content = (await house.admin.get(f"{AT}/{number}")).json()["content"]
            fine = msgspec.json.decode(msgspec.json.encode(content))
            content[field][0][name] = value
            refused = await house.admin.post(f"{AT}/{number}/replay", json={"content": content})
            assert (refused.status_code, "would not be taken" in refused.json()["detail"]) == (400, True)
            assert (await house.admin.post(f"{AT}/{number}/replay", json={"content": fine})).status_code == 204
        assert [decode_any(body) for body in kept] == list(letters)
        reader.close()

    run(story)


def test_a_record_is_not_sent_again_with_numbers_that_nothing_can_keep(run: "Run") -> None:
    """A time that the notes of traces cannot hold would stop everything behind it."""

    async def story(house: House) -> None:
        now = time.time_ns()
        remap = RemapBatch(project="p1", asked_ns=now, traces=(RemapTrace("a" * 32, now, now),))
        call = CallRecord(
            request_id="req_1", trace_id="a" * 32, span_id="b" * 16, project="p1", key_id="", front="openai_chat",
            model="m", started_ns=now, ended_ns=now,
        )  # fmt: skip
        with closing(SpoolReader(house.folder / "spool")) as reader:
            for number, given in enumerate((call, remap)):
                reader.reject(Spooled("w0~1", number, 1000, encode_any(given)), "the store did not like it")
        spoilt: tuple[tuple[int, str, Any], ...] = (
            (1, "started_ns", 1 << 63),
            (1, "ended_ns", -1),
            (1, "status", 1 << 70),
            (2, "traces", [["a" * 32, 0, 1 << 63]]),
            (2, "asked_ns", 1 << 64),
        )
        for number, field, value in spoilt:
            content = (await house.admin.get(f"{AT}/{number}")).json()["content"]
            refused = await house.admin.post(f"{AT}/{number}/replay", json={"content": {**content, field: value}})
            assert (refused.status_code, refused.json()["param"]) == (400, "content"), (number, field)

    run(story)


class FakeIntake(Intake):
    """Keeps what it is given in a list."""

    def __init__(self, kept: list[bytes]) -> None:
        self._kept = kept
        self._spool = None

    async def keep_bodies(self, bodies: Sequence[bytes]) -> None:
        self._kept += bodies

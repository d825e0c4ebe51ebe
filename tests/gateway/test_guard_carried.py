"""Guards of what passes through: pictures and sound, the words that make them, and the words that come of them."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from harness import Running, provider, running
from kept import gateway
from msgspec.structs import replace
from test_guarding import AWS, SECRET, guard, secrets, stand_ins
from upstream import WHOLE, Upstream, answers, event, streams, upstream

from trimtab.gateway.targets import Model
from trimtab.guard.types import GuardSpec
from trimtab.ledger.types import PriceOverride

KEY = {"authorization": "Bearer tt_client"}
PICTURE = {"created": 1, "data": [{"b64_json": "aGk="}], "usage": {"input_tokens": 12, "output_tokens": 272}}
USED = {"type": "tokens", "input_tokens": 14, "output_tokens": 5}
HEARD = {
    "text": SECRET,
    "segments": [{"text": "my key is " + AWS[:9], "tokens": [1]}, {"text": AWS[9:] + " keep it", "tokens": [2, 3]}],
    "usage": USED,
}
SAID: list[dict[str, Any]] = [
    {"type": "transcript.text.delta", "delta": SECRET[:15], "logprobs": [{"token": AWS}]},
    {"type": "transcript.text.delta", "delta": SECRET[15:], "logprobs": []},
    {"type": "transcript.text.done", "text": SECRET, "usage": USED},
]
PAINTER = Model(name="painter", provider="lab", upstream="gpt-image-1", price=PriceOverride(input=5.0, output=40.0))
EARS = Model(name="ears", provider="lab", upstream="whisper-1", price=PriceOverride(input=5.0, output=40.0))
SOUND = {"file": ("a.wav", b"RIFF\xff\xfe\x00" * 99, "audio/wav")}
PROMPT = {"model": "painter", "prompt": SECRET}


@asynccontextmanager
async def lab(script: Any, *specs: GuardSpec, **parts: Any) -> AsyncGenerator[tuple[Running, Upstream]]:
    async with upstream(script) as up:
        kind = replace(provider("lab", up.port), kind="openai")
        async with running([kind], [PAINTER, EARS], max_body=1 << 20, **parts) as g:
            guard(g, *specs)
            yield g, up


async def hear(g: Running, **more: str) -> Any:
    return await g.client.post("/v1/audio/transcriptions", data={"model": "ears", **more}, files=SOUND, headers=KEY)


def lines(record: Any) -> list[tuple[str, str, dict[str, int]]]:
    return [(each.stage, each.action, each.unread) for each in record.guards]


ASKED: list[tuple[str, dict[str, Any]]] = [
    ("/v1/images/generations", {"json": PROMPT}),
    ("/v1/images/generations", {"json": {"model": "painter", "prompt": "a tab", "x_vendor": {"negative": [SECRET]}}}),
    ("/v1/images/generations", {"json": {"model": "painter", "prompt": "a tab", "style": SECRET}}),
    ("/v1/images/edits", {"data": {"model": "painter", "prompt": SECRET}, "files": {"image": ("a.png", b"\x89PNG")}}),
    ("/v1/images/edits", {"data": {"model": "painter"}, "files": {"image": ("a.txt", SECRET.encode())}}),
    ("/v1/audio/speech", {"json": {"model": "ears", "voice": "alloy", "input": SECRET}}),
    ("/v1/audio/speech", {"json": {"model": "ears", "voice": "alloy", "input": "a", "instructions": SECRET}}),
    ("/v1/audio/transcriptions", {"data": {"model": "ears", "prompt": SECRET}, "files": SOUND}),
]


@pytest.mark.parametrize(("path", "asked"), ASKED)
def test_words_that_make_pictures_and_sound_are_looked_at_before_a_provider_is_asked(
    path: str, asked: dict[str, Any]
) -> None:
    async def main() -> None:
        async with lab(answers(PICTURE), secrets(action="block")) as (g, up):
            told = await g.client.post(path, headers=KEY, **asked)
            assert (told.status_code, told.json()["error"]["code"]) == (403, "guard_blocked"), told.text
            assert told.headers["x-request-id"] in told.json()["error"]["message"]
            assert up.requests == []
            record = await g.spool.one()
            assert [each.action for each in record.guards] == ["block"]

    asyncio.run(main())


HIDDEN: list[dict[str, Any]] = [
    {"json": {**PROMPT, "prompt": "data:image/png;base64,aGk= " + SECRET}},
    {"json": {**PROMPT, "prompt": "Data: so, " + SECRET}},
    {"data": {"model": "painter", "prompt": "data:," + SECRET}, "files": {"image": ("a.png", b"\x89PNG")}},
    {"data": {"model": "painter"}, "files": {"prompt": ("a.txt", SECRET.encode())}},
]


@pytest.mark.parametrize("asked", HIDDEN)
def test_a_prompt_that_begins_like_a_file_or_has_the_name_of_one_is_a_prompt(asked: dict[str, Any]) -> None:
    async def main() -> None:
        async with lab(answers(PICTURE), secrets(action="block", stages=("input",))) as (g, up):
            told = await g.client.post("/v1/images/edits", headers=KEY, **asked)
            assert (told.status_code, told.json()["error"]["code"]) == (403, "guard_blocked"), told.text
            assert up.requests == []

    asyncio.run(main())


def test_a_transcript_that_begins_like_a_file_is_a_transcript() -> None:
    async def main() -> None:
        async with lab(answers({"text": "Data: so, " + SECRET}), secrets(action="redact")) as (g, _):
            told = await hear(g)
            assert told.json()["text"].startswith("Data: so, my key is [")

    asyncio.run(main())


@pytest.mark.parametrize(("path", "asked"), ASKED[:2] + ASKED[3:])
def test_what_is_taken_out_of_them_reaches_neither_the_provider_nor_the_record(
    path: str, asked: dict[str, Any]
) -> None:
    async def main() -> None:
        async with lab(answers(PICTURE), secrets(action="redact")) as (g, up):
            told = await g.client.post(path, headers=KEY, **asked)
            assert told.status_code == 200, told.text
            assert AWS.encode() not in up.bodies[0]
            assert b"my key is [" in up.bodies[0]
            assert up.requests[0][0]["content-length"] == str(len(up.bodies[0]))
            assert (b"gpt-image-1" if b"painter" in str(asked).encode() else b"whisper-1") in up.bodies[0]
            record = await g.spool.one()
            assert AWS.encode() not in record.request

    asyncio.run(main())


def test_a_form_is_otherwise_sent_as_it_came_wherever_its_words_stand() -> None:
    async def main() -> None:
        picture = b"\x89PNG\r\n--not the boundary" * 9000
        head = b'--B\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n\r\n' + picture
        form = head + b'\r\n--B\r\nContent-Disposition: form-data; name="prompt"\r\n\r\n%b\r\n--B--\r\n'
        headers = {**KEY, "content-type": "multipart/form-data; boundary=B", "trimtab-provider": "lab"}
        async with lab(answers(PICTURE), secrets(action="redact")) as (g, up):
            for said in (b"a small tab", SECRET.encode()):
                told = await g.client.post("/v1/images/edits", content=form % said, headers=headers)
                assert told.status_code == 200, told.text
            assert up.bodies[0] == form % b"a small tab"
            assert up.bodies[1].startswith(head)
            assert AWS.encode() not in up.bodies[1]

    asyncio.run(main())


def test_what_json_says_twice_is_sent_once() -> None:
    async def main() -> None:
        said = f'{{"model": "painter", "seed": {10**30}, "prompt": {json.dumps(SECRET)}, "prompt": "a tab"}}'
        async with lab(answers(PICTURE), secrets(action="block")) as (g, up):
            headers = {**KEY, "content-type": "application/json"}
            told = await g.client.post("/v1/images/generations", content=said, headers=headers)
            assert told.status_code == 200, told.text
            assert AWS.encode() not in up.bodies[0] + (await g.spool.one()).request

    asyncio.run(main())


UNCLEAR = [
    b'--B\r\nContent-Disposition: form-data; name="prompt"; name="size"\r\n\r\nx\r\n--B--',
    b'--B\r\nContent-Disposition: form-data; name="prompt"\r\nContent-Transfer-Encoding: base64\r\n\r\nx\r\n--B--',
    b'--B\r\nContent-Disposition: form-data; name="prompt"\r\nContent-Type: t/p; charset=utf-7\r\n\r\nx\r\n--B--',
    b'--B\r\nContent-Disposition: form-data; name="prompt"\r\n\r\n\xff\r\n--B--',
    b'--B\nContent-Disposition: form-data; name="prompt"\n\nx\n--B--',
    b'preamble\r\n--B\r\nContent-Disposition: form-data; name="prompt"\r\n\r\nx\r\n--B--',
    b'--B\r\nContent-Disposition: form-data; name="prompt"\r\n\r\nx\r\n--B--\r\n--B\r\nmore',
    b'--B\r\nContent-Disposition: form-data; name="prompt"\r\n\r\nx',
]


@pytest.mark.parametrize("form", UNCLEAR)
def test_a_form_that_may_be_read_in_two_ways_passes_by_no_guard_that_acts(form: bytes) -> None:
    async def main() -> None:
        headers = {**KEY, "content-type": "multipart/form-data; boundary=B", "trimtab-provider": "lab"}
        for spec, status in ((secrets(action="block"), 400), (secrets(action="flag"), 200)):
            async with lab(answers(PICTURE), spec) as (g, up):
                told = await g.client.post("/v1/images/edits", content=form, headers=headers)
                assert told.status_code == status, told.text
                assert len(up.requests) == (status == 200)
                if status == 400:
                    assert told.json()["error"]["code"] == "guard_unsupported"

    asyncio.run(main())


def test_a_body_of_no_known_kind_or_too_long_to_hold_passes_by_no_guard_that_acts() -> None:
    async def main() -> None:
        async with lab(answers(PICTURE), secrets(action="block")) as (g, up):
            headers = {**KEY, "content-type": "text/plain", "trimtab-provider": "lab"}
            told = await g.client.post("/v1/images/generations", content=json.dumps(PROMPT), headers=headers)
            assert (told.status_code, told.json()["error"]["param"]) == (400, "content-type")
            big = {"image": ("a.png", b"\x89" * (2 << 20))}
            told = await g.client.post("/v1/images/edits", data={"model": "painter"}, files=big, headers=KEY)
            assert told.status_code == 413
            assert "TRIMTAB_MAX_BODY_MB" in told.json()["error"]["message"]
            assert up.requests == []
            guard(g, secrets(action="block", mode="shadow"))
            told = await g.client.post("/v1/images/edits", data={"model": "painter"}, files=big, headers=KEY)
            assert told.status_code == 200
            assert ("input", "allow", {"image": 1}) in lines(g.spool.records[-1])

    asyncio.run(main())


def test_pictures_and_sound_that_nobody_can_read_are_told_allowed_or_blocked_as_the_guard_says() -> None:
    async def main() -> None:
        edit = {"data": {"model": "painter", "prompt": "a tab"}, "files": {"image": ("a.png", b"\x89PNG\xff")}}
        calls: list[tuple[str, dict[str, Any], list[tuple[str, str, dict[str, int]]]]] = [
            ("/v1/images/generations", {"json": {"model": "painter", "prompt": "a tab"}},
             [("input", "allow", {}), ("output", "allow", {"image": 1})]),
            ("/v1/images/edits", edit, [("input", "allow", {"image": 1}), ("output", "allow", {"image": 1})]),
            ("/v1/audio/speech", {"json": {"model": "ears", "input": "tide"}},
             [("input", "allow", {}), ("output", "allow", {"audio": 1})]),
            ("/v1/audio/transcriptions", {"data": {"model": "ears"}, "files": SOUND},
             [("input", "allow", {"audio": 1})]),
            ("/v1/files", {"data": {"purpose": "user_data"}, "files": {"file": ("a.pdf", b"%PDF")}},
             [("retrieved", "allow", {"file": 1})]),
        ]  # fmt: skip
        told = {"id": "x", "text": "the tide turns", "usage": USED}
        for unread, status in (("flag", 200), ("allow", 200), ("block", 403)):
            spec = secrets(action="flag", unread=unread)
            async with lab(answers(told), spec) as (g, up):
                for path, asked, expected in calls:
                    answer = await g.client.post(path, headers=KEY, **asked)
                    assert answer.status_code == status, (path, answer.text)
                    seen = lines(g.spool.records[-1])
                    if unread == "flag":
                        assert [each for each in seen if each != ("output", "allow", {})] == expected, path
                    elif unread == "allow":
                        assert not any(each for _, _, each in seen)
                    else:
                        assert (seen[-1][1], answer.json()["error"]["code"]) == ("block", "guard_blocked")
                assert len(up.requests) == (0 if unread == "block" else len(calls))

    asyncio.run(main())


def test_a_transcript_is_an_answer_and_keys_are_taken_out_of_all_its_fields() -> None:
    async def main() -> None:
        async with lab(answers(HEARD), secrets(action="redact")) as (g, up):
            told = await hear(g, response_format="verbose_json")
            assert told.status_code == 200, told.text
            assert up.requests
            heard = told.json()
            assert heard["text"].startswith("my key is [")
            assert heard["text"].endswith("] keep it")
            assert AWS not in "".join(each["text"] for each in heard["segments"])
            assert [each["tokens"] for each in heard["segments"]] == [[], []]
            record = await g.spool.one()
            assert AWS.encode() not in record.attempts[0].response
            assert record.attempts[0].usage is not None
            assert (record.attempts[0].usage.input, record.status) == (14, 200)
            assert AWS not in told.text

    asyncio.run(main())


@pytest.mark.parametrize("stream", [False, True])
def test_a_transcript_that_is_stopped_is_paid_for_and_goes_to_nobody(stream: bool) -> None:
    async def main() -> None:
        script = streams(*map(event, SAID)) if stream else answers(HEARD)
        async with lab(script, secrets(action="block", stages=("output",))) as (g, _):
            told = await hear(g, stream="true") if stream else await hear(g)
            assert (told.status_code, told.json()["error"]["code"]) == (403, "guard_blocked"), told.text
            assert told.headers["trimtab-guard"] == "block"
            assert AWS not in told.text
            record = await g.spool.one()
            [attempt] = record.attempts
            assert (record.status, record.outcome, attempt.outcome) == (403, "error", "answer")
            assert attempt.cost.amount == (14 * 5 + 5 * 40) * 1_000_000
            assert (attempt.response, attempt.stop) == (b"", "content_filter")
            assert [(each.stage, each.action) for each in record.guards] == [("output", "block")]

    asyncio.run(main())


def test_of_a_streamed_transcript_nothing_leaves_before_it_was_looked_at() -> None:
    async def main() -> None:
        async with lab(streams(*map(event, SAID)), secrets(action="redact")) as (g, _):
            told = await hear(g, stream="true")
            assert told.status_code == 200, told.text
            events = [json.loads(line[5:]) for line in told.text.splitlines() if line.startswith("data:")]
            assert [each["type"] for each in events] == [each["type"] for each in SAID]
            deltas = events[0]["delta"] + events[1]["delta"]
            assert deltas == events[2]["text"]
            assert deltas.startswith("my key is [")
            assert AWS not in told.text

    asyncio.run(main())


def test_of_a_guard_that_changes_nothing_every_byte_passes_and_its_verdict_is_on_record() -> None:
    async def main() -> None:
        for spec in (secrets(action="flag"), secrets(action="block", mode="shadow")):
            async with lab(streams(*map(event, SAID)), spec) as (g, _):
                told = await hear(g, stream="true")
                assert told.content == b"".join(map(event, SAID))
                record = await g.spool.one()
                assert (record.guards[-1].stage, record.guards[-1].action) == ("output", spec.action)

    asyncio.run(main())


@pytest.mark.parametrize("line", ['data: {"delta": "so\u2028%s"}', 'data: {"delta": "so\x85%s"}', ": %s", "id: %s"])
def test_no_line_of_a_streamed_transcript_goes_round_a_guard(line: str) -> None:
    """What ends a line elsewhere may stand in an event's JSON; and what is no data is read by somebody, too."""

    async def main() -> None:
        async with lab(streams(f"{line % SECRET}\n\n".encode()), secrets(action="redact")) as (g, _):
            told = await hear(g, stream="true")
            assert (told.status_code, "my key is [" in told.text) == (200, True), told.text
            assert AWS not in told.text
            assert (await g.spool.one()).guards[-1].action == "redact"

    asyncio.run(main())


ODD = [
    (json.dumps(SECRET).encode(), b'"my key is ['),
    (b'{"n": 1%s, "text": "%s"}' % (b"0" * 400, SECRET.encode()), b'{"n":1' + b"0" * 400),
    (b'{"text": "%s", "n": %s}' % (SECRET.encode(), b"[" * 100_000 + b"]" * 100_000), b'{"text": "my key is ['),
    (b'{"text": "\xff"}', b'{"text": "\xff"}'),
]


@pytest.mark.parametrize(("body", "given"), ODD)
def test_json_that_is_one_string_too_deep_or_none_at_all_is_no_mistake_of_ours(body: bytes, given: bytes) -> None:
    async def main() -> None:
        async with lab(answers(body), secrets(action="redact")) as (g, _):
            told = await hear(g)
            assert told.status_code == 200, told.text
            assert told.content.startswith(given)
            assert AWS.encode() not in told.content

    asyncio.run(main())


@pytest.mark.parametrize("odd", ["1e400", "9" * 5000, "[" * 100_000 + "]" * 100_000])
@pytest.mark.parametrize("action", ["redact", "flag"])
def test_what_no_guard_can_read_of_json_that_is_asked_is_the_clients_mistake(odd: str, action: str) -> None:
    async def main() -> None:
        async with lab(answers(PICTURE), secrets(action=action)) as (g, up):
            body = f'{{"model": "painter", "prompt": "a tab", "x": {odd}}}'
            told = await g.client.post(
                "/v1/images/generations", content=body, headers={**KEY, "content-type": "application/json"}
            )
            assert told.status_code == 400, told.text
            assert up.requests == []

    asyncio.run(main())


def test_a_transcript_of_plain_text_is_looked_at_as_one() -> None:
    async def main() -> None:
        async def script(up: Upstream, reader: Any, writer: Any) -> None:
            data = SECRET.encode()
            writer.write(b"HTTP/1.1 200 X\r\ncontent-type: text/plain\r\ncontent-length: %d\r\n\r\n" % len(data) + data)

        async with lab(script, secrets(action="redact")) as (g, _):
            told = await hear(g, response_format="srt")
            assert told.text.startswith("my key is [")
            assert AWS not in told.text

    asyncio.run(main())


def test_what_a_model_made_of_a_prompt_is_looked_at_too() -> None:
    async def main() -> None:
        revised = {**PICTURE, "data": [{"b64_json": "aGk=", "revised_prompt": SECRET}]}
        async with lab(answers(revised), secrets(action="redact", stages=("output",))) as (g, _):
            told = await g.client.post("/v1/images/generations", json={**PROMPT, "prompt": "a tab"}, headers=KEY)
            [made] = told.json()["data"]
            assert made["b64_json"] == "aGk="
            assert made["revised_prompt"].startswith("my key is [")

    asyncio.run(main())


def test_stand_ins_are_put_back_into_a_transcript_for_its_client_alone() -> None:
    async def main() -> None:
        async def script(up: Upstream, reader: Any, writer: Any) -> None:
            begin = up.bodies[0].index(b"[EMAIL_")
            stand_in = up.bodies[0][begin : up.bodies[0].index(b"]", begin) + 1].decode()
            await answers({"text": f"write to {stand_in}", "usage": USED})(up, reader, writer)

        pii = GuardSpec(kind="pii", action="redact", options={"mode": "tokenise"}, applies_to=("*",))
        async with lab(script, pii, guard_tools=stand_ins) as (g, up):
            told = await hear(g, prompt="spell ann@example.org right")
            assert b"ann@example.org" not in up.bodies[0]
            assert told.json()["text"] == "write to ann@example.org"
            record = await g.spool.one()
            assert b"ann@example.org" not in record.attempts[0].response

    asyncio.run(main())


@pytest.mark.parametrize("pattern", ["lab/*", "lab/gpt-image-2", "gpt-image-2"])
def test_a_guard_of_a_providers_models_looks_where_a_header_names_the_provider(pattern: str) -> None:
    async def main() -> None:
        async with lab(answers(PICTURE), replace(secrets(action="block"), applies_to=(pattern,))) as (g, up):
            for headers, model in (({"trimtab-provider": "lab"}, "gpt-image-2"), ({}, "lab/gpt-image-2")):
                if model.startswith("lab/") and pattern == "gpt-image-2":
                    continue
                asked = {"model": model, "prompt": SECRET}
                told = await g.client.post("/v1/images/generations", json=asked, headers={**KEY, **headers})
                assert told.status_code == 403, told.text
            assert up.requests == []

    asyncio.run(main())


def test_a_name_that_a_model_of_another_provider_has_takes_no_call_past_a_guard_of_the_provider_that_is_asked() -> None:
    async def main() -> None:
        async with upstream(answers(PICTURE)) as up:
            kinds = [replace(provider(name, up.port), kind="openai") for name in ("lab", "studio")]
            named = replace(PAINTER, name="gpt-image-1")
            async with running(kinds, [named], max_body=1 << 20) as g:
                guard(g, replace(secrets(action="block"), applies_to=("studio/*",)))
                asked = {"model": "gpt-image-1", "prompt": SECRET}
                told = await g.client.post(
                    "/v1/images/generations", json=asked, headers={**KEY, "trimtab-provider": "studio"}
                )
                assert told.status_code == 403, told.text
                assert up.requests == []
                assert (await g.client.post("/v1/images/generations", json=asked, headers=KEY)).status_code == 200

    asyncio.run(main())


def test_an_answer_kept_for_a_key_is_looked_at_again_where_guards_came_since(tmp_path: Path) -> None:
    async def main() -> None:
        async with upstream(answers(HEARD)) as up:
            kind = replace(provider("lab", up.port), kind="openai")
            async with gateway(tmp_path, [kind], [EARS], max_body=1 << 20) as (g, _):
                headers = {**KEY, "idempotency-key": "k-1"}
                asked: dict[str, Any] = {"data": {"model": "ears"}, "files": SOUND, "headers": headers}
                first = await g.client.post("/v1/audio/transcriptions", **asked)
                assert AWS in first.text
                guard(g, secrets(action="redact"))
                second = await g.client.post("/v1/audio/transcriptions", **asked)
                assert second.headers["idempotent-replayed"] == "true"
                assert AWS not in second.text
                guard(g, secrets(action="block"))
                third = await g.client.post("/v1/audio/transcriptions", **asked)
                assert (third.status_code, len(up.requests)) == (403, 1), third.text

    asyncio.run(main())


DRAWN: dict[str, tuple[str, str, dict[str, Any], dict[str, Any], list[dict[str, Any]]]] = {
    "gemini": (
        "/v1beta/models/m:generateContent",
        "/v1beta/models/m:streamGenerateContent?alt=sse",
        {"contents": [{"role": "user", "parts": [{"text": "draw a tab"}]}]},
        (whole := {"candidates": [{"content": {"role": "model", "parts": [
            {"text": "Here: "}, {"inlineData": {"mimeType": "image/png", "data": "aGk="}}]}, "finishReason": "STOP"}]}),
        [whole],
    ),
    "openai_responses": (
        "/v1/responses",
        "/v1/responses",
        {"model": "m", "input": "draw a tab", "tools": [{"type": "image_generation"}]},
        (drawn := {"id": "resp_1", "object": "response", "created_at": 1, "model": "up-1", "status": "completed",
            "output": [item := {"id": "ig_1", "type": "image_generation_call", "status": "completed",
                                "result": "aGk="}]}),
        [
            {"type": "response.created", "response": {**drawn, "status": "in_progress", "output": []}},
            {"type": "response.output_item.added", "output_index": 0, "item": {**item, "status": "in_progress"}},
            {"type": "response.output_item.done", "output_index": 0, "item": item},
            {"type": "response.completed", "response": drawn},
        ],
    ),
}  # fmt: skip


@pytest.mark.parametrize("front", DRAWN)
def test_a_picture_that_a_model_draws_in_a_chat_is_told_allowed_or_blocked_whole_and_streamed(front: str) -> None:
    whole_path, stream_path, body, whole, parts = DRAWN[front]

    async def main() -> None:
        for stream in (False, True):
            script = streams(*map(event, parts)) if stream else answers(whole)
            async with (
                upstream(script) as up,
                running([provider("lab", up.port, front)], [replace(PAINTER, name="m", upstream="up-1")]) as g,
            ):
                for spec in (
                    secrets(action="flag"),
                    secrets(action="redact"),
                    secrets(action="block", unread="allow"),
                    secrets(action="flag", unread="block"),
                    secrets(action="redact", unread="block"),
                ):
                    guard(g, spec)
                    asked = {**body, "stream": True} if stream and front != "gemini" else body
                    told = await g.client.post(stream_path if stream else whole_path, json=asked)
                    assert told.status_code == 200, told.text
                    assert ("aGk=" in told.text) == (spec.unread != "block"), (stream, spec, told.text)
                    seen = [each for each in lines(g.spool.records[-1]) if each[0] == "output"]
                    if spec.unread == "block":
                        assert seen == [("output", "block", {"image": 1})], (stream, spec)
                    elif spec.unread == "flag":
                        assert seen == [("output", "allow", {"image": 1})], (stream, spec)
                    else:
                        assert not any(each[2] for each in seen)

    asyncio.run(main())


def test_an_answer_that_is_spoken_goes_round_no_guard_that_would_have_to_read_it() -> None:
    async def main() -> None:
        spoken = {"role": "assistant", "content": None, "audio": {"id": "a", "data": "aGk=", "transcript": SECRET}}
        told = {**WHOLE, "choices": [{"index": 0, "message": spoken, "finish_reason": "stop"}]}
        asked: dict[str, Any] = {
            "model": "ears",
            "messages": [{"role": "user", "content": "speak"}],
            "modalities": ["text", "audio"],
            "audio": {"voice": "alloy", "format": "wav"},
        }
        for spec, status in (
            (secrets(action="redact"), 400),
            (secrets(action="redact", on_failure="open"), 200),
            (secrets(action="redact", stages=("input",)), 200),
            (secrets(action="flag"), 200),
        ):
            async with lab(answers(told), spec) as (g, up):
                answer = await g.chat(asked)
                assert answer.status_code == status, answer.text
                assert len(up.requests) == (status == 200)
                if status == 400:
                    assert answer.json()["error"]["param"] == "modalities"
                elif "input" not in spec.stages:
                    assert ("output", "allow", {"audio": 1}) in lines(g.spool.records[-1])
        async with lab(answers(told), secrets(action="flag", unread="block", on_failure="open")) as (g, up):
            answer = await g.chat(asked)
            assert answer.json()["choices"][0]["finish_reason"] == "content_filter"
            assert up.requests == []

    asyncio.run(main())

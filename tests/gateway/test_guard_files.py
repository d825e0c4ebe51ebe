"""What guards cannot read is told or stops the call; what is a file of text is read, and written again."""

import asyncio
import base64
import json
from typing import Any, cast
from urllib.parse import quote

import msgspec
import pytest
from harness import provider, running
from hypothesis import given
from hypothesis import strategies as st
from test_guarding import AWS, FAST, guard, secrets
from test_guarding_fronts import FRONTS
from upstream import WHOLE, answers, upstream
from vendors import vendors

from trimtab.gateway.guard_files import Leaf, leaves, read
from trimtab.llm.types import Opaque

PNG = "iVBORw0KGgo="
PDF = base64.b64encode(b"%PDF-1.7 \xff\xfe binary").decode()
NOTE = base64.b64encode(f"name,key\nops,{AWS}\n".encode()).decode()
SOUND = {"data": PNG, "format": "wav"}


def chat(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"model": "m", "messages": [{"role": "user", "content": [{"type": "text", "text": "Look."}, *parts]}]}


def answer_api(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"model": "m", "input": [{"role": "user", "content": [{"type": "input_text", "text": "Look."}, *parts]}]}


def messages(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"max_tokens": 500, **chat(*parts)}


def gemini(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"contents": [{"role": "user", "parts": [{"text": "Look."}, *parts]}]}


def inline(media: str, data: str) -> dict[str, Any]:
    return {"inlineData": {"mimeType": media, "data": data}}


def source(kind: str, **more: str) -> dict[str, Any]:
    return {"type": "document", "source": {"type": kind, **more}}


UNREAD: list[tuple[str, dict[str, Any], dict[str, int]]] = [
    ("openai_chat", chat({"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}), {"image": 1}),
    ("openai_chat", chat({"type": "image_url", "image_url": {"url": "https://x.test/a.png"}},
                         {"type": "input_audio", "input_audio": SOUND}), {"image": 1, "audio": 1}),
    ("openai_chat", chat({"type": "file", "file": {"filename": "a.pdf", "file_data":
                          f"data:application/pdf;base64,{PDF}"}}), {"file": 1}),
    ("openai_chat", chat({"type": "file", "file": {"file_id": "file-1"}}), {"file": 1}),
    ("openai_responses", answer_api({"type": "input_image", "image_url": f"data:image/png;base64,{PNG}"},
                                    {"type": "input_image", "file_id": "file-2"}), {"image": 2}),
    ("openai_responses", answer_api({"type": "input_file", "file_id": "file-1"},
                                    {"type": "input_file", "file_url": "https://x.test/a.pdf"}), {"file": 2}),
    ("anthropic_messages", messages({"type": "image", "source": {"type": "base64", "media_type": "image/png",
                                                                 "data": PNG}}), {"image": 1}),
    ("anthropic_messages", messages(source("base64", media_type="application/pdf", data=PDF),
                                    source("url", url="https://x.test/a.pdf"), source("file", file_id="f")),
     {"file": 3}),
    ("anthropic_messages", messages({"type": "image", "source": {"type": "file", "file_id": "f"}}), {"image": 1}),
    ("gemini", gemini(inline("audio/wav", PNG), inline("video/mp4", PNG), inline("image/png", PNG)),
     {"audio": 1, "image": 1, "video": 1}),
    ("gemini", gemini({"fileData": {"mimeType": "application/pdf", "fileUri": "gs://b/a.pdf"}}), {"file": 1}),
]  # fmt: skip


@pytest.mark.parametrize(("front", "body", "unread"), UNREAD)
def test_what_no_guard_can_read_is_told_and_where_it_is_wanted_stops_the_call(
    front: str, body: dict[str, Any], unread: dict[str, int]
) -> None:
    async def main() -> None:
        async with vendors(front, "text=hello") as g:
            guard(g, secrets(action="redact", stages=("input",)))
            response = await g.client.post(FRONTS[front][0], json=body)
            assert response.status_code == 200, response.text
            (line,) = g.spool.records[-1].guards
            assert (line.action, line.unread) == ("allow", unread)
            guard(g, secrets(action="flag", stages=("input",), unread="block"))
            for streamed in (False, True):
                whole, streaming, *_ = FRONTS[front]
                path = streaming if streamed else whole
                asked = {**body, "stream": True} if streamed and front != "gemini" else body
                response = await g.client.post(path, json=asked)
                assert FRONTS[front][3] in response.text.replace(": ", ":"), response.text
                record = g.spool.records[-1]
                assert record.attempts[0].kind == "guard"
                assert (record.guards[0].action, record.guards[0].unread) == ("block", unread)
                assert "cannot read" in record.guards[0].reason
            guard(g, secrets(action="flag", unread="allow"))
            await g.client.post(FRONTS[front][0], json=body)
            assert [each.unread for each in g.spool.records[-1].guards] == [{}] * len(g.spool.records[-1].guards)

    asyncio.run(main())


def url(text: str, media: str = "text/csv") -> str:
    return f"data:{media};base64,{base64.b64encode(text.encode()).decode()}"


READ: list[tuple[str, dict[str, Any]]] = [
    ("openai_chat", chat({"type": "file", "file": {"filename": "a.csv", "file_data": url(f"key {AWS}")}})),
    ("openai_chat", chat({"type": "file", "file": {"filename": "a.csv", "file_data": NOTE}})),
    ("openai_chat", chat({"type": "file", "file": {"file_data": f"data:text/plain,{quote(f'key {AWS}')}"}})),
    ("openai_responses", answer_api({"type": "input_file", "filename": "a.json",
                                     "file_data": url(json.dumps({"key": AWS}), "application/json")})),
    ("anthropic_messages", messages(source("base64", media_type="text/plain", data=NOTE))),
    ("anthropic_messages", messages(source("text", media_type="text/plain", data=f"key {AWS}"))),
    ("anthropic_messages", messages({"type": "document", "source": {"type": "content", "content": [
        {"type": "text", "text": f"key {AWS}"}]}})),
    ("anthropic_messages", messages({**source("text", media_type="text/plain", data="All well."), "title": AWS})),
    ("gemini", gemini(inline("text/csv", NOTE))),
]  # fmt: skip


@pytest.mark.parametrize("stages", [(), ("input",)])
@pytest.mark.parametrize(("front", "body"), READ)
def test_a_file_of_text_is_read_and_written_again_without_what_was_found(
    front: str, body: dict[str, Any], stages: Any
) -> None:
    async def main() -> None:
        async with vendors(front, "text=hello") as g:
            guard(g, secrets(action="redact", stages=stages))
            response = await g.client.post(FRONTS[front][0], json=body)
            assert response.status_code == 200, response.text
            record = await g.spool.one()
            taken = [each for each in record.guards if each.action == "redact"]
            assert [(sum(each.found.values()), each.unread) for each in taken] == [(1, {})]
            for kept in (record.request, record.attempts[0].request):
                assert AWS not in opened(kept)
                assert "[AWS]" in opened(kept)

    asyncio.run(main())


def opened(body: bytes) -> str:
    """All strings of a body, unpacked where they are files of text."""
    found: list[str] = []

    def walk(value: Any) -> None:
        inner = list(cast("dict[str, Any]", value).values()) if isinstance(value, dict) else cast("list[Any]", value)
        for each in inner:
            if isinstance(each, str):
                file = read(each)
                found.append(each if file is None else file.text)
            elif isinstance(each, dict | list):
                walk(each)

    walk(json.loads(body))
    return "\n".join(found)


def test_a_picture_that_a_tool_gave_back_is_not_read_either() -> None:
    async def main() -> None:
        async with vendors("anthropic_messages", "text=hello") as g:
            guard(g, secrets(action="flag", stages=("tool_result",)))
            picture = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}
            asked: dict[str, Any] = {
                "model": "m", "max_tokens": 9,
                "messages": [
                    {"role": "user", "content": "Look."},
                    {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "see", "input": {}}]},
                    {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": [picture]}]},
                ],
            }  # fmt: skip
            await g.client.post("/v1/messages", json=asked)
            (line,) = g.spool.records[-1].guards
            assert (line.stage, line.unread) == ("tool_result", {"image": 1})

    asyncio.run(main())


def test_in_shadow_mode_it_says_what_it_would_have_stopped() -> None:
    async def main() -> None:
        async with upstream(answers(WHOLE)) as up, running([provider("lab", up.port)], [FAST]) as g:
            guard(g, secrets(action="flag", unread="block", mode="shadow"))
            picture = {"type": "image_url", "image_url": {"url": "https://x.test/a.png"}}
            response = await g.chat({**chat(picture), "model": "fast"})
            assert response.json() == WHOLE
            assert (g.spool.records[-1].guards[0].action, g.spool.records[-1].guards[0].mode) == ("block", "shadow")

    asyncio.run(main())


@given(st.text(max_size=60), st.sampled_from(["file_data", "data", "url"]))
def test_a_file_is_written_again_as_it_came(text: str, where: str) -> None:
    text = text.replace("\0", "").replace("\ufeff", "")
    data = base64.b64encode(text.encode("utf-8", "replace")).decode()
    plain = base64.b64decode(data).decode()
    raw = {
        "file_data": {"type": "input_file", "file_data": f"data:text/plain;base64,{data}"},
        "data": {"type": "x", "media_type": "text/plain", "data": data},
        "url": {"type": "input_file", "file_data": f"data:,{quote(plain)}"},
    }[where]
    found = [each for each in leaves(Opaque("x", msgspec.Raw(msgspec.json.encode(raw)))) if isinstance(each, Leaf)]
    assert [each.text for each in found] == [plain]
    again = read(found[0].again(plain)) if where != "data" or len(data) >= 16 else None
    assert again is None or again.text == plain


@pytest.mark.parametrize("data", ["!!!", PDF, base64.b64encode(b"\0\0\0").decode(), "A", "data:text/plain;base64,%%%"])
def test_what_says_that_it_is_text_and_is_not_is_a_file_that_nobody_read(data: str) -> None:
    raw = msgspec.Raw(msgspec.json.encode({"type": "input_file", "filename": "a.txt", "file_data": data}))
    assert [each for each in leaves(Opaque("x", raw)) if isinstance(each, str)] == ["file"]

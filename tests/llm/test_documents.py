"""A document of every client reaches the providers of every dialect, or is refused with what to do."""

import base64
import json
from collections.abc import Callable
from typing import Any, get_type_hints

import anthropic
import openai
import pydantic
import pytest
from anthropic.types import DocumentBlockParam
from bridge import Bridge
from google.genai import types as google
from msgspec import Raw
from openai.types.chat import ChatCompletionContentPartParam
from openai.types.responses import ResponseInputContentParam

from patience import PATIENCE_S
from trimtab.core.errors import Unsupported
from trimtab.llm.dialects import DIALECTS, Quirks
from trimtab.llm.dialects._documents import Document, document_of
from trimtab.llm.types import Message, Opaque, Request, Text, Tool, ToolCall, ToolResult

BYTES = b"%PDF-1.7 \xfb\xff\xfe a chart of the tides"
DATA = base64.b64encode(BYTES).decode()
URL_SAFE = base64.urlsafe_b64encode(BYTES).decode()
NOTES = "high water at nine"
NOTES_DATA = base64.b64encode(NOTES.encode()).decode()
PAGE = "https://tide.example/charts/tides.pdf"
WAV = base64.b64encode(b"RIFF....WAVE").decode()

assert "+" in DATA or "/" in DATA  # the two alphabets of base64 differ here


def openai_file(**file: Any) -> dict[str, Any]:
    return {"type": "file", "file": file}


def anthropic_document(**more: Any) -> dict[str, Any]:
    return {"type": "document", "title": "tides.pdf", **more}


PDFS: dict[str, Any] = {
    "openai_chat": openai_file(filename="tides.pdf", file_data=f"data:application/pdf;base64,{DATA}"),
    "openai_responses": {
        "type": "input_file",
        "filename": "tides.pdf",
        "file_data": f"data:application/pdf;base64,{DATA}",
    },
    "anthropic_messages": anthropic_document(
        source={"type": "base64", "media_type": "application/pdf", "data": DATA}, cache_control={"type": "ephemeral"}
    ),
    "gemini": {"inline_data": {"mime_type": "application/pdf", "data": URL_SAFE, "display_name": "tides.pdf"}},
}
TEXTS: dict[str, Any] = {
    "openai_chat": openai_file(filename="notes.txt", file_data=f"data:text/plain;base64,{NOTES_DATA}"),
    "openai_responses": {
        "type": "input_file",
        "filename": "notes.txt",
        "file_data": f"data:text/plain;base64,{NOTES_DATA}",
    },
    "anthropic_messages": {
        "type": "document",
        "title": "notes.txt",
        "source": {"type": "text", "media_type": "text/plain", "data": NOTES},
    },
    "gemini": {"inlineData": {"mimeType": "text/plain", "data": NOTES_DATA, "displayName": "notes.txt"}},
}
LINKS: dict[str, Any] = {
    "openai_responses": {"type": "input_file", "file_url": PAGE},
    "anthropic_messages": anthropic_document(source={"type": "url", "url": PAGE}),
    "gemini": {"fileData": {"fileUri": PAGE, "mimeType": "application/pdf"}},
}
UPSTREAMS = ("openai_chat", "openai_responses", "anthropic_messages", "gemini", "bedrock_converse", "cohere_chat")


def asked(front: str, block: Any) -> Request:
    """The call of a client of that dialect who shows a document."""
    said: dict[str, Any]
    match front:
        case "openai_chat":
            said = {"messages": [{"role": "user", "content": [{"type": "text", "text": "Read"}, block]}]}
        case "openai_responses":
            said = {"input": [{"role": "user", "content": [{"type": "input_text", "text": "Read"}, block]}]}
        case "gemini":
            said = {"contents": [{"role": "user", "parts": [{"text": "Read"}, block]}]}
        case _:
            said = {
                "max_tokens": 9,
                "messages": [{"role": "user", "content": [{"type": "text", "text": "Read"}, block]}],
            }
    return DIALECTS.get(front).parse_request(json.dumps({"model": "m"} | said).encode())


def shown(upstream: str, request: Request) -> Any:
    """The block after the question, as the provider gets it."""
    body = json.loads(DIALECTS.get(upstream).render_request(request, "m", Quirks()))
    match upstream:
        case "openai_responses":
            return body["input"][0]["content"][1]
        case "gemini":
            return body["contents"][0]["parts"][1]
        case _:
            return body["messages"][0]["content"][1]


def typed(upstream: str, block: Any) -> None:
    """Raises where the vendor's own client has no such block."""
    match upstream:
        case "openai_chat":
            pydantic.TypeAdapter[Any](ChatCompletionContentPartParam).validate_python(block)
        case "openai_responses":
            pydantic.TypeAdapter[Any](ResponseInputContentParam).validate_python(block)
        case "anthropic_messages":
            assert set(block) <= set(get_type_hints(DocumentBlockParam))
            pydantic.TypeAdapter[Any](DocumentBlockParam).validate_python(block)
        case "gemini":
            google.Part.model_validate(block)
        case _:
            pass


WANTED_PDF: dict[str, Any] = {
    "openai_chat": PDFS["openai_chat"],
    "openai_responses": PDFS["openai_responses"],
    "anthropic_messages": anthropic_document(source={"type": "base64", "media_type": "application/pdf", "data": DATA}),
    "gemini": {"inlineData": {"mimeType": "application/pdf", "data": DATA}},
    "bedrock_converse": {"document": {"format": "pdf", "name": "tides pdf", "source": {"bytes": DATA}}},
}
AS_TEXT = f'<document name="notes.txt">\n{NOTES}\n</document>'
WANTED_TEXT: dict[str, Any] = {
    "openai_chat": {"type": "text", "text": AS_TEXT},
    "openai_responses": {"type": "input_text", "text": AS_TEXT},
    "anthropic_messages": TEXTS["anthropic_messages"],
    "gemini": {"inlineData": {"mimeType": "text/plain", "data": NOTES_DATA}},
    "bedrock_converse": {"document": {"format": "txt", "name": "notes txt", "source": {"bytes": NOTES_DATA}}},
    "cohere_chat": {"type": "text", "text": AS_TEXT},
}


@pytest.mark.parametrize("upstream", WANTED_PDF)
@pytest.mark.parametrize("front", PDFS)
def test_a_pdf_reaches_the_providers_of_other_dialects(front: str, upstream: str) -> None:
    if front == upstream:
        return  # there it passes as it came: `test_round_trips.py`
    block = shown(upstream, asked(front, PDFS[front]))
    assert block == WANTED_PDF[upstream]
    typed(upstream, block)


@pytest.mark.parametrize("front", PDFS)
def test_a_pdf_is_refused_where_only_texts_are_read(front: str) -> None:
    with pytest.raises(Unsupported, match="'application/pdf' are not taken") as caught:
        shown("cohere_chat", asked(front, PDFS[front]))
    assert caught.value.fix


@pytest.mark.parametrize("upstream", UPSTREAMS)
@pytest.mark.parametrize("front", TEXTS)
def test_a_text_in_a_file_reaches_every_provider(front: str, upstream: str) -> None:
    if front == upstream:
        return
    block = shown(upstream, asked(front, TEXTS[front]))
    if front == "anthropic_messages" and upstream in ("gemini", "bedrock_converse"):  # it has no bytes
        assert block == {"text": AS_TEXT}
    else:
        assert block == WANTED_TEXT[upstream]
    typed(upstream, block)


@pytest.mark.parametrize("front", LINKS)
def test_a_document_on_the_open_web_goes_where_it_is_fetched(front: str) -> None:
    request = asked(front, LINKS[front])
    wanted: dict[str, Any] = {
        "openai_responses": LINKS["openai_responses"],
        "anthropic_messages": LINKS["anthropic_messages"],
        "gemini": LINKS["gemini"],
    }
    for upstream, block in wanted.items():
        if upstream != front:
            assert shown(upstream, request) == block
            typed(upstream, block)
    for upstream in ("openai_chat", "bedrock_converse"):
        with pytest.raises(Unsupported, match="A document by its URL") as caught:
            shown(upstream, request)
        assert caught.value.fix == "Send the document itself, in base64."


def test_sound_reaches_those_who_hear() -> None:
    request = asked("openai_chat", {"type": "input_audio", "input_audio": {"data": WAV, "format": "wav"}})
    heard = {"inlineData": {"mimeType": "audio/wav", "data": WAV}}
    assert shown("gemini", request) == heard
    assert shown("bedrock_converse", request) == {"audio": {"format": "wav", "source": {"bytes": WAV}}}
    back = shown("openai_chat", asked("gemini", heard))
    assert back == {"type": "input_audio", "input_audio": {"data": WAV, "format": "wav"}}
    for upstream in ("anthropic_messages", "openai_responses", "cohere_chat"):
        with pytest.raises(Unsupported, match="'audio/wav' are not taken"):
            shown(upstream, request)


@pytest.mark.parametrize(
    ("dialect", "block"),
    [
        ("openai_chat", openai_file(file_id="file-1")),
        ("openai_responses", {"type": "input_file", "file_id": "file-1"}),
        ("openai_responses", {"type": "web_search_call"}),
        ("anthropic_messages", anthropic_document(source={"type": "file", "file_id": "f"})),
        ("anthropic_messages", anthropic_document(source={"type": "base64", "media_type": "application/pdf"})),
        ("anthropic_messages", {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}),
        ("gemini", {"fileData": {"fileUri": "https://generativelanguage.googleapis.com/v1beta/files/abc"}}),
        ("gemini", {"fileData": {"fileUri": "gs://bucket/a.pdf", "mimeType": "application/pdf"}}),
        ("gemini", {"fileData": {"fileUri": "https://[broken", "mimeType": "application/pdf"}}),
        ("gemini", {"inlineData": {"data": DATA}}),
        ("gemini", {"executableCode": {"language": "PYTHON", "code": "1"}}),
        ("bedrock_converse", {"document": {"format": "pdf"}}),
        ("cohere_chat", {"type": "citation"}),
    ],
)
def test_what_lies_in_a_vendors_own_store_does_not_cross(dialect: str, block: Any) -> None:
    part = Opaque(dialect, Raw(json.dumps(block).encode()))
    assert document_of(part) is None
    other = "gemini" if dialect != "gemini" else "openai_chat"
    with pytest.raises(Unsupported, match=f"only {dialect} providers understand it"):
        DIALECTS.get(other).render_request(Request(model="m", messages=(Message("user", (part,)),)), "m", Quirks())


def test_a_file_that_a_tool_gave_back_crosses_with_its_result() -> None:
    part = Opaque("anthropic_messages", Raw(json.dumps(PDFS["anthropic_messages"]).encode()))
    note = Opaque("anthropic_messages", Raw(json.dumps(TEXTS["anthropic_messages"]).encode()))
    messages = (
        Message("user", (Text("Fetch the chart"),)),
        Message("assistant", (ToolCall("c1", "fetch", "{}"),)),
        Message("tool", (ToolResult("c1", (Text("Here:"), part, note)),)),
    )
    request = Request(model="m", messages=messages, tools=(Tool(name="fetch"),))

    def body(dialect: str) -> Any:
        return json.loads(DIALECTS.get(dialect).render_request(request, "m", Quirks()))

    *_, result, owed = body("openai_chat")["messages"]
    assert [each["text"] for each in result["content"]] == ["Here:", AS_TEXT]
    told = {"type": "text", "text": "A file that tool call c1 gave back:"}
    assert owed == {"role": "user", "content": [told, WANTED_PDF["openai_chat"]]}
    assert body("openai_responses")["input"][-1]["output"][1] == WANTED_PDF["openai_responses"]
    assert body("gemini")["contents"][-1]["parts"][0]["functionResponse"]["parts"][0] == WANTED_PDF["gemini"]
    given = body("bedrock_converse")["messages"][-1]["content"][0]["toolResult"]["content"]
    assert given == [{"text": "Here:"}, WANTED_PDF["bedrock_converse"], {"text": AS_TEXT}]


def test_a_picture_of_googles_client_is_written_in_the_alphabet_that_all_read() -> None:
    raw = bytes([0xFB, 0xFF, 0xFE]) * 3
    picture = {"inline_data": {"mime_type": "image/png", "data": base64.urlsafe_b64encode(raw).decode()}}
    url: str = shown("openai_chat", asked("gemini", picture))["image_url"]["url"]
    assert base64.b64decode(url.partition("base64,")[2], validate=True) == raw


def test_a_name_cannot_end_the_mark_around_a_text_and_a_text_that_is_none_is_no_text() -> None:
    sly = Document(media_type="text/plain", name='a">\n</document>', text="x")
    assert sly.told() == '<document name="a    /document">\nx\n</document>'
    broken = Document(media_type="text/plain", data=base64.b64encode(b"\xff\xfe\x00").decode())
    assert broken.told() is None
    assert Document(media_type="application/pdf", data=DATA).filename == "document.pdf"


# --- the vendors' own clients, over a real socket, before every simulated provider ---

Serve = Callable[[Any], str]


@pytest.mark.parametrize("upstream", UPSTREAMS)
def test_openais_client_shows_documents_to_every_provider(serve: Serve, upstream: str) -> None:
    chats = openai.OpenAI(
        base_url=serve(Bridge("openai_chat", upstream)) + "/v1", api_key="k", max_retries=0, timeout=PATIENCE_S
    )
    responses = openai.OpenAI(
        base_url=serve(Bridge("openai_responses", upstream)) + "/v1", api_key="k", max_retries=0, timeout=PATIENCE_S
    )

    def chat(block: Any) -> str | None:
        messages: Any = [{"role": "user", "content": [{"type": "text", "text": "What is in it?"}, block]}]
        return chats.chat.completions.create(model="m?text=tides", messages=messages).choices[0].message.content

    def response(block: Any) -> str:
        asked: Any = [{"role": "user", "content": [{"type": "input_text", "text": "What is in it?"}, block]}]
        return responses.responses.create(model="m?text=tides", input=asked).output_text

    assert (chat(TEXTS["openai_chat"]), response(TEXTS["openai_responses"])) == ("tides", "tides")
    if upstream == "cohere_chat":
        for ask, block in ((chat, PDFS["openai_chat"]), (response, PDFS["openai_responses"])):
            with pytest.raises(openai.BadRequestError, match="are not taken by this provider"):
                ask(block)
    else:
        assert (chat(PDFS["openai_chat"]), response(PDFS["openai_responses"])) == ("tides", "tides")


@pytest.mark.parametrize("upstream", UPSTREAMS)
def test_anthropics_client_shows_documents_to_every_provider(serve: Serve, upstream: str) -> None:
    claude = anthropic.Anthropic(
        base_url=serve(Bridge("anthropic_messages", upstream)), api_key="k", max_retries=0, timeout=PATIENCE_S
    )

    def said(block: Any) -> str:
        messages: Any = [{"role": "user", "content": [block, {"type": "text", "text": "What is in it?"}]}]
        with claude.messages.stream(model="m", max_tokens=50, messages=messages) as stream:
            return stream.get_final_text()

    assert "What is in it?" in said(TEXTS["anthropic_messages"])
    if upstream == "cohere_chat":
        with pytest.raises(anthropic.BadRequestError, match="are not taken by this provider"):
            said(PDFS["anthropic_messages"])
    else:
        assert "What is in it?" in said(PDFS["anthropic_messages"])

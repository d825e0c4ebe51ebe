"""Documents and sound on their way to another vendor.

    Opaque --document_of--> Document --one of the rest--> a block of another dialect

A document stays a block of its own dialect (`types.Opaque`) until a call is written in another one: guards and traces
see it as the client sent it. What came along crosses, and what lies on the open web where the other vendor fetches
such; a file of a vendor's own store does not, nor what asks for more than to be read (Anthropic's citations). Text, in
whatever file, is told as text where the other vendor has no place for such files.

Shapes: ``openai.types.chat.ChatCompletionContentPartParam``, ``openai.types.responses.ResponseInputFileParam``,
``anthropic.types.DocumentBlockParam``, https://ai.google.dev/api/caching#Part,
https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_DocumentBlock.html.
"""

import base64
import binascii
import mimetypes
import re
from typing import Any
from urllib.parse import unquote, urlsplit

from msgspec import Struct
from msgspec.structs import replace

from trimtab.core.errors import Unsupported
from trimtab.llm.dialects._crossing import foreign, opaque_fields
from trimtab.llm.dialects._tolerant import a_text, an_object
from trimtab.llm.types import Opaque

Wire = dict[str, Any]
PDF = "application/pdf"

_DATA_URL = re.compile(r"data:([\w.+-]+/[\w.+-]+)?(?:;[\w-]+=[^;,]*)*;base64,(.*)", re.DOTALL)
_TEXTUAL = re.compile(r"text/.+|application/(?:(?:.+\+)?(?:json|xml|yaml)|ndjson|jsonl|csv|sql|toml|javascript)")
_SOUND = {"wav": "audio/wav", "mp3": "audio/mpeg"}
_SOUND_FORMATS = {"audio/wav": "wav", "audio/x-wav": "wav", "audio/mpeg": "mp3", "audio/mp3": "mp3"}
_OWN_HOSTS = ("googleapis.com", "youtube.com", "youtu.be")
_BEDROCK = {
    PDF: "pdf",
    "text/csv": "csv",
    "application/msword": "doc",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/vnd.ms-excel": "xls",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "text/html": "html",
    "text/plain": "txt",
    "text/markdown": "md",
}


class Document(Struct, frozen=True, kw_only=True):
    """One of ``data`` (base64), ``url`` and ``text`` is set; ``name`` may be empty."""

    media_type: str
    name: str = ""
    data: str | None = None
    url: str | None = None
    text: str | None = None

    @property
    def filename(self) -> str:
        return self.name or f"document{mimetypes.guess_extension(self.media_type) or ''}"

    def as_data_url(self) -> str:
        return f"data:{self.media_type};base64,{self.data}"

    def words(self) -> str | None:
        """What stands in it, where it is a text."""
        if self.text is not None or self.data is None or not _TEXTUAL.fullmatch(self.media_type):
            return self.text
        try:
            return base64.b64decode(self.data, validate=True).decode("utf-8-sig")
        except (binascii.Error, ValueError):
            return None

    def told(self) -> str | None:
        """The text as a part of a prompt, with the name it had."""
        words = self.words()
        if words is None:
            return None
        name = re.sub(r"[<>\"\r\n]", " ", self.name).strip()
        return f'<document name="{name}">\n{words}\n</document>' if name else f"<document>\n{words}\n</document>"


def document_of(part: Opaque) -> Document | None:
    """What a block of any dialect holds to be read; None for what does not cross."""
    fields = opaque_fields(part)
    match part.dialect, fields.get("type"):
        case "openai_chat", "file":
            return _openai_file(an_object(fields.get("file")))
        case "openai_chat", "input_audio":
            sound = an_object(fields.get("input_audio"))
            kind = _SOUND.get(a_text(sound.get("format")))
            return Document(media_type=kind, data=plain_base64(a_text(sound.get("data")))) if kind else None
        case "openai_responses", "input_file":
            return _openai_file(fields)
        case "anthropic_messages", "document":
            return _anthropic_document(fields)
        case "gemini", _:
            return _gemini_file(fields)
        case _:
            return None


def _openai_file(file: Wire) -> Document | None:
    name = a_text(file.get("filename"))
    told = mimetypes.guess_type(name)[0] or ""
    if given := a_text(file.get("file_data")):
        inline = _DATA_URL.fullmatch(given)
        data = given if inline is None else inline[2]
        return Document(media_type=(inline and inline[1]) or told or PDF, name=name, data=plain_base64(data))
    return _linked(a_text(file.get("file_url")), told, name)


def _anthropic_document(block: Wire) -> Document | None:
    if block.get("context") or an_object(block.get("citations")).get("enabled"):
        return None
    source, name = an_object(block.get("source")), a_text(block.get("title"))
    match source.get("type"):
        case "base64":
            data = a_text(source.get("data"))
            return Document(media_type=a_text(source.get("media_type")) or PDF, name=name, data=data) if data else None
        case "text":
            return Document(media_type="text/plain", name=name, text=a_text(source.get("data")))
        case "url":
            return _linked(a_text(source.get("url")), PDF, name)
        case _:  # a file of Anthropic's own store; blocks in a block
            return None


def _gemini_file(part: Wire) -> Document | None:
    inline = an_object(part.get("inlineData") or part.get("inline_data"))
    if data := a_text(inline.get("data")):
        kind = a_text(inline.get("mimeType") or inline.get("mime_type"))
        name = a_text(inline.get("displayName") or inline.get("display_name"))
        return Document(media_type=kind, name=name, data=plain_base64(data)) if kind else None
    file = an_object(part.get("fileData") or part.get("file_data"))
    kind = a_text(file.get("mimeType") or file.get("mime_type"))
    return _linked(a_text(file.get("fileUri") or file.get("file_uri")), kind, "")


def _linked(url: str, told: str, name: str) -> Document | None:
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or host.endswith(_OWN_HOSTS):
        return None
    name = name or unquote(parts.path.rpartition("/")[2])
    return Document(media_type=told or mimetypes.guess_type(name)[0] or PDF, name=name, url=url)


def plain_base64(data: str) -> str:
    """In the alphabet that every vendor reads: Google's client writes the one for URLs."""
    return data.translate(_ALPHABET) if "-" in data or "_" in data else data


_ALPHABET = str.maketrans("-_", "+/")


# --- written ---


def _crossing(part: Opaque) -> Document:
    document = document_of(part)
    if document is None:
        raise foreign(part)
    return document


def _not_taken(document: Document) -> Unsupported:
    if document.url is not None:
        return Unsupported(
            "A document by its URL cannot be translated: this provider takes its bytes only.",
            fix="Send the document itself, in base64.",
            param="messages",
        )
    return Unsupported(
        f"Files of the type {document.media_type[:80]!r} are not taken by this provider.",
        fix="Send a PDF or a text, or call a model of another provider.",
        param="messages",
    )


def anthropic_block(part: Opaque) -> Wire:
    document = _crossing(part)
    words = document.words()
    if words is not None:
        source: Wire = {"type": "text", "media_type": "text/plain", "data": words}
    elif document.media_type == PDF and document.url is not None:
        source = {"type": "url", "url": document.url}
    elif document.media_type == PDF:
        source = {"type": "base64", "media_type": PDF, "data": document.data}
    else:
        raise _not_taken(document)
    block: Wire = {"type": "document", "source": source}
    return block | {"title": document.name} if document.name else block


def chat_part(part: Opaque) -> Wire:
    document = _crossing(part)
    if (text := document.told()) is not None:
        return {"type": "text", "text": text}
    if document.url is not None:
        raise _not_taken(document)
    if sound := _SOUND_FORMATS.get(document.media_type):
        return {"type": "input_audio", "input_audio": {"data": document.data, "format": sound}}
    if document.media_type.startswith(("audio/", "video/")):
        raise _not_taken(document)
    return {"type": "file", "file": {"filename": document.filename, "file_data": document.as_data_url()}}


def responses_part(part: Opaque) -> Wire:
    document = _crossing(part)
    if (text := document.told()) is not None:
        return {"type": "input_text", "text": text}
    if document.media_type.startswith(("audio/", "video/")):
        raise _not_taken(document)
    if document.url is not None:
        return {"type": "input_file", "file_url": document.url}
    return {"type": "input_file", "filename": document.filename, "file_data": document.as_data_url()}


def gemini_part(part: Opaque) -> Wire:
    """PDFs and plain texts as files, others as far as they are texts: Vertex takes no more
    (https://github.com/epam/ai-dial-adapter-vertexai/issues/148), and neither of both Word or Excel
    (https://github.com/googleapis/python-genai/issues/829)."""
    document = _crossing(part)
    read = document.media_type in (PDF, "text/plain") or document.media_type.startswith(("audio/", "video/"))
    if document.url is not None and (read or document.media_type.startswith("text/")):
        return {"fileData": {"fileUri": document.url, "mimeType": document.media_type}}
    if document.data is not None and read:
        return {"inlineData": {"mimeType": document.media_type, "data": document.data}}
    if (text := document.told()) is None:
        raise _not_taken(replace(document, url=None))
    return {"text": text}


def converse_block(part: Opaque) -> Wire:
    document = _crossing(part)
    kind = _BEDROCK.get(document.media_type)
    if document.url is not None:
        raise _not_taken(document)
    if sound := _SOUND_FORMATS.get(document.media_type):
        return {"audio": {"format": sound, "source": {"bytes": document.data}}}
    if kind is not None and document.data is not None:
        # letters, digits, single blanks, hyphens and brackets are all that a name may have
        name = re.sub(r"[^0-9A-Za-z()\[\]-]+", " ", document.name).strip()[:200] or "document"
        return {"document": {"format": kind, "name": name, "source": {"bytes": document.data}}}
    if (text := document.told()) is not None:
        return {"text": text}
    raise _not_taken(document)


def cohere_text(part: Opaque) -> str:
    document = _crossing(part)
    text = document.told()
    if text is None:
        raise _not_taken(document)
    return text

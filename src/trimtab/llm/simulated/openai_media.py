"""A simulated OpenAI beside its models: images, audio, files and batches, as the vendor's reference has them.

https://platform.openai.com/docs/api-reference/images, /audio, /files, /batch. Bodies are counted and hashed as they
arrive, never kept, but for the form fields that a test may want to see.
"""

import base64
import hashlib
import json
import re
import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

CREATED = 1_750_000_000
PIXEL = base64.b64encode(b"\x89PNG simulated").decode()
SPEECH = b"ID3" + bytes(range(256)) * 40
PATH = re.compile(r"/v1/(images|audio|files|batches)(/.*)?")
_FIELD = re.compile(rb'name="(\w+)"(?!; filename)\r\n\r\n([^\r]*)\r\n')

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class Seen:
    """What came of a body, whether that is all of it: its size, its SHA-256, and its form fields or its JSON."""

    def __init__(self) -> None:
        self.size = 0
        self.begun = b""
        self.whole = False
        self._hash = hashlib.sha256()

    def take(self, piece: bytes) -> None:
        self.size += len(piece)
        self._hash.update(piece)
        if len(self.begun) < 1_000_000:
            self.begun += piece

    @property
    def digest(self) -> str:
        return self._hash.hexdigest()

    def fields(self) -> dict[str, Any]:
        if self.begun[:1] == b"{":
            return json.loads(self.begun)
        return {name.decode(): value.decode() for name, value in _FIELD.findall(self.begun)}


async def read(receive: Receive) -> Seen:
    seen = Seen()
    while True:
        message = await receive()
        seen.take(message.get("body", b""))
        if message["type"] == "http.disconnect":
            return seen
        if not message.get("more_body"):
            seen.whole = True
            return seen


async def play(method: str, path: str, seen: Seen, send: Send) -> tuple[int, dict[str, Any]]:
    """Answer; returns the status and what was understood."""
    fields = seen.fields()
    if fields.get("fault") == "500" or str(fields.get("prompt", "")).startswith("fault=500"):
        await _json(send, 500, {"error": {"message": "The server had an error.", "type": "server_error", "code": None}})
        return 500, fields
    match method, path.split("/")[2:]:
        case "POST", ["images", "generations"]:
            data = [{"b64_json": PIXEL}] * int(fields.get("n") or 1)
            usage = {"input_tokens": 12, "output_tokens": 272, "total_tokens": 284}
            await _json(send, 200, {"created": CREATED, "data": data, "usage": usage})
        case "POST", ["audio", "speech"]:
            await _pieces(send, "audio/mpeg", SPEECH)
        case "POST", ["audio", "transcriptions"]:
            details = {"audio_tokens": 14, "text_tokens": 0}
            usage = {"type": "tokens", "input_tokens": 14, "output_tokens": 5, "input_token_details": details}
            await _json(send, 200, {"text": "the tide turns", "usage": usage})
        case "POST", ["files"]:
            await _json(send, 200, _file("file-1", seen))
        case "GET", ["files", name, "content"]:
            await _pieces(send, "application/octet-stream", f"content of {name}".encode() * 1000)
        case "GET", ["files"]:
            await _json(send, 200, {"object": "list", "data": [], "has_more": False})
        case "DELETE", ["files", name]:
            await _json(send, 200, {"id": name, "object": "file", "deleted": True})
        case "POST", ["batches"]:
            told = {
                "id": f"batch_{secrets.token_hex(16)}",
                "object": "batch",
                "status": "validating",
                "created_at": CREATED,
            }
            named = {name: fields.get(name) for name in ("endpoint", "input_file_id", "completion_window")}
            await _json(send, 200, told | named)
        case "GET", ["batches", name]:
            await _json(send, 200, _done(name))
        case _:
            error = {"message": f"No such thing: {path}", "type": "invalid_request_error", "param": "id", "code": None}
            await _json(send, 404, {"error": error})
            return 404, fields
    return 200, fields


def _done(name: str) -> dict[str, Any]:
    """Of a batch that is over: every one is, when it is looked at."""
    usage = {
        "input_tokens": 4000,
        "input_tokens_details": {"cached_tokens": 1000},
        "output_tokens": 600,
        "output_tokens_details": {"reasoning_tokens": 100},
        "total_tokens": 4600,
    }
    told = {"id": name, "object": "batch", "status": "completed", "created_at": CREATED, "model": "gpt-5-mini"}
    return told | {"endpoint": "/v1/responses", "completion_window": "24h", "input_file_id": "file-1", "usage": usage}


def _file(name: str, seen: Seen) -> dict[str, Any]:
    return {
        "id": name,
        "object": "file",
        "bytes": seen.size,
        "created_at": CREATED,
        "filename": seen.digest,
        "purpose": seen.fields().get("purpose", "batch"),
        "status": "processed",
    }


async def _json(send: Send, status: int, told: dict[str, Any]) -> None:
    body = json.dumps(told).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _pieces(send: Send, kind: str, data: bytes) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", kind.encode())]})
    for start in range(0, len(data), 4096):
        await send({"type": "http.response.body", "body": data[start : start + 4096], "more_body": True})
    await send({"type": "http.response.body", "body": b""})

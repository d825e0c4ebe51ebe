"""The ASGI app: finds the vendor by the path, checks the key, plays the scenario, and keeps what it saw."""

import asyncio
import itertools
import json
import socket
import struct
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from typing import Any, Protocol, cast

from trimtab.llm.simulated import (
    anthropic_batches,
    anthropic_messages,
    bedrock_converse,
    cohere_chat,
    counters,
    gemini,
    lmstudio,
    mistral,
    ollama,
    openai_chat,
    openai_media,
    openai_responses,
    tasks,
    vertex,
)
from trimtab.llm.simulated.kept_responses import KeptResponses
from trimtab.llm.simulated.openai_batches import Batches
from trimtab.llm.simulated.scenario import Scenario, read_model, read_wishes

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_HTML = b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1><hr>nginx</body></html>\n"
_LOGIN = b"<!doctype html><html><body><form>Please sign in to the network to go on.</form></body></html>\n"
_SPLIT_AT = 7
"""Bytes of a piece under ``split``: odd and small, so that characters of several bytes are cut."""


class Vendor(Protocol):
    """What a file of this folder offers. Besides, where a vendor has the model or the wish to stream in its paths:
    ``find(path)`` instead of ``PATH``; ``STREAM_TYPE`` where its streams are no server-sent events; and
    ``check_model(body, model)`` for what only some of its models refuse."""

    @property
    def MODELS(self) -> tuple[str, ...]: ...  # noqa: N802 - modules are the implementations
    def presented_key(self, headers: dict[str, str]) -> str | None: ...
    def answer_headers(self, number: int) -> dict[str, str]: ...
    def error_headers(self, number: int, status: int) -> dict[str, str]: ...
    def error_body(self, status: int, number: int, message: str | None = None) -> bytes: ...
    def stream_error(self, number: int, message: str | None = None) -> bytes: ...
    def check(self, body: dict[str, Any]) -> None: ...
    def whole(self, body: dict[str, Any], model: str, scenario: Scenario, number: int) -> bytes: ...
    def stream(self, body: dict[str, Any], model: str, scenario: Scenario, number: int) -> Iterator[bytes]: ...


_MODULES = (
    openai_chat,
    anthropic_messages,
    bedrock_converse,
    cohere_chat,
    openai_responses,
    gemini,
    vertex,
    mistral,
    lmstudio,
    ollama,
)
_VENDORS = (*(cast("Vendor", module) for module in _MODULES), *(cast("Vendor", task) for task in tasks.VENDORS))
_REFUSALS = tuple(module.Refused for module in _MODULES)
_BEFORE_ALL = ("reset", "stall", "html", "garbage")
"""Faults that need no answer to spoil."""
_SSE = "text/event-stream; charset=utf-8"


def _vendor_of(path: str) -> tuple[Vendor, dict[str, Any]] | None:
    """The vendor whose path it is, and what the path says of the call: ``model``, ``stream``."""
    for vendor in _VENDORS:
        find = getattr(vendor, "find", None)
        said: dict[str, Any] | None = find(path) if find else ({} if path == getattr(vendor, "PATH", None) else None)
        if said is not None:
            return vendor, said
    return None


class Call:
    """One call as it was seen. ``cancelled``: the client left before the answer was whole. ``events``: those sent."""

    __slots__ = (
        "body",
        "cancelled",
        "events",
        "finished",
        "headers",
        "model",
        "number",
        "path",
        "query",
        "scenario",
        "status",
        "stream",
    )

    def __init__(self, number: int, path: str, headers: dict[str, str], scenario: Scenario) -> None:
        self.number = number
        self.path = path
        self.query = ""
        self.headers = headers
        self.scenario = scenario
        self.body: dict[str, Any] = {}
        self.model = ""
        self.stream = False
        self.status = 0
        self.events = 0
        self.finished = False
        self.cancelled = False

    def as_json(self) -> dict[str, Any]:
        keys = ("number", "path", "status", "events", "finished", "cancelled")
        said = {"model": self.body.get("model") or self.model or None, "asked": self._asked()}
        return {key: getattr(self, key) for key in keys} | said

    def _asked(self) -> str:
        """The last message, where it is a text."""
        messages: Any = self.body.get("messages")
        last: Any = messages[-1] if isinstance(messages, list) and messages else None  # pyright: ignore[reportUnknownVariableType]
        content: Any = last.get("content") if isinstance(last, dict) else None  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
        return content[:200] if isinstance(content, str) else ""


class SimulatedProviders:
    """OpenAI at ``/v1/chat/completions``, Anthropic at ``/v1/messages`` with its batches, both at ``/v1/models``;
    Bedrock at ``/model/MODEL/converse``, Cohere at ``/v2/chat``, OpenAI's Responses at ``/v1/responses``, Gemini at
    ``/v1beta/models/MODEL:generateContent``, Vertex AI the same at ``/v1/publishers/google`` and in a project, Mistral,
    LM Studio and Ollama at ``/mistral/v1/chat/completions`` and so on; and what those have that counts tokens.

    ``scenario`` holds for every call that does not ask for another. ``api_key``: if given, calls without it get 401.
    ``GET /simulated/calls`` tells what was seen, for tests in another process; ``DELETE`` forgets it.
    """

    def __init__(self, scenario: Scenario | None = None, api_key: str | None = None) -> None:
        self.scenario = scenario or Scenario()
        self.api_key = api_key
        self.calls: list[Call] = []
        self.kept = KeptResponses()
        self.batches = Batches()
        self.message_batches = anthropic_batches.MessageBatches()
        self._numbers = itertools.count(1)

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)

    async def _http(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        path, method = scope["path"], scope["method"]
        found = _vendor_of(path) if method == "POST" else None
        if found is not None:
            await self._call(*found, scope, receive, send)
        elif method == "POST" and (counter := counters.of(path)) is not None:
            await _respond(send, *counters.answer(counter, await _read(receive)), {})
        elif openai_media.PATH.fullmatch(path):
            await self._media(scope, receive, send)
        elif anthropic_batches.PATH.fullmatch(path):
            await self._message_batches(scope, receive, send)
        elif path.startswith("/v1/responses/"):
            await self._kept_response(scope, receive, send)
        elif path == "/v1/models" and method == "GET":
            await _respond(send, 200, _models(), {})
        elif path == "/simulated/calls" and method in ("GET", "DELETE"):
            told = [call.as_json() for call in self.calls]
            if method == "DELETE":
                self.calls.clear()
            await _respond(send, 200, json.dumps(told).encode(), {})
        else:
            error = {"error": {"message": f"There is no {method} {path}.", "type": "invalid_request_error"}}
            await _respond(send, 404, json.dumps(error).encode(), {})

    async def _kept_response(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        call = Call(next(self._numbers), scope["path"], headers, self.scenario)
        self.calls.append(call)
        await _read(receive)
        if self.api_key is not None and openai_chat.presented_key(headers) != self.api_key:
            call.status, body = 401, openai_chat.error_body(401, call.number)
        else:
            call.status, body = self.kept.answer(scope["method"], scope["path"])
        await _respond(send, call.status, body, {})
        call.finished = True

    async def _message_batches(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        call = Call(next(self._numbers), scope["path"], headers, self.scenario)
        call.query = scope.get("query_string", b"").decode("latin-1")
        self.calls.append(call)
        raw = await _read(receive)
        key = anthropic_messages.presented_key(headers)
        if self.scenario.fault in _BEFORE_ALL or self.scenario.status != 200:
            await _Stage(cast("Vendor", anthropic_messages), call, receive, send).play("")
            return
        if self.api_key is not None and key != self.api_key:
            call.status, kind, body = 401, "application/json", anthropic_messages.error_body(401, call.number)
        elif "anthropic-version" not in headers:
            told = anthropic_messages.error_body(400, call.number, "anthropic-version: header is required")
            call.status, kind, body = 400, "application/json", told
        else:
            asked = anthropic_batches.Asked(scope["method"], scope["path"], call.query, raw, key or "", headers)
            call.status, kind, body = self.message_batches.answer(asked)
            late = self.message_batches.late(asked) if call.status == 200 else ""
            if late in ("reset", "500"):
                call.scenario = Scenario(fault=late)
                await _Stage(cast("Vendor", anthropic_messages), call, receive, send).play("")
                return
            if late:
                await asyncio.sleep(float(late.removesuffix("s")))
        extra = {"content-type": kind} | anthropic_messages.answer_headers(call.number)
        await _respond(send, call.status, body, extra)
        call.finished = True

    async def _media(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        call = Call(next(self._numbers), scope["path"], headers, self.scenario)
        self.calls.append(call)
        seen = await openai_media.read(receive)
        if not seen.whole:  # nothing is made of half a form
            call.cancelled = True
            return
        if self.api_key is not None and openai_chat.presented_key(headers) != self.api_key:
            call.status = 401
            await _respond(send, 401, openai_chat.error_body(401, call.number), {})
            return
        if self.scenario.fault in _BEFORE_ALL or self.scenario.status != 200:
            await _Stage(cast("Vendor", openai_chat), call, receive, send).play("")
            return
        account = openai_chat.presented_key(headers) or ""
        query = scope.get("query_string", b"").decode("latin-1")
        told = self.batches.answer(scope["method"], scope["path"], seen.begun, account, query)
        if told is not None:
            late = self.batches.late(scope["method"], scope["path"], seen.begun)
            if late in ("reset", "500"):
                call.scenario = Scenario(fault=late)
                await _Stage(cast("Vendor", openai_chat), call, receive, send).play("")
                return
            if late:
                await asyncio.sleep(float(late.removesuffix("s")))
            call.status, kind, body = told
            call.body = seen.fields()
            await _respond(send, call.status, body, {"content-type": kind})
        else:
            call.status, call.body = await openai_media.play(scope["method"], scope["path"], seen, send)
        call.finished = True

    async def _call(
        self, vendor: Vendor, said: dict[str, Any], scope: MutableMapping[str, Any], receive: Receive, send: Send
    ) -> None:
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        call = Call(next(self._numbers), scope["path"], headers, self.scenario)
        call.query = scope["query_string"].decode("latin-1") if "query_string" in scope else ""
        self.calls.append(call)
        raw = await _read(receive)
        stage = _Stage(vendor, call, receive, send)
        if self.api_key is not None and vendor.presented_key(headers) != self.api_key:
            await stage.refuse(401)
            return
        try:
            model = self._understand(vendor, said, call, raw)
        except _REFUSALS as refused:
            headers = vendor.error_headers(call.number, refused.status)
            await stage.respond(refused.status, json.dumps(refused.body).encode(), headers)
            return
        except (ValueError, AttributeError, KeyError, TypeError) as error:
            await stage.refuse(400, f"We could not parse the body of your request: {error}")
            return
        await stage.play(model)

    def _understand(self, vendor: Vendor, said: dict[str, Any], call: Call, raw: bytes) -> str:
        body: Any = json.loads(raw)
        if not isinstance(body, dict):
            raise TypeError("the body is not a JSON object")
        call.body = cast("dict[str, Any]", body)
        vendor.check(call.body)
        call.stream = bool(said.get("stream", call.body.get("stream")))
        call.model, call.scenario = read_model(said.get("model") or call.body["model"], self.scenario)
        if "x-simulate" in call.headers:
            call.scenario = read_wishes(call.headers["x-simulate"], call.scenario)
        check_model = getattr(vendor, "check_model", None)
        if check_model is not None:
            check_model(call.body, call.model)
        if vendor is openai_responses and call.scenario.status == 200:
            self.kept.keep(call.body, call.model, call.scenario, call.number)
        return call.model


class _Stage:
    """Plays one call's scenario; stops as soon as the client has left."""

    def __init__(self, vendor: Vendor, call: Call, receive: Receive, send: Send) -> None:
        self._vendor = vendor
        self._call = call
        self._receive = receive
        self._send = send
        self._gone = asyncio.Event()

    async def play(self, model: str) -> None:
        watch = asyncio.create_task(self._watch())
        try:
            await self._play(model)
        except ClientGoneError:
            self._call.cancelled = True
        finally:
            watch.cancel()

    async def _play(self, model: str) -> None:
        call, scenario = self._call, self._call.scenario
        await self._pause(scenario.first_ms)
        streams = call.stream
        match scenario.fault:
            case "html":
                await self.respond(502, _HTML, {"content-type": "text/html"})
            case "garbage":
                await self.respond(200, _LOGIN, {"content-type": "text/html"})
            case "reset" if not (streams and scenario.after):
                self._reset()
            case "stall" if not (streams and scenario.after):
                await self._stall()
            case _ if scenario.status != 200:
                await self.refuse(scenario.status, scenario.message)
            case _ if streams:
                await self._stream(self._vendor.stream(call.body, model, scenario, call.number))
            case _:
                await self._whole(self._vendor.whole(call.body, model, scenario, call.number))

    async def refuse(self, status: int, message: str | None = None) -> None:
        headers = self._vendor.error_headers(self._call.number, status)
        if self._call.scenario.retry_after is not None:
            headers["retry-after"] = self._call.scenario.retry_after
        await self.respond(status, self._vendor.error_body(status, self._call.number, message), headers)

    async def respond(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self._call.status = status
        await _respond(self._send, status, body, headers)
        self._call.finished = True

    async def _whole(self, body: bytes) -> None:
        call = self._call
        headers = self._vendor.answer_headers(call.number) | {"content-length": str(len(body))}
        fault = call.scenario.fault
        await self._start(200, "application/json", headers)
        if fault in ("cut", "half_line"):
            await self._write(body[: len(body) // 2])
            self._reset()  # a body shorter than announced: the connection has to end
        await self._write_all(body)
        await self._send({"type": "http.response.body", "body": b""})
        call.finished = True

    async def _stream(self, events: Iterator[bytes]) -> None:
        call, scenario = self._call, self._call.scenario
        kind = getattr(self._vendor, "STREAM_TYPE", _SSE)
        await self._start(200, kind, self._vendor.answer_headers(call.number))
        for event in events:
            if scenario.fault != "none" and call.events == scenario.after and await self._break(event):
                break
            if scenario.defect == "drops_event" and call.events == scenario.after:
                call.events += 1
                continue
            await self._write_all(event)
            call.events += 1
            await self._pause(scenario.delay_ms)
        else:
            call.finished = True
        await self._send({"type": "http.response.body", "body": b""})

    async def _break(self, event: bytes) -> bool:
        """The fault's moment has come; whether the stream ends here."""
        match self._call.scenario.fault:
            case "reset":
                self._reset()
            case "stall":
                await self._stall()
            case "half_line":
                await self._write(event[: len(event) * 3 // 4])  # within its JSON
            case "stream_error":
                number, message = self._call.number, self._call.scenario.message
                await self._write(self._vendor.stream_error(number, message))
            case "cut":
                pass
            case _:
                return False
        return True

    async def _start(self, status: int, content_type: str, headers: dict[str, str]) -> None:
        self._call.status = status
        listed = _header_list({"content-type": content_type} | headers)
        await self._send({"type": "http.response.start", "status": status, "headers": listed})

    async def _write_all(self, data: bytes) -> None:
        """One event or body, in the pieces its fault asks for."""
        match self._call.scenario.fault:
            case "drip":
                step = 1
            case "split":
                step = _SPLIT_AT
            case _:
                await self._write(data)
                return
        for start in range(0, len(data), step):
            await self._write(data[start : start + step])
            await self._pause(self._call.scenario.delay_ms)

    async def _write(self, data: bytes) -> None:
        if self._gone.is_set():
            raise ClientGoneError
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def _pause(self, ms: float) -> None:
        if ms > 0:
            try:
                await asyncio.wait_for(self._gone.wait(), ms / 1000)
            except TimeoutError:
                return
        else:
            await asyncio.sleep(0)
        if self._gone.is_set():
            raise ClientGoneError

    async def _stall(self) -> None:
        await self._gone.wait()
        raise ClientGoneError

    async def _watch(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._gone.set()

    def _reset(self) -> None:
        """Send a TCP reset. ASGI knows no such thing, but uvicorn's ``send`` belongs to what holds the transport."""
        transport = getattr(getattr(self._send, "__self__", None), "transport", None)
        if transport is not None:
            raw: socket.socket | None = transport.get_extra_info("socket")
            if raw is not None:
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            transport.abort()
        raise ClientGoneError if transport is not None else ConnectionResetError("a simulated reset")


class ClientGoneError(Exception):
    """There is nobody left to write to."""


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": message["type"] + ".complete"})
        if message["type"] == "lifespan.shutdown":
            return


async def _read(receive: Receive) -> bytes:
    chunks: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return b""
        chunks.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(chunks)


async def _respond(send: Send, status: int, body: bytes, headers: dict[str, str]) -> None:
    known = {"content-type": "application/json", "content-length": str(len(body))} | headers
    await send({"type": "http.response.start", "status": status, "headers": _header_list(known)})
    await send({"type": "http.response.body", "body": body})


def _header_list(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]


def _models() -> bytes:
    names = [name for vendor in _VENDORS for name in vendor.MODELS]
    data = [{"id": name, "object": "model", "created": openai_chat.CREATED, "owned_by": "simulated"} for name in names]
    return json.dumps({"object": "list", "data": data}).encode()

"""One front dialect of a running server, spoken as its clients speak it: over HTTP, at the public data plane.

Requests are written, and answers read, by the dialect's upstream face (`llm/dialects`), so every dialect that has both
faces can be tried without a line here. What is sent and what comes back is canonical (`llm/types.py`).
"""

import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx
from msgspec import Struct

from trimtab.core.errors import UpstreamFailure
from trimtab.core.no_tls import no_tls
from trimtab.llm.auth import headers_of
from trimtab.llm.dialects import Dialect, Quirks
from trimtab.llm.fold import Fold
from trimtab.llm.types import Delta, Request, Response

TIMEOUT_S = 300.0
FRONT_PREFIX = {"gemini": "/v1beta"}
"""Where a front's paths begin, if not at ``/v1``."""


class Refused(Exception):
    """The server answered with an error. ``words`` are what it said, its provider's included."""

    def __init__(self, status: int, code: str, words: str) -> None:
        super().__init__(f"{status} {code}: {words}")
        self.status = status
        self.code = code
        self.words = words

    @property
    def is_refusal(self) -> bool:
        """Whether this says "not like that" about the request, rather than "not now" or "not you"."""
        return self.status in (400, 404, 405, 415, 422, 501)


class Raw(Struct, frozen=True, kw_only=True):
    """An answer as it came; header names are lower-case."""

    status: int
    headers: dict[str, str]
    body: bytes


class Answer(Struct, frozen=True, kw_only=True):
    """A whole answer, or a stream folded into one: then ``pieces`` are the deltas with their arrival in seconds since
    the request was sent."""

    response: Response
    trace_id: str
    pieces: tuple[tuple[float, Delta], ...] = ()

    @property
    def text(self) -> str:
        return "".join(part.text for part in self.response.parts if part.__struct_config__.tag == "text")  # type: ignore[union-attr]  # pyright: ignore


class FrontClient:
    """Calls one model through one front. ``headers`` travel with every call. Close it when done."""

    def __init__(self, url: str, key: str, dialect: Dialect, model: str, headers: dict[str, str] | None = None) -> None:
        self.dialect = dialect
        self.model = model
        self._base = url + FRONT_PREFIX.get(dialect.name, "/v1")
        self._headers = {"content-type": "application/json", **dialect.headers, **(headers or {})}
        self._quirks = Quirks()
        self.key = key
        self._auth = headers_of(dialect.auth, key)
        # as the SDK does: no proxy of the environment stands between this machine and itself
        to = urlsplit(url)
        proxied = to.hostname not in ("127.0.0.1", "localhost", "::1")
        self._http = httpx.Client(
            timeout=TIMEOUT_S, trust_env=proxied, verify=no_tls() if to.scheme == "http" else True
        )

    def close(self) -> None:
        self._http.close()

    def ask(self, request: Request) -> Answer:
        """One whole answer. Raises `Refused`, or `UpstreamFailure` for an answer that is not of the dialect."""
        raw = self.send(self.body(request))
        if raw.status == 400 and self._learns(raw.body):
            raw = self.send(self.body(request))
        self._check(raw.status, raw.body, raw.headers)
        return Answer(response=self.dialect.parse_response(raw.body), trace_id=raw.headers.get("trimtab-trace-id", ""))

    def stream(self, request: Request) -> Answer:
        """The same, streamed and folded. A stream that breaks off raises `UpstreamFailure`."""
        whole, pieces = Fold(), list[tuple[float, Delta]]()
        with self.streaming(request) as (trace_id, deltas):
            for at, delta in deltas:
                whole.feed(delta)
                pieces.append((at, delta))
        if whole.failed is not None:
            raise UpstreamFailure(whole.failed.message, code=whole.failed.code or "upstream_stream_error")
        return Answer(response=whole.response(), trace_id=trace_id, pieces=tuple(pieces))

    @contextmanager
    def streaming(self, request: Request) -> Generator[tuple[str, Generator[tuple[float, Delta]]]]:
        """The trace's id and the deltas as they come; leaving early closes the connection, as a client that leaves."""
        began = time.monotonic()
        content = self.body(request, stream=True)
        headers = self._headers | self._auth
        with self._http.stream("POST", self.url(stream=True), content=content, headers=headers) as response:
            if response.status_code != 200:
                self._check(response.status_code, response.read(), dict(response.headers))
            yield response.headers.get("trimtab-trace-id", ""), self._deltas(response, began)

    def _deltas(self, response: httpx.Response, began: float) -> Generator[tuple[float, Delta]]:
        decoder, splitter = self.dialect.stream_decoder(), self.dialect.splitter()
        for data in response.iter_bytes():
            block = splitter.feed(data)
            if block:
                yield from ((time.monotonic() - began, delta) for delta in decoder.feed(block))
        yield from ((time.monotonic() - began, delta) for delta in decoder.close())

    def url(self, *, stream: bool = False) -> str:
        return self._base + self.dialect.path(self.model, stream=stream)

    def body(self, request: Request, *, stream: bool = False) -> bytes:
        """The request in the dialect's words. Raises `InvalidRequest` where it has none for it."""
        fields: dict[str, Any] = {name: getattr(request, name) for name in Request.__struct_fields__}
        fields |= {"stream": stream, "model": self.model}
        return self.dialect.render_request(Request(**fields), self.model, self._quirks)

    def send(self, body: bytes, *, auth: dict[str, str] | None = None, url: str | None = None) -> Raw:
        """Any body at all, and any key (``auth``: the headers that present one)."""
        headers = self._headers | (self._auth if auth is None else auth)
        answer = self._http.post(url or self.url(), content=body, headers=headers)
        return Raw(status=answer.status_code, headers=dict(answer.headers), body=answer.content)

    def _learns(self, refusal: bytes) -> bool:
        """OpenAI's newer models take the bound by its newer name only, and say so; others know only the older."""
        if b"max_completion_tokens" not in refusal or self._quirks.max_tokens_field == "max_completion_tokens":
            return False
        self._quirks = Quirks(max_tokens_field="max_completion_tokens")
        return True

    def _check(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        if status != 200:
            error = self.dialect.parse_error(status, body, headers)
            raise Refused(status, error.upstream_code, error.message)

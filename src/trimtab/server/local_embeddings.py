"""The local embedder as a provider like any other: a small server on loopback, within this process, made when the first
call needs it. So vectors made here are let in, limited, recorded and routed as all vectors are.

Its address holds a secret that dies with the process: other users of the machine cannot make this server work for them.
"""

import asyncio
import secrets
import socket
from typing import Any

import uvicorn

from trimtab.core.errors import InvalidRequest, NotFound, TooLarge, TrimtabError
from trimtab.core.ids import new_id
from trimtab.gateway.exchange import Exchange
from trimtab.gateway.targets import Provider
from trimtab.ledger.estimate import estimate_tokens
from trimtab.llm.dialects import DIALECTS, Dialect
from trimtab.llm.dialects.openai_embeddings import task_of, texts_of
from trimtab.llm.embedder import DIMENSION, Embedder
from trimtab.llm.types import Response, Usage, Vectors
from trimtab.server.hot import HotServer, protocol_factory
from trimtab.server.incoming import HotRoutes

MODEL = "all-minilm-l6-v2"
MOST_TEXTS = 2048
"""As many as OpenAI takes in one call."""
MAX_BODY = 8 << 20


class LocalEmbeddings:
    """`endpoint` is what `gateway.endpoints.Endpoints` asks for vectors of providers that the server runs itself."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._front: Dialect = DIALECTS.get("openai_embeddings")
        self._url = ""
        self._starting = asyncio.Lock()
        self._server: HotServer | None = None
        self._serving: asyncio.Task[None] | None = None

    async def endpoint(self, provider: Provider) -> str:  # noqa: ARG002 - there is one for all
        async with self._starting:
            if not self._url:
                self._url = await self._start()
        return self._url

    async def aclose(self) -> None:
        if self._server is not None and self._serving is not None:
            self._server.should_exit = True
            await self._serving

    async def _start(self) -> str:
        place = f"/{secrets.token_urlsafe(24)}"
        hot = HotRoutes({(b"POST", f"{place}/embeddings".encode()): self._serve}, MAX_BODY, self._too_large)
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        ready = asyncio.Event()
        config = uvicorn.Config(
            _nothing_here, http=protocol_factory(hot), ws="none", lifespan="off", log_config=None, access_log=False,
            timeout_graceful_shutdown=1,
        )  # fmt: skip
        self._server = HotServer(config, ready.set)
        self._serving = asyncio.create_task(self._server.serve(sockets=[listener]), name="local-embeddings")
        await ready.wait()
        return f"http://127.0.0.1:{listener.getsockname()[1]}{place}"

    async def _serve(self, exchange: Exchange) -> None:
        try:
            body = await self._answer(exchange.body)
        except TrimtabError as error:
            exchange.respond(error.status, b"", self._front.render_error(error, new_id("req")))
            return
        exchange.respond(200, b"", body)

    async def _answer(self, body: bytes) -> bytes:
        head, request = self._front.peek(body), self._front.parse_request(body)
        task, texts = task_of(request), texts_of(request)
        if head.model != MODEL:
            raise NotFound(f"There is no local model {head.model[:80]!r} for vectors.", fix=f"Use {MODEL}.")
        if task.dimensions not in (None, DIMENSION):
            raise InvalidRequest(
                f"The vectors of {MODEL} have {DIMENSION} dimensions and cannot be shortened.",
                fix="Leave `dimensions` out.",
                param="dimensions",
            )
        if len(texts) > MOST_TEXTS:
            raise InvalidRequest(f"More than {MOST_TEXTS} texts in one call.", fix="Send fewer.", param="input")
        made = await self._embedder.embed(texts)
        vectors = tuple(tuple(float(value) for value in vector) for vector in made)
        result = Vectors(vectors, base64=head.base64)
        usage = Usage(input=sum(estimate_tokens(text) for text in texts))  # as this server counts everywhere
        said = Response(id="", model=MODEL, parts=(), stop="stop", usage=usage, result=result)
        return self._front.render_response(said)

    def _too_large(self, exchange: Exchange, limit: int) -> None:
        error = TooLarge(f"The body is larger than {limit >> 20} MB.", fix="Send fewer texts in one call.")
        exchange.respond(error.status, b"", self._front.render_error(error, new_id("req")))


async def _nothing_here(scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG001 - as ASGI has it
    await send({"type": "http.response.start", "status": 404, "headers": []})
    await send({"type": "http.response.body", "body": b""})

"""The ASGI app beside the hot routes: the management API (Litestar), and the console's files.

What is asked for under ``/api`` or ``/v1`` and is not there gets a problem in JSON, never the console's page; every
answer carries a request id; nothing here knows what a route does.
"""

from collections.abc import Sequence
from typing import Any, Self
from urllib.parse import unquote

from litestar import Litestar, Request, Router
from litestar.di import Provide
from litestar.handlers import HTTPRouteHandler
from litestar.plugins.base import PluginProtocol
from litestar.plugins.core import MsgspecDIPlugin

from trimtab.core.errors import NotFound, TrimtabError
from trimtab.core.ids import new_id
from trimtab.governance.access import Organisation, Project
from trimtab.server import problems
from trimtab.server.api import all_routes
from trimtab.server.auth import Caller, guard
from trimtab.server.carrying import Carrying, is_carried
from trimtab.server.console import StaticConsole
from trimtab.server.dependencies import Dependencies
from trimtab.server.doors import Doors
from trimtab.server.doors.scim import ScimDoor
from trimtab.server.fronts.common import OTLP_PLACES, front_at, nowhere
from trimtab.server.withholding import Answer

MAX_BODY = 1_000_000
"""Bytes of a body of the management API."""

_ALIVE = "/healthz"
_PLAIN = frozenset((_ALIVE, "/readyz", "/metrics"))
_BESIDE = ("/v1/feedback", "/v1/holds/")
"""Of the data plane, and served as the API is."""
_DATA_PLANE = ("/v1/", "/v1beta/", "/v1alpha/", "/v2/", "/upload/")
_LOST = frozenset(("chat", "completions", "embeddings", "messages", "models", "rerank", "responses"))
# Where other gateways have what is at /v1 here: the base URL of a client that was with one of them.
_ELSEWHERE = tuple(f"/{base}/{first}" for base in ("api/v1", "openai/v1", "openai") for first in sorted(_LOST))
_API_HEADERS = ((b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"no-referrer"))


def create_app(
    deps: Dependencies, carrying: Carrying | None = None, doors: Doors | None = None, api: Litestar | None = None
) -> "App":
    """The app, ready to be served. It starts and stops nothing: `wiring.py` does. ``api`` is one made before."""
    return App(api or create_api(), deps, carrying, doors)


def create_api(routes: Sequence[HTTPRouteHandler] | None = None) -> Litestar:
    """The Litestar half: ``routes`` (all there are), guard, what routes are handed, and how errors look. It belongs to
    no server: each request brings what it is answered from (`App`), so that one may serve for several."""
    return _Api(
        route_handlers=[_Routes("/", route_handlers=all_routes() if routes is None else routes)],
        guards=[guard],
        dependencies={
            "deps": Provide(_deps, sync_to_thread=False),
            "caller": Provide(_caller, sync_to_thread=False),
            "tenant": Provide(_tenant, sync_to_thread=False),
            "within": Provide(_organisation, sync_to_thread=False),
        },
        response_class=Answer,
        exception_handlers={Exception: problems.handle},
        request_max_body_size=MAX_BODY,
        openapi_config=None,
        logging_config=None,
        debug=False,
    )


class _Api(Litestar):
    @staticmethod
    def _get_default_plugins(plugins: list[PluginProtocol]) -> list[PluginProtocol]:
        """Bodies are msgspec's alone. Litestar's own choice imports pydantic as well, where some other package brought
        it: a tenth of what making all routes takes, and memory."""
        return [*plugins, MsgspecDIPlugin()]


class _Routes(Router):
    """All routes at once: one by one Litestar looks at every route there is when it takes another, and makes those of
    one path anew for each method of it, for a quarter of what the whole takes."""

    def __deepcopy__(self, _memo: dict[int, object]) -> Self:
        """Litestar would copy each route once more, as several apps may take one router: this one is of one app."""
        return self


def _deps(request: Request[Any, Any, Any]) -> Dependencies:
    return request.scope["state"]["deps"]


def _caller(request: Request[Any, Any, Any]) -> Caller:
    return request.scope["state"]["caller"]


def _tenant(request: Request[Any, Any, Any]) -> Project:
    return request.scope["state"]["tenant"]


def _organisation(request: Request[Any, Any, Any]) -> Organisation:
    return request.scope["state"]["organisation"]


class App:
    """Sends each request to the API, to what passes through to a provider, or to the console's files."""

    def __init__(
        self, api: Litestar, deps: Dependencies, carrying: Carrying | None = None, doors: Doors | None = None
    ) -> None:
        self.api = api
        self._deps = deps
        self._doors = doors
        self._console = StaticConsole(deps.static)
        self._carrying = carrying
        self._scim = ScimDoor(deps)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)
        else:
            # uvicorn turns a close before accepting into a 403, which is right: nothing here speaks WebSocket.
            await send({"type": "websocket.close", "code": 1000})

    async def _http(self, scope: Any, receive: Any, send: Any) -> None:
        path: str = scope["path"]
        request_id = new_id("req")
        if path == _ALIVE and scope["method"] in ("GET", "HEAD"):
            await _say_alive(send, request_id)
        elif self._doors is not None and self._doors.opens(path):
            await self._doors(scope, receive, send)
        elif scope["method"] == "POST" and path.startswith(_ELSEWHERE):
            await _refuse_client(scope, send, request_id)
        elif path in _PLAIN or path.startswith("/api/") or path.startswith(_BESIDE):
            state = {**scope.get("state", {}), "request_id": request_id, "deps": self._deps}
            inner: Any = {**scope, "path": _path(scope), "state": state}
            await self.api(inner, receive, _marked(send, request_id, state))
        elif self._scim.opens(path):
            await self._scim(scope, receive, send)
        elif self._carrying is not None and is_carried(path):
            await self._carrying(scope, receive, send)
        elif path == "/api":
            error = NotFound("There is nothing at /api.", fix="The API is described at /api/openapi.json.")
            await _refuse(send, error, request_id)
        elif path == "/v1" or path.startswith(_DATA_PLANE) or _is_lost(scope):
            await _refuse_client(scope, send, request_id)
        elif scope["method"] in ("GET", "HEAD"):
            await self._console(scope, receive, send)
        else:
            fix = OTLP_PLACES if scope["method"] == "POST" and path == "/" else "Use GET."
            error = TrimtabError(
                f"{scope['method'][:20]} is not offered here.", fix=fix, code="method_not_allowed", status=405
            )
            await _refuse(send, error, request_id)


async def _say_alive(send: Any, request_id: str) -> None:
    """The process lives. Not by the API, as it is described: that may still be in the making (`later.py`), and who asks
    would take a server that is about to be ready for a dead one."""
    told = ((b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"3"), (b"cache-control", b"no-store"))
    headers = [*told, (problems.REQUEST_ID.encode(), request_id.encode()), *_API_HEADERS]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"ok\n"})


def _is_lost(scope: Any) -> bool:
    """A client of models whose base URL lacks ``/v1``, or Google's ``/v1beta``. The console has a page at ``/models``,
    but a browser that visits it presents no key."""
    first = scope["path"].removeprefix("/").partition("/")[0]  # of ``OPTIONS *`` the path is no path
    if scope["method"] == "GET" and first == "models":
        return any(name in (b"authorization", b"x-api-key", b"x-goog-api-key") for name, _ in scope["headers"])
    return scope["method"] == "POST" and first in _LOST


def _path(scope: Any) -> str:
    """The path with an escaped slash kept escaped: ``models/team%2Ffast`` stays one name. The guard undoes it."""
    raw = scope.get("raw_path")
    if raw is None or b"%2" not in raw:
        return scope["path"]
    text = raw.partition(b"?")[0].decode("latin-1")
    return unquote(text.replace("%2F", "%252F").replace("%2f", "%252F"))


def _marked(send: Any, request_id: str, state: dict[str, Any]) -> Any:
    """Puts the request id, a session's new cookie, and what hardens every answer of the API, on the answer."""

    async def marked(message: Any) -> None:
        if message["type"] == "http.response.start":
            kept = [pair for pair in message["headers"] if pair[0].lower() != b"x-request-id"]
            mark = (problems.REQUEST_ID.encode(), request_id.encode())
            renewed = state.get("cookie")
            if renewed is not None and not any(pair[0].lower() == b"set-cookie" for pair in kept):
                kept.append((b"set-cookie", renewed.encode()))
            message = {**message, "headers": [*kept, mark, *_API_HEADERS]}
        await send(message)

    return marked


async def _refuse(send: Any, error: TrimtabError, request_id: str) -> None:
    body = problems.body_of(error, request_id)
    pairs = problems.headers_of(error, request_id) | {
        "content-type": problems.MEDIA_TYPE,
        "content-length": str(len(body)),
    }
    headers = [(name.encode(), value.encode()) for name, value in pairs.items()]
    await send({"type": "http.response.start", "status": error.status, "headers": [*headers, *_API_HEADERS]})
    await send({"type": "http.response.body", "body": body})


async def _refuse_client(scope: Any, send: Any, request_id: str) -> None:
    """A client of models asked for what is not there: told in its own dialect, or it would show no words at all."""
    headers = dict[bytes, bytes](scope["headers"])
    error = nowhere(scope["method"], scope["path"])
    body = front_at(scope["path"].encode(), headers.get).render_error(error, request_id)
    pairs = problems.headers_of(error, request_id) | {
        "content-type": "application/json",
        "content-length": str(len(body)),
    }
    told = [(name.encode(), value.encode()) for name, value in pairs.items()]
    await send({"type": "http.response.start", "status": error.status, "headers": [*told, *_API_HEADERS]})
    await send({"type": "http.response.body", "body": body})


async def _lifespan(receive: Any, send: Any) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return

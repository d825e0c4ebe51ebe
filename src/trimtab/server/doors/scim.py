"""The door for identity providers: SCIM 2.0 under ``/scim/v2`` (RFC 7644).

A foreign protocol with its own media type, its own errors and its own tokens, so it stands beside the management API
and not in it. Nothing else takes a directory's token, and nothing else is taken here. What a request changes is in
force in every process when it is answered, and every change is in the audit log.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final, cast
from urllib.parse import parse_qs, unquote

import msgspec
from msgspec import Struct
from sqlalchemy import Connection

from trimtab.core.errors import (
    InternalError,
    InvalidRequest,
    NotFound,
    TooLarge,
    TrimtabError,
    Unauthenticated,
)
from trimtab.core.ids import new_id
from trimtab.governance import members
from trimtab.governance.scim import directories, groups, people, store
from trimtab.governance.scim.asked import Asked, Found, Moved, Page, Wanted
from trimtab.governance.scim.directories import Directory
from trimtab.governance.scim.filters import Filter, got, parse
from trimtab.governance.scim.patches import patched
from trimtab.governance.scim.schemas import GROUPS, USERS, Kind, cleaned, invalid
from trimtab.server import problems
from trimtab.server.dependencies import Dependencies
from trimtab.server.doors.scim_answers import (
    MEDIA_TYPE,
    MOST,
    Reply,
    asked_for,
    described,
    error_body,
    page,
    send_reply,
    shown,
)
from trimtab.storage.revision import exclusive

log = logging.getLogger("trimtab.scim")

PREFIX: Final = "/scim/v2"
MAX_BODY: Final = 4 << 20
"""Bytes: a group of 20,000 people is sent whole by some."""
PAGE: Final = 100
TRIES: Final = 4
"""How often a change is worked out that meets others of the same resource."""
Headers = Mapping[bytes, bytes]


class Request(Struct, frozen=True, kw_only=True):
    """``path`` is what follows the prefix, cut at slashes; ``base`` the address of the door."""

    method: str
    path: tuple[str, ...]
    query: dict[str, str]
    body: Any
    if_match: str
    if_none_match: str
    base: str


class Verbs(Struct, frozen=True):
    """What can be done with one kind of resource; functions of a connection."""

    get: Callable[[Connection, Directory, str, Asked], dict[str, Any]]
    find: Callable[[Connection, Directory, Filter | None, Page], Found]
    create: Callable[[Connection, Directory, dict[str, Any], int], dict[str, Any]]
    before: Callable[[Connection, Directory, str], tuple[Any, dict[str, Any]]]
    change: Callable[[Connection, Directory, str, Wanted, int], dict[str, Any]]
    remove: Callable[[Connection, Directory, str, int], None]


VERBS: Final[Mapping[str, tuple[Kind, Verbs]]] = {
    "users": (USERS, Verbs(people.get, people.find, people.create, people.before, people.change, people.remove)),
    "groups": (GROUPS, Verbs(groups.get, groups.find, groups.create, groups.before, groups.change, groups.remove)),
}


class ScimDoor:
    """An ASGI app for the paths that `opens` knows."""

    def __init__(self, deps: Dependencies) -> None:
        self._deps = deps

    @staticmethod
    def opens(path: str) -> bool:
        return path == PREFIX or path.startswith(PREFIX + "/")

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        request_id = new_id("req")
        try:
            reply = await self._answered(scope, receive)
            extra: dict[str, str] = {}
        except Exception as error:  # the HTTP boundary
            known = problems.as_error(error, f"{scope['method']} {scope['path']}")
            if isinstance(known, InternalError):
                log.error("request %s failed: a defect of ours", request_id, exc_info=error)
            reply, extra = Reply(status=known.status, body=error_body(known)), problems.headers_of(known, request_id)
        await send_reply(send, reply, extra | {problems.REQUEST_ID: request_id})

    async def _answered(self, scope: Any, receive: Any) -> Reply:
        headers: Headers = dict[bytes, bytes](scope["headers"])
        directory = await self._directory(headers)
        request = await _read(scope, headers, receive, self._deps.settings.public_url)
        first = request.path[0].lower() if request.path else ""
        if first in VERBS:
            kind, verbs = VERBS[first]
            return await self._resource(directory, kind, verbs, request)
        if first in ("serviceproviderconfig", "resourcetypes", "schemas"):
            return _described(request)
        if first in ("me", "bulk", ".search"):
            raise TrimtabError(
                f"/{request.path[0]} is not offered here.",
                fix="/ServiceProviderConfig says what is.",
                code="not_implemented",
                status=501,
            )
        raise NotFound(f"There is nothing at {scope['path'][:200]}.", fix="There are /Users and /Groups.")

    async def _directory(self, headers: Headers) -> Directory:
        scheme, _, secret = headers.get(b"authorization", b"").decode("latin-1").strip().partition(" ")
        if scheme.lower() != "bearer" or not secret.strip():
            raise Unauthenticated(
                "No token was sent.",
                fix="Send 'Authorization: Bearer tts_...'; make one with: trimtab directory tokens create.",
                code="missing_token",
            )
        now = self._deps.now()
        directory = await self._deps.db.read(lambda conn: directories.opened(conn, secret.strip(), now))
        if directory.due:
            await self._deps.db.write(lambda conn: store.saw_token(conn, directory.actor.id, now))
        return directory

    async def _resource(self, directory: Directory, kind: Kind, verbs: Verbs, request: Request) -> Reply:
        method, own = request.method, request.path[1:]
        if method == "GET" and not own:
            return await self._list(directory, kind, verbs, request, request.query)
        if method == "POST" and own == (".search",):
            return await self._list(directory, kind, verbs, request, _search(request.body))
        if method == "POST" and not own:
            resource = await asyncio.to_thread(cleaned, kind, request.body)
            made = await self._changed(lambda conn, now: verbs.create(conn, directory, resource, now))
            return Reply(status=201, body=shown(made, kind, request.base, request.query))
        if len(own) == 1 and method in ("GET", "PUT", "PATCH", "DELETE"):
            return await self._one(directory, kind, verbs, request, own[0])
        raise _not_offered(request)

    async def _one(self, directory: Directory, kind: Kind, verbs: Verbs, request: Request, own: str) -> Reply:
        if request.method == "GET":
            asked = asked_for(kind, request.query)
            found = await self._deps.db.read(lambda conn: verbs.get(conn, directory, own, asked))
            if _fits(request.if_none_match, found):
                return Reply(status=304)
            return Reply(body=shown(found, kind, request.base, request.query))
        made = await self._made(directory, kind, verbs, request, own)
        silent = request.method == "PATCH" and kind is GROUPS and "attributes" not in request.query
        if made is None or silent:
            return Reply(status=204)  # Entra ID wants no group back, which may be long; RFC 7644, 3.5.2 allows it
        return Reply(body=shown(made, kind, request.base, request.query))

    async def _made(
        self, directory: Directory, kind: Kind, verbs: Verbs, request: Request, own: str
    ) -> dict[str, Any] | None:
        """What a change comes to is worked out before the catalog's writer is taken, and anew where another was
        quicker; after some tries in the writer, where nobody is."""
        for tries_left in reversed(range(TRIES)):
            wanted = await self._wanted(directory, kind, verbs, request, own) if tries_left else None

            def work(conn: Connection, now: int, wanted: Wanted | None = wanted) -> dict[str, Any] | None:
                exclusive(conn, members.LOCK)  # what is compared now is what is changed
                if request.if_match and not _fits(request.if_match, verbs.get(conn, directory, own, Asked(False))):
                    raise InvalidRequest(
                        "It was changed since.", fix="Read it again.", code="changed_since", status=412
                    )
                if request.method == "DELETE":
                    verbs.remove(conn, directory, own, now)
                    return None
                return verbs.change(conn, directory, own, wanted or patch_of(conn), now)

            def patch_of(conn: Connection) -> Wanted:
                row, before = verbs.before(conn, directory, own)
                return Wanted(patched(kind, before, request.body), row)

            with suppress(Moved):
                return await self._changed(work)
        raise AssertionError("nobody changes what the writer holds")

    async def _wanted(
        self, directory: Directory, kind: Kind, verbs: Verbs, request: Request, own: str
    ) -> Wanted | None:
        """What the resource is to be; None for nothing."""
        if request.method == "DELETE":
            return None
        if request.method == "PUT":
            return Wanted(await asyncio.to_thread(cleaned, kind, request.body))
        row, before = await self._deps.db.read(lambda conn: verbs.before(conn, directory, own))
        return Wanted(await asyncio.to_thread(patched, kind, before, request.body), row)

    async def _changed(self, work: Callable[[Connection, int], Any]) -> Any:
        """In force everywhere when it returns."""
        now = self._deps.now()
        made = await self._deps.db.write(lambda conn: work(conn, now))
        await self._deps.snapshots.changed()
        return made

    async def _list(
        self, directory: Directory, kind: Kind, verbs: Verbs, request: Request, asked: Mapping[str, str]
    ) -> Reply:
        wanted = parse(asked["filter"], kind) if asked.get("filter") else None
        start = max(1, _number(asked, "startIndex", 1))
        count = min(MOST, max(0, _number(asked, "count", PAGE)))
        part = Page(skip=start - 1, count=count, asked=asked_for(kind, asked))
        found = await self._deps.db.read(lambda conn: verbs.find(conn, directory, wanted, part))
        resources = [shown(each, kind, request.base, asked) for each in found.resources]
        return Reply(body=page(resources, found.total, start))


def _described(request: Request) -> Reply:
    if request.method != "GET":
        raise _not_offered(request)
    if request.query.get("filter"):  # RFC 7644, section 4
        told = "What the door says of itself takes no filter."
        raise TrimtabError(told, fix="Leave it out.", code="forbidden", status=403)
    return Reply(body=described(request.base, request.path))


# --- what comes in ---


async def _read(scope: Any, headers: Headers, receive: Any, public_url: str) -> Request:
    method, path = scope["method"], unquote(scope["path"][len(PREFIX) :])
    host = headers.get(b"host", b"localhost").decode("latin-1")
    if "\0" in path:
        raise NotFound("There is no such thing: a name cannot hold a NUL.", fix="Check the path.")
    try:
        query = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True, max_num_fields=50)
    except ValueError:
        raise invalid("A request has at most 50 parameters.") from None
    body = None
    if method in ("POST", "PUT", "PATCH") and path.lower().startswith(("/users", "/groups")):
        kind = headers.get(b"content-type", b"").decode("latin-1").partition(";")[0].strip().lower()
        if kind not in (MEDIA_TYPE, "application/json"):
            raise InvalidRequest("The body must be JSON.", fix=f"Send it as {MEDIA_TYPE}.", code="not_json", status=415)
        body = _decoded(await _body(receive))
    return Request(
        method=method,
        path=tuple(part for part in path.split("/") if part),
        query={name: values[-1] for name, values in query.items()},
        body=body,
        if_match=headers.get(b"if-match", b"").decode("latin-1").strip(),
        if_none_match=headers.get(b"if-none-match", b"").decode("latin-1").strip(),
        base=(public_url or f"{scope.get('scheme', 'http')}://{host}") + PREFIX,
    )


async def _body(receive: Any) -> bytes:
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise InvalidRequest("The client went away.", fix="Send the request again.", status=499)
        part: bytes = message.get("body", b"")
        size += len(part)
        if size > MAX_BODY:
            raise TooLarge("The body is larger than this door takes.", fix=f"Send at most {MAX_BODY >> 20} MiB.")
        parts.append(part)
        if not message.get("more_body"):
            return b"".join(parts)


def _decoded(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise invalid(f"The body is no JSON: {error}.", "invalidSyntax") from None
    except RecursionError:
        raise invalid("The body is nested too deeply.", "invalidSyntax") from None


def _search(body: Any) -> dict[str, str]:
    """A search in a body (RFC 7644, section 3.4.3), as the query says it."""
    asked: dict[str, str] = {}
    for name in ("filter", "startIndex", "count", "attributes", "excludedAttributes"):
        value = got(cast("dict[str, Any]", body), name) if isinstance(body, dict) else None
        if isinstance(value, list):
            asked[name] = ",".join(str(each) for each in cast("list[Any]", value))
        elif value is not None:
            asked[name] = str(value)
    return asked


def _number(asked: Mapping[str, str], name: str, default: int) -> int:
    text = asked.get(name, "")
    if not text:
        return default
    try:
        return max(-1, min(int(text), 10**9))
    except ValueError:
        raise invalid(f"{name!r} is a number.") from None


def _fits(condition: str, found: dict[str, Any]) -> bool:
    """Whether an If-Match or If-None-Match names what is there; versions are compared weakly."""
    if not condition:
        return False
    tags = [each.strip().removeprefix("W/") for each in condition.split(",")]
    return "*" in tags or found["meta"]["version"].removeprefix("W/") in tags


def _not_offered(request: Request) -> TrimtabError:
    return TrimtabError(
        f"{request.method[:20]} is not offered at /{'/'.join(request.path)[:100]}.",
        fix="RFC 7644, table 2 names the methods.",
        code="method_not_allowed",
        status=405,
    )

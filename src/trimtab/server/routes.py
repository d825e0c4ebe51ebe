"""How a route of the API is made: method, path, permission, and what it says about itself, in one place.

``permission=None`` opens a route to everybody; a test keeps the list of those short.
"""

import base64
from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any, Literal, cast

from litestar.di import NamedDependency, Provide
from litestar.handlers import HTTPRouteHandler
from litestar.params import QueryParameter, SkipValidation
from litestar.types import Empty
from msgspec import Meta, Struct

from trimtab.core.errors import InvalidRequest
from trimtab.governance.access import Organisation, Project
from trimtab.governance.permissions import Permission
from trimtab.server.auth import Caller
from trimtab.server.dependencies import Dependencies

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]

# What the app hands to a route by its argument's name: `deps`, `caller`, `tenant` and `within`: of the path.
Deps = NamedDependency[SkipValidation[Dependencies]]
CallerNow = NamedDependency[SkipValidation[Caller]]
Tenant = NamedDependency[SkipValidation[Project]]
Within = NamedDependency[SkipValidation[Organisation]]

# Bounds stand twice: `Meta` is what our OpenAPI shows, `QueryParameter` what Litestar checks.
_CURSOR_ABOUT = "From the page before; leave it out for the first."
Cursor = Annotated[
    Annotated[str, Meta(description=_CURSOR_ABOUT, max_length=1000)] | None, QueryParameter(max_length=1000)
]
SEEN_ABOUT = (
    "The revision that was seen: refused (409) where it is another by now. Left out: removed whatever it is by now."
)
Seen = Annotated[Annotated[int, Meta(description=SEEN_ABOUT, ge=1)] | None, QueryParameter(ge=1)]
"""What a removal may say of what it removes, as ``expected_revision``."""
Limit = Annotated[int, Meta(ge=1, le=500, description="How many at most."), QueryParameter(ge=1, le=500)]


class Operation(Struct, frozen=True, kw_only=True):
    """What OpenAPI says of a route beyond its types. ``errors`` are statuses beside 400, 401, 403, 500 and 503."""

    id: str
    summary: str
    tag: str
    errors: tuple[int, ...] = ()
    status: int = 200
    media_type: str = "application/json"
    max_body: int | None = None
    """Bytes of a body this route takes, where that is more than the others do."""
    file_types: tuple[str, ...] = ()
    """Media types of a file that the body is, where it is no JSON: the handler reads it from the request."""
    needs_content: bool = False
    """What it answers, or carries elsewhere, is content of calls and nothing else: refused to who may not read that."""
    any_query: bool = False
    """Its query is another's to choose (an identity provider's tile, and its way back): what is not known there is no
    mistake."""
    events: tuple[type[Struct], ...] = ()
    """What the ``data`` of a stream's events are, for the description."""


def route(
    method: Method,
    path: str,
    permission: Permission | None,
    operation: Operation,
    gathered: Mapping[str, Callable[..., Any]] | None = None,
) -> Callable[[Callable[..., Awaitable[Any]]], HTTPRouteHandler]:
    """A decorator that makes an async function a route. ``gathered``: by the name of an argument, what makes it of
    query parameters, where one by one they would be too many."""
    made_of = dict(gathered or {})
    made = HTTPRouteHandler(
        path,
        http_method=method,
        status_code=operation.status,
        operation_id=operation.id,
        opt={"permission": permission, "operation": operation, "gathered": made_of},
        dependencies={name: Provide(make, sync_to_thread=False) for name, make in made_of.items()},
        media_type=operation.media_type,
        request_max_body_size=Empty if operation.max_body is None else operation.max_body,
    )
    return cast("Callable[[Callable[..., Awaitable[Any]]], HTTPRouteHandler]", made)


def cut(names: list[str], cursor: str | None, limit: int) -> tuple[list[str], str | None]:
    """One page of sorted names, and the cursor of the next."""
    after = read_cursor(cursor)
    rest = [name for name in names if name > after] if after else names
    page = rest[:limit]
    return page, (write_cursor(page[-1]) if len(rest) > limit else None)


def write_cursor(last: str) -> str:
    """Opaque to callers, so that what it holds may change."""
    return base64.urlsafe_b64encode(f"1:{last}".encode()).decode().rstrip("=")


def read_cursor(cursor: str | None) -> str:
    """The last name of the page before; empty for the first page. Raises `InvalidRequest` for one we did not make."""
    if not cursor:
        return ""
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
    except ValueError:
        text = ""
    mark, _, last = text.partition(":")
    if mark != "1" or not last or "\0" in last:
        raise InvalidRequest("This cursor was not made here.", fix="Take it from the page before.", param="cursor")
    return last

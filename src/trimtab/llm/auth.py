"""How a provider wants to be shown its key, as data.

A scheme belongs to a dialect (what its vendor does) and may be another one at one kind of provider. ``sigv4`` is AWS's
request signing (`llm/sigv4.py`): its lines depend on the body, so they are made per request, not here.
"""

from typing import Literal
from urllib.parse import quote

from msgspec import Struct

Way = Literal["bearer", "header", "query", "sigv4", "none"]


class Auth(Struct, frozen=True):
    """``name`` is the header's (lower-case) or the query parameter's, where the way needs one."""

    way: Way
    name: str = ""


BEARER = Auth("bearer")
"""``Authorization: Bearer KEY`` (RFC 6750)."""


def headers_of(auth: Auth, api_key: str | None) -> dict[str, str]:
    """The header that presents the key; none where there is no key, or it travels in another way. A key for an API that
    is otherwise signed is a bearer token: https://docs.aws.amazon.com/bedrock/latest/userguide/api-keys-use.html"""
    if not api_key:
        return {}
    match auth.way:
        case "bearer" | "sigv4":
            return {"authorization": f"Bearer {api_key}"}
        case "header":
            return {auth.name: api_key}
        case "query" | "none":
            return {}


def query_of(auth: Auth, api_key: str | None) -> str:
    """The query parameter that presents the key, else ``""``."""
    return f"{auth.name}={quote(api_key, safe='')}" if api_key and auth.way == "query" else ""

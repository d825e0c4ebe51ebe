"""Errors in Google's shape. https://ai.google.dev/gemini-api/docs/troubleshooting and https://google.aip.dev/193

Our stable code travels as the reason of an ``ErrorInfo``, the request id in a ``RequestInfo``.
"""

import re
from collections.abc import Mapping
from typing import Any, cast

import msgspec

from trimtab.core.errors import TrimtabError, UpstreamRejected
from trimtab.llm.dialects._errors import LONGEST_WAIT_S, rejected, upstream_code
from trimtab.llm.dialects._reading import BROKEN, clean

_STATUSES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    408: "DEADLINE_EXCEEDED",
    409: "ABORTED",
    413: "INVALID_ARGUMENT",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    502: "UNAVAILABLE",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
    529: "UNAVAILABLE",
}
_TYPE = "type.googleapis.com/google.rpc."
_DELAY = re.compile(r"(\d+(?:\.\d+)?)s")


def parse_error(status: int, body: bytes, headers: Mapping[str, str]) -> UpstreamRejected:
    """As everywhere, and: Google's code is its ``status``, and it says in ``details`` how long to wait."""
    found = rejected(status, body, headers)
    error = _error_in(body)
    word = error.get("status")
    if isinstance(word, str) and word and found.upstream_code.isdigit():
        found.upstream_code = clean(word)[:100]
    if found.retry_after_s is None:
        found.retry_after_s = _delay(error.get("details"))
    return found


def _error_in(body: bytes) -> dict[str, Any]:
    try:
        value: Any = msgspec.json.decode(body)
    except BROKEN:
        return {}
    if isinstance(value, list) and value:
        value = cast("list[Any]", value)[0]
    inner = cast("dict[str, Any]", value).get("error") if isinstance(value, dict) else None
    return cast("dict[str, Any]", inner) if isinstance(inner, dict) else {}


def _delay(details: Any) -> float | None:
    """Seconds, from a ``RetryInfo``."""
    for each in cast("list[Any]", details) if isinstance(details, list) else []:
        told = cast("dict[str, Any]", each).get("retryDelay") if isinstance(each, dict) else None
        match = _DELAY.fullmatch(told) if isinstance(told, str) else None
        if match is not None:
            return min(float(match[1]), LONGEST_WAIT_S)
    return None


def render_error(error: TrimtabError, request_id: str) -> bytes:
    metadata = {} if error.param is None else {"param": clean(error.param)}
    reason = upstream_code(error) or error.code
    details: list[dict[str, Any]] = [
        {"@type": f"{_TYPE}ErrorInfo", "reason": reason, "domain": "trimtab", "metadata": metadata},
        {"@type": f"{_TYPE}RequestInfo", "requestId": request_id},
    ]
    if error.retry_after_s is not None:
        details.append({"@type": f"{_TYPE}RetryInfo", "retryDelay": f"{error.retry_after_s:g}s"})
    told = {
        "code": error.status,
        "message": clean(error.sentence()),
        "status": _STATUSES.get(error.status) or ("INVALID_ARGUMENT" if error.status < 500 else "INTERNAL"),
        "details": details,
    }
    return msgspec.json.encode({"error": told})


def render_stream_error(error: TrimtabError, request_id: str) -> bytes:
    """An event that begins with ``error``, on which Google's clients raise (``_api_client.py`` of its Python SDK)."""
    return b"data: " + render_error(error, request_id) + b"\n\n"

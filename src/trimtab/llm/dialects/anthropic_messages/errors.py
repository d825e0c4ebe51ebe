"""Errors in Anthropic's shape. https://docs.claude.com/en/api/errors

Our stable code travels where Anthropic puts its own, in ``error.details.error_code``.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from trimtab.core.errors import TrimtabError, UpstreamRejected
from trimtab.llm.dialects._errors import rejected, upstream_code
from trimtab.llm.dialects._reading import clean

_TYPES = {
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    409: "conflict_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
    529: "overloaded_error",
}


def parse_error(status: int, body: bytes, headers: Mapping[str, str]) -> UpstreamRejected:
    return rejected(status, body, headers)


def _error(error: TrimtabError, request_id: str) -> dict[str, Any]:
    kind = _TYPES.get(error.status) or ("invalid_request_error" if error.status < 500 else "api_error")
    told: dict[str, Any] = {"type": kind, "message": clean(error.sentence())}
    told["details"] = {"error_code": upstream_code(error) or error.code}
    if error.param is not None:
        told["details"]["param"] = clean(error.param)
    return {"type": "error", "error": told, "request_id": request_id}


def render_error(error: TrimtabError, request_id: str) -> bytes:
    return msgspec.json.encode(_error(error, request_id))


def render_stream_error(error: TrimtabError, request_id: str) -> bytes:
    """Anthropic's own ``error`` event, which ends its streams: https://docs.claude.com/en/docs/build-with-claude/streaming"""
    return b"event: error\ndata: " + render_error(error, request_id) + b"\n\n"

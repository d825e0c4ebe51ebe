"""Errors in Anthropic's shape. https://docs.claude.com/en/api/errors

Our stable code travels where Anthropic puts its own, in ``error.details.error_code``. What Anthropic tells there (its
SDK's types ``*_error_details``) reaches its own clients as it is: they raise an error of their own for each code.
Where a conversation should be held by Anthropic (``thread``) and another provider is called, we say so with Anthropic's
code: the tool runner of its client then sends the whole conversation, and ends with any other.
"""

import contextlib
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Raw, Struct

from trimtab.core.errors import TrimtabError, Unsupported, UpstreamRejected
from trimtab.llm.dialects._errors import LONGEST_DETAIL, rejected, upstream_code
from trimtab.llm.dialects._reading import BROKEN, clean

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
NAME = "anthropic_messages"
NO_THREAD = "thread_unsupported_request"
TOO_LONG = "prompt is too long"
"""Anthropic has no code for it: clients know it by these words, and make their conversation shorter."""


class _Inner(Struct):
    details: dict[str, Raw] = {}


class _Refusal(Struct):
    error: _Inner


_decode_refusal = msgspec.json.Decoder(_Refusal).decode
_decode_details = msgspec.json.Decoder(dict[str, Raw]).decode


def parse_error(status: int, body: bytes, headers: Mapping[str, str]) -> UpstreamRejected:
    error = rejected(status, body, headers)
    if b'"details"' in body:
        with contextlib.suppress(*BROKEN):
            details = _decode_refusal(body).error.details
            code = msgspec.json.decode(details.get("error_code", b"null"))
            detail = msgspec.json.encode(details)
            if len(detail) <= LONGEST_DETAIL:
                error.detail, error.detail_of = detail, NAME
            if isinstance(code, str) and code:
                error.upstream_code = clean(code)[:100]
    return error


def _error(error: TrimtabError, request_id: str) -> dict[str, Any]:
    kind = _TYPES.get(error.status) or ("invalid_request_error" if error.status < 500 else "api_error")
    told: dict[str, Any] = {"type": kind, "message": clean(_sentence(error))}
    threadless = isinstance(error, Unsupported) and error.param == "thread"
    told["details"] = {"error_code": NO_THREAD if threadless else upstream_code(error) or error.code}
    if isinstance(error, UpstreamRejected) and error.detail_of == NAME:
        told["details"] |= _decode_details(error.detail)
    if error.param is not None:
        told["details"]["param"] = clean(error.param)
    return {"type": "error", "error": told, "request_id": request_id}


def _sentence(error: TrimtabError) -> str:
    said = error.sentence()
    if isinstance(error, UpstreamRejected) and error.reason == "too_long" and TOO_LONG not in said.lower():
        return f"{TOO_LONG}: {said}"
    return said


def render_error(error: TrimtabError, request_id: str) -> bytes:
    return msgspec.json.encode(_error(error, request_id))


def render_stream_error(error: TrimtabError, request_id: str) -> bytes:
    """Anthropic's own ``error`` event, which ends its streams: https://docs.claude.com/en/docs/build-with-claude/streaming"""
    return b"event: error\ndata: " + render_error(error, request_id) + b"\n\n"

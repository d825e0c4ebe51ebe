"""Errors in OpenAI's shape. https://platform.openai.com/docs/guides/error-codes"""

import contextlib
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Raw, Struct

from trimtab.core.errors import TrimtabError, UpstreamRejected
from trimtab.llm.dialects._errors import rejected, upstream_code
from trimtab.llm.dialects._reading import BROKEN, clean

_TYPES = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    409: "conflict_error",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
    529: "overloaded_error",
}


LONGEST_DETAIL = 4096
FULL = 498
"""Groq's, for a tier that has no room at the moment: https://console.groq.com/docs/errors"""


class _Inner(Struct):
    innererror: Raw = Raw(b"null")


class _Refusal(Struct):
    error: _Inner


_decode_refusal = msgspec.json.Decoder(_Refusal).decode


def parse_error(status: int, body: bytes, headers: Mapping[str, str]) -> UpstreamRejected:
    error = rejected(status, body, headers)
    error.retryable = error.retryable or status == FULL
    if b'"innererror"' in body:  # Azure's, with what its content filter found
        with contextlib.suppress(*BROKEN):
            detail = bytes(_decode_refusal(body).error.innererror)
            if detail[:1] == b"{" and len(detail) <= LONGEST_DETAIL:
                msgspec.json.decode(detail)
                error.detail = detail
    return error


def _error(error: TrimtabError, request_id: str) -> dict[str, Any]:
    kind = _TYPES.get(error.status) or ("invalid_request_error" if error.status < 500 else "server_error")
    detail = error.detail if isinstance(error, UpstreamRejected) else b""
    return ({"innererror": Raw(detail)} if detail else {}) | {
        "message": clean(error.sentence()),
        "type": kind,
        "param": None if error.param is None else clean(error.param),
        # clients branch on the vendor's codes (context_length_exceeded, insufficient_quota), so those go through
        "code": upstream_code(error) or error.code,
        "request_id": request_id,
    }


def render_error(error: TrimtabError, request_id: str) -> bytes:
    return msgspec.json.encode({"error": _error(error, request_id)})


def render_stream_error(error: TrimtabError, request_id: str) -> bytes:
    """One event with an ``error`` member, on which OpenAI's clients raise (``_streaming.py`` of its Python SDK).

    No ``[DONE]`` follows: a client that passes over what it does not know would take that for a whole answer.
    """
    return b"data: " + render_error(error, request_id) + b"\n\n"

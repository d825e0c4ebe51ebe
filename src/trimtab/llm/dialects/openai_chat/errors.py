"""Errors in OpenAI's shape. https://platform.openai.com/docs/guides/error-codes"""

import contextlib
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Raw, Struct

from trimtab.core.errors import Reason, TrimtabError, UpstreamRejected
from trimtab.llm.dialects._errors import LONGEST_DETAIL, rejected, upstream_code
from trimtab.llm.dialects._reading import BROKEN, clean
from trimtab.llm.dialects.openai_chat.parts import NAME

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
_OWN_CODES: dict[Reason, tuple[str, ...]] = {
    "too_long": ("context_length_exceeded", "rate_limit_exceeded"),
    "filtered": ("content_filter", "content_policy_violation", "invalid_prompt", "moderation_blocked"),
}
"""What OpenAI calls these; the first is said for another vendor's word. ``rate_limit_exceeded``: a request that is
larger than what a minute allows."""
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
                error.detail, error.detail_of = detail, NAME
    return error


def _code(error: TrimtabError) -> str:
    """Clients branch on the vendor's codes (context_length_exceeded, insufficient_quota), so those go through."""
    told = upstream_code(error) or error.code
    own = _OWN_CODES.get(error.reason, ()) if isinstance(error, UpstreamRejected) else ()
    return told if not own or told in own else own[0]


def _error(error: TrimtabError, request_id: str) -> dict[str, Any]:
    kind = _TYPES.get(error.status) or ("invalid_request_error" if error.status < 500 else "server_error")
    detail = error.detail if isinstance(error, UpstreamRejected) and error.detail_of == NAME else b""
    return ({"innererror": Raw(detail)} if detail else {}) | {
        "message": clean(error.sentence()),
        "type": kind,
        "param": None if error.param is None else clean(error.param),
        "code": _code(error),
        "request_id": request_id,
    }


def render_error(error: TrimtabError, request_id: str) -> bytes:
    return msgspec.json.encode({"error": _error(error, request_id)})


def render_stream_error(error: TrimtabError, request_id: str) -> bytes:
    """One event with an ``error`` member, on which OpenAI's clients raise (``_streaming.py`` of its Python SDK).

    No ``[DONE]`` follows: a client that passes over what it does not know would take that for a whole answer.
    """
    return b"data: " + render_error(error, request_id) + b"\n\n"

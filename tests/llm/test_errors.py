"""Failures in each vendor's shape, and each vendor's failures in ours."""

import json
from typing import Any

import pytest

from trimtab.core import errors
from trimtab.llm.auth import headers_of
from trimtab.llm.dialects import DIALECTS, Dialect

OPENAI = DIALECTS.get("openai_chat")
ANTHROPIC = DIALECTS.get("anthropic_messages")
BOTH = pytest.mark.parametrize("name", ["openai_chat", "anthropic_messages"])

KINDS: list[tuple[errors.TrimtabError, str, str]] = [
    (errors.InvalidRequest("m"), "invalid_request_error", "invalid_request_error"),
    (errors.Unsupported("m"), "invalid_request_error", "invalid_request_error"),
    (errors.Unauthenticated("m"), "authentication_error", "authentication_error"),
    (errors.Forbidden("m"), "permission_error", "permission_error"),
    (errors.NotFound("m"), "not_found_error", "not_found_error"),
    (errors.Conflict("m"), "conflict_error", "conflict_error"),
    (errors.TooLarge("m"), "invalid_request_error", "request_too_large"),
    (errors.RateLimited("m"), "rate_limit_error", "rate_limit_error"),
    (errors.Unavailable("m"), "overloaded_error", "overloaded_error"),
    (errors.UpstreamFailure("m"), "server_error", "api_error"),
    (errors.UpstreamTimeout("m"), "timeout_error", "timeout_error"),
    (errors.InternalError("m"), "server_error", "api_error"),
    (errors.UpstreamRejected("m", status=529), "overloaded_error", "overloaded_error"),
    (errors.UpstreamRejected("m", status=422), "invalid_request_error", "invalid_request_error"),
]


@pytest.mark.parametrize(("error", "openai_type", "anthropic_type"), KINDS, ids=[type(k[0]).__name__ for k in KINDS])
def test_every_failure_has_a_type_in_each_vendors_words(
    error: errors.TrimtabError, openai_type: str, anthropic_type: str
) -> None:
    assert json.loads(OPENAI.render_error(error, "r"))["error"]["type"] == openai_type
    assert json.loads(ANTHROPIC.render_error(error, "r"))["error"]["type"] == anthropic_type


def test_an_error_says_what_is_wrong_how_to_mend_it_where_and_which_call_it_was() -> None:
    error = errors.InvalidRequest("`n` is wrong.", fix="Leave it out.", param="n")
    assert json.loads(OPENAI.render_error(error, "req_1")) == {
        "error": {
            "message": "`n` is wrong. Leave it out.",
            "type": "invalid_request_error",
            "param": "n",
            "code": "invalid_request",
            "request_id": "req_1",
        }
    }
    assert json.loads(ANTHROPIC.render_error(error, "req_1")) == {
        "type": "error",
        "error": {
            "type": "invalid_request_error",
            "message": "`n` is wrong. Leave it out.",
            "details": {"error_code": "invalid_request", "param": "n"},
        },
        "request_id": "req_1",
    }


def test_a_broken_openai_stream_does_not_end_like_a_whole_one() -> None:
    event = OPENAI.render_stream_error(errors.UpstreamFailure("gone"), "r")
    assert event.startswith(b'data: {"error":{"message":"gone"')
    assert event.endswith(b"}\n\n")
    assert b"[DONE]" not in event


def test_a_broken_anthropic_stream_ends_with_its_error_event() -> None:
    event = ANTHROPIC.render_stream_error(errors.UpstreamFailure("gone"), "r")
    assert event.startswith(b'event: error\ndata: {"type":"error"')
    assert event.endswith(b"}\n\n")


@BOTH
@pytest.mark.parametrize(
    ("body", "message", "code", "param"),
    [
        (
            {"error": {"message": "too long", "type": "invalid_request_error", "param": "messages", "code": "ctx"}},
            "too long",
            "ctx",
            "messages",
        ),
        ({"error": {"message": "no", "type": "server_error", "param": None, "code": None}}, "no", "server_error", None),
        (
            {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}},
            "Overloaded",
            "overloaded_error",
            None,
        ),
        ({"error": "model not loaded"}, "model not loaded", "", None),
        ({"object": "error", "message": "bad", "type": "BadRequestError", "code": 400}, "bad", "BadRequestError", None),
        ({"error": {"message": "bad", "code": 400}}, "bad", "400", None),
        ({"error": {"message": "bad", "type": "rate_limit", "code": "1302"}}, "bad", "1302", None),
        ({"detail": "Not Found"}, "Not Found", "", None),
        ({"detail": [{"loc": ["body"], "msg": "missing"}]}, '[{"loc":["body"],"msg":"missing"}]', "", None),
        ([{"error": {"code": 503, "message": "full", "status": "UNAVAILABLE"}}], "full", "UNAVAILABLE", None),
    ],
)
def test_a_providers_json_of_any_shape_keeps_its_words(
    name: str, body: Any, message: str, code: str, param: str | None
) -> None:
    error = DIALECTS.get(name).parse_error(400, json.dumps(body).encode(), {})
    assert (error.status, error.message, error.upstream_code, error.param) == (400, message, code, param)


@BOTH
@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "The provider answered with status 503 and said nothing."),
        (b"upstream connect error", "upstream connect error"),
        (
            b"<html><head><title>503 Busy</title><style>p{}</style></head><body><p>Come &amp; wait</p></body></html>",
            "503 Busy Come & wait",
        ),
        (b'{"error": {"message": "cut o', '{"error": {"message": "cut o'),
        (b"\xff\xfe", "\ufffd\ufffd"),
    ],
)
def test_a_provider_that_says_no_json_is_quoted_as_text(name: str, body: bytes, message: str) -> None:
    assert DIALECTS.get(name).parse_error(503, body, {}).message == message


@BOTH
def test_a_long_message_is_cut(name: str) -> None:
    error = DIALECTS.get(name).parse_error(500, b"x" * 100_000, {})
    assert len(error.message) == 2000
    assert error.message.endswith("…")


@BOTH
@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "20"}, 20.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after": "-3"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "1e300"}, 24 * 3600.0),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:30 GMT", "date": "Wed, 21 Oct 2026 07:28:00 GMT"}, 30.0),
        ({"retry-after": "Wed, 21 Oct 2026 07:27:00 GMT", "date": "Wed, 21 Oct 2026 07:28:00 GMT"}, 0.0),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:30 GMT"}, None),
        ({"retry-after": "soon", "date": "Wed, 21 Oct 2026 07:28:00 GMT"}, None),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:30", "date": "Wed, 21 Oct 2026 07:28:00 GMT"}, None),
    ],
)
def test_retry_after_is_read_in_all_its_forms(name: str, headers: dict[str, str], seconds: float | None) -> None:
    error = DIALECTS.get(name).parse_error(429, b"{}", headers)
    assert error.retry_after_s == seconds
    assert error.retryable
    assert error.code == "rate_limited"


@BOTH
def test_the_providers_code_reaches_the_client(name: str) -> None:
    body = b'{"error":{"message":"too long","code":"context_length_exceeded"}}'
    error = DIALECTS.get(name).parse_error(400, body, {})
    assert json.loads(OPENAI.render_error(error, "r"))["error"]["code"] == "context_length_exceeded"
    details = json.loads(ANTHROPIC.render_error(error, "r"))["error"]["details"]
    assert details["error_code"] == "context_length_exceeded"


def test_anthropics_client_is_told_by_its_own_code_that_nobody_holds_its_conversation() -> None:
    """Its tool runner then sends the whole conversation, and ends the run with any other."""
    error = errors.Unsupported("No.", param="thread")
    details = json.loads(ANTHROPIC.render_error(error, "r"))["error"]["details"]
    assert details == {"error_code": "thread_unsupported_request", "param": "thread"}
    assert json.loads(OPENAI.render_error(error, "r"))["error"]["code"] == "unsupported"


@BOTH
def test_a_status_that_refuses_nothing_is_told_as_bad_gateway(name: str) -> None:
    assert DIALECTS.get(name).parse_error(302, b"", {}).status == 502


def shown(dialect: Dialect, key: str | None) -> dict[str, str]:
    return {**dialect.headers, **headers_of(dialect.auth, key)}


def test_keys_are_presented_as_each_vendor_wants() -> None:
    assert shown(OPENAI, "k") == {"authorization": "Bearer k"}
    assert shown(OPENAI, None) == {}
    assert shown(ANTHROPIC, "k") == {"anthropic-version": "2023-06-01", "x-api-key": "k"}
    assert shown(ANTHROPIC, None) == {"anthropic-version": "2023-06-01"}

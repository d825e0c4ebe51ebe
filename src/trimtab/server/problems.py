"""Errors of the management API as RFC 9457 problems: one shape for every refusal, and never a stack trace.

Whatever is raised becomes a `TrimtabError` first (`as_error`); the table of statuses, codes and meanings is the tree in
`core/errors.py`. What we do not know is a defect of ours: logged with its trace under the request's id, told as such.
"""

import logging
import re
from http import HTTPStatus
from typing import Any, cast

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException

from trimtab.core.errors import InternalError, InvalidRequest, NotFound, TooLarge, TrimtabError
from trimtab.server.bodies import Problem

log = logging.getLogger("trimtab.api")

MEDIA_TYPE = "application/problem+json"
REQUEST_ID = "x-request-id"


def as_problem(error: TrimtabError, request_id: str) -> Problem:
    try:
        title = HTTPStatus(error.status).phrase
    except ValueError:
        title = "Error"
    return Problem(
        type=f"urn:trimtab:problem:{error.code}",
        title=title,
        status=error.status,
        detail=error.message,
        code=error.code,
        fix=error.fix,
        request_id=request_id,
        param=error.param,
    )


def headers_of(error: TrimtabError, request_id: str) -> dict[str, str]:
    """The headers that belong to an error, beside its body."""
    headers = {REQUEST_ID: request_id, "cache-control": "no-store"}
    if error.retry_after_s is not None:
        headers["retry-after"] = str(max(1, round(error.retry_after_s)))
    if error.status == 401:
        headers["www-authenticate"] = 'Bearer realm="trimtab"'
    return headers


def body_of(error: TrimtabError, request_id: str) -> bytes:
    return msgspec.json.encode(as_problem(error, request_id))


def handle(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Litestar's exception handler for everything."""
    known = as_error(error, f"{request.method} {request.scope['path']}")
    request_id = cast("str", request.scope["state"].get("request_id", ""))
    if known.status >= 500 and isinstance(known, InternalError):
        log.error("request %s failed: a defect of ours", request_id, exc_info=error)
    headers = headers_of(known, request_id)
    if isinstance(error, HTTPException) and error.headers:
        headers |= {name.lower(): value for name, value in error.headers.items() if name.lower() == "allow"}
    return Response(body_of(known, request_id), status_code=known.status, media_type=MEDIA_TYPE, headers=headers)


def as_error(error: Exception, what: str) -> TrimtabError:
    """The error of our tree that says what ``error`` says."""
    if isinstance(error, TrimtabError):
        return error
    if isinstance(error, ValidationException):
        return _invalid(error)
    if isinstance(error, HTTPException):
        return _of_http(error, what)
    if isinstance(error, RecursionError):  # the JSON decoder's, of a body nested deeper than the interpreter goes
        return InvalidRequest(
            "The body is nested too deeply.", fix="The schema at /api/openapi.json says what is expected."
        )
    return InternalError(
        "Something went wrong inside Trimtab.",
        fix="The server's log has the details under this request's id; please report it.",
    )


def _of_http(error: HTTPException, what: str) -> TrimtabError:
    status = error.status_code
    if status == 404:
        return NotFound(f"There is nothing at {what[:200]}.", fix="The API is described at /api/openapi.json.")
    if status == 405:
        return TrimtabError(
            f"{what[:200]} is not offered.",
            fix="The header 'allow' names the methods that are.",
            code="method_not_allowed",
            status=405,
        )
    if status == 413:
        return TooLarge("The body is larger than this API takes.", fix="Send at most 1 MB.")
    if 400 <= status < 500:
        return InvalidRequest(
            _PLACE.sub("", _first_line(error.detail)), fix="Correct the request and send it again.", status=status
        )
    return InternalError(
        "Something went wrong inside Trimtab.", fix="The server's log has the details under this request's id."
    )


def _invalid(error: ValidationException) -> InvalidRequest:
    """Litestar lists what was wrong as ``{message, key}``; a body that is no JSON at all has no list. Of a body the key
    is always ``data``, and the message says where in it."""
    found = error.extra if isinstance(error.extra, list) else []
    first = cast("dict[str, Any]", found[0]) if found else {}
    words = str(first.get("message") or _first_line(error.detail)).rstrip(".")
    param = str(first.get("key") or "")
    if param == "data":
        named = _FIELD.search(words)
        param = named.group(1) if named else ""
        words = _PLACE.sub("", words)
    return InvalidRequest(
        f"{param}: {words}." if param else f"{words}.",
        fix="The schema at /api/openapi.json says what is expected here.",
        param=param or None,
    )


_PLACE = re.compile(r" - at `\$[^`]*`")
_FIELD = re.compile(r"(?: - at `\$\.|field `)([^`]+)`")


def _first_line(text: str) -> str:
    return (text.splitlines() or ["The request is not valid."])[0][:300]

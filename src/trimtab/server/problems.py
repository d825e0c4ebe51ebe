"""Errors of the management API as RFC 9457 problems: one shape for every refusal, and never a stack trace.

Whatever is raised becomes a `TrimtabError` first (`as_error`); the table of statuses, codes and meanings is the tree in
`core/errors.py`. What we do not know is a defect of ours: logged with its trace under the request's id, told as such.
"""

import logging
import re
from collections.abc import Iterable
from difflib import get_close_matches
from http import HTTPStatus
from typing import Any, cast, get_args

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException

from trimtab.core.errors import InternalError, InvalidRequest, NotFound, TooLarge, TrimtabError
from trimtab.governance.edits import Stale
from trimtab.server.bodies.common import Problem

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
        meanwhile=error.meanwhile if isinstance(error, Stale) else None,
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
    known = as_error(error, f"{request.method} {request.scope['path']}", _body_type(request))
    request_id = cast("str", request.scope["state"].get("request_id", ""))
    if known.status >= 500 and isinstance(known, InternalError):
        log.error("request %s failed: a defect of ours", request_id, exc_info=error)
    headers = headers_of(known, request_id)
    if isinstance(error, HTTPException) and error.headers:
        headers |= {name.lower(): value for name, value in error.headers.items() if name.lower() == "allow"}
    return Response(body_of(known, request_id), status_code=known.status, media_type=MEDIA_TYPE, headers=headers)


def as_error(error: Exception, what: str, body: Any = None) -> TrimtabError:
    """The error of our tree that says what ``error`` says. ``body`` is the type of the body that was expected."""
    if isinstance(error, TrimtabError):
        return error
    if isinstance(error, ValidationException):
        return _invalid(error, body)
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


def _body_type(request: Request[Any, Any, Any]) -> Any:
    """The annotation of the body of the route that was asked; None where there is no route, or it takes no body."""
    data = getattr(cast("dict[str, Any]", request.scope).get("route_handler"), "parsed_data_field", None)
    return getattr(data, "annotation", None)


def _invalid(error: ValidationException, body: Any) -> InvalidRequest:
    """Litestar lists what was wrong as ``{message, key}``; a body that is no JSON at all has no list. Of a body the key
    is always ``data``, and the message says where in it."""
    found = error.extra if isinstance(error.extra, list) else []
    first = cast("dict[str, Any]", found[0]) if found else {}
    words = str(first.get("message") or _first_line(error.detail)).rstrip(".")
    param = str(first.get("key") or "")
    path = "" if param == "data" else param
    told = (_fields_there(words, path, body) or _quotes(words)) if first.get("source") == "body" else ""
    if param == "data":
        named = _FIELD.search(words)
        param = named.group(1) if named else ""
        words = _PLACE.sub("", words)
    return InvalidRequest(
        f"{param}: {words}." if param else f"{words}.",
        fix=told or "The schema at /api/openapi.json says what is expected here.",
        param=param or None,
    )


def _quotes(words: str) -> str:
    """The way out where a number was given for a text, which is most often an amount of money; empty of any other
    mistake. (A number in quotes is taken for one where a number is due.)"""
    return (
        'Put it in quotes: amounts are texts here, as "0.5", so that they stay exact.' if _UNQUOTED.match(words) else ""
    )


def _fields_there(words: str, path: str, body: Any) -> str:
    """What was probably meant by a field at ``path`` that is not known, and which there are; empty of any other
    mistake."""
    unknown = _UNKNOWN.match(words)
    if not unknown:
        return ""
    kinds: list[Any] = [body]
    for name in _NAME.findall(path):
        kinds = [field.type for field in _fields(kinds) if field.encode_name == name]
    names = sorted({field.encode_name for field in _fields(kinds)})
    near = get_close_matches(unknown.group(1), names, n=1)
    return f"{f'Did you mean {near[0]!r}? ' if near else ''}There are: {', '.join(names)}." if names else ""


def _fields(kinds: Iterable[Any]) -> list[msgspec.structs.FieldInfo]:
    return [field for struct in _structs(kinds) for field in msgspec.structs.fields(struct)]


def _structs(kinds: Iterable[Any]) -> list[type[msgspec.Struct]]:
    """The structs in types: themselves, or members of unions, elements of lists, values of mappings."""
    found: list[type[msgspec.Struct]] = []
    for kind in kinds:
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
            found.append(kind)
        else:
            found += _structs(get_args(kind))
    return found


_UNQUOTED = re.compile(r"Expected `(?:[^`]+ \| )?str(?: \| [^`]+)?`, got `(?:int|float)`")
_PLACE = re.compile(r" - at `\$[^`]*`")
_UNKNOWN = re.compile(r"Object contains unknown field `([^`]+)`")
_NAME = re.compile(r"\w*[A-Za-z_]\w*")
"""A name in a path; numbers are places in lists."""
_FIELD = re.compile(r"(?: - at `\$\.|field `)([^`]+)`")


def _first_line(text: str) -> str:
    return (text.splitlines() or ["The request is not valid."])[0][:300]

"""What providers say when they refuse, in whatever shape: their own JSON, a proxy's HTML, plain text, nothing."""

import html
import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any, cast

import msgspec

from trimtab.core.errors import TrimtabError, UpstreamRejected
from trimtab.llm.dialects._reading import BROKEN, clean
from trimtab.llm.dialects._refusals import reason_of

LONGEST_MESSAGE = 2000
"""Characters kept of a provider's words."""
LONGEST_CODE = 100
LONGEST_DETAIL = 4096
LONGEST_WAIT_S = 24 * 3600.0
_CALLERS_FAULT = 400
_AGAIN = {"true": True, "false": False}
"""OpenAI's and Anthropic's own word, which their clients obey before any status (``_base_client.py`` of either)."""

_TAGS = re.compile(r"<(script|style)\b.*?</\1\s*>|<[^>]*>", re.DOTALL | re.IGNORECASE)
_STATUS = re.compile(r"[45]\d\d")
_TITLE = re.compile(r"<title[^>]*>(.*?)</title", re.DOTALL | re.IGNORECASE)


def rejected(status: int, body: bytes, headers: Mapping[str, str]) -> UpstreamRejected:
    """The provider's refusal. A status below 400 is no refusal of anything: it is told as 502. A prompt that is too
    long, and what a model cannot do, are told as 400: no key mends them (403), and no repeat (500)."""
    message, code, param = _words(body)
    reason = reason_of(status, code, message)
    if not message:
        message = f"The provider answered with status {status} and said nothing."
    if not 400 <= status <= 599:
        status = 502
    elif reason in ("too_long", "cannot") and status in (403, 500):
        status = _CALLERS_FAULT
    error = UpstreamRejected(message, status=status, upstream_code=code, retry_after_s=retry_after_s(headers))
    error.param = param
    error.reason = reason
    error.again = _AGAIN.get(headers.get("x-should-retry", ""))
    error.retryable = (error.retryable if error.again is None else error.again) and reason == ""
    return error


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, from ``retry-after-ms`` or ``retry-after`` (RFC 9110 10.2.3: seconds or a date).

    A date is read against the answer's own ``date`` header: no clock is needed here, and the two machines' clocks need
    not agree. Header names are lower-case.
    """
    milliseconds = _positive(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return min(milliseconds / 1000, LONGEST_WAIT_S)
    told = headers.get("retry-after")
    seconds = _positive(told)
    if seconds is None and told is not None:
        seconds = _until(told, headers.get("date"))
    return None if seconds is None else min(seconds, LONGEST_WAIT_S)


def _positive(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 0 <= value < float("inf") else None


def _until(date: str, now: str | None) -> float | None:
    if now is None:
        return None
    try:
        return max(0.0, (parsedate_to_datetime(date) - parsedate_to_datetime(now)).total_seconds())
    except (ValueError, TypeError, OverflowError):  # not a date, or one without a zone
        return None


def _words(body: bytes) -> tuple[str, str, str | None]:
    """Message, code and parameter out of an error's body."""
    text = body[: 8 * LONGEST_MESSAGE].decode("utf-8", "replace").strip()
    if not text:
        return "", "", None
    if text[0] in "{[":
        try:
            return words_of(msgspec.json.decode(body))
        except BROKEN:
            pass  # cut off, or not JSON after all: its text is the message
    if text[0] == "<":
        text = _plain(text)
    return _short(text, LONGEST_MESSAGE), "", None


def words_of(value: Any) -> tuple[str, str, str | None]:
    """Message, code and parameter out of an error's JSON: OpenAI's and Anthropic's ``error`` object, and the shapes
    that compatible servers use instead (a string, ``message``, ``detail``, a list of one)."""
    if isinstance(value, list) and value:
        return words_of(cast("list[Any]", value)[0])
    if isinstance(value, str):
        return _short(value, LONGEST_MESSAGE), "", None
    if not isinstance(value, dict):
        return _short(_dump(value), LONGEST_MESSAGE), "", None
    outer = cast("dict[str, Any]", value)
    inner = outer.get("error", outer)
    if isinstance(inner, str):
        return _short(inner, LONGEST_MESSAGE), _code(outer), None
    fields = cast("dict[str, Any]", inner) if isinstance(inner, dict) else outer
    message = next((fields[name] for name in ("message", "detail", "msg", "error") if fields.get(name)), None)
    if not isinstance(message, str):
        message = _dump(message if message is not None else value)
    param = fields.get("param")
    return (
        _short(message, LONGEST_MESSAGE),
        _code(fields),
        _short(param, LONGEST_CODE) if isinstance(param, str) else None,
    )


def _code(fields: dict[str, Any]) -> str:
    """The first that is more than the HTTP status in figures (vLLM, llama.cpp, Google, OpenRouter); else that one."""
    status = ""
    for name in ("code", "type", "status"):
        found = fields.get(name)
        if isinstance(found, int) and not isinstance(found, bool) and name == "code":
            found = str(found)[:LONGEST_CODE]
        if not isinstance(found, str) or not found or found == "error":
            continue
        if _STATUS.fullmatch(found) is None:
            return _short(found, LONGEST_CODE)
        status = status or found
    return status


def _plain(page: str) -> str:
    title = _TITLE.search(page)
    text = " ".join(html.unescape(_TAGS.sub(" ", page)).split())
    heading = " ".join(html.unescape(title.group(1)).split()) if title else ""
    return f"{heading}: {text}" if heading and not text.startswith(heading) else text


def _dump(value: Any) -> str:
    try:
        return msgspec.json.encode(value).decode("utf-8", "replace")
    except RecursionError:
        return "The provider's error is nested too deep to be quoted."


def _short(text: str, most: int) -> str:
    text = clean(text).strip()
    return text if len(text) <= most else text[: most - 1] + "…"


def upstream_code(error: TrimtabError) -> str:
    """The provider's own code of a refusal, else ``""``."""
    return error.upstream_code if isinstance(error, UpstreamRejected) else ""

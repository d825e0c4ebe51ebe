"""How a trace travels: W3C Trace Context (https://www.w3.org/TR/trace-context/) and Baggage
(https://www.w3.org/TR/baggage/), in HTTP headers or in environment variables of the same names in capitals."""

import re
from collections.abc import Mapping
from urllib.parse import quote, unquote

_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?")
_OURS = "trimtab."
MAX_BAGGAGE = 4096


def traceparent(trace_id: str, span_id: str, sampled: bool) -> str:
    return f"00-{trace_id}-{span_id}-{int(sampled):02x}"


def read(carrier: Mapping[str, str]) -> tuple[str, str, bool] | None:
    """Trace id, span id, sampled; None where there is nothing valid."""
    found = _TRACEPARENT.fullmatch(_value(carrier, "traceparent").strip())
    if found is None or found[1] == "0" * 32 or found[2] == "0" * 16:
        return None
    return found[1], found[2], bool(int(found[3], 16) & 1)


def baggage(values: Mapping[str, str]) -> str:
    """Our values as a ``baggage`` header; those that would make it too long are left out."""
    text = ""
    for name, value in values.items():
        member = f"{_OURS}{name}={quote(value, safe='')}"
        if value and len(text) + len(member) < MAX_BAGGAGE:
            text = f"{text},{member}" if text else member
    return text


def read_baggage(carrier: Mapping[str, str]) -> dict[str, str]:
    """Our values of a ``baggage`` header, by name."""
    found: dict[str, str] = {}
    for member in _value(carrier, "baggage")[: 2 * MAX_BAGGAGE].split(","):
        name, equals, value = member.partition(";")[0].strip().partition("=")
        if equals and name.startswith(_OURS):
            found[name.removeprefix(_OURS)] = unquote(value.strip())
    return found


def _value(carrier: Mapping[str, str], name: str) -> str:
    for key in (name, name.upper(), name.title()):
        if (value := carrier.get(key)) is not None:
            return value
    return ""

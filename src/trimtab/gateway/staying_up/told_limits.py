"""What a provider's answer says about its rate limits. Pure; header names are lower-case.

Sources: OpenAI (https://platform.openai.com/docs/guides/rate-limits, ``x-ratelimit-*``, times until the reset like
``6m0s`` or ``12ms``; Azure, Groq, Fireworks and others follow it) and Anthropic
(https://docs.anthropic.com/en/api/rate-limits, ``anthropic-ratelimit-*``, resets as RFC 3339). At both a bucket fills
up evenly, and the reset is when it will be *full* again: one more request fits after the reset's share of the limit,
long before. Fast mode and the priority tier have limits of their own (``anthropic-fast-*``, ``anthropic-priority-*``:
https://platform.claude.com/docs/en/build-with-claude/fast-mode), by which no other call is held back. Others count in
windows, at whose end everything is there again: Mistral (minutes: https://github.com/mistralai/client-ts/issues/169,
and months: https://github.com/promptfoo/promptfoo/pull/10577), Cerebras (minutes, hours and days:
https://inference-docs.cerebras.ai/support/rate-limits), and OpenRouter and Together without saying what they count
(https://openrouter.ai/docs/api-reference/limits). Who tells no reset is asked again. ``retry-after`` is the provider's
own word on when to come back, and wins.
"""

import re
from collections.abc import Mapping
from datetime import datetime

from msgspec import Struct

SECOND = 1_000_000_000
LONGEST_NS = 24 * 3600 * SECOND
SHORTEST_NS = SECOND // 20
ENOUGH_TOKENS = 1000
"""A call is thought to need about so many tokens of a token limit."""
UNTOLD_NS = SECOND // 4
LONGEST_UNTOLD_NS = 30 * SECOND

_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|us|h|m|s|d)")
_EPOCH = re.compile(r"\d{10}|\d{13}")
_UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


class _Family(Struct, frozen=True):
    """The three headers of one limit, and what it counts; ``windowed`` where all of it is there again at the reset."""

    limit: str
    remaining: str
    reset: str
    counts: str
    enough: int
    windowed: bool = False


def _openai(kind: str, enough: int) -> _Family:
    return _Family(
        f"x-ratelimit-limit-{kind}", f"x-ratelimit-remaining-{kind}", f"x-ratelimit-reset-{kind}", kind, enough
    )


def _anthropic(kind: str, enough: int) -> _Family:
    start = f"anthropic-ratelimit-{kind}"
    return _Family(f"{start}-limit", f"{start}-remaining", f"{start}-reset", kind.replace("-", " "), enough)


def _windowed(kind: str, counts: str) -> _Family:
    start = "x-ratelimit"
    return _Family(f"{start}-limit{kind}", f"{start}-remaining{kind}", f"{start}-reset{kind}", counts, 1, windowed=True)


OPENAI_SIGN = "x-ratelimit-remaining-requests"
ANTHROPIC_SIGN = "anthropic-ratelimit-requests-remaining"
MISTRAL_SIGN = "x-ratelimit-remaining-req-minute"
CEREBRAS_SIGN = "x-ratelimit-remaining-requests-day"
PLAIN_SIGN = "x-ratelimit-remaining"
"""An answer without one of these headers says nothing of limits."""
_FAMILIES = {
    OPENAI_SIGN: (_openai("requests", 1), _openai("tokens", ENOUGH_TOKENS)),
    ANTHROPIC_SIGN: (
        _anthropic("requests", 1),
        _anthropic("tokens", ENOUGH_TOKENS),
        _anthropic("input-tokens", ENOUGH_TOKENS),
        _anthropic("output-tokens", ENOUGH_TOKENS),
    ),
    MISTRAL_SIGN: tuple(
        _windowed(f"-{kind}-{span}", counts)
        for span in ("minute", "month")
        for kind, counts in (("req", "requests"), ("tokens", "tokens"))
    ),
    CEREBRAS_SIGN: tuple(
        _windowed(f"-{counts}-{span}", counts)
        for span in ("minute", "hour", "day")
        for counts in ("requests", "tokens")
    ),
    PLAIN_SIGN: (_windowed("", "requests"),),
}
SIGNS = tuple(_FAMILIES)
PASSED_ON = ("x-ratelimit-", "anthropic-ratelimit-", "anthropic-fast-", "anthropic-priority-", "ratelimit-")
"""The headers of a final 429 that the client gets as they came."""


class Limited(Struct, frozen=True):
    """Nothing more is granted before ``until_ns`` (Unix ns); ``why`` is a clause for people."""

    until_ns: int
    why: str


def used_up(headers: Mapping[str, str], now_ns: int) -> Limited | None:
    """What an answer says is used up now: the next call would be refused. None where something is left, or nothing was
    said."""
    found: Limited | None = None
    for sign, families in _FAMILIES.items():
        if sign not in headers:
            continue
        for family in families:
            if headers.get(family.remaining) == "0":
                until = _room_again(headers, family, now_ns)
                if until is not None and (found is None or until > found.until_ns):
                    found = Limited(until, f"its limit on {family.counts} is used up")
    return found


def refused(headers: Mapping[str, str], retry_after_s: float | None, in_a_row: int, now_ns: int) -> Limited:
    """When to come back after a 429: what ``retry-after`` says, else what the limits say, else a little later each time
    (``in_a_row`` counts from 1)."""
    if retry_after_s is not None:
        return Limited(now_ns + min(LONGEST_NS, round(retry_after_s * SECOND)), "it said when to come back")
    told = used_up(headers, now_ns)
    if told is not None:
        return told
    wait = min(LONGEST_UNTOLD_NS, UNTOLD_NS << min(in_a_row - 1, 20))
    return Limited(now_ns + wait, "it refused for its rate limit and did not say how long")


def passed_on(headers: Mapping[str, str]) -> bytes:
    """The provider's rate-limit headers as lines for the client. A value that could split the answer is left out."""
    lines = b""
    for name, value in headers.items():
        if name.startswith(PASSED_ON) and value.isascii() and value.isprintable() and len(value) <= 200:
            lines += f"{name}: {value}\r\n".encode()
    return lines


def duration_s(text: str) -> float | None:
    """Seconds of ``6m0s``, ``12ms``, ``1h2m3.5s`` or a plain number; None for anything else."""
    text = text.strip().lower()
    if not text or len(text) > 40:
        return None
    parts = _PART.findall(text)
    if parts and "".join(number + unit for number, unit in parts) == text:
        return sum(float(number) * _UNITS[unit] for number, unit in parts)
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 0 <= value < 10 * 86400 else None


def _room_again(headers: Mapping[str, str], family: _Family, now_ns: int) -> int | None:
    told = headers.get(family.reset)
    wait_ns = None if told is None else _until_ns(told, now_ns)
    if wait_ns is None:
        return None
    if family.windowed:
        return now_ns + min(LONGEST_NS, max(SHORTEST_NS, wait_ns))
    limit = duration_s(headers.get(family.limit, "")) or 0.0
    share = min(1.0, family.enough / limit) if limit >= 1 else 1.0
    return now_ns + min(LONGEST_NS, max(SHORTEST_NS, round(wait_ns * share)))


def _until_ns(text: str, now_ns: int) -> int | None:
    seconds = duration_s(text)
    if seconds is not None:
        return round(seconds * SECOND)
    if _EPOCH.fullmatch(text):  # OpenRouter's, in milliseconds; others have seconds
        return max(0, int(text) * (1_000_000 if len(text) > 10 else SECOND) - now_ns)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return max(0, round(moment.timestamp() * SECOND) - now_ns) if moment.tzinfo is not None else None

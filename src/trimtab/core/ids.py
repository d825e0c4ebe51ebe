"""Identifiers: UUID version 7 (RFC 9562) everywhere, so that ids sort by the time they were made.

Trace and span ids follow W3C Trace Context: 16 and 8 bytes, lower-case hex, never all zero. An id names a thing and is
no secret, so the random bits come from Python's generator (seeded by the system, a tenth of the cost per call of asking
the kernel each time); keys and tokens are made in `governance` from `secrets`.
"""

import time
from random import getrandbits

_MARKS = 0x7 << 76 | 0b10 << 62
"""The bits of a UUID that tell its version, 7, and its variant."""


def uuid7_hex(now_ns: int | None = None) -> str:
    """A UUIDv7 as 32 lower-case hex digits: 48 bits of Unix milliseconds, then 74 random bits."""
    ms = (time.time_ns() if now_ns is None else now_ns) // 1_000_000
    rand = getrandbits(74)
    return f"{(ms & 0xFFFF_FFFF_FFFF) << 80 | _MARKS | rand >> 62 << 64 | rand & 0x3FFF_FFFF_FFFF_FFFF:032x}"


def new_id(prefix: str) -> str:
    """An object id such as ``key_0199…``: the prefix says what it names, the rest is a UUIDv7."""
    return f"{prefix}_{uuid7_hex()}"


def new_trace_id(now_ns: int | None = None) -> str:
    """A W3C trace id; time-ordered, because it is a UUIDv7."""
    return uuid7_hex(now_ns)


def new_span_id() -> str:
    """A W3C span id: 8 random bytes as 16 hex digits, never all zero."""
    return f"{getrandbits(64) or 1:016x}"

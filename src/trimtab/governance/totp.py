"""Time-based one-time passwords: RFC 6238 over RFC 4226, with SHA-1, six digits and steps of 30 seconds, which is what
every authenticator app does."""

import base64
import hashlib
import hmac
import struct
from typing import Final
from urllib.parse import quote, urlencode

STEP_S: Final = 30
DIGITS: Final = 6
SECRET_BYTES: Final = 20
"""RFC 4226, section 4, recommends 160 bits."""
DRIFT: Final = 1
"""Steps that a phone's clock may be off in either direction (RFC 6238, section 5.2)."""


def hotp(secret: bytes, counter: int, *, digits: int = DIGITS, algorithm: str = "sha1") -> str:
    """The code of a counter (RFC 4226, section 5.3)."""
    mac = hmac.new(secret, struct.pack(">Q", counter), getattr(hashlib, algorithm)).digest()
    offset = mac[-1] & 0x0F
    number = struct.unpack(">I", mac[offset : offset + 4])[0] & 0x7FFF_FFFF
    return str(number % 10**digits).zfill(digits)


def step_at(unix_s: int) -> int:
    return unix_s // STEP_S


def matching_step(secret: bytes, code: str, unix_s: int, last_step: int) -> int | None:
    """The time step whose code this is, near enough to now and later than the last one taken: a code works once (RFC
    6238, section 5.2). None where it is no such code."""
    now = step_at(unix_s)
    found = None
    for step in range(now - DRIFT, now + DRIFT + 1):  # each is compared: how long it takes says nothing
        if hmac.compare_digest(hotp(secret, step), code) and step > last_step:
            found = step
    return found


def as_text(secret: bytes) -> str:
    """In base32 without padding, as apps take it."""
    return base64.b32encode(secret).decode().rstrip("=")


def uri(secret: bytes, issuer: str, account: str) -> str:
    """What a QR code holds: https://github.com/google/google-authenticator/wiki/Key-Uri-Format."""
    label = quote(f"{issuer}:{account}", safe=":")
    query = urlencode({"secret": as_text(secret), "issuer": issuer, "algorithm": "SHA1", "digits": DIGITS})
    return f"otpauth://totp/{label}?{query}&period={STEP_S}"

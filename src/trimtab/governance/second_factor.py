"""A second factor for signing in with a key: a code of an authenticator app, or one of ten recovery codes.

It is asked for where a session begins. A key that is sent with each request is not asked for one: programs have no
phone. Wrong codes are counted: after five the factor takes none, right or wrong, for a while, which doubles up to an
hour.
"""

import base64
import hashlib
import hmac
import secrets
from typing import Final

from msgspec import Struct
from sqlalchemy import Connection

from trimtab.core.errors import Conflict, InvalidRequest, NotFound, RateLimited, Unauthenticated
from trimtab.governance import sign_in_store as store
from trimtab.governance import totp
from trimtab.governance.secrets import SecretBox
from trimtab.governance.sign_in_store import FactorRow

RECOVERY_CODES: Final = 10
FREE_TRIES: Final = 5
_LOCK_MS: Final = 60_000
_LONGEST_LOCK_MS: Final = 3_600_000


class Enrolment(Struct, frozen=True, kw_only=True):
    """``secret`` is base32, for typing; ``uri`` the same for a QR code."""

    secret: str
    uri: str

    def __repr__(self) -> str:
        return "Enrolment()"


class Outcome(Struct, frozen=True, kw_only=True):
    """Whether a code was right. A wrong one must be counted, so it is a value and no exception: the transaction that
    counts it has to stand."""

    ok: bool
    locked_until: int = 0
    by_recovery: bool = False


def _context(holder: str) -> str:
    return f"second-factor:{holder}"


def is_on(conn: Connection, holder: str) -> bool:
    """Whether signing in with this key asks for a code."""
    found = store.factor(conn, holder)
    return found is not None and found.confirmed is not None


def begin(conn: Connection, holder: str, account: str, box: SecretBox) -> Enrolment:
    """A new secret, which counts once `confirm` has seen a code of it. Raises `Conflict` where one is in force."""
    found = store.factor(conn, holder)
    if found is not None and found.confirmed is not None:
        raise Conflict("A second factor is on already.", fix="Take it off first, with a code of it.", code="factor_on")
    secret = secrets.token_bytes(totp.SECRET_BYTES)
    store.put_factor(
        conn,
        FactorRow(
            holder=holder,
            sealed=box.seal(totp.as_text(secret), _context(holder)),
            confirmed=None,
            last_step=0,
            failures=0,
            locked_until=0,
            recovery=(),
        ),
    )
    return Enrolment(secret=totp.as_text(secret), uri=totp.uri(secret, "Trimtab", account))


def confirm(conn: Connection, holder: str, code: str, box: SecretBox, now: int) -> tuple[Outcome, tuple[str, ...]]:
    """Switch it on with a first code; the recovery codes, this once. ``now`` is Unix ms."""
    found = store.factor(conn, holder)
    if found is None or found.confirmed is not None:
        raise NotFound("No second factor waits to be confirmed.", fix="Begin anew: POST /api/v1/second-factor.")
    outcome = _try(conn, found, code, box, now)
    if not outcome.ok:
        return outcome, ()
    codes = tuple(_recovery_code() for _ in range(RECOVERY_CODES))
    store.change_factor(conn, holder, confirmed=now, recovery=tuple(_digest(each) for each in codes))
    return outcome, codes


def check(conn: Connection, holder: str, code: str, box: SecretBox, now: int) -> Outcome:
    """Whether a code, of the app or a recovery code, proves it. Each works once."""
    found = store.factor(conn, holder)
    if found is None or found.confirmed is None:
        return Outcome(ok=True)
    return _try(conn, found, code, box, now)


def take_off(conn: Connection, holder: str, code: str, box: SecretBox, now: int) -> Outcome:
    """Needs a code, so that a browser left open is not enough."""
    if not is_on(conn, holder):
        raise NotFound("No second factor is on.", fix="There is nothing to take off.")
    outcome = check(conn, holder, code, box, now)
    if outcome.ok:
        store.remove_factor(conn, holder)
    return outcome


def _try(conn: Connection, found: FactorRow, code: str, box: SecretBox, now: int) -> Outcome:
    if now < found.locked_until:
        return Outcome(ok=False, locked_until=found.locked_until)
    code = "".join(code.split()).replace("-", "").lower()
    if len(code) == totp.DIGITS and code.isascii() and code.isdigit():
        step = totp.matching_step(_secret(found, box), code, now // 1000, found.last_step)
        if step is not None:
            store.change_factor(conn, found.holder, last_step=step, failures=0, locked_until=0)
            return Outcome(ok=True)
    left = tuple(each for each in found.recovery if not hmac.compare_digest(each, _digest(code)))
    if len(left) < len(found.recovery):
        store.change_factor(conn, found.holder, recovery=left, failures=0, locked_until=0)
        return Outcome(ok=True, by_recovery=True)
    failures = found.failures + 1
    over = failures - FREE_TRIES
    locked = 0 if over < 0 else now + min(_LOCK_MS << min(over, 10), _LONGEST_LOCK_MS)
    store.change_factor(conn, found.holder, failures=failures, locked_until=locked)
    return Outcome(ok=False, locked_until=locked)


def _secret(found: FactorRow, box: SecretBox) -> bytes:
    text = box.open(found.sealed, _context(found.holder))
    return base64.b32decode(text + "=" * (-len(text) % 8))


def _recovery_code() -> str:
    """80 random bits in groups of four, which a digest without salt is enough for."""
    raw = totp.as_text(secrets.token_bytes(10)).lower()
    return "-".join(raw[start : start + 4] for start in range(0, 16, 4))


def _digest(code: str) -> str:
    return hashlib.sha256("".join(code.split()).replace("-", "").lower().encode()).hexdigest()


def refused(outcome: Outcome, now: int, *, signed_in: bool = False) -> RateLimited | Unauthenticated | InvalidRequest:
    """What is said of a code that was not taken; to who is ``signed_in``, not that they are not."""
    if now < outcome.locked_until:
        return RateLimited(
            "Too many wrong codes.",
            fix="Wait, then try again; or use the admin key of a server that is restarted with another one.",
            code="factor_locked",
            retry_after_s=(outcome.locked_until - now) / 1000,
        )
    kind = InvalidRequest if signed_in else Unauthenticated
    return kind(
        "This code is wrong, or it was used before.",
        fix="Type the code that the app shows now, or a recovery code.",
        code="second_factor_wrong",
    )

"""How people come in: a key, a one-time link or an identity provider becomes a session, a random secret kept as its
digest.

A session stands for the key or the person it was made for, and ends with them; at its end whatever happens; and when it
was not used for a while. In a browser its secret is a cookie, which is replaced every hour: a copied cookie is of use
only until then, and when both the copy and the original come afterwards, the session ends. A login link holds a token
that works once, within 15 minutes, for whoever opens it: it is printed at the first start, and an administrator may
make more.
"""

import secrets
from typing import Final, Literal

from msgspec import Struct
from sqlalchemy import Connection

from trimtab.core.errors import NotFound, Unauthenticated
from trimtab.core.ids import new_id
from trimtab.governance import session_store, store
from trimtab.governance.access import digest
from trimtab.governance.session_store import Kind, SessionRow

MARK: Final = "ts_"
"""What the secrets of sessions begin with that are sent as a bearer token."""
SESSION_MS: Final = 7 * 24 * 3600 * 1000
LINK_MS: Final = 15 * 60 * 1000
ROTATE_MS: Final = 3600 * 1000
GRACE_MS: Final = 60 * 1000
"""How long a replaced cookie still does: requests that were on their way carry it."""
SEEN_EVERY_MS: Final = 5 * 60 * 1000
_AGENT: Final = 200


class Token(Struct, frozen=True, kw_only=True):
    """A secret and when it ends, in Unix milliseconds. ``id`` is the session's."""

    secret: str
    expires: int
    id: str = ""

    def __repr__(self) -> str:
        return f"Token(expires={self.expires})"


class How(Struct, frozen=True, kw_only=True):
    """How somebody came in, and how long that lasts. ``method``: ``key``, ``link``, ``oidc:<provider>``; ``agent`` is
    what the browser says it is."""

    kind: Kind = "browser"
    method: str = "key"
    agent: str = ""
    longest_ms: int = SESSION_MS
    idle_ms: int = SESSION_MS


class Found(Struct, frozen=True, kw_only=True):
    """A session that was shown: ``state`` is ``due`` where `renew` has something to write down."""

    row: SessionRow
    state: Literal["live", "due", "stolen"]


def begin(conn: Connection, holder: str, now: int, holder_expires: int | None = None, how: How | None = None) -> Token:
    """A session for a key or a person, no longer than that key itself lives."""
    how = how or How()
    ends = now + how.longest_ms
    expires = ends if holder_expires is None else min(ends, holder_expires)
    mark = MARK if how.kind == "cli" else ""
    token = Token(secret=mark + secrets.token_urlsafe(32), expires=expires, id=new_id("ses"))
    row = SessionRow(
        id=token.id,
        digest=digest(token.secret),
        former=None,
        holder=holder,
        kind=how.kind,
        method=how.method,
        agent="".join(letter for letter in how.agent if letter.isprintable())[:_AGENT],
        created=now,
        seen=now,
        rotated=now,
        confirmed=now,
        expires=expires,
        idle_ms=how.idle_ms,
    )
    session_store.add(conn, row)
    return token


def is_live(row: SessionRow, now: int) -> bool:
    return now < row.expires and now - row.seen < row.idle_ms


def find(conn: Connection, secret: str, now: int) -> Found | None:
    """The session of a secret; None once it has ended. Only reads."""
    shown = digest(secret)
    row = session_store.by_secret(conn, shown)
    if row is None or not is_live(row, now):
        return None
    if row.digest == shown:
        due = row.confirmed is None or now - row.seen >= SEEN_EVERY_MS or _is_old(row, now)
        return Found(row=row, state="due" if due else "live")
    if row.confirmed is not None:
        return Found(row=row, state="live" if now - row.confirmed <= GRACE_MS else "stolen")
    return Found(row=row, state="due" if now - row.rotated >= GRACE_MS else "live")


def _is_old(row: SessionRow, now: int) -> bool:
    return row.kind == "browser" and now - row.rotated >= ROTATE_MS


def renew(conn: Connection, secret: str, now: int) -> Token | None:
    """Write down that a session is in use. A new secret where the old one has served its time, or where the new one
    seems to have been lost on its way (the one before came again, and the new one never did)."""
    shown, found = digest(secret), find(conn, secret, now)
    if found is None or found.state != "due":
        return None
    row = found.row
    if row.digest == shown:
        session_store.change(conn, row.id, seen=now, confirmed=row.confirmed or now)
        if not _is_old(row, now):
            return None
    token = Token(secret=secrets.token_urlsafe(32), expires=row.expires, id=row.id)
    session_store.change(
        conn, row.id, seen=now, digest=digest(token.secret), former=shown, rotated=now, confirmed=None
    )  # fmt: skip
    return token


def key_of(conn: Connection, secret: str, now: int) -> str | None:
    """The id of the key or person a session stands for; None once it has ended."""
    found = find(conn, secret, now)
    return None if found is None or found.state == "stolen" else found.row.holder


def end(conn: Connection, secret: str) -> None:
    row = session_store.by_secret(conn, digest(secret))
    if row is not None:
        session_store.end(conn, row.id)


def end_own(conn: Connection, session_id: str, holder: str) -> None:
    """End one of somebody's sessions. Raises `NotFound` for another's."""
    row = session_store.by_id(conn, session_id)
    if row is None or row.holder != holder:
        raise NotFound("There is no such session.", fix="List the sessions and use the id of one of them.")
    session_store.end(conn, session_id)


def listed(conn: Connection, holder: str, now: int) -> list[SessionRow]:
    """Somebody's sessions that go on, newest first."""
    return [row for row in session_store.of_holder(conn, holder) if is_live(row, now)]


def make_link(conn: Connection, key_id: str, now: int) -> Token:
    token = Token(secret=secrets.token_urlsafe(32), expires=now + LINK_MS)
    store.add_login_token(conn, digest(token.secret), key_id, now, token.expires)
    return token


def spend_link(conn: Connection, secret: str, now: int) -> str:
    """The id of the key a login token stands for; the token is gone afterwards, whoever else holds it."""
    key_id = store.spend_login_token(conn, digest(secret), now)
    if key_id is None:
        raise Unauthenticated(
            "This login link was used already, or its 15 minutes are over.",
            fix="Sign in with a key. Where the admin key is lost, start once with a new one: TRIMTAB_ADMIN_KEY=tt_...",
            code="login_link_spent",
        )
    return key_id

"""How people come in with a browser: a key or a one-time link becomes a session, a random cookie kept as its digest.

A session stands for the key it was made with and ends with it. A login link holds a token that works once, within 15
minutes, for whoever opens it: it is printed at the first start, and an administrator may make more.
"""

import secrets

from msgspec import Struct
from sqlalchemy import Connection

from trimtab.core.errors import Unauthenticated
from trimtab.governance import store
from trimtab.governance.access import digest

SESSION_MS = 7 * 24 * 3600 * 1000
LINK_MS = 15 * 60 * 1000


class Token(Struct, frozen=True, kw_only=True):
    """A secret and when it ends, in Unix milliseconds."""

    secret: str
    expires: int

    def __repr__(self) -> str:
        return f"Token(expires={self.expires})"


def begin(conn: Connection, key_id: str, now: int, key_expires: int | None = None) -> Token:
    """A session for a key, no longer than the key itself lives."""
    expires = now + SESSION_MS if key_expires is None else min(now + SESSION_MS, key_expires)
    token = Token(secret=secrets.token_urlsafe(32), expires=expires)
    store.add_session(conn, digest(token.secret), key_id, now, expires)
    return token


def key_of(conn: Connection, secret: str, now: int) -> str | None:
    """The id of the key a session stands for; None once it has ended."""
    return store.session_key(conn, digest(secret), now)


def end(conn: Connection, secret: str) -> None:
    store.end_session(conn, digest(secret))


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
            fix="Sign in with a key, or make a new link with 'trimtab keys login-link'.",
            code="login_link_spent",
        )
    return key_id

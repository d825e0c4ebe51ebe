"""Sessions and one-time login links."""

import asyncio

import pytest
from sqlalchemy import text
from writing import Write

from trimtab.core.errors import Unauthenticated
from trimtab.governance import keys, sessions, store
from trimtab.governance.sessions import LINK_MS, SESSION_MS
from trimtab.storage.database import Database

NOW = 1_750_000_000_000


def admin(write: Write) -> str:
    write(lambda conn: keys.ensure_admin(conn, None, NOW))
    return write(store.live_keys)[0].id


def test_a_session_stands_for_its_key_until_it_expires_or_ends(write: Write) -> None:
    key = admin(write)
    token = write(lambda conn: sessions.begin(conn, key, NOW))
    assert write(lambda conn: sessions.key_of(conn, token.secret, NOW + SESSION_MS - 1)) == key
    assert write(lambda conn: sessions.key_of(conn, token.secret, NOW + SESSION_MS)) is None
    write(lambda conn: sessions.end(conn, token.secret))
    assert write(lambda conn: sessions.key_of(conn, token.secret, NOW + 1)) is None


def test_a_session_ends_no_later_than_its_key(write: Write) -> None:
    key = admin(write)
    token = write(lambda conn: sessions.begin(conn, key, NOW, NOW + 1000))
    assert token.expires == NOW + 1000


def test_the_secrets_of_sessions_and_links_are_not_kept(write: Write) -> None:
    key = admin(write)
    tokens = [
        write(lambda conn: sessions.begin(conn, key, NOW)),
        write(lambda conn: sessions.make_link(conn, key, NOW)),
    ]
    rows = write(
        lambda conn: [
            str(tuple(row))
            for table in ("sessions", "login_tokens")
            for row in conn.execute(text(f"SELECT * FROM {table}"))
        ]
    )
    assert len(rows) == 2
    for token in tokens:
        assert not any(token.secret in row for row in rows)
        assert token.secret not in repr(token)


def test_expired_sessions_are_cleared_when_the_next_one_begins(write: Write) -> None:
    key = admin(write)
    for at in (NOW, NOW + SESSION_MS):
        write(lambda conn, at=at: sessions.begin(conn, key, at))
    assert write(lambda conn: conn.execute(text("SELECT count(*) FROM sessions")).scalar_one()) == 1


def test_a_link_works_once(write: Write) -> None:
    key = admin(write)
    token = write(lambda conn: sessions.make_link(conn, key, NOW))
    assert write(lambda conn: sessions.spend_link(conn, token.secret, NOW + LINK_MS - 1)) == key
    with pytest.raises(Unauthenticated):
        write(lambda conn: sessions.spend_link(conn, token.secret, NOW + 2))


def test_a_link_is_over_after_its_15_minutes(write: Write) -> None:
    key = admin(write)
    token = write(lambda conn: sessions.make_link(conn, key, NOW))
    with pytest.raises(Unauthenticated) as caught:
        write(lambda conn: sessions.spend_link(conn, token.secret, NOW + LINK_MS))
    assert caught.value.code == "login_link_spent"


def test_of_many_who_open_a_link_at_once_one_gets_in(catalog_url: str) -> None:
    async def story() -> list[str]:
        several = [Database.open(catalog_url) for _ in range(4)]
        await several[0].write(lambda conn: keys.ensure_admin(conn, None, NOW))
        key = (await several[0].read(store.live_keys))[0].id
        token = await several[0].write(lambda conn: sessions.make_link(conn, key, NOW))
        tries = [db.write(lambda conn: sessions.spend_link(conn, token.secret, NOW)) for db in several * 5]
        outcomes = await asyncio.gather(*tries, return_exceptions=True)
        for db in several:
            await db.close()
        assert all(isinstance(o, str | Unauthenticated) for o in outcomes)
        return [o for o in outcomes if isinstance(o, str)]

    assert len(asyncio.run(story())) == 1

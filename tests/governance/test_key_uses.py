"""When keys were used last: the latest minute of all processes, and no write that tells nothing new."""

import pytest
from writing import Write

from trimtab.core.errors import Unauthenticated
from trimtab.governance import key_use_store, keys, projects
from trimtab.governance.access import AccessTable, Principal, digest
from trimtab.governance.key_uses import MINUTE_MS, MINUTE_NS, KeyUses
from trimtab.governance.keys import Wanted

NOW = 29_166_666 * MINUTE_MS


def test_a_minute_is_told_once_and_again_where_it_could_not_be_written() -> None:
    uses = KeyUses()
    uses.note("a", 7 * MINUTE_NS + 1)
    uses.note("a", 8 * MINUTE_NS - 1)
    uses.note("b", 7 * MINUTE_NS)
    taken = uses.take()
    assert taken == {"a": 7 * MINUTE_MS, "b": 7 * MINUTE_MS}
    uses.note("a", 7 * MINUTE_NS + 5)
    assert uses.take() == {}
    uses.note("b", 9 * MINUTE_NS)
    uses.back(taken)
    assert uses.take() == {"a": 7 * MINUTE_MS, "b": 9 * MINUTE_MS}


def test_only_who_is_let_in_has_used_a_key() -> None:
    uses = KeyUses()
    table = AccessTable(
        keys={digest("tt_a"): Principal(key_id="a", role="client", expires_ns=9 * MINUTE_NS)}, uses=uses
    )
    for secret, now in (("tt_a", 9 * MINUTE_NS), ("tt_b", 0)):
        with pytest.raises(Unauthenticated):
            table.authenticate(secret, now)
    assert uses.take() == {}
    table.authenticate("tt_a", 8 * MINUTE_NS + 3)
    assert uses.take() == {"a": 8 * MINUTE_MS}


def test_the_latest_use_stands_whoever_writes_last_and_a_key_that_is_not_there_is_left_out(write: Write) -> None:
    own = write(lambda conn: projects.create(conn, slug="default", name="", capture_content=True, now=NOW)).id
    one, two = (
        write(lambda conn: keys.issue(conn, Wanted(name="k", role="client", project_id=own), NOW)).key.id
        for _ in range(2)
    )
    write(lambda conn: key_use_store.write(conn, {one: NOW, "key_gone": NOW}))
    write(lambda conn: key_use_store.write(conn, {one: NOW - MINUTE_MS, two: NOW - 2 * MINUTE_MS}))
    write(lambda conn: key_use_store.write(conn, {"key_gone": NOW}))
    assert write(lambda conn: key_use_store.last_used(conn, [one, two, "key_gone"])) == {
        one: NOW, two: NOW - 2 * MINUTE_MS,
    }  # fmt: skip
    write(lambda conn: key_use_store.write(conn, {two: NOW + MINUTE_MS}))
    assert write(lambda conn: key_use_store.last_used(conn, [two])) == {two: NOW + MINUTE_MS}

"""Keys: what is kept of them, and when they end."""

import re
from typing import Any

import pytest
from sqlalchemy import text
from writing import Write

from trimtab.core.errors import Conflict, InvalidRequest, NotFound
from trimtab.governance import keys, projects, sessions, store
from trimtab.governance.access import digest
from trimtab.governance.keys import Issued, Wanted
from trimtab.storage import revision

NOW = 1_750_000_000_000


def project(write: Write, slug: str = "default") -> str:
    return write(lambda conn: projects.create(conn, slug=slug, name="", capture_content=True, now=NOW)).id


def issue(write: Write, project_id: str | None, **options: Any) -> Issued:
    fields: dict[str, Any] = {"name": "ci", "role": "client", "project_id": project_id, **options}
    wanted = Wanted(**fields)
    return write(lambda conn: keys.issue(conn, wanted, NOW))


def test_a_secret_has_its_mark_and_256_random_bits() -> None:
    made = {keys.new_secret() for _ in range(200)}
    assert len(made) == 200
    assert all(re.fullmatch(r"tt_[A-Za-z0-9_-]{43}", secret) for secret in made)


def test_only_the_digest_and_a_prefix_of_a_secret_are_kept(write: Write) -> None:
    issued = issue(write, project(write))
    kept = store.KeyRow.__struct_fields__
    row = write(lambda conn: store.key_by_id(conn, issued.key.id))
    assert row is not None
    assert row.digest == digest(issued.secret)
    assert issued.secret.startswith(row.prefix)
    assert len(row.prefix) == 9
    assert not any(issued.secret in str(getattr(row, name)) for name in kept)
    everything = write(lambda conn: [str(r) for r in conn.execute(text("SELECT * FROM keys"))])
    assert not any(issued.secret[9:] in line for line in everything)
    assert issued.secret not in repr(issued)


def test_a_key_is_active_until_it_expires_or_is_revoked(write: Write) -> None:
    own = project(write)
    issued = issue(write, own, expires=NOW + 1000)
    assert keys.state(issued.key, NOW + 999) == "active"
    assert keys.state(issued.key, NOW + 1000) == "expired"
    revoked = write(lambda conn: keys.revoke(conn, own, issued.key.id, NOW + 5))
    assert keys.state(revoked, NOW + 6) == "revoked"


def test_revoking_twice_keeps_the_first_time(write: Write) -> None:
    own = project(write)
    issued = issue(write, own)
    write(lambda conn: keys.revoke(conn, own, issued.key.id, NOW + 5))
    again = write(lambda conn: keys.revoke(conn, own, issued.key.id, NOW + 9))
    assert again.revoked == NOW + 5
    assert write(store.live_keys) == []


def test_a_key_of_another_project_is_not_there_to_be_revoked(write: Write) -> None:
    mine, other = project(write, "mine"), project(write, "other")
    issued = issue(write, other)
    for place in (mine, None):
        with pytest.raises(NotFound):
            write(lambda conn, place=place: keys.revoke(conn, place, issued.key.id, NOW))
    assert len(write(store.live_keys)) == 1


def test_revoking_a_key_ends_its_sessions_and_links(write: Write) -> None:
    own = project(write)
    issued = issue(write, own, role="read_only")
    session = write(lambda conn: sessions.begin(conn, issued.key.id, NOW))
    write(lambda conn: sessions.make_link(conn, issued.key.id, NOW))
    write(lambda conn: keys.revoke(conn, own, issued.key.id, NOW + 1))
    assert write(lambda conn: sessions.key_of(conn, session.secret, NOW + 2)) is None
    assert write(lambda conn: conn.execute(text("SELECT count(*) FROM login_tokens")).scalar_one()) == 0


@pytest.mark.parametrize("expires", [NOW, NOW - 1, 0, -5, 2**53])
def test_a_key_that_would_be_expired_from_the_start_is_refused(write: Write, expires: int) -> None:
    own = project(write)
    with pytest.raises(InvalidRequest) as caught:
        issue(write, own, expires=expires)
    assert caught.value.param == "expires"


def test_a_client_key_belongs_to_a_project(write: Write) -> None:
    with pytest.raises(InvalidRequest):
        issue(write, None)
    assert issue(write, None, role="read_only").key.project_id is None


def test_a_key_that_takes_anothers_place_is_counted_as_the_first_of_its_line(write: Write) -> None:
    home = project(write)
    first = issue(write, home, name="shop").key
    write(lambda conn: keys.revoke(conn, home, first.id, NOW))
    second = issue(write, home, name="shop", replaces=first.id).key
    third = issue(write, home, name="shop new", replaces=second.id).key
    assert (first.replaces, first.counts_as, first.aliases) == (None, None, None)
    assert (second.replaces, second.counts_as, second.aliases) == (first.id, first.id, (first.id, "shop"))
    assert (third.replaces, third.counts_as) == (second.id, first.id)
    assert third.aliases == (second.id, "shop", first.id)
    assert write(lambda conn: store.key_by_id(conn, third.id)) == third


def test_a_key_takes_the_place_of_none_that_is_elsewhere_or_nowhere(write: Write) -> None:
    home = project(write)
    other = issue(write, project(write, "other")).key.id
    write(lambda conn: keys.ensure_admin(conn, "a" * 30, NOW))
    (admin,) = write(lambda conn: store.keys(conn, None))
    for former in (other, "key_none", admin.id):
        with pytest.raises(InvalidRequest, match="no key") as caught:
            issue(write, home, replaces=former)
        assert caught.value.param == "replaces"


def test_issuing_and_revoking_are_announced(write: Write) -> None:
    own = project(write)
    seen = [write(lambda conn: revision.current(conn, projects.REVISION))]
    issued = issue(write, own)
    seen.append(write(lambda conn: revision.current(conn, projects.REVISION)))
    write(lambda conn: keys.revoke(conn, own, issued.key.id, NOW))
    seen.append(write(lambda conn: revision.current(conn, projects.REVISION)))
    assert seen == sorted(set(seen))


def test_pages_of_keys_are_newest_first_without_gap_or_overlap(write: Write) -> None:
    own = project(write)
    made = [issue(write, own).key.id for _ in range(5)]
    first = write(lambda conn: store.keys(conn, own, limit=2))
    rest = write(lambda conn: store.keys(conn, own, before=first[-1].id))
    assert [k.id for k in first + rest] == sorted(made, reverse=True)


# --- the admin key ---

CHOSEN = "tt_chosen-by-the-operator-0001"
OTHER = "tt_chosen-by-the-operator-0002"


def live_admins(write: Write) -> list[bytes]:
    return [key.digest for key in write(store.live_keys) if key.role == "admin"]


def test_the_first_admin_key_is_made_once_and_told_once(write: Write) -> None:
    secret = write(lambda conn: keys.ensure_admin(conn, None, NOW))
    assert secret is not None
    assert live_admins(write) == [digest(secret)]
    assert write(lambda conn: keys.ensure_admin(conn, None, NOW)) is None
    assert live_admins(write) == [digest(secret)]


def test_a_chosen_admin_key_takes_the_place_of_the_one_before_and_back(write: Write) -> None:
    write(lambda conn: keys.ensure_admin(conn, None, NOW))
    for chosen in (CHOSEN, OTHER, OTHER, CHOSEN):
        assert write(lambda conn, chosen=chosen: keys.ensure_admin(conn, chosen, NOW)) is None
        assert live_admins(write) == [digest(chosen)]
    assert write(lambda conn: keys.ensure_admin(conn, None, NOW)) is None
    assert live_admins(write) == [digest(CHOSEN)]


def test_a_start_that_changes_nothing_announces_nothing(write: Write) -> None:
    write(lambda conn: keys.ensure_admin(conn, CHOSEN, NOW))
    before = write(lambda conn: revision.current(conn, projects.REVISION))
    write(lambda conn: keys.ensure_admin(conn, CHOSEN, NOW))
    assert write(lambda conn: revision.current(conn, projects.REVISION)) == before


def test_the_admin_key_cannot_be_revoked_away(write: Write) -> None:
    write(lambda conn: keys.ensure_admin(conn, CHOSEN, NOW))
    (admin,) = write(store.live_keys)
    with pytest.raises(Conflict) as caught:
        write(lambda conn: keys.revoke(conn, None, admin.id, NOW))
    assert "TRIMTAB_ADMIN_KEY" in caught.value.fix


def test_a_chosen_key_that_was_issued_for_something_else_is_refused(write: Write) -> None:
    issued = issue(write, project(write))
    with pytest.raises(InvalidRequest) as caught:
        write(lambda conn: keys.ensure_admin(conn, issued.secret, NOW))
    assert issued.secret not in caught.value.sentence()


@pytest.mark.parametrize(
    "chosen", ["", "short", "has a blank in the middle", "ümlaut-ümlaut-ümlaut-ü", "x" * 19, "x" * 30 + "\n"]
)
def test_a_weak_or_unsendable_admin_key_is_refused_unsaid(chosen: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        keys.check_chosen(chosen)
    assert not chosen or chosen not in caught.value.sentence()

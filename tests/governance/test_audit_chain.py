"""Whoever changes, removes, adds or moves an entry of the audit log is found out."""

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from sqlalchemy import BigInteger, Boolean, Connection, Integer, Table, create_engine, delete, insert, select, update

from trimtab.governance.audit import AUDIT, HEADS, Actor, append
from trimtab.governance.audit_chain import FIRST, ChainProblem, Checkpoint, Head, Link, Verified, hash_of, verify
from trimtab.governance.checkpoints import CHECKPOINTS, Signer, check, is_unsigned, links, newest, sign_heads
from trimtab.governance.store import PROJECTS

SIGNER = Signer(b"s" * 32)
CHAIN = "prj_1"
NAMES = ("id", "actor", "actor_name", "action", "subject", "detail", "hash", "prev")


def chained(count: int, chain: str = CHAIN) -> list[Link]:
    made: list[Link] = []
    for number in range(1, count + 1):
        link = Link(
            seq=number,
            prev=made[-1].hash if made else FIRST,
            hash="",
            id=f"{number:032x}",
            at=1_700_000_000_000 + number,
            actor=f"key_{number % 3}",
            actor_name="Ada",
            action="limit.changed",
            subject=f"limit:{number}",
            detail='{"from":1,"to":2}',
        )
        made.append(replace(link, hash=hash_of(chain, link)))
    return made


def marks_of(made: list[Link], *places: int) -> list[Checkpoint]:
    return [SIGNER.sign(CHAIN, Head(seq=each, hash=made[each - 1].hash), 5) for each in places]


def held(made: list[Link], end: Link, marks: list[Checkpoint], trusted: str = SIGNER.public) -> Verified:
    return verify(CHAIN, made, Head(seq=end.seq, hash=end.hash), marks, [trusted])


def test_an_untouched_log_is_whole_and_says_how_far_it_is_signed() -> None:
    made = chained(10)
    found = held(made, made[-1], marks_of(made, 4, 8))
    assert (found.ok, found.entries, found.head.seq, found.signed, found.signed_at) == (True, 10, 10, 8, 5)
    empty = verify(CHAIN, [], Head(), [], [SIGNER.public])
    assert (empty.ok, empty.entries, empty.signed) == (True, 0, 0)


def _tampered(made: list[Link], rnd: random.Random) -> list[Link]:
    """One thing done to the log that its writer would not do."""
    changed, place = list(made), rnd.randrange(len(made))
    deed = rnd.choice(("change", "change", "change", "remove", "add", "swap", "forge"))
    if deed == "remove":
        del changed[place]
    elif deed == "add":
        changed.insert(place, replace(changed[place], id="f" * 32, subject="limit:forged"))
    elif deed == "swap":
        other = rnd.choice([each for each in range(len(made)) if each != place])
        changed[place], changed[other] = changed[other], changed[place]
    elif deed == "forge":  # with a hash that fits, as one who knows how would do it
        forged = replace(changed[place], subject="limit:forged")
        changed[place] = replace(forged, hash=hash_of(CHAIN, forged))
    elif rnd.random() < 0.3:
        name = rnd.choice(("seq", "at"))
        changed[place] = replace(changed[place], **{name: getattr(changed[place], name) + rnd.choice((-1, 1, 60_000))})
    else:
        name = rnd.choice(NAMES)
        text = str(getattr(changed[place], name))
        at = rnd.randrange(len(text) + 1)
        changed[place] = replace(changed[place], **{name: text[:at] + rnd.choice("x0 \n\u00e9\U0001f600") + text[at:]})
    return changed


def test_any_tampering_with_any_row_is_found_ten_thousand_times() -> None:
    rnd, made = random.Random(11), chained(12)
    marks, end = marks_of(made, 6, 12), made[-1]
    for _ in range(10_000):
        changed = _tampered(made, rnd)
        assert changed == made or not held(changed, end, marks).ok, changed


def test_a_chain_made_wholly_anew_does_not_fit_what_was_signed() -> None:
    made = chained(9)
    marks = marks_of(made, 5)
    forged: list[Link] = []
    for link in made:
        link = replace(link, prev=forged[-1].hash if forged else FIRST)
        if link.seq == 3:
            link = replace(link, actor_name="Somebody else")
        forged.append(replace(link, hash=hash_of(CHAIN, link)))
    found = held(forged, forged[-1], marks)
    assert not found.ok
    assert found.problems == (ChainProblem(seq=5, what="Entry 5 is not what was signed at that place."),)
    resigned = [Signer(b"another".ljust(32)).sign(CHAIN, Head(seq=5, hash=forged[4].hash), 5)]
    assert "not trusted" in held(forged, forged[-1], resigned).problems[0].what
    assert held(forged, forged[-1], [replace(resigned[0], key=SIGNER.public)]).found == 1


def test_a_log_cut_at_its_end_is_found_by_its_head_and_by_what_was_signed() -> None:
    made = chained(9)
    assert "the last to be written" in held(made[:-1], made[-1], []).problems[0].what
    cut = held(made[:4], made[3], marks_of(made, 6))
    assert [each.what for each in cut.problems] == ["A checkpoint vouches for entry 6, and the log ends at entry 4."]


def test_a_checkpoint_of_another_chain_vouches_for_nothing() -> None:
    made, other = chained(3), Signer(b"s" * 32).sign("prj_2", Head(seq=2, hash=chained(3)[1].hash), 5)
    assert not held(made, made[-1], [other]).ok


@given(st.text(max_size=50), st.text(max_size=50))
def test_no_two_entries_share_what_is_hashed(one: str, other: str) -> None:
    base = chained(1)[0]
    a, b = replace(base, action=one, subject=other), replace(base, action=one + other, subject="")
    assert (hash_of(CHAIN, a) == hash_of(CHAIN, b)) is ((one, other) == (one + other, ""))


@pytest.fixture
def conn() -> Any:
    engine = create_engine("sqlite://")
    with engine.begin() as conn:
        for table in (PROJECTS, AUDIT, HEADS, CHECKPOINTS):
            table.create(conn)
        yield conn


def _write(conn: Connection, project: str | None, count: int) -> None:
    for number in range(count):
        append(conn, project, Actor("key_1", "Ada"), "limit.changed", f"limit:{number}", now=7, detail={"n": "é\n"})


def test_what_is_appended_is_chained_per_project_and_signed_when_it_has_grown(conn: Connection) -> None:
    _write(conn, None, 2)
    assert is_unsigned(conn)
    [mark] = sign_heads(conn, SIGNER, 9)
    assert (mark.chain, mark.seq, newest(conn, None)) == ("", 2, mark)
    assert not is_unsigned(conn)
    assert sign_heads(conn, SIGNER, 10) == []
    _write(conn, None, 3)
    found = check(conn, None, [SIGNER.public])
    assert (found.ok, found.entries, found.signed, found.checkpoints) == (True, 5, 2, 1)
    assert [each.seq for each in links(conn, None, 2, 2)] == [3, 4]
    assert check(conn, "prj_none", [SIGNER.public]).ok
    stored = conn.execute(select(AUDIT).order_by(AUDIT.c.seq)).all()
    assert [row.prev for row in stored] == [FIRST, *(row.hash for row in stored[:-1])]
    conn.execute(update(AUDIT).where(AUDIT.c.seq == 4).values(detail='{"n":"e"}'))
    bad = check(conn, None, [SIGNER.public])
    assert (bad.ok, [each.seq for each in bad.problems]) == (False, [4])


@pytest.mark.parametrize("column", [column.name for column in AUDIT.columns])
def test_a_change_of_any_column_of_the_table_is_found(conn: Connection, column: str) -> None:
    """Whichever column the table has: one that is added later is asked about, too."""
    for project in ("one", "two"):
        row = {"id": project, "slug": project, "name": "", "capture_content": True, "created": 1}
        conn.execute(insert(PROJECTS).values({**_whatever(PROJECTS), **row}))
        _write(conn, project, 4)
    sign_heads(conn, SIGNER, 9)
    at = (AUDIT.c.project_id == "one", AUDIT.c.seq == 2)
    before = conn.execute(select(AUDIT.c[column]).where(*at)).scalar_one()
    after: Any = before + 1 if isinstance(before, int) else f"{before}x"
    if column == "project_id":
        after = "two"
    conn.execute(update(AUDIT).where(*at).values({column: after}))
    whole = [check(conn, project, [SIGNER.public]).ok for project in ("one", "two")]
    assert whole == [False, column != "project_id"]


def _whatever(table: Table) -> dict[str, Any]:
    """Something for each column that must not be null."""
    return {
        column.name: 0 if isinstance(column.type, BigInteger | Integer | Boolean) else "none"
        for column in table.columns
        if not column.nullable
    }


@pytest.mark.parametrize("left", [0, 1, 3])
def test_what_was_signed_is_missed_when_it_is_cut_off_even_by_who_writes_the_head_anew(
    conn: Connection, left: int
) -> None:
    _write(conn, None, 4)
    sign_heads(conn, SIGNER, 9)
    _write(conn, None, 2)
    conn.execute(delete(AUDIT).where(AUDIT.c.seq > left))
    last = conn.execute(select(AUDIT.c.hash).where(AUDIT.c.seq == left)).scalar_one_or_none() or FIRST
    conn.execute(update(HEADS).values(seq=left, hash=last))
    bad = check(conn, None, [SIGNER.public])
    assert [problem.what for problem in bad.problems] == [
        f"A checkpoint vouches for entry 4, and the log ends at entry {left}."
    ]
    kept = newest(conn, None)
    assert kept is not None
    conn.execute(delete(CHECKPOINTS))
    assert check(conn, None, [SIGNER.public]).ok, "what is here alone cannot tell any more"
    rest = links(conn, None, 0, 10)
    elsewhere = verify("", rest, Head(seq=left, hash=last), [kept], [SIGNER.public])
    assert not elsewhere.ok, "the checkpoint that was kept elsewhere tells it"


def test_entries_that_changed_places_are_found_also_with_their_numbers_exchanged(conn: Connection) -> None:
    _write(conn, None, 5)
    for one, other in ((2, 99), (4, 2), (99, 4)):
        conn.execute(update(AUDIT).where(AUDIT.c.seq == one).values(seq=other))
    assert not check(conn, None, [SIGNER.public]).ok

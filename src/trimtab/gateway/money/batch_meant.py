"""A batch before its provider has answered: noted, so that one that is made and not told of is found.

Who asks for a batch may leave, the server may be killed and the connection may break before the answer is there; the
batch goes on all the same, and costs. So the call is noted before it is sent, with the file that it names and what
limits hold for it. When its provider answers, that note becomes the batch's (`become`), or goes (`unmade`). Else the
duty looks it up among the batches that the provider lists, by the file and the time, and whatever is not noted as
another's (`matching`).

That is no proof where others use the provider's account as well: a batch of messages tells only the names of its
requests, which may be ``request-1`` with everybody, and a file may be named by two projects. Whoever took another's
batch would pay for it and could read its answers. So one that may as well be another's is nobody's (`whose`).
"""

import hashlib
from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import Connection, and_, delete, or_, select
from sqlalchemy import update as sql_update

from trimtab.gateway.call import Call
from trimtab.gateway.money import batch_store as store
from trimtab.gateway.money.batch_store import BATCHES, About, Made
from trimtab.gateway.money.batch_told import Told, Unreadable
from trimtab.gateway.tried import Try
from trimtab.governance.sealing import Keyring
from trimtab.llm.dialects._reading import BROKEN

LATE_MS: Final = 5_000
"""So long after the last moment at which its call can be under way it is looked up."""
MESSAGES: Final = "/v1/messages"
"""What `About.endpoint` says of a batch of messages; of OpenAI's it is what their lines ask."""
LONGEST_S: Final = 3_600
"""So long after another's call its batch may have been made."""
SKEW_S: Final = 300
"""A provider's clock may be so far behind ours."""


class Listed(Struct):
    """One of a provider's batches, as far as a lost one is found by it."""

    id: str = ""
    input_file_id: str | None = None
    endpoint: str | None = None
    created_at: float = 0


class Unclear(Exception):
    """There is a batch that may be the one that was asked for, and may as well be another's."""


class Page(Struct):
    data: list[Listed] = []
    has_more: bool = False

    @property
    def is_newest_first(self) -> bool:
        times = [each.created_at for each in self.data]
        return len(times) > 1 and times == sorted(times, reverse=True)


_read = msgspec.json.Decoder(Page, strict=False).decode


def page_of(body: bytes) -> Page:
    """Raises `Unreadable`."""
    try:
        return _read(body)
    except BROKEN:
        raise Unreadable("Its list of batches cannot be read.") from None


def mark_of(call: Call, attempt: Try) -> str:
    """A row's id until the batch has one."""
    assert call.project is not None
    return hashlib.sha256(msgspec.json.encode((call.project.id, "meant", attempt.span_id))).hexdigest()


def begun_s(made: Made) -> float:
    """Before then its batch was not made, by the provider's clock."""
    return made.made / 1000 - SKEW_S


def matching(made: Made, pages: list[Listed]) -> list[Listed]:
    """Those that may be the one that was asked for, the most likely first: of its file, and not from before."""
    file, since = made.about.file, begun_s(made)
    fits = [each for each in pages if each.id and each.input_file_id == file and each.created_at >= since]
    return sorted(fits, key=lambda each: (each.created_at, each.id))


def known(conn: Connection, ids: list[str]) -> set[str]:
    """Which of these are noted, as any project's: two may share an account."""
    found: set[str] = set()
    for at in range(0, len(ids), 500):
        some = select(BATCHES.c.batch_id).where(BATCHES.c.batch_id.in_(ids[at : at + 500]))
        found |= set(conn.execute(some).scalars())
    return found


def whose(conn: Connection, made: Made, fits: Sequence[Listed], ring: Keyring) -> None:
    """Raises `Unclear` where one of these, which are noted as nobody's, may be another's than who asked for this."""
    if not fits:
        return
    table = BATCHES.c
    since = round((begun_s(made) - LONGEST_S) * 1000)  # what is long lost is none of these
    may_be = or_(table.state == "making", and_(table.state == "lost", table.made >= since))
    untold = select(BATCHES).where(table.batch_id == "", may_be, table.id != made.id)
    same = [each for each in (store.read_row(row, ring) for row in conn.execute(untold)) if _is_alike(each, made)]
    for each in same:
        is_ours = (each.project_id, each.key_id) == (made.project_id, made.key_id)
        if not is_ours and any(begun_s(each) <= fit.created_at <= each.made / 1000 + LONGEST_S for fit in fits):
            raise Unclear(
                "Its provider lists a batch that may be it, and may as well be another's, who asked for the same on "
                "the same account at that time and was not answered either: it is booked to neither."
            )
    if made.about.endpoint == MESSAGES and len(fits) > 1 + sum(each.state == "making" for each in same):
        raise Unclear(
            f"Its provider lists {len(fits)} batches that may be it, and not all of them were asked for here: none of "
            "them is booked."
        )


def _is_alike(one: Made, other: Made) -> bool:
    """Whether what was made for one may be taken for the other's: of the same account and file, or names."""
    one_of, other_of = one.about, other.about
    return (one_of.kind, one_of.key_mark, one_of.file) == (other_of.kind, other_of.key_mark, other_of.file)


def become(conn: Connection, mark: str, made: Made, ring: Keyring) -> bool:
    """It is made, and has an id now. False where one of that id is another call's. Where the note is gone, or its batch
    was found before, it is as if there had been none."""
    before = store.find(conn, made.id, ring)
    if before is not None:
        ours = before.request_id == made.request_id
        if ours or not made.about.file or before.about.file != made.about.file:
            unmade(conn, mark)
        # else it was found as another call's of that file, whose own is still there to be found: by this note
        return ours
    values = store.values_of(made, ring)
    gone = conn.execute(sql_update(BATCHES).where(BATCHES.c.id == mark, BATCHES.c.state == "making").values(**values))
    return gone.rowcount == 1 or store.note(conn, made, ring)


def unmade(conn: Connection, mark: str) -> None:
    """Its provider refused, or was never asked."""
    conn.execute(delete(BATCHES).where(BATCHES.c.id == mark, BATCHES.c.state == "making"))


def doubt(conn: Connection, made: Made, due: int, ring: Keyring, *, held: bool) -> None:
    """Nobody knows whether it was made. Unless the call's limits go on holding it (``held``) they count what it used
    when that is known, and have nothing to give back."""
    about = made.about if held else replace(made.about, holds=tuple(replace(h, amount=0) for h in made.about.holds))
    values = {"content": store.sealed(made.project_id, about, ring), "due": due}
    conn.execute(sql_update(BATCHES).where(BATCHES.c.id == made.id, BATCHES.c.state == "making").values(**values))


def found_as(made: Made, told: Told | Listed, now: int) -> Made:
    """The batch that its provider made, under its own id."""
    about: About = replace(made.about, endpoint=(told.endpoint or "")[:100])
    mark = store.mark_of(made.project_id, made.provider, told.id)
    return replace(
        made, id=mark, batch_id=told.id[:256], about=about, state="open", due=now, trouble="", failures=0, why=""
    )

"""Who made a release what it is, beside whoever froze it: those who edited its draft, or prompts that are in it.

What they say of it is no second opinion: their approvals and verdicts do not count. Functions of a connection.
"""

from collections.abc import Iterable, Iterator

import msgspec
from sqlalchemy import Connection, select

from trimtab.governance.audit import Actor
from trimtab.prompts import store as prompts
from trimtab.prompts.types import Bundle, Source
from trimtab.releases.tables import RELEASES
from trimtab.releases.types import App, Content, Release


def editors(conn: Connection, app: App, author: str, content: Content, parent: Release | None) -> tuple[Actor, ...]:
    """Of a release to be with that ``content``, made from ``parent``; by name, without its ``author``'s id."""
    found = {each.id: each for each in app.editors}
    if parent is not None:
        found |= {each.id: each for each in _between(conn, parent, app.newest)}
    before = None if parent is None else parent.content.prompt
    found |= {each.id: each for each in _of_prompts(conn, app.project_id, before, content.prompt)}
    return tuple(sorted((each for key, each in found.items() if key and key != author), key=lambda each: each.name))


def _between(conn: Connection, parent: Release, newest: int) -> Iterator[Actor]:
    """Whoever made the releases behind ``parent``: the draft holds what they did."""
    at = (RELEASES.c.project_id == parent.project_id, RELEASES.c.app == parent.app)
    query = select(RELEASES.c.author, RELEASES.c.author_name, RELEASES.c.editors)
    for row in conn.execute(query.where(*at, RELEASES.c.number > parent.number, RELEASES.c.number <= newest)):
        yield Actor(row.author, row.author_name)
        yield from read(row.editors)


def _of_prompts(conn: Connection, project_id: str, before: Bundle | None, after: Bundle | None) -> Iterator[Actor]:
    """Whoever wrote the versions since those that were there; of a prompt that was not, the version that is."""
    known = {each.name: each.version for each in _sources(before)}
    for each in _sources(after):
        since = known.get(each.name, each.version)
        if each.version != since or each.name not in known:
            yield from prompts.authors(conn, project_id, each.name, min(since, each.version - 1), each.version)


def _sources(bundle: Bundle | None) -> Iterable[Source]:
    return () if bundle is None else (bundle.prompt, *bundle.includes.values())


def read(text: str | None) -> tuple[Actor, ...]:
    """As they rest in the catalog; nobody where nothing was written down."""
    return msgspec.json.decode(text, type=tuple[Actor, ...]) if text else ()


def written(found: Iterable[Actor]) -> str:
    """As `read` reads it."""
    return msgspec.json.encode(list(found)).decode()


def with_editor(found: tuple[Actor, ...], who: Actor) -> tuple[Actor, ...]:
    """With one more, by the name they have now."""
    return (*(each for each in found if each.id != who.id), who) if who.id else found

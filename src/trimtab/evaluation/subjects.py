"""From what people name to what is put to the test. Functions of a connection.

support@r12      that release
support@staging  the release that is stable in staging now: taken once, so that a rollout meanwhile changes nothing
support          the release that is stable where clients come to who name no environment
gpt-5-mini       a model or a route; what it stands for is in the subject's hash
"""

import hashlib
from collections.abc import Callable
from typing import Any, Final

import msgspec
from sqlalchemy import Connection

from trimtab.core.errors import InvalidRequest, NotFound
from trimtab.evaluation.types import Subject
from trimtab.releases import apps, environments, store

PARENT: Final = "parent"
MAX_NAME: Final = 300

Meaning = Callable[[str], Any]
"""What the name of a model or a route stands for now, as JSON; None where it stands for nothing."""


def subject(conn: Connection, project_id: str, name: str, meaning: Meaning) -> Subject:
    """Raises `NotFound` for what there is not, `InvalidRequest` for what is no name."""
    if not name or len(name) > MAX_NAME or not name.isprintable():
        raise InvalidRequest(
            "A subject is what clients call: an app's release, as support@r12, or a model.",
            fix="Give its name.",
            param="subjects",
        )
    app, at, ref = name.partition("@")
    if not _is_app(conn, project_id, app):
        found = meaning(name)
        if found is None:
            raise NotFound(
                f"There is no app, model or route {name[:80]!r} in this project.",
                fix="Name a release as support@r12, an environment's as support@staging, or a model.",
                param="subjects",
                code="subject_not_found",
            )
        told = msgspec.json.encode([name, found], order="deterministic")
        return Subject(name=name, model=name, hash=f"sha256:{hashlib.sha256(told).hexdigest()}")
    if not at or not ref:
        ref = next(each.name for each in environments.environments(conn, project_id) if each.default)
    release = store.find(conn, project_id, app, ref)
    return Subject(
        name=name,
        model=f"{app}@{release.short}",
        hash=release.hash,
        app=app,
        number=release.number,
        follows=any(each.follow for each in release.content.knowledge),
        knows=bool(release.content.knowledge),
    )


def baseline(conn: Connection, project_id: str, first: Subject, against: str, meaning: Meaning) -> Subject | None:
    """What ``first`` is compared with: by itself ``parent``, a release or an environment of the same app, or whatever
    has that whole name. None where there is nothing to compare with yet: the first release has no parent, and nothing
    runs in the environment."""
    if not against:
        return None
    if not first.app:
        return subject(conn, project_id, against, meaning)
    if against == PARENT:
        release = store.release(conn, project_id, first.app, first.number)
        if release.parent is None:
            return None
        return subject(conn, project_id, f"{first.app}@r{release.parent}", meaning)
    names = {each.name for each in environments.environments(conn, project_id)}
    if against in names:
        at = environments.placement(conn, project_id, first.app, against)
        if at.stable is None:
            return None
        return subject(conn, project_id, f"{first.app}@{against}", meaning)
    if _is_reference(against):
        return subject(conn, project_id, f"{first.app}@{against}", meaning)
    return subject(conn, project_id, against, meaning)


def _is_reference(text: str) -> bool:
    digits = text.removeprefix("r")
    return text == "latest" or (digits.isascii() and digits.isdecimal())


def _is_app(conn: Connection, project_id: str, name: str) -> bool:
    try:
        apps.app(conn, project_id, name)
    except (NotFound, InvalidRequest):
        return False
    return True

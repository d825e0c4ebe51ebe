"""The report of a project for a period, and what it shows for each control. Pure but for the sections' queries."""

import hashlib
from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec
from msgspec.structs import replace
from sqlalchemy import Connection

from trimtab import __version__
from trimtab.compliance import assurance, changes, keeping
from trimtab.compliance.frameworks import REGISTRY
from trimtab.compliance.rows import Scope
from trimtab.compliance.types import Asked, Control, Framework, Mapped, Pack, Section, Shown

Gather = Callable[[Connection, Scope], Section]
GATHERED: Final[tuple[Gather, ...]] = (
    changes.apps,
    changes.releases,
    changes.approvals,
    changes.rollouts,
    changes.incidents,
    changes.overrides,
    assurance.evaluations,
    assurance.red_team,
    assurance.judges,
    assurance.human_oversight,
    assurance.guards,
    assurance.policies,
    assurance.datasets,
    keeping.data,
    keeping.holds,
    changes.access,
)


def gather(conn: Connection, scope: Scope, trusted: list[str]) -> list[Section]:
    """All that the catalog shows. ``trusted`` are the public keys whose signatures of the audit log count."""
    return [*(each(conn, scope) for each in GATHERED), keeping.audit_log(conn, scope, trusted)]


def build(
    project: str, scope: Scope, sections: Sequence[Section], *, frameworks: Sequence[str], made: int, made_by: str
) -> Pack:
    """``frameworks`` none: all. Raises `NotFound` for one there is not."""
    pack = Pack(
        project=project,
        period=scope.period,
        made=made,
        made_by=made_by,
        version=__version__,
        sections=tuple(sections),
        frameworks=tuple(mapped(REGISTRY.get(name), sections) for name in frameworks or REGISTRY.names()),
    )
    return replace(pack, digest=digest_of(pack))


def digest_of(pack: Pack) -> str:
    """Over all that it says of the project: neither when it was made nor by whom."""
    told: dict[str, Any] = msgspec.to_builtins(pack)
    for name in ("digest", "made", "made_by"):
        del told[name]
    return f"sha256:{hashlib.sha256(msgspec.json.encode(told, order='deterministic')).hexdigest()}"


def mapped(framework: Framework, sections: Sequence[Section]) -> Mapped:
    there = {each.name: has_something(each) for each in sections}
    return Mapped(
        name=framework.name,
        title=framework.title,
        edition=framework.edition,
        controls=tuple(_control(each, there) for each in framework.controls),
    )


def has_something(section: Section) -> bool:
    """Figures of zero are nothing, and say so."""
    return section.total > 0 or any(value not in (0, None, "", False) for value in section.figures.values())


def _control(asked: Asked, there: dict[str, bool]) -> Control:
    empty = tuple(name for name in asked.sections if not there.get(name, False))
    return Control(
        id=asked.id,
        title=asked.title,
        asks=asked.asks,
        shown=_shown(asked, empty),
        sections=asked.sections,
        empty=empty,
        add=asked.add,
    )


def _shown(asked: Asked, empty: tuple[str, ...]) -> Shown:
    if not asked.sections:
        return "not_here"
    if not empty:
        return "shown"
    return "nothing_yet" if len(empty) == len(asked.sections) else "partly"

"""What the catalog says of data classes, data terms and policies, as the data plane holds it: project by project."""

from collections.abc import Iterable, Sequence
from typing import Final

from msgspec import Struct, structs
from sqlalchemy import Connection

from trimtab.gateway.policed import Governed, Stated
from trimtab.governance import data_classes, people_store, policies, policy_people
from trimtab.governance.access import Project
from trimtab.governance.data_classes import Classes, ListRow, Mark, TermsRow
from trimtab.governance.policies import InForce
from trimtab.governance.policy_eval import Compiler, PolicySet
from trimtab.governance.policy_people import Named
from trimtab.governance.store import KeyRow

__all__ = ("Compiler", "GovernedRows", "governed", "read", "sets_of")
WIDE: Final = "organisation/"
"""What stands before the name of an organisation's set in verdicts."""


class GovernedRows(Struct, frozen=True, kw_only=True):
    """As it rests."""

    lists: list[ListRow] = []
    marks: list[Mark] = []
    terms: list[TermsRow] = []
    sets: list[InForce] = []
    people: list[Named] = []
    """Where there are policies."""
    organisations: dict[str, str] = {}
    """Their slugs by id."""


def read(conn: Connection) -> GovernedRows:
    sets = policies.in_force(conn)
    return GovernedRows(
        lists=data_classes.lists(conn),
        marks=data_classes.marks(conn),
        terms=data_classes.terms(conn),
        sets=sets,
        people=policy_people.read(conn) if sets else [],
        organisations={row.id: row.slug for row in people_store.organisations(conn)},
    )


def nameless(rows: GovernedRows) -> GovernedRows:
    """As they rest in a file: without names of people, and without addresses but those that a policy names. Their keys
    go on where the catalog is away, below them and their groups as before."""
    texts = "\n".join(each.text for each in rows.sets)

    def kept(each: Named) -> Named:
        email = each.person.email
        email = email if email and email in texts else None
        return structs.replace(each, person=structs.replace(each.person, name="", email=email))

    return structs.replace(rows, people=[kept(each) for each in rows.people])


def governed(
    rows: GovernedRows, projects: Iterable[Project], keys: Sequence[KeyRow], compiler: Compiler | None = None
) -> dict[str, Governed]:
    """By project id; a project of which nothing is stated has no entry. ``compiler`` remembers the sets it has read."""
    compiler = compiler or Compiler()
    found: dict[str, Governed] = {}
    used: list[PolicySet] = []
    named = {row.id: row.name for row in keys} if rows.sets else {}
    owners = {row.id: row.owner_id for row in keys if row.owner_id is not None} if rows.sets else {}
    for project in projects:
        sets = sets_of(rows.sets, project)
        stated = _stated(rows, project)
        if stated is None and not sets:
            continue
        people = policy_people.in_project(rows.people, project) if sets else {}
        sets = policy_people.by_address(sets, people)
        used += sets
        known = structs.replace(
            stated or Stated(),
            slug=project.slug,
            organisation=rows.organisations.get(project.organisation, project.organisation),
            key_names=named,
            people=people,
            owners=owners,
        )
        found[project.id] = Governed(known, compiler.engine(sets) if sets else None)
    compiler.keep(used)
    return found


def sets_of(rows: Iterable[InForce], project: Project) -> list[PolicySet]:
    """The sets that decide in a project: its organisation's first, then its own."""
    wide: list[PolicySet] = []
    own: list[PolicySet] = []
    for row in rows:
        if row.scope == project.organisation:
            wide.append(PolicySet(name=WIDE + row.name, text=row.text, otherwise=row.otherwise))
        elif row.scope == project.id:
            own.append(PolicySet(name=row.name, text=row.text, otherwise=row.otherwise))
    return wide + own


def _stated(rows: GovernedRows, project: Project) -> Stated | None:
    """None where the project states nothing."""
    lists = [row.classes for row in rows.lists if row.project_id == project.id]
    marks = [mark for mark in rows.marks if mark.project_id == project.id]
    terms = [row for row in rows.terms if row.project_id == project.id]
    if not (lists or marks or terms):
        return None
    return Stated(
        classes=lists[0] if lists else Classes(),
        keys={mark.name: mark.data_class for mark in marks if mark.subject == "key"},
        apps={mark.name: mark.data_class for mark in marks if mark.subject == "app"},
        providers={row.name: row.terms for row in terms if row.subject == "provider"},
        models={row.name: row.terms for row in terms if row.subject == "model"},
    )

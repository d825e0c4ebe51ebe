"""Writing what a folder changes of guards, policies, data and datasets: one function for each kind, each of one change,
within the connection's transaction, with the entries of the audit log that its own API would write. They raise what the
rooms raise."""

from typing import Any, cast

from msgspec import Struct, structs
from sqlalchemy import Connection

from trimtab.core.errors import NotFound
from trimtab.evaluation import case_schema, dataset_writes, datasets
from trimtab.evaluation.dataset_writes import Tally, Writing
from trimtab.evaluation.datasets import DatasetEdit
from trimtab.evaluation.types import Case
from trimtab.gateway.targets import ProjectTargets
from trimtab.governance import audit, data_classes, edits, policies
from trimtab.governance.audit import Actor
from trimtab.governance.data_classes import Classes, DataTerms, Mark, MarkedSubject, TermsRow, TermsSubject
from trimtab.governance.edits import Edit
from trimtab.governance.policies import Put
from trimtab.guard import points, services
from trimtab.guard import store as guards
from trimtab.guard.store import GuardDraft, Refusal
from trimtab.guard.types import GuardSpec
from trimtab.server.folder.comparing import Change
from trimtab.server.folder.governed import AccessSpec


class Doing(Struct, frozen=True, kw_only=True):
    """Who changes what, when, and why. ``targets`` are those of the project once the folder is applied."""

    conn: Connection
    project: str
    actor: Actor
    now: int
    message: str
    targets: ProjectTargets

    def note(self, action: str, subject: str, detail: dict[str, Any]) -> None:
        told = {**detail, "by": "a folder", "message": self.message}
        audit.append(self.conn, self.project, self.actor, action, subject, now=self.now, detail=told)

    def edited(self, kind: str, name: str, *, was_there: bool) -> None:
        """Whoever has it open elsewhere does not save over it: it is changed by the name that its own API has for it.
        Guards and datasets count their own versions."""
        edit = Edit(place=self.project, kind=kind, name=name)
        edits.note(self.conn, edit, self.actor, self.now, was_there=was_there)


def _from_to(change: Change) -> dict[str, Any]:
    return {
        "from": None if change.found is None else change.found.plain,
        "to": None if change.wanted is None else change.wanted.plain,
    }


def guard(doing: Doing, change: Change) -> None:
    name, conn = change.item.name, doing.conn
    if change.wanted is None:
        guards.archive(conn, doing.project, name, doing.now)
        doing.note("guard.archived", f"guard:{name}", {})
        return
    if change.archived:
        guards.archive(conn, doing.project, name, None)
        doing.note("guard.restored", f"guard:{name}", {})
    spec: GuardSpec = change.wanted.value
    if asked := spec.options.get("service"):
        services.service(conn, doing.project, str(asked))
    if spec.data_class:
        data_classes.check_class(spec.data_class, data_classes.classes_of(conn, doing.project))
    draft = GuardDraft(
        project_id=doing.project,
        name=name,
        spec=spec,
        message=doing.message,
        author=doing.actor.id,
        author_name=doing.actor.name,
        now=doing.now,
    )
    row, created = guards.add(conn, draft)
    if created:
        detail = {
            "version": row.version,
            "kind": spec.kind,
            "mode": spec.mode,
            "action": spec.action,
            "hash": row.hash,
        }
        doing.note("guard.pushed", f"guard:{name}", detail)
        points.carry(conn, row)


def refusal(doing: Doing, change: Change) -> None:
    found: Refusal = change.item.value
    subject = f"guard-refusal:{found.label}"
    told = {"app": found.app, "language": found.language, **_from_to(change)}
    doing.edited("guard_refusal", f"{found.name}/{found.app}/{found.language}", was_there=change.found is not None)
    if change.wanted is None:
        guards.drop_refusal(doing.conn, doing.project, found.name, found.app, found.language)
        doing.note("guard_refusal.removed", subject, told)
        return
    guards.put_refusal(doing.conn, structs.replace(found, project_id=doing.project), doing.now)
    doing.note("guard_refusal.changed", subject, told)


def access(doing: Doing, change: Change) -> None:
    name, conn = change.item.name, doing.conn
    doing.edited("set_of_policies", name, was_there=change.found is not None)
    if change.wanted is None:
        policies.remove(conn, doing.project, name)
        doing.note("policy.removed", f"policy:{name}", _hashed(change))
        return
    spec: AccessSpec = change.wanted.value
    asked = Put(
        scope=doing.project,
        name=name,
        draft=spec.draft(doing.message),
        author=doing.actor.name,
        on=spec.terms.on,
        order=data_classes.classes_of(conn, doing.project).order,
        now=doing.now,
    )
    policies.put(conn, asked)
    if not spec.terms.on:
        policies.switch(conn, doing.project, name, None, doing.now)
    doing.note("policy.written", f"policy:{name}", _hashed(change))


def _hashed(change: Change) -> dict[str, Any]:
    """What a set was and is, by its hash: the text itself rests in its versions."""

    def told(spec: AccessSpec | None) -> Any:
        return None if spec is None else {"hash": policies.hash_of(spec.draft("")), "on": spec.terms.on}

    before = None if change.found is None else change.found.value
    after = None if change.wanted is None else change.wanted.value
    return {"from": told(before), "to": told(after)}


def classes(doing: Doing, change: Change) -> None:
    """Taken out of the folder, the standard list holds again."""
    wanted = Classes() if change.wanted is None else cast("Classes", change.wanted.value)
    data_classes.put_classes(doing.conn, doing.project, wanted, doing.now)
    doing.edited("list_of_data_classes", "", was_there=True)  # there is always one
    doing.note("data_classes.set", "data-classes", _from_to(change))


def mark(doing: Doing, change: Change) -> None:
    subject, _, name = change.item.name.partition(":")
    data_class = "" if change.wanted is None else str(change.wanted.value)
    row = Mark(project_id=doing.project, subject=cast("MarkedSubject", subject), name=name, data_class=data_class)
    data_classes.put_mark(doing.conn, row, doing.now)
    doing.note("data_class.set", change.item.name, _from_to(change))


def terms(doing: Doing, change: Change) -> None:
    kind, _, name = change.item.name.partition(":")
    subject = cast("TermsSubject", kind)
    doing.edited(f"data_terms_of_{subject}", name, was_there=change.found is not None)
    if change.wanted is None:
        data_classes.remove_terms(doing.conn, doing.project, subject, name)
        doing.note("data_terms.removed", change.item.name, _from_to(change))
        return
    targets = doing.targets
    there = name in (targets.providers if subject == "provider" else targets.models)
    if not there and not (subject == "model" and name.partition("/")[0] in targets.providers):
        raise NotFound(
            f"There is no {subject} {name[:80]!r} in this project.", fix=f"List them: trimtab {subject}s list."
        )
    stated: DataTerms = change.wanted.value
    row = TermsRow(project_id=doing.project, subject=subject, name=name, terms=stated)
    data_classes.put_terms(doing.conn, row, doing.now)
    doing.note("data_terms.set", change.item.name, _from_to(change))


def dataset(doing: Doing, change: Change) -> None:
    """A new version with the very cases of the file; what left the folder is archived."""
    name, conn = change.item.name, doing.conn
    edit = DatasetEdit(
        project_id=doing.project, name=name, actor=doing.actor, now=doing.now, archived=change.wanted is None
    )
    datasets.put(conn, edit)
    if change.wanted is None:
        return
    writing = Writing(project_id=doing.project, dataset=name, actor=doing.actor, now=doing.now, message=doing.message)
    found = dataset_writes.ready(conn, writing)
    cases = [_authored(case, doing) for case in cast("tuple[Case, ...]", change.wanted.value)]
    before = [] if not found.newest else [
        case.id for case in datasets.each(conn, datasets.version(conn, doing.project, name, found.newest))
    ]  # fmt: skip
    named = {case.id for case in cases}
    tally, number = Tally(), found.newest + 1
    dataset_writes.apply(conn, found, number, cases, "move", tally, case_schema.checker(found.schema))
    dataset_writes.take_out(conn, found, number, [each for each in before if each not in named], tally)
    if not tally.nothing:
        dataset_writes.publish(conn, writing, found, tally)


def _authored(case: Case, doing: Doing) -> Case:
    own = structs.replace(
        case.provenance, author=doing.actor.id, author_name=doing.actor.name, at=doing.now
    )  # fmt: skip
    return structs.replace(case, provenance=own)

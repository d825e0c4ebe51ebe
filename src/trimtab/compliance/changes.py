"""What was changed, by whom, with whose approval, and what came of it. Functions of a connection."""

from typing import Any, Final, cast

import msgspec
from sqlalchemy import Connection, and_, or_, select

from trimtab.compliance.rows import About, Scope, made, section, short, tally, within
from trimtab.compliance.types import Cell, Section
from trimtab.governance.audit import AUDIT
from trimtab.governance.people_store import INSTANCE, MEMBERSHIPS, PEOPLE
from trimtab.governance.store import KEYS, PROJECTS
from trimtab.releases import apps as app_store
from trimtab.releases import environments
from trimtab.releases.tables import APPROVALS, GATE_VERDICTS, RELEASES, ROLLOUTS
from trimtab.releases.types import Content

BACK: Final = ("rolled_back", "stopped")
ACCESS: Final = ("key.*", "member.*", "role.*", "service-account.*", "service_account.*", "sign-in.*", "session.*")


def apps(conn: Connection, scope: Scope) -> Section:
    """What runs where now: an inventory, whatever the period."""
    about = About(
        name="apps",
        title="Apps and what they run",
        about="Every app of the project, and the release that runs in each environment now.",
        source="apps, releases, placements",
        columns=("app", "description", "environment", "release", "models", "guards", "prompt", "made_at"),
    )
    placed = {(each.app, each.environment): each for each in environments.placements(conn, scope.project_id)}
    rows: list[tuple[str | int | None, ...]] = []
    for app in app_store.apps(conn, scope.project_id):
        places = [(environment, each) for (name, environment), each in placed.items() if name == app.name]
        running = [(environment, each.stable) for environment, each in places if each.stable is not None]
        for environment, number in running or [("", app.newest or None)]:
            rows.append((app.name, short(app.spec.description), environment, *_release(conn, scope, app.name, number)))
    return made(about, rows)


def _release(conn: Connection, scope: Scope, app: str, number: int | None) -> tuple[str | int | None, ...]:
    if number is None:
        return ("", "", "", "", None)
    query = select(RELEASES.c.content, RELEASES.c.created).where(
        RELEASES.c.project_id == scope.project_id, RELEASES.c.app == app, RELEASES.c.number == number
    )
    row = conn.execute(query).one()
    content = msgspec.json.decode(row.content, type=Content)
    models = ", ".join(sorted({f"{each.provider}/{each.upstream}" for each in content.models.values()}))
    prompt = "" if content.prompt is None else content.prompt.prompt.name
    return (f"r{number}", models, ", ".join(map(_name, content.guards)), prompt, row.created)


def _name(guard: object) -> str:
    return guard if isinstance(guard, str) else str(getattr(guard, "name", guard))


def releases(conn: Connection, scope: Scope) -> Section:
    about = About(
        name="releases",
        title="Releases made",
        about="Each an immutable bundle of prompt, models, parameters, tools and guards, with author and reason.",
        source="releases",
        columns=("release", "author", "message", "made_from", "hash", "made_at"),
    )
    table = RELEASES.c
    query = select(table.app, table.number, table.author_name, table.message, table.parent, table.hash, table.created)
    query = query.where(table.project_id == scope.project_id, within(table.created, scope.period))
    return section(
        conn,
        about,
        query.order_by(table.created.desc(), table.app, table.number.desc()),
        lambda row: (
            f"{row.app} r{row.number}", row.author_name, short(row.message),
            "" if row.parent is None else f"r{row.parent}", row.hash, row.created,
        ),
    )  # fmt: skip


def approvals(conn: Connection, scope: Scope) -> Section:
    """Of approvals, and of what gates were told."""
    about = About(
        name="approvals",
        title="Approvals",
        about="Who approved which release for which environment. Nobody approves what they had a hand in.",
        source="approvals; withdrawn ones are in the audit log",
        columns=("release", "environment", "approved_by", "note", "approved_at"),
    )
    table = APPROVALS.c
    query = select(table.app, table.number, table.environment, table.author_name, table.note, table.created)
    query = query.where(table.project_id == scope.project_id, within(table.created, scope.period))
    verdicts = tally(
        conn, GATE_VERDICTS.c.outcome, GATE_VERDICTS.c.project_id == scope.project_id,
        within(GATE_VERDICTS.c.created, scope.period),
    )  # fmt: skip
    return section(
        conn,
        about,
        query.order_by(table.created.desc(), table.app),
        lambda row: (f"{row.app} r{row.number}", row.environment, row.author_name, short(row.note), row.created),
        {f"gate_verdicts_{outcome}": count for outcome, count in verdicts.items()},
    )


def rollouts(conn: Connection, scope: Scope) -> Section:
    about = About(
        name="rollouts",
        title="Rollouts",
        about="How releases were put into environments, and what became of that.",
        source="rollouts",
        columns=(
            "release", "environment", "state", "begun_by", "note", "reason", "override", "begun_at", "ended_at",
        ),
    )  # fmt: skip
    table = ROLLOUTS.c
    mine = (table.project_id == scope.project_id, within(table.started, scope.period))
    return section(
        conn,
        about,
        select(ROLLOUTS).where(*mine).order_by(table.started.desc(), table.id),
        lambda row: (
            f"{row.app} r{row.candidate}", row.environment, row.state, row.author_name, short(row.note),
            short(row.reason), short(row.override or ""), row.started, row.ended,
        ),
        tally(conn, table.state, *mine),
    )  # fmt: skip


def incidents(conn: Connection, scope: Scope) -> Section:
    """Releases that were taken back or stopped: what this server itself counts as having gone wrong."""
    about = About(
        name="incidents",
        title="Releases taken back",
        about="Rollouts that ended in going back, by rule or by hand, with the reason, and how long the release ran.",
        source="rollouts; other incidents are for the organisation to record",
        columns=("release", "environment", "what", "reason", "ran_seconds", "begun_at", "ended_at"),
    )
    table = ROLLOUTS.c
    query = select(ROLLOUTS).where(
        table.project_id == scope.project_id, table.state.in_(BACK), within(table.ended, scope.period)
    )
    return section(
        conn,
        about,
        query.order_by(table.ended.desc(), table.id),
        lambda row: (
            f"{row.app} r{row.candidate}", row.environment, row.state, short(row.reason),
            round((row.ended - row.started) / 1000), row.started, row.ended,
        ),
    )  # fmt: skip


def overrides(conn: Connection, scope: Scope) -> Section:
    about = About(
        name="overrides",
        title="Emergency overrides",
        about="What was done without what an environment demands, with the reason that was given.",
        source="rollouts.override",
        columns=("release", "environment", "by", "override", "at"),
    )
    table = ROLLOUTS.c
    query = select(ROLLOUTS).where(
        table.project_id == scope.project_id,
        table.override.is_not(None),
        table.override != "",
        within(table.started, scope.period),
    )
    return section(
        conn,
        about,
        query.order_by(table.started.desc(), table.id),
        lambda row: (f"{row.app} r{row.candidate}", row.environment, row.author_name, row.override, row.started),
    )


def _members(conn: Connection, project_id: str) -> dict[str, Cell]:
    """How many may come in now, by where they are members and as what."""
    own = select(PROJECTS.c.organisation_id).where(PROJECTS.c.id == project_id)
    places = {
        "members": project_id,
        "organisation_members": conn.execute(own).scalar_one(),
        "instance_members": INSTANCE,
    }
    active = MEMBERSHIPS.c.person_id.in_(select(PEOPLE.c.id).where(PEOPLE.c.disabled.is_(None)))
    return {
        f"{told}_{role}": count
        for told, place in places.items()
        for role, count in tally(conn, MEMBERSHIPS.c.role, MEMBERSHIPS.c.place == place, active).items()
    }


def access(conn: Connection, scope: Scope) -> Section:
    """Changes of who may do what; and how many may now. Members of the organisation and of the instance reach into the
    project, so they are counted; entries about those places are in the instance's log, which tells of other projects
    too and is not repeated here."""
    about = About(
        name="access",
        title="Who may do what",
        about="Changes of the project's keys and members in the period, those by a directory's groups or at a sign-in "
        "too; figures: "
        "keys that outlive it, members now, those of its organisation and of the whole instance apart.",
        source="audit_log, keys, memberships; of the organisation's members and roles the instance's audit log tells",
        columns=("action", "subject", "who_or_what", "role", "by", "done_at"),
    )
    table = AUDIT.c
    asked = or_(*(table.action.like(f"{each[:-1].replace('_', '=_')}%", escape="=") for each in ACCESS))
    # A directory acts on an organisation and a sign-in on everything, so what groups give in a project stands in the
    # instance's log.
    by_groups = and_(
        table.project_id.is_(None),
        table.action.like("member.%"),
        table.detail.contains(f'"place":"{scope.project_id}"', autoescape=True),
    )
    query = select(table.action, table.subject, table.detail, table.actor_name, table.at).where(
        or_(table.project_id == scope.project_id, by_groups), asked, within(table.at, scope.period)
    )
    lives = or_(KEYS.c.expires.is_(None), KEYS.c.expires > scope.period.end)
    keys = tally(conn, KEYS.c.role, KEYS.c.project_id == scope.project_id, KEYS.c.revoked.is_(None), lives)
    figures = {f"keys_{role}": count for role, count in keys.items()} | _members(conn, scope.project_id)
    return section(
        conn,
        about,
        query.order_by(table.at.desc(), table.id.desc()),
        lambda row: (row.action, row.subject, *_given(conn, row.subject, row.detail), row.actor_name, row.at),
        figures,
    )


def _object(value: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _given(conn: Connection, subject: str, detail: str) -> tuple[str, str]:
    """Who or what an entry is about, by a name that people know, and its role; empty where none is known."""
    said = _object(msgspec.json.decode(detail))
    told = _object(said.get("to")) or _object(said.get("from")) or said
    role = str(told.get("role") or said.get("role") or "")
    kind, _, its_id = subject.partition(":")
    if kind == "key":
        named = conn.execute(select(KEYS.c.name).where(KEYS.c.id == its_id)).scalar_one_or_none()
        return named or str(told.get("name") or ""), role
    if kind == "person":
        row = conn.execute(select(PEOPLE.c.name, PEOPLE.c.email).where(PEOPLE.c.id == its_id)).one_or_none()
        if row is not None:
            return (f"{row.name} <{row.email}>" if row.email else row.name), role
    return str(told.get("email") or told.get("name") or ""), role

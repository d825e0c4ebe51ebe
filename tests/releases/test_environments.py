"""Environments and approvals, on SQLite and PostgreSQL alike."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import pytest
from msgspec import structs
from sqlalchemy import Connection

from trimtab.core.errors import Conflict, Forbidden, InvalidRequest, NotFound
from trimtab.governance import audit
from trimtab.governance import store as governance
from trimtab.governance.audit import Actor
from trimtab.governance.store import ProjectRow
from trimtab.prompts import store as prompts
from trimtab.prompts.store import Draft
from trimtab.prompts.types import Bundle, Message, Source
from trimtab.prompts.types import Content as PromptContent
from trimtab.releases import approvals, apps, environments, gate, lanes, rollouts, store
from trimtab.releases.apps import Edit
from trimtab.releases.environments import EnvironmentEdit
from trimtab.releases.rollouts import GoBack, Start
from trimtab.releases.store import NewRelease
from trimtab.releases.types import Approval, AppSpec, Content, Environment, GateVerdict, Plan, Protection, Release
from trimtab.storage.database import Database

T = TypeVar("T")
ADA, BOB = Actor("key_ada", "ada"), Actor("key_bob", "bob")
Write = Callable[[Callable[[Connection], T]], T]


@pytest.fixture
def write(catalog_url: str) -> Iterator[Callable[[Callable[[Connection], Any]], Any]]:
    """Runs a function in a transaction of its own. There are two projects; one has `support` r1 and r2 by Ada."""
    with asyncio.Runner() as runner:
        db = Database.open(catalog_url)

        def run(work: Callable[[Connection], T]) -> T:
            return runner.run(db.write(work))

        run(furnish)
        yield run
        runner.run(db.close())


def furnish(conn: Connection) -> None:
    for project in ("p1", "p2"):
        governance.add_project(
            conn, ProjectRow(id=project, slug=project, name=project, capture_content=True, created=1)
        )
    apps.put(conn, Edit(project_id="p1", name="support", spec=AppSpec(route="m"), now=1, actor=ADA), lambda _: {})
    for number in (1, 2):
        made = NewRelease(
            project_id="p1", app="support", content=Content(route=f"m{number}"), hash=f"sha256:{number}", message="",
            author=ADA.id, author_name=ADA.name, now=1,
        )  # fmt: skip
        store.create(conn, made)


def put(write: Write[Any], name: str, **fields: Any) -> Environment:
    edit = EnvironmentEdit(project_id="p1", name=name, actor=ADA, now=5, **fields)
    return write(lambda conn: environments.put(conn, edit))[0]


def test_every_project_has_three_and_keeps_its_own_changes(write: Write[Any]) -> None:
    def names(project: str) -> list[str]:
        return [each.name for each in write(lambda conn: environments.environments(conn, project))]

    assert names("p1") == ["development", "staging", "production"]
    put(write, "production", protection=Protection(approvals=2))
    put(write, "canada", default=True)
    assert names("p1") == ["development", "staging", "production", "canada"]
    assert names("p2") == ["development", "staging", "production"]
    told = write(lambda conn: lanes.lanes(conn))
    assert [(each.name, each.default) for each in told.environments] == [
        ("development", False), ("staging", False), ("production", False), ("canada", True),
    ]  # fmt: skip
    found = write(lambda conn: environments.environment(conn, "p1", "production"))
    assert (found.protection, found.revision) == (Protection(approvals=2), 2), "it lost the default: that is a change"
    with pytest.raises(Conflict):
        put(write, "production", position=7, expected=1)
    with pytest.raises(InvalidRequest):
        put(write, "latest")
    write(lambda conn: environments.remove(conn, "p1", "staging", ADA, 6))
    with pytest.raises(NotFound, match="canada"):
        write(lambda conn: environments.environment(conn, "p1", "staging"))


def approval(who: Actor, note: str = "") -> Approval:
    return Approval(
        project_id="p1", app="support", number=2, environment="production", author=who.id, author_name=who.name,
        note=note, created=5,
    )  # fmt: skip


def test_one_person_approves_once_and_nobody_their_own(write: Write[Any]) -> None:
    for note in ("first look", "second look"):
        write(lambda conn, note=note: approvals.approve(conn, approval(BOB, note)))
    given = write(lambda conn: approvals.approvals(conn, "p1", "support", 2))
    assert [(each.author_name, each.note) for each in given] == [("bob", "second look")]
    with pytest.raises(Forbidden):
        write(lambda conn: approvals.approve(conn, approval(ADA)))
    write(lambda conn: approvals.withdraw(conn, approval(BOB), 6))
    with pytest.raises(NotFound):
        write(lambda conn: approvals.withdraw(conn, approval(BOB), 6))


def test_a_verdict_of_another_content_is_refused(write: Write[Any]) -> None:
    def verdict(content: str) -> GateVerdict:
        return GateVerdict(
            id="", project_id="p1", app="support", number=2, hash=content, outcome="better", source="ci", detail="",
            created=5,
        )  # fmt: skip

    assert write(lambda conn: gate.record(conn, verdict(""), BOB)).hash == "sha256:2"
    with pytest.raises(Conflict):
        write(lambda conn: gate.record(conn, verdict("sha256:1"), BOB))
    assert len(write(lambda conn: gate.verdicts(conn, "p1", "support", 2))) == 1


def test_whoever_edited_a_draft_or_its_prompt_neither_approves_nor_judges_what_came_of_it(write: Write[Any]) -> None:
    cat, dan, eve = (Actor(f"key_{name}", name) for name in ("cat", "dan", "eve"))

    def edit(who: Actor, route: str) -> None:
        made = Edit(project_id="p1", name="support", spec=AppSpec(route=route), now=2, actor=who)
        write(lambda conn: apps.put(conn, made, lambda _: {}))

    def pushed(who: Actor, text: str) -> Bundle:
        content = PromptContent(messages=(Message(role="system", text=text),))
        draft = Draft(
            project_id="p1", name="desk", content=content, hash=f"sha256:{text}", message="", author=who.id,
            author_name=who.name, now=2,
        )  # fmt: skip
        row, _ = write(lambda conn: prompts.add(conn, draft))
        return Bundle(prompt=Source(name="desk", version=row.version, hash=row.hash, content=content))

    def freeze(number: int, prompt: Bundle, parent: int | None = None) -> Release:
        made = NewRelease(
            project_id="p1", app="support", content=Content(route="m", prompt=prompt), hash=f"sha256:{number}",
            message="", author=ADA.id, author_name=ADA.name, now=3, parent=parent,
        )  # fmt: skip
        return write(lambda conn: store.create(conn, made))[0]

    edit(BOB, "m3")
    edit(ADA, "m4")
    first = freeze(3, pushed(cat, "one"))
    assert [each.name for each in first.editors] == ["bob", "cat"], "Ada is its author"
    again = write(lambda conn: store.release(conn, "p1", "support", 3))
    assert again == first
    for who in (ADA, BOB, cat):
        given = structs.replace(approval(who), number=3)
        with pytest.raises(Forbidden) as refused:
            write(lambda conn, given=given: approvals.approve(conn, given))
        assert refused.value.code == "own_release"
        with pytest.raises(Forbidden):
            write(lambda conn, who=who: gate.record(conn, verdict(3), who))
    told = write(lambda conn: gate.record(conn, verdict(3), dan))
    assert (told.author, told.author_name) == ("key_dan", "dan")
    with pytest.raises(InvalidRequest, match="experiments"):
        write(lambda conn: gate.record(conn, verdict(3, source="evaluation"), dan))
    itself = write(lambda conn: gate.record(conn, verdict(3, source="evaluation"), Actor("", "evaluation")))
    assert write(lambda conn: gate.verdicts(conn, "p1", "support", 3)) == [itself, told]

    pushed(dan, "two")
    second = freeze(4, pushed(eve, "three"))
    assert [each.name for each in second.editors] == ["dan", "eve"], "what Bob and Cat did was r3"
    assert [each.name for each in freeze(5, pushed(BOB, "four"), parent=2).editors] == ["bob", "cat", "dan", "eve"]
    same = freeze(6, pushed(BOB, "four"))
    assert same.editors == ()


def verdict(number: int, source: str = "ci") -> GateVerdict:
    return GateVerdict(
        id="", project_id="p1", app="support", number=number, hash="", outcome="better", source=source, detail="",
        created=5 if source == "ci" else 6,
    )  # fmt: skip


def test_an_environment_goes_back_through_what_ran_before_it(write: Write[Any]) -> None:
    def promote(number: int) -> None:
        start = Start(
            project_id="p1", app="support", environment="production", candidate=number, plan=Plan(kind="direct"),
            actor=ADA, now=5,
        )  # fmt: skip
        write(lambda conn: rollouts.start(conn, start))

    def back(to: int | None = None) -> int | None:
        wanted = GoBack(project_id="p1", app="support", environment="production", to=to, actor=BOB, now=6)
        return write(lambda conn: rollouts.go_back(conn, wanted)).stable

    with pytest.raises(Conflict, match="Nothing ran"):
        back()
    promote(1)
    promote(2)
    promote(1)
    assert back() == 2
    assert back() == 1, "never forward again to what was just taken back"
    with pytest.raises(Conflict, match="Nothing ran"):
        back()
    promote(2)
    assert back(to=1) == 1
    with pytest.raises(Conflict, match="already"):
        back(to=1)
    assert back(to=2) == 2, "it was in its place when another was promoted over it"


def test_going_to_and_fro_between_what_ran_is_never_refused(write: Write[Any]) -> None:
    for number in (1, 2, 1):
        start = Start(
            project_id="p1", app="support", environment="production", candidate=number, plan=Plan(kind="direct"),
            actor=ADA, now=5,
        )  # fmt: skip
        write(lambda conn, start=start: rollouts.start(conn, start))
    for to in (2, 1, 2, 1, 2):
        wanted = GoBack(project_id="p1", app="support", environment="production", to=to, actor=BOB, now=6, reason="Odd")
        assert write(lambda conn, wanted=wanted: rollouts.go_back(conn, wanted)).stable == to
    told = write(lambda conn: audit.entries(conn, "p1", audit.Sought(action="placement.changed")))
    assert [(each.detail["to"], each.detail["reason"]) for each in told[:2]] == [(2, "Odd"), (1, "Odd")]

"""Who may do what, made once per snapshot: of many people in few steps, for calls stand still meanwhile."""

from collections.abc import Iterator

from trimtab.governance.access import Project
from trimtab.governance.people_store import INSTANCE, MembershipRow, PersonRow, RoleRow
from trimtab.governance.permissions import NOBODY, built_in, within
from trimtab.governance.principals import People, made


class Walked(list[MembershipRow]):
    """How often somebody went through it."""

    times = 0

    def __iter__(self) -> Iterator[MembershipRow]:
        self.times += 1
        return super().__iter__()


PROJECT = Project(id="prj_1", slug="default", organisation="org_1")


def person(name: str) -> PersonRow:
    return PersonRow(id=name, kind="person", name="", email=None, project_id=None, created=1)


def member(name: str, place: str, role: str) -> MembershipRow:
    return MembershipRow(person_id=name, place=place, role=role, source="by hand", created=1)


def test_however_many_people_there_are_their_memberships_are_gone_through_a_few_times() -> None:
    walks: list[int] = []
    for many in (2, 200):
        names = [f"usr_{at}" for at in range(many)]
        memberships = Walked(member(name, "org_1", "viewer") for name in names)
        found = made([], {"prj_1": PROJECT}, People(people=list(map(person, names)), memberships=memberships), {})
        assert {each.role for each in found.by_id.values()} == {"viewer"}
        walks.append(memberships.times)
    assert walks[0] == walks[1] <= 3


def test_somebody_is_named_by_the_role_of_the_widest_place_and_holds_what_each_gives() -> None:
    memberships = [
        member("ada", "prj_1", "reviewer"),
        member("ada", "org_1", "own"),
        member("ada", INSTANCE, "auditor"),
        member("bea", "prj_1", "own"),
        member("bea", "org_1", "viewer"),
        member("cy", "prj_1", "developer"),
    ]
    roles = [RoleRow(organisation_id="org_1", name="own", permissions=("trace:read",), about="", created=1, updated=1)]
    people = [person(name) for name in ("ada", "bea", "cy", "dan")]
    found = made([], {"prj_1": PROJECT}, People(people=people, memberships=memberships, roles=roles), {}).by_id
    assert {name: each.role for name, each in found.items()} == {
        "ada": "auditor", "bea": "viewer", "cy": "developer", "dan": "none"
    }  # fmt: skip
    held = {name: each.held or NOBODY for name, each in found.items()}
    assert held["ada"].instance == built_in("auditor")
    assert held["ada"].organisations == {"org_1": frozenset(("trace:read",))}
    assert held["ada"].projects == {"prj_1": within(built_in("reviewer"))}
    assert held["bea"].projects == {"prj_1": frozenset(("trace:read",))}
    assert held["dan"].projects == held["dan"].organisations == {}

"""PATCH as Okta and Entra ID send it, by the RFC's rules, and never half."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.core.errors import InvalidRequest
from trimtab.governance.scim.patches import patched
from trimtab.governance.scim.schemas import ENTERPRISE, GROUPS, USERS, cleaned

PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
ADA: dict[str, Any] = {
    "userName": "ada@example.com",
    "name": {"givenName": "Ada", "familyName": "Byron"},
    "active": True,
    "emails": [{"value": "ada@example.com", "type": "work", "primary": True}],
    ENTERPRISE: {"department": "Engines"},
}
TEAM: dict[str, Any] = {"displayName": "Team", "members": [{"value": "usr_1"}, {"value": "usr_2"}]}


def on(kind: Any, resource: dict[str, Any], *operations: dict[str, Any]) -> dict[str, Any]:
    before = copy.deepcopy(resource)
    made = patched(kind, resource, {"schemas": [PATCH], "Operations": list(operations)})
    assert resource == before  # what is there is never touched
    return made


def test_entra_id_changes_people_in_its_own_ways() -> None:
    made = on(
        USERS,
        ADA,
        {"op": "Replace", "path": 'emails[type eq "work"].value', "value": "ada@new.example"},
        {"op": "Replace", "path": "name.familyName", "value": "Lovelace"},
        {"op": "Add", "path": f"{ENTERPRISE}:manager", "value": "usr_9"},
        {"op": "Add", "path": 'phoneNumbers[type eq "mobile"].value', "value": "1"},
        {"op": "Replace", "path": "active", "value": "False"},
    )
    assert made["emails"] == [{"value": "ada@new.example", "type": "work", "primary": True}]
    assert made["name"] == {"givenName": "Ada", "familyName": "Lovelace"}
    assert made[ENTERPRISE] == {"department": "Engines", "manager": {"value": "usr_9"}}
    assert made["active"] is False
    assert "phoneNumbers" not in made
    without_path = {
        "name.givenName": "Augusta",
        'emails[type eq "other"].value': "other@example.com",
        f"{ENTERPRISE}:department": "Poetry",
        ENTERPRISE: {"costCenter": "7"},
        "http://schemas.microsoft.com/2006/11/x": "let go",
    }
    made = on(USERS, ADA, {"op": "Add", "value": without_path})
    assert made["name"]["givenName"] == "Augusta"
    assert made["emails"][1] == {"type": "other", "value": "other@example.com"}
    assert made[ENTERPRISE] == {"department": "Poetry", "costCenter": "7"}
    wrapped = on(USERS, ADA, {"op": "Replace", "path": "title", "value": [{"$ref": None, "value": "Countess"}]})
    assert wrapped["title"] == "Countess"


def test_entra_id_adds_and_removes_members_with_and_without_a_filter() -> None:
    added = on(GROUPS, TEAM, {"op": "Add", "path": "members", "value": [{"$ref": None, "value": "usr_3"}]})
    assert [each["value"] for each in added["members"]] == ["usr_1", "usr_2", "usr_3"]
    again = on(GROUPS, added, {"op": "Add", "path": "members", "value": [{"value": "usr_3"}]})
    assert again == added
    removed = on(GROUPS, TEAM, {"op": "Remove", "path": "members", "value": [{"$ref": None, "value": "usr_1"}]})
    assert removed["members"] == [{"value": "usr_2"}]
    filtered = on(GROUPS, TEAM, {"op": "Remove", "path": 'members[value eq "usr_1"]'})
    assert filtered == removed
    assert on(GROUPS, TEAM, {"op": "Remove", "path": 'members[value eq "usr_9"]'}) == TEAM
    assert "members" not in on(GROUPS, TEAM, {"op": "remove", "path": "members"})


def test_okta_replaces_without_a_path() -> None:
    assert on(USERS, ADA, {"op": "replace", "value": {"active": False}})["active"] is False
    named = on(GROUPS, TEAM, {"op": "replace", "value": {"id": "grp_1", "displayName": "New name"}})
    assert named == {**TEAM, "displayName": "New name"}
    whole = [{"value": "usr_2", "display": "grace@example.com"}, {"value": "usr_4"}]
    assert [
        each["value"] for each in on(GROUPS, TEAM, {"op": "replace", "path": "members", "value": whole})["members"]
    ] == ["usr_2", "usr_4"]


def test_a_new_primary_address_takes_that_from_the_old_one() -> None:
    new = [{"value": "b@example.com", "type": "home", "primary": True}]
    made = on(USERS, ADA, {"op": "add", "path": "emails", "value": new})
    assert [each.get("primary") for each in made["emails"]] == [False, True]
    gone = on(USERS, made, {"op": "remove", "path": 'emails[type eq "work"].value'})
    assert [each["value"] for each in gone["emails"]] == ["b@example.com"]
    assert "emails" not in on(USERS, ADA, {"op": "remove", "path": "emails"})
    assert ENTERPRISE not in on(USERS, ADA, {"op": "remove", "path": f"{ENTERPRISE}:department"})
    assert ENTERPRISE not in on(USERS, ADA, {"op": "remove", "path": ENTERPRISE})


@pytest.mark.parametrize(
    ("operation", "code"),
    [
        ({"op": "move", "path": "title"}, "invalidSyntax"),
        ({"path": "title", "value": "x"}, "invalidSyntax"),
        ({"op": "remove"}, "noTarget"),
        ({"op": "replace", "path": "emails[type eq", "value": "x"}, "invalidPath"),
        ({"op": "replace", "path": 'emails[value co "zzz"].type', "value": "x"}, "noTarget"),
        ({"op": "replace", "path": "id", "value": "usr_2"}, "mutability"),
        ({"op": "add", "path": "groups", "value": [{"value": "grp_1"}]}, "mutability"),
        ({"op": "replace", "path": "active", "value": "perhaps"}, "invalidValue"),
        ({"op": "replace", "path": "title", "value": {"a": 1}}, "invalidValue"),
        ({"op": "replace", "path": "title", "value": ["a", "b"]}, "invalidValue"),
        ({"op": "add", "value": "x"}, "invalidValue"),
        ({"op": "add", "path": 5, "value": "x"}, "invalidPath"),
        ({"op": "replace", "path": "title", "value": "x" * 2_000}, "invalidValue"),
    ],
)
def test_what_cannot_be_done_is_refused_and_nothing_is_changed(operation: dict[str, Any], code: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        on(USERS, ADA, {"op": "replace", "path": "title", "value": "first"}, operation)
    assert refused.value.code == code


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=8)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(("value", "type", "primary", "userName", "emails", "x")), inner, max_size=3),
    ),
    max_leaves=8,
)
PATHS = st.one_of(
    st.none(),
    st.sampled_from(
        (
            "userName", "name", "name.givenName", "emails", "emails.value", 'emails[type eq "work"]', "active",
            'emails[type eq "work"].value', 'emails[type eq "x" and primary eq true]', ENTERPRISE, "nothing",
            f"{ENTERPRISE}:manager", f"{ENTERPRISE}:manager.value", "externalId",
        )
    ),
    st.text(max_size=20),
)  # fmt: skip


def made_or_refused(make: Callable[[], dict[str, Any]]) -> tuple[dict[str, Any], str]:
    """What was made, or nothing and the code of the refusal; anything else goes through."""
    try:
        return make(), ""
    except InvalidRequest as error:
        return {}, error.code


@given(st.lists(st.tuples(st.sampled_from(("add", "Replace", "remove")), PATHS, JSON), max_size=4))
def test_whatever_is_sent_makes_a_resource_of_ours_or_is_refused(operations: list[tuple[str, Any, Any]]) -> None:
    sent = [{"op": op, "path": path, "value": value} for op, path, value in operations]
    made, code = made_or_refused(lambda: patched(USERS, ADA, {"Operations": sent}))
    assert code in ("", "invalidSyntax", "invalidPath", "noTarget", "invalidValue", "mutability", "tooMany")
    assert cleaned(USERS, made) == made


@given(JSON)
def test_a_resource_that_was_read_reads_as_itself(body: Any) -> None:
    kept, code = made_or_refused(lambda: cleaned(USERS, body))
    assert code in ("", "invalidSyntax", "invalidValue", "tooMany")
    assert cleaned(USERS, kept) == kept


def test_operations_that_cost_too_much_together_are_refused_before_the_first() -> None:
    group = {"displayName": "Writers", "members": [{"value": f"usr_{at:032d}"} for at in range(2_000)]}
    named = [{"op": "remove", "path": f'members[value eq "usr_{at:032d}"]'} for at in range(10)]
    assert len(patched(GROUPS, group, {"Operations": named})["members"]) == 1_990
    costly = {"op": "remove", "path": "members[" + " or ".join(['value co "x"'] * 200) + "]"}
    with pytest.raises(InvalidRequest, match="too much") as refused:
        patched(GROUPS, group, {"Operations": [costly, costly]})
    assert refused.value.code == "tooMany"

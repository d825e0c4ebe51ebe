"""The table of what roles may do."""

from typing import get_args

import pytest

from trimtab.core.errors import Forbidden
from trimtab.governance import permissions
from trimtab.governance.access import Principal, Project, Role
from trimtab.governance.permissions import GRANTS, INSTANCE_ONLY, PERMISSIONS, Permission, holds

PROJECT = Project(id="prj_1", slug="one")


def test_the_set_of_permissions_is_the_type() -> None:
    assert set(get_args(Permission)) == PERMISSIONS
    assert set(get_args(Role)) == GRANTS.keys()


def test_the_admin_key_may_do_everything() -> None:
    assert all(holds(Principal(key_id="k", role="admin"), p) for p in PERMISSIONS)


def test_a_read_only_key_holds_no_permission_that_changes_or_calls() -> None:
    for project in (None, PROJECT):
        held = {p for p in PERMISSIONS if holds(Principal(key_id="k", role="read_only", project=project), p)}
        assert all(p == "self" or p.endswith(":read") for p in held)
        assert "trace:read" in held


def test_a_key_of_one_project_never_reaches_the_instance() -> None:
    for role in get_args(Role):
        assert not any(holds(Principal(key_id="k", role=role, project=PROJECT), p) for p in INSTANCE_ONLY)


def test_a_client_key_reads_no_content_and_no_keys() -> None:
    client = Principal(key_id="k", role="client", project=PROJECT)
    assert not any(holds(client, p) for p in ("trace:read", "key:read", "provider:read", "project:read"))


def test_a_refusal_names_the_permission() -> None:
    with pytest.raises(Forbidden, match="key:write"):
        permissions.require(Principal(key_id="k", role="read_only"), "key:write")

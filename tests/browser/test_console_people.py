"""Who is a member of a project, and as what."""

import pytest
from browsing import Visitor
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


def test_a_member_is_added_given_another_role_and_removed(visitor: Visitor) -> None:
    page = visitor.go("/p/default/people")
    expect(page.get_by_text("Nobody is a member of this project")).to_be_visible()
    page.get_by_role("button", name="Add a member").click()
    page.get_by_label("E-mail").fill("ada@example.com")
    page.get_by_role("button", name="Add", exact=True).click()
    row = page.get_by_role("table", name="Members").get_by_role("row").filter(has_text="ada@example.com")
    expect(row.get_by_text("invited")).to_be_visible()
    row.get_by_label("Role of ada").click()
    page.get_by_role("option", name="operator").click()
    expect(row.get_by_label("Role of ada")).to_have_value("operator")
    row.get_by_role("button", name="Remove ada").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(page.get_by_text("Nobody is a member of this project")).to_be_visible()

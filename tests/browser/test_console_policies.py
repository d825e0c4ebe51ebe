"""Policies: written and checked while one types, tried on recorded calls, switched on and off."""

import re

import pytest
from browsing import Visitor
from playwright.sync_api import expect

pytestmark = pytest.mark.browser
TEXT = """@id("stays") @reason("Personal data stays here.")
forbid(principal, action == Action::"call_model", resource)
when { context.data_class == "personal" };"""


def test_policies_are_checked_while_typed_tried_on_last_weeks_calls_and_switched(visitor: Visitor) -> None:
    page = visitor.go("/p/empty/policies")
    expect(page.get_by_role("heading", name="Permissions alone decide")).to_be_visible()
    page.get_by_role("button", name="Write policies").click()
    editor = page.get_by_role("region", name="Write policies")
    editor.get_by_role("textbox", name="Name").fill("data")
    text = editor.get_by_role("textbox", name="Policies in Cedar")
    text.fill(TEXT.replace("data_class", "data_clas"))
    expect(editor).to_contain_text("Line 3")
    expect(editor).to_contain_text("Did you mean 'data_class'?")
    text.fill(TEXT)
    expect(editor).to_contain_text("1 of 1 tests hold.")
    editor.get_by_role("button", name="What would it have done last week?").click()
    expect(editor.get_by_role("region", name="What it would have done")).to_contain_text("would have been refused")
    editor.get_by_role("button", name="Save and switch on").click()
    sets = page.get_by_role("list", name="Sets of policies")
    expect(sets).to_contain_text("version 1 in force")
    expect(sets).to_contain_text("Personal data stays here.")
    sets.get_by_role("button", name="data").click()
    edited = page.get_by_role("region", name="Edit data")
    edited.get_by_role("button", name="Switch off").click()
    expect(sets.get_by_role("listitem").first).to_contain_text(re.compile("data.*off"))

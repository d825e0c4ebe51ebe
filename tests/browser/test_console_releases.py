"""Apps, releases, rollouts, environments and the audit trail: what is live where, what changed, what it does to users,
and the ways to decide about it."""

import re
from collections.abc import Iterator

import pytest
from browsing import AXE, House, Visitor
from desk import PROJECT, USERS, Desk, open_desk
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def desk(at: House) -> Iterator[Desk]:
    opened = open_desk(at)
    yield opened
    opened.close()


GROUPS = {
    "what runs": {
        "apps": "apps",
        "app": "apps/support",
        "rollout": "rollouts/{rollout}",
        "rollouts": "rollouts",
        "audit": "audit",
    },
    "what will run": {
        "app-draft": "apps/support?view=draft",
        "release": "apps/support/releases/r3",
        "promote": "apps/support?promote=4&to=staging",
        "environment-edit": "environments?edit=production",
    },
}


@pytest.mark.parametrize("group", GROUPS)
def test_no_page_shuts_anybody_out_or_scrolls_sideways(desk: Desk, visitor: Visitor, group: str) -> None:
    visitor.page.add_init_script(path=AXE)
    wrong: list[str] = []
    for name, place in GROUPS[group].items():
        visitor.go(f"/p/{PROJECT}/{place.format(rollout=desk.rollout)}")
        wrong += visitor.looked_at(name)
    assert not wrong, "\n".join(wrong)


def test_the_list_says_what_is_live_where_and_how_it_did(desk: Desk, visitor: Visitor) -> None:
    page = visitor.go(f"/p/{PROJECT}/apps")
    runs = page.get_by_role("list", name="Where support runs").get_by_role("listitem")
    expect(runs).to_have_text(["developmentnothing", "stagingr1", "productionr2→ r3 50 %"])
    day = page.get_by_label("The last day")
    expect(day).to_contain_text(str(2 * USERS))
    expect(day).to_contain_text("$0.00")
    day.get_by_role("link", name=str(2 * USERS)).click()
    expect(page).to_have_url(re.compile(r"/traces\?q=app:support"))


def test_a_release_does_not_answer_for_what_was_tried_beside_it(desk: Desk, visitor: Visitor) -> None:
    """In staging every call of r4 failed, and it went back: the card that names r1 has r1's figures."""
    page = visitor.go(f"/p/{PROJECT}/apps/support")
    day = page.locator("[data-environment=staging]").get_by_label("The last day")
    expect(day).to_contain_text("0 %")
    day.get_by_role("link").first.click()
    expect(page).to_have_url(re.compile(r"environment:staging"))
    expect(page).to_have_url(re.compile(r"release:r1"))


def test_the_timeline_says_what_each_release_changed_in_words(desk: Desk, visitor: Visitor) -> None:
    page = visitor.go(f"/p/{PROJECT}/apps/support")
    events = page.get_by_role("list", name="Releases").locator("> li")
    expect(events.locator("a").first).to_have_text("r4")
    third = page.locator("[data-release=r3]")
    expect(third).to_contain_text("grace")
    expect(third).to_contain_text("The prompt support went from version 1 to 2")
    expect(third).to_contain_text("Answered by dear instead of fast")
    expect(third).to_contain_text("The rule refund_limit was raised from 50 to 80")
    expect(third).to_contain_text("production, 50 %")
    expect(page.locator("[data-release=r2]")).to_contain_text("production")


def test_who_acted_is_looked_for_by_the_server_and_stays_in_the_address(desk: Desk, visitor: Visitor) -> None:
    page = visitor.go(f"/p/{PROJECT}/audit")
    by = page.get_by_role("combobox", name="By")
    with page.expect_response(lambda answer: "/keys?q=grac" in answer.url):
        by.fill("grac")
    page.get_by_role("option", name="grace").click()
    expect(page).to_have_url(re.compile(r"actor=key_"))
    trail = page.get_by_role("list", name="Audit trail")
    expect(trail).not_to_contain_text("admin")
    expect(trail).to_contain_text("grace")
    page.reload()
    expect(by).to_have_value("grace")


def test_what_went_back_says_since_when_by_whom_and_leads_to_what_shows_it(desk: Desk, visitor: Visitor) -> None:
    page = visitor.go(f"/p/{PROJECT}/apps/support")
    page.locator("[data-environment=staging]").get_by_role("link", name=re.compile("rolled back r4")).click()
    expect(page).to_have_url(re.compile(rf"/rollouts/{desk.back}$"))
    state = page.get_by_test_id("rollout")
    expect(state).to_contain_text("rolled back")
    expect(state.get_by_test_id("ended")).to_have_text(re.compile(r"Rolled back .* by the rollout controller, after"))
    expect(state).to_contain_text("All calls went back to r1 at once")
    expect(state.get_by_role("list", name="Steps")).to_contain_text("50 %, rolled back here")
    expect(state.get_by_role("link", name="What r4 changed")).to_have_attribute("href", re.compile("against=r1"))
    state.get_by_role("link", name="The failed calls of r4").click()
    expect(page).to_have_url(re.compile("status.*error"))
    expect(page.locator("[data-trace]").first).to_be_visible()


def test_a_release_shows_its_content_the_difference_and_its_evidence(desk: Desk, visitor: Visitor) -> None:
    page = visitor.go(f"/p/{PROJECT}/apps/support/releases/r3")
    expect(page.get_by_test_id("content")).to_contain_text("gpt-4o at lab")
    diff = page.get_by_test_id("diff")
    expect(diff).to_contain_text("Say when the money arrives.")
    expect(page.get_by_role("region", name="Gate")).to_contain_text("not worse")
    page.get_by_role("combobox", name="Compare with").click()
    page.get_by_role("option", name=re.compile("r1")).click()
    expect(page).to_have_url(re.compile("against=r1"))
    expect(diff).to_contain_text("Temperature left to the provider (it was 0.2)")
    page.get_by_role("link", name="Calls").click()
    expect(page).to_have_url(re.compile("app:support.*release:r3"))


def test_an_approval_is_given_and_taken_back_and_nobody_approves_their_own(desk: Desk, visitor: Visitor) -> None:
    page = visitor.go(f"/p/{PROJECT}/apps/support/releases/r3")
    given = page.get_by_role("region", name="Approvals")
    expect(given).to_contain_text("Read ten answers")
    given.get_by_role("button", name="Withdraw").click()
    page.get_by_role("dialog").get_by_role("button", name="Withdraw").click()
    expect(given).to_contain_text("grace made it, so somebody else must.")
    _approve(page, "Read ten more")
    expect(given).to_contain_text("Read ten more")
    page.goto(f"{desk.at.url}/p/{PROJECT}/apps/support/releases/r4")
    _approve(page, "Mine")
    expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("You made it: whoever had a hand in r4")


def _approve(page: Page, note: str) -> None:
    page.get_by_role("button", name="Approve…").click()
    form = page.get_by_role("dialog")
    form.get_by_role("textbox", name="Note").fill(note)
    form.get_by_role("button", name="Approve").click()


def test_a_rollout_compares_both_arms_in_words_and_intervals(desk: Desk, visitor: Visitor) -> None:
    page = visitor.go(f"/p/{PROJECT}/rollouts/{desk.rollout}")
    cost = page.locator("[data-metric=cost]")
    expect(cost.locator("[data-outcome=worse]")).to_have_text("worse")
    drawn = cost.get_by_role("img")
    expect(drawn).to_have_count(3)
    expect(drawn.first).to_have_attribute("aria-label", re.compile(r"r2: \$0\.0000\d+, .* to .*, n \d+"))
    expect(drawn.last).to_have_attribute("aria-label", re.compile(r"Difference: \+\d+ %, \+\d+ % to \+\d+ %"))
    expect(page.locator("[data-metric=errors]")).to_contain_text("not enough data")
    expect(page.get_by_test_id("now")).to_contain_text(re.compile(r"Not yet: \d+ of 100,000 calls"))


def test_a_rollout_that_went_back_says_by_what_it_was_decided(desk: Desk, visitor: Visitor) -> None:
    page = visitor.go(f"/p/{PROJECT}/rollouts/{desk.back}")
    state = page.get_by_test_id("rollout")
    expect(state).to_contain_text("rolled back")
    expect(state).to_contain_text("errors worse -> rollback")
    expect(page.locator("[data-metric=errors] [data-outcome=worse]")).to_be_visible()
    trail = page.get_by_role("list", name="Audit trail")
    expect(trail.locator("[data-action='rollout.rolled_back']")).to_contain_text("rollout controller")


def test_a_rollout_is_held_and_goes_on_with_a_reason(desk: Desk, visitor: Visitor) -> None:
    page = visitor.go(f"/p/{PROJECT}/rollouts/{desk.rollout}")
    state = page.get_by_test_id("rollout")
    for button, reason, then in (("Hold", "Lunch", "held"), ("Resume", "Back again", "running")):
        state.get_by_role("button", name=button).click()
        form = page.get_by_role("dialog")
        expect(form.get_by_role("button", name=button)).to_be_disabled()
        form.get_by_role("textbox", name="Reason").fill(reason)
        form.get_by_role("button", name=button).click()
        expect(state).to_contain_text(then)
        expect(state).to_contain_text(reason)


def test_to_promote_says_what_lacks_and_an_emergency_needs_its_reason(desk: Desk, visitor: Visitor) -> None:
    desk.tell("/environments/staging", {"protection": {"approvals": 1, "note": True}}, "PUT")
    page = visitor.go(f"/p/{PROJECT}/apps/support?promote=2&to=staging")
    form = page.get_by_role("dialog")
    demands = form.get_by_role("list", name="What is demanded").get_by_role("listitem")
    expect(demands).to_have_count(2)
    expect(demands.first).to_contain_text("Lacking: 0 of 1 approvals are given.")
    form.get_by_role("textbox", name="Note").fill("The old one confuses people")
    expect(demands.last).to_contain_text("There: A note says why.")
    form.get_by_role("combobox", name="How").click()
    page.get_by_role("option", name="At once").click()
    promote = form.get_by_role("button", name="Promote to staging")
    expect(promote).to_be_disabled()
    form.get_by_role("switch", name=re.compile("This is an emergency")).check()
    form.get_by_role("textbox", name="Why").fill("Wrong prices are shown")
    promote.click()
    expect(page.get_by_role("article", name="staging").get_by_role("link", name="r2")).to_be_visible()
    page.goto(f"{desk.at.url}/p/{PROJECT}/audit?action=rollout.*&subject=rollout:support@staging:*")
    newest = page.get_by_role("list", name="Audit trail").locator("> li").nth(1)
    expect(newest).to_contain_text("without what is demanded: Wrong prices are shown")


def test_a_canary_begins_with_its_steps_and_is_rolled_back_by_hand(desk: Desk, visitor: Visitor) -> None:
    desk.begin("development", "r1", "To begin with", kind="direct")
    page = visitor.go(f"/p/{PROJECT}/apps/support?promote=2&to=development")
    form = page.get_by_role("dialog")
    form.get_by_role("textbox", name="Note").fill("Try it")
    form.get_by_role("textbox", name="Share of step 1, in percent").fill("60")
    form.get_by_role("button", name="Begin in development").click()
    expect(form.get_by_role("alert")).to_contain_text("The shares grow")
    form.get_by_role("textbox", name="Share of step 1, in percent").fill("10")
    form.get_by_role("button", name="Begin in development").click()
    expect(page).to_have_url(re.compile("/rollouts/ro_"))
    steps = page.get_by_role("list", name="Steps").get_by_role("listitem")
    expect(steps).to_have_count(4)
    expect(page.locator("[aria-current=step]")).to_contain_text("10 %")
    page.get_by_test_id("rollout").get_by_role("button", name="Roll back to r1").click()
    page.get_by_role("dialog").get_by_role("textbox", name="Reason").fill("Enough seen")
    page.get_by_role("dialog").get_by_role("button", name="Roll back to r1").click()
    expect(page.get_by_test_id("rollout")).to_contain_text("rolled back")


def test_going_back_says_to_which_release_before_it_is_done(desk: Desk, visitor: Visitor) -> None:
    page = visitor.go(f"/p/{PROJECT}/apps/support?back=production")
    form = page.get_by_role("dialog")
    expect(form).to_contain_text("The rollout to r3 ends and all calls go to r2")
    expect(form).to_contain_text("Empty: r2.")


def test_a_draft_is_edited_compared_and_released(desk: Desk, visitor: Visitor) -> None:
    page = visitor.go(f"/p/{PROJECT}/apps/support?view=draft")
    form = page.get_by_role("form", name="Draft")
    form.get_by_role("textbox", name="Tools").fill("{")
    page.get_by_role("button", name="Save the draft").click()
    expect(form).to_contain_text("JSON")
    form.get_by_role("textbox", name="Tools").fill("")
    form.get_by_role("button", name="temperature").click()
    form.get_by_role("textbox", name="Parameters, value of temperature").fill("0.9")
    page.get_by_role("button", name="Save and create a release…").click()
    dialog = page.get_by_role("dialog", name="Create support r5")
    expect(dialog.get_by_test_id("diff")).to_contain_text("Temperature set to 0.9")
    dialog.get_by_role("textbox", name="Message").fill("Livelier")
    dialog.get_by_role("button", name="Create r5").click()
    expect(page).to_have_url(re.compile("/releases/r5"))
    expect(page.get_by_test_id("content")).to_contain_text("temperature0.9")


def test_an_edit_that_came_meanwhile_is_told_and_not_lost(desk: Desk, visitor: Visitor) -> None:
    page = visitor.go(f"/p/{PROJECT}/apps/support?view=draft")
    about = page.get_by_role("textbox", name="What it is for")
    about.fill("Mine")
    draft = desk.api.get("/apps/support").json()["spec"]
    desk.tell("/apps/support", {"spec": {**draft, "description": "Theirs"}}, "PUT")
    page.get_by_role("button", name="Save the draft").click()
    expect(page.get_by_role("alert")).to_contain_text("The draft of 'support' is at revision")
    expect(about).to_have_value("Mine")
    page.get_by_role("button", name="Drop mine and load what is there").click()
    expect(about).to_have_value("Theirs")


def test_an_environment_gets_its_protection_and_a_freeze(desk: Desk, visitor: Visitor) -> None:
    page = visitor.go(f"/p/{PROJECT}/environments?new=1")
    form = page.get_by_role("dialog")
    form.get_by_role("textbox", name="Name").fill("canary")
    form.get_by_role("textbox", name="Approvals").fill("2")
    form.get_by_role("button", name="Add a freeze window").click()
    form.get_by_role("button", name="Add", exact=True).click()
    expect(form.get_by_role("alert")).to_contain_text("Say what it is for")
    form.get_by_role("textbox", name="What for").fill("weekends")
    form.get_by_role("button", name="Add", exact=True).click()
    card = page.locator("[data-environment=canary]")
    expect(card).to_contain_text("A release needs 2 approvals.")
    expect(card).to_contain_text("weekends: every Saturday, Sunday, all day")


def test_an_environment_that_somebody_changed_meanwhile_is_not_written_over(desk: Desk, visitor: Visitor) -> None:
    body = {"position": 90, "default": False, "protection": {"approvals": 1}}
    desk.tell("/environments/shared", {**body, "expected_revision": 0}, "PUT")
    visitor.page.clock.install()
    page = visitor.go(f"/p/{PROJECT}/environments")
    card = page.locator("[data-environment=shared]")
    card.get_by_role("button", name="Edit").click()
    form = page.get_by_role("dialog")
    form.get_by_role("textbox", name="Approvals").fill("0")
    desk.tell("/environments/shared", {**body, "protection": {"approvals": 3}, "expected_revision": 1}, "PUT")
    page.clock.fast_forward(16_000)
    expect(card).to_contain_text("A release needs 3 approvals.")
    form.get_by_role("button", name="Save").click()
    expect(form.get_by_role("alert")).to_contain_text("is at revision 2")
    expect(form.get_by_role("textbox", name="Approvals")).to_have_value("0")
    found = desk.api.get("/environments").json()["items"]
    assert next(each for each in found if each["name"] == "shared")["protection"]["approvals"] == 3


def test_a_call_leads_to_its_app_and_release(desk: Desk, visitor: Visitor) -> None:
    rows = desk.at.server.traces(PROJECT, "app:support release:r3")
    page = visitor.go(f"/p/{PROJECT}/traces/{rows[0]['trace_id']}?view=decision")
    notes = page.get_by_test_id("call-notes")
    expect(notes).to_contain_text("Answered by support r3 in production")
    expect(notes).to_contain_text(re.compile(r"Assigned: .*below 0\.5"))
    expect(notes.get_by_role("link", name="support@2")).to_be_visible()
    page.get_by_role("tab", name="Details").click()
    page.get_by_role("link", name="r3", exact=True).click()
    expect(page.get_by_role("heading", name="support r3")).to_be_visible()


def test_the_first_app_is_made_from_what_the_empty_page_teaches(desk: Desk, visitor: Visitor) -> None:
    desk.at.project("fresh")
    visitor.page.add_init_script(path=AXE)
    page = visitor.go("/p/fresh/apps")
    wrong = visitor.looked_at("empty-apps")
    assert not wrong, "\n".join(wrong)
    expect(page.get_by_text("trimtab release create support")).to_be_visible()
    page.get_by_role("button", name="Make an app here").click()
    form = page.get_by_role("dialog")
    form.get_by_role("textbox", name="Name").fill("helper")
    form.get_by_label("Answers with").fill("fast")
    form.get_by_role("button", name="Make it").click()
    expect(page).to_have_url(re.compile("/apps/helper"))
    expect(page.get_by_text("No release can be made of it as it is")).to_be_visible()


def test_the_palette_goes_to_an_app(desk: Desk, visitor: Visitor) -> None:
    page = visitor.go(f"/p/{PROJECT}/environments")
    page.get_by_role("heading", name="Environments").wait_for()
    page.keyboard.press("Control+k")
    page.get_by_role("combobox", name="Go to anything").fill("support")
    page.get_by_role("option", name=re.compile("support r4|support r5")).click()
    expect(page).to_have_url(re.compile("/apps/support$"))

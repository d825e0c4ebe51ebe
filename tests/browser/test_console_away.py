"""The server is away for a while, or takes its time: what a page says meanwhile, and that it goes on by itself."""

import pytest
from browsing import Visitor
from playwright.sync_api import Route, expect

pytestmark = pytest.mark.browser
AWAY = "The Trimtab server does not answer."
HERE = "() => window.here === true"


class Line:
    """What leads to the server from a page: it may be cut, or hold what is asked until it is let go."""

    def __init__(self, visitor: Visitor, path: str = "/api/v1/**") -> None:
        self.is_cut = False
        self.holds = False
        self._held: list[Route] = []
        visitor.page.route(f"{visitor.url}{path}", self._pass)

    def _pass(self, route: Route) -> None:
        if self.is_cut:
            route.abort("connectionrefused")
        elif self.holds:
            self._held.append(route)
        else:
            route.continue_()

    def let_go(self) -> None:
        self.holds = False
        for route in self._held:
            route.continue_()
        self._held.clear()


def excused(visitor: Visitor) -> None:
    """The browser tells of a failure that a test made, too: that is no complaint."""
    visitor.complaints[:] = [each for each in visitor.complaints if AWAY not in each]


def test_pages_that_failed_while_the_server_was_away_come_by_themselves(visitor: Visitor) -> None:
    page = visitor.go("/p/default/keys")
    visitor.at_rest()
    line = Line(visitor)
    main = page.get_by_role("main")
    for name, heading in (("Dashboards", "Overview"), ("Knowledge", "Knowledge"), ("Quality", "Quality")):
        line.is_cut = True
        page.get_by_role("link", name=name, exact=True).click()
        expect(main.get_by_role("alert").first).to_contain_text(AWAY)
        expect(page.get_by_test_id("server-status")).to_contain_text("Server away")
        line.is_cut = False
        expect(main.get_by_role("alert")).to_have_count(0)
        expect(main.get_by_role("heading", name=heading, level=1)).to_be_visible()
        visitor.at_rest()


def test_what_is_typed_stays_where_a_link_is_passed_while_the_server_is_away(visitor: Visitor) -> None:
    """What a link leads to is loaded before it is followed. That it does not come costs neither the page nor the way:
    the page that was asked for comes when the server does."""
    page = visitor.go("/p/default/limits")
    visitor.at_rest()
    page.evaluate("window.here = true")
    line = Line(visitor, "/**")
    line.is_cut = True
    link = page.get_by_role("link", name="Red team", exact=True)
    with page.expect_event("requestfailed", lambda request: "/assets/" in request.url):
        link.hover()
    with page.expect_event("requestfailed", lambda request: request.url.endswith("/api/v1/status")):
        pass
    expect(page.get_by_test_id("server-status")).to_contain_text("Server away")
    page.get_by_role("button", name="Add a limit").click()
    form = page.get_by_role("dialog", name="Add a limit")
    form.get_by_role("textbox", name="Name").fill("by-hand")
    form.get_by_role("textbox", name="How much").fill("7")
    form.get_by_role("button", name="Add", exact=True).click()
    expect(form.get_by_role("alert")).to_contain_text("what you typed is still here")
    expect(form.get_by_role("textbox", name="Name")).to_have_value("by-hand")
    assert page.evaluate(HERE), "the page was loaded anew under the form"

    page.keyboard.press("Escape")
    page.get_by_role("dialog", name="Leave without saving?").get_by_role("button", name="Leave").click()
    link.click()
    expect(page.get_by_role("main").get_by_role("alert").first).to_contain_text(AWAY)
    line.is_cut = False
    expect(page.get_by_role("heading", name="Red team", level=1)).to_be_visible()
    excused(visitor)


def test_a_first_page_says_that_it_waits_and_goes_on_by_itself(visitor: Visitor) -> None:
    line = Line(visitor)
    line.holds = True
    page = visitor.go("/p/default/keys")
    expect(page.get_by_role("status").filter(has_text="Asking the server")).to_be_visible()
    line.let_go()
    expect(page.get_by_role("heading", name="Keys", level=1)).to_be_visible()

    line.is_cut = True
    page.reload()
    expect(page.get_by_role("alert")).to_contain_text(AWAY)
    line.is_cut = False
    expect(page.get_by_role("heading", name="Keys", level=1)).to_be_visible()
    excused(visitor)

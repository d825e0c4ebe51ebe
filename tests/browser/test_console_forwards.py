"""Where closed traces go and how that fares, in the settings of a project."""

import json
from typing import Any

import pytest
from browsing import Visitor
from playwright.sync_api import Request, Route, expect

pytestmark = pytest.mark.browser
NOW = 1_790_000_000_000


def destination(name: str, **more: Any) -> dict[str, Any]:
    return {
        "name": name, "kind": "webhook", "url": "https://x.example/", "content": "off", "filter": "", "sample": 1.0,
        "quiet_s": 10.0, "root_wait_s": 120.0, "enabled": True, "headers": {}, "secret_hint": "", "options": {},
        "source": "catalog", "standing": "well", "problem": "", "delivered": 0, "failed": 0, "passed_over": 0,
        "retrying": 0, "failed_now": 0, "lag": 0, "tries": 0, "next_try": None, "last_delivered": None, **more,
    }  # fmt: skip


def test_destinations_are_shown_and_what_failed_is_tried_again(visitor: Visitor) -> None:
    """Answered here: a destination of the house would have to fail first."""
    asked: list[Any] = []
    pager = destination(
        "pager", standing="failing", problem="It answered 503.", failed_now=3, failed=3, lag=61_000, tries=4
    )
    lake = destination("lake", kind="kafka", delivered=1_234_567, last_delivered=NOW)
    visitor.answers("/projects/default/forwards", {"items": [lake, pager], "cursor": None})

    def replay(route: Route, request: Request) -> None:
        asked.append(request.post_data_json)
        route.fulfill(status=201, content_type="application/json", body=json.dumps({"events": 3}))

    visitor.page.route("**/projects/default/forwards/pager/replay", replay)
    page = visitor.go("/p/default/settings")
    panel = page.get_by_role("region", name="Forwarding")
    expect(panel.get_by_role("row").nth(1)).to_contain_text("1,234,567")
    expect(panel.get_by_role("row").nth(2)).to_contain_text("It answered 503.")
    expect(panel.get_by_role("row").nth(2)).to_contain_text("61 s")
    panel.get_by_role("button", name="Try what failed at pager again").click()
    expect(panel.get_by_role("button", name="Try what failed at pager again")).to_be_enabled()
    assert asked == [{}]


def test_a_project_that_forwards_nowhere_is_told_how(visitor: Visitor) -> None:
    page = visitor.go("/p/default/settings")
    expect(page.get_by_role("region", name="Forwarding")).to_contain_text("trimtab forwards add")

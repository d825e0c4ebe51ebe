"""Every page, light and dark, is put before axe (WCAG 2.2 A and AA, contrast included): nothing to complain about."""

from pathlib import Path
from typing import Any

import pytest
from browsing import DESKTOP, PAGES, House, Visitor, visiting
from playwright.sync_api import Browser, expect

pytestmark = pytest.mark.browser
AXE = Path(__file__).parents[2] / "console" / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def complaints(visitor: Visitor) -> list[str]:
    """What axe finds: the rule, and the first places."""
    options: dict[str, Any] = {"runOnly": {"type": "tag", "values": RULES}}
    found = visitor.page.evaluate("options => axe.run(document, options)", options)
    return [
        f"{one['id']} ({one['impact']}): {[node['html'][:160] for node in one['nodes'][:3]]}"
        for one in found["violations"]
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_shuts_anybody_out(browser: Browser, at: House, scheme: str) -> None:
    one = f"/p/default/traces/{at.traces['fallback']}"
    places = {
        **PAGES,
        "peek": f"{PAGES['traces']}&peek={at.traces['tool']}",
        "search": f"{PAGES['traces']}&q=status:error+-user:nobody",
        "conversation": f"/p/default/traces/{at.traces['tool']}",
        "timeline": f"{one}?nav=timeline",
        "cost": f"/p/default/traces/{at.traces['buckets']}?view=cost",
        "decision": f"{one}?view=decision",
        "details": f"{one}?view=details",
        "raw": f"{one}?view=raw",
        "model form": "/p/default/models?new=1",
        "provider form": "/p/default/providers?new=1",
        "card": "/p/default/models?card=careful",
        "policy": "/p/default/providers?policy=claude",
        "shortened": f"/p/default/traces/{at.traces['shortened']}?view=decision",
        "key form": "/p/default/keys?new=1",
        "empty": "/p/empty/traces",
        "login": "/login",
    }
    found: list[str] = []
    with visiting(browser, at.url, DESKTOP, scheme) as somebody:
        somebody.page.add_init_script(path=AXE)
        for name, place in places.items():
            page = somebody.go(place)
            page.get_by_role("heading").first.wait_for()
            expect(page.locator("[aria-busy=true], .mantine-Skeleton-root")).to_have_count(0)
            page.wait_for_timeout(250)
            found += [f"{name}: {told}" for told in complaints(somebody)]
    assert not found, "\n".join(found)

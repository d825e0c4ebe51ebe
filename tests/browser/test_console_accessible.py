"""Every page is looked at, light and dark, on a desktop and a phone: axe (WCAG 2.2 A and AA, contrast included) has
nothing to complain about, and none scrolls sideways. Each is loaded once, and then looked at in every way."""

import pytest
from browsing import AXE, PAGES, House, Visitor

pytestmark = pytest.mark.browser


def places(at: House) -> dict[str, dict[str, str]]:
    """Addresses by name, in groups that take about as long."""
    one = f"/p/default/traces/{at.traces['fallback']}"
    full = list(PAGES.items())
    empty = [(f"empty-{name}", place.replace("/default/", "/empty/")) for name, place in full]
    return {
        "full": dict(full[: len(full) // 2]),
        "full, the rest": dict(full[len(full) // 2 :]),
        "empty": dict(empty[: len(empty) // 2]),
        "empty, the rest": dict(empty[len(empty) // 2 :]),
        "traces": {
            "peek": f"{PAGES['traces']}&peek={at.traces['tool']}",
            "search": f"{PAGES['traces']}&q=status:error+-user:nobody",
            "trace-tool": f"/p/default/traces/{at.traces['tool']}",
            "trace-error": f"/p/default/traces/{at.traces['error']}",
            "trace-timeline": f"{one}?nav=timeline",
            "trace-cost": f"/p/default/traces/{at.traces['buckets']}?view=cost",
            "trace-decision": f"{one}?view=decision",
            "trace-details": f"{one}?view=details",
            "trace-raw": f"{one}?view=raw",
            "shortened": f"/p/default/traces/{at.traces['shortened']}?view=decision",
        },
        "forms": {
            "model-new": "/p/default/models?new=1",
            "provider-new": "/p/default/providers?new=1",
            "card": "/p/default/models?card=careful",
            "policy": "/p/default/providers?policy=claude",
            "key-new": "/p/default/keys?new=1",
            "erasure-new": "/p/default/erasures?new=1",
            "login": "/login",
        },
    }


GROUPS = ["full", "full, the rest", "empty", "empty, the rest", "traces", "forms"]


@pytest.mark.parametrize("group", GROUPS)
def test_no_page_shuts_anybody_out_or_scrolls_sideways(at: House, visitor: Visitor, group: str) -> None:
    visitor.page.add_init_script(path=AXE)
    wrong: list[str] = []
    for name, place in places(at)[group].items():
        visitor.go(place)
        wrong += visitor.looked_at(name)
    assert not wrong, "\n".join(wrong)


def test_a_page_that_shuts_somebody_out_is_told(visitor: Visitor) -> None:
    visitor.page.add_init_script(path=AXE)
    visitor.go("/login")
    visitor.at_rest()
    spoil = "document.body.innerHTML += `<img src='data:,'><p style='background:#fff;color:#eee'>pale</p><h2>so</h2>`"
    visitor.page.evaluate(spoil)
    wrong = visitor.looked_at("spoiled")
    assert any(told.startswith("spoiled, light: image-alt (critical): ['<img src=") for told in wrong), wrong
    for scheme in ("light", "dark"):
        assert any(told.startswith(f"spoiled, {scheme}: color-contrast (serious): ") for told in wrong), wrong


def test_every_group_is_looked_at(at: House) -> None:
    assert list(places(at)) == GROUPS

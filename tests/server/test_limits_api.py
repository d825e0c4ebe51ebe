"""Limits by API and config file: set, replaced, listed with how they stand, refused with a reason."""

from typing import Any

import pytest
from house import House, Run

from trimtab.ledger import limit_store
from trimtab.ledger.limit_store import Ask, Offer
from trimtab.ledger.limits import PICO, Rule, Scope, series_of
from trimtab.ledger.windows import slot_at
from trimtab.server.config.file import ConfigRefused, parse

AT = "/api/v1/projects/default/limits"
BUDGET = {"name": "monthly", "measure": "money", "bound": "50.25", "window": "month", "timezone": "Europe/Berlin"}


def test_a_limit_is_made_shown_replaced_and_removed(run: Run) -> None:
    async def story(house: House) -> None:
        made = await house.admin.post(AT, json=BUDGET)
        assert made.status_code == 201, made.text
        body = made.json()
        assert (body["bound"], body["catalog_down"], body["source"]) == ("50.25", "refuse", "catalog")
        (standing,) = body["standings"]
        assert (standing["used"], standing["remaining"], standing["exhausted"]) == ("0", "50.25", None)
        assert (await house.admin.post(AT, json=BUDGET)).status_code == 409
        rest = {key: value for key, value in BUDGET.items() if key != "name"}
        changed = await house.admin.put(f"{AT}/monthly", json={**rest, "bound": "60", "scope": {"key": ["mobile"]}})
        assert (changed.json()["bound"], changed.json()["scope"]["key"]) == ("60", ["mobile"])
        (rule,) = house.holder.current.limits[await project_of(house)].rules
        assert rule == Rule(
            name="monthly", measure="money", bound=60 * PICO, window="month", timezone="Europe/Berlin",
            scope=Scope(key=("mobile",)),
        )  # fmt: skip
        assert (await house.admin.delete(f"{AT}/monthly")).status_code == 204
        assert (await house.admin.get(AT)).json() == {"items": [], "cursor": None}
        assert (await house.admin.delete(f"{AT}/monthly")).status_code == 404

    run(story)


async def project_of(house: House) -> str:
    return (await house.admin.get("/api/v1/projects/default")).json()["id"]


def test_a_limit_shows_what_is_used_held_and_left_and_when_it_will_be_used_up(run: Run) -> None:
    async def story(house: House) -> None:
        body = {"name": "fair", "measure": "tokens", "bound": "1000", "window": "rolling_hour", "per": ["user"]}
        await house.admin.post(AT, json=body)
        project = await project_of(house)
        rule = Rule(name="fair", measure="tokens", bound=1000, window="rolling_hour", per=("user",))
        slot = slot_at("rolling_hour", "UTC", house.clock.now_ns())
        ask = Ask(need=300, want=300, piece=300, share=1)
        offer = Offer(
            hold=1, series=series_of(project, rule), bucket='["ann"]', start=slot.start // 10**6,
            since=slot.since // 10**6, counts_until=2**60, total=0, spent=0, bound=1000, ask=ask,
        )  # fmt: skip
        await house.db.write(lambda conn: limit_store.join(conn, "w", 0))
        await house.db.write(lambda conn: limit_store.trade(conn, "w", [offer], 0))
        told = Offer(
            hold=1, series=offer.series, bucket=offer.bucket, start=offer.start, since=offer.since,
            counts_until=2**60, total=300, spent=250, bound=1000,
        )  # fmt: skip
        await house.db.write(lambda conn: limit_store.trade(conn, "w", [told], 0))
        (item,) = (await house.admin.get(AT)).json()["items"]
        (standing,) = item["standings"]
        assert standing["values"] == {"user": "ann"}
        assert (standing["used"], standing["held"], standing["remaining"]) == ("250", "50", "750")
        assert 240 <= int(standing["burn_rate"]) <= 250
        assert standing["exhausted"] > house.deps.now() + 2 * 3_600_000

    run(story)


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"bound": "-1"}, "bound"),
        ({"bound": "much"}, "bound"),
        ({"window": "none"}, "window"),
        ({"timezone": "Mars/Base"}, "timezone"),
        ({"name": "No Good"}, "name"),
        ({"measure": "requests", "bound": "1.5"}, "bound"),
        ({"measure": "requests", "bound": "9" * 30}, "bound"),
        ({"unknown_price": "amount"}, "unknown_amount"),
    ],
)
def test_what_makes_no_sense_is_refused_by_its_name(run: Run, change: dict[str, Any], param: str) -> None:
    async def story(house: House) -> None:
        refused = await house.admin.post(AT, json={**BUDGET, **change})
        assert refused.status_code == 400, refused.text
        assert refused.json()["param"] == param
        assert refused.json()["fix"]

    run(story)


FILE = """
limits:
  monthly: {measure: money, bound: 50.25, window: month, timezone: Europe/Berlin}
  fair:
    measure: requests
    bound: 60
    window: rolling_minute
    per: [user]
    scope: {key: [mobile, web], provider: [openai]}
    headers: true
"""


def test_the_config_file_declares_limits_too() -> None:
    limits = parse(FILE, "t.yaml", {}).limits
    assert limits["monthly"].bound == 50 * PICO + PICO // 4
    assert limits["fair"].scope == Scope(key=("mobile", "web"), provider=("openai",))
    assert (limits["fair"].per, limits["fair"].headers) == (("user",), True)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("limits:\n  x: {measure: mony, bound: 1, window: day}", "yaml:2: There is no measure 'mony'. Did you"),
        ("limits:\n  x:\n    measure: money\n    bound: 1\n    window: dya", "yaml:5: There is no window 'dya'. Did"),
        ("limits:\n  x: {measure: tokens, bound: 1, window: day, per: [usr]}", "no dimension 'usr'. Did you mean"),
        ("limits:\n  x: {measure: tokens, bound: 1}", "needs a window"),
        ("limits:\n  x: {measure: money, window: day}", "lacks 'bound'"),
        ("limits:\n  X Y: {measure: money, bound: 1, window: day}", "cannot be a limit's name"),
    ],
)
def test_a_mistake_in_the_file_is_told_with_its_line_and_a_way_out(text: str, words: str) -> None:
    with pytest.raises(ConfigRefused) as refused:
        parse(text, "t.yaml", {})
    assert words in str(refused.value)

"""Providers as this worker sees them: breakers, load, latency, keys, and the policy in force with its source."""

import re
from typing import Any

import pytest
from browsing import AXE, House, Visitor
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


def target(model: str, **other: Any) -> dict[str, Any]:
    calm: dict[str, Any] = {
        "provider": "lab", "model": model, "in_flight": 0, "waiting": 0, "answered": 10, "failed": 0,
        "latency_ms": 41.5, "p95_ms": None, "breaker": "closed", "opens_again_s": 0.0, "openings": 0, "keys": [],
    }  # fmt: skip
    return {**calm, **other}


def test_each_target_is_shown_as_this_worker_sees_it(at: House, visitor: Visitor) -> None:
    told = {t["model"]: t for t in at.server.api("/projects/default/targets")["items"] if t["provider"] == "lab"}
    page = visitor.go("/p/default/providers")
    expect(page.get_by_text("this worker's view since it started")).to_be_visible()
    table = page.get_by_role("table", name="Targets of lab")
    expect(table.get_by_role("row")).to_have_count(1 + len(told))
    for model in ("gpt-4o-mini", "gpt-4o-mini?fault=500"):
        row = table.get_by_role("row").filter(has=page.get_by_text(model, exact=True))
        expect(row.get_by_role("cell").nth(6)).to_have_text(str(told[model]["answered"]))
        expect(row.get_by_role("cell").nth(7)).to_have_text(str(told[model]["failed"]))
        expect(row.get_by_role("cell").last).to_contain_text("••••1234")
    assert told["gpt-4o-mini?fault=500"]["failed"] > 0


def test_trouble_comes_first_and_says_what_it_is_and_for_how_long(visitor: Visitor) -> None:
    aside = {"hint": "1111", "in_flight": 0, "set_aside_s": 20.0, "why": "the provider refused it"}
    well = {"hint": "2222", "in_flight": 3, "set_aside_s": 0.0, "why": ""}
    items = [target(f"model-{n}", answered=100 - n) for n in range(8)]
    items.append(target("down", breaker="open", opens_again_s=12.0, openings=2, failed=30))
    items.append(target("busy", in_flight=8, waiting=5, keys=[aside, well], answered=1))
    visitor.answers("/projects/default/targets", {"items": items, "cursor": None})
    page = visitor.go("/p/default/providers")
    table = page.get_by_role("table", name="Targets of lab")
    expect(table.get_by_role("row").nth(1)).to_contain_text("tries again in 12.0 s, opened 2 times")
    busy = table.get_by_role("row").nth(2)
    expect(busy).to_contain_text("set aside 20.0 s")
    expect(busy).to_contain_text("the provider refused it")
    expect(busy.get_by_role("cell").nth(3)).to_have_text("5")
    expect(table.get_by_role("row")).to_have_count(7)
    page.get_by_role("button", name="4 more").click()
    expect(table.get_by_role("row")).to_have_count(11)
    expect(page).to_have_url(re.compile("all=lab"))


def test_the_policy_in_force_is_told_with_its_source(at: House, visitor: Visitor) -> None:
    page = visitor.go("/p/default/providers")
    lab = page.get_by_role("region", name="How lab fares")
    expect(lab).to_contain_text("as by default")
    claude = page.get_by_role("region", name="How claude fares")
    expect(claude).to_contain_text("its own, from the config file")
    claude.get_by_role("button", name="Resilience policy of claude").press("Enter")
    expect(page).to_have_url(re.compile("policy=claude"))
    expect(claude).to_contain_text("at most 4 in all for one call")
    expect(claude).to_contain_text("asks a second target after 9000 ms, for at most 5 % of calls")
    expect(claude.get_by_text("not as by default")).to_have_count(2)
    page.reload()
    expect(claude).to_contain_text("opens after 10 failures in a row")


def test_a_provider_nobody_called_and_the_phone(at: House, phone: Visitor) -> None:
    at.project("quiet-lab")
    lab = {"name": "lab", "kind": "custom", "base_url": "http://127.0.0.1:9/v1"}
    at.client.post("/api/v1/projects/quiet-lab/providers", json=lab).raise_for_status()
    page = phone.go("/p/quiet-lab/providers")
    expect(page.get_by_role("region", name="How lab fares")).to_contain_text("has not called it since it started")
    page = phone.go("/p/default/providers?policy=claude")
    expect(page.get_by_text("at most 4 in all for one call")).to_be_visible()
    assert phone.width() <= 390


def test_a_policy_is_edited_and_what_is_refused_is_said_at_its_field(at: House, visitor: Visitor) -> None:
    at.project("tuned-lab")
    lab = {"name": "lab", "kind": "custom", "base_url": "http://127.0.0.1:9/v1"}
    at.client.post("/api/v1/projects/tuned-lab/providers", json=lab).raise_for_status()
    model = {"name": "fast", "provider": "lab", "upstream": "x"}
    at.client.post("/api/v1/projects/tuned-lab/models", json=model).raise_for_status()
    page = visitor.go("/p/tuned-lab/providers?policy=lab")
    page.get_by_role("button", name="Edit the policy of lab").click()
    expect(page).to_have_url(re.compile("tune=provider:lab"))
    form = page.get_by_role("dialog")
    form.get_by_label("Attempts of one call").fill("three")
    form.get_by_role("button", name="Save").click()
    expect(form).to_contain_text("A number, for example 1.5.")
    form.get_by_label("Attempts of one call").fill("3")
    form.get_by_label("5xx").fill("99")
    form.get_by_role("button", name="Save").click()
    expect(form.get_by_label("5xx")).to_have_attribute("aria-invalid", "true")
    expect(form).to_contain_text("retries.server: Expected `int` <= 20.")
    form.get_by_label("5xx").fill("2")
    form.get_by_role("switch", name=re.compile("Ask a second target")).click()
    form.get_by_role("button", name="Save").click()
    expect(form).to_have_count(0)
    fares = page.get_by_role("region", name="How lab fares")
    expect(fares).to_contain_text("at most 3 in all for one call")
    (kept,) = at.server.api("/projects/tuned-lab/resilience")["items"]
    assert (kept["subject"], kept["policy"]["retries"]["server"]) == ("provider", 2)
    assert kept["policy"]["hedge"] == {"after_ms": None, "after": "p95", "max_extra_ratio": 0.05}

    page.get_by_role("button", name="One of its own for fast").click()
    expect(form).to_contain_text("replaces its provider's whole")
    expect(form.get_by_label("Attempts of one call")).to_have_value("3")
    form.get_by_label("Attempts of one call").fill("1")
    form.get_by_role("button", name="Save").click()
    expect(fares).to_contain_text("of their own: fast")
    visitor.page.add_init_script(path=AXE)
    visitor.go("/p/tuned-lab/providers?policy=lab&tune=model:fast")
    expect(form.get_by_label("Attempts of one call")).to_have_value("1")
    assert not visitor.looked_at("policy-edit")
    form.get_by_role("button", name="Back to the provider's").click()
    expect(fares).not_to_contain_text("of their own")


def test_a_policy_of_the_config_file_is_not_edited_here(visitor: Visitor) -> None:
    page = visitor.go("/p/default/providers?policy=claude&tune=provider:claude")
    edit = page.get_by_role("button", name="Edit the policy of claude")
    expect(edit).to_have_attribute("aria-disabled", "true")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_a_kind_asks_for_its_own_credentials_and_keeps_them(at: House, visitor: Visitor) -> None:
    at.project("clouds")
    page = visitor.go("/p/clouds/providers?new=1")
    form = page.get_by_role("dialog")
    form.get_by_role("combobox", name="Kind").fill("bedrock")
    page.get_by_role("option", name="Amazon Bedrock").click()
    form.get_by_role("button", name="Add", exact=True).click()
    expect(form.get_by_role("alert")).to_contain_text("needs the option 'region'")
    form.get_by_role("textbox", name="region").fill("eu-west-1")
    expect(form.get_by_role("alert")).to_have_count(0)
    form.get_by_text("Other credentials and options").click()
    form.get_by_role("textbox", name="access_key_id").fill("AKIAEXAMPLE")
    form.get_by_role("textbox", name="secret_access_key").fill("of-the-cloud")
    form.get_by_role("button", name="Add", exact=True).click()
    row = page.locator("[data-provider=bedrock]")
    expect(row).to_contain_text("https://bedrock-runtime.eu-west-1.amazonaws.com")
    row.get_by_role("button", name=re.compile("Edit")).click()
    expect(form.get_by_role("textbox", name="region")).to_have_value("eu-west-1")
    expect(form.get_by_role("textbox", name="secret_access_key (one is kept)")).to_have_value("")
    form.get_by_role("textbox", name="access_key_id").fill("AKIAOTHER")
    form.get_by_role("button", name="Save").click()
    expect(form).to_have_count(0)
    kept = at.client.get("/api/v1/projects/clouds/providers").json()["items"][0]["options"]
    assert (kept["access_key_id"], kept["region"]) == ("AKIAOTHER", "eu-west-1")
    assert kept["secret_access_key"] not in ("", "of-the-cloud")


def test_vertex_ai_asks_for_its_project_and_says_who_lends_the_servers_identity(at: House, visitor: Visitor) -> None:
    at.project("googles")
    visitor.page.add_init_script(path=AXE)
    page = visitor.go("/p/googles/providers?new=1")
    form = page.get_by_role("dialog")
    form.get_by_role("combobox", name="Kind").fill("vertex")
    page.get_by_role("option", name="Google Vertex AI", exact=True).click()
    expect(form.get_by_role("textbox", name="identity")).to_have_count(0)
    expect(form.get_by_text("identity: machine")).to_be_visible()
    expect(form.get_by_role("textbox", name="location")).to_have_value("global")
    form.get_by_role("textbox", name="project").fill("shop-1")
    others = form.get_by_text("Other credentials and options")
    others.click()
    form.get_by_role("textbox", name="client_email").fill("trimtab@shop-1.iam.gserviceaccount.com")
    form.get_by_role("textbox", name="private_key").fill("of-the-cloud")
    assert not visitor.looked_at("provider-vertex")
    form.get_by_role("button", name="Add", exact=True).click()
    row = page.locator("[data-provider=vertex_project]")
    expect(row).to_contain_text(
        "https://aiplatform.googleapis.com/v1/projects/shop-1/locations/global/publishers/google"
    )
    row.get_by_role("button", name=re.compile("Edit")).click()
    form.get_by_role("textbox", name="location").fill("europe-west4")
    form.get_by_role("button", name="Save").click()
    expect(form.get_by_role("alert")).to_contain_text("'options.private_key' is missing")
    form.get_by_role("textbox", name="private_key (one is kept)").fill("of-the-cloud")
    form.get_by_role("button", name="Save").click()
    expect(form).to_have_count(0)
    expect(row).to_contain_text("https://europe-west4-aiplatform.googleapis.com/v1/projects/shop-1")

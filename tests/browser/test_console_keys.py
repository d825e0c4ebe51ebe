"""The page of keys where there are thousands: one page of them at once, and the one that is looked for."""

import asyncio
import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from browsing import AXE, House, Visitor
from playwright.sync_api import Locator, expect
from sqlalchemy import Connection

from trimtab.governance import keys
from trimtab.governance.keys import Wanted
from trimtab.server.backup_notes import CATALOG
from trimtab.storage.database import Database

pytestmark = pytest.mark.browser

MANY = 2_200
AT_ONCE = 50


def crowd(at: House, slug: str) -> None:
    """A project with very many keys; every hundredth has ended."""
    at.project(slug)
    project = at.server.api(f"/projects/{slug}")["id"]

    def work(conn: Connection) -> None:
        for number in range(MANY):
            ends = 2 if number % 100 == 0 else None
            keys.issue(conn, Wanted(name=f"worker {number:04}", project_id=project, role="client", expires=ends), 1)

    async def write() -> None:
        db = Database.open(f"sqlite:///{at.server.data / CATALOG}")
        try:
            await db.write(work)
        finally:
            await db.close()

    with ThreadPoolExecutor(1) as beside:  # the browser's own loop runs in this thread
        beside.submit(asyncio.run, write()).result()


def rows(table: Locator) -> Locator:
    return table.locator("tbody tr")


def test_thousands_of_keys_come_page_by_page_and_are_looked_for_on_the_server(at: House, alone: Visitor) -> None:
    crowd(at, "crowd")
    page = alone.page
    page.add_init_script(path=AXE)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/crowd/keys" in request.url else None)
    alone.go("/p/crowd/keys")
    table, told = page.get_by_role("table", name="Keys"), page.get_by_role("search").get_by_role("status")
    expect(rows(table)).to_have_count(AT_ONCE)
    expect(told).to_have_text("2,178 keys")
    expect(rows(table).first).to_contain_text(re.compile(r"worker 21\d\d"))  # of one millisecond any may be first
    lists = [url for url in asked if "/api/v1/" in url]
    assert len(lists) == 2, f"one page and one count are enough: {lists}"
    page.get_by_role("button", name="Show more").click()
    expect(rows(table)).to_have_count(2 * AT_ONCE)

    page.get_by_label("Words in keys").blur()
    page.keyboard.press("/")
    expect(page.get_by_label("Words in keys")).to_be_focused()
    page.keyboard.type("worker 07")
    fitting = sum("07" in f"{number:04}" for number in range(MANY) if number % 100)
    expect(told).to_have_text(f"{fitting} keys fit")
    expect(page).to_have_url(re.compile(r"[?&]q=worker"))
    page.get_by_label("Words in keys").fill("0042")
    expect(told).to_have_text("1 key fits")
    expect(rows(table)).to_have_count(1)
    page.reload()
    expect(page.get_by_label("Words in keys")).to_have_value("0042")
    expect(rows(table)).to_have_count(1)
    rows(table).get_by_role("button", name="Revoke worker 0042").click()
    page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    expect(page.get_by_role("heading", name="No key fits")).to_be_visible()
    page.get_by_role("switch", name="Show ended (1)").click()
    expect(rows(table)).to_contain_text("revoked")
    page.get_by_label("Words in keys").fill("")
    expect(told).to_have_text("2,200 keys")
    expect(rows(table)).to_have_count(AT_ONCE)
    assert alone.looked_at("keys-many") == []

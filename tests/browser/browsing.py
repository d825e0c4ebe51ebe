"""A person at the console: one real server with calls in it, one real browser, and what both must never do."""

import contextlib
import json
import os
from collections import deque
from collections.abc import Generator
from pathlib import Path
from shutil import which
from typing import Any, Literal

import httpx
from live import ADMIN, Live, admin, live, simulated
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, Route, expect, sync_playwright
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from patience import PATIENCE_S

CHROMIUM = os.environ.get("TRIMTAB_TEST_CHROMIUM") or which("chromium-headless-shell") or "/usr/bin/chromium"
"""The shell does without what nobody sees of a browser, and takes little more than half of the processor time."""
ARGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--renderer-process-limit=1",  # nobody needs a page kept from another, and each process takes time to start
]
DESKTOP = (1440, 900)
PHONE = (390, 844)
AXE = Path(__file__).parents[2] / "console" / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
COLOURS = ["color-contrast"]
SCREENSHOTS = Path(__file__).parent / "screenshots"
SHOWN = os.environ.get("TRIMTAB_TEST_SCREENSHOTS") != "none"
"""`make test` makes none: nobody looks at them then, and each takes a tenth of a second of a processor."""
Scheme = Literal["light", "dark"]
LOOKS: tuple[tuple[Scheme, tuple[int, int], str], ...] = (
    ("light", DESKTOP, "desktop"), ("dark", DESKTOP, "desktop"), ("light", PHONE, "phone"),
)  # fmt: skip
STILL = """() => document.getAnimations().every(
  (one) => one.playState !== "running" || one.effect.getComputedTiming().endTime === Infinity)"""
"""Nothing moves but what moves for ever."""
WITHIN_MS = 60_000
"""How long a thing may take to appear before it counts as missing."""

CONFIG = """
providers:
  lab: {{dialect: openai_chat, base_url: "{url}/v1", api_key: "sk-of-the-lab-1234"}}
  claude:
    dialect: anthropic_messages
    base_url: "{url}/v1"
    api_key: "sk-ant-9999"
    resilience: {{attempts: 4, hedge: {{after_ms: 9000}}}}
models:
  fast: {{provider: lab, model: "gpt-4o-mini", price: {{input: 0.15, output: 0.6, cache_read: 0.075}}}}
  cached: {{provider: lab, model: "gpt-4o?cached=4&reasoning=3", price: {{input: 0.2, output: 0.8, cache_read: 0.075}}}}
  careful: {{provider: claude, model: "claude-sonnet-4-5", fallback: [fast]}}
  flaky: {{provider: lab, model: "gpt-4o-mini?fault=500", fallback: [fast]}}
  broken: {{provider: lab, model: "gpt-4o-mini?fault=400"}}
  kept:
    {{provider: lab, model: "gpt-4o-mini", price: {{input: 0.15, output: 0.6}}, cache: {{mode: exact, sampled: true}}}}
  short:
    provider: lab
    model: "gpt-4o-mini"
    price: {{input: 0.15, output: 0.6}}
    context: {{max_tokens: 80, keep_turns: 1}}
routes:
  smart:
    about: Cheap for bulk work, else the quicker of two
    tree:
      node: when
      of: [{{if: {{feature: [bulk]}}, use: cached}}]
      otherwise: {{node: fallback, of: [flaky, {{node: fastest, of: [fast, careful]}}]}}
limits:
  pace: {{measure: requests, bound: 1000, window: day}}
  vision-calls: {{measure: requests, bound: 1, window: day, mode: soft, scope: {{feature: [vision]}}}}
  search-spend: {{measure: money, bound: 5, window: month, scope: {{feature: [search]}}, per: [key]}}
"""
ALLOW = {"TRIMTAB_FORWARD_ALLOW": "127.0.0.1"}
"""So that closed traces can be sent to a receiver of a test."""
TOOL = {
    "type": "function",
    "function": {
        "name": "find_order",
        "description": "Finds an order",
        "parameters": {"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"]},
    },
}
# One pixel, red.
PIXEL = (
    "data:image/png;base64,"
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg=="
)
PAGES = {
    "overview": "/p/default/overview?range=1h",
    "traces": "/p/default/traces?range=1h",
    "costs": "/p/default/costs?range=1h",
    "limits": "/p/default/limits",
    "cache": "/p/default/cache",
    "routes": "/p/default/routes",
    "models": "/p/default/models",
    "providers": "/p/default/providers",
    "keys": "/p/default/keys",
    "connect": "/p/default/connect?with=openai-python",
    "retention": "/p/default/retention",
    "erasures": "/p/default/erasures",
    "settings": "/p/default/settings",
}


def ask(model: str, question: str, **more: Any) -> dict[str, Any]:
    """A chat request."""
    system = {"role": "system", "content": "You are a helpful support agent of Trimtab."}
    return {"model": model, "messages": [system, {"role": "user", "content": question}], **more}


class House:
    """The server and the calls that were made on it, by name."""

    def __init__(self, server: Live) -> None:
        self.server = server
        self.url = server.url
        self.traces: dict[str, str] = {}
        self.client = httpx.Client(base_url=server.url, headers=admin(), timeout=PATIENCE_S)

    def call(self, name: str, body: dict[str, Any], path: str = "/v1/chat/completions", **headers: str) -> str:
        """One call; its trace is known by ``name`` from then on."""
        answer = self.client.post(path, json=body, headers={f"trimtab-{k}": v for k, v in headers.items()})
        self.traces[name] = answer.headers["trimtab-trace-id"]
        return self.traces[name]

    def seed(self) -> None:
        """Calls of every kind that the pages must show."""
        self.call("plain", ask("fast", "How do I reset my password?", user="ann"), feature="support", session="s1")
        self.call("stream", ask("fast", "What does a trim tab do?", stream=True, user="bob"), feature="support")
        self.call("buckets", ask("cached", "Summarise the refund policy.", user="ann"), feature="digest")
        self.call("fallback", ask("flaky", "Why is my invoice higher?", user="cleo"), feature="support")
        self.call("error", ask("broken", "Translate this.", user="cleo"), feature="translate")
        self.call("unpriced", ask("careful", "Be careful.", max_tokens=50), feature="digest")
        self.call("tool", ask("fast", "Where is order 7?", tools=[TOOL], tool_choice="required"), feature="support")
        picture = [{"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": PIXEL}}]
        self.call("image", {"model": "fast", "messages": [{"role": "user", "content": picture}]}, feature="vision")
        body = {"model": "careful", "max_tokens": 64, "messages": [{"role": "user", "content": "Bonjour, ça va?"}]}
        self.call("anthropic", body, "/v1/messages", feature="translate", user="dora")
        self.call("routed", ask("smart", "Which way is north?"), feature="support")
        for number in range(3):
            self.call(f"kept-{number}", ask("kept", "Which way is the harbour?"), feature="digest")
        long = [{"role": "user", "content": f"Turn {number}: " + "the wind and the tide " * 8} for number in range(4)]
        self.call("shortened", {"model": "short", "messages": long}, feature="digest")
        for number in range(12):
            self.call(f"more-{number}", ask("fast", f"Question number {number} about sailing"), feature="search")
        self.server.settled()

    def project(self, slug: str) -> None:
        """A project with nothing in it."""
        self.client.post("/api/v1/projects", json={"slug": slug, "name": slug.title()}).raise_for_status()


@contextlib.contextmanager
def house(folder: Path) -> Generator[House]:
    with simulated() as url, live(folder, CONFIG.format(url=url), env=ALLOW) as server:
        at = House(server)
        try:
            at.seed()
            at.project("empty")
            yield at
        finally:
            at.client.close()


@contextlib.contextmanager
def chromium() -> Generator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGS)
        try:
            yield browser
        finally:
            browser.close()


class Visitor:
    """A logged-in person. Whatever the page complains about (errors, refused scripts, foreign hosts) is kept."""

    def __init__(self, context: BrowserContext, url: str) -> None:
        self.context = context
        self.url = url
        self.page: Page = context.new_page()
        self.page.set_default_timeout(WITHIN_MS)
        self.complaints: list[str] = []
        self.asked: deque[str] = deque(maxlen=12)
        self.page.on("console", self._on_console)
        self.page.on("pageerror", lambda error: self.complaints.append(f"uncaught: {error}"))
        self.page.on("request", self._on_request)
        self.page.on("response", lambda answer: self._on_end(answer.request, str(answer.status)))
        self.page.on("requestfailed", lambda request: self._on_end(request, request.failure or "failed"))

    def told(self) -> str:
        """Where the page stands, for who reads of a test that failed: what it says aloud, and what it asked last."""
        if self.page.is_closed():
            return "The page is closed."
        loud = self.page.locator("[role=dialog]:visible, [role=alert]:visible").all_inner_texts()
        words = [f"  says: {' '.join(each.split())[:300]}" for each in loud]
        return "\n".join([f"At {self.page.url}", *words, *(f"  {each}" for each in self.asked)])

    @contextlib.contextmanager
    def again(self) -> Generator["Visitor"]:
        """The same person with a new page, who leaves with a failure if that complained, and leaves nothing behind."""
        somebody = Visitor(self.context, self.url)
        try:
            yield somebody
            assert somebody.complaints == []
        finally:
            if somebody.page.url.startswith(self.url):
                somebody.page.evaluate("localStorage.clear()")
            somebody.page.close()

    def at_rest(self) -> None:
        """Wait until the page shows what it has to show, and nothing moves any more."""
        self.page.get_by_role("heading").first.wait_for()
        expect(self.page.locator("[aria-busy=true], .mantine-Skeleton-root")).to_have_count(0)
        self.page.wait_for_function(STILL)

    def looked_at(self, name: str) -> list[str]:
        """What is wrong with the page as it is, once loaded: axe's complaints in light and dark (of colours alone in
        the dark, where the rest is the same), and scrolling sideways on a desktop and a phone. Leaves a screenshot of
        each for a person to look at (`SHOWN`)."""
        SCREENSHOTS.mkdir(exist_ok=True)
        wrong: list[str] = []
        for scheme, size, kind in LOOKS:
            self.page.emulate_media(color_scheme=scheme)
            self.page.set_viewport_size({"width": size[0], "height": size[1]})
            self.at_rest()
            if SHOWN:
                self.page.screenshot(path=SCREENSHOTS / f"{name}-{kind}-{scheme}.png")
            if not self.fits(size[0]):
                wrong.append(f"{name} is {self.width()} wide on a {kind}")
            if kind == "desktop":
                asked = {"type": "tag", "values": RULES} if scheme == "light" else {"type": "rule", "values": COLOURS}
                wrong += [f"{name}, {scheme}: {told}" for told in self._axe(asked)]
        self.page.emulate_media(color_scheme="light")
        self.page.set_viewport_size({"width": DESKTOP[0], "height": DESKTOP[1]})
        return wrong

    def _axe(self, asked: dict[str, Any]) -> list[str]:
        """What axe complains about, and only that: of what is in order it would describe and send each element, more
        than a megabyte of a page with a list."""
        only = {"resultTypes": ["violations"], "selectors": False}
        asking = "options => axe.run(document, options).then((told) => told.violations)"
        return [
            f"{one['id']} ({one['impact']}): {[node['html'][:160] for node in one['nodes'][:3]]}"
            for one in self.page.evaluate(asking, {"runOnly": asked, **only})
        ]

    def log_in(self, key: str = ADMIN) -> None:
        origin = {"origin": self.url}
        answer = self.context.request.post(f"{self.url}/api/v1/login", data={"key": key}, headers=origin)
        assert answer.ok, answer.text()

    def go(self, path: str) -> Page:
        self.page.goto(self.url + path)
        return self.page

    def answers(self, path: str, body: Any, status: int = 200) -> None:
        """From here on the API answers this to ``path`` (a glob below /api/v1): states that a test cannot wait for."""
        kind = "application/json" if status < 400 else "application/problem+json"

        def fulfil(route: Route) -> None:
            route.fulfill(status=status, content_type=kind, body=body if isinstance(body, str) else json.dumps(body))

        self.page.route(f"{self.url}/api/v1{path}", fulfil)

    def fits(self, wide: int) -> bool:
        """Whether the page comes to scroll sideways no longer: charts are drawn anew a moment after the window has
        changed, and are as wide as it was until then."""
        try:
            self.page.wait_for_function("wide => document.documentElement.scrollWidth <= wide", arg=wide)
        except PlaywrightTimeout:
            return False
        return True

    def width(self) -> int:
        """How wide the page is; more than the window means that it scrolls sideways."""
        return int(self.page.evaluate("document.documentElement.scrollWidth"))

    def _on_console(self, message: ConsoleMessage) -> None:
        # A refusal that a test provokes is told by the browser too; anything else is a defect of the page.
        if message.type in ("error", "warning") and "Failed to load resource" not in message.text:
            self.complaints.append(f"{message.type}: {message.text}")

    def _on_end(self, request: Request, how: str) -> None:
        path = request.url.removeprefix(self.url)
        if path.startswith("/api/"):
            self.asked.append(f"{request.method} {path[:120]}: {how}")

    def _on_request(self, request: Request) -> None:
        if not request.url.startswith((self.url, "data:", "blob:")):
            self.complaints.append(f"asked another host: {request.url}")


@contextlib.contextmanager
def visiting(
    browser: Browser, url: str, size: tuple[int, int] = DESKTOP, scheme: str = "light", *, login: bool = True
) -> Generator[Visitor]:
    """A visitor in a context of its own; leaves with a failure if the page complained about anything."""
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        color_scheme="dark" if scheme == "dark" else "light",
        reduced_motion="reduce",
        permissions=["clipboard-read", "clipboard-write"],
    )
    try:
        visitor = Visitor(context, url)
        if login:
            visitor.log_in()
        yield visitor
        assert visitor.complaints == []
    finally:
        context.close()

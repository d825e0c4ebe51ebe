"""A project in which things are released: an app with four releases, environments that demand something, a rollout that
is open, one that went back, and calls to tell them apart by. Made through the API and by real calls."""

from typing import Any

import httpx
from browsing import House
from live import admin, until

from patience import PATIENCE_S

PROJECT = "desk"
USERS = 80
"""Who meets which release is drawn: so many that neither arm ever has too few."""
PROMPT = """---
name: support
variables:
  customer: {type: string, default: somebody}
policy: {refund_limit: 50}
---
@system
You answer for a shop. Refunds up to {{ policy.refund_limit }} need nobody's leave.
Call the customer {{ customer }}.
"""
TOLD = PROMPT.replace("need nobody's leave.", "need nobody's leave.\nSay when the money arrives.")
STEADY = {
    "guards": [{"metric": "errors"}, {"metric": "latency"}, {"metric": "cost"}],
    "rules": ["samples 100000 -> next"],
    "least_units": 10,
}
"""Compares, and leaves the decision to people."""


class Desk:
    """``rollout`` is open in production, ``back`` went back in staging. ``grace`` is somebody besides the admin."""

    def __init__(self, at: House) -> None:
        self.at = at
        self.api = httpx.Client(base_url=f"{at.url}/api/v1/projects/{PROJECT}", headers=admin(), timeout=PATIENCE_S)
        self.grace = httpx.Client(base_url=str(self.api.base_url), timeout=PATIENCE_S)
        self.shop = httpx.Client(base_url=at.url, timeout=PATIENCE_S)
        self.rollout = ""
        self.back = ""

    def tell(self, path: str, body: dict[str, Any], method: str = "POST", by: httpx.Client | None = None) -> Any:
        answer = (by or self.api).request(method, path, json=body)
        assert answer.is_success, answer.text
        return answer.json()

    def call(self, user: str, model: str) -> None:
        body = {"model": model, "messages": [{"role": "user", "content": "Where is my refund?"}], "user": user}
        self.shop.post("/v1/chat/completions", json=body)

    def release(self, message: str, by: httpx.Client | None = None, **draft: Any) -> None:
        spec = {"description": "Answers customers", "prompt": "support", "route": "fast", **draft}
        self.tell("/apps/support", {"spec": spec}, "PUT", by)
        self.tell("/apps/support/releases", {"message": message}, by=by)

    def begin(self, environment: str, release: str, note: str, **plan: Any) -> str:
        path = f"/apps/support/environments/{environment}/rollouts"
        return self.tell(path, {"release": release, "plan": plan, "note": note})["id"]

    def close(self) -> None:
        self.api.close()
        self.grace.close()
        self.shop.close()


def open_desk(at: House) -> Desk:
    """Make the project and everything in it."""
    at.project(PROJECT)
    desk = Desk(at)
    for name, role, client in (("grace", "editor", desk.grace), ("shop", "client", desk.shop)):
        made = desk.tell("/keys", {"name": name, "role": role, "expires": None})
        client.headers["authorization"] = f"Bearer {made['secret']}"
    _models(desk)
    desk.tell("/prompts/support/versions", {"file": PROMPT, "message": "As it was"})
    desk.release("First release", parameters={"temperature": 0.2})
    desk.release("Shorter answers, friendlier tone", parameters={"temperature": 0.5, "max_tokens": 300})
    desk.tell("/prompts/support/versions", {"file": TOLD, "message": "Say when the money arrives"}, by=desk.grace)
    desk.release(
        "Say when the money arrives, by the dearer model", desk.grace, route="dear", policy={"refund_limit": 80}
    )
    desk.release("The new provider", route="failing")
    desk.begin("staging", "r1", "To begin with", kind="direct")
    desk.begin("production", "r1", "To begin with", kind="direct")
    desk.begin("production", "r2", "Read by everybody", kind="direct")
    desk.tell("/apps/support/releases/r3/gate", {"outcome": "not_worse", "source": "ci", "detail": "40 of 40 cases."})
    protection = {"gate": True, "approvals": 1, "note": True}
    freezes = [{"name": "end of year", "start": "2020-12-20T00:00:00Z", "end": "2021-01-02T00:00:00Z"}]
    desk.tell("/environments/production", {"protection": {**protection, "freezes": freezes}}, "PUT")
    desk.tell("/apps/support/releases/r3/approvals", {"environment": "production", "note": "Read ten answers"})
    desk.rollout = desk.begin("production", "r3", "Is the dearer model worth it?", kind="ab", share=0.5, rules=STEADY)
    quick = [{"share": 0.5, "hold_s": 3600, "samples": 100000}]
    desk.back = desk.begin("staging", "r4", "Try the new provider", kind="canary", steps=quick)
    for number in range(USERS):
        desk.call(f"user-{number}", "support")
        desk.call(f"user-{number}", "support@staging")
    at.server.settled()
    path = f"/projects/{PROJECT}/rollouts/{desk.back}"
    until(lambda: at.server.api(path)["state"] == "rolled_back", PATIENCE_S, at.server.told)
    return desk


def _models(desk: Desk) -> None:
    lab = desk.at.server.api("/projects/default/providers")["items"]
    url = next(each["base_url"] for each in lab if each["name"] == "lab")
    desk.tell("/providers", {"name": "lab", "kind": "custom", "base_url": url})
    price = {"input": "0.15", "output": "0.6"}
    dear = {"input": "0.45", "output": "1.8"}
    desk.tell("/models", {"name": "fast", "provider": "lab", "upstream": "gpt-4o-mini", "price": price})
    desk.tell("/models", {"name": "dear", "provider": "lab", "upstream": "gpt-4o", "price": dear})
    desk.tell("/models", {"name": "failing", "provider": "lab", "upstream": "gpt-4o-mini?fault=400", "price": price})

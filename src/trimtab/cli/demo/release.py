"""The demo's second act: the docs assistant becomes an app, its second release goes wrong, and comes back by itself.

Release r1 answers by the local model, from a corpus of our documentation: each answer names the passage it was given.
Release r2 is "the same on a better model", whose provider is down. Half of the
visitors get it; the rollout sees what that does to errors and takes it back.
"""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from msgspec import Struct

from trimtab.cli.demo.calls import Asker, Visit
from trimtab.cli.demo.passages import PASSAGES
from trimtab.cli.demo.questions import LOCAL, VISITS
from trimtab.core.errors import Unavailable
from trimtab.sdk import Client
from trimtab.sdk.rollout_types import Rollout

APP = "docs-assistant"
DOWN = "better"
"""The model of the second release: on the provider that is down, without a fallback."""
PRODUCTION = "production"
PROMPT = """---
name: docs-assistant
description: Answers a visitor's question about Trimtab.
variables:
  product: {type: string, default: Trimtab}
---
@system
You answer questions about {{ product }}, a server that operates language models, in one short sentence.
"""
CORPUS = "docs"
KNOWLEDGE = {"corpus": CORPUS, "top": 1, "tokens": 200, "timeout_ms": 30_000}
"""One passage: the model is small, and so is what it can keep in mind."""
BUILT_S = 120.0
AT_ONCE = 4
SHARE = 0.5
BOUND_S = 300.0
"""How long visitors ask at most until the rollout has decided."""
MOST = 1000
"""Visits at most."""
AFTERWARDS = 6
"""Visits once it has: they find the release that was there before."""


class Rollback(Struct, frozen=True, kw_only=True):
    """What `--json` prints of the rollout. ``visits`` until it had decided, of which the candidate got ``candidate``;
    ``seconds`` from its start to its end; ``afterwards`` of ``asked_afterwards`` visits were answered by r1.
    ``informed``: answers that name a passage of the corpus."""

    state: str
    reason: str
    visits: int
    candidate: int
    failed: int
    seconds: float
    asked_afterwards: int
    afterwards: int
    informed: int

    @property
    def complete(self) -> bool:
        return self.state == "rolled_back" and self.asked_afterwards == self.afterwards > 0 and self.informed > 0


def declare(client: Client, project: str) -> None:
    """Knowledge, prompt, app and first release, at once in production."""
    client.knowledge.put(project, CORPUS, description="Passages of Trimtab's documentation")
    documents = [{"id": name, "text": text, "title": name.capitalize()} for name, text in PASSAGES.items()]
    client.knowledge.add(project, CORPUS, documents)
    client.knowledge.publish(project, CORPUS, "What the assistant may know", wait_s=BUILT_S)
    client.prompts.push(project, APP, PROMPT, message="The assistant's own words")
    spec = {"prompt": APP, "route": LOCAL, "parameters": {"max_tokens": 32, "temperature": 0.2}}
    spec |= {"knowledge": [KNOWLEDGE]}
    client.apps.put(project, APP, spec, expected_revision=0)
    first = client.releases.create(project, APP, "The docs assistant as an app")
    client.rollouts.start(project, APP, PRODUCTION, first.release.ref, plan={"kind": "direct"})


def begin(client: Client, project: str) -> Rollout:
    """The second release, on its way to half of the visitors."""
    client.create_model(project, DOWN, provider="outage", upstream="gpt-4o")
    draft = client.apps.get(project, APP)
    client.apps.put(project, APP, {**draft.spec, "route": DOWN}, expected_revision=draft.revision)
    second = client.releases.create(project, APP, "The same on a better model")
    steps = [{"share": SHARE, "hold_s": 60, "samples": 200}]
    return client.rollouts.start(
        project, APP, PRODUCTION, second.release.ref, plan={"kind": "canary", "steps": steps}, note="A bigger model"
    )


def visit(client: Client, project: str, asker: Asker, rollout: Rollout, tell: Callable[[Visit], None]) -> Rollback:
    """Visitors ask until the rollout is over, then a few more. ``tell`` hears of each answer at once."""
    began = time.monotonic()
    over = threading.Event()
    visits: list[Visit] = []
    lock = threading.Lock()

    def ask(number: int) -> None:
        if not over.is_set():
            done = asker.visit(APP, f"visitor-{number}", VISITS[number % len(VISITS)])
            with lock:
                visits.append(done)
                tell(done)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        for number in range(MOST):
            pool.submit(ask, number)
        try:
            ended = _ended(client, project, rollout, began + BOUND_S)
        finally:
            over.set()  # those that wait for their turn ask nothing
    took = time.monotonic() - began
    before = len(visits)
    later = [asker.visit(APP, f"visitor-{n}", VISITS[n % len(VISITS)]) for n in range(before, before + AFTERWARDS)]
    of_candidate = [each for each in visits if each.variant == "candidate"]
    return Rollback(
        state=ended.state,
        reason=ended.reason,
        visits=before,
        candidate=len(of_candidate),
        failed=sum(bool(each.error) for each in of_candidate),
        seconds=round(took, 1),
        asked_afterwards=len(later),
        afterwards=sum(each.release == f"{APP} r1" and not each.error for each in later),
        informed=sum(bool(each.sources) and not each.error for each in (*visits, *later)),
    )


def _ended(client: Client, project: str, rollout: Rollout, deadline: float) -> Rollout:
    """The rollout once it is over, or as it is when the time is."""
    while True:
        try:
            found = client.rollouts.get(project, rollout.id)
        except Unavailable:  # the store is busy with what it is told
            found = rollout
        if found.state not in ("running", "held") or time.monotonic() >= deadline:
            return found
        time.sleep(0.25)

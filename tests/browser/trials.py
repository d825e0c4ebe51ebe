"""A project in which things are measured: a dataset of two versions, a suite, an experiment that found one model worse
than the other, a queue with answers in it, and what users said. Made through the API and by real calls."""

from typing import Any

import httpx
from browsing import House
from live import admin, until

from patience import PATIENCE_S

PROJECT = "trials"
STEADY = "Refunds take five days."
NEWER = "Refunds take three days."
CASES = 30


class Trials:
    """``experiment`` has ended; ``traces`` are calls of the model ``steady``."""

    def __init__(self, at: House) -> None:
        self.at = at
        self.api = httpx.Client(base_url=f"{at.url}/api/v1/projects/{PROJECT}", headers=admin(), timeout=PATIENCE_S)
        self.shop = httpx.Client(base_url=at.url, timeout=PATIENCE_S)
        self.experiment = ""
        self.traces: list[str] = []

    def tell(self, path: str, body: Any, method: str = "POST") -> Any:
        answer = self.api.request(method, path, json=body)
        assert answer.is_success, answer.text
        return answer.json()

    def call(self, question: str, user: str) -> str:
        """A call with sources in its system prompt; its trace."""
        messages = [
            {"role": "system", "content": "You answer for a shop. Refunds take five days."},
            {"role": "user", "content": question},
        ]
        body = {"model": "steady", "messages": messages, "user": user}
        answer = self.shop.post("/v1/chat/completions", json=body)
        assert answer.is_success, answer.text
        self.traces.append(answer.headers["trimtab-trace-id"])
        return self.traces[-1]

    def close(self) -> None:
        self.api.close()
        self.shop.close()


def open_trials(at: House) -> Trials:
    """Make the project and everything in it."""
    at.project(PROJECT)
    trials = Trials(at)
    made = trials.tell("/keys", {"name": "shop", "role": "client", "expires": None})
    trials.shop.headers["authorization"] = f"Bearer {made['secret']}"
    _models(trials)
    _dataset(trials)
    spec = {
        "description": "What support says of refunds",
        "dataset": "refunds",
        "scorers": [
            {"scorer": "contains", "at_least": 0.5, "margin": 0.05},
            {"scorer": "length", "required": False, "options": {"unit": "words"}},
        ],
    }
    trials.tell("/suites/refunds", {"spec": spec}, "PUT")
    begun = trials.tell("/experiments", {"suite": "refunds", "subjects": ["newer", "steady"]})
    trials.experiment = begun["id"]
    _review(trials)
    until(
        lambda: trials.api.get(f"/experiments/{trials.experiment}").json()["state"] == "done",
        PATIENCE_S,
        at.server.told,
    )
    return trials


def _models(trials: Trials) -> None:
    found = trials.at.server.api("/projects/default/providers")["items"]
    url = next(each["base_url"] for each in found if each["name"] == "lab")
    trials.tell("/providers", {"name": "lab", "kind": "custom", "base_url": url})
    price = {"input": "0.15", "output": "0.6"}
    for name, text in (("steady", STEADY), ("newer", NEWER)):
        upstream = f"gpt-4o-mini?text={text}"
        trials.tell("/models", {"name": name, "provider": "lab", "upstream": upstream, "price": price})


def _dataset(trials: Trials) -> None:
    """Most cases expect what ``steady`` says, some what ``newer`` says, and one expects nothing."""
    licence = {"description": "Questions about refunds", "licence": "CC0-1.0"}
    trials.tell("/datasets/refunds", licence, "PUT")
    cases: list[dict[str, Any]] = [
        {
            "id": f"case-{number:02}",
            "input": f"How long does refund number {number} take?",
            "expected": "three days" if number % 5 == 0 else "five days",
            "tags": ["refund"],
            "split": "test" if number % 3 else "tune",
            "uses": ["evaluate", "tune"],
        }
        for number in range(1, CASES)
    ]
    cases.append({"id": "case-open", "input": "Tell me something nice.", "tags": ["chat"], "context": ["Be kind."]})
    cases.append({"id": "case-twin", "input": "how long does  refund number 1 take?", "expected": "five days"})
    trials.tell("/datasets/refunds/cases", {"add": cases, "message": "What people asked in May"})
    changed = {**cases[3], "expected": "five days at most"}
    trials.tell("/datasets/refunds/cases", {"change": [changed], "message": "Say it more exactly"})


def _review(trials: Trials) -> None:
    spec = {
        "description": "Answers that users complained about",
        "instructions": "Hold the answer against the sources.",
        "criteria": [
            {"name": "right", "question": "Is the answer right?"},
            {"name": "tone", "question": "How is its tone?", "kind": "scale", "low": 1, "high": 5, "required": False},
        ],
        "rules": [{"name": "complaints", "kind": "complaint", "at_most": 0.3}],
        "double_share": 0.0,
    }
    trials.tell("/review/queues/risky", {"spec": spec}, "PUT")
    for number in range(5):
        trials.call(f"When does refund {number} come?", f"user-{number}")
    trials.at.server.settled()
    trials.tell("/review/items", {"queue": "risky", "trace_ids": trials.traces})

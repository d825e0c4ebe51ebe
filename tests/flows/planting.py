"""Leaves somebody's words in every place that a server keeps words in, by its own API: what an erasure has to find."""

import json
import time
from typing import Any

import httpx
from live import Live, admin, until

from patience import PATIENCE_S

PROJECT = "/api/v1/projects/default"
SUITE = {"dataset": "plants", "scorers": [{"scorer": "length"}]}
HOLDING = {"rules": [{"model": "careful"}], "fallback": "Please call us."}


class Planter:
    """As ``user``, saying ``mark`` wherever something can be said. The server has models ``quick`` and ``careful``."""

    def __init__(self, server: Live, mark: str, user: str) -> None:
        self._server = server
        self._mark = mark
        self._user = user

    def everywhere(self) -> dict[str, Any]:
        """Ids of what was made."""
        first = self._call(
            "quick", f"{self._mark} asks", {"idempotency-key": "plant-1", "trimtab-cache": "exact; ttl=600"}
        )
        self._call("quick", self._mark + " long text" * 20_000, {})  # a blob
        self.send("POST", "/v1/responses", {"model": "quick", "input": f"{self._mark} kept", "user": self._user})
        self._otlp()
        self.send("POST", "/v1/feedback", {"trace_id": first, "thumbs": "down", "correction": f"{self._mark} is right"})
        self.send("PUT", f"{PROJECT}/review/queues/risky", {"spec": {"holding": HOLDING}})
        self._call("careful", f"{self._mark} is held", {})
        self._server.settled()
        experiment = self._evaluate(first)
        self._review(first)
        redteam = self._attack()
        self._guard()
        self._know()
        self._server.settled()
        return {"trace": first, "experiment": experiment, "redteam": redteam}

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        url = f"{self._server.url}{path}"
        answer = httpx.request(method, url, json=body, headers=admin() | headers, timeout=PATIENCE_S)
        assert answer.status_code < 300, answer.text
        return answer.json()

    def _call(self, model: str, text: str, headers: dict[str, str]) -> str:
        body = {"model": model, "messages": [{"role": "user", "content": text}], "user": self._user, "temperature": 0}
        url = f"{self._server.url}/v1/chat/completions"
        answer = httpx.post(
            url, json=body, headers=admin() | {"trimtab-session": f"s-{self._user}", **headers}, timeout=PATIENCE_S
        )
        assert answer.status_code < 300, answer.text
        return answer.headers["trimtab-trace-id"]

    def _otlp(self) -> None:
        def attribute(key: str, value: str) -> dict[str, Any]:
            return {"key": key, "value": {"stringValue": value}}

        now = time.time_ns()  # of a day long ago retention would take it, sooner or later
        span = {
            "traceId": "ad" * 16, "spanId": "cd" * 8, "name": "chat m", "kind": 3,
            "startTimeUnixNano": str(now - 10**9), "endTimeUnixNano": str(now),
            "attributes": [
                attribute("gen_ai.operation.name", "chat"), attribute("user.id", self._user),
                attribute("gen_ai.input.messages", json.dumps([
                    {"role": "user", "parts": [{"type": "text", "content": f"{self._mark} from elsewhere"}]}
                ])),
            ],
        }  # fmt: skip
        self.send("POST", "/v1/traces", {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]})

    def _evaluate(self, trace: str) -> str:
        """A case of the trace, a person's change of it, and an experiment that asks it."""
        plants = f"{PROJECT}/datasets/plants"
        self.send("PUT", plants, {"description": "From traffic."})
        self.send("POST", f"{plants}/from-traces", {"traces": [trace]})
        [case] = self.send("GET", f"{plants}/versions/latest/cases")["items"]
        changed = {"id": case["id"], "input": f"{self._mark} asks better", "expected": "x", "tags": ["vip"]}
        self.send(
            "POST", f"{plants}/cases", {"change": [changed], "add": [{"id": "other", "input": "Somebody else's"}]}
        )
        self.send("PUT", f"{PROJECT}/suites/plants", {"spec": SUITE})
        asked = {"suite": "plants", "subjects": ["quick"], "alone": True}
        made = self.send("POST", f"{PROJECT}/experiments", asked)["id"]

        def done() -> bool:
            return self.send("GET", f"{PROJECT}/experiments/{made}")["state"] == "done"

        until(done, PATIENCE_S, self._server.told)
        return made

    def _attack(self) -> str:
        """A red team whose seed is what was asked; nothing says of whom that is."""
        seed = {"seeds": [f"{self._mark} asks"], "families": ["leakage"], "attacks": 1, "mutators": ["spaced"]}
        made = self.send("POST", f"{PROJECT}/redteam", {"subjects": ["quick"], **seed})["experiment"]["id"]

        def done() -> bool:
            return self.send("GET", f"{PROJECT}/experiments/{made}")["state"] == "done"

        until(done, PATIENCE_S, self._server.told)
        return made

    def _guard(self) -> None:
        """A guard whose threshold was chosen with the same words, and with a case."""
        self.send("POST", f"{PROJECT}/guards/pii/versions", {"spec": {"kind": "pii", "action": "flag"}})
        texts = {"sample": 0, "benign": ["Where is it?"], "attacks": [f"{self._mark} asks"]}
        texts |= {"attack_datasets": ["plants"], "max_false_positives": 0.5, "apply": True}
        self.send("POST", f"{PROJECT}/guards/pii/operating-point", texts)

    def _know(self) -> None:
        """A document that tells of the user."""
        self.send("PUT", f"{PROJECT}/corpora/plants", {})
        document = {"id": "letter", "text": f"{self._mark} wrote a letter.", "about": [self._user]}
        self.send("POST", f"{PROJECT}/corpora/plants/documents", {"items": [document]})

    def _review(self, trace: str) -> None:
        review = f"{PROJECT}/review"
        self.send("POST", f"{review}/items", {"queue": "risky", "trace_ids": [trace], "reason": "looks odd"})
        [item] = [each for each in self.send("GET", f"{review}/items")["items"] if each["trace_id"] == trace]
        said = {"decision": "correct", "correction": f"{self._mark} corrected", "note": f"{self._mark} noted"}
        self.send("POST", f"{review}/items/{item['id']}/verdicts", said)

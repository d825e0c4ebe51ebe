"""Anthropic's batches of messages: a life that takes a few looks, counts that are told at the end, and results.

https://platform.claude.com/docs/en/api/messages/batches, https://platform.claude.com/docs/en/build-with-claude/batch-processing.
An account is a key: what one made, no other sees. What is wrong in a request's ``params`` is told in its result; what
is wrong in the batch itself is refused. Results come in another order than the requests. How a batch goes is asked for
in the ``metadata.user_id`` of its first request (``simulated:looks=3&end=expired``):

    looks    how often it is looked at until it has ended (1)
    end      ended, expired or canceled (half of the requests are answered), archived (its results are gone) or
             forgotten (404 from then on)
    repeat   true: the results have each line twice
    cut      so many lines are missing at the end of the results
    answer   2s: its maker is told two seconds after it is made; reset: the connection breaks instead; 500: a defect
"""

import json
import re
import secrets
import time
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple, cast
from urllib.parse import parse_qs, parse_qsl

from trimtab.llm.simulated import anthropic_messages
from trimtab.llm.simulated.answers import an_object
from trimtab.llm.simulated.scenario import Scenario, read_model

Answer = tuple[int, str, bytes]
PATH: Final = re.compile(r"/v1/messages/batches(?:/([A-Za-z0-9_-]+)(/cancel|/results)?)?")
_CUSTOM_ID: Final = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_MOST: Final = 100_000
_MOST_BYTES: Final = 256 * 1024 * 1024
_DAY_S: Final = 86_400
_JSON: Final = "application/json"
_LINES: Final = "application/x-jsonl"
_WISHES: Final = "simulated:"
_HOST: Final = "https://api.anthropic.com"


class Asked(NamedTuple):
    """One call. ``account`` is its key."""

    method: str
    path: str
    query: str
    raw: bytes
    account: str
    headers: dict[str, str]


class _Batch:
    def __init__(self, account: str, requests: list[dict[str, Any]]) -> None:
        first = an_object(an_object(requests[0].get("params")).get("metadata")).get("user_id")
        wishes = dict(parse_qsl(str(first).removeprefix(_WISHES))) if str(first).startswith(_WISHES) else {}
        self.account = account
        self.requests = requests
        self.looks = int(wishes.get("looks", 1))
        self.end = wishes.get("end", "ended")
        self.answer = wishes.get("answer", "")
        self.cut = int(wishes.get("cut", 0))
        self.repeats = wishes.get("repeat") == "true"
        self.results = b""
        now = time.time()
        self.told: dict[str, Any] = {
            "id": f"msgbatch_{secrets.token_hex(12)}",
            "type": "message_batch",
            "processing_status": "in_progress",
            "request_counts": _counts(processing=len(requests)),
            "ended_at": None,
            "created_at": _at(now),
            "expires_at": _at(now + _DAY_S),
            "archived_at": None,
            "cancel_initiated_at": None,
            "results_url": None,
        }

    @property
    def is_gone(self) -> bool:
        return self.end == "forgotten" and self.looks <= 0


class MessageBatches:
    """What was made, in the order in which it was."""

    def __init__(self) -> None:
        self._batches: dict[str, _Batch] = {}
        self._numbers = 0

    @property
    def names(self) -> list[str]:
        return list(self._batches)

    def made(self, name: str) -> list[dict[str, Any]]:
        """The requests that one was made of."""
        return self._batches[name].requests

    def late(self, asked: Asked) -> str:
        """What the maker of a batch wishes of its answer, once that is made."""
        if asked.method != "POST" or not asked.path.endswith("/batches") or not self._batches:
            return ""
        return next(reversed(self._batches.values())).answer

    def answer(self, asked: Asked) -> Answer:
        found = PATH.fullmatch(asked.path)
        assert found is not None
        name, part = found[1], found[2]
        if name is None:
            if asked.method == "POST":
                return self._make(asked)
            return self._list(asked) if asked.method == "GET" else _refused(405, "Method Not Allowed")
        batch = self._batches.get(name)
        if batch is None or batch.account != asked.account or batch.is_gone:
            return _refused(404, f"Message batch {name} not found")
        match asked.method, part:
            case "POST", "/cancel":
                return self._cancel(batch)
            case "GET", "/results":
                return self._results(batch)
            case "GET", None:
                self._look(batch)
                return _refused(404, f"Message batch {name} not found") if batch.is_gone else _given(batch.told)
            case "DELETE", None:
                if batch.told["processing_status"] != "ended":
                    return _refused(400, f"Cannot delete batch {name} because it has not finished processing.")
                del self._batches[name]
                return _given({"id": name, "type": "message_batch_deleted"})
            case _:
                return _refused(405, "Method Not Allowed")

    def _make(self, asked: Asked) -> Answer:
        if len(asked.raw) > _MOST_BYTES:
            return _refused(413, "Request exceeds the maximum size")
        try:
            body: dict[str, Any] = json.loads(asked.raw)
        except ValueError as error:
            return _refused(400, f"The request body is not valid JSON: {error}")
        requests: Any = body.get("requests")
        if not isinstance(requests, list) or not requests:
            return _refused(400, "requests: List should have at least 1 item after validation, not 0")
        every = cast("list[Any]", requests)
        if len(every) > _MOST:
            return _refused(400, f"requests: List should have at most {_MOST} items after validation")
        seen = set[str]()
        for index, each in enumerate(every):
            custom_id = an_object(each).get("custom_id")
            if custom_id is None or an_object(each).get("params") is None:
                field = "custom_id" if custom_id is None else "params"
                return _refused(400, f"requests.{index}.{field}: Field required")
            if not isinstance(custom_id, str) or not _CUSTOM_ID.fullmatch(custom_id):
                return _refused(
                    400, f"requests.{index}.custom_id: String should match pattern '^[a-zA-Z0-9_-]{{1,64}}$'"
                )
            if custom_id in seen:
                return _refused(400, f"requests.{index}.custom_id: Duplicate custom_id: {custom_id}")
            seen.add(custom_id)
        batch = _Batch(asked.account, [an_object(each) for each in every])
        self._batches[batch.told["id"]] = batch
        return _given(batch.told)

    def _list(self, asked: Asked) -> Answer:
        told = {name: values[-1] for name, values in parse_qs(asked.query).items()}
        mine = [each.told for each in reversed(self._batches.values()) if each.account == asked.account]
        names = [each["id"] for each in mine]
        limit = int(told.get("limit", 20))
        if after := told.get("after_id"):
            mine = mine[names.index(after) + 1 :]
        elif before := told.get("before_id"):
            mine = mine[: names.index(before)][-limit:]
        page = mine[:limit]
        first, last = (page[0]["id"], page[-1]["id"]) if page else (None, None)
        return _given({"data": page, "has_more": len(mine) > limit, "first_id": first, "last_id": last})

    def _cancel(self, batch: _Batch) -> Answer:
        if batch.told["processing_status"] == "ended":
            return _refused(400, f"Batch {batch.told['id']} cannot be canceled because it has already ended.")
        if batch.told["processing_status"] == "in_progress":
            batch.told |= {"processing_status": "canceling", "cancel_initiated_at": _at(time.time())}
            batch.end, batch.looks = "canceled", 1
        return _given(batch.told)

    def _results(self, batch: _Batch) -> Answer:
        if batch.told["processing_status"] != "ended":
            return _refused(
                404, f"Batch {batch.told['id']} has not finished processing: its results are not available."
            )
        if batch.end == "archived":
            return _refused(404, f"The results of batch {batch.told['id']} are no longer available.")
        return 200, _LINES, batch.results

    def _look(self, batch: _Batch) -> None:
        if batch.told["processing_status"] == "ended":
            return
        batch.looks -= 1
        if batch.looks > 0 or batch.end == "forgotten":
            return
        requests = batch.requests
        half = len(requests) // 2 if batch.end in ("expired", "canceled") else len(requests)
        lines = list[tuple[str, bytes]]()
        for index, request in enumerate(requests):
            result = self._answer_one(request["params"]) if index < half else {"type": batch.end}
            line = json.dumps({"custom_id": request["custom_id"], "result": result}).encode()
            lines.append((str(result["type"]), line))
        lines = lines[::-1] * (2 if batch.repeats else 1)
        batch.results = b"".join(line + b"\n" for _, line in lines[: -batch.cut or None])
        kinds = [kind for kind, _ in lines[: len(requests)]]
        now = _at(time.time())
        batch.told |= {
            "processing_status": "ended",
            "ended_at": now,
            "archived_at": now if batch.end == "archived" else None,
            "request_counts": _counts(**{kind: kinds.count(kind) for kind in set(kinds)}),
            "results_url": None
            if batch.end == "archived"
            else f"{_HOST}/v1/messages/batches/{batch.told['id']}/results",
        }

    def _answer_one(self, params: Any) -> dict[str, Any]:
        self._numbers += 1
        body = an_object(params)
        try:
            anthropic_messages.check(body)
            if body.get("stream") or body["max_tokens"] == 0:
                raise anthropic_messages.Refused("stream and max_tokens 0 are not supported in batches")
            model, scenario = read_model(body["model"], Scenario())
            anthropic_messages.check_model(body, model)
        except anthropic_messages.Refused as refused:
            return {"type": "errored", "error": refused.body}
        if scenario.status != 200:
            told = json.loads(anthropic_messages.error_body(scenario.status, self._numbers))
            return {"type": "errored", "error": told}
        message = json.loads(anthropic_messages.whole(body, model, scenario, self._numbers))
        message["usage"]["service_tier"] = "batch"
        return {"type": "succeeded", "message": message}


def _counts(**known: int) -> dict[str, int]:
    return {"processing": 0, "succeeded": 0, "errored": 0, "canceled": 0, "expired": 0} | known


def _at(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


def _given(told: dict[str, Any]) -> Answer:
    return 200, _JSON, json.dumps(told).encode()


def _refused(status: int, message: str) -> Answer:
    return status, _JSON, anthropic_messages.error_body(status, 0, message)

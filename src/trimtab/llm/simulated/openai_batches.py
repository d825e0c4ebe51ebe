"""OpenAI's batches with what belongs to them: files of calls, a life that takes a few looks, and files of answers.

https://platform.openai.com/docs/api-reference/batch, https://platform.openai.com/docs/guides/batch. A file of calls
that was uploaded here is kept whole; each line is answered by the simulated models. An account is a key: what one made,
no other sees. How a batch goes is asked for in its ``metadata`` (``{"simulated": "looks=3&end=expired&usage=false"}``):

    looks    how often it is looked at until it is over (1)
    end      completed, failed, expired (half of the lines are answered) or forgotten (404 from then on)
    usage    false: the batch does not tell what it used, as older ones and those of other vendors; its lines do
    repeat   true: the file of answers has each line twice
    cut      so many lines are missing at the end of the file of answers
    answer   2s: its maker is told two seconds after it is made; reset: the connection breaks instead; 500: a defect
"""

import json
import re
import secrets
import time
from typing import Any, Final, cast
from urllib.parse import parse_qsl

from trimtab.llm.simulated import openai_chat, openai_responses
from trimtab.llm.simulated.scenario import Scenario, read_model
from trimtab.llm.simulated.tasks import OpenAIEmbeddings

Answer = tuple[int, str, bytes]
PATH: Final = re.compile(r"/v1/(files|batches)(?:/([A-Za-z0-9_-]+)(/content|/cancel)?)?")
_FILE = re.compile(rb'filename="[^"]*".*?\r\n\r\n(.*?)\r\n--', re.DOTALL)
_VENDORS: Final[dict[str, Any]] = {
    "/v1/chat/completions": openai_chat,
    "/v1/responses": openai_responses,
    "/v1/embeddings": OpenAIEmbeddings(),
}
_DAY_S: Final = 86_400
_JSON: Final = "application/json"


class _Batch:
    def __init__(self, account: str, body: dict[str, Any], lines: list[dict[str, Any]]) -> None:
        asked = str(cast("dict[str, Any]", body.get("metadata") or {}).get("simulated", ""))
        wishes = dict(parse_qsl(asked))
        self.account = account
        self.lines = lines
        self.looks = int(wishes.get("looks", 1))
        self.end = wishes.get("end", "completed")
        self.tells = wishes.get("usage") != "false"
        self.cut = int(wishes.get("cut", 0))
        self.repeats = wishes.get("repeat") == "true"
        now = int(time.time())
        self.told: dict[str, Any] = {
            "id": f"batch_{secrets.token_hex(16)}",
            "object": "batch",
            "endpoint": body.get("endpoint"),
            "errors": None,
            "input_file_id": body.get("input_file_id"),
            "completion_window": body.get("completion_window"),
            "status": "validating",
            "output_file_id": None,
            "error_file_id": None,
            "created_at": now,
            "expires_at": now + _DAY_S,
            "request_counts": {"total": 0, "completed": 0, "failed": 0},
            "metadata": body.get("metadata"),
        }


class Batches:
    """While it ``forgets`` it knows no batch that it is asked about."""

    def __init__(self) -> None:
        self.forgets = False
        self.lists = True
        """False: what it lists lags behind, and has no batch in it."""
        self._files: dict[str, tuple[str, bytes]] = {}
        self._deleted: set[str] = set()
        self._batches: dict[str, _Batch] = {}
        self._numbers = 0

    @property
    def made(self) -> list[dict[str, Any]]:
        """All of them, as they are told, the oldest first."""
        return [each.told for each in self._batches.values()]

    def late(self, method: str, path: str, raw: bytes) -> str:
        """What the maker of a batch wishes of its answer."""
        if method != "POST" or path != "/v1/batches":
            return ""
        body: dict[str, Any] = json.loads(raw)
        asked = str(cast("dict[str, Any]", body.get("metadata") or {}).get("simulated", ""))
        return dict(parse_qsl(asked)).get("answer", "")

    def answer(self, method: str, path: str, raw: bytes, account: str, query: str = "") -> Answer | None:
        """None for what is none of these: other files, and batches of them."""
        found = PATH.fullmatch(path)
        if found is None:
            return None
        kind, name, part = found[1], found[2] or "", found[3] or ""
        if kind == "files":
            return self._file(method, name, part, raw, account)
        if not name:
            return self._make(raw, account) if method == "POST" else self._list(account, dict(parse_qsl(query)))
        batch = self._batches.get(name)
        if batch is None:
            return None
        if self.forgets or batch.account != account or (batch.end == "forgotten" and batch.looks <= 0):
            return _refused(404, f"No batch found with id '{name}'.")
        if method == "POST" and part == "/cancel":
            return self._cancel(batch)
        return self._look(batch)

    def _file(self, method: str, name: str, part: str, raw: bytes, account: str) -> Answer | None:
        if method == "POST" and not name:
            content = _FILE.search(raw)
            if content is None or (content[1].strip() and not _calls(content[1])):
                return None
            made = self._keep(account, content[1], "batch")
            return 200, _JSON, json.dumps(made).encode()
        if name in self._deleted:
            return _refused(404, f"No such File object: {name}")
        kept = self._files.get(name)
        if kept is None:
            return None
        if kept[0] != account:
            return _refused(404, f"No such File object: {name}")
        if method == "DELETE":
            del self._files[name]
            self._deleted.add(name)
            return 200, _JSON, json.dumps({"id": name, "object": "file", "deleted": True}).encode()
        if part == "/content":
            return 200, "application/octet-stream", kept[1]
        return 200, _JSON, json.dumps(_told_of(name, kept[1], "batch")).encode()

    def _keep(self, account: str, content: bytes, purpose: str) -> dict[str, Any]:
        name = f"file-{secrets.token_hex(12)}"
        self._files[name] = account, content
        return _told_of(name, content, purpose)

    def _make(self, raw: bytes, account: str) -> Answer | None:
        body: dict[str, Any] = json.loads(raw)
        kept = self._files.get(str(body.get("input_file_id")))
        if kept is None:
            return None
        if kept[0] != account:
            return _refused(404, f"No such File object: {body['input_file_id']}")
        if body.get("completion_window") != "24h":
            return _refused(400, "Invalid value for 'completion_window'. Supported values are: '24h'.")
        if body.get("endpoint") not in _VENDORS:
            return _refused(400, f"Invalid value: '{body.get('endpoint')}'. Supported values are: {list(_VENDORS)}.")
        batch = _Batch(account, body, _calls(kept[1]))
        self._batches[batch.told["id"]] = batch
        return 200, _JSON, json.dumps(batch.told).encode()

    def _list(self, account: str, asked: dict[str, str]) -> Answer:
        """Newest first."""
        limit, after = int(asked.get("limit", 20)), asked.get("after")
        if not 1 <= limit <= 100:
            return _refused(400, f"Invalid 'limit': {limit} is not between 1 and 100.")
        told = [each.told for each in reversed(self._batches.values()) if self.lists and each.account == account]
        names = [each["id"] for each in told]
        if after is not None:
            told = told[names.index(after) + 1 :] if after in names else []
        page = told[:limit]
        ends = {"first_id": page[0]["id"], "last_id": page[-1]["id"]} if page else {"first_id": None, "last_id": None}
        made = {"object": "list", "data": page, "has_more": len(told) > limit, **ends}
        return 200, _JSON, json.dumps(made).encode()

    def _cancel(self, batch: _Batch) -> Answer:
        if batch.told["status"] in ("completed", "failed", "expired", "cancelled"):
            return _refused(409, f"Cannot cancel a batch with status '{batch.told['status']}'.")
        batch.told |= {"status": "cancelling", "cancelling_at": int(time.time())}
        batch.end, batch.looks = "cancelled", 1
        return 200, _JSON, json.dumps(batch.told).encode()

    def _look(self, batch: _Batch) -> Answer:
        if batch.told["status"] in ("validating", "in_progress", "cancelling"):
            batch.looks -= 1
            if batch.looks > 0:
                if batch.told["status"] == "validating":
                    counts = {"total": len(batch.lines), "completed": 0, "failed": 0}
                    batch.told |= {"status": "in_progress", "request_counts": counts}
            elif batch.end == "forgotten":
                return _refused(404, f"No batch found with id '{batch.told['id']}'.")
            else:
                self._finish(batch)
        return 200, _JSON, json.dumps(batch.told).encode()

    def _finish(self, batch: _Batch) -> None:
        """Answer its lines: none of one that failed, half of one that came to its end before."""
        lines = batch.lines
        if batch.end == "failed":
            lines = []
        elif batch.end in ("expired", "cancelled"):
            lines = lines[: len(lines) // 2]
        answered, errors, usage, model = list[bytes](), list[bytes](), dict[str, Any](), ""
        for line in lines:
            status, body = self._answer_line(str(batch.told["endpoint"]), line)
            told = {
                "id": f"batch_req_{secrets.token_hex(12)}",
                "custom_id": line.get("custom_id"),
                "response": {"status_code": status, "request_id": secrets.token_hex(16), "body": body},
                "error": None,
            }
            (answered if status == 200 else errors).append(json.dumps(told).encode())
            if status == 200:
                model = str(body["model"])
                _add(usage, cast("dict[str, Any]", body.get("usage") or {}))
        status = "completed" if batch.end == "forgotten" else batch.end
        batch.told |= {"status": status, f"{status}_at": int(time.time())}
        counts = {"total": len(batch.lines), "completed": len(answered), "failed": len(errors)}
        batch.told["request_counts"] = counts
        if answered:
            kept = (answered * 2 if batch.repeats else answered)[: -batch.cut or None]
            batch.told["output_file_id"] = self._keep(batch.account, b"\n".join(kept) + b"\n", "batch_output")["id"]
        if errors:
            batch.told["error_file_id"] = self._keep(batch.account, b"\n".join(errors) + b"\n", "batch_output")["id"]
        if batch.tells:
            batch.told |= {"model": model or None, "usage": usage or _add({}, {})}

    def _answer_line(self, endpoint: str, line: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        vendor, body = _VENDORS[endpoint], cast("dict[str, Any]", line.get("body") or {})
        self._numbers += 1
        try:
            vendor.check(body)
            model, scenario = read_model(body["model"], Scenario())
        except (openai_chat.Refused, openai_responses.Refused) as refused:
            return refused.status, refused.body
        if scenario.status != 200:
            return scenario.status, json.loads(openai_chat.error_body(scenario.status, self._numbers))
        return 200, json.loads(vendor.whole(body, model, scenario, self._numbers))


def _calls(content: bytes) -> list[dict[str, Any]]:
    """The lines of a file of calls; none of one that is something else."""
    try:
        lines = [json.loads(line) for line in content.splitlines() if line.strip()]
    except ValueError:
        return []
    are_calls = all(isinstance(line, dict) and "url" in line and "body" in line for line in lines)
    return cast("list[dict[str, Any]]", lines) if are_calls else []


def _add(usage: dict[str, Any], told: dict[str, Any]) -> dict[str, Any]:
    """A batch tells its usage in the words of Responses, whatever its lines ask."""
    read = told.get("prompt_tokens", told.get("input_tokens", 0))
    wrote = told.get("completion_tokens", told.get("output_tokens", 0))
    read_side = _details(told, "prompt_tokens_details", "input_tokens_details")
    wrote_side = _details(told, "completion_tokens_details", "output_tokens_details")
    before = _details(usage, "input_tokens_details").get("cached_tokens", 0)
    thought = _details(usage, "output_tokens_details").get("reasoning_tokens", 0)
    usage["input_tokens"] = usage.get("input_tokens", 0) + read
    usage["input_tokens_details"] = {"cached_tokens": before + read_side.get("cached_tokens", 0)}
    usage["output_tokens"] = usage.get("output_tokens", 0) + wrote
    usage["output_tokens_details"] = {"reasoning_tokens": thought + wrote_side.get("reasoning_tokens", 0)}
    usage["total_tokens"] = usage["input_tokens"] + usage["output_tokens"]
    return usage


def _details(told: dict[str, Any], *names: str) -> dict[str, Any]:
    found = [told[name] for name in names if told.get(name)]
    return cast("dict[str, Any]", found[0]) if found else {}


def _told_of(name: str, content: bytes, purpose: str) -> dict[str, Any]:
    return {
        "id": name,
        "object": "file",
        "bytes": len(content),
        "created_at": int(time.time()),
        "filename": f"{purpose}.jsonl",
        "purpose": purpose,
        "status": "processed",
    }


def _refused(status: int, message: str) -> Answer:
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": None}
    return status, _JSON, json.dumps({"error": error}).encode()

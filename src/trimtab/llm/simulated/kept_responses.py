"""What a simulated OpenAI keeps of its responses: each by its id, and those that are made in the background.

https://platform.openai.com/docs/api-reference/responses/get, /docs/guides/background. One that is made in the
background is ``queued`` when it is asked for, ``in_progress`` when it is looked at first, and done from then on.
"""

import json
import re
from collections import OrderedDict
from typing import Any

from trimtab.llm.simulated import openai_responses
from trimtab.llm.simulated.scenario import Scenario

PATH = re.compile(r"/v1/responses/(resp_[0-9a-f]{48})(/input_items|/cancel)?")
_MOST = 1000


class KeptResponses:
    """The last thousand."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, tuple[dict[str, Any], dict[str, Any]]] = OrderedDict()
        self._looked_at: set[str] = set()

    def keep(self, body: dict[str, Any], model: str, scenario: Scenario, number: int) -> None:
        if body.get("store") is False:
            return
        made = json.loads(openai_responses.whole(body | {"background": False}, model, scenario, number))
        self._kept[made["id"]] = (body, made | {"background": bool(body.get("background"))})
        while len(self._kept) > _MOST:
            self._looked_at.discard(self._kept.popitem(last=False)[0])

    def answer(self, method: str, path: str) -> tuple[int, bytes]:
        """Status and body."""
        found = PATH.fullmatch(path)
        kept = self._kept.get(found[1]) if found else None
        if found is None or kept is None:
            message = f"Response with id '{path.split('/')[3]}' not found."
            return 404, json.dumps({"error": {"message": message, "type": "invalid_request_error"}}).encode()
        body, made = kept
        undone: dict[str, Any] = {"output": [], "usage": None}
        match method, found[2]:
            case "GET", None:
                told = made
                if made["background"] and found[1] not in self._looked_at:
                    self._looked_at.add(found[1])
                    told = made | undone | {"status": "in_progress"}
            case "GET", "/input_items":
                items = openai_responses.items_of(body)
                told = {"object": "list", "data": items, "has_more": False, "first_id": None, "last_id": None}
            case "POST", "/cancel":
                told = made | undone | {"status": "cancelled"}
                self._kept[found[1]] = (body, told)
                self._looked_at.add(found[1])
            case "DELETE", None:
                del self._kept[found[1]]
                told = {"id": found[1], "object": "response.deleted", "deleted": True}
            case _:
                return 405, b'{"error": {"message": "Method not allowed.", "type": "invalid_request_error"}}'
        return 200, json.dumps(told, ensure_ascii=False).encode()

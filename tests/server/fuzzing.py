# pyright: reportPrivateUsage=false
"""schemathesis over the whole API: whatever is sent, no defect of ours, and answers as they are described. For
`test_fuzz_fitting.py` and `test_fuzz_unfitting.py`, which run beside each other.

Every operation, with bodies and parameters that fit the description and with some that do not. Ids in paths are mostly
those of things that are there, so that what lies behind them is reached.
"""

import asyncio
import copy
import string
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import httpx
import requests
import schemathesis
from house import ADMIN, House, make_house
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error as no_defect  # pyright: ignore[reportUnknownVariableType]
from schemathesis.specs.openapi import checks as described

from trimtab.server.openapi import document
from trimtab.telemetry.reader import TelemetryReader

NODES = (
    "Target",
    "Fallback",
    "Weights",
    "Fastest",
    "Cheapest",
    "LeastBusy",
    "When",
    "Semantic",
    "Escalate",
    "LocalOnly",
)
INSIDE = (*NODES, "Share", "Branch", "Topic", "If")


def flattened(described: dict[str, Any]) -> dict[str, Any]:
    """The description with trees of routes one node deep: of what refers to itself ten ways schemathesis makes the
    unfitting for minutes. `gateway/routing/test_check.py` and `test_config_routes.py` go deep.

    And without how one signs in: every request is signed by `Server.send`, so that of a case of which only the header
    with the key does not fit nothing would be left (every other unfitting case was one).
    """

    def leaves(schema: Any) -> Any:
        if isinstance(schema, list):
            return [leaves(each) for each in cast("list[Any]", schema)]
        if not isinstance(schema, dict):
            return schema
        found = cast("dict[str, Any]", schema)
        refers = {each.get("$ref", "").rpartition("/")[2] for each in found.get("anyOf", ())}
        if refers & {*NODES, "If"}:
            return {"type": "string"} if refers & {*NODES} else {"type": "null"}
        return {key: leaves(value) for key, value in found.items()}

    flat = copy.deepcopy(described)
    parts = flat["components"]["schemas"]
    parts |= {name: leaves(parts[name]) for name in INSIDE}
    for path in flat["paths"].values():
        for operation in path.values():
            operation.pop("security", None)
    flat.pop("security", None)
    return flat


SCHEMA: Any = schemathesis.openapi.from_dict(flattened(document()))
FOUND: list[Any] = list(SCHEMA.get_all_operations())
ENDLESS = "GET /api/v1/projects/{project}/traces/live"
"""It goes on for a quarter of an hour, whatever is asked: `test_live_api.py` and `flows/test_tail.py` ask it."""
OPERATIONS: dict[str, Any] = {found.ok().label: found.ok() for found in FOUND if found.ok().label != ENDLESS}
TAKES_SOMETHING = [label for label, operation in OPERATIONS.items() if operation.body or operation.query]
"""Those that can be sent something that does not fit."""
_DESCRIBED: Any = described
CHECKS: list[Any] = [
    no_defect,
    _DESCRIBED.status_code_conformance,
    _DESCRIBED.content_type_conformance,
    _DESCRIBED.response_schema_conformance,
]
CANARY = "sk-canary-0123456789"
LAB = {"name": "lab", "base_url": "http://127.0.0.1:9/v1", "api_key": CANARY, "headers": {"x-token": CANARY}}
EXAMPLES = {GenerationMode.POSITIVE: 12, GenerationMode.NEGATIVE: 8}
"""For each of some three hundred operations. What does not fit takes three times as long to find."""
GOOD: dict[str, st.SearchStrategy[Any]] = {
    "slug": st.from_regex(r"[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?", fullmatch=True),
    "name": st.from_regex(r"[a-z0-9][a-z0-9._-]{0,10}", fullmatch=True),
    "provider": st.just("lab"),
    "base_url": st.just("http://127.0.0.1:9/v1"),
    "kind": st.sampled_from(["custom", "openai", "anthropic", "local"]),
    "dialect": st.sampled_from(["openai_chat", "anthropic_messages", None]),
    "role": st.just("read_only"),
    "fallback": st.lists(st.just("fast"), max_size=1),
    "expires": st.none() | st.integers(2_000_000_000_000, 2**53),
    "key": st.just(ADMIN),
}


class Server:
    """The app and a furnished world, asked from synchronous tests."""

    def __init__(self, folder: Path, store: TelemetryReader) -> None:
        self._runner = asyncio.Runner()
        self._store = store
        self._changed = True
        self.house: House = self._runner.run(self._furnish(folder))
        self._client = self.house.client()

    async def _furnish(self, folder: Path) -> House:
        return await make_house(folder, asker=self._store)

    def refurnish(self) -> None:
        """What earlier tests removed stands again, where one has sent anything but a question."""
        if not self._changed:
            return

        async def story() -> None:
            at = "/api/v1/projects/default"
            for path, body in (("providers", LAB), ("models", {"name": "fast", "provider": "lab"})):
                assert (await self.house.admin.post(f"{at}/{path}", json=body)).status_code in (201, 409)
            app = f"{at}/apps/desk"
            if (await self.house.admin.get(f"{app}/releases/r1")).status_code == 404:
                assert (await self.house.admin.put(app, json={"spec": {"route": "fast"}})).status_code == 200
                assert (await self.house.admin.post(f"{app}/releases", json={})).status_code == 201
            assert (await self.house.admin.patch(app, json={"archived": False})).status_code == 200

        self._runner.run(story())
        self._changed = False

    def send(self, case: Any) -> httpx.Response:
        """The very bytes schemathesis would send, by way of ASGI."""
        kwargs = case.as_transport_kwargs(base_url="http://trimtab.test")
        known = {"method", "url", "headers", "params", "data", "json", "cookies", "files"}
        ready = requests.Request(**{name: value for name, value in kwargs.items() if name in known}).prepare()
        headers = [(n.encode("latin-1", "ignore"), _bytes(v)) for n, v in ready.headers.items()]
        headers.append((b"authorization", f"Bearer {ADMIN}".encode()))
        request = httpx.Request(
            ready.method or "GET", str(ready.url), headers=headers, content=cast("bytes | None", ready.body)
        )
        self._changed = self._changed or request.method not in ("GET", "HEAD")
        return self._runner.run(self._client.send(request))

    def close(self) -> None:
        self._runner.run(self.house.close())
        self._runner.run(self._store.aclose())
        self._runner.close()


def _bytes(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode("latin-1", "ignore")


def served_by(folder: Path, store: TelemetryReader) -> Iterator[Server]:
    made = Server(folder, store)
    yield made
    made.close()


def in_path(label: str, data: st.DataObject) -> dict[str, Any]:
    """Mostly names that are there; some that are odd."""
    there = {"project": "default", "name": "lab" if "provider" in label else "fast", "app": "desk", "ref": "r1"}
    there["environment"] = "staging"
    # a dot or two as a whole segment are another address: clients take them away before anything is sent
    odd = st.text(string.printable, min_size=1, max_size=12).filter(lambda text: text not in (".", ".."))
    given = ("project", "name", "key", "trace_id", "span_id", "app", "ref", "environment")
    names = [name for name in given if f"{{{name}}}" in label]
    if data.draw(st.integers(0, 4)):
        return {name: there[name] for name in names if name in there}
    return {name: data.draw(odd) for name in names}


def mended(body: Any, data: st.DataObject) -> Any:
    """A body of which some fields get good values, so that more than the first rule is reached."""
    if not isinstance(body, dict):
        return body
    fields = cast("dict[str, Any]", body)
    return {n: data.draw(GOOD[n]) if n in GOOD and data.draw(st.integers(0, 3)) else v for n, v in fields.items()}


def fuzz(server: Server, label: str, mode: GenerationMode) -> None:
    """Send an operation what fits its description, or what does not."""
    operation = OPERATIONS[label]
    server.refurnish()

    @settings(
        max_examples=EXAMPLES[mode],
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
    )
    @given(st.data())
    def each(data: st.DataObject) -> None:
        case = data.draw(operation.as_strategy(mode, path_parameters=in_path(label, data)))
        case.body = mended(case.body, data) if mode is GenerationMode.POSITIVE else case.body
        answer = server.send(case)
        case.validate_response(answer, checks=CHECKS)
        assert CANARY not in answer.text
        assert "Traceback" not in answer.text

    each()

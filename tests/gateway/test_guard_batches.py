"""A batch where guards stand: its lines would go round them."""

import asyncio
from typing import Any

import pytest
from harness import provider, running
from msgspec.structs import replace
from test_guarding import FAST, guard, secrets
from upstream import answers, upstream

from trimtab.guard.types import GuardSpec

WANTED = {"input_file_id": "file-1", "endpoint": "/v1/chat/completions", "completion_window": "24h"}
MADE = {"id": "batch_1", "object": "batch", "status": "validating"}
BLOCK = secrets(action="block")
CASES: list[tuple[GuardSpec, bool]] = [
    (BLOCK, False),
    (replace(BLOCK, applies_to=("fast",)), False),
    (replace(BLOCK, applies_to=("lab/*",)), False),
    (replace(BLOCK, applies_to=("lab/gpt-5",)), False),
    (replace(BLOCK, applies_to=("batches",)), False),
    (replace(BLOCK, applies_to=("other/*", "support")), True),
    (replace(BLOCK, on_failure="open"), True),
    (replace(BLOCK, mode="shadow"), True),
    (replace(BLOCK, action="flag"), True),
]


@pytest.mark.parametrize(("spec", "passes"), CASES)
def test_a_batch_passes_only_where_no_guard_that_fails_closed_is_gone_round(spec: GuardSpec, passes: bool) -> None:
    async def main() -> None:
        async with upstream(answers(MADE)) as up:
            lab = replace(provider("lab", up.port), kind="openai")
            async with running([lab], [FAST]) as g:
                guard(g, spec)
                key: dict[str, Any] = {"authorization": "Bearer tt_client"}
                made = await g.client.post("/v1/batches", json=WANTED, headers=key)
                assert made.status_code == (200 if passes else 403), made.text
                if not passes:
                    assert made.json()["error"]["code"] == "guard_unsupported"
                    assert "g0" in made.json()["error"]["message"]
                assert len(up.requests) == passes
                listed = await g.client.get("/v1/batches", headers=key)
                assert listed.status_code == 200, listed.text

    asyncio.run(main())


READ: list[tuple[GuardSpec, bool]] = [*CASES[:4], (replace(BLOCK, stages=("input",)), True), *CASES[5:]]


@pytest.mark.parametrize(("spec", "passes"), READ)
def test_an_answer_that_its_provider_kept_is_read_only_where_no_guard_of_answers_is_gone_round(
    spec: GuardSpec, passes: bool
) -> None:
    async def main() -> None:
        told: dict[str, Any] = {
            "id": "resp_1",
            "object": "response",
            "status": "completed",
            "output": [],
            "usage": None,
        }
        async with upstream(answers(told)) as up:
            lab = replace(provider("lab", up.port), kind="openai")
            async with running([lab], [FAST]) as g:
                guard(g, spec)
                for method, path in (("GET", ""), ("GET", "/input_items"), ("POST", "/cancel")):
                    read = await g.client.request(method, f"/v1/responses/resp_1{path}")
                    assert read.status_code == (200 if passes else 403), read.text
                    assert passes or "nobody looks at an answer" in read.json()["error"]["message"]
                assert len(up.requests) == 3 * passes
                gone = await g.client.delete("/v1/responses/resp_1")
                assert gone.status_code == 200, gone.text

    asyncio.run(main())

"""A batch where guards stand: its lines would go round them."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from harness import provider, running
from msgspec.structs import replace
from test_guarding import FAST, guard, secrets
from upstream import answers, upstream
from vendors import sqlite, vendors

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


@pytest.mark.parametrize("background", [False, True])
@pytest.mark.parametrize(
    ("spec", "passes"),
    [
        (replace(BLOCK, applies_to=("smart",)), False),
        (replace(BLOCK, applies_to=("smart",), stages=("input",)), True),
        (replace(BLOCK, applies_to=("smart",), on_failure="open"), True),
    ],
)
def test_a_guard_of_what_was_called_is_not_gone_round_by_reading_the_answer_at_its_provider(
    tmp_path: Path, spec: GuardSpec, passes: bool, background: bool
) -> None:
    async def main() -> None:
        routes = {"smart": {"tree": {"node": "weights", "of": [{"weight": 1, "use": "m"}]}}}
        async with vendors("openai_responses", url=sqlite(tmp_path), routes=routes) as g:
            here = g.force[0].targets["prj_1"]
            second = replace(here.providers["sim"], name="second")
            both = replace(here, providers={**here.providers, "second": second})
            g.force[0] = replace(g.force[0], targets={**g.force[0].targets, "prj_1": both})
            if not background:  # one of these would not be made: the guard comes after it
                guard(g, spec)
            ids, sim = dict[str, str](), {"trimtab-provider": "sim"}
            for name in ("smart", "m"):
                asked = {"model": name, "input": "hello", "background": background}
                made = await g.client.post("/v1/responses", json=asked)
                assert made.status_code == 200, made.text
                ids[name] = made.json()["id"]
            guard(g, spec)
            for method, path in (("GET", ""), ("GET", "/input_items"), ("POST", "/cancel")):
                read = await g.client.request(method, f"/v1/responses/{ids['smart']}{path}", headers=sim)
                assert read.status_code == (200 if passes else 403), read.text
                other = await g.client.request(method, f"/v1/responses/{ids['m']}{path}", headers=sim)
                assert other.status_code == 200, other.text
            other = await g.client.get(f"/v1/responses/{ids['smart']}", headers={"trimtab-provider": "second"})
            noted = background or not passes
            assert other.status_code == (404 if noted else 200), other.text  # the same account by another name
            gone = await g.client.delete(f"/v1/responses/{ids['smart']}", headers=sim)
            assert gone.status_code == 200, gone.text

    asyncio.run(main())


@pytest.mark.parametrize(
    ("spec", "passes"),
    [(BLOCK, False), (replace(BLOCK, stages=("input",)), True), (replace(BLOCK, on_failure="open"), True)],
)
def test_what_could_not_be_read_afterwards_is_not_made_in_the_background_and_not_paid(
    tmp_path: Path, spec: GuardSpec, passes: bool
) -> None:
    async def main() -> None:
        async with vendors("openai_responses", url=sqlite(tmp_path)) as g:
            guard(g, spec)
            asked = {"model": "m", "input": "hello", "background": True}
            made = await g.client.post("/v1/responses", json=asked)
            assert made.status_code == (200 if passes else 400), made.text
            assert len(g.told.calls) == passes
            if passes:
                read = await g.client.get(f"/v1/responses/{made.json()['id']}")
                assert read.status_code == 200, read.text
                return
            error = made.json()["error"]
            assert (error["code"], error["param"]) == ("guard_unsupported", "background")
            assert "Guards (g0) look at the answers of 'm'" in error["message"]
            assert not g.spool.records[0].attempts
            streamed = await g.client.post("/v1/responses", json={**asked, "stream": True})
            assert "response.completed" in streamed.text  # it is looked at while it comes

    asyncio.run(main())


def test_a_guard_of_another_model_keeps_nobody_from_what_was_made_in_the_background(tmp_path: Path) -> None:
    async def main() -> None:
        async with vendors("openai_responses", url=sqlite(tmp_path)) as g:
            here = g.force[0].targets["prj_1"]
            models = {**here.models, "other": replace(here.models["m"], name="other")}
            both = {**g.force[0].targets, "prj_1": replace(here, models=models)}
            g.force[0] = replace(g.force[0], targets=both)
            guard(g, replace(BLOCK, applies_to=("other",)))
            made = await g.client.post("/v1/responses", json={"model": "m", "input": "hello", "background": True})
            assert made.status_code == 200, made.text
            path = f"/v1/responses/{made.json()['id']}"
            assert (await g.client.get(path)).status_code == 200
            guard(g, replace(BLOCK, applies_to=("m",)))
            read = await g.client.get(path)
            assert (read.status_code, read.json()["error"]["code"]) == (403, "guard_unsupported")

    asyncio.run(main())

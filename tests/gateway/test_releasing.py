"""Calls that name an app, through the whole gateway."""

import asyncio
from typing import Any

import httpx
import pytest
from harness import KEY, provider, running
from msgspec import structs
from placing import place, prompt, release, running_loop
from upstream import DONE, STOP, USAGE, WHOLE, answers, delta, streams, upstream

from patience import PATIENCE_S
from trimtab.gateway.apps.types import ProjectApps
from trimtab.gateway.targets import Model
from trimtab.governance.access import Principal, Project, digest
from trimtab.llm.dialects import DIALECTS, dialects
from trimtab.releases.resolve import Lane
from trimtab.releases.types import Pinned, Segment

ASK = [{"role": "user", "content": "Where is my parcel?"}]
GREETING = prompt(("system", "Be {{ tone }} to {{ customer }}."), customer={}, tone={"default": "kind"})


def told(response: httpx.Response) -> dict[str, Any]:
    return response.json()["error"]


@running_loop
async def test_a_call_that_names_an_app_is_answered_with_its_release_and_says_so() -> None:
    row = release(12, prompt=GREETING, parameters={"temperature": 0.2, "max_tokens": 50})
    async with upstream(answers(WHOLE)) as up, running([provider("up", up.port)], []) as gateway:
        place(gateway, [row])
        response = await gateway.chat(
            {"model": "support", "messages": ASK, "variables": {"customer": "Ada"}, "temperature": 1.0, "x_own": 7}
        )
        record = await gateway.spool.one()
    assert response.status_code == 200, response.text
    assert response.headers["trimtab-release"] == "support r12"
    assert "trimtab-variant" not in response.headers
    sent = up.requests[0][1]
    assert sent == {
        "model": "m",
        "messages": [{"role": "system", "content": "Be kind to Ada."}, *ASK],
        "temperature": 0.2,
        "max_tokens": 50,
        "x_own": 7,
    }
    assert (record.app, record.release, record.environment, record.model) == (
        "support", "r12", "production", "support"
    )  # fmt: skip
    assert record.app_note is not None
    assert record.app_note.prompt == "support@3"
    assert record.app_note.overridden == ("temperature",)
    assert b'"variables"' in record.request
    assert b"Be kind to Ada." in record.attempts[0].request
    assert record.attempts[0].usage is not None


@running_loop
async def test_a_header_gives_variables_too_and_wins_over_the_body() -> None:
    async with upstream(answers(WHOLE)) as up, running([provider("up", up.port)], []) as gateway:
        place(gateway, [release(1, prompt=GREETING)])
        body = {"model": "support", "messages": ASK, "variables": {"customer": "Ada", "tone": "dry"}}
        await gateway.chat(body, trimtab_variables='{"customer": "Bob"}')
    assert up.requests[0][1]["messages"][0]["content"] == "Be dry to Bob."


@running_loop
async def test_what_a_release_fixes_stays_and_a_caller_that_says_otherwise_is_on_record() -> None:
    async with upstream(answers(WHOLE)) as up, running([provider("up", up.port)], []) as gateway:
        place(gateway, [release(1, prompt=GREETING, variables={"tone": "formal"})])
        await gateway.chat({"model": "support", "messages": ASK, "variables": {"customer": "Ada", "tone": "rude"}})
        record = await gateway.spool.one()
    assert up.requests[0][1]["messages"][0]["content"] == "Be formal to Ada."
    assert record.app_note is not None
    assert record.app_note.overridden == ("variables.tone",)


@running_loop
async def test_a_release_without_prompt_or_parameters_leaves_the_body_alone() -> None:
    async with upstream(answers(WHOLE)) as up, running([provider("up", up.port)], []) as gateway:
        place(gateway, [release(1)])
        response = await gateway.chat({"model": "support", "messages": ASK, "temperature": 1.0})
        record = await gateway.spool.one()
    assert response.json()["choices"][0]["message"]["content"] == "hi"
    assert up.requests[0][1] == {"model": "m", "messages": ASK, "temperature": 1.0}
    assert record.attempts[0].request == b""


@running_loop
async def test_the_clients_messages_go_where_the_prompt_leaves_a_place() -> None:
    bundle = prompt(
        ("system", "Short."), ("messages", "history"), ("user", "Answer in one word."), history={"type": "messages"}
    )
    async with upstream(answers(WHOLE)) as up, running([provider("up", up.port)], []) as gateway:
        place(gateway, [release(1, prompt=bundle)])
        await gateway.chat({"model": "support", "messages": ASK})
        await gateway.chat(
            {"model": "support", "messages": ASK, "variables": {"history": [{"role": "user", "content": "Hi"}]}}
        )
    first, second = (request["messages"] for _, request in up.requests)
    assert [m["content"] for m in first] == ["Short.", "Where is my parcel?", "Answer in one word."]
    assert [m["content"] for m in second] == ["Short.", "Hi", "Answer in one word.", "Where is my parcel?"]


@running_loop
async def test_a_prompt_that_says_it_all_needs_no_messages_of_the_client() -> None:
    async with upstream(answers(WHOLE)) as up, running([provider("up", up.port)], []) as gateway:
        place(gateway, [release(1, prompt=prompt(("user", "Say {{ word }}."), word={}))])
        await gateway.chat({"model": "support", "variables": {"word": "hello"}})
    assert up.requests[0][1] == {"model": "m", "messages": [{"role": "user", "content": "Say hello."}]}


@pytest.mark.parametrize(
    ("name", "variables", "status", "code", "words"),
    [
        ("support", {}, 400, "prompt_variable", "'customer' of the prompt 'support' is not given"),
        ("support", {"customer": 7}, 400, "prompt_variable", "is of type string"),
        ("support", {"customer": "Ada", "zone": 1}, 400, "prompt_variable", "has no variable 'zone'"),
        ("support", [1], 400, "invalid_request", "`variables` must be a JSON object"),
        ("support@moon", {}, 404, "environment_not_found", "Environments here: staging, production"),
        ("support@staging", {}, 404, "nothing_placed", "No release of the app 'support' runs in 'staging' yet"),
        ("support@staging", {}, 404, "nothing_placed", "trimtab release promote support r1 --in staging"),
        ("support@", {}, 404, "environment_not_found", "'support@' names no environment. Call 'support', or"),
        ("support@r9", {}, 403, "release_call_forbidden", "a release by its number"),
        ("suport", {}, 404, "model_not_found", "no model 'suport'"),
        ("suport", {}, 404, "model_not_found", "Did you mean 'support'?"),
    ],
)
@running_loop
async def test_what_cannot_be_is_told_with_the_way_out(
    name: str, variables: Any, status: int, code: str, words: str
) -> None:
    async with upstream(answers(WHOLE)) as up, running([provider("up", up.port)], []) as gateway:
        place(gateway, [release(1, prompt=GREETING)])
        response = await gateway.chat({"model": name, "messages": ASK, "variables": variables})
        record = await gateway.spool.one()
    assert (response.status_code, told(response)["code"]) == (status, code), response.text
    assert words in told(response)["message"]
    assert up.requests == []
    assert record.status == status
    assert record.app == ("support" if name.startswith("support") else "")


@running_loop
async def test_variables_for_a_release_without_a_prompt_are_the_releases_fault() -> None:
    """A release that drops its prompt must not look innocent to the rollout that watches it."""
    async with upstream(answers(WHOLE)) as up, running([provider("up", up.port)], []) as gateway:
        place(gateway, [release(1)])
        response = await gateway.chat({"model": "support", "messages": ASK, "variables": {"customer": "Ada"}})
    assert (response.status_code, told(response)["code"]) == (400, "prompt_variable"), response.text


@running_loop
async def test_a_caller_is_told_where_variables_go() -> None:
    async with upstream(answers(WHOLE)) as up, running([provider("up", up.port)], []) as gateway:
        place(gateway, [release(1, prompt=GREETING)])
        response = await gateway.chat({"model": "support", "messages": ASK})
    assert "Variables go into the body's 'variables'" in told(response)["message"]


@running_loop
async def test_a_release_that_cannot_be_used_refuses_its_own_calls_and_no_others() -> None:
    broken = release(1, prompt=prompt(("user", "{{ nobody }")))
    fine = release(1, app="other")
    async with upstream(answers(WHOLE)) as up, running([provider("up", up.port)], []) as gateway:
        place(gateway, [broken])
        place(gateway, [fine])
        refused = await gateway.chat({"model": "support", "messages": ASK})
        answered = await gateway.chat({"model": "other", "messages": ASK})
    assert (refused.status_code, told(refused)["code"]) == (503, "release_broken")
    assert "support r1 cannot be used" in told(refused)["message"]
    assert answered.status_code == 200


@running_loop
async def test_a_rollout_assigns_by_user_and_stays_with_it() -> None:
    rows = [release(1, parameters={"seed": 1}), release(2, parameters={"seed": 2})]
    lane = Lane(stable=1, candidate=2, rollout="ro_1", kind="ab", share=0.5)
    async with upstream(answers(WHOLE)) as up, running([provider("up", up.port)], []) as gateway:
        place(gateway, rows, lane)
        variants: dict[str, set[str]] = {}
        for user in ("ada", "bob", "cyd", "dan", "eve", "fay") * 2:
            response = await gateway.chat({"model": "support", "messages": ASK, "user": user})
            told_variant = response.headers["trimtab-variant"]
            variants.setdefault(user, set()).add(told_variant)
            assert up.requests[-1][1]["seed"] == (2 if told_variant == "candidate" else 1)
            record = gateway.spool.records[-1]
            assert (record.variant, record.release) == (told_variant, f"r{up.requests[-1][1]['seed']}")
            assert record.app_note is not None
            assert record.app_note.rollout == "ro_1"
            assert record.app_note.assigned.startswith("user at 0.")
    assert all(len(each) == 1 for each in variants.values())
    assert {next(iter(each)) for each in variants.values()} == {"stable", "candidate"}


@running_loop
async def test_those_outside_of_a_segment_are_told_when_nothing_else_runs() -> None:
    lane = Lane(candidate=1, rollout="ro_1", kind="segments", segment=Segment(tags=("internal",)))
    async with upstream(answers(WHOLE)) as up, running([provider("up", up.port)], []) as gateway:
        place(gateway, [release(1)], lane)
        inside = await gateway.chat({"model": "support", "messages": ASK}, trimtab_tags="internal")
        outside = await gateway.chat({"model": "support", "messages": ASK})
    assert inside.headers["trimtab-variant"] == "candidate"
    assert (outside.status_code, told(outside)["code"]) == (404, "app_not_for_you")


@running_loop
async def test_an_environment_is_called_by_name() -> None:
    async with upstream(answers(WHOLE)) as up, running([provider("up", up.port)], []) as gateway:
        place(gateway, [release(1)])
        place(gateway, [release(2)], environment="staging", default=False)
        default = await gateway.chat({"model": "support", "messages": ASK})
        staging = await gateway.chat({"model": "support@staging", "messages": ASK})
        records = gateway.spool.records
    assert (default.headers["trimtab-release"], staging.headers["trimtab-release"]) == ("support r1", "support r2")
    assert [record.environment for record in records] == ["production", "staging"]
    assert [record.app for record in records] == ["support", "support"]


@running_loop
async def test_a_stream_goes_on_with_the_release_it_began_with() -> None:
    first = streams(delta(), delta("one"), "wait", delta(" more"), STOP, USAGE, DONE)
    async with upstream(first, answers(WHOLE)) as up, running([provider("up", up.port)], []) as gateway:
        place(gateway, [release(1, parameters={"seed": 1})])
        body = {"model": "support", "messages": ASK, "stream": True}
        async with gateway.client.stream("POST", "/v1/chat/completions", json=body) as response:
            pieces = response.aiter_text()
            begun = await anext(pieces)
            while "one" not in begun:
                begun += await anext(pieces)
            place(gateway, [release(2, parameters={"seed": 2})])
            after = await gateway.chat({"model": "support", "messages": ASK})
            up.go_on.set()
            rest = "".join([piece async for piece in pieces])
        async with asyncio.timeout(PATIENCE_S):
            while len(gateway.spool.records) < 2:  # noqa: ASYNC110
                await asyncio.sleep(0.005)
        records = {record.release: record for record in gateway.spool.records}
    assert response.headers["trimtab-release"] == "support r1"
    assert after.headers["trimtab-release"] == "support r2"
    assert rest.endswith("data: [DONE]\n\n")
    assert (records["r1"].outcome, records["r2"].outcome) == ("answer", "answer")


@running_loop
async def test_a_pinned_model_stays_what_it_was_when_its_name_means_another() -> None:
    row = release(1, route="fast", models={"fast": Pinned(provider="up", upstream="m-old")}, model="up/m-old")
    models = [Model(name="fast", provider="up", upstream="m-new")]
    async with upstream(answers(WHOLE)) as up, running([provider("up", up.port)], models) as gateway:
        place(gateway, [row])
        await gateway.chat({"model": "support", "messages": ASK})
        await gateway.chat({"model": "fast", "messages": ASK})
    assert [request["model"] for _, request in up.requests] == ["m-old", "m-new"]
    assert gateway.spool.records[0].attempts[0].name == "up/m-old"


@running_loop
async def test_an_app_that_has_a_prompt_answers_no_embeddings() -> None:
    async with upstream(answers(WHOLE)) as up, running([provider("up", up.port)], []) as gateway:
        place(gateway, [release(1, prompt=GREETING)])
        response = await gateway.client.post("/v1/embeddings", json={"model": "support", "input": "x"})
    assert (response.status_code, told(response)["code"]) == (400, "operation_unsupported")
    assert up.requests == []


def test_a_name_with_an_at_that_is_no_app_is_left_to_models() -> None:
    apps = ProjectApps(newest={"support": 1})
    assert apps.find("claude@20250101") is None
    assert apps.find("support@staging") is not None
    assert apps.find("supporter") is None


@running_loop
async def test_apps_are_listed_among_the_models_and_found_by_every_name_they_answer_to() -> None:
    async with running([provider("up", 9)], [Model(name="fast", provider="up", upstream="m")]) as gateway:
        place(gateway, [release(3)])
        place(gateway, [release(4)], environment="staging", default=False)
        listed = (await gateway.client.get("/v1/models")).json()["data"]
        found = {
            name: (await gateway.client.get(f"/v1/models/{name}")).status_code
            for name in ("support", "support@production", "support@staging", "support@r2", "support@r5", "support@moon")
        }
    assert [(each["id"], each["owned_by"]) for each in listed] == [
        ("fast", "up"), ("support", "trimtab"), ("support@staging", "trimtab")
    ]  # fmt: skip
    assert found == {
        "support": 200, "support@production": 200, "support@staging": 200, "support@r2": 404, "support@r5": 404,
        "support@moon": 404,
    }  # fmt: skip


@running_loop
async def test_a_key_of_an_application_calls_environments_and_no_release_by_its_number() -> None:
    project = Project(id="prj_1", slug="default")
    bound = Principal(key_id="key_7", role="client", project=project, environments=("staging",))
    async with upstream(answers(WHOLE)) as up, running([provider("up", up.port)], []) as gateway:
        place(gateway, [release(1), release(2)])
        place(gateway, [release(2)], environment="staging", default=False)
        access = gateway.force[0].access
        keys = {
            **access.keys, digest("tt_bound"): bound,
            digest("tt_editor"): Principal(key_id="key_8", role="editor", project=project),
        }  # fmt: skip
        gateway.force[0] = structs.replace(gateway.force[0], access=structs.replace(access, keys=keys))

        async def asked(model: str, key: str, path: str = "/v1/chat/completions") -> tuple[int, str]:
            headers, body = {"authorization": f"Bearer {key}"}, {"model": model, "messages": ASK, "max_tokens": 9}
            answer = await gateway.client.post(path, json=body, headers=headers)
            return answer.status_code, "" if answer.status_code == 200 else answer.text

        for path in ("/v1/chat/completions", "/v1/messages", "/v1/messages/count_tokens"):
            assert (await asked("support@r2", KEY, path))[0] == 403
            assert (await asked("support@latest", KEY, path))[0] == 403
            assert (await asked("support@staging", KEY, path))[0] == 200
            assert (await asked("support@staging", "tt_bound", path))[0] == 200
            status, said = await asked("support@r2", "tt_editor", path)
            assert (status, "has no release 'r2'" in said) == (404, True), "it may, and this gateway has none"
            status, said = await asked("support", "tt_bound", path)
            assert (status, "'support@staging'" in said) == (403, True), "with the way out, in its dialect"
        assert (await asked("support@r2", "tt_bound"))[0] == 403
        listed = (await gateway.client.get("/v1/models", headers={"authorization": "Bearer tt_bound"})).json()["data"]
        assert [each["id"] for each in listed] == ["support@staging"]
        found = await gateway.client.get("/v1/models/support@r2", headers={"authorization": "Bearer tt_bound"})
        assert found.status_code == 404


@running_loop
async def test_tokens_are_counted_with_the_prompt_in() -> None:
    async with running([provider("up", 9)], []) as gateway:
        place(gateway, [release(1, prompt=prompt(("system", "word " * 100 + "{{ customer }}"), customer={}))])
        place(gateway, [release(1, app="plain")])
        counts: list[int] = []
        for name in ("plain", "support"):
            body = {"model": name, "messages": ASK, "variables": {"customer": "Ada"} if name == "support" else {}}
            response = await gateway.client.post("/v1/messages/count_tokens", json=body)
            counts.append(response.json()["input_tokens"])
        body = {"contents": [{"parts": [{"text": "Where is my parcel?"}]}]}
        headers = {"trimtab-variables": '{"customer": "Ada"}'}
        gemini = await gateway.client.post("/v1beta/models/support:countTokens", json=body, headers=headers)
        lacking = await gateway.client.post("/v1/messages/count_tokens", json={"model": "support", "messages": ASK})
    assert counts[1] > counts[0] + 90
    assert gemini.json()["totalTokens"] == counts[1]
    assert lacking.status_code == 400
    assert gateway.spool.records == []


@running_loop
async def test_pictures_and_speech_are_not_asked_of_an_app() -> None:
    async with upstream(answers(WHOLE)) as up, running([provider("up", up.port)], []) as gateway:
        place(gateway, [release(1)])
        headers = {"trimtab-provider": "up"}
        body = {"model": "support", "prompt": "a cat"}
        response = await gateway.client.post("/v1/images/generations", json=body, headers=headers)
    assert (response.status_code, told(response)["code"]) == (400, "operation_unsupported"), response.text
    assert up.requests == []


FRONTS: dict[str, tuple[str, dict[str, Any]]] = {
    "openai_chat": ("/v1/chat/completions", {"messages": ASK}),
    "openai_responses": ("/v1/responses", {"input": ASK}),
    "anthropic_messages": ("/v1/messages", {"messages": ASK, "max_tokens": 9}),
    "gemini": ("/v1beta/models/support:generateContent", {"contents": [{"parts": [{"text": ASK[0]["content"]}]}]}),
}


@pytest.mark.parametrize("front", dialects("chat", front=True))
@running_loop
async def test_in_every_dialect_the_release_is_put_over_and_mistakes_are_told(front: str) -> None:
    path, body = FRONTS[front]
    body = body if front == "gemini" else {"model": "support", **body}
    async with upstream(answers(WHOLE)) as up, running([provider("up", up.port)], []) as gateway:
        place(gateway, [release(1, prompt=GREETING, parameters={"temperature": 0.2, "max_tokens": 50})])
        answered = await gateway.client.post(path, json={**body, "variables": {"customer": "Ada"}})
        refused = await gateway.client.post(path, json=body)
        [record] = [each for each in gateway.spool.records if each.outcome == "answer"]
    assert (answered.status_code, answered.headers["trimtab-release"]) == (200, "support r1"), answered.text
    assert "hi" in answered.text
    assert [(m["role"], m["content"]) for m in up.requests[0][1]["messages"]] == [
        ("system", "Be kind to Ada."), ("user", "Where is my parcel?")
    ]  # fmt: skip
    assert (up.requests[0][1]["temperature"], up.requests[0][1]["max_tokens"]) == (0.2, 50)
    assert (record.front, record.app, record.release) == (front, "support", "r1")
    error = DIALECTS.get(front).parse_error(refused.status_code, refused.content, dict(refused.headers))
    assert (error.status, len(up.requests)) == (400, 1)
    assert "'customer' of the prompt 'support' is not given" in error.message

"""The playground over the API: what each model is asked, and what a span was asked before."""

from typing import TYPE_CHECKING, Any

import httpx
import msgspec
import pytest
from house import House

from trimtab.telemetry.fakes import Stored, span_row
from trimtab.telemetry.views import SpanIO

if TYPE_CHECKING:
    from house import Run

AT = "/api/v1/projects/default/playground"
PROMPT = """---
variables: {who: string}
parameters: {temperature: 0.2, max_tokens: 50}
tools: [{type: function, function: {name: find}}]
output_schema: {type: object}
---
@system
Help {{ who }}.
"""
HELLO = [{"role": "user", "content": "Hello"}]


async def asked(client: httpx.AsyncClient, **body: Any) -> list[dict[str, Any]]:
    """The body that each model was asked with."""
    answer = await client.post(f"{AT}/runs", json=body)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/event-stream")
    *events, last = answer.text.removesuffix("\n\n").split("\n\n")
    assert last == ": still here"
    told = [msgspec.json.decode(event.removeprefix("event: delta\ndata: ")) for event in events]
    assert [each["run"] for each in told] == list(range(len(told)))
    return [msgspec.json.decode(each["text"]) for each in told]


def test_each_model_is_asked_the_same_as_the_caller(run: "Run") -> None:
    async def story(house: House) -> None:
        bodies = await asked(house.admin, models=["fast", "slow"], messages=HELLO, parameters={"temperature": 0})
        stream = {"stream": True, "stream_options": {"include_usage": True}}
        assert bodies == [
            {"model": name, "temperature": 0, "messages": HELLO, **stream} for name in ("fast", "slow")
        ]  # fmt: skip
        assert [(slug, model) for slug, model, _ in house.calls] == [("default", "fast"), ("default", "slow")]

    run(story)


def test_variables_go_to_apps_alone(run: "Run") -> None:
    async def story(house: House) -> None:
        lab = {"name": "lab", "base_url": "http://127.0.0.1:9/v1"}
        at = "/api/v1/projects/default"
        assert (await house.admin.post(f"{at}/providers", json=lab)).status_code == 201
        assert (await house.admin.post(f"{at}/models", json={"name": "fast", "provider": "lab"})).status_code == 201
        assert (await house.admin.put(f"{at}/apps/desk", json={"spec": {"route": "fast"}})).status_code == 200
        assert (await house.admin.post(f"{at}/apps/desk/releases", json={})).status_code == 201
        models = ["fast", "desk@r1", "desk", "lab/x"]
        bodies = await asked(house.admin, models=models, messages=HELLO, variables={"x": 1})
        assert [body.get("variables") for body in bodies] == [None, {"x": 1}, {"x": 1}, None]

    run(story)


@pytest.mark.parametrize("saved", [True, False])
def test_a_prompt_comes_first_and_what_is_given_wins_over_its_own(run: "Run", saved: bool) -> None:
    async def story(house: House) -> None:
        admin = house.admin
        if saved:
            made = await admin.post("/api/v1/projects/default/prompts/support/versions", json={"file": PROMPT})
            assert made.status_code == 201
        prompt = {"name": "support", "variables": {"who": "Ada"}, **({} if saved else {"file": PROMPT})}
        [body] = await asked(admin, models=["fast"], prompt=prompt, messages=HELLO, parameters={"max_tokens": 9})
        assert body["messages"] == [{"role": "system", "content": "Help Ada."}, *HELLO]
        assert (body["temperature"], body["max_tokens"]) == (0.2, 9)
        assert body["tools"] == [{"type": "function", "function": {"name": "find"}}]
        assert body["response_format"]["json_schema"]["schema"] == {"type": "object"}
        own = [{"type": "function", "function": {"name": "other"}}]
        [body] = await asked(admin, models=["fast"], prompt=prompt, tools=own, output_schema={"type": "array"})
        assert body["tools"] == own
        assert body["response_format"]["json_schema"]["schema"] == {"type": "array"}

    run(story)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"models": []}, "invalid_request"),
        ({"models": ["a"] * 7}, "invalid_request"),
        ({"models": ["a"], "parameters": {"n": 2}}, "invalid_request"),
        ({"models": ["a"], "parameters": {"stream": False}}, "invalid_request"),
        ({"models": ["a"], "prompt": {"name": "none"}}, "not_found"),
        ({"models": ["a"], "prompt": {"name": "p", "file": "{{ x }}"}}, "prompt_variable"),
        ({"models": ["a"], "prompt": {"name": "p", "file": "---\nname: q\n---\nHi"}}, "prompt_invalid"),
    ],
)
def test_what_cannot_be_asked_is_refused_before_any_model_is(run: "Run", body: dict[str, Any], code: str) -> None:
    async def story(house: House) -> None:
        answer = await house.admin.post(f"{AT}/runs", json=body)
        assert (answer.status_code // 100, answer.json()["code"]) == (4, code), answer.text
        assert house.calls == []

    run(story)


# --- a span, opened ---


async def opened(house: House, **io: Any) -> httpx.Response:
    """A span of the trace ``t`` with that content."""
    project = house.holder.current.access.projects["default"].id
    told: dict[str, Any] = {"captured": True, "input": [], "output": [], "tools": [], "params": {}}
    told |= {"trace_id": "t", "span_id": "s", "raw_request": None, "raw_response": None, "truncated": False}
    more = {name: io.pop(name) for name in ("app", "release") if name in io}
    found = SpanIO(**{**told, **io})
    row = msgspec.structs.replace(span_row("t", "s", model="upstream-1"), provider="lab", **more)
    house.reader.stored.append(Stored(project=project, row=row, io=found))
    return await house.admin.get(f"{AT}/spans/t/s")


def test_a_span_is_opened_with_what_it_was_asked_and_how_that_is_called_here(run: "Run") -> None:
    async def story(house: House) -> None:
        raw = '{"model":"upstream-1","messages":[{"role":"user","content":"Hi"}],"temperature":0.1}'
        lab = {"name": "lab", "base_url": "http://127.0.0.1:9/v1"}
        unknown = (await opened(house, raw_request=raw, dialect="openai_chat")).json()
        assert (unknown["model"], unknown["callable"]) == ("upstream-1", False)
        assert (await house.admin.post("/api/v1/projects/default/providers", json=lab)).status_code == 201
        known = (await house.admin.get(f"{AT}/spans/t/s")).json()
        assert (known["model"], known["callable"]) == ("lab/upstream-1", True)
        assert known["messages"] == [{"role": "user", "content": "Hi"}]
        assert (known["parameters"], known["tools"], known["notes"]) == ({"temperature": 0.1}, [], [])
        assert (await house.admin.get(f"{AT}/spans/t/none")).status_code == 404

    run(story)


def test_a_span_of_an_app_is_opened_with_the_release_that_answered(run: "Run") -> None:
    async def story(house: House) -> None:
        lab = {"name": "lab", "base_url": "http://127.0.0.1:9/v1"}
        at = "/api/v1/projects/default"
        assert (await house.admin.post(f"{at}/providers", json=lab)).status_code == 201
        assert (await house.admin.put(f"{at}/apps/desk", json={"spec": {"route": "lab/x"}})).status_code == 200
        assert (await house.admin.post(f"{at}/apps/desk/releases", json={})).status_code == 201
        raw = '{"model":"desk","messages":[{"role":"user","content":"Hi"}]}'
        found = (await opened(house, raw_request=raw, dialect="openai_chat", app="desk", release="r1")).json()
        assert (found["model"], found["callable"]) == ("desk@r1", True)
        assert "desk@r1 adds its prompt" in found["notes"][0]

    run(story)


def test_a_span_whose_content_was_not_kept_says_so(run: "Run") -> None:
    async def story(house: House) -> None:
        answer = await opened(house, captured=False)
        assert (answer.status_code, answer.json()["code"]) == (404, "no_content")
        assert "settings" in answer.json()["fix"]

    run(story)

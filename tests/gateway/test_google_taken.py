"""Calls of other dialects reach Google's models written so that these take them, by the whole gateway: the simulated
Gemini API and Vertex AI refuse what the real ones refuse (`simulated/gemini_rules.py`)."""

import asyncio
from typing import Any

import httpx
import pytest
from harness import KEY, Running
from test_vendors import vendor

from trimtab.llm.simulated.app import SimulatedProviders

PNG = "iVBORw0KGgo="
HI: dict[str, Any] = {"role": "user", "content": "Look at both"}
PLACES = {"gemini": "/v1beta", "vertex_project": "/v1/projects/p/locations/global/publishers/google"}
MODELS = ["gemini-2.0-flash", "gemini-2.5-flash", "gemini-3-flash", "gemini-3.7-flash", "gemini-flash-latest"]


def used(tool: str, key: str) -> dict[str, Any]:
    return {"type": "tool_use", "id": key, "name": tool, "input": {"at": key}}


def answered(key: str, *content: dict[str, Any]) -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": key, "content": list(content)}


def words(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def picture(kind: str = "image/png") -> dict[str, Any]:
    return {"type": "image", "source": {"type": "base64", "media_type": kind, "data": PNG}}


LOOK: dict[str, Any] = {"name": "look", "input_schema": {"type": "object", "properties": {"at": {"type": "string"}}}}
TALK: list[dict[str, Any]] = [
    HI,
    {"role": "assistant", "content": [used("look", "a"), used("look", "b")]},
    {
        "role": "user",
        "content": [answered("b", words("rain"), picture()), answered("a", words("sun")), words("And now?")],
    },
]
"""As Claude Code speaks: results in the order in which they were done, one with a picture, and words beside them."""


async def ask(g: Running, path: str, said: dict[str, Any]) -> httpx.Response:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{g.port}", timeout=60) as client:
        return await client.post(path, json={"model": "m"} | said, headers={"authorization": f"Bearer {KEY}"})


async def sent(kind: str, model: str, path: str, said: dict[str, Any]) -> dict[str, Any]:
    """What Google was asked, which it took."""
    given = {"project": "p", "location": "global"} if kind == "vertex_project" else {}
    async with vendor(kind, model, path=PLACES[kind], **given) as (g, app):
        answer = await ask(g, path, said)
        assert answer.status_code == 200, answer.text
        return app.calls[-1].body


async def refused(model: str, path: str, said: dict[str, Any]) -> tuple[dict[str, Any], SimulatedProviders]:
    async with vendor("gemini", model) as (g, app):
        answer = await ask(g, path, said)
        assert answer.status_code == 400, answer.text
        return answer.json()["error"], app


def chat(kind: str, model: str, **said: Any) -> dict[str, Any]:
    return asyncio.run(sent(kind, model, "/v1/chat/completions", {"messages": [HI]} | said))


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("kind", list(PLACES))
def test_results_answer_their_calls_alone_and_in_order(kind: str, model: str) -> None:
    said = {"max_tokens": 100_000, "tools": [LOOK], "messages": TALK}
    body = asyncio.run(sent(kind, model, "/v1/messages", said))
    *_, calls, results, after = body["contents"]
    told = [part["functionResponse"] for part in results["parts"]]
    assert [each["response"] for each in told] == [{"output": "sun"}, {"output": "rain"}]
    assert after["role"] == "user"
    assert after["parts"][-1] == {"text": "And now?"}
    shown = {"inlineData": {"mimeType": "image/png", "data": PNG}}
    before_3 = model in MODELS[:2]
    assert (shown in after["parts"]) == before_3
    assert (told[1].get("parts") == [shown]) == (not before_3)
    ids = [part["functionCall"].get("id") for part in calls["parts"]]
    assert ids == ([None, None] if kind == "vertex_project" and before_3 else ["a", "b"])
    assert [each.get("id") for each in told] == ids


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("kind", list(PLACES))
def test_no_wish_makes_a_call_one_that_the_model_refuses(kind: str, model: str) -> None:
    wishes: dict[str, Any] = {
        "seed": 2**40 + 7,
        "frequency_penalty": 0.5,
        "temperature": 0.3,
        "top_p": 0.9,
        "max_tokens": 200_000,
        "stop": ["a", "b", "c", "d"],
        "reasoning_effort": "minimal",
        "tool_choice": "auto",
        "messages": [{"role": "system", "content": ""}, HI, {"role": "user", "content": ""}],
    }
    body = chat(kind, model, **wishes)
    config = body["generationConfig"]
    assert config["seed"] == 7
    assert ("frequencyPenalty" in config) == (model == MODELS[0])
    assert ("temperature" in config) == (model in MODELS[:3])
    assert config["maxOutputTokens"] == {MODELS[0]: 8192, MODELS[4]: 200_000}.get(model, 65_535)
    assert config.get("thinkingConfig") == {
        MODELS[0]: None,
        MODELS[1]: {"thinkingBudget": 1024},
        MODELS[2]: {"thinkingLevel": "MINIMAL"},
    }.get(model, {"thinkingLevel": "LOW"})
    assert "toolConfig" not in body
    assert "systemInstruction" not in body
    assert body["contents"] == [{"role": "user", "parts": [{"text": "Look at both"}]}]


@pytest.mark.parametrize("model", MODELS)
def test_an_answer_at_the_end_is_followed_by_a_wish_to_go_on_where_it_must(model: str) -> None:
    said = {"max_tokens": 9, "messages": [HI, {"role": "assistant", "content": "It is"}]}
    last = asyncio.run(sent("gemini", model, "/v1/messages", said))["contents"][-1]
    kept = {"role": "model", "parts": [{"text": "It is"}]}
    assert last == (kept if model in MODELS[:3] else {"role": "user", "parts": [{"text": "Go on."}]})


def test_a_conversation_begins_with_words_of_the_user() -> None:
    call = {"id": "a", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    cut = [{"role": "assistant", "tool_calls": [call]}, {"role": "tool", "tool_call_id": "a", "content": "sun"}]
    assert chat("gemini", MODELS[2], messages=cut)["contents"][0] == {"role": "user", "parts": [{"text": "Go on."}]}


def test_schemas_of_pydantic_and_zod_reach_it_as_it_follows_them() -> None:
    node = {"type": "object", "properties": {"next": {"$ref": "#/definitions/Node"}, "kind": {"const": "leaf"}}}
    place = {"type": "object", "properties": {"city": {"type": "string"}}}
    schema = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "properties": {
            "tree": {"$ref": "#/definitions/Node", "description": "the tree"},
            "place": {"allOf": [{"$ref": "#/definitions/Place"}], "description": "where"},
            "unit": {"enum": ["C", "F", None]},
            "sure": {"enum": [True]},
            "many": {"type": "array", "items": {"$ref": "#/definitions/Place"}, "maxItems": 1000},
            "names": {"type": "array", "items": {"type": "string"}, "maxItems": 20},
        },
        "required": ["tree", "gone"],
        "definitions": {"Node": node, "Place": place},
    }
    tool = {"type": "function", "function": {"name": "plant", "parameters": schema}}
    body = chat("gemini", MODELS[2], tools=[tool])
    [found] = body["tools"][0]["functionDeclarations"]
    told = found["parametersJsonSchema"]
    leaf = {"type": "string", "enum": ["leaf"]}
    written = {"type": "object", "properties": {"next": {"$ref": "#/$defs/Node"}, "kind": leaf}}
    assert told == {
        "type": "object",
        "properties": {
            "tree": written | {"description": "the tree"},
            "place": place | {"description": "where"},
            "unit": {"anyOf": [{"type": "string", "enum": ["C", "F"]}, {"type": "null"}]},
            "sure": {"description": "{enum: [true]}"},
            "many": {"type": "array", "items": place, "description": "{maxItems: 1000}"},
            "names": {"type": "array", "items": {"type": "string"}, "maxItems": 20},
        },
        "required": ["tree"],
        "$defs": {"Node": written},
    }
    wanted = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    config = chat("gemini", MODELS[1], response_format=wanted)["generationConfig"]
    assert config["responseJsonSchema"]["$defs"] == {"Node": written}


def test_json_beside_tools_is_asked_of_models_that_have_both() -> None:
    tool = {"type": "function", "function": {"name": "look"}}
    wanted = {"tools": [tool], "response_format": {"type": "json_object"}}
    assert chat("gemini", MODELS[2], **wanted)["generationConfig"] == {"responseMimeType": "application/json"}
    assert "tools" not in chat("gemini", MODELS[1], tool_choice="none", **wanted)


def data_url(kind: str) -> list[dict[str, Any]]:
    return [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": f"data:{kind};base64,{PNG}"}}]}]


DOCX = "data:application/vnd.openxmlformats-officedocument.wordprocessingml.document;base64,UEsDBA=="


@pytest.mark.parametrize(
    ("said", "param"),
    [
        ({"tools": [{"type": "function", "function": {"name": "f"}}], "response_format": {"type": "json_object"}}, ""),
        ({"messages": data_url("image/gif")}, "messages"),
        ({"messages": [{"role": "user", "content": [{"type": "file", "file": {"file_data": DOCX}}]}]}, "messages"),
        ({"tools": [{"type": "function", "function": {"name": f"f{at}"}} for at in range(513)]}, "tools"),
    ],
)
def test_what_the_model_has_no_place_for_is_refused_before_it_is_asked(said: dict[str, Any], param: str) -> None:
    error, app = asyncio.run(refused(MODELS[1], "/v1/chat/completions", {"messages": [HI]} | said))
    assert error["code"] == "unsupported"
    assert error["param"] == (param or "response_format")
    assert ". " in error["message"]  # what is wrong, and a way out
    assert not app.calls


def test_more_stops_than_five_are_refused_in_the_clients_dialect() -> None:
    stops = {"max_tokens": 9, "messages": [HI], "stop_sequences": list("abcdef")}
    error, app = asyncio.run(refused(MODELS[2], "/v1/messages", stops))
    assert "6 stop sequences cannot be translated: this provider takes at most 5." in error["message"]
    assert not app.calls


def test_a_jpg_is_a_jpeg_and_a_table_is_told_in_words() -> None:
    body = chat("gemini", MODELS[2], messages=data_url("image/jpg"))
    assert body["contents"][0]["parts"][0]["inlineData"]["mimeType"] == "image/jpeg"
    table = {"type": "file", "file": {"filename": "t.csv", "file_data": "data:text/csv;base64,YSxi"}}
    body = chat("vertex_project", MODELS[2], messages=[{"role": "user", "content": [table]}])
    assert body["contents"][0]["parts"] == [{"text": '<document name="t.csv">\na,b\n</document>'}]


@pytest.mark.parametrize("role", ["tool", "function", "user"])
@pytest.mark.parametrize("kind", ["gemini", "openai"])
def test_a_functions_response_may_have_the_role_that_googles_readme_gives_it(kind: str, role: str) -> None:
    """``role='tool'`` in the README of google-genai; the newest models know user and model alone."""
    part = {"functionResponse": {"name": "look", "response": {"result": "rain", "role": "tool"}}}
    said: dict[str, Any] = {
        "contents": [
            {"role": "user", "parts": [{"text": "Look"}]},
            {"role": "model", "parts": [{"functionCall": {"name": "look", "args": {}}}]},
            {"role": role, "parts": [part]},
        ],
        "tools": [{"functionDeclarations": [{"name": "look"}]}],
    }

    async def main() -> None:
        model, path = ("gemini-2.5-flash", "/v1beta") if kind == "gemini" else ("gpt-4o-mini", "/v1")
        async with vendor(kind, model, path=path) as (g, app):
            answer = await ask(g, "/v1beta/models/m:generateContent", said)
            assert answer.status_code == 200, answer.text
            body = app.calls[-1].body
            if kind == "gemini":
                assert [content["role"] for content in body["contents"]] == ["user", "model", "user"]
                assert body["contents"][2]["parts"][0]["functionResponse"]["response"]["role"] == "tool"
            else:
                assert body["messages"][-1]["role"] == "tool"

    asyncio.run(main())

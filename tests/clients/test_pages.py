"""The pages of docs/clients do what they say: their own snippets, run by the real clients, and the traces left."""

import re
from concurrent.futures import Future, wait
from typing import Any

import pages
import pytest
from live import Live

HELLO = re.escape("You asked: Say hello. The small tab turns the great rudder — naïvely said. 🌊")
TOOL = r"The tool says: 17 degrees in Oslo"
TRIP = r"city='tide',? days=1\b"
STREAM_HELLO = rf"^{HELLO}\s*(tokens: \d+\s*)?$"

EXPECTED = {
    "First call": rf"^{HELLO}$",
    "Session, user and feature": HELLO,
    "Streaming": STREAM_HELLO,
    "Tools": TOOL,
    "Structured output": TRIP,
    "Thinking": r"^\['thinking', 'text'\]$",
    "Another provider's model": HELLO,
    "Through Anthropic's dialect": HELLO,
    "Through Responses": HELLO,
    "Embeddings": r"^2 vectors",
    "Errors": r"^model_not_found .*Did you mean",
}
"""What a block prints, by its heading; pages whose client prints otherwise are below."""

OTHERWISE = {
    ("anthropic", "Tools"): rf"{TOOL}\n{TOOL}$",
    ("anthropic", "Batches"): r"(?s)^hello-2 You asked: .*hello-0 You asked: .*\nTrue$",
    ("curl", "First call"): rf'"content":"{HELLO}"',
    ("curl", "Streaming"): r'(?s)"content":" rudder".*data: \[DONE\]',
    ("curl", "Tools"): r'"name":"get_weather","arguments":"\{\\"city\\": \\"tide\\"\}"',
    ("dspy", "Streaming"): r"tide$",
    ("google-genai", "Errors"): r"^404 There is no model 'fats' .*Did you mean",
    ("openai", "Through Responses"): rf"heron\n{HELLO}$",
    ("openai-agents", "Through Responses"): rf"{HELLO}\n{TOOL}",
    ("vercel-ai-sdk", "Through Responses"): rf"{HELLO}\n{TOOL}",
    ("instructor", "First call"): TRIP,
    ("instructor", "Session, user and feature"): TRIP,
    ("instructor", "Streaming"): TRIP,
    ("instructor", "Through Anthropic's dialect"): TRIP,
    ("vercel-ai-sdk", "Structured output"): r'^\{"city":"tide","days":1\}$',
    ("vercel-ai-sdk", "Streaming"): rf"^{HELLO}\s+tokens: 23$",
}
pytestmark = pytest.mark.clients
CORE = ("First call", "Session, user and feature", "Streaming")
Runs = dict[str, "Future[dict[str, str]]"]


@pytest.fixture(scope="session")
def traces(server: Live, runs: Runs) -> dict[str, list[dict[str, Any]]]:
    """Every trace that each page left."""
    wait(runs.values())
    server.settled()
    return {name: server.traces(name) for name in runs}


@pytest.mark.parametrize("name", pages.names())
def test_a_page_shows_what_every_page_shows(name: str) -> None:
    headings = pages.read(name).headings()
    assert headings[0] == "First call"
    assert not set(CORE) - set(headings)
    unknown = [h for h in headings if h not in EXPECTED and (name, h) not in OTHERWISE]
    assert unknown == [], "nobody looks at what these blocks print"


@pytest.mark.parametrize("name", pages.names())
def test_the_snippets_of_a_page_print_what_they_should(runs: Runs, name: str) -> None:
    told = runs[name].result()
    for heading in pages.read(name).headings():
        wanted = OTHERWISE.get((name, heading)) or EXPECTED[heading]
        assert re.search(wanted, told[heading].strip()), f"{name}, {heading}: {told[heading]!r}"


@pytest.mark.parametrize("name", pages.names())
def test_every_call_of_a_page_is_in_the_books(traces: dict[str, list[dict[str, Any]]], name: str) -> None:
    rows, headings = traces[name], pages.read(name).headings()
    wrong = sorted(row["error_code"] for row in rows if row["status"] != "ok")
    # The tool runner of Anthropic's client first asks for a conversation that is held.
    assert wrong == ["model_not_found"] * ("Errors" in headings) + ["unsupported"] * (name == "anthropic")
    answered = [row for row in rows if row["status"] == "ok"]
    assert len(answered) >= len([heading for heading in headings if heading != "Errors"])
    # Calls about a batch, which is a row of its own when it is booked: made, read twice, its results, listed.
    about = [row for row in answered if "Batches" in headings and not row["tokens"]["total"]]
    assert len(about) == (5 if "Batches" in headings else 0)
    for row in [row for row in answered if row not in about]:
        assert row["model_used"].startswith(("gpt-4o-mini", "claude-haiku-4-5", "text-embedding-3-small")), row
        assert row["tokens"]["total"] > 0, row
        assert row["cost"] is not None, row
        assert float(row["cost"]) > 0, row
    assert {row["stream"] for row in answered} == {True, False}


@pytest.mark.parametrize("name", pages.names())
def test_session_user_and_feature_are_on_the_trace(traces: dict[str, list[dict[str, Any]]], name: str) -> None:
    marked = [row for row in traces[name] if row["feature"] == "greeting"]
    assert marked
    assert {(row["session"], row["user"]) for row in marked} == {("s-1", "u-7")}

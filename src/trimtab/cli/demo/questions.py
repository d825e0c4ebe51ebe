"""What the demo asks: conversations of a few turns, written by us about our own documentation.

Each conversation is one session of one user in one feature. Its turns are asked one after the other, with what was said
before; several conversations run at once.
"""

from typing import Literal

from msgspec import Struct

Via = Literal["openai", "anthropic"]

LOCAL = "smollm2"
"""The local model's name in the demo's project."""

UNSTEADY = "unsteady"
"""A model whose provider answers 503 to everything; its fallback is the local model."""


class Turn(Struct, frozen=True):
    """``passage`` names the text of `passages.py` the model may answer from."""

    passage: str
    question: str
    stream: bool = True
    max_tokens: int = 48


class Conversation(Struct, frozen=True, kw_only=True):
    session: str
    user: str
    feature: str
    turns: tuple[Turn, ...]
    via: Via = "openai"
    model: str = LOCAL
    tags: tuple[str, ...] = ()


CONVERSATIONS: tuple[Conversation, ...] = (
    Conversation(
        session="first-look-1",
        user="ada",
        feature="docs-assistant",
        tags=("onboarding",),
        turns=(
            Turn("name", "What is a trim tab?"),
            Turn("name", "What does the Trimtab server steer?", stream=False),
            Turn("server", "Which command starts the server?"),
            Turn("server", "Which port does the server listen on?", max_tokens=32),
        ),
    ),
    Conversation(
        session="first-look-2",
        user="grace",
        feature="docs-assistant",
        via="anthropic",
        tags=("onboarding",),
        turns=(
            Turn("server", "Where is everything kept?"),
            Turn("gateway", "What does an application have to change?", stream=False),
            Turn("gateway", "Which official clients does the gateway accept?"),
        ),
    ),
    Conversation(
        session="routing-1",
        user="linus",
        feature="support-chat",
        tags=("routing", "beta"),
        turns=(
            Turn("attempt", "What is the difference between a request and an attempt?", max_tokens=64),
            Turn("attempt", "What does the gateway do when the first attempt fails?"),
            Turn("decision", "What does the decision record say?", stream=False),
        ),
    ),
    Conversation(
        session="outage-1",
        user="linus",
        feature="support-chat",
        model=UNSTEADY,
        tags=("routing", "outage"),
        turns=(
            Turn("attempt", "When does the gateway try the next model?"),
            Turn("decision", "Where is the decision record kept?", stream=False),
            Turn("gateway", "Where does the gateway send each call?"),
        ),
    ),
    Conversation(
        session="outage-2",
        user="margaret",
        feature="support-chat",
        via="anthropic",
        model=UNSTEADY,
        tags=("outage",),
        turns=(
            Turn("spool", "What happens to the record if the server is killed?"),
            Turn("spool", "When is the record of a call written?", stream=False),
        ),
    ),
    Conversation(
        session="traces-1",
        user="barbara",
        feature="trace-explainer",
        turns=(
            Turn("trace", "What is a trace?"),
            Turn("trace", "What does a trace consist of?", stream=False),
            Turn("trace", "What does each span carry?"),
            Turn("session", "What does a session group?"),
        ),
    ),
    Conversation(
        session="traces-2",
        user="alan",
        feature="trace-explainer",
        via="anthropic",
        turns=(
            Turn("session", "Which header names the session?", max_tokens=32),
            Turn("session", "Which header names the end user?", stream=False, max_tokens=32),
        ),
    ),
    Conversation(
        session="money-1",
        user="katherine",
        feature="cost-explainer",
        tags=("finance",),
        turns=(
            Turn("cost", "What is cost computed from?"),
            Turn("cost", "What happens when no price is known?"),
            Turn("cost", "Does the local model have a price?", stream=False),
            Turn("tokens", "Which buckets are tokens counted in?", max_tokens=64),
        ),
    ),
    Conversation(
        session="money-2",
        user="grace",
        feature="cost-explainer",
        via="anthropic",
        tags=("finance",),
        turns=(
            Turn("tokens", "Do the buckets overlap?", stream=False),
            Turn("cost", "What does an entry of the price book say about the local model?"),
        ),
    ),
    Conversation(
        session="safety-1",
        user="dorothy",
        feature="security-desk",
        tags=("security",),
        turns=(
            Turn("keys", "How is the secret of a virtual key stored?"),
            Turn("keys", "What happens to a revoked key?", stream=False),
            Turn("secrets", "How are the keys of providers protected?"),
            Turn("secrets", "Are the keys ever logged?", max_tokens=32),
        ),
    ),
    Conversation(
        session="safety-2",
        user="annie",
        feature="security-desk",
        via="anthropic",
        tags=("security",),
        turns=(
            Turn("project", "What is a project?"),
            Turn("project", "What crosses the boundary of a project?", stream=False),
        ),
    ),
    Conversation(
        session="operations-1",
        user="margaret",
        feature="operator-desk",
        tags=("operations",),
        turns=(
            Turn("doctor", "What does trimtab doctor check?", max_tokens=64),
            Turn("doctor", "What does it say about each problem?", stream=False),
            Turn("server", "Is the server reachable from other machines?"),
            Turn("spool", "What is the spool?"),
        ),
    ),
    Conversation(
        session="privacy-1",
        user="annie",
        feature="operator-desk",
        tags=("security", "operations"),
        turns=(
            Turn("project", "How is the content of calls kept out of the traces?"),
            Turn("keys", "How often is the secret of a key shown?", stream=False, max_tokens=32),
            Turn("server", "What does the server process start beside itself?"),
        ),
    ),
)
"""Forty questions in thirteen conversations: twenty-nine through the `openai` client, eleven through `anthropic`."""

VISITS = (
    "What is a release?",
    "What does a gateway do?",
    "What is a trace?",
    "What is a budget for?",
    "Who may approve a release?",
    "What is a canary?",
    "What is a fallback?",
    "Why keep a ledger?",
)
"""What visitors ask the docs assistant of the second act (`release.py`)."""

"""Asking: each conversation through an official client, as any application would."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from msgspec import Struct

from trimtab.cli.demo.passages import PASSAGES
from trimtab.cli.demo.questions import Conversation, Turn
from trimtab.sdk import anthropic_options, call_headers, openai_options

SYSTEM = "You answer in one short sentence, using only the text you are given."
TIMEOUT_S = 120.0

Message = dict[str, str]


class Answer(Struct, frozen=True, kw_only=True):
    """What a client saw of one call. Times are milliseconds; ``ttft_ms`` is None where nothing was streamed; ``error``
    is empty where the call was answered."""

    conversation: Conversation
    turn: Turn
    text: str
    request_id: str
    trace_id: str
    took_ms: float
    ttft_ms: float | None
    error: str = ""

    @property
    def answered(self) -> bool:
        return not self.error and bool(self.text.strip())


class Visit(Struct, frozen=True, kw_only=True):
    """What a visitor saw of one call of an app: which release answered, as which arm of a rollout (empty: none), and
    how many ``sources`` the answer names."""

    user: str
    question: str
    text: str
    release: str
    variant: str
    sources: int = 0
    error: str = ""


class Heard(Struct):
    """An answer while it is being heard."""

    text: str = ""
    first_ns: int = 0
    request_id: str = ""
    trace_id: str = ""

    def add(self, piece: str) -> None:
        if piece and not self.first_ns:
            self.first_ns = time.perf_counter_ns()
        self.text += piece

    def note(self, headers: Any) -> None:
        self.request_id = headers.get("x-request-id", "")
        self.trace_id = headers.get("trimtab-trace-id", "")


class Asker:
    """The two official clients, pointed at one server with one key."""

    def __init__(self, url: str, key: str) -> None:
        from anthropic import Anthropic
        from openai import OpenAI

        self._stopped = threading.Event()
        # No retries of the clients' own: what the gateway does about a failing provider is what the demo shows.
        self._openai = OpenAI(**openai_options(url, key), max_retries=0, timeout=TIMEOUT_S)
        self._anthropic = Anthropic(**anthropic_options(url, key), max_retries=0, timeout=TIMEOUT_S)

    def stop(self) -> None:
        """Ask and tell nothing more: the server is about to go."""
        self._stopped.set()

    def converse(self, conversation: Conversation, tell: Callable[[Answer], None]) -> list[Answer]:
        """Ask every turn, each with what was said before it; ``tell`` hears of each answer at once. Ends early after
        `stop`."""
        history: list[Message] = []
        answers: list[Answer] = []
        for turn in conversation.turns:
            if self._stopped.is_set():
                break
            history.append({"role": "user", "content": prompt(turn)})
            answer = self._ask(conversation, turn, history)
            history.append({"role": "assistant", "content": answer.text or "I do not know."})
            answers.append(answer)
            if not self._stopped.is_set():
                tell(answer)
        return answers

    def visit(self, app: str, user: str, question: str) -> Visit:
        """One question to an app, by its name: which model answers, with which words, is its release's business."""
        from openai import APIStatusError, OpenAIError

        headers: Any = {}
        text, error = "", ""
        try:
            raw = self._openai.chat.completions.with_raw_response.create(
                model=app,
                messages=[{"role": "user", "content": question}],
                user=user,
                extra_headers=call_headers(feature="docs-assistant", tags=("website",)),
            )
            headers, text = raw.headers, raw.parse().choices[0].message.content or ""
        except OpenAIError as failure:
            error = f"{type(failure).__name__}: {failure}"
            headers = failure.response.headers if isinstance(failure, APIStatusError) else {}
        return Visit(
            user=user,
            question=question,
            text=text,
            release=headers.get("trimtab-release", ""),
            variant=headers.get("trimtab-variant", ""),
            sources=len(json.loads(headers.get("trimtab-sources", "[]"))),
            error=error,
        )

    def _ask(self, conversation: Conversation, turn: Turn, history: list[Message]) -> Answer:
        from anthropic import AnthropicError
        from openai import OpenAIError

        heard = Heard()
        began = time.perf_counter_ns()
        error = ""
        try:
            if conversation.via == "openai":
                self._ask_openai(conversation, turn, history, heard)
            else:
                self._ask_anthropic(conversation, turn, history, heard)
        except (OpenAIError, AnthropicError) as failure:
            error = f"{type(failure).__name__}: {failure}"
        ended = time.perf_counter_ns()
        return Answer(
            conversation=conversation,
            turn=turn,
            text=heard.text,
            request_id=heard.request_id,
            trace_id=heard.trace_id,
            took_ms=(ended - began) / 1e6,
            ttft_ms=(heard.first_ns - began) / 1e6 if turn.stream and heard.first_ns else None,
            error=error,
        )

    def _ask_openai(self, conversation: Conversation, turn: Turn, history: list[Message], heard: Heard) -> None:
        # The user goes in OpenAI's own field here and in a header with Anthropic: both ways are shown.
        messages: Any = [{"role": "system", "content": SYSTEM}, *history]
        options: Any = {"stream_options": {"include_usage": True}} if turn.stream else {}
        raw = self._openai.chat.completions.with_raw_response.create(
            model=conversation.model,
            messages=messages,
            max_tokens=turn.max_tokens,
            temperature=0,
            stream=turn.stream,
            user=conversation.user,
            metadata={"passage": turn.passage},
            extra_headers=call_headers(
                session=conversation.session, feature=conversation.feature, tags=conversation.tags
            ),
            **options,
        )
        heard.note(raw.headers)
        answer: Any = raw.parse()
        for chunk in answer if turn.stream else ():
            if chunk.choices:
                heard.add(chunk.choices[0].delta.content or "")
        if not turn.stream:
            heard.add(answer.choices[0].message.content or "")

    def _ask_anthropic(self, conversation: Conversation, turn: Turn, history: list[Message], heard: Heard) -> None:
        messages: Any = history
        messages_api: Any = self._anthropic.messages.with_raw_response
        raw = messages_api.create(
            model=conversation.model,
            system=SYSTEM,
            messages=messages,
            max_tokens=turn.max_tokens,
            extra_body={"temperature": 0},
            stream=turn.stream,
            extra_headers=call_headers(
                session=conversation.session,
                user=conversation.user,
                feature=conversation.feature,
                tags=conversation.tags,
            ),
        )
        heard.note(raw.headers)
        answer: Any = raw.parse()
        for piece in _anthropic_stream(answer) if turn.stream else (block.text for block in answer.content):
            heard.add(piece)


def prompt(turn: Turn) -> str:
    """The question, for people who read the trace; its text; and the question again, nearest to where a small model
    looks."""
    return f"{turn.question}\n\nText: {PASSAGES[turn.passage]}\n\nAnswer the question: {turn.question}"


def _anthropic_stream(events: Any) -> Iterator[str]:
    for event in events:
        if event.type == "content_block_delta" and event.delta.type == "text_delta":
            yield event.delta.text

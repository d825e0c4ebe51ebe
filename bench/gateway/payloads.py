"""What is asked and what is answered: one place, so that everyone who measures also verifies.

The answers have the shape of OpenAI's Chat Completions (https://platform.openai.com/docs/api-reference/chat), the
text is ours.
"""

import json

MODEL = "gpt-4o-mini"
STREAM_EVENTS = 64
"""Events with a choice in them: role, 62 pieces of text, finish reason. The usage event and `[DONE]` come on top."""

STAMP = b"@00000000000000000000"
"""Where a stamped stream tells when each event was sent: nanoseconds of CLOCK_MONOTONIC, the clock of all processes."""

CALL_MARK = b"the rudder follows the trim tab"
STREAM_MARK = b"landfall-62"
_SYSTEM = "You answer questions about ships for a harbour office. Be brief, be exact, and say so when you do not know."
_QUESTION = "Why does a very small surface at the edge of a rudder turn a very large ship, and who noticed it first?"
_ANSWER = (
    "Because the water does the work: the small surface moves first, pressure on it turns the rudder, and "
    "the rudder follows the trim tab, and the ship follows the rudder."
)


def request_body(model: str, *, stream: bool) -> bytes:
    """The client's request, about 350 bytes; streams ask for their usage, as a client that minds its money does."""
    body: dict[str, object] = {
        "model": model,
        "messages": [{"role": "system", "content": _SYSTEM}, {"role": "user", "content": _QUESTION}],
        "temperature": 0.2,
        "max_tokens": 256,
    }
    if stream:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    return json.dumps(body, separators=(",", ":")).encode()


def messages() -> tuple[str, str]:
    """System text and question, for a peer that is called by function and not by HTTP."""
    return _SYSTEM, _QUESTION


def call_answer() -> bytes:
    """The body of a non-stream answer, about 650 bytes."""
    return json.dumps(
        {
            "id": "chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT",
            "object": "chat.completion",
            "created": 1794816000,
            "model": MODEL,
            "choices": [
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": _ANSWER, "refusal": None, "annotations": []},
                    "logprobs": None,
                    "finish_reason": "stop",
                }
            ],
            "usage": _usage(48, 37),
            "service_tier": "default",
            "system_fingerprint": "fp_50cad350e4",
        },
        separators=(",", ":"),
    ).encode()


def stream_events(*, stamped: bool = False) -> list[bytes]:
    """Every server-sent event of a streamed answer: STREAM_EVENTS with a choice, then usage, then `[DONE]`. With
    ``stamped`` each piece of text holds a `STAMP`."""
    stamp = STAMP.decode() if stamped else ""
    words = [*(f" word{n}{stamp}" for n in range(1, STREAM_EVENTS - 2)), f" {STREAM_MARK.decode()}{stamp}"]
    events = [_choice({"role": "assistant", "content": ""}, None)]
    events += [_choice({"content": word}, None) for word in words]
    events += [_choice({}, "stop")]
    return [*events, _event([], _usage(48, STREAM_EVENTS - 2)), b"data: [DONE]\n\n"]


def _choice(delta: dict[str, str], why: str | None) -> bytes:
    return _event([{"index": 0, "delta": delta, "logprobs": None, "finish_reason": why}], None)


def _event(choices: list[dict[str, object]], usage: dict[str, object] | None) -> bytes:
    body = {
        "id": "chatcmpl-B9MHDbslfkBeAs8l4bebGdFOJ6PeG",
        "object": "chat.completion.chunk",
        "created": 1794816000,
        "model": MODEL,
        "system_fingerprint": "fp_50cad350e4",
        "choices": choices,
        "usage": usage,
    }
    return b"data: " + json.dumps(body, separators=(",", ":")).encode() + b"\n\n"


def _usage(prompt: int, completion: int) -> dict[str, object]:
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0},
    }

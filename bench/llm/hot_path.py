"""What a dialect costs on the hot path, in microseconds: ``python bench/llm/hot_path.py``.

The best of five runs of 50,000, on bodies of about 1 KB and stream events of about 200 bytes, as the vendors send them.
"""

import json
import timeit
from collections.abc import Callable
from typing import Any

from trimtab.llm.dialects import DIALECTS, Dialect, Head, Quirks
from trimtab.llm.sse import SSESplitter

RUNS = 50_000
SYSTEM = "You are a helpful assistant. " * 8
QUESTION = "What is a trim tab? " * 25
ANSWER = "A small surface that turns the great one. " * 20

REQUESTS: dict[str, dict[str, Any]] = {
    "openai_chat": {
        "model": "fast",
        "messages": [{"role": "system", "content": SYSTEM}, {"role": "user", "content": QUESTION}],
        "temperature": 0.2,
        "max_tokens": 256,
        "stream": True,
        "metadata": {"feature": "x"},
    },
    "anthropic_messages": {
        "model": "fast",
        "max_tokens": 256,
        "system": SYSTEM,
        "messages": [{"role": "user", "content": QUESTION}],
        "stream": True,
        "metadata": {"user_id": "u"},
    },
}
ANSWERS: dict[str, dict[str, Any]] = {
    "openai_chat": {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "gpt-4o-mini",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": ANSWER}, "finish_reason": "stop"}],
        "usage": {
            "prompt_tokens": 100,
            "completion_tokens": 50,
            "total_tokens": 150,
            "prompt_tokens_details": {"cached_tokens": 10, "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 5},
        },
    },
    "anthropic_messages": {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude",
        "content": [{"type": "text", "text": ANSWER}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 100, "cache_read_input_tokens": 10, "output_tokens": 50},
    },
}
EVENTS: dict[str, bytes] = {
    "openai_chat": b'data: {"id":"chatcmpl-123456789","object":"chat.completion.chunk","created":1694268190,'
    b'"model":"gpt-4o-mini","system_fingerprint":"fp_44709d6fcb","choices":[{"index":0,"delta":{"content":"Hello"},'
    b'"logprobs":null,"finish_reason":null}],"usage":null}\n\n',
    "anthropic_messages": b"event: content_block_delta\n"
    b'data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hello there, this is text for '
    b'a reader to look at and to enjoy; all of it is about 200 bytes long"}}\n\n',
}


def measure(do: Callable[[], object]) -> float:
    return min(timeit.repeat(do, number=RUNS, repeat=5)) / RUNS * 1e6


def costs_of(dialect: Dialect, body: bytes, answer: bytes, event: bytes) -> dict[str, float]:
    head, quirks = dialect.peek(body), Quirks()
    meter, splitter = dialect.meter(Head(model="m", stream=True)), SSESplitter()
    meter.feed(event)  # from here on the model is speaking
    costs = {
        "peek": measure(lambda: dialect.peek(body)),
        "forward": measure(lambda: dialect.forward(body, head, "renamed", quirks)),
        "glance": measure(lambda: dialect.glance(answer)),
    }
    return costs | {
        "the three": sum(costs.values()),
        "meter, one text event": measure(lambda: meter.feed(event)),
        "splitter, one whole event": measure(lambda: splitter.feed(event)),
    }


def main() -> None:
    for name, request in REQUESTS.items():
        body, answer, event = json.dumps(request).encode(), json.dumps(ANSWERS[name]).encode(), EVENTS[name]
        print(f"{name}: request {len(body)} B, answer {len(answer)} B, event {len(event)} B")
        for what, cost in costs_of(DIALECTS.get(name), body, answer, event).items():
            print(f"  {what:26} {cost:6.2f} us")


if __name__ == "__main__":
    main()

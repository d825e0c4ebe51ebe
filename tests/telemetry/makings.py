"""Records and stores for the tests of this room."""

import itertools
from typing import Any

import msgspec

from trimtab.ledger.types import Cost
from trimtab.llm.types import Usage
from trimtab.telemetry.records import Attempt, CallRecord, Candidate
from trimtab.telemetry.stores import Store, bind
from trimtab.telemetry.views import Window

T0 = 1_790_000_000_000_000_000
"""When the tests' world begins: Unix ns."""
HOUR = 3_600_000_000_000
_numbers = itertools.count(1)


def project() -> str:
    """A project that no other test knows: tests may share a store."""
    return f"project-{next(_numbers)}"


def request(text: str = "Where is my parcel?", **fields: Any) -> bytes:
    messages = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": text}]
    return msgspec.json.encode({"model": "fast", "messages": messages, **fields})


def answer(text: str = "On its way.", *, number: int = 1) -> bytes:
    message = {"role": "assistant", "content": text}
    return msgspec.json.encode(
        {
            "id": f"chatcmpl-{number}",
            "object": "chat.completion",
            "created": 1_750_000_000,
            "model": "gpt-4o-mini-2024",
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
        }
    )


def events(*texts: str, done: bool = True) -> bytes:
    """A streamed answer in OpenAI's dialect."""
    base = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4o-mini-2024"}
    deltas = [{"content": text} for text in texts]
    chunks: list[dict[str, Any]] = [
        {**base, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas
    ]
    if done:
        chunks.append({**base, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    body = b"".join(b"data: " + msgspec.json.encode(chunk) + b"\n\n" for chunk in chunks)
    return body + (b"data: [DONE]\n\n" if done else b"")


def attempt(number: int = 1, **fields: Any) -> Attempt:
    given: dict[str, Any] = {
        "span_id": f"a{number:015x}",
        "provider": "lab",
        "kind": "openai",
        "model": "gpt-4o-mini",
        "dialect": "openai_chat",
        "started_ns": T0 + 1_000_000,
        "ended_ns": T0 + 90_000_000,
        "status": 200,
        "usage": Usage(input=10, output=5),
        "cost": Cost(amount=4_500_000, price="genai-prices/1:openai/gpt-4o-mini"),
        "response": answer(number=number),
        "response_id": f"chatcmpl-{number}",
        "model_used": "gpt-4o-mini-2024",
        "stop": "stop",
    }
    return Attempt(**{**given, **fields})


def record(number: int = 1, **fields: Any) -> CallRecord:
    """A plain answered call; its ids follow from ``number``."""
    given: dict[str, Any] = {
        "request_id": f"{number:032x}",
        "trace_id": f"{number:032x}",
        "span_id": f"{number:016x}",
        "project": "p",
        "key_id": "key_1",
        "front": "openai_chat",
        "model": "fast",
        "started_ns": T0,
        "ended_ns": T0 + 100_000_000,
        "request": request(),
        "attempts": (attempt(number),),
        "decision": (Candidate(model="fast", provider="lab", verdict="chosen", reason="first in line"),),
    }
    return CallRecord(**{**given, **fields})


def count(store: Store, table: str, project: str) -> int:
    sql = f"SELECT count() FROM {table} WHERE project = {{project:String}}"
    return msgspec.json.decode(store.query(sql, bind({"project": project})), type=list[int])[0]


def day() -> Window:
    return Window(start=(T0 - 24 * HOUR) // 1_000_000, end=(T0 + HOUR) // 1_000_000)
